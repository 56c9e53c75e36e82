//! A server inside a program: started, observed, and stopped from outside.
//!
//! ```text
//! cargo run --example server             # greets itself, then stops
//! cargo run --example server '[::]:7000' # serves until you press Enter
//! ```
//!
//! Shows: the server never decides by itself when to end. It is handed a future, and drains its
//! clients when that is ready; what it has to say, it says through events.

use std::error::Error;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::thread;

use echo6::Server;
use echo6::server::Event;
use echo6::socket::{ListenOptions, listen};
use futures::FutureExt;
use futures::channel::oneshot;

fn main() -> Result<(), Box<dyn Error>> {
    let argument = std::env::args().nth(1);
    let endpoint = argument.as_deref().unwrap_or(":0").parse()?;
    let listeners = listen(&[endpoint], ListenOptions::default())?;
    let port = listeners[0].address().port();

    let server = Server::new(listeners).observe(|event| match event {
        Event::Closed(closed) => {
            println!("{} left, {} bytes echoed", closed.peer, closed.bytes_out);
        }
        Event::Stopped(_) => {}
        event => println!("{event}"), // each is a sentence
    });

    // Another thread decides when it is enough: dropping `stop` makes `stopped` ready.
    let (stop, stopped) = oneshot::channel::<()>();
    let guests = thread::spawn(move || {
        let result = match argument {
            Some(_) => std::io::stdin().read(&mut [0]).map(drop),
            None => greet(SocketAddr::new(Ipv4Addr::LOCALHOST.into(), port)),
        };
        drop(stop);
        result
    });
    let totals = async_std::task::block_on(server.run(stopped.map(drop)));
    println!("clients served: {}, lost: {}", totals.connections, totals.cut);
    guests.join().expect("the thread does not panic")?;
    Ok(())
}

/// An echo client needs no library: write, read as much, close.
fn greet(server: SocketAddr) -> std::io::Result<()> {
    let mut stream = TcpStream::connect(server)?;
    stream.write_all(b"hello")?;
    let mut reply = [0; 5];
    stream.read_exact(&mut reply)?; // one read may give fewer bytes: it repeats until all are here
    assert_eq!(&reply, b"hello");
    Ok(())
}
