//! Datagrams there and back over IPv4 and IPv6, and one that nobody answers.
//!
//! ```text
//! cargo run --example udp
//! ```
//!
//! Shows: one dual-stack socket without connections answers each sender from the address that was
//! asked; a datagram comes back whole, also an empty one, or not at all; and only the one who waits
//! for it can notice that.

use std::error::Error;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::time::Duration;

use echo6::address::Families;
use echo6::socket::{ListenOptions, listen_datagrams};
use echo6::{Client, Server};

fn main() -> Result<(), Box<dyn Error>> {
    let sockets = listen_datagrams(&[":0".parse()?], ListenOptions::default())?;
    println!("answers on {}", sockets[0]);
    let port = sockets[0].address().port();
    // No listeners for TCP. It stops when `server` is told to, or dropped.
    let server = Server::new(Vec::new()).datagrams(sockets).start();

    let mut addresses = vec![SocketAddr::new(Ipv4Addr::LOCALHOST.into(), port)];
    if UdpSocket::bind((Ipv6Addr::LOCALHOST, 0)).is_ok() {
        addresses.push(SocketAddr::new(Ipv6Addr::LOCALHOST.into(), port));
    } else {
        println!("this host has no IPv6");
    }
    async_std::task::block_on(greet(&addresses))?;
    if let Some(datagrams) = server.stop().datagrams {
        println!("datagrams answered: {}", datagrams.datagrams_out);
    }
    Ok(())
}

async fn greet(addresses: &[SocketAddr]) -> Result<(), Box<dyn Error>> {
    let client = Client::new().timeout(Duration::from_secs(1));
    for &address in addresses {
        // The last travels in several packets (fragments), where a link takes no larger ones.
        for length in [5, 0, 20_000] {
            let reply = client.send_datagram(address, &vec![b'6'; length]).await?;
            let (family, millis) = (Families::of(reply.peer), reply.exchange.as_secs_f64() * 1e3);
            println!("{length} bytes came back over {family} in {millis:.2} ms");
        }
    }
    // A socket that is bound and never read: UDP has no connect that would have told.
    let deaf = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    match client.send_datagram(deaf.local_addr()?, b"hello?").await {
        Ok(reply) => Err(format!("{} answered", reply.peer).into()),
        Err(error) => {
            println!("{error}");
            Ok(())
        }
    }
}
