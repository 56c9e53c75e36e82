//! A peer and options in, a UDP socket of a client out: what comes to it, from whom, when and with
//! which marks, and what the network said of what it sent.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};

use crate::address::Families;

#[cfg(target_os = "linux")]
#[path = "caller/linux.rs"]
mod system;
#[cfg(not(target_os = "linux"))]
#[path = "caller/portable.rs"]
mod system;

pub(crate) use system::{complaint, receive};

/// How a client's socket is set up.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct CallerOptions {
    /// The local address, on a port that the system chooses.
    pub(crate) source: Option<IpAddr>,
    /// The TOS or traffic class of what is sent.
    pub(crate) marks: Option<u8>,
    /// Neither this host nor a router may fragment what is sent (Linux).
    pub(crate) whole: bool,
    /// Nothing is told beside the bytes and their sender: a load asks for no more, and the time stamp
    /// of each datagram costs.
    #[cfg_attr(not(target_os = "linux"), allow(dead_code))] // elsewhere every receive is plain
    pub(crate) plain: bool,
}

/// What comes with a datagram.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Received {
    /// Who sent it: it need not be the one that was asked.
    pub(crate) from: SocketAddr,
    pub(crate) length: usize,
    /// The datagram was longer than the buffer.
    pub(crate) cut: bool,
    pub(crate) marks: Option<u8>,
    /// The TTL or hop limit that was left.
    pub(crate) ttl: Option<u8>,
    /// How long the kernel has had it.
    pub(crate) age: Duration,
    /// How many datagrams have found no room in the receive buffer so far.
    pub(crate) dropped: Option<u32>,
}

/// What an ICMP message, or this host itself, says of a datagram that was sent.
#[derive(Debug)]
pub(crate) struct Complaint {
    /// The error that it stands for.
    pub(crate) error: io::Error,
    /// Who said so; none is this host.
    pub(crate) by: Option<IpAddr>,
    /// How long an IP packet may be on that way, if that was the matter.
    pub(crate) mtu: Option<u32>,
    /// How much of the datagram is in the buffer.
    pub(crate) length: usize,
}

/// As a server's: what is full here looks like loss on the way.
const RECEIVE_BUFFER: usize = 4 * 1024 * 1024;

/// Makes a socket that calls `peer`. It is not connected, so that also an answer from another
/// address is heard. Its port is another than the peer's: on the same host it would hear itself, and
/// a server leaves what comes from its own port unanswered.
pub(crate) fn open(peer: SocketAddr, options: CallerOptions) -> io::Result<UdpSocket> {
    let socket = bound(peer, options)?;
    if socket.local_addr()?.port() != peer.port() {
        return Ok(socket);
    }
    // While it is held, the next one is given another port.
    bound(peer, options)
}

fn bound(peer: SocketAddr, options: CallerOptions) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::for_address(peer), Type::DGRAM, Some(Protocol::UDP))?;
    let unspecified = match peer {
        SocketAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        SocketAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    };
    let source = options.source.unwrap_or(unspecified);
    let scope = match peer {
        SocketAddr::V6(peer) => peer.scope_id(),
        SocketAddr::V4(_) => 0,
    };
    let source = match source {
        // A link-local source is one only on its interface, which is the peer's.
        IpAddr::V6(ip) if ip.is_unicast_link_local() => {
            std::net::SocketAddrV6::new(ip, 0, 0, scope).into()
        }
        ip => SocketAddr::new(ip, 0),
    };
    if peer.is_ipv6() {
        socket.set_only_v6(Families::of(peer) == Families::Ipv6)?;
    }
    let _ = socket.set_recv_buffer_size(RECEIVE_BUFFER);
    if let Some(marks) = options.marks {
        system::mark(&socket, peer, marks)?;
    }
    system::prepare(&socket, peer, options)?;
    socket.bind(&source.into())?;
    Ok(socket.into())
}

/// The local address that leads to `peer`, or why none does (connect(2) on a UDP socket sends
/// nothing).
pub(crate) fn route(peer: SocketAddr, source: Option<IpAddr>) -> io::Result<IpAddr> {
    let socket = open(peer, CallerOptions { source, ..CallerOptions::default() })?;
    socket.connect(peer)?;
    Ok(socket.local_addr()?.ip())
}
