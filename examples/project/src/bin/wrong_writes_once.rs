//! Wrong server 8: it does not block, and does not look at how much a write took.
//!
//! ```text
//! cargo run -p project --bin wrong_writes_once [-- ADDRESS]
//! ```

use std::io::{self, ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

fn main() -> io::Result<()> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "[::]:7012".to_owned());
    let listener = TcpListener::bind(address)?;
    println!("listening on {}", listener.local_addr()?);
    loop {
        let (client, _peer) = listener.accept()?;
        thread::spawn(move || echo(client));
    }
}

fn echo(mut client: TcpStream) -> io::Result<()> {
    client.set_nonblocking(true)?;
    let mut buffer = [0; 4096];
    loop {
        match client.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(length) => drop(client.write(&buffer[..length])),
            Err(error) if error.kind() == ErrorKind::WouldBlock => thread::yield_now(),
            Err(error) => return Err(error),
        }
    }
}
