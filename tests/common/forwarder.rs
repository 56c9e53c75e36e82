//! An echo server for datagrams in this process, which deals the faults of a plan.

use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use echo6::fault::{DatagramFaults, DatagramQueue};

/// Echoes until it is dropped.
pub(crate) struct Forwarder {
    pub(crate) address: SocketAddr,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Forwarder {
    /// `faults` are written as on a command line, with spaces between them.
    pub(crate) fn start(ip: IpAddr, faults: &str) -> Self {
        let socket = UdpSocket::bind((ip, 0)).unwrap();
        let other = UdpSocket::bind((ip, 0)).unwrap();
        let address = socket.local_addr().unwrap();
        let faults: Vec<_> = faults.split_whitespace().map(|text| text.parse().unwrap()).collect();
        let queue = DatagramQueue::new(DatagramFaults::new(&faults, 862));
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::spawn(move || run(&socket, &other, queue, &stopped));
        Self { address, stop, thread: Some(thread) }
    }
}

fn run(
    socket: &UdpSocket,
    other: &UdpSocket,
    mut queue: DatagramQueue<SocketAddr>,
    stopped: &AtomicBool,
) {
    let mut buffer = vec![0; 1 << 16];
    while !stopped.load(Ordering::Relaxed) {
        let now = Instant::now();
        while let Some(departure) = queue.pop(now) {
            let from = if departure.wrong_source { other } else { socket };
            from.send_to(&departure.bytes, departure.to).unwrap();
        }
        let wait = queue.due().map_or(Duration::from_millis(20), |due| due - now);
        socket.set_read_timeout(Some(wait.max(Duration::from_millis(1)))).unwrap();
        match socket.recv_from(&mut buffer) {
            Ok((length, peer)) => drop(queue.push(&buffer[..length], peer, Instant::now())),
            Err(error) => {
                use ErrorKind::{Interrupted, TimedOut, WouldBlock};
                assert!(matches!(error.kind(), Interrupted | TimedOut | WouldBlock), "{error}");
            }
        }
    }
}

impl Drop for Forwarder {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let _ = self.thread.take().map(JoinHandle::join);
    }
}
