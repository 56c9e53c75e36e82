//! One port that probes are sent from.

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use async_io::{Async, Timer};

use crate::client::wire::uninterrupted;
use crate::socket::{CallerOptions, Complaint, Drops, Received, call, complaint, receive};

/// A socket of its own.
#[derive(Debug)]
pub(in crate::client) struct Flow {
    socket: Async<UdpSocket>,
    pub(in crate::client) local_port: u16,
    /// How many datagrams have found no room in its receive buffer.
    dropped: u32,
    /// Runs after a call that failed for no reason that the network gave.
    pause: Mutex<Option<Timer>>,
}

/// How long to wait before a call is tried again that this host could not do, such as when it lacks
/// memory: the socket stays readable meanwhile. A hundred tries a second cost nothing.
const PAUSE: Duration = Duration::from_millis(10);

impl Flow {
    pub(in crate::client) fn open(peer: SocketAddr, options: CallerOptions) -> io::Result<Self> {
        let socket = call(peer, options)?;
        let local_port = socket.local_addr()?.port();
        Ok(Self { socket: Async::new(socket)?, local_port, dropped: 0, pause: Mutex::default() })
    }

    /// Sends without waiting.
    pub(in crate::client) fn send(&self, bytes: &[u8], peer: SocketAddr) -> io::Result<()> {
        uninterrupted(|| self.socket.get_ref().send_to(bytes, peer)).map(drop)
    }

    /// Receives what is here.
    pub(in crate::client) fn receive(&self, buffer: &mut [u8]) -> io::Result<Received> {
        let received = uninterrupted(|| receive(self.socket.get_ref(), buffer));
        if received.as_ref().is_err_and(|error| error.kind() != io::ErrorKind::WouldBlock) {
            self.set_pause(Some(Timer::after(PAUSE)));
        }
        received
    }

    /// What the network said of what was sent.
    pub(in crate::client) fn complaint(&self, buffer: &mut [u8]) -> io::Result<Complaint> {
        let complaint = uninterrupted(|| complaint(self.socket.get_ref(), buffer));
        if complaint.is_ok() {
            self.set_pause(None); // it was what the failed call announced
        }
        complaint
    }

    /// Ready when there is something to receive, and no call has failed a moment ago.
    pub(in crate::client) fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut pause = self.pause.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(timer) = &mut *pause {
            ready!(Pin::new(timer).poll(cx));
            *pause = None;
        }
        self.socket.poll_readable(cx)
    }

    fn set_pause(&self, pause: Option<Timer>) {
        *self.pause.lock().unwrap_or_else(PoisonError::into_inner) = pause;
    }

    /// The same at the end, when no further datagram says so; asked only if something was lost,
    /// because it costs to read a table of all sockets.
    pub(in crate::client) fn finally_dropped(&mut self) -> u64 {
        let dropped = Drops::read().of(self.socket.get_ref()).unwrap_or_default() as u32;
        let more = dropped.saturating_sub(self.dropped);
        self.dropped += more;
        more.into()
    }

    /// How many more datagrams than before have found no room here.
    pub(in crate::client) fn newly_dropped(&mut self, received: &Received) -> u64 {
        let Some(dropped) = received.dropped else { return 0 };
        let more = dropped.wrapping_sub(self.dropped);
        self.dropped = dropped;
        more.into()
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn datagrams_that_find_no_room_are_counted_once() {
        let other = UdpSocket::bind("127.0.0.1:0").unwrap();
        let peer = other.local_addr().unwrap();
        let mut flow = Flow::open(peer, CallerOptions::default()).unwrap();
        socket2::SockRef::from(flow.socket.get_ref()).set_recv_buffer_size(4096).unwrap();
        let to = ("127.0.0.1", flow.local_port);
        let mut buffer = [0; 2048];
        let mut counted = 0;
        let mut received = 0;
        for _ in 0..3 {
            for _ in 0..50 {
                other.send_to(&[7; 1000], to).unwrap();
            }
            while let Ok(datagram) = flow.receive(&mut buffer) {
                counted += flow.newly_dropped(&datagram);
                received += 1;
            }
        }
        assert!(counted > 0 && received > 0);
        counted += flow.finally_dropped();
        assert_eq!((counted + received, flow.finally_dropped()), (150, 0));
    }
}
