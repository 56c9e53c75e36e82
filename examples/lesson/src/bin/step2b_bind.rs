//! Step 2b: bind(2) gives a socket its address, and listen(2) makes it passive.
//!
//! ```text
//! cargo run --bin step2b_bind [-- --pause]
//! ```
//!
//! Afterwards you can open a port, ask which one it is, and name what bind and listen refuse.

use std::error::Error;
use std::net::SocketAddr;

use lesson::{answer, look_at_port, pause};
use socket2::{Domain, Socket, Type};

fn main() -> Result<(), Box<dyn Error>> {
    let any_port: SocketAddr = "127.0.0.1:0".parse()?;

    let first = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    first.bind(&any_port.into())?;
    // Port 0 means "any free port", and getsockname(2) tells which one it is.
    let address = first.local_addr()?.as_socket().ok_or("not an IP address")?;
    println!("bind 127.0.0.1:0     {address}");
    pause(
        "the socket is bound, and not listening: ss does not list it",
        &look_at_port(address.port()),
    );
    first.listen(128)?;
    println!("listen               a passive socket: it gets clients, and never bytes");
    pause("the socket listens", &look_at_port(address.port()));

    // One port, one listener: even SO_REUSEADDR does not change that, except on Windows.
    let second = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    let result = second.bind(&address.into());
    println!("bind the same port   {}", answer(result.map(|()| "bound")));

    let result = first.bind(&any_port.into());
    println!("bind a second time   {}", answer(result.map(|()| "bound")));

    // 192.0.2.0/24 is reserved for documentation (RFC 5737), so no host has an address in it.
    let elsewhere: SocketAddr = "192.0.2.1:0".parse()?;
    let result = second.bind(&elsewhere.into());
    println!("bind 192.0.2.1:0     {}", answer(result.map(|()| "bound")));

    // Datagrams have no connections, so there is nothing to queue.
    let datagrams = Socket::new(Domain::IPV4, Type::DGRAM, None)?;
    let result = datagrams.listen(128);
    println!("listen, SOCK_DGRAM   {}", answer(result.map(|()| "listening")));
    Ok(())
}
