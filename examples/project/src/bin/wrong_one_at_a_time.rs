//! Wrong server 7: it serves one client, and the others wait.
//!
//! ```text
//! cargo run -p project --bin wrong_one_at_a_time [-- ADDRESS]
//! ```

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};

fn main() -> io::Result<()> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "[::]:7012".to_owned());
    let listener = TcpListener::bind(address)?;
    println!("listening on {}", listener.local_addr()?);
    loop {
        let (client, _peer) = listener.accept()?;
        drop(echo(client));
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
