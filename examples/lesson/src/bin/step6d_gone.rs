//! Step 6d: the peer is gone. The first write still succeeds, and a later one fails.
//!
//! ```text
//! cargo run --bin step6d_gone
//! ```
//!
//! Afterwards you can say why a write that succeeded is no proof that anybody read it.

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};

use lesson::{answer, name};

fn main() -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let mut client = TcpStream::connect(listener.local_addr()?)?;
    let (server, _peer) = listener.accept()?;

    drop(server); // the program ended, or was killed: its system closes for it
    println!("read: {}", answer(client.read(&mut [0])));

    // A 0 means that the peer sends no more. It may still read (step 6a): nothing on this side
    // says that it does not. So the system takes the byte and sends it.
    println!("first write: {} byte taken", answer(client.write(b"x")));

    // The byte reached a system on which nobody has this connection. It answers with a reset, and
    // from then on a write fails. (In C: SIGPIPE ends the program, unless it says MSG_NOSIGNAL.)
    let error = loop {
        if let Err(error) = client.write(b"x") {
            break error;
        }
    };
    println!("a later write: {}", name(&error));

    // A peer whose cable is cut sends neither: a read waits for ever. Only a timeout of yours, or
    // keepalive (SO_KEEPALIVE, after two hours unless set), finds that out.
    Ok(())
}
