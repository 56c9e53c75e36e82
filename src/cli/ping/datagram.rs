//! `echo6 ping -u`: datagrams, what happens to each line by line, and what they come to.

use std::net::SocketAddr;
use std::time::Instant;

use echo6::address::Families;
use echo6::client::{DatagramEvent, DatagramLoss, DatagramPing, DatagramReport, ProbeArrival};
use echo6::socket::Transports;
use futures::StreamExt;
use futures::future::{Either, select, try_join_all};

use super::Ping;
use super::summary::{figures, head, histogram, times_so_far};
use crate::cli::failure::{Failure, Status, Stop};
use crate::cli::plot::{self, Series, Trace};
use crate::cli::ready;
use crate::cli::runtime::{self, Asked, Stopped};
use crate::cli::sink::Sink;
use crate::cli::targets::{fits, targets};
use crate::cli::text::{count, millis};
use crate::cli::values::endpoints;

pub(super) fn run(
    arguments: &Ping,
    sink: Sink,
    stopped: &Stopped,
    asked: &Asked,
) -> Result<Status, Stop> {
    let endpoints = endpoints("ping", &arguments.addresses, None)?;
    let dial = arguments.dial();
    if dial.proxy_protocol.is_some() {
        return Err(Failure::usage("--proxy-protocol is for connections: it excludes --udp").into());
    }
    if arguments.reconnect && arguments.flows.is_some() {
        return Err(Failure::usage("--reconnect and --flows exclude each other").into());
    }
    let search = dial.search()?;
    ready::wait(&dial, &endpoints, sink, stopped, Transports::Udp)?;
    let mut ping = dial
        .client()?
        .datagram_ping()
        .interval(arguments.interval)
        .size(arguments.size)
        .reconnect(arguments.reconnect);
    if let Some(count) = arguments.count {
        ping = ping.count(count);
    }
    if let Some(flows) = arguments.flows {
        ping = ping.flows(flows);
    }
    if let Some(tos) = arguments.tos {
        ping = ping.tos(tos);
    }
    runtime::run_here(async {
        let targets = targets(&endpoints, search, arguments.all);
        let found = match runtime::until(stopped.clone(), targets).await {
            Some(Ok(found)) => found,
            Some(Err(failure)) => return Err(failure.into()),
            None => {
                sink.words("interrupted before the name was resolved\n");
                return Ok(Status::Network);
            }
        };
        for address in found.iter().filter_map(|addresses| addresses.first()) {
            fits(*address, arguments.size)?;
        }
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
            plot::write(path, "echo6 ping -u", &drawn)?;
        }
        Ok(status)
    })
}

/// A ping of one target: its events are printed, and counted for the summary.
struct Run<'a> {
    arguments: &'a Ping,
    sink: Sink,
    report: DatagramReport,
    /// What is to be drawn, and since when.
    trace: Option<Trace>,
    start: Instant,
}

impl<'a> Run<'a> {
    fn new(arguments: &'a Ping, sink: Sink) -> Self {
        let trace = arguments.plot.is_some().then(Trace::new);
        Self { arguments, sink, report: DatagramReport::default(), trace, start: Instant::now() }
    }

    async fn probe(
        &mut self,
        ping: &DatagramPing,
        target: &[SocketAddr],
        asked: &Asked,
    ) -> Result<(), Stop> {
        let mut probes = match ping.clone().start(target).await {
            Ok(probes) => probes,
            Err(error) => {
                self.sink.failure(&error.into());
                return Ok(());
            }
        };
        let mut asked = asked.times();
        loop {
            match select(probes.next(), asked.next()).await {
                Either::Left((Some(event), _)) => {
                    self.print(&event)?;
                    self.report.note(&event);
                    self.draw(&event);
                }
                Either::Left((None, _)) => return Ok(()),
                Either::Right(_) => {
                    let DatagramReport { sent, received, lost, ref rtt, .. } = self.report;
                    self.sink.words(&format!(
                        "{sent} sent, {received} received, {lost} lost{}",
                        times_so_far(rtt)
                    ));
                }
            }
        }
    }

    fn draw(&mut self, event: &DatagramEvent) {
        let Some(trace) = &mut self.trace else { return };
        match event {
            DatagramEvent::Reply { arrival, .. } => trace.back(self.start.elapsed(), arrival.rtt),
            DatagramEvent::Late { arrival, .. } => trace.late(self.start.elapsed(), arrival.rtt),
            DatagramEvent::Lost { .. } => trace.lost(self.start.elapsed()),
            _ => {}
        }
    }

