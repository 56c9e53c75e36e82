//! Step 1b: a descriptor is a small integer, and the system gives out the lowest free one.
//!
//! ```text
//! cargo run --bin step1b_descriptors [-- --pause]
//! ```
//!
//! Afterwards you can predict the number of the next socket, and say what close(2) does to it.

use std::io;

use lesson::{descriptor, look_at_descriptors, pause};
use socket2::{Domain, Socket, Type};

fn main() -> io::Result<()> {
    // 0 is the standard input, 1 the standard output, 2 the standard error.
    let a = stream_socket()?;
    let b = stream_socket()?;
    let c = stream_socket()?;
    println!("a is {}, b is {}, c is {}", descriptor(&a), descriptor(&b), descriptor(&c));
    pause("three sockets are open", &look_at_descriptors());

    drop(c);
    println!("c is closed");
    drop(a);
    println!("a is closed");
    // Not the one that was closed first, and not the one that was closed last: the lowest.
    let d = stream_socket()?;
    println!("d is {}", descriptor(&d));
    let e = stream_socket()?;
    println!("e is {}", descriptor(&e));
    pause("a and c are closed, d and e are open", &look_at_descriptors());

    // In C, `close(a)` followed by `send(a, ...)` compiles. It fails with EBADF; or it succeeds on
    // d, which has got the same number. Here it does not compile: `drop` has taken `a` away.
    Ok(())
}

fn stream_socket() -> io::Result<Socket> {
    Socket::new(Domain::IPV4, Type::STREAM, None)
}
