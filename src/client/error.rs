//! What can go wrong between a client and its server.

use std::fmt;
use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use super::attempt::Attempt;
use super::excerpt::{Excerpt, Protocol};
use super::traffic::Traffic;
use crate::address::{AddressError, Families, ResolveError, is_unzoned_link_local};
use crate::error::{Cause, CauseKind, Origin};

/// Why there is no connection.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum ConnectError {
    /// The target is no address.
    Address(AddressError),
    /// The target has no address.
    Resolve(ResolveError),
    /// No address accepted a connection.
    NoneAccepts {
        /// How the attempts ended, in their order; empty only if no address was given.
        attempts: Vec<Attempt>,
        /// The local end that was asked for.
        source: Option<IpAddr>,
    },
}

impl ConnectError {
    /// How the attempts ended, in their order.
    #[must_use]
    pub fn attempts(&self) -> &[Attempt] {
        match self {
            Self::NoneAccepts { attempts, .. } => attempts,
            Self::Address(_) | Self::Resolve(_) => &[],
        }
    }

    /// The attempt that got furthest, which says most: a host that refuses is there, one that does
    /// not answer may be, and where there is no way, there was never a chance.
    #[must_use]
    pub fn likeliest(&self) -> Option<(SocketAddr, &Cause)> {
        let failed = self.attempts().iter().rev().filter_map(|attempt| {
            let cause = attempt.outcome.failure()?;
            Some((attempt.address, cause))
        });
        failed.max_by_key(|(_, cause)| match cause.cause() {
            CauseKind::Refused | CauseKind::Reset => 2,
            CauseKind::Timeout => 1,
            _ => 0,
        })
    }

    /// What kind of thing went wrong: with several addresses, at the
    /// [`likeliest`](Self::likeliest) one.
    #[must_use]
    pub fn cause(&self) -> CauseKind {
        match self {
            Self::Address(_) => CauseKind::Usage,
            Self::Resolve(error) => error.cause(),
            Self::NoneAccepts { .. } => {
                self.likeliest().map_or(CauseKind::Usage, |(_, cause)| cause.cause())
            }
        }
    }

    /// The likely fix, as a phrase, where one can be told.
    #[must_use]
    pub fn help(&self) -> Option<String> {
        let source = match self {
            Self::Address(error) => return Some(error.help().to_owned()),
            Self::Resolve(error) => return Some(error.help()),
            Self::NoneAccepts { source, .. } => *source,
        };
        let (address, cause) = self.likeliest()?;
        Some(match cause.kind() {
            ErrorKind::ConnectionRefused => {
                "nothing listens there, or a firewall rejects the connection".to_owned()
            }
            ErrorKind::TimedOut => {
                "a firewall may drop the packets, the host may be down, or the accept queue of the \
                 server may be full"
                    .to_owned()
            }
            ErrorKind::AddrNotAvailable => match source {
                Some(source) => {
                    format!("no interface of this host has the source address {source}")
                }
                None => format!(
                    "this host has no {} address to connect from, or no port left to do so",
                    Families::of(address)
                ),
            },
            ErrorKind::NetworkUnreachable
            | ErrorKind::HostUnreachable
            | ErrorKind::PermissionDenied => no_way(address, cause),
            ErrorKind::InvalidInput if is_unzoned_link_local(address) => {
                format!("name the interface: [{}%eth0]:{}", address.ip(), address.port())
            }
            _ if cause.is_unknown_protocol() => {
                "the host, or a firewall in its place, answers that it knows no TCP".to_owned()
            }
            _ => return None,
        })
    }
}

/// Why there is no way, by who says so: this host, or somebody on the way.
fn no_way(address: SocketAddr, cause: &Cause) -> String {
    let family = Families::of(address);
    match (cause.kind(), cause.origin()) {
        (_, Some(Origin::Host)) if address.ip().is_multicast() => {
            "this is a multicast address, and TCP connects to one host".to_owned()
        }
        (ErrorKind::NetworkUnreachable, Some(Origin::Host)) => {
            format!("this host has no route there: does it have {family} connectivity?")
        }
        (ErrorKind::NetworkUnreachable, Some(Origin::Network)) => {
            "a router on the way says that there is no route, while this host has one: traceroute \
             shows which router"
                .to_owned()
        }
        (ErrorKind::NetworkUnreachable, None) => {
            format!("this host or a router has no route there: is there {family} connectivity?")
        }
        (_, Some(Origin::Host)) => {
            "a route of this host forbids it: see \"ip route get\"".to_owned()
        }
        (ErrorKind::PermissionDenied, _) => {
            "a firewall on the way, or this host's own, prohibits it: traceroute marks the one on \
             the way with !X, nft lists this host's"
                .to_owned()
        }
        _ => "the host does not answer on its own network, or a firewall on the way says so: \
             traceroute marks the one with !H, the other with !X"
            .to_owned(),
    }
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(error) => error.fmt(f),
            Self::Resolve(error) => error.fmt(f),
            Self::NoneAccepts { attempts, .. } => match &attempts[..] {
                [] => f.write_str("no address to connect to"),
                [attempt] => write!(f, "cannot connect to {}", attempt.address),
                attempts => {
                    f.write_str("cannot connect to")?;
                    for (index, Attempt { address, outcome }) in attempts.iter().enumerate() {
                        let comma = if index == 0 { "" } else { "," };
                        write!(f, "{comma} {address} ({outcome})")?;
                    }
                    Ok(())
                }
            },
        }
    }
}

