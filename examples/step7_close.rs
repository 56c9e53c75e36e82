//! Step 7: close. Half of it or all of it, in good order or with a reset, and how a server drains.
//!
//! ```text
//! cargo run --example step7_close
//! ```
//!
//! Shows: shutdown(2), close(2), `SO_LINGER` (socket(7)), and the reset of RFC 1122, section
//! 4.2.2.13.
//!
//! close(2) is what `drop` does: it gives the descriptor back and leaves it to the system to deliver
//! what was sent. To use a closed descriptor is EBADF in C, or worse, somebody else's file that got
//! the number in the meantime. Here it does not compile: the socket has moved into `drop`.

use std::error::Error;
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::time::Duration;

use async_std::task;
use echo6::Server;
use echo6::socket::{ListenOptions, listen};
use futures::{FutureExt, channel::oneshot};
use socket2::SockRef;

fn main() -> Result<(), Box<dyn Error>> {
    println!("half-close");
    let (mut client, mut server) = pair()?;
    client.write_all(b"a question")?;
    // "I have said all I had to say", not "I am gone": the answer can still come.
    client.shutdown(Shutdown::Write)?;
    say("the server reads", &mut server);
    server.write_all(b"an answer")?;
    drop(server);
    say("the client reads", &mut client);

    println!("close");
    let (client, mut server) = pair()?;
    drop(client);
    say("in good order", &mut server);
    // What the other end has sent and this one never read: to close over it would be to lie about
    // it, so Linux and Windows reset. The BSDs and macOS wait until more of it comes.
    let (client, mut server) = pair()?;
    server.write_all(b"never read")?;
    client.peek(&mut [0])?; // it has arrived
    drop(client);
    say("with bytes unread", &mut server);
    // Zero seconds to deliver what is left: throw it away, and the connection with it.
    let (client, mut server) = pair()?;
    SockRef::from(&client).set_linger(Some(Duration::ZERO))?;
    drop(client);
    say("SO_LINGER 0", &mut server);

    println!("drain: a server is told to stop while a client has an echo under way");
    let listeners = listen(&["127.0.0.1:0".parse()?], ListenOptions::default())?;
    let address = listeners[0].address();
    let (stop, stopped) = oneshot::channel::<()>();
    let server = task::spawn(Server::new(listeners).run(stopped.map(drop)));
    let mut client = TcpStream::connect(address)?;
    client.write_all(b"the first words")?;
    client.read_exact(&mut [0; 15])?; // from here on, the server has accepted it
    client.write_all(b"the last words")?;
    drop(stop);
    say("the client reads", &mut client);
    let totals = task::block_on(server);
    println!("  the server          {} client served, {} reset", totals.connections, totals.cut);
    let late = TcpStream::connect(address).err();
    println!("  one more client     {}", late.map(|error| error.to_string()).unwrap_or_default());
    Ok(())
}

fn pair() -> io::Result<(TcpStream, TcpStream)> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let client = TcpStream::connect(listener.local_addr()?)?;
    Ok((client, listener.accept()?.0))
}

/// Reads to the end of the stream, or to the error that takes its place.
fn say(what: &str, stream: &mut TcpStream) {
    let mut bytes = Vec::new();
    match stream.read_to_end(&mut bytes) {
        Ok(length) => println!("  {what:<18}  {length} bytes, then end of stream"),
        Err(error) => println!("  {what:<18}  {} bytes, then {error}", bytes.len()),
    }
}
