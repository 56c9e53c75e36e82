//! Step 7a: one client at a time, and then a thread for each, on the same load.
//!
//! ```text
//! cargo run --bin step7a_threads
//! ```
//!
//! Afterwards you can serve many clients, and say what one silent client does to the others.

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

use lesson::{CLIENTS, SILENCE, load};

fn main() -> io::Result<()> {
    println!("{CLIENTS} clients behind one that is silent for {} ms", SILENCE.as_millis());

    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    thread::spawn(move || in_turn(&listener));
    println!("one at a time   all served after {:>3} ms", load(address)?.as_millis());

    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    thread::spawn(move || a_thread_each(&listener));
    println!("a thread each   all served after {:>3} ms", load(address)?.as_millis());

    // Nobody joins the servers' threads: they are detached. The system ends them, wherever they
    // are, when main returns. If that matters, keep the handles and join (step 6e).
    Ok(())
}

fn in_turn(listener: &TcpListener) -> io::Result<()> {
    loop {
        let (client, _peer) = listener.accept()?;
        echo(client)?; // nobody is accepted before this client has gone
    }
}

fn a_thread_each(listener: &TcpListener) -> io::Result<()> {
    loop {
        let (client, _peer) = listener.accept()?;
        // pthread_create(3). `move` gives the socket to the thread, which closes it at the end.
        thread::spawn(move || echo(client));
    }
}

fn echo(mut client: TcpStream) -> io::Result<()> {
    let mut buffer = [0; 4096];
    loop {
        let length = client.read(&mut buffer)?;
        if length == 0 {
            return Ok(());
        }
        client.write_all(&buffer[..length])?;
    }
}
