//! Why an address could not be bound, and what a person can do about it.

use std::io::ErrorKind;
use std::net::SocketAddr;

use crate::address::{Endpoint, Families, ResolveError, is_unzoned_link_local};
use crate::error::Cause;

/// Why [`listen`](super::listen) could not bind an address.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ListenError {
    /// A name or a zone has no address.
    #[error("cannot listen on {endpoint}")]
    Resolve {
        /// The endpoint as it was given.
        endpoint: Endpoint,
        /// Why it has no address.
        #[source]
        source: ResolveError,
    },
    /// The endpoint has no address of the wanted family.
    #[error("cannot listen on {endpoint}: not an {families} address")]
    Family {
        /// The endpoint as it was given.
        endpoint: Endpoint,
        /// The one family that was asked for.
        families: Families,
    },
    /// socket(2) knows no IPv6: the kernel runs without it.
    #[error("cannot listen on {address}: this host has no IPv6")]
    NoIpv6 {
        /// The address that was to be bound.
        address: SocketAddr,
    },
    /// The port is taken by another of the listeners that were asked for: one of the two is on every
    /// address.
    #[error("cannot listen on {address}: {by} already has that port")]
    Covered {
        /// The address that was to be bound.
        address: SocketAddr,
        /// The listener that was bound before.
        by: SocketAddr,
    },
    /// No connection can be made to the address: it is for multicast or broadcast.
    #[error("cannot listen on {address}: nobody can connect to it ({purpose})")]
    NoClients {
        /// The address that was to be bound.
        address: SocketAddr,
        /// What it is for, by the registries of special-purpose addresses.
        purpose: &'static str,
    },
    /// bind(2), listen(2) or one of the socket options before them failed.
    #[error("cannot listen on {address}")]
    Bind {
        /// The address that was to be bound.
        address: SocketAddr,
        /// What the system said.
        #[source]
        source: Cause,
    },
}

/// Why this host does not have an address that it was just given.
pub(crate) const NEW_IPV6_ADDRESS: &str = "or it is new: IPv6 checks for a duplicate first, which \
     takes a second or two (RFC 4862, section 5.4)";

impl ListenError {
    /// The likely fix, as a phrase, where one can be told.
    #[must_use]
    pub fn help(&self) -> Option<String> {
        Some(match self {
            Self::Resolve { source, .. } => source.help(),
            Self::Family { families, .. } => {
                format!("leave the restriction to {families} out, or give an {families} address")
            }
            Self::NoIpv6 { address } => {
                let port = address.port();
                format!("write 0.0.0.0:{port} for IPv4, or :{port} for whatever the host has")
            }
            Self::Covered { address, by } if address.is_ipv4() && by.is_ipv6() => {
                format!("leave one of the two out, or restrict {by} to IPv6")
            }
            Self::NoClients { address, .. } => {
                format!("give an address of this host, or :{} for all of them", address.port())
            }
            Self::Covered { .. } => "leave one of the two out".to_owned(),
            Self::Bind { address, source } => match source.kind() {
                ErrorKind::AddrInUse if address.port() == 0 => {
                    "no port is left of those that the system gives out: wait until some are free, \
                     or choose one"
                        .to_owned()
                }
                ErrorKind::AddrInUse => {
                    "another program listens there: stop it, or choose another port".to_owned()
                }
                ErrorKind::PermissionDenied if (1..1024).contains(&address.port()) => format!(
                    "ports below 1024 need root or CAP_NET_BIND_SERVICE: try port {}",
                    7000 + address.port() % 1000
                ),
                ErrorKind::AddrNotAvailable if address.is_ipv6() => {
                    format!("no interface has the address, {NEW_IPV6_ADDRESS}")
                }
                ErrorKind::AddrNotAvailable => {
                    "no interface of this host has the address".to_owned()
                }
                ErrorKind::InvalidInput if is_unzoned_link_local(*address) => {
                    format!("name the interface: [{}%eth0]:{}", address.ip(), address.port())
                }
                _ => return None,
            },
        })
    }
}
