//! `echo6 bench`: load on echo servers, and what it comes to.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::pin::pin;
use std::time::Duration;

use echo6::client::{
    Baseline, Bench as Load, BenchEvent, BenchReport, BenchResult, Bound, Loop, Warning,
};
use echo6::socket::Transports;
use futures::StreamExt;

use super::failure::{Failure, Status, Stop};
use super::flags::client_arguments;
use super::hints;
use super::ready;
use super::runtime::{self, Stopped};
use super::sink::Sink;
use super::text::for_shell;
use super::values::{
    endpoints, parse_count, parse_duration, parse_limit, parse_size, parse_timeout,
};

mod addresses;
mod agree;
mod files;
mod live;
mod report;
mod table;
mod values;

use live::Live;
use values::{Goal, parse_goal, parse_part, parse_rate};

client_arguments! {
    /// load echo servers: round trips a second, percentiles, families side by side
    #[argh(
        subcommand,
        name = "bench",
        help_triggers("-h", "--help"),
        example = "How many round trips a second, over IPv4 and over IPv6?\n$ {command_name} 127.0.0.1:7000 '[::1]:7000'",
        example = "What would users see at 10,000 messages a second?\n$ {command_name} -r 10k -d 30s name:7000",
        example = "Which rate keeps 99 of 100 round trips within 2 ms?\n$ {command_name} --search p99=2ms name:7000",
        example = "Keep a run, and compare a later one with it:\n$ {command_name} --save before.json name:7000\n$ {command_name} --compare before.json --fail-above 5% name:7000"
    )]
    pub(crate) struct Bench {
        timeout: "count a reply later than D as a fault (default: 5s)",
        quiet: "print only the summary, and errors",
        verbose: "print a histogram too",

        /// send datagrams (UDP) instead, from a port for each connection
        #[argh(switch, short = 'u')]
        udp: bool,

        /// load every address of a name side by side, not only the first that accepts
        #[argh(switch)]
        all: bool,

        /// connections to each address (default: 50)
        #[argh(
            option,
            short = 'c',
            arg_name = "N",
            from_str_fn(parse_limit),
            default = "NonZeroUsize::new(50).unwrap_or(NonZeroUsize::MIN)"
        )]
        connections: NonZeroUsize,

        /// measure each address for D, and wait for the last replies as -w says
        /// (default: 10s)
        #[argh(
            option,
            short = 'd',
            arg_name = "D",
            from_str_fn(parse_timeout),
            default = "Duration::from_secs(10)"
        )]
        duration: Duration,

        /// measure N messages of each address instead
        #[argh(option, short = 'n', arg_name = "N", from_str_fn(parse_count))]
        count: Option<u64>,

        /// send RATE messages a second, when they are due, over all connections
        /// of an address (default: as fast as they come back)
        #[argh(option, short = 'r', arg_name = "RATE", from_str_fn(parse_rate))]
        rate: Option<f64>,

        /// bytes of a message, up to 16M, with -u from 8 to 65507 (default: 64)
        #[argh(option, arg_name = "SIZE", from_str_fn(parse_message_size), default = "64")]
        size: usize,

        /// load for D before measuring (default: 1s)
        #[argh(
            option,
            arg_name = "D",
            from_str_fn(parse_duration),
            default = "Duration::from_secs(1)"
        )]
        warm_up: Duration,

        /// messages under way on each connection (default: 1)
        #[argh(option, arg_name = "N", from_str_fn(parse_limit))]
        in_flight: Option<NonZeroUsize>,

        /// open a connection for each message, and time that too
        #[argh(switch)]
        reconnect: bool,

        /// open N connections at one moment: how long until each is served?
        #[argh(option, arg_name = "N", from_str_fn(parse_limit))]
        burst: Option<NonZeroUsize>,

        /// keep the connections silent for D: does each still echo?
        #[argh(option, arg_name = "D", from_str_fn(parse_timeout))]
        hold: Option<Duration>,

        /// find the highest rate that stays within GOAL, such as p99=2ms
        #[argh(option, arg_name = "GOAL", from_str_fn(parse_goal))]
        search: Option<Goal>,

        /// save the run to FILE
        #[argh(option, arg_name = "FILE")]
        save: Option<String>,

        /// compare with the run saved in FILE
        #[argh(option, arg_name = "FILE")]
        compare: Option<String>,

        /// with --compare: exit with 1 if a figure is worse by more than PERCENT, such
        /// as 5%
        #[argh(option, arg_name = "PERCENT", from_str_fn(parse_part))]
        fail_above: Option<f64>,

        /// write the percentile spectrum of the round trips to FILE (.hgrm)
        #[argh(option, arg_name = "FILE")]
        hdr: Option<String>,

        /// draw the round trips over time and their spectrum to FILE (.svg)
        #[argh(option, arg_name = "FILE")]
        plot: Option<String>,

        /// merge the spectra in each FILE instead, without ADDRESS
        #[argh(option, arg_name = "FILE")]
        merge: Vec<String>,

        /// HOST:PORT or [IPV6]:PORT
        #[argh(positional, arg_name = "ADDRESS")]
        addresses: Vec<String>,
    }
}

