//! Step 4c: a send may take fewer bytes than it is given, and the rest must be sent again.
//!
//! ```text
//! cargo run --bin step4c_partial_write
//! ```
//!
//! Afterwards you can write the loop inside `write_all`, for a socket that does not block.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};

use lesson::name;
use socket2::SockRef;

fn main() -> io::Result<()> {
    let (mut sender, mut receiver) = pair_with_small_buffers()?;
    // A blocking send would wait for room and take everything: on Linux nobody ever sees this.
    sender.set_nonblocking(true)?;
    let message = vec![b'x'; 1_000_000];

    let mut sent = sender.write(&message)?;
    println!("the first send takes {sent} of {} bytes", message.len());

    let mut full = 0;
    let mut received = 0;
    let mut buffer = [0; 4096];
    while sent < message.len() {
        match sender.write(&message[sent..]) {
            Ok(length) => sent += length, // the next send starts behind what was taken
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                // No room. A server would wait for it (poll, step 7b); here the same program is
                // the receiver, so it makes room itself.
                if full == 0 {
                    println!("once the buffers are full: {}", name(&error));
                }
                full += 1;
                received += receiver.read(&mut buffer)?;
            }
            Err(error) => return Err(error),
        }
    }
    drop(sender);
    received += receiver.read_to_end(&mut Vec::new())?;
    println!("all sent, {full} times without room; {received} bytes received");
    Ok(())
}

fn pair_with_small_buffers() -> io::Result<(TcpStream, TcpStream)> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    // On the listener, because a connection's window is agreed on before accept.
    SockRef::from(&listener).set_recv_buffer_size(4096)?;
    let client = TcpStream::connect(listener.local_addr()?)?;
    SockRef::from(&client).set_send_buffer_size(4096)?;
    let (accepted, _peer) = listener.accept()?;
    Ok((client, accepted))
}
