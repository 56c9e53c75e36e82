//! `echo6 ping`: round-trip times line by line, and what they come to.

use std::cell::RefCell;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use argh::FromArgs;
use echo6::address::Families;
use echo6::client::Report;
use echo6::client::{ConnectError, Loss, PingEvent, SendError};
use futures::future::join_all;

use super::arguments::{
    parse_count, parse_duration, parse_head_start, parse_size, parse_source, parse_timeout,
};
use super::failure::{Failure, Status, chain};
use super::output::{data, millis, say};
use super::targets::{Dial, others, targets};
use super::{json, runtime};

mod event;
mod summary;

use summary::summary;

/// send a probe each interval and say how long it takes to come back
#[derive(FromArgs)]
#[argh(subcommand, name = "ping", help_triggers("-h", "--help"))]
pub(crate) struct Ping {
    /// IPv4 only
    #[argh(switch, short = '4')]
    ipv4: bool,

    /// IPv6 only
    #[argh(switch, short = '6')]
    ipv6: bool,

    /// every address of a name side by side, not the first that accepts
    #[argh(switch)]
    all: bool,

    /// address of this host to send from
    #[argh(option, short = 's', arg_name = "address", from_str_fn(parse_source))]
    source: Option<IpAddr>,

    /// how many probes to send (default: until Ctrl-C)
    #[argh(option, short = 'c', from_str_fn(parse_count))]
    count: Option<u64>,

    /// time between probes; 0: as fast as they come back (default: 1s)
    #[argh(option, short = 'i', from_str_fn(parse_duration), default = "Duration::from_secs(1)")]
    interval: Duration,

    /// bytes of a probe, from 8 to 16M (default: 64)
    #[argh(option, from_str_fn(parse_probe_size), default = "64")]
    size: usize,

    /// a connection for each probe, timed too
    #[argh(switch)]
    reconnect: bool,

    /// how long a probe may take before it counts as lost (default: 5s)
    #[argh(option, short = 'w', from_str_fn(parse_timeout), default = "Duration::from_secs(5)")]
    timeout: Duration,

    /// how long to wait for each address to accept (default: 5s)
    #[argh(option, from_str_fn(parse_timeout), default = "Duration::from_secs(5)")]
    connect_timeout: Duration,

    /// how long an address is tried alone, 10ms to 2s (default: 250ms)
    #[argh(option, from_str_fn(parse_head_start), default = "Duration::from_millis(250)")]
    head_start: Duration,

    /// one JSON object per event and a summary
    #[argh(switch)]
    json: bool,

    /// only the summary, and errors
    #[argh(switch, short = 'q')]
    quiet: bool,

    /// say which address won, and draw a histogram
    #[argh(switch, short = 'v')]
    verbose: bool,

    /// HOST:PORT or [IPV6]:PORT
    #[argh(positional, arg_name = "ADDRESS")]
    address: String,
}

/// Reads the size of a probe.
fn parse_probe_size(text: &str) -> Result<usize, String> {
    match parse_size(text)? {
        size @ 8..=0x100_0000 => Ok(size as usize),
        _ => Err("must be from 8, which the sequence number takes, to 16M".to_owned()),
    }
}

