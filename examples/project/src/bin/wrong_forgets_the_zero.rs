//! Wrong server 6: it reads on after the end of the stream, and uses a whole processor for it.
//!
//! ```text
//! cargo run -p project --bin wrong_forgets_the_zero [-- ADDRESS]
//! ```

use std::io::{self, Read, Write};
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
    let mut buffer = [0; 4096];
    loop {
        let length = client.read(&mut buffer)?;
        client.write_all(&buffer[..length])?;
    }
}
