//! Step 2c: the kernel completes connections and queues them, whether somebody accepts or not.
//!
//! ```text
//! cargo run --bin step2c_queue [-- --pause]
//! ```
//!
//! Afterwards you can explain the backlog: what it counts, and what a full one does to a client.

use std::error::Error;
use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use lesson::{answer, look_at_port, name, pause};
use socket2::{Domain, Socket, Type};

const BACKLOG: i32 = 1;
const PATIENCE: Duration = Duration::from_millis(500);

fn main() -> Result<(), Box<dyn Error>> {
    let listener = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    listener.bind(&"127.0.0.1:0".parse::<SocketAddr>()?.into())?;
    listener.listen(BACKLOG)?;
    let address = listener.local_addr()?.as_socket().ok_or("not an IP address")?;

    let mut waiting = Vec::new();
    let refusal = loop {
        match TcpStream::connect_timeout(&address, PATIENCE) {
            Ok(client) => waiting.push(client),
            Err(error) => break error,
        }
    };
    println!("a backlog of {BACKLOG} holds {} clients, and nobody has accepted one", waiting.len());
    // Linux and macOS leave this client without an answer. The words are std's, not the system's:
    // std gives up after PATIENCE. Windows refuses the client instead.
    println!("the next client: {refusal}");
    pause("the queue is full", &look_at_port(address.port()));

    // The client's side of the connection is complete, so it can write. The bytes wait in the
    // receive buffer of a socket that no program has yet.
    let written = waiting[0].write(b"hello");
    println!("the first client writes: {} bytes taken", answer(written));

    let (accepted, _peer) = listener.accept()?;
    println!("one is accepted");
    match TcpStream::connect_timeout(&address, PATIENCE * 10) {
        Ok(client) => {
            println!("the next client: connected");
            waiting.push(client);
        }
        Err(error) => println!("the next client: {}", name(&error)),
    }
    pause("one is accepted, and another one has its place", &look_at_port(address.port()));
    drop(accepted);
    Ok(())
}
