//! Step 4a: the echo loop. Read, stop at 0, write what was read, and again.
//!
//! ```text
//! cargo run --bin step4a_echo_loop
//! ```
//!
//! Afterwards you can write the eight lines that every echo server is made of.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::thread;

fn main() -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;

    // The client is a thread of its own, because both ends wait for each other.
    let client = thread::spawn(move || client(TcpStream::connect(address)?));
    let (accepted, _peer) = listener.accept()?;
    echo(accepted)?;
    client.join().map_err(|_| io::Error::other("the client panicked"))?
}

fn echo(mut client: TcpStream) -> io::Result<()> {
    let mut buffer = [0; 4096];
    loop {
        let length = client.read(&mut buffer)?; // recv(2): waits until there is at least one byte
        if length == 0 {
            println!("server: read 0 bytes, which is the end of the stream");
            return Ok(()); // `client` is dropped here: close(2)
        }
        println!("server: read {length} bytes");
        // Only the bytes that were read: the rest of the buffer is old. `write_all` repeats
        // send(2) until all of them are taken.
        client.write_all(&buffer[..length])?;
    }
}

fn client(mut server: TcpStream) -> io::Result<()> {
    for message in ["Hello", " from", " Client 1"] {
        server.write_all(message.as_bytes())?;
        // One read may return a part, so `read_exact` repeats it until the buffer is full.
        let mut reply = vec![0; message.len()];
        server.read_exact(&mut reply)?;
        println!("client: \"{}\" came back", reply.escape_ascii());
    }
    // "I have sent everything": this is what the server reads as 0.
    server.shutdown(Shutdown::Write)?;
    let mut rest = Vec::new();
    server.read_to_end(&mut rest)?;
    println!("client: {} more bytes, then the end of the stream", rest.len());
    Ok(())
}