pub(crate) fn run(arguments: Ping) -> Result<Status, Failure> {
    let endpoints = [arguments.address.parse()?];
    let dial = Dial {
        ipv4: arguments.ipv4,
        ipv6: arguments.ipv6,
        source: arguments.source,
        head_start: arguments.head_start,
        connect_timeout: arguments.connect_timeout,
        timeout: arguments.timeout,
    };
    let families = dial.families()?;
    let mut ping = dial.client().ping().interval(arguments.interval).size(arguments.size);
    if let Some(count) = arguments.count {
        ping = ping.count(count);
    }
    let ping = ping.reconnect(arguments.reconnect);
    runtime::run_here(async {
        let stopped = runtime::stopped()?;
        let targets = targets(&endpoints, families, arguments.all);
        let found = runtime::until(stopped.clone(), targets).await;
        let found = match found {
            Some(Ok(found)) => found,
            Some(Err(failure)) => {
                if arguments.json {
                    json::print_unresolved(&failure)?;
                }
                return Err(failure);
            }
            None => {
                say("interrupted before the name was resolved\n");
                return Ok(Status::Network);
            }
        };
        let lines: Vec<Lines<'_>> = found.iter().map(|_| Lines::new(&arguments)).collect();
        let pings = found.iter().zip(&lines).map(|(addresses, lines)| {
            let ping = ping.clone();
            async move {
                let observe = |event| lines.note(&event);
                match ping.run(addresses, lines.reader_gone(), observe).await {
                    Err(error) => lines.fail(error),
                    Ok(()) => Ok(()),
                }
            }
        });
        let done = runtime::until(stopped, join_all(pings)).await;
        done.into_iter().flatten().collect::<Result<(), _>>()?;
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
    broken: Option<Failure>,
}

impl<'a> Lines<'a> {
    fn new(arguments: &'a Ping) -> Self {
        Self { arguments, seen: RefCell::default(), gone: Default::default() }
    }

    fn note(&self, event: &PingEvent) {
        let mut seen = self.seen.borrow_mut();
        seen.report.note(event);
        let again = seen.peer.is_some();
        if let PingEvent::Connected { peer, .. } = event {
            seen.peer = Some(*peer);
        }
        let printed = match (self.arguments.json, self.arguments.quiet) {
            (true, quiet) => event::print(event, quiet),
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
    fn print(&self, event: &PingEvent, quiet: bool, again: bool) -> Result<(), Failure> {
        match event {
            PingEvent::Connected { peer, local, connect, attempts } if self.arguments.verbose => {
                let (family, millis) = (Families::of(*peer), millis(*connect));
                let mut text =
                    format!("connected to {peer} from {local} over {family} in {millis} ms\n");
                for other in others(attempts) {
                    text += &format!("  {other}\n");
                }
                say(&text);
            }
            PingEvent::Connected { peer, .. } if again && !quiet => {
                say(&format!("connected to {peer} again\n"));
            }
            PingEvent::Reply { peer, sequence, bytes, rtt, connect } if !quiet => {
                let connect = connect
                    .map_or_else(String::new, |time| format!(" connect={} ms", millis(time)));
                let time = millis(*rtt);
                data(
                    format!("{bytes} bytes from {peer}: seq={sequence} time={time} ms{connect}\n")
                        .as_bytes(),
                )?;
            }
            PingEvent::Late { peer, sequence, bytes, rtt } if !quiet => {
                let time = millis(*rtt);
                data(
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
                say(&format!("lost {peer}: seq={sequence}, {why}\n"));
            }
            // With --reconnect; without, it would be told as unreachable, which is quiet too.
            PingEvent::Disconnected { error: SendError::Connect(_), .. } if quiet => {}
            PingEvent::Disconnected { error, .. } => say(&format!("{}\n", chain(error))),
            PingEvent::Unreachable { error, retry_in, .. } if !quiet => {
                say(&format!("{}; again in {retry_in:?}\n", chain(error)));
            }
            _ => {}
        }
        Ok(())
    }

    fn fail(&self, error: ConnectError) -> Result<(), Failure> {
        let error = SendError::from(error);
        if self.arguments.json {
            json::print_failure(&error)?;
        }
        Failure::from(error).print();
        self.seen.borrow_mut().failed = true;
        Ok(())
    }

    /// Says whether all is well.
    fn print_summary(&self) -> Result<bool, Failure> {
        let mut seen = self.seen.borrow_mut();
        if let Some(failure) = seen.broken.take() {
            return Err(failure);
        }
        let Some(peer) = seen.peer else {
            if !seen.failed {
                say("interrupted before there was a connection\n");
            }
            return Ok(false);
        };
        let report = &seen.report;
        if self.arguments.json {
            event::print_summary(peer, report)?;
        } else {
            data(summary(peer, report, self.arguments.verbose).as_bytes())?;
        }
        Ok(report.received > 0 && report.lost + report.late == 0)
    }
}
