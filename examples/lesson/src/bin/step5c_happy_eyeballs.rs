//! Step 5c: two addresses, one of them silent. Happy Eyeballs (RFC 8305) with two threads.
//!
//! ```text
//! cargo run --bin step5c_happy_eyeballs
//! ```
//!
//! Afterwards you can say why a browser opens a page quickly though your IPv6 is broken.

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{self, Sender};
use std::thread;
use std::time::{Duration, Instant};

use socket2::{Domain, Socket, Type};

/// How long the first address is tried alone: RFC 8305, section 5, recommends 250 ms.
const HEAD_START: Duration = Duration::from_millis(250);

fn main() -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let good = listener.local_addr()?;
    let (refused, _not_listening) = bound_socket()?;
    let (silent, full) = bound_socket()?;
    full.listen(0)?;
    let _fills_the_queue = TcpStream::connect(silent)?;

    for (what, first) in [("good", good), ("refused", refused), ("silent", silent)] {
        let start = Instant::now();
        let winner = happy_eyeballs(first, good)?;
        let millis = start.elapsed().as_millis();
        let peer = if winner.peer_addr()? == first { "first" } else { "second" };
        println!("the first is {what:<7}  connected to the {peer:<6} after {millis:>3} ms");
    }
    Ok(()) // ends the attempt that still waits for an answer, too
}

fn happy_eyeballs(first: SocketAddr, second: SocketAddr) -> io::Result<TcpStream> {
    let (sender, attempts) = mpsc::channel();
    connect_in_a_thread(first, sender.clone());
    // Until it succeeds, fails, or has had its head start.
    if let Ok(Ok(stream)) = attempts.recv_timeout(HEAD_START) {
        return Ok(stream);
    }
    connect_in_a_thread(second, sender);
    let mut last = io::ErrorKind::NotConnected.into();
    // The channel ends when both threads have sent their result.
    for attempt in attempts {
        match attempt {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn connect_in_a_thread(address: SocketAddr, sender: Sender<io::Result<TcpStream>>) {
    thread::spawn(move || sender.send(TcpStream::connect(address)));
}

fn bound_socket() -> io::Result<(SocketAddr, Socket)> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into())?;
    let address = socket.local_addr()?.as_socket().ok_or(io::ErrorKind::AddrNotAvailable)?;
    Ok((address, socket))
}
