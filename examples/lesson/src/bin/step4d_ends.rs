//! Step 4d: the answers of recv(2). Bytes, nothing yet, the end, or an error.
//!
//! ```text
//! cargo run --bin step4d_ends
//! ```
//!
//! Afterwards you can tell "nothing yet" from "the end", and the end from a lost connection.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::time::Duration;

use lesson::answer;
use socket2::SockRef;

fn main() -> io::Result<()> {
    let mut buffer = [0; 64];

    let (mut server, mut client) = connected_pair()?;
    client.set_nonblocking(true)?;
    println!("nothing sent yet       {}", answer(client.read(&mut buffer)));
    client.set_nonblocking(false)?;

    server.write_all(b"hello")?;
    println!("5 bytes sent           {}", answer(client.read(&mut buffer)));

    // The peer has sent everything. That is no error, and each further read says it again.
    server.shutdown(Shutdown::Write)?;
    println!("the end sent           {}", answer(client.read(&mut buffer)));
    println!("asked again            {}", answer(client.read(&mut buffer)));

    // A reset: the peer crashed, or dropped the connection on purpose (step 6b). Bytes may be
    // lost, so this is an error.
    let (server, mut client) = connected_pair()?;
    SockRef::from(&server).set_linger(Some(Duration::ZERO))?;
    drop(server);
    println!("the connection reset   {}", answer(client.read(&mut buffer)));

    // std's words for "it ended before the buffer was full". The system has no such error.
    let (mut server, mut client) = connected_pair()?;
    server.write_all(b"hel")?;
    drop(server);
    let result = client.read_exact(&mut buffer[..5]).map(|()| 5);
    println!("read_exact 5, 3 sent   {}", answer(result));
    Ok(())
}

/// The accepted end and the connecting end of one connection.
fn connected_pair() -> io::Result<(TcpStream, TcpStream)> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let client = TcpStream::connect(listener.local_addr()?)?;
    let (accepted, _peer) = listener.accept()?;
    Ok((accepted, client))
}
