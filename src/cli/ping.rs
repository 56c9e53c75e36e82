//! `echo6 ping`: round-trip times line by line, and what they come to.

use std::io::{self, IsTerminal};
use std::net::SocketAddr;
use std::num::NonZeroU16;
use std::time::{Duration, Instant};

use echo6::address::Families;

use echo6::client::{self, PingEvent, Report, SendError};
use echo6::socket::Transports;
use futures::StreamExt;
use futures::future::{Either, select, try_join_all};

use super::failure::{Failure, Status, Stop};
use super::flags::{HEAD_START, client_arguments};
use super::hints;
use super::plot::{self, Series, Trace};
use super::ready;
use super::runtime::{self, Asked, Stopped};
use super::sink::{Sink, now};
use super::targets::targets;
use super::text::for_shell;
use super::values::{
    endpoints, parse_count, parse_duration, parse_flows, parse_head_start, parse_size, parse_tos,
};

mod datagram;
mod lines;
mod summary;

use lines::{Line, Tone, line, reason};
pub(crate) use summary::histogram;
use summary::{so_far, summary};

client_arguments! {
    /// send a probe each interval and report how long it takes to come back
    #[argh(subcommand, name = "ping", help_triggers("-h", "--help"))]
    pub(crate) struct Ping {
        timeout: "count a probe as late, or lost, after D (default: 5s); ping(8) has -W for it, and -w for --deadline",
        quiet: "print only the summary, and errors",
        verbose: "print which address connected first, and a histogram",

        /// send datagrams (UDP) instead
        #[argh(switch, short = 'u')]
        udp: bool,

        /// with -u: mark the probes: ef, ect0, ect1, cs0 to cs7, or a number
        #[argh(option, arg_name = "TOS", from_str_fn(parse_tos))]
        tos: Option<u8>,

        /// with -u: send from N ports in turn, to find a path that is broken
        #[argh(option, arg_name = "N", from_str_fn(parse_flows))]
        flows: Option<NonZeroU16>,

        /// ping every address of a name side by side, not only the first that accepts
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

        /// print the time (UTC) in front of each line
        #[argh(switch, short = 'D')]
        timestamps: bool,

        /// HOST:PORT or [IPV6]:PORT; several are pinged side by side
        #[argh(positional, arg_name = "ADDRESS")]
        addresses: Vec<String>,
    }
}

/// Reads the size of a probe.
fn parse_probe_size(text: &str) -> Result<usize, String> {
    match parse_size(text)? {
        size @ 8..=0x100_0000 => Ok(size as usize),
        _ => Err("must be from 8 (the sequence number) to 16M".to_owned()),
    }
}

