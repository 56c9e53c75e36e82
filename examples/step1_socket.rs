//! Step 1: create a socket. Three numbers go in; a descriptor or an error comes out.
//!
//! ```text
//! cargo run --example step1_socket
//! ```
//!
//! Shows: socket(2), its domain, type and protocol; what the system answers when it refuses; that a
//! descriptor is a small integer, of which a process has only so many; and that to drop a socket is
//! to close(2) it.
//!
//! In C, a refusal is -1, and the reason waits in `errno` until the next call overwrites it. Here it
//! is the `Err` of the call that failed, which cannot be overlooked and carries its own text
//! (strerror(3)).

use std::error::Error;
use std::io;

use socket2::{Domain, Protocol, Socket, Type};

/// A family and a type that no system has.
const NONSENSE: i32 = 12345;

fn main() -> Result<(), Box<dyn Error>> {
    let (tcp, udp) = (Some(Protocol::TCP), Some(Protocol::UDP));
    println!("domain    type         protocol  answer");
    // The first must work: without it there is nothing to teach.
    let first = Socket::new(Domain::IPV4, Type::STREAM, tcp)?;
    report("AF_INET   SOCK_STREAM  TCP", &Ok(first));
    // The socket from above was closed at the end of the call, so its number is free again, and the
    // system hands out the lowest free one. A leak is a socket that nobody closes.
    let six = Socket::new(Domain::IPV6, Type::STREAM, tcp);
    report("AF_INET6  SOCK_STREAM  TCP", &six);
    if six.is_err() {
        println!("(this host has no IPv6: the later steps go on with IPv4 alone)");
    }
    // Protocol 0 lets the system choose: for a stream that is TCP. `six` still has its number.
    report("AF_INET   SOCK_STREAM  0", &Socket::new(Domain::IPV4, Type::STREAM, None));
    report("AF_INET   SOCK_DGRAM   UDP", &Socket::new(Domain::IPV4, Type::DGRAM, udp));

    // A refused request: each of the three numbers has its own errno.
    report("AF_INET   SOCK_STREAM  UDP", &Socket::new(Domain::IPV4, Type::STREAM, udp));
    report("12345     SOCK_STREAM  TCP", &Socket::new(NONSENSE.into(), Type::STREAM, tcp));
    report("AF_INET   12345        TCP", &Socket::new(Domain::IPV4, NONSENSE.into(), tcp));
    use_all_descriptors()
}

fn report(request: &str, answer: &io::Result<Socket>) {
    match answer {
        Ok(socket) => println!("{request:<31}  descriptor {}", number(socket)),
        Err(error) => println!("{request:<31}  {error}"),
    }
}

#[cfg(unix)]
fn number(socket: &Socket) -> i32 {
    std::os::fd::AsRawFd::as_raw_fd(socket)
}

/// Windows counts its sockets apart from its files, in steps of four.
#[cfg(windows)]
fn number(socket: &Socket) -> u64 {
    std::os::windows::io::AsRawSocket::as_raw_socket(socket)
}

/// Too few resources: with room for 20 descriptors, the process soon has none left.
#[cfg(unix)]
fn use_all_descriptors() -> Result<(), Box<dyn Error>> {
    use rustix::process::{Resource, getrlimit, setrlimit};
    // A process may lower its own limit. The hard one stays, so that nothing is lost for good.
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, rustix::process::Rlimit { current: Some(20), ..limit })?;
    let mut open = Vec::new();
    let error = loop {
        match Socket::new(Domain::IPV4, Type::STREAM, None) {
            Ok(socket) => open.push(socket), // kept, as a leak would keep it
            Err(error) => break error,
        }
    };
    println!("{} sockets open, and the next: {error}", open.len());
    // accept(2) and open(2) fail in the same way now. To close one socket is enough to go on.
    open.pop();
    Socket::new(Domain::IPV4, Type::STREAM, None)?;
    println!("one of them closed, and the next: opened");
    Ok(())
}

#[cfg(not(unix))]
fn use_all_descriptors() -> Result<(), Box<dyn Error>> {
    println!("(Windows has no limit to lower: sockets run out when memory does)");
    Ok(())
}
