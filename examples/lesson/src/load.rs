//! The load of step 7, the same for each kind of server.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

/// The clients that want an echo.
pub const CLIENTS: usize = 30;

/// How long the client that says nothing stays, at most.
pub const SILENCE: Duration = Duration::from_millis(500);

/// Runs a server under the load, and prints how long that took. With an address as argument, serves
/// there until Ctrl-C instead.
///
/// # Errors
///
/// The first error of the server's address, or of the load.
pub fn measure_or_serve(what: &str, serve: fn(&TcpListener) -> io::Result<()>) -> io::Result<()> {
    if let Some(address) = std::env::args().nth(1) {
        return serve(&TcpListener::bind(address)?);
    }
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    thread::spawn(move || serve(&listener));
    println!("{what:<14}  all served after {:>3} ms", load(address)?.as_millis());
    Ok(())
}

/// Connects a client that says nothing, and then [`CLIENTS`] that each want one echo. Returns the
/// time until all of these are served.
///
/// # Errors
///
/// The first error of a client; `InvalidData` if other bytes came back.
pub fn load(address: SocketAddr) -> io::Result<Duration> {
    let start = Instant::now();
    // The first in the queue, and so the first to be accepted.
    let silent = TcpStream::connect(address)?;
    let (others_are_served, wait) = mpsc::channel::<()>();
    let leave = thread::spawn(move || {
        let _ = wait.recv_timeout(SILENCE);
        drop(silent);
    });
    let mut clients = Vec::new();
    for number in 1..=CLIENTS {
        clients.push(thread::spawn(move || greet(address, number)));
    }
    for client in clients {
        client.join().map_err(|_| io::Error::other("a client panicked"))??;
    }
    let time = start.elapsed();
    drop(others_are_served);
    leave.join().map_err(|_| io::Error::other("the silent client panicked"))?;
    Ok(time)
}

fn greet(address: SocketAddr, number: usize) -> io::Result<()> {
    let mut server = TcpStream::connect(address)?;
    let message = format!("Hello from Client {number}");
    server.write_all(message.as_bytes())?;
    let mut reply = vec![0; message.len()];
    server.read_exact(&mut reply)?;
    if reply == message.as_bytes() { Ok(()) } else { Err(io::ErrorKind::InvalidData.into()) }
}
