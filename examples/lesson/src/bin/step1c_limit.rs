//! Step 1c: a process has only so many descriptors. Without a free one, socket(2) fails.
//!
//! ```text
//! cargo run --bin step1c_limit [-- --pause]
//! ```
//!
//! Afterwards you can explain EMFILE, and why a leak of descriptors stops a server.

use std::io;

use lesson::{look_at_descriptors, name, pause};
use socket2::{Domain, Socket, Type};

fn main() -> io::Result<()> {
    lower_the_limit_to_20()?;

    let mut open = Vec::new();
    loop {
        match Socket::new(Domain::IPV4, Type::STREAM, None) {
            Ok(socket) => open.push(socket), // kept, as a leak keeps it
            Err(error) => {
                println!("{} sockets are open, the next one: {}", open.len(), name(&error));
                break;
            }
        }
        if open.len() == 1000 {
            println!("1000 sockets are open, and there is no end");
            break;
        }
    }
    pause("no descriptor is left", &look_at_descriptors());

    // accept(2) and open(2) would fail in the same way now. One closed socket is enough to go on.
    drop(open.pop());
    Socket::new(Domain::IPV4, Type::STREAM, None)?;
    println!("after one is closed, the next one: opened");
    Ok(())
}

/// `ulimit -n 20` of the shell, from inside: setrlimit(2).
#[cfg(unix)]
fn lower_the_limit_to_20() -> io::Result<()> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: Some(20), ..limit })?;
    Ok(())
}

/// Windows has no such limit: its sockets run out when memory does.
#[cfg(not(unix))]
fn lower_the_limit_to_20() -> io::Result<()> {
    Ok(())
}
