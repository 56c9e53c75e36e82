//! Why an exchange was no echo.

use std::net::SocketAddr;
use std::time::Duration;

use super::connect::ConnectError;
use crate::client::excerpt::{Excerpt, Protocol};
use crate::client::traffic::Traffic;
use crate::error::{Cause, CauseKind};

/// Why an exchange was no echo.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SendError {
    /// No address accepted a connection.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// send(2) or recv(2) failed: the connection is gone.
    #[error("connection to {peer} lost after {returned} of {sent} bytes came back")]
    Lost {
        /// The server.
        peer: SocketAddr,
        /// Bytes sent.
        sent: u64,
        /// Bytes that had come back.
        returned: u64,
        /// What the system said.
        #[source]
        source: Cause,
    },
    /// Nothing moved for as long as the timeout says.
    #[error(
        "no progress with {peer} for {after:?}: {}",
        if *returned == *sent {
            format!("all {sent} bytes came back, but the server does not close")
        } else {
            format!("{returned} of {sent} bytes came back")
        }
    )]
    Timeout {
        /// The server.
        peer: SocketAddr,
        /// Bytes sent.
        sent: u64,
        /// Bytes that had come back.
        returned: u64,
        /// The timeout.
        after: Duration,
    },
    /// The server ended the stream too early.
    #[error(
        "{}",
        if *returned == *sent {
            closed_early(*peer, *sent)
        } else {
            format!("reply from {peer} is short: {returned} of {sent} bytes came back")
        }
    )]
    Short {
        /// The server.
        peer: SocketAddr,
        /// Bytes sent.
        sent: u64,
        /// Bytes that came back.
        returned: u64,
    },
    /// A byte came back changed.
    #[error(
        "reply from {peer} differs at byte {offset}: sent {expected:#04x}, got {got:#04x}{}",
        behind_comma(instead.as_ref())
    )]
    Mismatch {
        /// The server.
        peer: SocketAddr,
        /// The number of bytes before it.
        offset: u64,
        /// The byte that was sent.
        expected: u8,
        /// The byte that came back.
        got: u8,
        /// How the reply begins, if it is no echo from the start.
        instead: Option<Excerpt>,
    },
    /// More came back than was sent.
    #[error(
        "{}",
        if *sent > 0 {
            format!("reply from {peer} is longer than the {sent} bytes sent")
        } else {
            format!("{peer} speaks before anything is sent to it")
        } + &behind_comma(instead.as_ref())
    )]
    Surplus {
        /// The server.
        peer: SocketAddr,
        /// Bytes sent.
        sent: u64,
        /// What came on top of them.
        instead: Option<Excerpt>,
    },
    /// What came back first is the PROXY header that was sent first: the server does not read it.
    #[error("{peer} echoed the PROXY header")]
    HeaderReturned {
        /// The server.
        peer: SocketAddr,
        /// How the reply begins.
        instead: Excerpt,
    },
    /// The bytes to send could not be read.
    #[error("cannot read the input")]
    Input(#[source] Cause),
    /// The bytes that came back could not be written.
    #[error("cannot write the output")]
    Output(#[source] Cause),
}

/// What came instead, behind what is wrong with it.
fn behind_comma(instead: Option<&Excerpt>) -> String {
    instead.map_or_else(String::new, |instead| format!(", {instead}"))
}

/// Says whether a reply begins as what was sent, as far as both are known. Four bytes alike are too few:
/// a server may begin with two ends of lines, as a header of version 2 does.
fn begins_alike(reply: &[u8], sent: &[u8]) -> bool {
    let common = reply.len().min(sent.len());
    common > 4 && reply[..common] == sent[..common]
}

fn closed_early(peer: SocketAddr, sent: u64) -> String {
    match sent {
        0 => format!("{peer} closed the connection before anything was sent"),
        _ => format!("{peer} closed the connection: the {sent} bytes sent so far came back"),
    }
}

/// Why a server accepts a connection and ends it before the first byte is back.
const CLOSED_TO_US: &str =
    "a limit or a rule of the server, a proxy without a server behind it, or no echo server";

/// The same, if bytes were on their way.
const CLOSED_OR_CUT: &str = "a limit or a rule of the server, a proxy without a server behind it, no \
                             echo server, or one that drops what is under way when the client shuts \
                             its sending side";

impl SendError {
    /// What kind of thing went wrong.
    #[must_use]
    pub fn cause(&self) -> CauseKind {
        match self {
            Self::Connect(error) => error.cause(),
            Self::Lost { source, .. } => source.cause(),
            Self::Timeout { .. } => CauseKind::Timeout,
            Self::Short { .. } => CauseKind::Short,
            Self::Mismatch { .. } | Self::Surplus { .. } | Self::HeaderReturned { .. } => {
                CauseKind::Mismatch
            }
            Self::Input(_) => CauseKind::Input,
            Self::Output(_) => CauseKind::Output,
        }
    }

    /// What came instead of an echo, if something did.
    #[must_use]
    pub fn instead(&self) -> Option<&Excerpt> {
        match self {
            Self::Mismatch { instead, .. } | Self::Surplus { instead, .. } => instead.as_ref(),
            Self::HeaderReturned { instead, .. } => Some(instead),
            Self::Connect(_)
            | Self::Lost { .. }
            | Self::Timeout { .. }
            | Self::Short { .. }
            | Self::Input(_)
            | Self::Output(_) => None,
        }
    }

    /// How many bytes had gone each way, if the exchange ended early.
    #[must_use]
    pub fn traffic(&self) -> Option<Traffic> {
        match *self {
            Self::Lost { sent, returned, .. }
            | Self::Timeout { sent, returned, .. }
            | Self::Short { sent, returned, .. } => Some(Traffic { sent, returned }),
            Self::Connect(_)
            | Self::Mismatch { .. }
            | Self::Surplus { .. }
            | Self::HeaderReturned { .. }
            | Self::Input(_)
            | Self::Output(_) => None,
        }
    }

    /// The same error, or what it comes from if the `header` that was sent first, or the beginning of
    /// it, came back in the place of an echo.
    pub(in crate::client) fn or_header(self, header: &[u8]) -> Self {
        match self {
            Self::Mismatch { peer, instead: Some(instead), .. }
            | Self::Surplus { peer, instead: Some(instead), .. }
                if begins_alike(instead.bytes(), header) =>
            {
                Self::HeaderReturned { peer, instead }
            }
            other => other,
        }
    }

    /// How many bytes had gone each way, if the server ended the connection before all was back. If it
    /// closes, that is a reset if bytes are there that it has not read, and else the end of the stream:
    /// timing decides.
    #[must_use]
    pub fn cut_off(&self) -> Option<Traffic> {
        let ended = matches!(self.cause(), CauseKind::Short | CauseKind::Reset);
        self.traffic().filter(|_| ended)
    }

    /// The server, or of several that did not accept the [`likeliest`](ConnectError::likeliest).
    /// `None` if it was not the network that failed.
    #[must_use]
    pub fn peer(&self) -> Option<SocketAddr> {
        match self {
            Self::Connect(error) => error.likeliest().map(|(address, _)| address),
            Self::Lost { peer, .. }
            | Self::Timeout { peer, .. }
            | Self::Short { peer, .. }
            | Self::Mismatch { peer, .. }
            | Self::Surplus { peer, .. }
            | Self::HeaderReturned { peer, .. } => Some(*peer),
            Self::Input(_) | Self::Output(_) => None,
        }
    }

    /// Who answered instead of an echo server, if it can be told.
    fn protocol(&self) -> Option<Protocol> {
        self.instead().and_then(Excerpt::protocol)
    }

    /// The likely fix, as a phrase, where one can be told.
    #[must_use]
    pub fn help(&self) -> Option<String> {
        if let Some(Traffic { sent, returned }) = self.cut_off() {
            let said = match (sent, returned) {
                (0, 0) => Some(CLOSED_TO_US),
                (_, 0) => Some(CLOSED_OR_CUT),
                _ if sent > returned => Some(
                    "the server may drop what is under way when the client shuts its sending side",
                ),
                _ => None,
            };
            return said.map(str::to_owned);
        }
        Some(match self {
            Self::Connect(error) => return error.help(),
            Self::Timeout { sent, returned, .. } if sent == returned => {
                "the server may not see that the client shut its sending side".to_owned()
            }
            Self::Timeout { returned: 0, .. } => {
                "the server may be late, hang, or not be an echo server".to_owned()
            }
            Self::Mismatch { .. } | Self::Surplus { .. } if self.protocol().is_some() => {
                "another service listens there: is it the right port?".to_owned()
            }
            Self::Mismatch { .. } | Self::Surplus { .. } => {
                "is it an echo server? something on the way may rewrite the stream".to_owned()
            }
            Self::HeaderReturned { .. } => {
                "the server echoes the PROXY header instead of reading it".to_owned()
            }
            _ => return None,
        })
    }
}

/// What a program needs to know: the kind, a sentence for people, and the numbers.
#[cfg(feature = "serde")]
impl serde::Serialize for SendError {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(serde::Serialize)]
        struct Failure {
            cause: CauseKind,
            error: String,
            #[serde(skip_serializing_if = "Option::is_none")]
            sent_bytes: Option<u64>,
            #[serde(skip_serializing_if = "Option::is_none")]
            returned_bytes: Option<u64>,
            #[serde(skip_serializing_if = "Option::is_none")]
            offset: Option<u64>,
            #[serde(skip_serializing_if = "Option::is_none")]
            expected: Option<u8>,
            #[serde(skip_serializing_if = "Option::is_none")]
            got: Option<u8>,
            #[serde(skip_serializing_if = "Option::is_none")]
            instead: Option<String>,
            #[serde(skip_serializing_if = "Option::is_none")]
            protocol: Option<Protocol>,
        }
        let traffic = self.traffic();
        let mut failure = Failure {
            cause: self.cause(),
            error: crate::error::chain(self),
            sent_bytes: traffic.map(|traffic| traffic.sent),
            returned_bytes: traffic.map(|traffic| traffic.returned),
            offset: None,
            expected: None,
            got: None,
            instead: self.instead().map(Excerpt::escaped),
            protocol: self.protocol(),
        };
        match *self {
            Self::Mismatch { offset, expected, got, .. } => {
                failure.offset = Some(offset);
                failure.expected = Some(expected);
                failure.got = Some(got);
            }
            Self::Surplus { sent, .. } => failure.sent_bytes = Some(sent),
            Self::Connect(_)
            | Self::Lost { .. }
            | Self::Timeout { .. }
            | Self::Short { .. }
            | Self::HeaderReturned { .. }
            | Self::Input(_)
            | Self::Output(_) => {}
        }
        failure.serialize(serializer)
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for ConnectError {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        SendError::Connect(self.clone()).serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[test]
    fn a_header_that_comes_back_is_not_a_server_that_speaks_first() {
        let peer = "127.0.0.1:7".parse().unwrap();
        let (v1, v2) =
            (&b"PROXY TCP4 127.0.0.1 127.0.0.1 1 2\r\n"[..], b"\r\n\r\n\0\r\nQUIT\n \0\0\0");
        for (header, reply, returned) in [
            (v1, v1, true),
            (v1, &b"PROXY"[..], true), // the first piece of it
            (v1, b"PROX", false),
            (v1, b"PROXY TCP6 ", false),
            (v1, b"220 mail ESMTP", false),
            (v2, v2, true),
            (v2, b"\r\n\r\n\0\r\nQUIT\n \0\0\0hello", true),
            (v2, b"\r\n\r\n", false),
            (b"", v1, false), // no header was sent
        ] {
            let instead = Excerpt::of(reply);
            for error in [
                SendError::Surplus { peer, sent: 0, instead: instead.clone() },
                SendError::Mismatch { peer, offset: 0, expected: 1, got: reply[0], instead },
            ] {
                let is_header =
                    |error: &SendError| matches!(error, SendError::HeaderReturned { .. });
                assert_eq!(is_header(&error.clone().or_header(header)), returned, "{error}");
            }
        }
        let other = SendError::Short { peer, sent: 5, returned: 0 };
        assert_eq!(other.clone().or_header(v1), other);
    }

    #[test]
    fn a_server_that_closes_is_explained_alike_if_that_is_a_reset_or_the_end_of_the_stream() {
        let peer = "127.0.0.1:7".parse().unwrap();
        let lost = |sent, returned, kind: io::ErrorKind| {
            let source = io::Error::from(kind).into();
            SendError::Lost { peer, sent, returned, source }
        };
        for (sent, returned, help) in [
            (0, 0, Some(CLOSED_TO_US)),
            (5, 0, Some(CLOSED_OR_CUT)),
            (5, 3, Some("the server may drop")),
            (5, 5, None),
        ] {
            let short = SendError::Short { peer, sent, returned };
            for error in [short, lost(sent, returned, io::ErrorKind::ConnectionReset)] {
                assert_eq!(error.cut_off(), Some(Traffic { sent, returned }));
                let said = error.help();
                assert_eq!(said.is_some(), help.is_some(), "{error}: {said:?}");
                assert!(said.unwrap_or_default().starts_with(help.unwrap_or_default()), "{error}");
            }
        }
        let unreachable = lost(5, 0, io::ErrorKind::HostUnreachable);
        assert_eq!((unreachable.cut_off(), unreachable.help()), (None, None));
    }
}
