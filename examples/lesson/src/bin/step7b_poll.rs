//! Step 7b: one thread for all clients. poll(2) waits for many sockets, and says which are ready.
//!
//! ```text
//! cargo run --bin step7b_poll                      # the load of step 7a
//! cargo run --bin step7b_poll -- 127.0.0.1:7012    # serves until Ctrl-C
//! ```
//!
//! Afterwards you can write an event loop, and say what a server must remember about a client.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};

use rustix::event::{PollFd, PollFlags, poll};

/// What a thread keeps on its stack: how far this client's echo has come.
struct Client {
    stream: TcpStream,
    unsent: Vec<u8>,
}

fn main() -> io::Result<()> {
    lesson::measure_or_serve("poll, 1 thread", serve)
}

fn serve(listener: &TcpListener) -> io::Result<()> {
    let mut clients: Vec<Client> = Vec::new();
    loop {
        let mut waits = vec![PollFd::new(listener, PollFlags::IN)];
        for client in &clients {
            // No reading while bytes are unsent: a slow reader holds up itself and nobody else.
            let flags = if client.unsent.is_empty() { PollFlags::IN } else { PollFlags::OUT };
            waits.push(PollFd::new(&client.stream, flags));
        }
        poll(&mut waits, None)?; // the only place where this thread sleeps
        let ready: Vec<bool> = waits.iter().map(|wait| !wait.revents().is_empty()).collect();
        let mut still_open = Vec::new();
        for (number, mut client) in clients.into_iter().enumerate() {
            // Number 0 is the listener. A client that is not kept is dropped, and so closed.
            if !ready[number + 1] || go_on(&mut client).unwrap_or(false) {
                still_open.push(client);
            }
        }
        clients = still_open;
        if ready[0] {
            let (stream, _peer) = listener.accept()?;
            stream.set_nonblocking(true)?;
            clients.push(Client { stream, unsent: Vec::new() });
        }
    }
}

/// One turn of the loop of step 4a, without waiting. Returns whether it goes on.
fn go_on(client: &mut Client) -> io::Result<bool> {
    if client.unsent.is_empty() {
        let mut buffer = [0; 4096];
        let length = client.stream.read(&mut buffer)?;
        if length == 0 {
            return Ok(false); // the end of the stream
        }
        client.unsent.extend(&buffer[..length]);
    }
    match client.stream.write(&client.unsent) {
        Ok(length) => drop(client.unsent.drain(..length)),
        Err(error) if error.kind() == ErrorKind::WouldBlock => {} // poll says when there is room
        Err(error) => return Err(error),
    }
    Ok(true)
}
