//! Step 3b: accept(2) also says who the client is, and a dual-stack socket says it in IPv6.
//!
//! ```text
//! cargo run --bin step3b_peer
//! ```
//!
//! Afterwards you can recognise an IPv4-mapped address (RFC 4291, 2.5.5.2) and turn it back.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, TcpListener, TcpStream};

use lesson::name;

fn main() -> io::Result<()> {
    // std leaves IPV6_V6ONLY at the system's default: 0 on Linux and macOS, 1 on Windows.
    let listener = match TcpListener::bind("[::]:0") {
        Ok(listener) => listener,
        Err(error) => {
            println!("this host has no IPv6: {}", name(&error));
            TcpListener::bind("0.0.0.0:0")?
        }
    };
    let port = listener.local_addr()?.port();

    for address in [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)] {
        let client = match TcpStream::connect((address, port)) {
            Ok(client) => client,
            Err(error) => {
                println!("no client of {address}: {}", name(&error));
                continue;
            }
        };
        println!("the client says    {}", client.local_addr()?);

        let (_accepted, peer) = listener.accept()?;
        // `peer` is what accept wrote into a sockaddr. To print it, std does what inet_ntop(3) and
        // ntohs(3) do in C.
        println!("accept says        {peer}");
        // The same bytes, but a firewall rule or a log search for 127.0.0.1 does not match them.
        let plain = peer.ip().to_canonical();
        println!("without the prefix {plain}, port {}", peer.port());
    }
    Ok(())
}
