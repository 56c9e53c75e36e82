//! Why there is no connection.

use std::fmt;
use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr};

use crate::address::{AddressError, Families, ResolveError, is_unzoned_link_local};
use crate::client::attempt::{Attempt, Outcome};
use crate::error::{Cause, CauseKind, Origin};
use crate::socket::NEW_IPV6_ADDRESS;

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
    /// The only address, and why there is no way to it.
    pub(in crate::client) fn of_one(
        address: SocketAddr,
        cause: Cause,
        source: Option<IpAddr>,
    ) -> Self {
        let attempts = vec![Attempt { address, outcome: Outcome::Failed(cause) }];
        Self::NoneAccepts { attempts, source }
    }

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
                    let missing =
                        format!("no interface of this host has the source address {source}");
                    let new = format!("{missing}, {NEW_IPV6_ADDRESS}");
                    if source.is_ipv6() { new } else { missing }
                }
                None if address.is_ipv6() => "this host has no IPv6 address to connect from, none \
                     that has been there for a second or two, or no port left to do so"
                    .to_owned(),
                None => "this host has no IPv4 address to connect from, or no port left to do so"
                    .to_owned(),
            },
            ErrorKind::NetworkUnreachable
            | ErrorKind::HostUnreachable
            | ErrorKind::PermissionDenied => no_way(address, cause),
            ErrorKind::InvalidInput if is_unzoned_link_local(address) => {
                format!("name the interface: [{}%eth0]:{}", address.ip(), address.port())
            }
            _ if cause.is_unknown_protocol() => {
                "the host, or a firewall in its place, answers that it does not support TCP"
                    .to_owned()
            }
            _ => return None,
        })
    }
}

/// Why there is no way, by who says so: this host, or somebody on the way.
pub(in crate::client) fn no_way(address: SocketAddr, cause: &Cause) -> String {
    let family = Families::of(address);
    match (cause.kind(), cause.origin()) {
        (_, Some(Origin::Host)) if address.ip().is_multicast() => {
            "this is a multicast address, and an echo client asks one host".to_owned()
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
        _ => "the host does not answer on its own network, or a firewall on the way rejects it: \
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
