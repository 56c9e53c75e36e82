//! A server for a test: in this process, on a port that the system chose.

// Each test file uses its part.
#![allow(dead_code)]

#[cfg(feature = "cli")]
pub(crate) mod binary;
#[cfg(all(unix, feature = "cli"))]
pub(crate) mod foreign;
pub(crate) mod forwarder;
pub(crate) mod liar;
#[cfg(target_os = "linux")]
pub(crate) mod namespaces;
#[cfg(all(target_os = "linux", feature = "cli"))]
pub(crate) mod strace;

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use echo6::Server;
use echo6::server::{Closed, Connected, Event, Running, Totals};
use futures::StreamExt;
use futures::executor::block_on;

/// The longest that any step of a test may take. Nothing waits for it unless it fails.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) const V4: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
pub(crate) const V6: IpAddr = IpAddr::V6(Ipv6Addr::LOCALHOST);

/// A server of the library's, with what tests ask of it.
pub(crate) struct TestServer {
    pub(crate) address: SocketAddr,
    running: Option<Running>,
    /// What nobody had taken when it was stopped.
    events: RefCell<VecDeque<Event>>,
}

impl TestServer {
    /// Serves both families.
    pub(crate) fn start() -> Self {
        Self::on("[::]:0", |server| server)
    }

    pub(crate) fn on(address: &str, configure: impl FnOnce(Server) -> Server) -> Self {
        Self::of(configure(Server::bind(address).unwrap()))
    }

    pub(crate) fn of(server: Server) -> Self {
        let running = server.start();
        let (address, events) = (running.address(), RefCell::default());
        Self { address, running: Some(running), events }
    }

    pub(crate) fn connect(&self, ip: IpAddr) -> TcpStream {
        connect(SocketAddr::new(ip, self.address.port()))
    }

    pub(crate) fn event(&self) -> Event {
        let event = match &self.running {
            Some(running) => running.event(PATIENCE),
            None => self.events.borrow_mut().pop_front(),
        };
        event.expect("an event in time")
    }

    /// Waits until a connection has ended.
    pub(crate) fn closed(&self) -> Closed {
        loop {
            if let Event::Closed(closed) = self.event() {
                return closed;
            }
        }
    }

    /// Waits until a client has been accepted.
    pub(crate) fn connected(&self) -> Connected {
        loop {
            if let Event::Connected(connected) = self.event() {
                return connected;
            }
        }
    }

    /// Asks the server to stop, without waiting.
    pub(crate) fn ask_to_stop(&mut self) {
        self.running.as_mut().expect("still running").ask_to_stop();
    }

    /// Stops the server and waits for its end.
    pub(crate) fn stop(&mut self) -> Totals {
        let running = self.running.take().expect("still running");
        let events = running.events();
        let totals = running.stop();
        self.events = RefCell::new(block_on(events.collect()));
        totals
    }
}

/// Connects with the patience of a test on both directions.
pub(crate) fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect_timeout(&address, PATIENCE).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// Sends `message`, half-closes, and reads to the end, both at the same time.
pub(crate) fn exchange(mut stream: TcpStream, message: &[u8]) -> Vec<u8> {
    let mut writer = stream.try_clone().unwrap();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            writer.write_all(message).unwrap();
            writer.shutdown(Shutdown::Write).unwrap();
        });
        let mut reply = Vec::new();
        stream.read_to_end(&mut reply).unwrap();
        reply
    })
}

/// Sends `message` and reads as much back.
pub(crate) fn round_trip(stream: &mut TcpStream, message: &[u8]) -> Vec<u8> {
    stream.write_all(message).unwrap();
    let mut reply = vec![0; message.len()];
    stream.read_exact(&mut reply).unwrap();
    reply
}

/// Sends until the other end takes no more; returns how much it took.
pub(crate) fn fill(stream: &TcpStream) -> u64 {
    let chunk = noise(1 << 20);
    let mut sent = 0;
    stream.set_write_timeout(Some(Duration::from_secs(2))).unwrap();
    while let Ok(length) = (&*stream).write(&chunk) {
        sent += length as u64;
        assert!(sent < 1 << 30, "it takes bytes without end");
    }
    sent
}

/// Says whether nothing comes back for a while, which is all that can be seen of a client that is
/// not served.
pub(crate) fn is_silent(mut stream: &TcpStream) -> bool {
    stream.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    let silent = stream
        .read(&mut [0])
        .is_err_and(|error| matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut));
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    silent
}

/// Bytes without a pattern that a shift or a repetition could go unnoticed in.
pub(crate) fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = || {
        // xorshift64 (Marsaglia, 2003)
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as u8
    };
    (0..length).map(|_| next()).collect()
}

/// Closes with a reset instead of end of stream (SO_LINGER with 0).
pub(crate) fn reset(stream: TcpStream) {
    socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
}
