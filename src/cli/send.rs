//! `echo6 send`: sends messages, a file or stdin, checks that they come back, and prints them.

use std::cell::Cell;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use argh::FromArgs;
use echo6::Client;
use echo6::client::{Reply, SendError};
use futures::StreamExt;

use super::arguments::{endpoints, parse_count, parse_head_start, parse_source, parse_timeout};
use super::failure::{Failure, Status};
use super::json::{self, micros};
use super::output::{count, data, say};
use super::runtime;
use super::streams::Meter;
use super::targets::{self, Dial};

mod event;
mod stream;

use event::{Event, Sent, Tally};

/// send each MESSAGE, or else stdin, check that it comes back unchanged, and print it
#[derive(FromArgs)]
#[argh(subcommand, name = "send", help_triggers("-h", "--help"))]
pub(crate) struct Send {
    /// IPv4 only
    #[argh(switch, short = '4')]
    ipv4: bool,

    /// IPv6 only
    #[argh(switch, short = '6')]
    ipv6: bool,

    /// to every address of a name, not to the first that accepts
    #[argh(switch)]
    all: bool,

    /// address of this host to send from
    #[argh(option, short = 's', arg_name = "address", from_str_fn(parse_source))]
    source: Option<IpAddr>,

    /// send the bytes of a file
    #[argh(option, short = 'f', arg_name = "file")]
    file: Option<String>,

    /// how often to send each message (default: 1)
    #[argh(option, short = 'c', from_str_fn(parse_count), default = "1")]
    count: u64,

    /// how many connections may be open at once (default: 64)
    #[argh(option, from_str_fn(parse_count), default = "PARALLEL")]
    parallel: u64,

    /// do not shut the sending side: for servers that take it for a hang-up
    #[argh(switch)]
    no_half_close: bool,

    /// how long the exchange may stand still (default: 5s)
    #[argh(option, short = 'w', from_str_fn(parse_timeout), default = "Duration::from_secs(5)")]
    timeout: Duration,

    /// how long to wait for each address to accept (default: 5s)
    #[argh(option, from_str_fn(parse_timeout), default = "Duration::from_secs(5)")]
    connect_timeout: Duration,

    /// how long an address is tried alone, 10ms to 2s (default: 250ms)
    #[argh(option, from_str_fn(parse_head_start), default = "Duration::from_millis(250)")]
    head_start: Duration,

    /// one JSON object per reply and a summary, in place of the reply itself
    #[argh(switch)]
    json: bool,

    /// say nothing but errors
    #[argh(switch, short = 'q')]
    quiet: bool,

    /// say who answered, over which family, how fast, and what became of its other addresses
    #[argh(switch, short = 'v')]
    verbose: bool,

    /// HOST:PORT or [IPV6]:PORT; several are separated by commas
    #[argh(positional, arg_name = "ADDRESS")]
    addresses: String,

    /// what to send, each on a connection of its own; none: all of stdin on one
    #[argh(positional, arg_name = "MESSAGE")]
    messages: Vec<String>,
}

/// How many connections may be open at once: a burst that no server's backlog minds.
const PARALLEL: u64 = 64;

pub(crate) fn run(arguments: Send) -> Result<Status, Failure> {
    let endpoints = endpoints(&arguments.addresses)?;
    let dial = Dial {
        ipv4: arguments.ipv4,
        ipv6: arguments.ipv6,
        source: arguments.source,
        head_start: arguments.head_start,
        connect_timeout: arguments.connect_timeout,
        timeout: arguments.timeout,
    };
    let families = dial.families()?;
    if arguments.file.is_some() && !arguments.messages.is_empty() {
        return Err(Failure::usage("--file and MESSAGE exclude each other"));
    }
    let sender = Sender {
        client: dial.client().half_close(!arguments.no_half_close),
        arguments: &arguments,
        start: Instant::now(),
        tally: Cell::default(),
        meter: Meter::default(),
    };
    runtime::run_here(async {
        let sending = async {
            let targets = targets::targets(&endpoints, families, arguments.all).await;
            let targets = match targets {
                Ok(targets) => targets,
                Err(failure) => {
                    if arguments.json {
                        json::print_unresolved(&failure)?;
                    }
                    return Err(failure);
                }
            };
            if arguments.messages.is_empty() {
                sender.send_stream(&targets).await
            } else {
                sender.send_messages(&targets).await
            }
        };
        let result = runtime::until(runtime::stopped()?, sending).await;
        let interrupted = result.is_none();
        if interrupted {
            say(&format!("interrupted: {}\n", sender.so_far()));
        }
        let status = result.unwrap_or(Ok(Status::Network));
        sender.print_summary(interrupted)?;
        status
    })
}

