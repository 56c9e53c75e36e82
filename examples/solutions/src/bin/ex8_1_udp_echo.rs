//! Exercise 8.1: an echo server for datagrams.
//!
//! ```text
//! cargo run -p solutions --bin ex8_1_udp_echo                     # with a client of its own
//! cargo run -p solutions --bin ex8_1_udp_echo -- 127.0.0.1:7012   # serves until Ctrl-C
//! ```
//!
//! No accept, no thread for each client, no end: one socket has them all. On 127.0.0.1 its replies
//! come from the address that was asked; on 0.0.0.0 they may not (step 8b).

use std::io;
use std::net::UdpSocket;
use std::thread;
use std::time::Duration;

fn main() -> io::Result<()> {
    if let Some(address) = std::env::args().nth(1) {
        return serve(&UdpSocket::bind(address)?);
    }
    let server = UdpSocket::bind("127.0.0.1:0")?;
    let address = server.local_addr()?;
    thread::spawn(move || serve(&server));

    let client = UdpSocket::bind("127.0.0.1:0")?;
    client.connect(address)?;
    client.set_read_timeout(Some(Duration::from_secs(2)))?; // datagrams get lost
    for message in ["Hello", "", "from Client 1"] {
        client.send(message.as_bytes())?;
        let mut buffer = [0; 65535];
        let length = client.recv(&mut buffer)?;
        println!("{length:>2} bytes came back: \"{}\"", buffer[..length].escape_ascii());
    }
    Ok(())
}

fn serve(socket: &UdpSocket) -> io::Result<()> {
    let mut buffer = [0; 65535]; // the largest datagram, so that none is truncated
    loop {
        let (length, peer) = socket.recv_from(&mut buffer)?;
        socket.send_to(&buffer[..length], peer)?;
    }
}
