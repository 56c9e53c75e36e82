//! `echo6 send`: sends messages, checks that they come back, and prints them.

use std::net::SocketAddr;
use std::time::Duration;

use argh::FromArgs;
use echo6::Client;
use echo6::address::{Endpoint, Families};
use echo6::client::{Reply, SendError, resolve};
use futures::{StreamExt, stream};

use super::arguments::{endpoints, families, parse_timeout};
use super::failure::{Failure, Status};
use super::{output, runtime};

/// send each MESSAGE, check that it comes back unchanged, and print it
#[derive(FromArgs)]
#[argh(subcommand, name = "send", help_triggers("-h", "--help"))]
pub(crate) struct Send {
    /// IPv4 only
    #[argh(switch, short = '4')]
    ipv4: bool,

    /// IPv6 only
    #[argh(switch, short = '6')]
    ipv6: bool,

    /// how long the exchange may stand still (default: 5s)
    #[argh(option, short = 'w', from_str_fn(parse_timeout), default = "Duration::from_secs(5)")]
    timeout: Duration,

    /// how long to wait for each address to accept (default: 5s)
    #[argh(option, from_str_fn(parse_timeout), default = "Duration::from_secs(5)")]
    connect_timeout: Duration,

    /// say who answered, over which family, and how fast
    #[argh(switch, short = 'v')]
    verbose: bool,

    /// HOST:PORT or [IPV6]:PORT; several are separated by commas
    #[argh(positional, arg_name = "ADDRESS")]
    addresses: String,

    /// what to send, each on a connection of its own
    #[argh(positional, arg_name = "MESSAGE")]
    messages: Vec<String>,
}

/// How many connections may be open at once.
const PARALLEL: usize = 64;

pub(crate) fn run(arguments: Send) -> Result<Status, Failure> {
    let endpoints = endpoints(&arguments.addresses)?;
    let families = families(arguments.ipv4, arguments.ipv6)?;
    if arguments.messages.is_empty() {
        return Err(Failure::usage("no MESSAGE given"));
    }
    runtime::run_here(async {
        let mut targets: Vec<Vec<SocketAddr>> = Vec::new();
        for endpoint in &endpoints {
            targets.push(addresses(endpoint, families).await?);
        }
        let client =
            Client::new().connect_timeout(arguments.connect_timeout).timeout(arguments.timeout);
        let pairs = targets.iter().flat_map(|target| {
            arguments.messages.iter().map(move |message| (target, message.as_bytes()))
        });
        let sends = pairs.map(|(target, message)| client.send(target, message));
        let mut replies = stream::iter(sends).buffered(PARALLEL);
        let mut status = Status::Ok;
        while let Some(reply) = replies.next().await {
            if let Err(failure) = show(reply, &arguments) {
                status = failure.print();
            }
        }
        Ok(status)
    })
}

/// The addresses of `endpoint` that are of the wanted families.
async fn addresses(endpoint: &Endpoint, families: Families) -> Result<Vec<SocketAddr>, Failure> {
    let mut addresses = resolve(endpoint).await?;
    addresses.retain(|&address| families.contain(address));
    if addresses.is_empty() {
        return Err(Failure::usage(format!("{endpoint} has no {families} address")));
    }
    Ok(addresses)
}

/// Prints a reply on stdout, and with `-v` a line about it on stderr.
fn show(reply: Result<Reply, SendError>, arguments: &Send) -> Result<(), Failure> {
    let Reply { mut bytes, peer, local, connect, exchange, .. } = reply?;
    let length = output::count(bytes.len() as u64, "byte");
    bytes.push(b'\n');
    output::print(&bytes)?;
    if arguments.verbose {
        output::say(&format!(
            "{peer} answered {local} over {}: {length}, connected in {:.3} ms, echoed in {:.3} ms\n",
            Families::of(peer),
            connect.as_secs_f64() * 1e3,
            exchange.as_secs_f64() * 1e3,
        ));
    }
    Ok(())
}
