//! The reflector of datagrams beside the plain loops that people write: std's, async-std's and tokio's
//! `recv_from` and `send_to`, in one run.
//!
//! `cargo bench -p benches --bench datagrams -- [SECONDS]`; each server has so many seconds a row (5
//! unless given), in turns of a tenth. At `[::]` a server has to answer from the address that was asked;
//! of these, only echo6 does. Constants that a row decided name it: `BURST` in `src/server/reflect.rs`,
//! `ROOM` in `src/socket/datagram/linux.rs`.

#![allow(missing_docs)]

mod common;

use std::future::pending;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::thread;
use std::time::{Duration, Instant};

use common::{Kind, Servers, Table, median, ratio};
use echo6::Server;
use echo6::socket::{ListenOptions, listen_datagrams};
use futures::executor::block_on;

/// The first is what the others are a ratio to.
const KINDS: [Kind; 5] = [
    Kind { name: "echo6", async_std_threads: Some(1), serve: one_address },
    Kind { name: "echo6 at [::]", async_std_threads: Some(1), serve: every_address },
    Kind { name: "std", async_std_threads: None, serve: plain },
    Kind { name: "async-std", async_std_threads: None, serve: async_std_loop },
    Kind { name: "tokio", async_std_threads: None, serve: tokio_loop },
];

fn main() {
    let servers = Servers::start(&KINDS);
    let addresses = servers.addresses();
    let title = "datagrams, echoes/s, others as a ratio to echo6 (more is better)";
    let mut table = Table::of("load", title, &KINDS);
    let seconds = common::seconds();
    for (name, flows, size) in [
        ("1 flow, 64 bytes", 1, 64),
        ("64 flows, 64 bytes", 64, 64),
        ("1,000 flows, 64 bytes", 1000, 64),
        ("16 flows, 1,400 bytes", 16, 1400),
        ("1 flow, 60,000 bytes", 1, 60_000),
    ] {
        let rates = in_turns(&addresses, flows, size, seconds);
        let [ours, others @ ..] = &rates[..] else { continue };
        let others = others.iter().map(|&theirs| ratio(theirs, *ours));
        let cells = [name.to_owned(), format!("{ours:.0}")].into_iter().chain(others);
        table.row(&cells.collect::<Vec<_>>());
    }
    table.print();
}

/// How many turns each server has.
const TURNS: u32 = 10;

fn in_turns(servers: &[SocketAddr], flows: usize, size: usize, seconds: Duration) -> Vec<f64> {
    let open =
        |server: &SocketAddr| -> Vec<UdpSocket> { (0..flows).map(|_| flow(*server)).collect() };
    let flows: Vec<Vec<UdpSocket>> = servers.iter().map(open).collect();
    let mut rates = vec![Vec::new(); servers.len()];
    for turn in 0..=TURNS {
        for (flows, rates) in flows.iter().zip(&mut rates) {
            let rate = load(flows, size, seconds / TURNS);
            // The first warms up.
            if turn > 0 {
                rates.push(rate);
            }
        }
    }
    rates.into_iter().map(median).collect()
}

fn flow(server: SocketAddr) -> UdpSocket {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a port");
    socket.connect(server).expect("an address of this host");
    // Nothing is lost on loopback but what finds no room: it is sent again.
    socket.set_read_timeout(Some(Duration::from_millis(100))).expect("a time");
    socket
}

/// How many datagrams are under way at most: as many as find room in the receive buffer of any server.
const UNDER_WAY: usize = 64;

/// One datagram of each flow is under way. Echoes a second.
fn load(flows: &[UdpSocket], size: usize, time: Duration) -> f64 {
    let datagram = vec![7; size];
    let mut back = vec![0; size];
    let (start, mut echoes) = (Instant::now(), 0_u64);
    while start.elapsed() < time {
        for flows in flows.chunks(UNDER_WAY) {
            for flow in flows {
                let _ = flow.send(&datagram);
            }
            echoes += flows.iter().filter(|flow| flow.recv(&mut back).is_ok()).count() as u64;
        }
    }
    echoes as f64 / start.elapsed().as_secs_f64()
}

/// Room for the longest datagram.
const ROOM: usize = 65_535;

fn one_address() -> SocketAddr {
    echo6_server("127.0.0.1:0")
}

/// Asked at one address all the same, from which it has to answer.
fn every_address() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, echo6_server("[::]:0").port()).into()
}

fn echo6_server(endpoint: &str) -> SocketAddr {
    let endpoint = endpoint.parse().expect("an address");
    let sockets = listen_datagrams(&[endpoint], ListenOptions::default()).expect("a port");
    let address = sockets[0].address();
    let server = Server::new(Vec::new()).datagrams(sockets);
    async_std::task::spawn(server.run(pending::<()>()));
    address
}

fn plain() -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a port");
    let address = socket.local_addr().expect("bound");
    thread::spawn(move || {
        let mut buffer = vec![0; ROOM];
        loop {
            if let Ok((length, peer)) = socket.recv_from(&mut buffer) {
                let _ = socket.send_to(&buffer[..length], peer);
            }
        }
    });
    address
}

fn async_std_loop() -> SocketAddr {
    let socket = block_on(async_std::net::UdpSocket::bind("127.0.0.1:0")).expect("a port");
    let address = socket.local_addr().expect("bound");
    async_std::task::spawn(async move {
        let mut buffer = vec![0; ROOM];
        loop {
            if let Ok((length, peer)) = socket.recv_from(&mut buffer).await {
                let _ = socket.send_to(&buffer[..length], peer).await;
            }
        }
    });
    address
}

fn tokio_loop() -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a port");
    socket.set_nonblocking(true).expect("a socket can be");
    let address = socket.local_addr().expect("bound");
    common::on_tokio(async move {
        let socket = tokio::net::UdpSocket::from_std(socket).expect("a reactor");
        let mut buffer = vec![0; ROOM];
        loop {
            if let Ok((length, peer)) = socket.recv_from(&mut buffer).await {
                let _ = socket.send_to(&buffer[..length], peer).await;
            }
        }
    });
    address
}
