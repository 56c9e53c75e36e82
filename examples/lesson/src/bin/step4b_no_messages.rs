//! Step 4b: a stream has no messages. What is sent in two parts may be read in one, or in five.
//!
//! ```text
//! cargo run --bin step4b_no_messages
//! ```
//!
//! Afterwards you can say why a protocol over TCP must mark where a message ends.

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};

fn main() -> io::Result<()> {
    let (mut sender, mut receiver) = connected_pair()?;
    let mut buffer = [0; 64];

    // MSG_PEEK: a look at what has arrived. It stays in the receive buffer.
    sender.write_all(b"Hello ")?;
    let length = receiver.peek(&mut buffer)?;
    println!("sent \"Hello \"         peek {length:>2}  \"{}\"", buffer[..length].escape_ascii());

    sender.write_all(b"from Client 1")?;
    // A small buffer takes a part. The other bytes wait for the next call.
    let length = receiver.read(&mut buffer[..4])?;
    println!("sent \"from Client 1\"  read {length:>2}  \"{}\"", buffer[..length].escape_ascii());

    // The last two letters of the first part and all of the second, in one piece: the border
    // between the two sends is not in the stream. `read_exact` repeats read until it has 15 bytes
    // (in C: MSG_WAITALL).
    receiver.read_exact(&mut buffer[..15])?;
    println!("                      read 15  \"{}\"", buffer[..15].escape_ascii());

    // So the two ends need a rule. Here: a message ends with a newline, and no message has one
    // inside. Other rules: the length comes first; or each message has a connection of its own.
    sender.write_all(b"one\ntwo\nthr")?;
    let length = receiver.read(&mut buffer)?;
    let mut pieces = buffer[..length].split(|&byte| byte == b'\n').peekable();
    while let Some(piece) = pieces.next() {
        let whole = if pieces.peek().is_some() { "message" } else { "not yet one" };
        println!("{whole:<31}\"{}\"", piece.escape_ascii());
    }
    Ok(())
}

/// Two ends of one connection in one program, so that it can show both.
fn connected_pair() -> io::Result<(TcpStream, TcpStream)> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let client = TcpStream::connect(listener.local_addr()?)?;
    let (accepted, _peer) = listener.accept()?;
    Ok((client, accepted))
}