/// Reads the size of a message.
fn parse_message_size(text: &str) -> Result<usize, String> {
    match parse_size(text)? {
        size @ 1..=0x100_0000 => Ok(size as usize),
        _ => Err("must be from 1 to 16M".to_owned()),
    }
}

pub(crate) fn run(arguments: &Bench, sink: Sink, stopped: &Stopped) -> Result<Status, Stop> {
    arguments.check()?;
    if !arguments.merge.is_empty() {
        return arguments.merge(sink);
    }
    let before = arguments.baseline()?;
    let wanted = endpoints("bench", &arguments.addresses, None)?;
    let dial = arguments.dial();
    let search = dial.search()?;
    let client = dial.client()?;
    let transport = if arguments.udp { Transports::Udp } else { Transports::Tcp };
    ready::wait(&dial, &wanted, sink, stopped, transport)?;
    let load = arguments.load(client.bench());
    if let Some(before) = &before {
        before.suits(&load).map_err(|error| Failure::usage(error.to_string()))?;
    }
    runtime::run_here(async {
        let find = arguments.find(&client, &wanted, search, sink);
        let found = runtime::until(stopped.clone(), find).await;
        let Some(found) = found else {
            sink.words("interrupted before the load began\n");
            return Ok(Status::Network);
        };
        let (addresses, status) = found?;
        if addresses.is_empty() {
            return Ok(status);
        }
        if let Some(before) = &before {
            before
                .suits_addresses(&addresses)
                .map_err(|error| Failure::usage(error.to_string()))?;
        }
        arguments.try_files(addresses.len())?;
        let (reports, result) = arguments.drive(&load, &addresses, sink, stopped).await?;
        let now = Baseline::new(&load, &reports);
        let ended = arguments.finish(&reports, &result, &now, before.as_ref(), sink)?;
        Ok(status.max(ended))
    })
}

impl Bench {
    fn load(&self, load: Load) -> Load {
        let load = load
            .connections(self.burst.unwrap_or(self.connections))
            .duration(self.duration)
            .size(self.size)
            .warm_up(self.warm_up)
            .in_flight(self.in_flight.unwrap_or(NonZeroUsize::MIN))
            .reconnect(self.reconnect)
            .datagrams(self.udp);
        let load = match self.count {
            Some(count) => load.count(count),
            None => load,
        };
        let load = match self.rate {
            Some(rate) => load.rate(rate),
            None => load,
        };
        match (self.burst, self.hold, self.search) {
            (Some(_), ..) => load.burst(),
            (_, Some(silence), _) => load.hold(silence),
            (.., Some(Goal { quantile, limit })) => load.search(quantile, limit),
            _ => load,
        }
    }

