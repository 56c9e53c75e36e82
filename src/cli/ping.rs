//! `echo6 ping`: round-trip times line by line, and what they come to.

use std::net::SocketAddr;
use std::num::NonZeroU16;
use std::time::{Duration, Instant};

use echo6::address::Families;

use echo6::client::{self, Loss, PingEvent, Report, SendError};
use echo6::error::chain;
use echo6::socket::Transports;
use futures::StreamExt;
use futures::future::try_join_all;

use super::failure::{Failure, Status, Stop};
use super::flags::{HEAD_START, client_arguments};
use super::plot::{self, Series, Trace};
use super::ready;
use super::runtime::{self, Stopped};
use super::sink::Sink;
use super::targets::{others, targets};
use super::text::millis;
use super::values::{
    endpoints, parse_count, parse_duration, parse_flows, parse_head_start, parse_size, parse_tos,
};

mod datagram;
mod summary;

pub(crate) use summary::histogram;
use summary::summary;

client_arguments! {
    /// send a probe each interval and report how long it takes to come back
    #[argh(subcommand, name = "ping", help_triggers("-h", "--help"))]
    pub(crate) struct Ping {
        timeout: "count a probe as lost after D (default: 5s)",
        quiet: "print only the summary, and errors",
        verbose: "print which address won, and a histogram",

        /// send datagrams (UDP) instead
        #[argh(switch, short = 'u')]
        udp: bool,

        /// with -u: mark the probes: ef, ect0, ect1, cs0 to cs7, or a number
        #[argh(option, arg_name = "TOS", from_str_fn(parse_tos))]
        tos: Option<u8>,

        /// with -u: send from N ports in turn, to find a path that is broken
        #[argh(option, arg_name = "N", from_str_fn(parse_flows))]
        flows: Option<NonZeroU16>,

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

        /// bytes of a probe, from 8 to 16M, with -u to 65507 or 65527 (default: 64)
        #[argh(option, arg_name = "SIZE", from_str_fn(parse_probe_size), default = "64")]
        size: usize,

        /// open a connection for each probe, and time that too; with -u: send each
        /// probe from a port of its own
        #[argh(switch)]
        reconnect: bool,

        /// try an address alone for D, 10ms to 2s (default: 250ms)
        #[argh(option, arg_name = "D", from_str_fn(parse_head_start), default = "HEAD_START")]
        head_start: Duration,

        /// draw the round trips over time and their spectrum to FILE (.svg)
        #[argh(option, arg_name = "FILE")]
        plot: Option<String>,

        /// HOST:PORT or [IPV6]:PORT; several are pinged side by side
        #[argh(positional, arg_name = "ADDRESS")]
        addresses: Vec<String>,
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
    if arguments.udp {
        return datagram::run(arguments, sink, stopped);
    }
    for (flag, given) in
        [("--tos", arguments.tos.is_some()), ("--flows", arguments.flows.is_some())]
    {
        if given {
            return Err(Failure::usage(format!("{flag} is for datagrams: it needs --udp")).into());
        }
    }
    let endpoints = endpoints("ping", &arguments.addresses, None)?;
    let dial = arguments.dial();
    let families = dial.families()?;
    ready::wait(&dial, &endpoints, sink, stopped, Transports::Tcp)?;
    let client = dial.client()?.head_start(arguments.head_start);
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
        let mut runs: Vec<Run<'_>> = found.iter().map(|_| Run::new(arguments, sink)).collect();
        let pings = found.iter().zip(&mut runs).map(|(target, run)| run.probe(&ping, target));
        if let Some(Err(stop)) = runtime::until(stopped.clone(), try_join_all(pings)).await {
            return Err(stop);
        }
        let mut status = Status::Ok;
        for run in &runs {
            status = status.max(run.print_summary()?);
        }
        if let Some(path) = &arguments.plot {
            let drawn = runs.iter().filter_map(Run::series).collect::<Vec<_>>();
            plot::write(path, "echo6 ping", &drawn)?;
        }
        Ok(status)
    })
}

/// A ping of one target: its events are printed, and counted for the summary.
struct Run<'a> {
    arguments: &'a Ping,
    sink: Sink,
    report: Report,
    /// Whether it could not be connected to at the start.
    failed: bool,
    /// What is to be drawn, and since when.
    trace: Option<Trace>,
    start: Instant,
}