impl std::error::Error for ConnectError {
    /// The cause, if there was one address.
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Address(error) => error.source(),
            Self::Resolve(error) => error.source(),
            Self::NoneAccepts { attempts, .. } => match &attempts[..] {
                [attempt] => attempt.outcome.failure().map(|cause| cause as _),
                _ => None,
            },
        }
    }
}

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

fn closed_early(peer: SocketAddr, sent: u64) -> String {
    match sent {
        0 => format!("{peer} closed the connection before anything was sent"),
        _ => format!("{peer} closed the connection: the {sent} bytes sent so far came back"),
    }
}

impl SendError {
    /// What kind of thing went wrong.
    #[must_use]
    pub fn cause(&self) -> CauseKind {
        match self {
            Self::Connect(error) => error.cause(),
            Self::Lost { source, .. } => source.cause(),
            Self::Timeout { .. } => CauseKind::Timeout,
            Self::Short { .. } => CauseKind::Short,
            Self::Mismatch { .. } | Self::Surplus { .. } => CauseKind::Mismatch,
            Self::Input(_) => CauseKind::Input,
            Self::Output(_) => CauseKind::Output,
        }
    }

    /// What came instead of an echo, if something did.
    #[must_use]
    pub fn instead(&self) -> Option<&Excerpt> {
        match self {
            Self::Mismatch { instead, .. } | Self::Surplus { instead, .. } => instead.as_ref(),
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
            | Self::Input(_)
            | Self::Output(_) => None,
        }
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
            | Self::Surplus { peer, .. } => Some(*peer),
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
        Some(match self {
            Self::Connect(error) => return error.help(),
            Self::Timeout { sent, returned, .. } if sent == returned => {
                "the server may not see that the client shut its sending side".to_owned()
            }
            Self::Timeout { returned: 0, .. } => {
                "the server may be late, hang, or be no echo server".to_owned()
            }
            Self::Short { sent, returned: 0, .. } if *sent > 0 => {
                "it may be no echo server, or drop what is under way when the client shuts its \
                 sending side"
                    .to_owned()
            }
            Self::Short { sent, returned, .. } if sent > returned => {
                "the server may drop what is under way when the client shuts its sending side"
                    .to_owned()
            }
            Self::Mismatch { .. } | Self::Surplus { .. } if self.protocol().is_some() => {
                "another service listens there: is it the right port?".to_owned()
            }
            Self::Mismatch { .. } | Self::Surplus { .. } => {
                "is it an echo server? something on the way may rewrite the stream".to_owned()
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
    use super::*;
    use crate::client::attempt::Outcome;

    #[test]
    fn a_host_that_refuses_says_more_than_one_without_a_way_to_it() {
        let attempt = |address: &str, kind: ErrorKind| {
            let cause = Cause::from(std::io::Error::from(kind));
            Attempt { address: address.parse().unwrap(), outcome: Outcome::Failed(cause) }
        };
        let refused = attempt("192.0.2.1:7", ErrorKind::ConnectionRefused);
        let silent = attempt("192.0.2.2:7", ErrorKind::TimedOut);
        let no_way = attempt("[2001:db8::1]:7", ErrorKind::NetworkUnreachable);
        let no_port = attempt("192.0.2.3:7", ErrorKind::AddrNotAvailable);
        for (attempts, cause, help) in [
            (vec![refused.clone(), no_way.clone()], "refused", "nothing listens there"),
            (vec![no_way.clone(), silent.clone(), refused], "refused", "nothing listens there"),
            (vec![silent, no_way.clone()], "timeout", "a firewall may drop"),
            (vec![no_way], "unreachable", "is there IPv6 connectivity?"),
            (vec![no_port], "here", "no port left"),
        ] {
            let error = ConnectError::NoneAccepts { attempts, source: None };
            assert!(error.help().unwrap().contains(help), "{error}: {:?}", error.help());
            assert_eq!(error.cause().code(), cause, "{error}");
        }
    }

    #[test]
    fn who_says_that_there_is_no_way_decides_what_that_means() {
        use ErrorKind::{HostUnreachable, NetworkUnreachable, PermissionDenied};
        let (host, network) = (Some(Origin::Host), Some(Origin::Network));
        for (address, kind, origin, help) in [
            ("[2001:db8::1]:7", NetworkUnreachable, host, "this host has no route there"),
            ("[2001:db8::1]:7", NetworkUnreachable, network, "a router on the way says"),
            ("[2001:db8::1]:7", NetworkUnreachable, None, "this host or a router"),
            ("224.0.0.1:7", NetworkUnreachable, host, "a multicast address"),
            ("192.0.2.1:7", HostUnreachable, host, "a route of this host forbids it"),
            ("192.0.2.1:7", HostUnreachable, network, "does not answer on its own network, or a"),
            ("192.0.2.1:7", PermissionDenied, host, "a route of this host forbids it"),
            ("[2001:db8::1]:7", PermissionDenied, network, "a firewall on the way, or this host's"),
            ("[2001:db8::1]:7", PermissionDenied, None, "a firewall on the way, or this host's"),
        ] {
            let cause = Cause::from(std::io::Error::from(kind));
            let cause = match origin {
                Some(origin) => cause.said_by(origin),
                None => cause,
            };
            let said = no_way(address.parse().unwrap(), &cause);
            assert!(said.contains(help), "{address} {kind:?} {origin:?}: {said}");
        }
    }
}
