//! Exercise 2.2: how many clients a backlog holds.
//!
//! ```text
//! cargo run -p solutions --bin ex2_2_backlog
//! ```
//!
//! On Linux, one more than the number. The kernel takes no more than net.core.somaxconn says.

use std::error::Error;
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use socket2::{Domain, Socket, Type};

fn main() -> Result<(), Box<dyn Error>> {
    for backlog in [0, 1, 10] {
        let listener = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        listener.bind(&"127.0.0.1:0".parse::<SocketAddr>()?.into())?;
        listener.listen(backlog)?;
        let address = listener.local_addr()?.as_socket().ok_or("not an IP address")?;
        let patience = Duration::from_millis(300);
        let mut waiting = Vec::new();
        while let Ok(client) = TcpStream::connect_timeout(&address, patience) {
            waiting.push(client);
        }
        println!("a backlog of {backlog:>2} holds {:>2} clients", waiting.len());
    }
    Ok(())
}
