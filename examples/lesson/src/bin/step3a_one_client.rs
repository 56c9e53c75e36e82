//! Step 3a: accept(2) returns a new socket for one client, and the listening socket stays.
//!
//! ```text
//! cargo run --bin step3a_one_client [-- --pause]
//! ```
//!
//! Afterwards you can say why a server has two sockets, and echo one client by hand.

use std::error::Error;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

use lesson::{descriptor, look_at_port, pause};

fn main() -> Result<(), Box<dyn Error>> {
    // socket, bind and listen in one call: this is std's form of step 2.
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    println!("server: listening on {address}, descriptor {}", descriptor(&listener));

    // socket and connect in one call. It returns though nobody has accepted: see the queue.
    let mut client = TcpStream::connect(address)?;
    client.write_all(b"hello")?;
    println!("client: connected from {}, sent 5 bytes", client.local_addr()?);
    pause("the client waits in the queue", &look_at_port(address.port()));

    let (mut accepted, peer) = listener.accept()?;
    println!("server: accepted {peer}, descriptor {}", descriptor(&accepted));
    println!("server: the new socket's own address is {}", accepted.local_addr()?);

    let mut buffer = [0; 64];
    let length = accepted.read(&mut buffer)?;
    println!("server: read {length} bytes: {}", buffer[..length].escape_ascii());
    accepted.write_all(&buffer[..length])?;
    println!("server: wrote {length} bytes");

    let length = client.read(&mut buffer)?;
    println!("client: read {length} bytes: {}", buffer[..length].escape_ascii());
    pause("the listener, the client's socket and the accepted one", &look_at_port(address.port()));
    Ok(())
}
