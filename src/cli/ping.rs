//! `echo6 ping`: round-trip times line by line, and what they come to.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::time::Duration;

use echo6::address::Families;
use echo6::client::Report;
use echo6::client::{ConnectError, Loss, PingEvent, SendError};
use echo6::error::chain;
use futures::future::join_all;

use super::failure::{Status, Stop};
use super::flags::{HEAD_START, client_arguments};
use super::runtime::{self, Stopped};
use super::sink::Sink;
use super::targets::{others, targets};
use super::text::millis;
use super::values::{parse_count, parse_duration, parse_head_start, parse_size};

mod event;
mod summary;

use summary::summary;

client_arguments! {
    /// send a probe each interval and report how long it takes to come back
    #[argh(subcommand, name = "ping", help_triggers("-h", "--help"))]
    pub(crate) struct Ping {
        timeout: "count a probe as lost after D (default: 5s)",
        quiet: "print only the summary, and errors",
        verbose: "print which address won, and a histogram",

        /// ping every address of a name side by side, not the first that accepts
        #[argh(switch)]
        all: bool,

        /// number of probes (default: until Ctrl-C)
        #[argh(option, short = 'c', arg_name = "N", from_str_fn(parse_count))]
        count: Option<u64>,

        /// time between probes; 0: as fast as they come back (default: 1s)
        #[argh(
            option,
            short = 'i',
            arg_name = "D",
            from_str_fn(parse_duration),
            default = "Duration::from_secs(1)"
        )]
        interval: Duration,

        /// bytes of a probe, from 8 to 16M (default: 64)
        #[argh(option, arg_name = "SIZE", from_str_fn(parse_probe_size), default = "64")]
        size: usize,

        /// open a connection for each probe, and time that too
        #[argh(switch)]
        reconnect: bool,

        /// try an address alone for D, 10ms to 2s (default: 250ms)
        #[argh(option, arg_name = "D", from_str_fn(parse_head_start), default = "HEAD_START")]
        head_start: Duration,

        /// HOST:PORT or [IPV6]:PORT
        #[argh(positional, arg_name = "ADDRESS")]
        address: String,
    }
}

/// Reads the size of a probe.
fn parse_probe_size(text: &str) -> Result<usize, String> {
    match parse_size(text)? {
        size @ 8..=0x100_0000 => Ok(size as usize),
        _ => Err("must be from 8, which the sequence number takes, to 16M".to_owned()),
    }
}

pub(crate) fn run(arguments: &Ping, sink: Sink, stopped: &Stopped) -> Result<Status, Stop> {
    let endpoints = [arguments.address.parse()?];
    let dial = arguments.dial();
    let families = dial.families()?;
    let client = dial.client().head_start(arguments.head_start);
    let mut ping = client.ping().interval(arguments.interval).size(arguments.size);
    if let Some(count) = arguments.count {
        ping = ping.count(count);
    }
    let ping = ping.reconnect(arguments.reconnect);
    runtime::run_here(async {
        let targets = targets(&endpoints, families, arguments.all);
        let found = runtime::until(stopped.clone(), targets).await;
        let found = match found {
            Some(Ok(found)) => found,
            Some(Err(failure)) => return Err(failure.into()),
            None => {
                sink.words("interrupted before the name was resolved\n");
                return Ok(Status::Network);
            }
        };
        let lines: Vec<Lines<'_>> = found.iter().map(|_| Lines::new(arguments, sink)).collect();
        let pings = found.iter().zip(&lines).map(|(addresses, lines)| {
            let ping = ping.clone();
            async move {
                let observe = |event| lines.note(&event);
                if let Err(error) = ping.run(addresses, lines.reader_gone(), observe).await {
                    lines.fail(error);
                }
            }
        });
        let done = runtime::until(stopped.clone(), join_all(pings)).await;
        drop(done);
        let mut status = Status::Ok;
        for lines in &lines {
            if !lines.print_summary()? {
                status = Status::Network;
            }
        }
        Ok(status)
    })
}

/// The events of one address: printed, and noted for its summary.
struct Lines<'a> {
    arguments: &'a Ping,
    sink: Sink,
    seen: RefCell<Seen>,
    /// Woken when stdout takes no more.
    gone: futures::task::AtomicWaker,
}

