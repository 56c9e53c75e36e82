//! Step 2: from text to a bound, listening socket, and what each stage refuses.
//!
//! ```text
//! cargo run --example step2_bind_listen
//! ```
//!
//! Shows: inet_pton(3), htons(3), bind(2), listen(2), getsockname(2) and `IPV6_V6ONLY` (RFC 3493,
//! section 5.3).
//!
//! Only what needs no privileges is shown: to bind a port below 1024 may also answer EACCES.

use std::error::Error;
use std::fmt::Display;
use std::iter::from_fn;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::time::Duration;

use echo6::address::pton4;
use socket2::{Domain, Socket, Type};

fn main() -> Result<(), Box<dyn Error>> {
    println!("text to bytes");
    for (text, name) in [
        ("127.0.0.1", "INADDR_LOOPBACK: this host"),
        ("0.0.0.0", "INADDR_ANY: every address of this host"),
        ("255.255.255.255", "INADDR_BROADCAST: all on the link, never a stream"),
    ] {
        println!("  {text:<15}  {:02x?}  {name}", pton4(text)?.octets());
    }
    // The network's order is big endian, most machines are little endian. A port that was not
    // turned round is 22555 instead of 7000, and nothing says so: std's types turn it for you.
    let [network, memory] = [7000_u16.to_be_bytes(), 7000_u16.to_ne_bytes()];
    println!("  port 7000        {network:02x?} on the network, {memory:02x?} in this memory");
    // In C the answer would be 0, "not an address", without a place.
    say("127.0.0.256", pton4("127.0.0.256"));

    println!("bind");
    let loopback = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let stream = || Socket::new(Domain::IPV4, Type::STREAM, None);
    let (first, second) = (stream()?, stream()?);
    // Port 0 asks for any free port, so two programs never quarrel; getsockname tells which.
    first.bind(&loopback.into())?;
    let address = first.local_addr()?.as_socket().ok_or("not an Internet address")?;
    println!("  127.0.0.1:0      {address}");
    first.listen(1)?;
    // Even with SO_REUSEADDR, while the other listens. Only Windows lets it steal the port then.
    say("the same port", second.bind(&address.into()));
    say("a second time", first.bind(&loopback.into()));
    // 192.0.2.0/24 is for documentation (RFC 5737): no interface has it, and none is asked.
    say("192.0.2.1:0", second.bind(&SocketAddr::from(([192, 0, 2, 1], 0)).into()));

    println!("listen");
    say("datagrams", Socket::new(Domain::IPV4, Type::DGRAM, None)?.listen(1));
    // A listening socket is passive: the kernel completes connections and queues them, whether
    // somebody accepts them or not. What a full queue does to the next client is up to the system:
    // Linux and macOS leave it without an answer until it gives up, Windows refuses it.
    let connect = || TcpStream::connect_timeout(&address, Duration::from_millis(200));
    let waiting: Vec<TcpStream> = from_fn(|| connect().ok()).take(99).collect();
    println!("  a backlog of 1   {} clients connected, none accepted", waiting.len());
    say("one more client", connect());

    // 0 by default on Linux and macOS, 1 on Windows, FreeBSD and NetBSD; OpenBSD knows only 1. A
    // program that means one of them says so.
    for (v6_only, title) in [(false, "[::]:0, IPV6_V6ONLY 0"), (true, "[::]:0, IPV6_V6ONLY 1")] {
        println!("{title}");
        let Ok(socket) = Socket::new(Domain::IPV6, Type::STREAM, None) else {
            println!("  this host has no IPv6");
            continue;
        };
        socket.set_only_v6(v6_only)?; // before bind: afterwards it is EINVAL
        socket.bind(&SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0)).into())?;
        socket.listen(128)?;
        let port = socket.local_addr()?.as_socket().map_or(0, |address| address.port());
        say("client of ::1", TcpStream::connect((Ipv6Addr::LOCALHOST, port)));
        say("of 127.0.0.1", TcpStream::connect((Ipv4Addr::LOCALHOST, port)));
    }
    Ok(())
}

fn say<T>(what: &str, answer: Result<T, impl Display>) {
    match answer {
        Ok(_) => println!("  {what:<15}  yes"),
        Err(error) => println!("  {what:<15}  {error}"),
    }
}
