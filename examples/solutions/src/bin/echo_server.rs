//! The final project: an echo server for any number of clients over both families.
//!
//! ```text
//! cargo run -p solutions --bin echo_server [-- ADDRESS]
//! ```

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

fn main() -> io::Result<()> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "[::]:7012".to_owned());
    let listener = TcpListener::bind(address)?;
    println!("listening on {}", listener.local_addr()?);
    loop {
        match listener.accept() {
            Ok((client, _peer)) => drop(thread::spawn(move || echo(client))),
            Err(error) => {
                // Out of descriptors, for instance: a client that leaves frees one (exercise 7.1).
                eprintln!("cannot accept: {error}");
                thread::sleep(Duration::from_millis(10));
            }
        }
    }
}

fn echo(mut client: TcpStream) -> io::Result<()> {
    let mut buffer = [0; 4096];
    loop {
        let length = client.read(&mut buffer)?;
        if length == 0 {
            return Ok(());
        }
        client.write_all(&buffer[..length])?;
    }
}
