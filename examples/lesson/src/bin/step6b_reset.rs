//! Step 6b: close(2) in good order, and the two ways to close with a reset instead.
//!
//! ```text
//! cargo run --bin step6b_reset
//! ```
//!
//! Afterwards you can say what "connection reset by peer" means, and how to cause it and avoid it.

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use socket2::SockRef;

fn main() -> io::Result<()> {
    // Nothing unread: close sends a FIN, and the peer reads 0.
    let (client, server) = connected_pair()?;
    drop(client);
    read_to_the_end("closed, nothing unread", server);

    // Bytes have arrived and are not read. A FIN would pretend that they were, so the system sends
    // a reset (RFC 1122, 4.2.2.13). macOS and the BSDs do that only if more bytes come.
    let (client, mut server) = connected_pair()?;
    server.write_all(b"never read")?;
    client.peek(&mut [0])?; // waits until they have arrived
    drop(client);
    read_to_the_end("closed, bytes unread", server);

    // SO_LINGER with 0 seconds: throw away what is not sent yet, and the connection with it.
    let (client, server) = connected_pair()?;
    SockRef::from(&client).set_linger(Some(Duration::ZERO))?;
    drop(client);
    read_to_the_end("closed with linger 0", server);
    Ok(())
}

fn read_to_the_end(what: &str, mut peer: TcpStream) {
    let mut bytes = Vec::new();
    match peer.read_to_end(&mut bytes) {
        Ok(length) => println!("{what:<22}  the peer reads {length} bytes, then 0"),
        Err(error) => println!("{what:<22}  the peer reads {}", lesson::name(&error)),
    }
}

fn connected_pair() -> io::Result<(TcpStream, TcpStream)> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let client = TcpStream::connect(listener.local_addr()?)?;
    let (accepted, _peer) = listener.accept()?;
    Ok((client, accepted))
}
