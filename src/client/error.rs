//! What can go wrong between a client and its server.

use std::fmt;
use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use super::exchange::Traffic;
use crate::address::{Families, is_unzoned_link_local};
use crate::error::Cause;

/// No address accepted a connection.
#[derive(Debug)]
pub struct ConnectError {
    /// What became of each address, in the order in which they were tried; never empty, unless no
    /// address was given.
    pub(super) attempts: Vec<(SocketAddr, Cause)>,
    /// The local end that was asked for.
    pub(super) source: Option<IpAddr>,
}

impl ConnectError {
    /// What became of each address, in the order in which they were tried.
    #[must_use]
    pub fn attempts(&self) -> &[(SocketAddr, Cause)] {
        &self.attempts
    }

    /// The attempt that got furthest, which says most: a host that refuses is there, one that does
    /// not answer may be, and where there is no way, there was never a chance.
    #[must_use]
    pub fn likeliest(&self) -> Option<&(SocketAddr, Cause)> {
        self.attempts.iter().rev().max_by_key(|(_, cause)| match cause.kind() {
            kind if kind == ErrorKind::ConnectionRefused || cause.is_reset() => 2,
            ErrorKind::TimedOut => 1,
            _ => 0,
        })
    }

    /// The likely fix, as a phrase, where one can be told.
    #[must_use]
    pub fn help(&self) -> Option<String> {
        let (address, cause) = self.likeliest()?;
        Some(match cause.kind() {
            ErrorKind::ConnectionRefused => {
                format!("nothing listens there: start a server with \"echo6 listen {address}\"")
            }
            ErrorKind::TimedOut => {
                "a firewall may drop the packets, or the host may be down".to_owned()
            }
            ErrorKind::AddrNotAvailable if self.source.is_some() => {
                let source = self.source?;
                format!("no interface of this host has the source address {source}")
            }
            ErrorKind::AddrNotAvailable => format!(
                "this host has no {} address to connect from, or no port left to do so",
                Families::of(*address)
            ),
            ErrorKind::NetworkUnreachable => format!(
                "this host has no route there: does it have {} connectivity?",
                Families::of(*address)
            ),
            ErrorKind::HostUnreachable => "is the host up, and on this network?".to_owned(),
            ErrorKind::InvalidInput if is_unzoned_link_local(*address) => {
                format!("name the interface: [{}%eth0]:{}", address.ip(), address.port())
            }
            _ => return None,
        })
    }
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.attempts[..] {
            [] => f.write_str("no address to connect to"),
            [(address, _)] => write!(f, "cannot connect to {address}"),
            attempts => {
                f.write_str("cannot connect to")?;
                for (index, (address, cause)) in attempts.iter().enumerate() {
                    let comma = if index == 0 { "" } else { "," };
                    write!(f, "{comma} {address} ({cause})")?;
                }
                Ok(())
            }
        }
    }
}

impl std::error::Error for ConnectError {
    /// The cause, if there was one address.
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.attempts[..] {
            [(_, cause)] => Some(cause),
            _ => None,
        }
    }
}

/// Why an exchange was no echo.
#[derive(Debug, thiserror::Error)]
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
            format!("{peer} closes too early, when the {sent} bytes sent so far are back")
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
    #[error("reply from {peer} differs at byte {offset}: sent {expected:#04x}, got {got:#04x}")]
    Mismatch {
        /// The server.
        peer: SocketAddr,
        /// The number of bytes before it.
        offset: u64,
        /// The byte that was sent.
        expected: u8,
        /// The byte that came back.
        got: u8,
    },
    /// More came back than was sent.
    #[error(
        "{}",
        if *sent > 0 {
            format!("reply from {peer} is longer than the {sent} bytes sent")
        } else {
            format!("{peer} speaks before anything is sent to it")
        }
    )]
    Surplus {
        /// The server.
        peer: SocketAddr,
        /// Bytes sent.
        sent: u64,
    },
    /// The bytes to send could not be read.
    #[error("cannot read the input")]
    Input(#[source] Cause),
    /// The bytes that came back could not be written.
    #[error("cannot write the output")]
    Output(#[source] Cause),
}

impl SendError {
    /// How many bytes had gone each way, if the exchange ended early.
    #[must_use]
    pub fn traffic(&self) -> Option<Traffic> {
        match *self {
            Self::Lost { sent, returned, .. }
            | Self::Timeout { sent, returned, .. }
            | Self::Short { sent, returned, .. } => Some(Traffic { sent, returned }),
            _ => None,
        }
    }

    /// The server, or of several that did not accept the [`likeliest`](ConnectError::likeliest).
    /// `None` if it was not the network that failed.
    #[must_use]
    pub fn peer(&self) -> Option<SocketAddr> {
        match self {
            Self::Connect(error) => error.likeliest().map(|(address, _)| *address),
            Self::Lost { peer, .. }
            | Self::Timeout { peer, .. }
            | Self::Short { peer, .. }
            | Self::Mismatch { peer, .. }
            | Self::Surplus { peer, .. } => Some(*peer),
            Self::Input(_) | Self::Output(_) => None,
        }
    }

    /// The likely fix, as a phrase, where one can be told.
    #[must_use]
    pub fn help(&self) -> Option<String> {
        Some(match self {
            Self::Connect(error) => return error.help(),
            Self::Timeout { sent, returned, .. } if sent == returned => {
                "the server may not see that the client shut its sending side".to_owned()
            }
            Self::Timeout { peer, returned: 0, .. } => format!(
                "\"echo6 check {peer}\" tells a late server from one that hangs, or does not echo"
            ),
            Self::Short { sent, returned, .. } if sent > returned => {
                "the server may drop what is under way when the client shuts its sending side"
                    .to_owned()
            }
            Self::Mismatch { .. } | Self::Surplus { .. } => {
                "is it an echo server? something on the way may rewrite the stream".to_owned()
            }
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_that_refuses_says_more_than_one_without_a_way_to_it() {
        let attempt = |address: &str, kind: ErrorKind| {
            (address.parse().unwrap(), Cause::from(std::io::Error::from(kind)))
        };
        let refused = attempt("192.0.2.1:7", ErrorKind::ConnectionRefused);
        let silent = attempt("192.0.2.2:7", ErrorKind::TimedOut);
        let no_way = attempt("[2001:db8::1]:7", ErrorKind::NetworkUnreachable);
        for (attempts, help) in [
            (vec![refused.clone(), no_way.clone()], "nothing listens there"),
            (vec![no_way.clone(), silent.clone(), refused], "nothing listens there"),
            (vec![silent, no_way.clone()], "a firewall may drop"),
            (vec![no_way], "does it have IPv6 connectivity?"),
        ] {
            let error = ConnectError { attempts, source: None };
            assert!(error.help().unwrap().contains(help), "{error}: {:?}", error.help());
        }
    }
}