struct Sender<'a> {
    client: Client,
    arguments: &'a Send,
    start: Instant,
    tally: Cell<Tally>,
    /// Bytes that came back; of a stream, also those that are under way to stdout.
    meter: Meter,
}

impl Sender<'_> {
    /// Sends every message to every target, all at once, and prints the replies in order.
    async fn send_messages(&self, targets: &[Vec<SocketAddr>]) -> Result<Status, Failure> {
        let sends = targets.iter().flat_map(|target| {
            let repeat = |message| (0..self.arguments.count).map(move |_| message);
            let messages = self.arguments.messages.iter().flat_map(repeat);
            messages.map(async move |message| {
                let reply = self.client.send(target, message.as_bytes()).await;
                if let Ok(reply) = &reply {
                    self.count_reply(); // now, though it may be printed later
                    self.meter.add(reply.bytes.len());
                }
                reply
            })
        });
        let parallel = usize::try_from(self.arguments.parallel).unwrap_or(usize::MAX);
        let mut replies = futures::stream::iter(sends).buffered(parallel);
        let mut status = Status::Ok;
        while let Some(reply) = replies.next().await {
            match reply {
                Ok(Reply { mut bytes, peer, local, connect, exchange, attempts, .. }) => {
                    let length = bytes.len() as u64;
                    if !self.arguments.json {
                        bytes.push(b'\n');
                        data(&bytes)?;
                    }
                    let attempts = &attempts[..];
                    self.note(&Sent { peer, local, bytes: length, connect, exchange, attempts })?;
                }
                Err(error) => status = self.fail(error)?,
            }
        }
        Ok(status)
    }

    fn count_reply(&self) {
        let tally = self.tally.get();
        self.tally.set(Tally { returned: tally.returned + 1, ..tally });
    }

    /// Says what the flags ask for about a reply.
    fn note(&self, sent: &Sent<'_>) -> Result<(), Failure> {
        if self.arguments.verbose {
            say(&sent.words());
        }
        if self.arguments.json { json::print(&sent.event()) } else { Ok(()) }
    }

    /// Counts a failure and says it. One that is not the network's ends the command.
    fn fail(&self, error: SendError) -> Result<Status, Failure> {
        let tally = self.tally.get();
        self.tally.set(Tally { failed: tally.failed + 1, ..tally });
        if self.arguments.json && !matches!(error, SendError::Output(_)) {
            json::print_failure(&error)?;
        }
        match (&error, &self.arguments.file) {
            (SendError::Input(cause), Some(path)) => {
                Err(Failure::usage(format!("cannot read {path}: {cause}")))
            }
            (SendError::Input(_) | SendError::Output(_), _) => Err(error.into()),
            _ => Ok(Failure::from(error).print()),
        }
    }

    fn so_far(&self) -> String {
        let tally = self.tally.get();
        if self.arguments.messages.is_empty() {
            format!("{} came back by then", count(self.meter.bytes(), "byte"))
        } else {
            format!("{} came back by then", count(tally.returned, "message"))
        }
    }

    fn print_summary(&self, interrupted: bool) -> Result<(), Failure> {
        if !self.arguments.json {
            return Ok(());
        }
        let Tally { returned, failed } = self.tally.get();
        let bytes = self.meter.bytes();
        let duration_us = micros(self.start.elapsed());
        json::print(&Event::Summary { returned, failed, bytes, duration_us, interrupted })
    }
}
