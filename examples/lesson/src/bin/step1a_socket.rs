//! Step 1a: create a socket. Three numbers go in; a descriptor or an error comes out.
//!
//! ```text
//! cargo run --bin step1a_socket
//! ```
//!
//! Afterwards you can say what the three arguments of socket(2) mean, and name the error that each
//! wrong one gets.

use std::io;

use lesson::{descriptor, name};
use socket2::{Domain, Protocol, Socket, Type};

fn main() {
    println!("domain    type         protocol  answer");

    // AF_INET is IPv4, AF_INET6 is IPv6. SOCK_STREAM is a stream of bytes, SOCK_DGRAM are datagrams.
    show(
        "AF_INET   SOCK_STREAM  TCP",
        Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP)),
    );
    show(
        "AF_INET6  SOCK_STREAM  TCP",
        Socket::new(Domain::IPV6, Type::STREAM, Some(Protocol::TCP)),
    );
    show("AF_INET   SOCK_DGRAM   UDP", Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP)));
    // Protocol 0 (here: None) lets the system choose. For a stream over IP that is always TCP.
    show("AF_INET   SOCK_STREAM  0", Socket::new(Domain::IPV4, Type::STREAM, None));

    // Each of the three numbers can be wrong, and each has an error of its own.
    let nonsense = 12345;
    show(
        "AF_INET   SOCK_STREAM  UDP",
        Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::UDP)),
    );
    show("12345     SOCK_STREAM  TCP", Socket::new(nonsense.into(), Type::STREAM, None));
    show("AF_INET   12345        TCP", Socket::new(Domain::IPV4, nonsense.into(), None));
}

fn show(request: &str, answer: io::Result<Socket>) {
    match answer {
        Ok(socket) => println!("{request:<31}  descriptor {}", descriptor(&socket)),
        Err(error) => println!("{request:<31}  {}", name(&error)),
    }
    // `answer` ends here. A socket in it is dropped, and dropping it is close(2).
}
