//! Step 4: receive and send. A stream has no messages, and neither call promises to do it all.
//!
//! ```text
//! cargo run --example step4_receive_send
//! ```
//!
//! Shows: recv(2) and send(2), with `MSG_PEEK`; what `MSG_WAITALL` is for (`read_exact`); partial
//! writes; and the three answers of recv: bytes, 0 and an error.
//!
//! Two flags more: `MSG_NOSIGNAL` keeps a send to a closed connection from killing the process with
//! SIGPIPE, which Rust's programs ignore from the start; `MSG_DONTROUTE` sends to a neighbour only,
//! past the routing table, and is a tool for diagnosis.

use std::error::Error;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};

use socket2::SockRef;

fn main() -> Result<(), Box<dyn Error>> {
    println!("a stream has no messages");
    let (mut sender, mut receiver) = pair()?;
    sender.write_all(b"Hello ")?;
    let mut buffer = [0; 64];
    // A look at what is there leaves it there.
    let length = receiver.peek(&mut buffer)?;
    println!("  peek         \"{}\"", buffer[..length].escape_ascii());
    sender.write_all(b"from Client 1")?;
    // A buffer that is too small, or a network that is slow: the rest comes with the next call.
    let length = receiver.read(&mut buffer[..4])?;
    println!("  read         \"{}\"", buffer[..length].escape_ascii());
    receiver.read_exact(&mut buffer[..15])?;
    println!("  read_exact   \"{}\"", buffer[..15].escape_ascii());

    println!("a send may take less than it is given");
    let message = vec![b'x'; 1_000_000];
    sender.set_nonblocking(true)?;
    let (mut sent, mut sends) = (sender.write(&message)?, 1);
    println!("  one send     {sent} of {} bytes", message.len());
    let (mut received, mut waits, mut room) = (0, 0, vec![0; 4096]);
    while received < message.len() {
        // The rest must be sent again, from where it stopped: that is what `write_all` does.
        match sender.write(&message[sent..]) {
            Ok(taken @ 1..) => (sent, sends) = (sent + taken, sends + 1),
            // EAGAIN: no room until the receiver reads. A blocking send would wait for it here.
            Err(error) if error.kind() != ErrorKind::WouldBlock => return Err(error.into()),
            full_or_all_sent => {
                waits += usize::from(full_or_all_sent.is_err());
                received += receiver.read(&mut room)?;
            }
        }
    }
    println!("  all of it    {sends} sends, {waits} times without room");

    println!("the three answers of recv");
    sender.set_nonblocking(true)?;
    say("nothing yet", sender.read(&mut buffer));
    sender.set_nonblocking(false)?;
    receiver.write_all(b"bytes")?;
    say("bytes", sender.read(&mut buffer));
    receiver.shutdown(Shutdown::Write)?;
    // The end of the stream is no error: the peer has said all it had to say. It is told as often
    // as it is asked for, and the other direction is open as before.
    say("the end", sender.read(&mut buffer));
    say("once more", sender.read(&mut buffer));
    say("send, ended", receiver.write(b"after our own end"));
    // The peer crashed, or meant it: bytes may be lost, and that is an error.
    let (abrupt, mut receiver) = pair()?;
    SockRef::from(&abrupt).set_linger(Some(std::time::Duration::ZERO))?;
    drop(abrupt);
    say("a reset", receiver.read(&mut buffer));
    Ok(())
}

/// Two ends of a connection, with buffers so small that they are soon full.
fn pair() -> io::Result<(TcpStream, TcpStream)> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    // On the listener, which hands it on: the window is agreed on while a client connects.
    SockRef::from(&listener).set_recv_buffer_size(4096)?;
    let client = TcpStream::connect(listener.local_addr()?)?;
    SockRef::from(&client).set_send_buffer_size(4096)?;
    Ok((client, listener.accept()?.0))
}

fn say(what: &str, answer: io::Result<usize>) {
    let answer = answer.map_or_else(|error| error.to_string(), |length| length.to_string());
    println!("  {what:<11}  {answer}");
}
