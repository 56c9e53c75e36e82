//! Step 6e: drain. A server stops, and a client with an echo under way still gets it.
//!
//! ```text
//! cargo run --bin step6e_drain
//! ```
//!
//! Afterwards you can stop a server with threads: wake accept, wake read, join.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use lesson::answer;

static STOP: AtomicBool = AtomicBool::new(false);

fn main() -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    let server = thread::spawn(move || serve(listener));

    let mut client = TcpStream::connect(address)?;
    client.write_all(b"first words")?;
    client.read_exact(&mut [0; 11])?; // so the server has accepted it
    client.write_all(b"last words")?;

    STOP.store(true, Ordering::Relaxed);
    drop(TcpStream::connect(address)?); // wakes accept: std has no other way
    let mut reply = Vec::new();
    client.read_to_end(&mut reply)?;
    println!("client: read \"{}\", then 0", reply.escape_ascii());

    server.join().map_err(|_| io::Error::other("the server panicked"))??;
    let late = TcpStream::connect(address).map(|_| "connected");
    println!("one more client: {}", answer(late));
    Ok(())
}

fn serve(listener: TcpListener) -> io::Result<()> {
    let mut clients = Vec::new();
    loop {
        let (client, _peer) = listener.accept()?;
        if STOP.load(Ordering::Relaxed) {
            break; // this client came to wake us
        }
        let handle = client.try_clone()?; // dup(2): a second descriptor of the same socket
        let thread = thread::spawn(move || io::copy(&mut &client, &mut &client)); // step 4a's loop
        clients.push((handle, thread));
    }
    drop(listener); // from here on, new clients are refused
    for (handle, thread) in clients {
        // Wakes the thread's read: it gets what has arrived, and then 0.
        handle.shutdown(Shutdown::Read)?;
        println!("server: echoed {} bytes", thread.join().map_or(0, |bytes| bytes.unwrap_or(0)));
        drop(handle); // the last descriptor of the socket: only this close sends the FIN
    }
    Ok(())
}