pub(crate) fn run(
    arguments: &Ping,
    sink: Sink,
    stopped: &Stopped,
    asked: &Asked,
) -> Result<Status, Stop> {
    if arguments.udp {
        return datagram::run(arguments, sink, stopped, asked);
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
    let search = dial.search()?;
    ready::wait(&dial, &endpoints, sink, stopped, Transports::Tcp)?;
    let client = dial.client()?.head_start(arguments.head_start);
    let mut ping = client.ping().interval(arguments.interval).size(arguments.size);
    if let Some(count) = arguments.count {
        ping = ping.count(count);
    }
    let ping = ping.reconnect(arguments.reconnect);
    runtime::run_here(async {
        let targets = targets(&endpoints, search, arguments.all);
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
        let pings =
            found.iter().zip(&mut runs).map(|(target, run)| run.probe(&ping, target, asked));
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
    /// Whether there was a connection, and whether a failed attempt was reported.
    connected: bool,
    reported: bool,
    /// The last reason why there was no connection, unless something came back since, and whether it
    /// was that of an attempt.
    reason: Option<String>,
    unmade: bool,
    /// What ended the last connection.
    failure: Option<SendError>,
    /// What is to be drawn, and since when.
    trace: Option<Trace>,
    start: Instant,
}

impl<'a> Run<'a> {
    fn new(arguments: &'a Ping, sink: Sink) -> Self {
        let trace = arguments.plot.is_some().then(Trace::new);
        let start = Instant::now();
        Self {
            arguments,
            sink,
            report: Report::default(),
            connected: false,
            reported: false,
            reason: None,
            unmade: false,
            failure: None,
            trace,
            start,
        }
    }

    async fn probe(
        &mut self,
        ping: &client::Ping,
        target: &[SocketAddr],
        asked: &Asked,
    ) -> Result<(), Stop> {
        let mut probes = ping.clone().start(target).await?;
        self.open(probes.peer());
        let mut asked = asked.times();
        loop {
            match select(probes.next(), asked.next()).await {
                Either::Left((Some(event), _)) => {
                    self.print(&event)?;
                    self.note(&event);
                    self.report.note(&event);
                    self.draw(&event);
                }
                Either::Left((None, _)) => return Ok(()),
                Either::Right(_) => self.sink.words(&so_far(probes.peer(), &self.report)),
            }
        }
    }

    /// Takes note of what decides how much is said of the next event.
    fn note(&mut self, event: &PingEvent) {
        match event {
            PingEvent::Connected { .. } => {
                self.connected = true;
                self.unmade = false;
            }
            PingEvent::Unreachable { .. } => {
                self.reported = true;
                self.unmade = true;
            }
            PingEvent::Disconnected { error, .. } => self.failure = Some(error.clone()),
            PingEvent::Reply { .. } | PingEvent::Late { .. } => self.reason = None,
            _ => {}
        }
        if let Some(reason) = reason(event) {
            self.reason = Some(reason);
        }
    }

    /// Whether what is to be said of the connection was said already.
    fn repeats(&self, event: &PingEvent) -> bool {
        match event {
            PingEvent::Connected { .. } => self.reason.is_some() && !self.unmade,
            event => self.reason.is_some() && self.reason == reason(event),
        }
    }

    /// Says on a terminal whom it pings, because the first reply may be long in coming.
    fn open(&self, peer: SocketAddr) {
        if !self.arguments.json && !self.arguments.quiet && io::stderr().is_terminal() {
            let (family, size) = (Families::of(peer), self.arguments.size);
            self.sink.words(&format!("ping {peer} over {family}, {size} bytes a probe\n"));
        }
    }

    /// A line in front of which stands the time, if the flags ask for it.
    fn dated(&self, line: String) -> String {
        if self.arguments.timestamps { format!("{} {line}", now()) } else { line }
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
            event => match line(event, self.tone(event)) {
                Some(Line::Data(text)) => self.sink.data(self.dated(text).as_bytes()),
                Some(Line::Words(text)) => {
                    self.sink.words(&self.dated(text));
                    Ok(())
                }
                None => Ok(()),
            },
        }
    }

    fn tone(&self, event: &PingEvent) -> Tone {
        Tone {
            quiet: self.arguments.quiet,
            verbose: self.arguments.verbose,
            timeout: self.arguments.timeout,
            connected: self.connected,
            reported: self.reported,
            repeats: self.repeats(event),
        }
    }

    fn print_summary(&self) -> Result<Status, Stop> {
        let report = &self.report;
        let Some(peer) = report.peer else {
            self.sink.words("interrupted before there was a connection\n");
            return Ok(Status::Network);
        };
        if self.arguments.json {
            self.sink.object(report)?;
        } else {
            self.sink.data(summary(peer, report, self.arguments.verbose).as_bytes())?;
        }
        let none_back = report.sent > 0 && report.received + report.late == 0;
        if none_back && self.connected && !self.arguments.quiet {
            let help = self.failure.as_ref().and_then(hints::for_sending);
            let help = help.unwrap_or_else(|| format!("\"echo6 check {peer}\" tells why"));
            self.sink.remark(&format!("help: {}", for_shell(&help)));
        }
        let all_sent = self.arguments.count.is_none_or(|count| report.sent >= count);
        Ok(if report.is_well() && all_sent { Status::Ok } else { Status::Network })
    }
}