#[derive(Default)]
struct Seen {
    report: Report,
    peer: Option<SocketAddr>,
    /// Whether it could not be connected to at the start.
    failed: bool,
    broken: Option<Stop>,
}

impl<'a> Lines<'a> {
    fn new(arguments: &'a Ping, sink: Sink) -> Self {
        Self { arguments, sink, seen: RefCell::default(), gone: Default::default() }
    }

    fn note(&self, event: &PingEvent) {
        let mut seen = self.seen.borrow_mut();
        seen.report.note(event);
        let again = seen.peer.is_some();
        if let PingEvent::Connected { peer, .. } = event {
            seen.peer = Some(*peer);
        }
        let printed = match (self.arguments.json, self.arguments.quiet) {
            (true, quiet) => event::print(event, quiet, self.sink),
            (false, quiet) => self.print(event, quiet, again),
        };
        if let Err(failure) = printed {
            seen.broken = Some(failure);
            self.gone.wake();
        }
    }

    /// Ready when stdout takes no more.
    async fn reader_gone(&self) {
        std::future::poll_fn(|cx| {
            self.gone.register(cx.waker());
            match self.seen.borrow().broken {
                Some(_) => std::task::Poll::Ready(()),
                None => std::task::Poll::Pending,
            }
        })
        .await;
    }

    /// Replies are data, the rest is words.
    fn print(&self, event: &PingEvent, quiet: bool, again: bool) -> Result<(), Stop> {
        match event {
            PingEvent::Connected { peer, local, connect, attempts } if self.arguments.verbose => {
                let (family, millis) = (Families::of(*peer), millis(*connect));
                let mut text =
                    format!("connected to {peer} from {local} over {family} in {millis} ms\n");
                for other in others(attempts) {
                    text += &format!("  {other}\n");
                }
                self.sink.words(&text);
            }
            PingEvent::Connected { peer, .. } if again && !quiet => {
                self.sink.words(&format!("connected to {peer} again\n"));
            }
            PingEvent::Reply { peer, sequence, bytes, rtt, connect } if !quiet => {
                let connect = connect
                    .map_or_else(String::new, |time| format!(" connect={} ms", millis(time)));
                let time = millis(*rtt);
                self.sink.data(
                    format!("{bytes} bytes from {peer}: seq={sequence} time={time} ms{connect}\n")
                        .as_bytes(),
                )?;
            }
            PingEvent::Late { peer, sequence, bytes, rtt } if !quiet => {
                let time = millis(*rtt);
                self.sink.data(
                    format!("{bytes} bytes from {peer}: seq={sequence} time={time} ms, late\n")
                        .as_bytes(),
                )?;
            }
            PingEvent::Lost { peer, sequence, loss } if !quiet => {
                let why = match loss {
                    Loss::Timeout => format!("no reply within {:?}", self.arguments.timeout),
                    Loss::Skipped => "the next one came in its place".to_owned(),
                    Loss::Mismatch => "other bytes came in its place".to_owned(),
                    _ => "no connection".to_owned(),
                };
                self.sink.words(&format!("lost {peer}: seq={sequence}, {why}\n"));
            }
            // With --reconnect; without, it would be told as unreachable, which is quiet too.
            PingEvent::Disconnected { error: SendError::Connect(_), .. } if quiet => {}
            PingEvent::Disconnected { error, .. } => {
                self.sink.words(&format!("{}\n", chain(error)));
            }
            PingEvent::Unreachable { error, retry_in, .. } if !quiet => {
                self.sink.words(&format!("{}; again in {retry_in:?}\n", chain(error)));
            }
            _ => {}
        }
        Ok(())
    }

    fn fail(&self, error: ConnectError) {
        self.sink.failure(&error.into());
        self.seen.borrow_mut().failed = true;
    }

    /// Says whether all is well.
    fn print_summary(&self) -> Result<bool, Stop> {
        let mut seen = self.seen.borrow_mut();
        if let Some(failure) = seen.broken.take() {
            return Err(failure);
        }
        let Some(peer) = seen.peer else {
            if !seen.failed {
                self.sink.words("interrupted before there was a connection\n");
            }
            return Ok(false);
        };
        let report = &seen.report;
        if self.arguments.json {
            event::print_summary(peer, report, self.sink)?;
        } else {
            self.sink.data(summary(peer, report, self.arguments.verbose).as_bytes())?;
        }
        Ok(report.received > 0 && report.lost + report.late == 0)
    }
}