    /// What is drawn of it, if there was a way to it.
    fn series(&self) -> Option<Series> {
        let peer = self.report.peer?;
        Some(self.trace.as_ref()?.series(peer.to_string()))
    }

    fn print(&self, event: &DatagramEvent) -> Result<(), Stop> {
        match event {
            DatagramEvent::Sent { .. } => Ok(()),
            _ if self.arguments.quiet => Ok(()),
            event if self.arguments.json => self.sink.object(event),
            event => self.print_text(event),
        }
    }

    /// Replies are data, the rest is words.
    fn print_text(&self, event: &DatagramEvent) -> Result<(), Stop> {
        match event {
            DatagramEvent::Opened { peer, local, .. } if self.arguments.verbose => {
                let family = Families::of(*peer);
                self.sink.words(&format!("sending to {peer} from {local} over {family}, UDP\n"));
            }
            DatagramEvent::Opened { .. } | DatagramEvent::Sent { .. } => {}
            DatagramEvent::Reply { peer, sequence, arrival, .. } => {
                self.sink.data(self.reply(*peer, *sequence, arrival, "").as_bytes())?;
            }
            DatagramEvent::Late { peer, sequence, arrival, .. } => {
                self.sink.data(self.reply(*peer, *sequence, arrival, ", late").as_bytes())?;
            }
            DatagramEvent::Duplicate { peer, sequence, copy, .. } => {
                self.sink.words(&format!("duplicate {peer}: seq={sequence}, copy {copy}\n"));
            }
            DatagramEvent::Corrupt { peer, sequence, offset, returned_bytes, .. } => {
                let bytes = count(*returned_bytes as u64, "byte");
                let which =
                    sequence.map(|sequence| format!("seq={sequence}, ")).unwrap_or_default();
                self.sink.words(&format!(
                    "corrupt {peer}: {which}{bytes}, first difference at offset {offset}\n"
                ));
            }
            DatagramEvent::Truncated { peer, sequence, sent_bytes, returned_bytes, .. } => {
                self.sink.words(&format!(
                    "truncated {peer}: seq={sequence}, {returned_bytes} of {sent_bytes} bytes\n"
                ));
            }
            DatagramEvent::Foreign { peer, sequence, from, .. } => {
                self.sink.words(&format!(
                    "foreign {peer}: seq={sequence} came from {from}, which was not asked\n"
                ));
            }
            DatagramEvent::Lost { peer, sequence, loss, by, error, .. } => {
                let by = by.map(|by| format!(", says {by}")).unwrap_or_default();
                self.sink.words(&match (loss, error) {
                    // It may come back yet, and is then late.
                    (DatagramLoss::Timeout, _) => {
                        let limit = self.arguments.timeout;
                        format!("overdue {peer}: seq={sequence}, no reply within {limit:?}\n")
                    }
                    (DatagramLoss::Here | DatagramLoss::Unreachable, Some(error)) => {
                        format!("lost {peer}: seq={sequence}, {loss}: {error}{by}\n")
                    }
                    (loss, _) => format!("lost {peer}: seq={sequence}, {loss}{by}\n"),
                });
            }
            DatagramEvent::DroppedHere { datagrams, .. } => {
                let datagrams = count(*datagrams, "datagram");
                self.sink
                    .words(&format!("dropped here: {datagrams}, the receive buffer was full\n"));
            }
            DatagramEvent::Path { peer, hops_from, hops_to, .. } => {
                self.sink.words(&format!(
                    "path {peer}: replies now pass {hops_to} routers, {hops_from} before\n"
                ));
            }
            _ => {} // one that this version does not know
        }
        Ok(())
    }

    fn reply(&self, peer: SocketAddr, sequence: u64, arrival: &ProbeArrival, late: &str) -> String {
        let (bytes, time) = (arrival.bytes, millis(arrival.rtt));
        let mut text = format!("{bytes} bytes from {peer}: seq={sequence} time={time} ms");
        if let (Some(tos), true) = (arrival.tos, self.arguments.tos.is_some()) {
            text += &format!(" tos={tos:#04x}");
        }
        if let (Some(hops), true) = (arrival.hops, self.arguments.verbose) {
            text += &format!(" hops={hops}");
        }
        if self.arguments.reconnect || self.arguments.flows.is_some() {
            text += &format!(" port={}", arrival.local_port);
        }
        text += late;
        if let Some(by) = arrival.reordered_by {
            text += &format!(", reordered by {by}");
        }
        text + "\n"
    }

