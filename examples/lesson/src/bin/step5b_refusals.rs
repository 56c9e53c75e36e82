//! Step 5b: the three ways in which connect(2) fails: refused, silent, no route.
//!
//! ```text
//! cargo run --bin step5b_refusals
//! ```
//!
//! Afterwards you can say, from the error alone, where to look for the fault.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use lesson::answer;
use socket2::{Domain, Socket, Type};

fn main() -> io::Result<()> {
    // A port that is bound, so that nobody else gets it, and at which nobody listens. The system
    // answers the SYN with a reset: the host is there, the service is not.
    let not_listening = bound_socket()?;
    let start = Instant::now();
    let result = TcpStream::connect(address_of(&not_listening)?);
    show("refused", start, result.map(|_| "connected"));

    // A full queue does not answer (on Linux and macOS), as a firewall that drops packets does not.
    // connect(2) repeats its SYN and gives up with ETIMEDOUT after a minute or two.
    let full = bound_socket()?;
    full.listen(0)?;
    let patience = Duration::from_millis(500);
    let mut waiting = Vec::new();
    while let Ok(client) = TcpStream::connect_timeout(&address_of(&full)?, patience) {
        waiting.push(client);
    }
    let start = Instant::now();
    let result = TcpStream::connect_timeout(&address_of(&full)?, patience);
    show("silent", start, result.map(|_| "connected"));

    // No way to the address: this socket is IPv6 only, and the address is an IPv4 one.
    let mapped = SocketAddr::from((Ipv4Addr::LOCALHOST.to_ipv6_mapped(), 7000));
    let start = Instant::now();
    show("no route", start, connect_over_ipv6_only(mapped).map(|()| "connected"));
    Ok(())
}

fn show(what: &str, start: Instant, result: io::Result<&str>) {
    println!("{what:<8}  after {:>3} ms: {}", start.elapsed().as_millis(), answer(result));
}

fn connect_over_ipv6_only(address: SocketAddr) -> io::Result<()> {
    let socket = Socket::new(Domain::IPV6, Type::STREAM, None)?;
    socket.set_only_v6(true)?;
    socket.connect(&address.into())
}

fn bound_socket() -> io::Result<Socket> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into())?;
    Ok(socket)
}

fn address_of(socket: &Socket) -> io::Result<SocketAddr> {
    socket.local_addr()?.as_socket().ok_or_else(|| io::ErrorKind::AddrNotAvailable.into())
}
