//! Exercise 1.1: a raw socket is not for everybody.
//!
//! ```text
//! cargo run -p solutions --bin ex1_1_raw
//! ```
//!
//! With protocol 0, SOCK_RAW is EPROTONOSUPPORT for everybody: there is no default to choose. With
//! TCP, the arguments are right. An ordinary user then gets EPERM and root a descriptor, so EPERM
//! is no error of the arguments: it is about who asks.

use lesson::answer;
use socket2::{Domain, Protocol, Socket, Type};

fn main() {
    let result = Socket::new(Domain::IPV4, Type::RAW, None);
    println!("SOCK_RAW, 0    {}", answer(result.map(|_| "a descriptor")));
    let result = Socket::new(Domain::IPV4, Type::RAW, Some(Protocol::TCP));
    println!("SOCK_RAW, TCP  {}", answer(result.map(|_| "a descriptor")));
}
