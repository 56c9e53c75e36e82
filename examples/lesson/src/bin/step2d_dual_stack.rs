//! Step 2d: one socket on `[::]` serves IPv6, and IPv4 as well if IPV6_V6ONLY is 0 (RFC 3493, 5.3).
//!
//! ```text
//! cargo run --bin step2d_dual_stack
//! ```
//!
//! Afterwards you can decide which families a server serves, on every system.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};

use lesson::answer;
use socket2::{Domain, Socket, Type};

fn main() -> io::Result<()> {
    for v6_only in [false, true] {
        println!("[::]:0 with IPV6_V6ONLY {}", i32::from(v6_only));
        match listener(v6_only) {
            Ok(listener) => {
                let port = port(&listener)?;
                let six = TcpStream::connect((Ipv6Addr::LOCALHOST, port));
                println!("  a client of ::1        {}", answer(six.map(|_| "connected")));
                let four = TcpStream::connect((Ipv4Addr::LOCALHOST, port));
                println!("  a client of 127.0.0.1  {}", answer(four.map(|_| "connected")));
            }
            Err(error) => println!("  this host has no IPv6: {}", lesson::name(&error)),
        }
    }
    Ok(())
}

fn listener(v6_only: bool) -> io::Result<Socket> {
    let socket = Socket::new(Domain::IPV6, Type::STREAM, None)?;
    // Set it explicitly, because the default differs between systems, and before bind: afterwards
    // it is EINVAL.
    socket.set_only_v6(v6_only)?;
    socket.bind(&SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0)).into())?;
    socket.listen(128)?;
    Ok(socket)
}

fn port(socket: &Socket) -> io::Result<u16> {
    let address = socket.local_addr()?.as_socket();
    Ok(address.map_or(0, |address| address.port()))
}
