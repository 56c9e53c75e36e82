//! A client in, the addresses that are said of it out.

use std::net::{SocketAddr, SocketAddrV6};

use super::clients::Client;
use crate::address::canonical;

/// Both ends of a client's connection, and the balancer between, if there is one.
pub(super) struct Ends {
    pub(super) peer: SocketAddr,
    pub(super) local: SocketAddr,
    pub(super) via: Option<SocketAddr>,
}

impl Ends {
    pub(super) fn of(client: &Client) -> Self {
        let real = canonical(client.peer().into());
        // getsockname(2) fails for sockets that are not bound, and this one is.
        let local = client.socket.get_ref().local_addr().map_or(real, canonical);
        match client.announced().map(|peer| canonical(peer.into())) {
            Some(peer) if peer != real => Self { peer, local, via: Some(real) },
            _ => Self { peer: real, local, via: None },
        }
    }
}

/// The form in which an address of either family is an IPv6 one; [`canonical`] turns it back.
pub(super) fn mapped(address: SocketAddr) -> SocketAddrV6 {
    match address {
        SocketAddr::V4(v4) => SocketAddrV6::new(v4.ip().to_ipv6_mapped(), v4.port(), 0, 0),
        SocketAddr::V6(v6) => v6,
    }
}
