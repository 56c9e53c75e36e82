//! What a caller wants of its listeners in, the addresses to bind out.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use socket2::{Domain, Protocol, Socket, Type};

use super::ListenError;
use crate::address::{Endpoint, Families, Host};

/// How [`listen`](super::listen) sets up its sockets.
#[derive(Clone, Copy, Debug)]
pub struct ListenOptions {
    pub(super) families: Families,
    pub(super) reuse_port: bool,
    pub(super) receive_buffer: usize,
    pub(super) copy_marks: bool,
}

/// Linux's default, 208 KiB, holds 256 datagrams of 64 bytes, and what comes beyond is lost. 4 MiB,
/// which is where `net.core.rmem_max` often ends, hold 10,000.
const RECEIVE_BUFFER: usize = 4 * 1024 * 1024;

impl Default for ListenOptions {
    fn default() -> Self {
        Self {
            families: Families::default(),
            reuse_port: false,
            receive_buffer: RECEIVE_BUFFER,
            copy_marks: false,
        }
    }
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

    /// Sets how many bytes of datagrams may wait in the kernel (`SO_RCVBUF`), as far as the system
    /// lets it. 4 MiB unless set. For UDP sockets only.
    #[must_use]
    pub fn receive_buffer(self, bytes: usize) -> Self {
        Self { receive_buffer: bytes, ..self }
    }

    /// Reads the TOS or traffic class of each datagram, so that a reply has it too: with its ECN
    /// bits (RFC 3168) and its DSCP (RFC 2474). It costs 5 to 8 % of the speed. For UDP sockets on
    /// Linux only; elsewhere binding one then fails.
    #[must_use]
    pub fn copy_marks(self, copy: bool) -> Self {
        Self { copy_marks: copy, ..self }
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

    /// What to bind, in order: the addresses of all `endpoints`, each once, and the families that the
    /// socket of each serves.
    pub(super) fn plan(
        self,
        endpoints: &[Endpoint],
    ) -> Result<Vec<(SocketAddr, Families)>, ListenError> {
        let mut plan = Vec::new();
        for endpoint in endpoints {
            for address in self.addresses(endpoint)? {
                if address.port() == 0 || !plan.contains(&address) {
                    plan.push(address);
                }
            }
        }
        let families = |address: SocketAddr| {
            let ipv4_too = SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), address.port());
            match Families::of(address) {
                Families::Ipv6 if !address.ip().is_unspecified() => Families::Ipv6,
                Families::Ipv6 if address.port() != 0 && plan.contains(&ipv4_too) => Families::Ipv6,
                Families::Ipv6 => self.families,
                families => families,
            }
        };
        Ok(plan.iter().map(|&address| (address, families(address))).collect())
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
