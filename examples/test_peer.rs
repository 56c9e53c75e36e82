//! The peer of a test: an echo server on a port that the system chose, for as long as a value lives.
//!
//! ```text
//! cargo run --example test_peer
//! ```
//!
//! Shows: two lines start it, in a plain `#[test]` or beside any runtime; it says what it saw of the
//! code under test; and it stops when it is told to, or when it is dropped.

use std::error::Error;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use echo6::Server;
use echo6::server::Event;

fn main() -> Result<(), Box<dyn Error>> {
    let peer = Server::bind("127.0.0.1:0")?.start();
    let mut stream = TcpStream::connect(peer.address())?;

    // The code under test, whatever it is.
    stream.write_all(b"hello")?;
    let mut reply = [0; 5];
    stream.read_exact(&mut reply)?;
    println!("came back: {}", String::from_utf8_lossy(&reply));
    drop(stream);

    // The peer's side of it. No sleep is needed: an event that is still to come is waited for.
    while let Some(event) = peer.event(Duration::from_secs(5)) {
        println!("{event}");
        if let Event::Closed(closed) = event {
            assert_eq!((closed.bytes_in, closed.bytes_out), (5, 5));
            break;
        }
    }
    let totals = peer.stop();
    println!("clients served: {}", totals.connections);
    Ok(())
}
