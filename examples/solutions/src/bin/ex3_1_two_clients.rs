//! Exercise 3.1: two clients by hand.
//!
//! ```text
//! cargo run -p solutions --bin ex3_1_two_clients
//! ```
//!
//! Four sockets and the listener. Reading from a client that has sent nothing would block for ever
//! (and the other client with it): so the order of the reads matters, and that is what step 7 is
//! about.

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};

fn main() -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    let mut first = TcpStream::connect(address)?;
    let mut second = TcpStream::connect(address)?;
    // The queue is in order: the first to connect is the first to be accepted.
    let (mut first_accepted, _peer) = listener.accept()?;
    let (mut second_accepted, _peer) = listener.accept()?;

    second.write_all(b"from the second")?;
    first.write_all(b"from the first")?;
    echo_once(&mut first_accepted)?;
    echo_once(&mut second_accepted)?;

    let mut buffer = [0; 64];
    let length = first.read(&mut buffer)?;
    println!("first:  {}", buffer[..length].escape_ascii());
    let length = second.read(&mut buffer)?;
    println!("second: {}", buffer[..length].escape_ascii());
    Ok(())
}

fn echo_once(client: &mut TcpStream) -> io::Result<()> {
    let mut buffer = [0; 64];
    let length = client.read(&mut buffer)?;
    client.write_all(&buffer[..length])
}
