//! Datagrams without control messages: the kernel chooses the address that a reply comes from.

use std::io::{self, ErrorKind};
use std::net::UdpSocket;

use socket2::Socket;

use super::{Arrival, Control, STRIDE};

/// Asks for no control messages.
pub(super) fn prepare(_: &Socket, control: Control) -> io::Result<Control> {
    if control.marks {
        return Err(ErrorKind::Unsupported.into());
    }
    Ok(Control { asked: false, ..control })
}

/// One datagram.
pub(crate) struct Inbox {
    buffer: Box<[u8]>,
    arrival: Option<Arrival>,
}

impl Inbox {
    /// How many datagrams one call receives at most.
    pub(crate) const ROOM: usize = 1;

    pub(crate) fn new() -> Self {
        Self { buffer: vec![0; STRIDE].into_boxed_slice(), arrival: None }
    }

    /// Receives a datagram that waits in the kernel.
    pub(crate) fn receive(&mut self, socket: &UdpSocket, _: Control, _: usize) -> io::Result<()> {
        self.arrival = None;
        let (length, peer) = socket.recv_from(&mut self.buffer)?;
        self.arrival = Some(Arrival { peer, asked: None, marks: None, length, truncated: false });
        Ok(())
    }

    /// The datagram of the last call.
    pub(crate) fn arrivals(&self) -> impl ExactSizeIterator<Item = (&Arrival, &[u8])> {
        self.arrival.iter().map(|arrival| (arrival, &self.buffer[..arrival.length]))
    }
}

/// Sends `bytes` back to where they came from.
pub(crate) fn reply(socket: &UdpSocket, arrival: &Arrival, bytes: &[u8]) -> io::Result<()> {
    socket.send_to(bytes, arrival.peer).map(drop)
}

/// How many datagrams the kernel dropped of each socket, which is not known here.
pub(crate) struct Drops;

impl Drops {
    pub(crate) fn read() -> Self {
        Self
    }

    pub(crate) fn of<S>(&self, _: &S) -> Option<u64> {
        None
    }
}
