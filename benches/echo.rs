//! The pump in memory, and an echo server on loopback beside the plain loops that people write: std's
//! threads, async-std and tokio, in one run.
//!
//! `cargo bench -p benches --bench echo -- [SECONDS]`; each server has so many seconds a row (5 unless
//! given), in slices that take turns. The load is echo6's own and compares each byte; it runs on the
//! same processors. Constants that a row decided name it: `SCRATCH` and the turn behind each echo in
//! `src/echo.rs`, `BACKLOG` in `src/socket/listener.rs`, `THREADS` in `src/cli/listen.rs`.

#![allow(missing_docs)]

mod common;

use std::future::pending;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::num::NonZeroUsize;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::thread;
use std::time::{Duration, Instant};

use common::{Kind, Servers, Table, median, ratio};
use echo6::client::{Bench, BenchEvent, BenchReport};
use echo6::echo::{Flow, echo};
use echo6::{Client, Server};
use futures::StreamExt;
use futures::executor::block_on;
use futures::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};

/// The first is what the others are a ratio to.
const KINDS: [Kind; 5] = [
    Kind { name: "echo6", async_std_threads: Some(1), serve: echo6_server },
    Kind { name: "echo6, 2 threads", async_std_threads: Some(2), serve: echo6_server },
    Kind { name: "std threads", async_std_threads: None, serve: threads },
    Kind { name: "async-std", async_std_threads: None, serve: async_std_tasks },
    Kind { name: "tokio, 1 thread", async_std_threads: None, serve: tokio_tasks },
];

fn main() {
    let servers = Servers::start(&KINDS);
    let servers = servers.addresses();
    pump();
    loopback(&servers, common::seconds());
    bursts(&servers);
}

/// Gives so many bytes a read until all are read.
#[derive(Clone)]
struct Memory {
    left: usize,
    a_read: usize,
}

impl AsyncRead for Memory {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let length = self.a_read.min(buffer.len()).min(self.left);
        buffer[..length].fill(7);
        self.left -= length;
        Poll::Ready(Ok(length))
    }
}

/// The pump alone, with a turn of the executor behind each read.
fn pump() {
    let names = ["bytes a read", "round trips/s", "GiB/s"];
    let mut table = Table::new("the pump in memory: the reader writes each byte once", &names);
    for a_read in [64, 1024, 64 << 10, 512 << 10] {
        let left = (a_read * 1_000_000).min(8 << 30);
        let rates = (0..5).map(|_| {
            let (flow, start) = (Flow::default(), Instant::now());
            let memory = Memory { left, a_read };
            block_on(echo(memory, futures::io::sink(), &flow)).expect("memory does not fail");
            assert_eq!(flow.returned(), left as u64, "all of it came through");
            (left / a_read) as f64 / start.elapsed().as_secs_f64()
        });
        let rate = median(rates.collect());
        let volume = rate * a_read as f64 / (1_u64 << 30) as f64;
        table.row(&[a_read.to_string(), format!("{rate:.0}"), format!("{volume:.1}")]);
    }
    table.print();
}

fn loopback(servers: &[SocketAddr], seconds: Duration) {
    let title = "on loopback, echoes/s, others as a ratio to echo6 (more is better)";
    let mut table = Table::of("load", title, &KINDS);
    let closed = |connections, size| of(connections).size(size).duration(seconds);
    for (name, bench) in [
        ("1 client, 64 bytes", closed(1, 64)),
        ("64 clients, 64 bytes", closed(64, 64)),
        ("1,000 clients, 64 bytes", closed(1000, 64)),
        ("300 clients, 1 KiB", closed(300, 1024)),
        ("16 clients, 64 KiB", closed(16, 64 << 10)),
        ("4 clients, 1 MiB", closed(4, 1 << 20)),
        ("churn: a connection for each echo", closed(16, 64).reconnect(true)),
    ] {
        let reports = run(&bench, servers);
        let rates = reports
            .iter()
            .map(|report| median(report.slices.iter().map(|slice| slice.rate).collect()));
        let rates: Vec<f64> = rates.collect();
        let faults: u64 = reports.iter().map(|report| report.faults.total()).sum();
        let name = if faults == 0 { name.to_owned() } else { format!("{name} ({faults} faults)") };
        let others = rates[1..].iter().map(|&theirs| ratio(theirs, rates[0]));
        table
            .row(&[name, format!("{:.0}", rates[0])].into_iter().chain(others).collect::<Vec<_>>());
    }
    table.print();
}

