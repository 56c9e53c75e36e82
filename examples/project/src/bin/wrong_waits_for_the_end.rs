//! Wrong server 5: it reads everything before it answers.
//!
//! ```text
//! cargo run -p project --bin wrong_waits_for_the_end [-- ADDRESS]
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
    let mut everything = Vec::new();
    client.read_to_end(&mut everything)?;
    client.write_all(&everything)
}