    fn print_summary(&self) -> Result<Status, Stop> {
        let report = &self.report;
        let Some(peer) = report.peer else {
            return Ok(Status::Network);
        };
        if self.arguments.json {
            self.sink.object(report)?;
        } else {
            let (tos, verbose) = (self.arguments.tos, self.arguments.verbose);
            self.sink.data(summary(peer, report, tos, verbose).as_bytes())?;
        }
        Ok(if report.is_well() { Status::Ok } else { Status::Network })
    }
}

/// The figures of one address; with `verbose` a histogram too.
fn summary(peer: SocketAddr, report: &DatagramReport, tos: Option<u8>, verbose: bool) -> String {
    let DatagramReport { sent, received, lost, late, .. } = report;
    let mut text = format!(
        "--- {peer} ({}, UDP) ---\n{sent} sent, {received} received, {lost} lost, {late} late",
        Families::of(peer)
    );
    for (number, what) in [
        (report.duplicates, "duplicate"),
        (report.corrupt, "corrupt"),
        (report.truncated, "truncated"),
        (report.foreign, "foreign"),
        (report.unanswered(), "under way"),
    ] {
        if number > 0 {
            text += &format!(", {number} {what}");
        }
    }
    if report.reordered > 0 {
        text += &format!(", {} reordered by up to {}", report.reordered, report.max_reordering);
    }
    text += "\n";
    text += &losses(report);
    if let (Some(from), true) = (report.foreign_from, report.foreign > 0) {
        text += &format!("replies came from {from}, but {peer} was asked\n");
    }
    if let Some(tos) = tos {
        text += &marks(tos, report);
    }
    if report.path_changes > 0 {
        text += &format!("the path changed {}\n", count(report.path_changes, "time"));
    }
    text += &flows(report);
    if report.rtt.count() > 0 {
        text += &head();
        text += &figures("rtt", &report.rtt);
        if report.ipdv.count() > 0 {
            text += &figures("ipdv", &report.ipdv);
        }
    }
    if verbose {
        text += &histogram(&report.rtt);
    }
    text
}

/// Where probes were lost, as far as it is known.
fn losses(report: &DatagramReport) -> String {
    if report.lost + report.dropped_here == 0 {
        return String::new();
    }
    let mut parts = Vec::new();
    if report.silent > 0 {
        parts.push(format!("{} in silence", report.silent));
    }
    for ((cause, by), number) in &report.complaints {
        let by = by.map(|by| format!(" by ICMP from {by}")).unwrap_or_default();
        parts.push(format!("{number} {}{by}", cause.replace('_', " ")));
    }
    if report.unsent > 0 {
        parts.push(format!("{} not sent by this host", report.unsent));
    }
    if report.dropped_here > 0 {
        let dropped = count(report.dropped_here, "datagram");
        parts.push(format!("{dropped} dropped here, the receive buffer was full"));
    }
    let runs = count(report.loss_runs, "run");
    let longest = report.longest_loss;
    format!("lost in {runs}, the longest {longest}: {}\n", parts.join(", "))
}

/// What came back of the marks.
fn marks(sent: u8, report: &DatagramReport) -> String {
    let total: u64 = report.tos.values().sum();
    let mut parts = Vec::new();
    for (&tos, &number) in &report.tos {
        parts.push(match (tos, tos == sent) {
            (_, true) => format!("{tos:#04x} came back on {number} of {total}"),
            (0, _) => {
                format!("not reflected on {number} of {total}: the server does not copy it, or it was cleared on the way")
            }
            (tos, _) if tos & 3 == 3 && sent & 3 != 3 => {
                format!("CE (congestion) on {number} of {total}")
            }
            _ => format!("{tos:#04x} on {number} of {total}"),
        });
    }
    if parts.is_empty() {
        String::new()
    } else {
        format!("tos {sent:#04x}: {}\n", parts.join(", "))
    }
}

/// How many flows are listed one by one.
const LISTED: usize = 32;

/// The ports, if there are several, and what one of them that loses all means.
fn flows(report: &DatagramReport) -> String {
    let flows = &report.flows;
    if flows.len() < 2 || flows.len() > LISTED {
        return String::new();
    }
    let mut text = String::new();
    for (port, flow) in flows {
        let p50 = match flow.rtt.count() {
            0 => String::new(),
            _ => format!(", p50 {} ms", millis(flow.rtt.quantile(0.5))),
        };
        let lost = 100.0 * flow.lost as f64 / flow.sent.max(1) as f64;
        text += &format!("port {port}: {} sent, {lost:.0} % lost{p50}\n", flow.sent);
    }
    match report.dead_flows() {
        0 => {}
        dead => {
            let loses = if dead == 1 { "loses" } else { "lose" };
            text += &format!(
                "{dead} of {} flows {loses} all: one of several paths is broken\n",
                flows.len()
            );
        }
    }
    text
}
