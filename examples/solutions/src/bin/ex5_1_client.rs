//! Exercise 5.1: an echo client.
//!
//! ```text
//! cargo run -p solutions --bin ex5_1_client                              # with its own server
//! cargo run -p solutions --bin ex5_1_client -- 127.0.0.1:7000 hello
//! ```
//!
//! Fine for messages of some kilobytes. A large one needs two threads, one that writes and one that
//! reads: else both ends wait in write, with all buffers full.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::thread;

fn main() -> io::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let address = match arguments.next() {
        Some(address) => address,
        None => one_echo()?,
    };
    let message = arguments.next().unwrap_or_else(|| "hello".to_owned());

    let mut server = TcpStream::connect(address)?;
    server.write_all(message.as_bytes())?;
    server.shutdown(Shutdown::Write)?; // "that was all"
    let mut reply = Vec::new();
    server.read_to_end(&mut reply)?;
    if reply == message.as_bytes() {
        println!("{} bytes came back", reply.len());
        Ok(())
    } else {
        Err(io::Error::other(format!("\"{}\" came back", reply.escape_ascii())))
    }
}

/// A server for one client. Returns its address.
fn one_echo() -> io::Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?.to_string();
    thread::spawn(move || {
        let (client, _peer) = listener.accept()?;
        io::copy(&mut &client, &mut &client)
    });
    Ok(address)
}