    /// Runs the load, and tells how far it is.
    async fn drive(
        &self,
        load: &Load,
        addresses: &[SocketAddr],
        sink: Sink,
        stopped: &Stopped,
    ) -> Result<(Vec<BenchReport>, BenchResult), Stop> {
        let mut live = Live::new(!self.quiet && !self.json);
        let mut events = pin!(load.clone().run(addresses, stopped.clone()));
        let mut reports = Vec::new();
        while let Some(event) = events.next().await {
            match &event {
                BenchEvent::Progress(progress) => live.show(progress),
                BenchEvent::Step(step) if !self.quiet && !self.json => {
                    live.clear();
                    sink.words(&report::step(step));
                }
                BenchEvent::Slice(_) | BenchEvent::Step(_) if self.quiet || !self.json => {}
                event if self.json => sink.object(event)?,
                _ => {}
            }
            match event {
                BenchEvent::Summary(report) => reports.push(*report),
                BenchEvent::Result(result) => return Ok((reports, result)),
                _ => {}
            }
        }
        Err(Failure::usage("the load ended without a result").into())
    }

    /// Writes what it came to.
    fn finish(
        &self,
        reports: &[BenchReport],
        result: &BenchResult,
        now: &Baseline,
        before: Option<&Baseline>,
        sink: Sink,
    ) -> Result<Status, Stop> {
        if let Some(error) = &result.error {
            return Err(Failure::here("cannot load", error).into());
        }
        if !self.json {
            let task = match (self.burst, self.hold, self.search) {
                (Some(_), ..) => report::Task::Burst,
                (_, Some(_), _) => report::Task::Hold,
                (.., Some(goal)) => report::Task::Search(goal),
                _ => report::Task::Load,
            };
            sink.data(report::text(reports, result, task, self.verbose).as_bytes())?;
        }
        if !self.quiet && !self.json {
            let failures = reports.iter().filter_map(|report| report.failure.as_ref());
            let mut helps: Vec<String> = failures.filter_map(hints::for_load).collect();
            helps.dedup();
            if result.found.iter().any(report::ended_here) {
                helps.push("load from other hosts too, or try another -c".to_owned());
            }
            helps.iter().for_each(|help| sink.remark(&format!("help: {}", for_shell(help))));
        }
        let mut status = Status::Ok;
        for report in reports {
            status = status.max(verdict(report, result));
        }
        self.keep(reports, now, result.interrupted, sink)?;
        if let Some(before) = before {
            let changes = before.compare(now).map_err(|error| Failure::usage(error.to_string()))?;
            let limit = self.fail_above;
            if !self.json && !changes.is_empty() {
                sink.data(b"compared, the times by the median slice of each run:\n")?;
            }
            for change in &changes {
                if self.json {
                    sink.object(&Compared { event: "change", change })?;
                } else {
                    sink.data(report::change(change, changes.len() > 3).as_bytes())?;
                }
                if limit.is_some_and(|limit| change.worse_by().is_some_and(|by| by > limit)) {
                    status = status.max(Status::Network);
                }
            }
        }
        Ok(status)
    }
}

#[derive(serde::Serialize)]
struct Compared<'a> {
    event: &'static str,
    #[serde(flatten)]
    change: &'a echo6::client::Change,
}

/// Whether all is well with an address: something came back, nothing failed, and what was asked for
/// was sent.
fn verdict(report: &BenchReport, result: &BenchResult) -> Status {
    let sought = result.found.iter().find(|found| found.address == report.address);
    let well = match sought {
        // The steps that failed were to be expected.
        Some(found) => found.rate.is_some(),
        None => {
            let not_sent = report.load == Loop::Open
                && report.bound_by == Bound::Host
                && report.warnings.iter().any(|warning| matches!(warning, Warning::NotSent(_)));
            report.echoes > 0 && report.faults.total() == 0 && !not_sent
        }
    };
    if well { Status::Ok } else { Status::Network }
}
