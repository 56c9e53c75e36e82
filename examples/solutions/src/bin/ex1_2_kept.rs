//! Exercise 1.2: the sockets of step 1a, kept in variables.
//!
//! ```text
//! cargo run -p solutions --bin ex1_2_kept
//! ```
//!
//! Nothing is closed, so each takes the next number. A refused socket takes none.

use lesson::{descriptor, name};
use socket2::{Domain, Protocol, Socket, Type};

fn main() {
    let mut kept = Vec::new();
    for protocol in [Protocol::TCP, Protocol::TCP, Protocol::UDP, Protocol::TCP] {
        match Socket::new(Domain::IPV4, Type::STREAM, Some(protocol)) {
            Ok(socket) => {
                println!("descriptor {}", descriptor(&socket));
                kept.push(socket);
            }
            Err(error) => println!("{}", name(&error)),
        }
    }
}
