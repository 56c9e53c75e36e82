//! The answers of a socket that has faults: they wait here until they are to be sent, if they are.

use std::io;
use std::net::UdpSocket;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use crate::address::Endpoint;
use crate::fault::{DatagramFaults, DatagramQueue, Dealt};
use crate::socket::{Arrival, DatagramSocket, ListenOptions, listen_datagrams, reply};

/// Which faults the next datagrams get, on whichever socket of the server.
pub(super) type Faults = Arc<Mutex<DatagramFaults>>;

/// What waits to be sent from one socket.
pub(super) struct Dealing {
    faults: Faults,
    queue: DatagramQueue<To>,
    /// A socket like it, on another port, if there is one.
    elsewhere: Option<UdpSocket>,
}

/// Where an answer goes.
#[derive(Clone, Debug)]
struct To(Arrival);

impl PartialEq for To {
    fn eq(&self, other: &Self) -> bool {
        self.0.peer == other.0.peer
    }
}

impl Dealing {
    pub(super) fn new(faults: Faults, socket: &DatagramSocket) -> Self {
        Self { faults, queue: DatagramQueue::default(), elsewhere: beside(socket).ok() }
    }

    /// Takes the answer to a datagram; returns what was dealt to it.
    pub(super) fn take(&mut self, arrival: &Arrival, bytes: &[u8], now: Instant) -> Vec<Dealt> {
        let mut faults = self.faults.lock().unwrap_or_else(PoisonError::into_inner);
        let fate = faults.decide(bytes.len(), now);
        drop(faults);
        self.queue.hold(bytes, To(*arrival), fate)
    }

    /// Sends the next answer that is due, from `socket` or from another port. Says what came of it.
    pub(super) fn send(&mut self, socket: &UdpSocket, now: Instant) -> Option<Sent> {
        let departure = self.queue.pop(now)?;
        let To(arrival) = departure.to;
        let sent = match (&self.elsewhere, departure.wrong_source) {
            (_, false) => reply(socket, &arrival, &departure.bytes),
            (Some(elsewhere), true) => reply(elsewhere, &arrival, &departure.bytes),
            (None, true) => Err(io::ErrorKind::AddrNotAvailable.into()),
        };
        Some((arrival, departure.bytes, sent))
    }

    /// When the next answer is due.
    pub(super) fn due(&self) -> Option<Instant> {
        self.queue.due()
    }
}

/// An answer, whom it answers, and whether the system took it.
pub(super) type Sent = (Arrival, Vec<u8>, io::Result<()>);

/// Opens a socket on the same address and another port.
fn beside(socket: &DatagramSocket) -> io::Result<UdpSocket> {
    let mut address = socket.address();
    address.set_port(0);
    let options = ListenOptions::default().families(socket.families());
    let sockets =
        listen_datagrams(&[Endpoint::from(address)], options).map_err(io::Error::other)?;
    let socket = sockets.into_iter().next().map(UdpSocket::from);
    let socket = socket.ok_or(io::ErrorKind::AddrNotAvailable)?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}
