//! Your own echo server: about 25 lines of std.
//!
//! ```text
//! cargo run -p project                                                      # this server
//! cargo run -p project --bin marker -- '127.0.0.1:7012' '[::1]:7012'        # in a second terminal
//! ```
//!
//! Replace each `todo!()`, and run the marker after each change. It names the first mistake.

#![allow(unused)] // remove this line when you begin

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

fn main() -> io::Result<()> {
    // All addresses of this host, and both families. (Without IPv6: 0.0.0.0:7012.)
    let address = std::env::args().nth(1).unwrap_or_else(|| "[::]:7012".to_owned());
    // 1. Listen on the address, and print which one it is (steps 2 and 3).
    // 2. Accept one client after another, for ever. None of them may hold up the others (step 7).
    todo!("steps 2, 3 and 7")
}

/// Returns to one client everything that it sends, until it sends no more.
fn echo(client: TcpStream) -> io::Result<()> {
    // 3. The loop of step 4. What does a read of 0 mean? Which bytes of the buffer were read?
    todo!("step 4")
}
