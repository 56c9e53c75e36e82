//! Exercise 2.1: a stream on 255.255.255.255.
//!
//! ```text
//! cargo run -p solutions --bin ex2_1_broadcast
//! ```
//!
//! Linux lets a stream bind and listen there, and no client can come: a connection has exactly two
//! ends, and a broadcast address is not one host.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use lesson::answer;
use socket2::{Domain, Socket, Type};

fn main() -> io::Result<()> {
    let listener = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    let result = listener.bind(&SocketAddr::from((Ipv4Addr::BROADCAST, 0)).into());
    println!("bind     {}", answer(result.map(|()| "bound")));
    println!("listen   {}", answer(listener.listen(128).map(|()| "listening")));
    let client = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    let result = client.connect(&listener.local_addr()?);
    println!("connect  {}", answer(result.map(|()| "connected")));
    Ok(())
}
