//! What std tells about a datagram: its bytes and its sender.

use std::io::{self, ErrorKind};
use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

use socket2::Socket;

use super::{CallerOptions, Complaint, Received};

/// What must be sent whole cannot be asked for here.
pub(super) fn prepare(_: &Socket, _: SocketAddr, options: CallerOptions) -> io::Result<()> {
    if options.whole { Err(ErrorKind::Unsupported.into()) } else { Ok(()) }
}

/// Sets the TOS of what is sent.
pub(super) fn mark(socket: &Socket, peer: SocketAddr, marks: u8) -> io::Result<()> {
    match peer {
        SocketAddr::V4(_) => socket.set_tos_v4(marks.into()),
        SocketAddr::V6(_) => Err(ErrorKind::Unsupported.into()),
    }
}

/// Receives a datagram that is here.
pub(crate) fn receive(socket: &UdpSocket, buffer: &mut [u8]) -> io::Result<Received> {
    let (length, from) = socket.recv_from(buffer)?;
    let (marks, ttl, dropped) = (None, None, None);
    Ok(Received { from, length, cut: false, marks, ttl, age: Duration::ZERO, dropped })
}

/// There is no queue of errors.
pub(crate) fn complaint<S>(_: &S, _: &mut [u8]) -> io::Result<Complaint> {
    Err(ErrorKind::WouldBlock.into())
}
