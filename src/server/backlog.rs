//! A listener that accepts nobody: its backlog is full, so that a connect neither succeeds nor fails.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use socket2::{Domain, SockRef, Socket, Type};

use crate::socket::Listener;

/// The connections that fill a backlog. They are closed when this is dropped.
#[derive(Debug)]
pub(super) struct Full {
    _clients: Vec<Socket>,
}

/// The shortest backlog, in which Linux has room for one connection.
const SHORTEST: i32 = 0;

/// More connections than any system has room for in the shortest backlog. Those that do not fit wait
/// for room that never comes.
const ENOUGH: usize = 8;

/// Shortens the backlog (listen(2), a second time) and fills it, without waiting.
///
/// Windows resets what it has no room for: there a connect fails instead.
///
/// # Errors
///
/// If a socket cannot be had, or is no listener.
pub(super) fn fill(listener: &Listener) -> io::Result<Full> {
    let socket: SockRef<'_> = listener.socket();
    socket.listen(SHORTEST)?;
    let address = reachable(listener.address());
    let clients: io::Result<Vec<Socket>> = (0..ENOUGH)
        .map(|_| {
            let client = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
            client.set_nonblocking(true)?;
            let _ = client.connect(&address.into()); // in progress, or already done
            Ok(client)
        })
        .collect();
    Ok(Full { _clients: clients? })
}

/// An address of this host at which a listener that is bound to `address` hears.
fn reachable(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        address.set_ip(match address {
            SocketAddr::V4(_) => IpAddr::V4(Ipv4Addr::LOCALHOST),
            SocketAddr::V6(_) => IpAddr::V6(Ipv6Addr::LOCALHOST),
        });
    }
    address
}