/// What is too much for a backlog waits a second until its SYN is sent again.
fn bursts(servers: &[SocketAddr]) {
    let title = "connects at one moment, ms until each has its echo, others as a ratio to echo6 \
                 (less is better)";
    let mut table = Table::of("burst", title, &KINDS);
    for connections in [100, 1000, 4000] {
        let burst = of(connections).size(64).burst();
        let turns: Vec<Vec<f64>> = (0..5)
            .map(|_| {
                let last = |server| run(&burst, &[server])[0].rtt.max().as_secs_f64() * 1e3;
                servers.iter().copied().map(last).collect()
            })
            .collect();
        let of_kind = |kind: usize| median(turns.iter().map(|turn| turn[kind]).collect());
        let ours = of_kind(0);
        let others = (1..servers.len()).map(|kind| ratio(of_kind(kind), ours));
        let cells = [connections.to_string(), format!("{ours:.0}")].into_iter().chain(others);
        table.row(&cells.collect::<Vec<_>>());
    }
    table.print();
}

fn of(connections: usize) -> Bench {
    let connections = NonZeroUsize::new(connections).expect("some connections");
    Client::new().bench().connections(connections)
}

fn run(bench: &Bench, servers: &[SocketAddr]) -> Vec<BenchReport> {
    let events = pin!(bench.clone().run(servers, pending::<()>()));
    let reports = events.filter_map(async |event| match event {
        BenchEvent::Summary(report) => Some(*report),
        _ => None,
    });
    block_on(reports.collect())
}

/// How much the plain loops read at once.
const BUFFER: usize = 16 * 1024;

/// As `echo6 listen -q` serves.
fn echo6_server() -> SocketAddr {
    let server = Server::bind("127.0.0.1:0").expect("a port");
    let address = server.listening()[0].address;
    async_std::task::spawn(server.run(pending::<()>()));
    address
}

fn threads() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("bound");
    let serve = |mut client: std::net::TcpStream| -> io::Result<()> {
        client.set_nodelay(true)?;
        let mut buffer = [0; BUFFER];
        loop {
            match client.read(&mut buffer)? {
                0 => return Ok(()),
                length => client.write_all(&buffer[..length])?,
            }
        }
    };
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let _ = thread::Builder::new().stack_size(64 * 1024).spawn(move || serve(client));
        }
    });
    address
}

fn async_std_tasks() -> SocketAddr {
    let listener = block_on(async_std::net::TcpListener::bind("127.0.0.1:0")).expect("a port");
    let address = listener.local_addr().expect("bound");
    async_std::task::spawn(async move {
        while let Some(Ok(mut client)) = listener.incoming().next().await {
            async_std::task::spawn(async move {
                client.set_nodelay(true)?;
                let mut buffer = vec![0; BUFFER];
                loop {
                    match client.read(&mut buffer).await? {
                        0 => return io::Result::Ok(()),
                        length => client.write_all(&buffer[..length]).await?,
                    }
                }
            });
        }
    });
    address
}

fn tokio_tasks() -> SocketAddr {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.set_nonblocking(true).expect("a socket can be");
    let address = listener.local_addr().expect("bound");
    common::on_tokio(async move {
        let listener = tokio::net::TcpListener::from_std(listener).expect("a reactor");
        while let Ok((mut client, _)) = listener.accept().await {
            tokio::spawn(async move {
                client.set_nodelay(true)?;
                let mut buffer = vec![0; BUFFER];
                loop {
                    match client.read(&mut buffer).await? {
                        0 => return io::Result::Ok(()),
                        length => client.write_all(&buffer[..length]).await?,
                    }
                }
            });
        }
    });
    address
}
