//! Exercise 4.1: what `write_all` does, by hand, for a blocking socket.
//!
//! ```text
//! cargo run -p solutions --bin ex4_1_send_all
//! ```

use std::io::{self, ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

fn main() -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let mut sender = TcpStream::connect(listener.local_addr()?)?;
    let (mut receiver, _peer) = listener.accept()?;
    let reader = thread::spawn(move || receiver.read_to_end(&mut Vec::new()));

    send_all(&mut sender, &vec![b'x'; 10_000_000])?;
    drop(sender); // the end of the stream, for which the reader waits
    let received = reader.join().map_err(|_| io::Error::other("the reader panicked"))??;
    println!("{received} bytes received");
    Ok(())
}

fn send_all(stream: &mut TcpStream, bytes: &[u8]) -> io::Result<()> {
    let mut sent = 0;
    while sent < bytes.len() {
        match stream.write(&bytes[sent..]) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()), // or the loop would never end
            Ok(length) => sent += length,
            // EINTR: a signal came before the first byte was taken. Nothing is wrong: again.
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
