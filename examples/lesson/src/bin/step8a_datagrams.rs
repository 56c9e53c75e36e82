//! Step 8a: datagrams keep their borders. One send is one receive, and a small buffer loses bytes.
//!
//! ```text
//! cargo run --bin step8a_datagrams
//! ```
//!
//! Afterwards you can say what a stream adds to datagrams, and why 0 is not the end here.

use std::io;
use std::net::UdpSocket;

use lesson::answer;

fn main() -> io::Result<()> {
    // No listen, no accept, no connection: a bound socket receives from everybody.
    let receiver = UdpSocket::bind("127.0.0.1:0")?;
    let address = receiver.local_addr()?;
    let sender = UdpSocket::bind("127.0.0.1:0")?;
    let mut buffer = [0; 2048];

    sender.send_to(b"Hello ", address)?;
    sender.send_to(b"from Client 1", address)?;
    for _ in 0..2 {
        let (length, peer) = receiver.recv_from(&mut buffer)?;
        assert_eq!(peer, sender.local_addr()?); // each datagram brings its sender's address
        println!("received {length:>2}  \"{}\"", buffer[..length].escape_ascii());
    }

    // A datagram may have no bytes. It is received like any other, so 0 is no end.
    sender.send_to(b"", address)?;
    sender.send_to(b"not the end", address)?;
    for _ in 0..2 {
        let (length, _peer) = receiver.recv_from(&mut buffer)?;
        println!("received {length:>2}  \"{}\"", buffer[..length].escape_ascii());
    }

    // A buffer of 4 gets 4 bytes, and the others are lost. Windows says WSAEMSGSIZE; elsewhere
    // nobody says a word (recvmsg(2) has a flag for it, MSG_TRUNC).
    sender.send_to(b"truncated", address)?;
    sender.send_to(b"the next one", address)?;
    let result = receiver.recv_from(&mut buffer[..4]).map(|(length, _peer)| length);
    println!("received {:>2}  \"{}\"", answer(result), buffer[..4].escape_ascii());
    let (length, _peer) = receiver.recv_from(&mut buffer)?;
    println!("received {length:>2}  \"{}\"", buffer[..length].escape_ascii());

    // The length field has 16 bits, and the headers count: IPv4 carries at most 65507 bytes.
    println!("send 65508   {}", answer(sender.send_to(&[0; 65508], address)));
    Ok(())
}
