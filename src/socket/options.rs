//! What a caller wants of its listeners in, the addresses to bind out.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use socket2::{Domain, Protocol, Socket, Type};

use super::ListenError;
use crate::address::{Endpoint, Families, Host};

/// How [`listen`](super::listen) sets up its sockets.
#[derive(Clone, Copy, Debug, Default)]
pub struct ListenOptions {
    pub(super) families: Families,
    pub(super) reuse_port: bool,
}

impl ListenOptions {
    /// Restricts the listeners to one family: with [`Families::Ipv6`], `[::]:7000` refuses IPv4.
    #[must_use]
    pub fn families(self, families: Families) -> Self {
        Self { families, ..self }
    }

    /// Lets several processes listen on the same address (`SO_REUSEPORT`): on Linux the kernel then
    /// spreads the connections over them. All of them must ask for it. Unix only: elsewhere,
    /// [`listen`](super::listen) then fails.
    #[must_use]
    pub fn reuse_port(self, reuse_port: bool) -> Self {
        Self { reuse_port, ..self }
    }

    /// The addresses of `endpoint` that are of the wanted families.
    pub(super) fn addresses(self, endpoint: &Endpoint) -> Result<Vec<SocketAddr>, ListenError> {
        let mut addresses = match endpoint.host() {
            Host::Any => vec![self.any(endpoint.port())],
            _ => endpoint
                .resolve()
                .map_err(|source| ListenError::Resolve { endpoint: endpoint.clone(), source })?,
        };
        addresses.retain(|&address| self.families.contain(address));
        if addresses.is_empty() {
            return Err(ListenError::Family {
                endpoint: endpoint.clone(),
                families: self.families,
            });
        }
        Ok(addresses)
    }

    fn any(self, port: u16) -> SocketAddr {
        if self.families == Families::Ipv4 || (self.families == Families::Both && !has_ipv6()) {
            SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), port)
        } else {
            SocketAddr::new(Ipv6Addr::UNSPECIFIED.into(), port)
        }
    }
}

/// Says whether the kernel makes IPv6 sockets. One that makes none of either family is short of
/// something, which says nothing about IPv6.
pub(super) fn has_ipv6() -> bool {
    let makes = |domain| Socket::new(domain, Type::STREAM, Some(Protocol::TCP)).is_ok();
    makes(Domain::IPV6) || !makes(Domain::IPV4)
}
