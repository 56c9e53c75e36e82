//! Why a datagram did not come back as it was sent.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use super::ping::DatagramPing;
use crate::client::error::{ConnectError, no_way};
use crate::error::{Cause, CauseKind, Origin};

/// Why a datagram was no echo.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum DatagramError {
    /// There is no way to any address, or no address at all.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// No datagram over that family has so many bytes. Nothing was sent.
    #[error("{length} bytes are too many for a datagram to {peer}, which has at most {most}")]
    TooLarge {
        /// The server.
        peer: SocketAddr,
        /// The bytes that were to be sent.
        length: usize,
        /// How many a datagram can have.
        most: usize,
    },
    /// This host could not send it.
    #[error("cannot send a datagram to {peer}")]
    Here {
        /// The server.
        peer: SocketAddr,
        /// What the system said.
        #[source]
        source: Cause,
    },
    /// ICMP says that it did not arrive.
    #[error("the datagram to {peer} did not arrive, says {}", said_by(*by))]
    Undelivered {
        /// The server.
        peer: SocketAddr,
        /// Who said so, where it is known.
        by: Option<IpAddr>,
        /// The longest packet that the next link takes, if that was the matter.
        mtu: Option<u32>,
        /// What it means.
        #[source]
        source: Cause,
    },
    /// Nothing came back in time.
    #[error("no reply from {peer} within {after:?}")]
    Timeout {
        /// The server.
        peer: SocketAddr,
        /// The timeout.
        after: Duration,
    },
    /// Only its beginning came back.
    #[error("reply from {peer} is truncated: {returned} of {sent} bytes came back")]
    Truncated {
        /// The server.
        peer: SocketAddr,
        /// Bytes sent.
        sent: usize,
        /// Bytes that came back.
        returned: usize,
    },
    /// Other bytes came back.
    #[error("reply from {peer} differs at byte {offset}: {sent} bytes sent, {returned} came back")]
    Mismatch {
        /// The server.
        peer: SocketAddr,
        /// The number of bytes before the first that differs.
        offset: usize,
        /// Bytes sent.
        sent: usize,
        /// Bytes that came back.
        returned: usize,
    },
    /// The reply came from an address that was not asked.
    #[error("{peer} was asked, but the reply came from {from}")]
    Foreign {
        /// The server.
        peer: SocketAddr,
        /// Where it came from.
        from: SocketAddr,
    },
}

/// Says whether somebody on the way, or this host of its own network, says that none leads there.
fn is_no_way(cause: &Cause) -> bool {
    use std::io::ErrorKind::{HostUnreachable, NetworkUnreachable, PermissionDenied};
    matches!(cause.kind(), HostUnreachable | NetworkUnreachable | PermissionDenied)
}

fn said_by(by: Option<IpAddr>) -> String {
    by.map_or_else(|| "the system".to_owned(), |by| by.to_string())
}

impl DatagramError {
    /// The error of `length` bytes that no datagram to `peer` can have.
    #[must_use]
    pub fn too_large(peer: SocketAddr, length: usize) -> Self {
        Self::TooLarge { peer, length, most: DatagramPing::most(peer) }
    }

    /// What kind of thing went wrong.
    #[must_use]
    pub fn cause(&self) -> CauseKind {
        match self {
            Self::Connect(error) => error.cause(),
            Self::TooLarge { .. } => CauseKind::Usage,
            Self::Here { .. } => CauseKind::Here,
            Self::Undelivered { source, .. } => match source.kind() {
                std::io::ErrorKind::ConnectionRefused => CauseKind::Refused,
                _ => CauseKind::Unreachable,
            },
            Self::Timeout { .. } => CauseKind::Timeout,
            Self::Truncated { .. } => CauseKind::Truncated,
            Self::Mismatch { .. } => CauseKind::Mismatch,
            Self::Foreign { .. } => CauseKind::Foreign,
        }
    }

    /// The server; `None` if there was no way to one.
    #[must_use]
    pub fn peer(&self) -> Option<SocketAddr> {
        match self {
            Self::Connect(error) => error.likeliest().map(|(address, _)| address),
            Self::TooLarge { peer, .. }
            | Self::Here { peer, .. }
            | Self::Undelivered { peer, .. }
            | Self::Timeout { peer, .. }
            | Self::Truncated { peer, .. }
            | Self::Mismatch { peer, .. }
            | Self::Foreign { peer, .. } => Some(*peer),
        }
    }