impl<'a> Run<'a> {
    fn new(arguments: &'a Ping, sink: Sink) -> Self {
        let trace = arguments.plot.is_some().then(Trace::new);
        let start = Instant::now();
        Self { arguments, sink, report: Report::default(), failed: false, trace, start }
    }

    async fn probe(&mut self, ping: &client::Ping, target: &[SocketAddr]) -> Result<(), Stop> {
        let mut probes = match ping.clone().start(target).await {
            Ok(probes) => probes,
            Err(error) => {
                self.failed = true;
                self.sink.failure(&error.into());
                return Ok(());
            }
        };
        while let Some(event) = probes.next().await {
            self.print(&event)?;
            self.report.note(&event);
            self.draw(&event);
        }
        Ok(())
    }

    fn draw(&mut self, event: &PingEvent) {
        let Some(trace) = &mut self.trace else { return };
        match event {
            PingEvent::Reply { rtt, .. } => trace.back(self.start.elapsed(), *rtt),
            PingEvent::Late { rtt, .. } => trace.late(self.start.elapsed(), *rtt),
            PingEvent::Lost { .. } => trace.lost(self.start.elapsed()),
            _ => {}
        }
    }

    /// What is drawn of it, if it was ever connected to.
    fn series(&self) -> Option<Series> {
        let peer = self.report.peer?;
        Some(self.trace.as_ref()?.series(peer.to_string()))
    }

    fn print(&self, event: &PingEvent) -> Result<(), Stop> {
        let quiet = self.arguments.quiet;
        match event {
            PingEvent::Sent { .. } => Ok(()),
            event if self.arguments.json => {
                if quiet {
                    Ok(())
                } else {
                    self.sink.object(event)
                }
            }
            event => self.print_text(event, quiet),
        }
    }

    /// Replies are data, the rest is words.
    fn print_text(&self, event: &PingEvent, quiet: bool) -> Result<(), Stop> {
        match event {
            PingEvent::Connected { peer, local, connect, attempts, .. }
                if self.arguments.verbose =>
            {
                let (family, millis) = (Families::of(*peer), millis(*connect));
                let mut text =
                    format!("connected to {peer} from {local} over {family} in {millis} ms\n");
                for other in others(attempts) {
                    text += &format!("  {other}\n");
                }
                self.sink.words(&text);
            }
            PingEvent::Connected { peer, .. } if self.report.peer.is_some() && !quiet => {
                self.sink.words(&format!("connected to {peer} again\n"));
            }
            PingEvent::Reply { peer, sequence, bytes, rtt, connect, .. } if !quiet => {
                let connect = connect
                    .map_or_else(String::new, |time| format!(" connect={} ms", millis(time)));
                let time = millis(*rtt);
                self.sink.data(
                    format!("{bytes} bytes from {peer}: seq={sequence} time={time} ms{connect}\n")
                        .as_bytes(),
                )?;
            }
            PingEvent::Late { peer, sequence, bytes, rtt, .. } if !quiet => {
                let time = millis(*rtt);
                self.sink.data(
                    format!("{bytes} bytes from {peer}: seq={sequence} time={time} ms, late\n")
                        .as_bytes(),
                )?;
            }
            PingEvent::Lost { peer, sequence, loss, .. } if !quiet => {
                let why = match loss {
                    Loss::Timeout => format!("no reply within {:?}", self.arguments.timeout),
                    loss => loss.to_string(),
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
            _ => {} // not for people, or not with --quiet
        }
        Ok(())
    }

    fn print_summary(&self) -> Result<Status, Stop> {
        let report = &self.report;
        let Some(peer) = report.peer else {
            if !self.failed {
                self.sink.words("interrupted before there was a connection\n");
            }
            return Ok(Status::Network);
        };
        if self.arguments.json {
            self.sink.object(report)?;
        } else {
            self.sink.data(summary(peer, report, self.arguments.verbose).as_bytes())?;
        }
        let all_sent = self.arguments.count.is_none_or(|count| report.sent >= count);
        Ok(if report.is_well() && all_sent { Status::Ok } else { Status::Network })
    }
}
