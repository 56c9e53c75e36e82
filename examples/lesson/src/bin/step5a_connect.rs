//! Step 5a: connect(2). From a name to a connection, and who chooses the local address.
//!
//! ```text
//! cargo run --bin step5a_connect [-- --pause]
//! ```
//!
//! Afterwards you can write a client, and say where its own address and port come from.

use std::error::Error;
use std::net::{TcpListener, ToSocketAddrs};

use lesson::{look_at_port, pause};
use socket2::{Domain, Socket, Type};

fn main() -> Result<(), Box<dyn Error>> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let server = listener.local_addr()?;

    // getaddrinfo(3): a name may have several addresses, of both families.
    for address in ("localhost", server.port()).to_socket_addrs()? {
        println!("localhost is {}", address.ip());
    }

    let client = Socket::new(Domain::for_address(server), Type::STREAM, None)?;
    println!("after socket   own address {}", own_address(&client)?);
    // No bind: connect chooses the local address by the route to the peer, and a free port.
    client.connect(&server.into())?;
    println!("after connect  own address {}", own_address(&client)?);
    // getpeername(2)
    let peer = client.peer_addr()?.as_socket().ok_or("not an IP address")?;
    println!("               peer        {peer}");
    pause("connected: one line for each end", &look_at_port(server.port()));

    // The server sees the same two, the other way round. These four values (two addresses, two
    // ports) are what makes this connection different from any other.
    let (accepted, peer) = listener.accept()?;
    println!("the server's   own address {}", accepted.local_addr()?);
    println!("               peer        {peer}");
    Ok(())
}

/// getsockname(2). Before bind or connect, it is the address of nobody, with port 0.
fn own_address(socket: &Socket) -> Result<String, Box<dyn Error>> {
    match socket.local_addr()?.as_socket() {
        Some(address) => Ok(address.to_string()),
        None => Err("not an IP address".into()),
    }
}