    /// The likely fix, as a phrase, where one can be told.
    #[must_use]
    pub fn help(&self) -> Option<String> {
        Some(match self {
            Self::Connect(error) => return error.help(),
            Self::Undelivered { source, .. }
                if source.kind() == std::io::ErrorKind::ConnectionRefused =>
            {
                "nothing listens on that UDP port, or a firewall rejects it".to_owned()
            }
            Self::Undelivered { peer, by, source, .. } if is_no_way(source) => {
                let origin = if by.is_some() { Origin::Network } else { Origin::Host };
                no_way(*peer, &source.clone().said_by(origin))
            }
            Self::Timeout { .. } => {
                "the datagram or its reply may be lost, or UDP filtered, or not served".to_owned()
            }
            Self::Truncated { .. } => {
                "the server may receive into a buffer that is too short".to_owned()
            }
            Self::Foreign { .. } => {
                "the server answers from another of its addresses: have it listen on the one \
                 that is asked"
                    .to_owned()
            }
            Self::TooLarge { .. }
            | Self::Here { .. }
            | Self::Undelivered { .. }
            | Self::Mismatch { .. } => return None,
        })
    }
}

/// What a program needs to know: the kind, a sentence for people, and the numbers.
#[cfg(feature = "serde")]
impl serde::Serialize for DatagramError {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(serde::Serialize)]
        struct Failure {
            cause: CauseKind,
            error: String,
            #[serde(skip_serializing_if = "Option::is_none")]
            sent_bytes: Option<usize>,
            #[serde(skip_serializing_if = "Option::is_none")]
            returned_bytes: Option<usize>,
            #[serde(skip_serializing_if = "Option::is_none")]
            offset: Option<usize>,
            #[serde(skip_serializing_if = "Option::is_none")]
            from: Option<SocketAddr>,
            #[serde(skip_serializing_if = "Option::is_none")]
            by: Option<IpAddr>,
            #[serde(skip_serializing_if = "Option::is_none")]
            mtu: Option<u32>,
        }
        let mut failure = Failure {
            cause: self.cause(),
            error: crate::error::chain(self),
            sent_bytes: None,
            returned_bytes: None,
            offset: None,
            from: None,
            by: None,
            mtu: None,
        };
        match *self {
            Self::Truncated { sent, returned, .. } => {
                failure.sent_bytes = Some(sent);
                failure.returned_bytes = Some(returned);
            }
            Self::Mismatch { offset, sent, returned, .. } => {
                failure.sent_bytes = Some(sent);
                failure.returned_bytes = Some(returned);
                failure.offset = Some(offset);
            }
            Self::Foreign { from, .. } => failure.from = Some(from),
            Self::Undelivered { by, mtu, .. } => {
                failure.by = by;
                failure.mtu = mtu;
            }
            Self::Connect(_) | Self::TooLarge { .. } | Self::Here { .. } | Self::Timeout { .. } => {
            }
        }
        failure.serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use std::io::{self, ErrorKind};

    use super::*;

    #[test]
    fn who_says_that_a_datagram_does_not_arrive_says_what_to_look_for() {
        let peer = "192.0.2.9:7".parse().unwrap();
        for (kind, help) in [
            (ErrorKind::ConnectionRefused, Some("nothing listens on that UDP port")),
            (ErrorKind::HostUnreachable, Some("the host does not answer on its own network")),
            (
                ErrorKind::NetworkUnreachable,
                Some("a router on the way says that there is no route"),
            ),
            (ErrorKind::PermissionDenied, Some("a firewall on the way")),
            (ErrorKind::Other, None),
        ] {
            let source = io::Error::from(kind).into();
            let (by, mtu) = (Some("192.0.2.1".parse().unwrap()), None);
            let said = DatagramError::Undelivered { peer, by, mtu, source }.help();
            assert_eq!(said.is_some(), help.is_some(), "{kind}: {said:?}");
            assert!(said.unwrap_or_default().starts_with(help.unwrap_or_default()), "{kind}");
        }
        let source = io::Error::from(ErrorKind::NetworkUnreachable).into();
        let here = DatagramError::Undelivered { peer, by: None, mtu: None, source };
        assert!(here.help().unwrap().starts_with("this host has no route there"), "{here}");
    }
}
