//! Exercise 7.1: a server that runs out of descriptors, and goes on when some are free again.
//!
//! ```text
//! cargo run -p solutions --bin ex7_1_survives
//! ```
//!
//! accept(2) fails with EMFILE while the clients wait in the queue, so to try again immediately
//! would be a loop that uses a whole processor. Wait a moment: a client that leaves frees one.

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

static SHORTAGES: AtomicUsize = AtomicUsize::new(0);

fn main() -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    let mut clients = Vec::new();
    for _ in 0..30 {
        clients.push(TcpStream::connect(address)?);
    }
    lower_the_limit_to(40)?; // room for a few of the server's ends, and not for all 30
    thread::spawn(move || serve(&listener));
    while cfg!(unix) && SHORTAGES.load(Ordering::Relaxed) == 0 {
        thread::yield_now(); // nobody leaves before the server has run short
    }

    for mut client in clients {
        client.write_all(b"hello")?;
        client.read_exact(&mut [0; 5])?;
        // Dropped here: its descriptor is free again, and soon that of the server's end, too.
    }
    let shortages = SHORTAGES.load(Ordering::Relaxed);
    println!("30 clients served, accept failed on the way: {}", shortages > 0);
    Ok(())
}

fn serve(listener: &TcpListener) {
    loop {
        match listener.accept() {
            Ok((client, _peer)) => {
                thread::spawn(move || io::copy(&mut &client, &mut &client));
            }
            Err(_shortage) => {
                SHORTAGES.fetch_add(1, Ordering::Relaxed);
                thread::sleep(Duration::from_millis(10));
            }
        }
    }
}

#[cfg(unix)]
fn lower_the_limit_to(descriptors: u64) -> io::Result<()> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: Some(descriptors), ..limit })?;
    Ok(())
}

/// Windows has no such limit.
#[cfg(not(unix))]
fn lower_the_limit_to(_descriptors: u64) -> io::Result<()> {
    Ok(())
}
