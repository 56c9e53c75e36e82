//! Step 5: concurrent clients. One after another, a thread each, a task each, on the same load.
//!
//! ```text
//! cargo run --example step5_concurrency
//! ```
//!
//! Shows: what happens to everybody when one client says nothing; pthread_create(3) and
//! pthread_join(3) by their std names; and tasks, which share threads because an `await` lets others
//! run (epoll(7), kqueue(2) or Windows' completion ports tell who can go on).

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};
use std::{error::Error, io, sync::mpsc, thread};

use async_std::task;
use echo6::Client;
use futures::future::try_join_all;

const CLIENTS: usize = 30;
/// How long the silent client stays, at most.
const SILENCE: Duration = Duration::from_millis(500);

type Serve = fn(TcpListener) -> io::Result<()>;

fn main() -> Result<(), Box<dyn Error>> {
    println!("{CLIENTS} clients behind one that says nothing for {} ms", SILENCE.as_millis());
    let servers: [(_, Serve); 3] =
        [("one after another", in_turn), ("a thread each", by_thread), ("a task each", by_task)];
    for (name, serve) in servers {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let server = thread::spawn(move || serve(listener));
        let time = load(address)?;
        server.join().map_err(|_| "the server panicked")??;
        println!("{name:<17}  all served after {:>6.1} ms", time.as_secs_f64() * 1e3);
    }
    Ok(())
}

// A `?` on accept or on a client's error ends the whole server: fit for a lesson only.

fn in_turn(listener: TcpListener) -> io::Result<()> {
    (0..=CLIENTS).try_for_each(|_| echo(&listener.accept()?.0))
}

fn by_thread(listener: TcpListener) -> io::Result<()> {
    // The scope joins its threads. One that nobody joins is detached, and cut off in the middle of
    // an echo when main returns: whoever detaches needs another plan for the end.
    thread::scope(|scope| {
        for _ in 0..=CLIENTS {
            let (client, _) = listener.accept()?;
            scope.spawn(move || echo(&client)); // and the accept loop is free for the next
        }
        Ok(())
    })
}

fn by_task(listener: TcpListener) -> io::Result<()> {
    let listener = async_std::net::TcpListener::from(listener);
    task::block_on(async {
        let mut tasks = Vec::new();
        for _ in 0..=CLIENTS {
            let (client, _) = listener.accept().await?;
            // Each wait for a socket, here and inside `copy`, lets the thread run other tasks.
            tasks.push(task::spawn(async move { futures::io::copy(&client, &mut &client).await }));
        }
        try_join_all(tasks).await.map(drop)
    })
}

/// Reads and writes all that came, until read returns 0.
fn echo(client: &TcpStream) -> io::Result<()> {
    io::copy(&mut &*client, &mut &*client).map(drop)
}

/// Returns how long it took until every client but the silent one was served.
fn load(address: SocketAddr) -> Result<Duration, Box<dyn Error>> {
    let start = Instant::now();
    let silent = TcpStream::connect(address)?; // first in the queue, so first to be accepted
    let (_others_served, wait) = mpsc::channel::<()>();
    // It leaves when the others are served, or when its patience is at its end.
    thread::spawn(move || wait.recv_timeout(SILENCE).map_err(|_| drop(silent)));
    // The clients are futures on one thread: they only wait, all at the same time.
    let (client, server) = (Client::new(), [address]);
    let texts: Vec<_> = (1..=CLIENTS).map(|number| format!("Hello from Client {number}")).collect();
    let sends = texts.iter().map(|text| client.send(&server, text.as_bytes()));
    task::block_on(try_join_all(sends))?;
    Ok(start.elapsed())
}
