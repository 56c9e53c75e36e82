//! Messages over IPv4 and IPv6 at the same time, and who answered each.
//!
//! ```text
//! cargo run --example client                                # starts its own server
//! cargo run --example client '127.0.0.1:7000' '[::1]:7000'  # talks to yours
//! ```
//!
//! Shows: one dual-stack socket serves both families (RFC 3493, section 5.3), and one thread waits
//! for any number of connections, because each is a future and not a thread.

use std::error::Error;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use echo6::address::{Endpoint, Families};
use echo6::socket::{ListenOptions, listen};
use echo6::{Client, Server};
use futures::future::join_all;

fn main() -> Result<(), Box<dyn Error>> {
    let mut servers = Vec::new();
    for argument in std::env::args().skip(1) {
        servers.push(argument.parse::<Endpoint>()?.resolve()?);
    }
    if servers.is_empty() {
        let port = start_server()?;
        servers.push(vec![SocketAddr::new(Ipv4Addr::LOCALHOST.into(), port)]);
        if std::net::TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).is_ok() {
            servers.push(vec![SocketAddr::new(Ipv6Addr::LOCALHOST.into(), port)]);
        } else {
            println!("this host has no IPv6");
        }
    }
    let failed = async_std::task::block_on(greet(&servers));
    if failed == 0 { Ok(()) } else { Err(format!("{failed} messages did not come back").into()) }
}

/// Starts a server in this process, for both families if the host has them; returns the port that
/// the system chose.
fn start_server() -> Result<u16, Box<dyn Error>> {
    let listeners = listen(&[":0".parse()?], ListenOptions::default())?;
    println!("server listens on {}", listeners[0]);
    let port = listeners[0].address().port();
    // A task of its own, which ends with the process.
    async_std::task::spawn(Server::new(listeners).run(std::future::pending::<()>()));
    Ok(port)
}

/// Sends three messages to each server, all at once; returns how many did not come back.
async fn greet(servers: &[Vec<SocketAddr>]) -> usize {
    let client = Client::new();
    // A future does nothing until it is awaited: this list is the work to do, not yet begun.
    let mut greetings = Vec::new();
    for addresses in servers {
        for n in 1..=3 {
            greetings.push(greet_once(&client, addresses, format!("Hello from Client {n}")));
        }
    }
    // All begin here. Each one that has to wait lets the others go on, so they end in any order.
    join_all(greetings).await.into_iter().filter(|came_back| !came_back).count()
}

async fn greet_once(client: &Client, addresses: &[SocketAddr], message: String) -> bool {
    match client.send(addresses, message.as_bytes()).await {
        Ok(reply) => {
            let family = Families::of(reply.peer);
            let millis = (reply.connect + reply.exchange).as_secs_f64() * 1e3;
            let text = String::from_utf8_lossy(&reply.bytes);
            println!("{text} came back over {family} from {} in {millis:.2} ms", reply.peer);
            true
        }
        Err(error) => {
            eprintln!("{message} did not come back: {error}");
            false
        }
    }
}
