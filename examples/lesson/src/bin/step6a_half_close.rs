//! Step 6a: half-close. shutdown(2) ends one direction, and the other one stays open.
//!
//! ```text
//! cargo run --bin step6a_half_close [-- --pause]
//! ```
//!
//! Afterwards you can send "that was all" and still get the reply.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};

use lesson::{answer, look_at_port, pause};

fn main() -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let port = listener.local_addr()?.port();
    let mut client = TcpStream::connect(listener.local_addr()?)?;
    let (mut server, _peer) = listener.accept()?;

    client.write_all(b"a question")?;
    client.shutdown(Shutdown::Write)?; // sends a FIN behind the last byte
    println!("client: sent a question, and the end of its direction");
    pause("half-closed: FIN-WAIT-2 and CLOSE-WAIT", &look_at_port(port));

    let mut question = Vec::new();
    server.read_to_end(&mut question)?;
    println!("server: read \"{}\", then 0", question.escape_ascii());
    // Its own direction is still open.
    server.write_all(b"an answer")?;
    drop(server); // close(2): the second FIN
    println!("server: sent an answer, and closed");

    let mut reply = Vec::new();
    client.read_to_end(&mut reply)?;
    println!("client: read \"{}\", then 0", reply.escape_ascii());
    pause("both ends are finished: TIME-WAIT", &look_at_port(port));

    // Its own direction has ended, so this fails on this side, and no packet leaves.
    println!("client: one more byte: {}", answer(client.write(b"!")));
    Ok(())
}
