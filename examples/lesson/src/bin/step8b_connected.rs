//! Step 8b: a connected UDP socket. Nothing is sent; it chooses whom it hears, and hears errors.
//!
//! ```text
//! cargo run --bin step8b_connected
//! ```
//!
//! Afterwards you can say what connect(2) does to a datagram socket, and why a UDP server must
//! answer from the address that was asked.

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

use lesson::answer;

/// A reply that is not here by then does not come.
const PATIENCE: Duration = Duration::from_millis(300);

fn main() -> io::Result<()> {
    let server = UdpSocket::bind("0.0.0.0:0")?; // all addresses of this host
    server.set_read_timeout(Some(PATIENCE))?;
    let port = server.local_addr()?.port();
    let mut buffer = [0; 64];

    let client = client_of(SocketAddr::from(([127, 0, 0, 1], port)))?;
    let stranger = UdpSocket::bind("127.0.0.1:0")?;
    let client_address = SocketAddr::from(([127, 0, 0, 1], client.local_addr()?.port()));
    stranger.send_to(b"from a stranger", client_address)?;
    println!("from a stranger             {}", answer(client.recv(&mut buffer)));
    println!("from the peer               {}", answer(echo(&client, &server)));

    // All of 127.0.0.0/8 is this host (macOS: only after `ifconfig lo0 alias 127.0.0.2`). The
    // server's socket has no address of its own, so the system chooses one for the reply by the
    // route: 127.0.0.1. The client asked 127.0.0.2, and its system drops what comes from elsewhere.
    let client = client_of(SocketAddr::from(([127, 0, 0, 2], port)))?;
    println!("asked 127.0.0.2, answered   {}", answer(echo(&client, &server)));

    // Nobody is there any more: the first send succeeds, an ICMP message comes back, and the next
    // call reports it. An unconnected socket does not report it.
    let client = client_of(SocketAddr::from(([127, 0, 0, 1], port)))?;
    drop(server);
    println!("nobody there, send          {}", answer(client.send(b"hello")));
    println!("nobody there, receive       {}", answer(client.recv(&mut buffer)));
    Ok(())
}

fn client_of(server: SocketAddr) -> io::Result<UdpSocket> {
    let client = UdpSocket::bind("0.0.0.0:0")?;
    client.connect(server)?; // no handshake, no packet: it only stores the peer's address
    client.set_read_timeout(Some(PATIENCE))?;
    Ok(client)
}

/// The client asks, the server answers; returns how many bytes the client got.
fn echo(client: &UdpSocket, server: &UdpSocket) -> io::Result<usize> {
    let mut buffer = [0; 64];
    client.send(b"hello")?;
    let (length, peer) = server.recv_from(&mut buffer)?;
    server.send_to(&buffer[..length], peer)?;
    client.recv(&mut buffer)
}
