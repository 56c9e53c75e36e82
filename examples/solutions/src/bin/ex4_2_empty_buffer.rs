//! Exercise 4.2: reading into an empty buffer.
//!
//! ```text
//! cargo run -p solutions --bin ex4_2_empty_buffer
//! ```
//!
//! With bytes there it returns 0, which here is not the end. With nothing there it waits like any
//! other read (recv(2) on Linux), and a non-blocking one says EAGAIN. So never read into an empty
//! buffer: its 0 can not be told from the end.

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};

use lesson::answer;

fn main() -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let mut client = TcpStream::connect(listener.local_addr()?)?;
    let (mut server, _peer) = listener.accept()?;

    client.set_nonblocking(true)?; // or the next line would wait for ever
    println!("nothing sent     {}", answer(client.read(&mut [])));
    server.write_all(b"hello")?;
    while client.peek(&mut [0]).is_err() {} // until they have arrived
    println!("5 bytes sent     {}", answer(client.read(&mut [])));
    println!("a real buffer    {}", answer(client.read(&mut [0; 64])));
    Ok(())
}
