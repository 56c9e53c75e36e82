//! Wrong server 9: it takes the error of one client for its own, as C's `perror` and `exit(1)` do.
//!
//! ```text
//! cargo run -p project --bin wrong_ends_with_a_client [-- ADDRESS]
//! ```

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process;
use std::thread;

fn main() -> io::Result<()> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "[::]:7012".to_owned());
    let listener = TcpListener::bind(address)?;
    println!("listening on {}", listener.local_addr()?);
    loop {
        let (client, _peer) = listener.accept()?;
        thread::spawn(move || {
            if let Err(error) = echo(client) {
                eprintln!("{error}");
                process::exit(1);
            }
        });
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
