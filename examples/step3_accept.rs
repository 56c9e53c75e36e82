//! Step 3: accept. A new socket for each client, the client's address, and the price of waiting.
//!
//! ```text
//! cargo run --example step3_accept
//! ```
//!
//! Shows: accept(2), inet_ntop(3) and ntohs(3); the IPv4-mapped addresses of a dual-stack socket
//! (RFC 4291, section 2.5.5.2); and what a pending accept costs a task and a thread.
//!
//! In C, the caller lends accept a buffer for the address and its length in a variable, which comes
//! back changed. Here both results are returned: the new socket and the address it talks to.

use std::net::{Ipv4Addr, Ipv6Addr, TcpListener, TcpStream};
use std::sync::{Arc, mpsc};
use std::{error::Error, fs, io, thread};

use async_std::task;
use echo6::{address::canonical, address::ntop, socket::ListenOptions, socket::listen};

/// How many accepts wait at the same time.
const WAITING: usize = 500;

fn main() -> Result<(), Box<dyn Error>> {
    // ":0" is "[::]:0", or "0.0.0.0:0" on a host without IPv6.
    let listener = listen(&[":0".parse()?], ListenOptions::default())?.remove(0);
    println!("listening on {listener}");
    let (address, listener) = (listener.address(), TcpListener::from(listener));
    let four = TcpStream::connect((Ipv4Addr::LOCALHOST, address.port()))?;
    accept_one(&listener)?;
    match TcpStream::connect((Ipv6Addr::LOCALHOST, address.port())) {
        Ok(_six) => accept_one(&listener)?,
        Err(error) => println!("no client over IPv6 on this host: {error}"),
    }

    // Two failures. Nobody is there: a blocking socket would wait, a non-blocking one says so.
    listener.set_nonblocking(true)?;
    say_failure("nobody there", listener.accept());
    // And a socket that does not listen. std's types leave no way to ask for that; socket2, which
    // has one type for all sockets, does.
    say_failure("not listening", socket2::Socket::from(four).accept());

    let (ready, all_ready) = mpsc::channel();
    task::block_on(task::spawn(async {})); // starts the executor, which is not the tasks' cost
    let before = memory();
    let shared = Arc::new(async_std::net::TcpListener::from(listener.try_clone()?));
    let wait = |_| {
        let (listener, ready) = (Arc::clone(&shared), ready.clone());
        task::spawn(async move { (ready.send(()), listener.accept().await.is_ok()) })
    };
    let tasks: Vec<_> = (0..WAITING).map(wait).collect();
    report("task", before, &all_ready);
    // What waits in a task can be called off at any time.
    task::block_on(futures::future::join_all(tasks.into_iter().map(|task| task.cancel())));

    listener.set_nonblocking(false)?;
    let before = memory();
    Ok(thread::scope(|scope| {
        for _ in 0..WAITING {
            scope.spawn(|| (ready.send(()), listener.accept().is_ok()));
        }
        report("thread", before, &all_ready);
        // Nothing but a client wakes a thread from accept, so each gets one. A server that has no
        // such plan for its threads cannot stop in good order.
        let wake = |_| TcpStream::connect((Ipv4Addr::LOCALHOST, address.port())).map(drop);
        (0..WAITING).try_for_each(wake)
    })?)
}

fn accept_one(listener: &TcpListener) -> io::Result<()> {
    let (_client, peer) = listener.accept()?; // the listener itself goes on listening
    // The system's name for an IPv4 client of an IPv6 socket fits no IPv4 rule and no log search.
    let plain = canonical(peer);
    println!("accepted {peer}: address {}, port {}", ntop(plain.ip()), plain.port());
    Ok(())
}

fn say_failure<T>(what: &str, answer: io::Result<T>) {
    println!("{what}: {}", answer.err().map(|error| error.to_string()).unwrap_or_default());
}

/// The memory of this process in KiB, where a file tells it (proc(5)).
fn memory() -> Option<f64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    status.split_once("\nVmRSS:")?.1.split_whitespace().next()?.parse().ok()
}

/// Waits until all have begun, then says what they cost.
fn report(what: &str, before: Option<f64>, ready: &mpsc::Receiver<()>) {
    ready.iter().take(WAITING).for_each(drop);
    let each = before.zip(memory()).map(|(before, now)| (now - before) / WAITING as f64);
    let cost = each.map_or_else(|| "(Linux only)".into(), |kib| format!("{kib:.1} KiB each"));
    println!("{WAITING} pending accepts, a {what:<6} for each: {cost}");
}
