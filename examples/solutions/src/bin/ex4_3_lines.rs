//! Exercise 4.3: messages in a stream. Each ends with a newline, wherever the reads end.
//!
//! ```text
//! cargo run -p solutions --bin ex4_3_lines
//! ```

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};

fn main() -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let mut client = TcpStream::connect(listener.local_addr()?)?;
    let (mut server, _peer) = listener.accept()?;

    let mut pending = Vec::new();
    for part in ["one\ntwo\nthr", "ee\n", "four"] {
        client.write_all(part.as_bytes())?;
        let mut buffer = [0; 64];
        let length = server.read(&mut buffer)?;
        pending.extend(&buffer[..length]);
        // Everything up to each newline is a message. What follows the last one stays pending.
        while let Some(end) = pending.iter().position(|&byte| byte == b'\n') {
            let message: Vec<u8> = pending.drain(..=end).collect();
            println!("message \"{}\"", message[..end].escape_ascii());
        }
    }
    println!("pending \"{}\"", pending.escape_ascii());
    Ok(())
}
