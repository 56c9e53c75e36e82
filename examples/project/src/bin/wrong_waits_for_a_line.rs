//! Wrong server 4: it returns lines, and a stream has none.
//!
//! ```text
//! cargo run -p project --bin wrong_waits_for_a_line [-- ADDRESS]
//! ```

use std::io::{self, BufRead, BufReader, Write};
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

fn echo(client: TcpStream) -> io::Result<()> {
    let mut reader = BufReader::new(client);
    loop {
        let mut line = Vec::new();
        if reader.read_until(b'\n', &mut line)? == 0 {
            return Ok(());
        }
        reader.get_mut().write_all(&line)?;
    }
}
