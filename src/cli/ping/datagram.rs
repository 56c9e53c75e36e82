//! `echo6 ping -u`: datagrams, what happens to each line by line, and what they come to.

use std::net::SocketAddr;
use std::time::Duration;

use echo6::Client;
use echo6::client::{DatagramEvent, DatagramLoss, DatagramPing, DatagramProbes, DatagramReport};

use super::Ping;
use super::run::{Pinged, Voice};
use crate::cli::failure::{Failure, Status, Stop};
use crate::cli::plot::Fate;
use crate::cli::targets::fits;

mod lines;
mod summary;

use lines::line;
use summary::{so_far, summary};

/// Says what a ping of datagrams cannot have.
pub(super) fn refuse(arguments: &Ping) -> Result<(), Failure> {
    if arguments.proxy_protocol.is_some() {
        return Err(Failure::for_connections("--proxy-protocol", "--udp"));
    }
    if arguments.reconnect && arguments.flows.is_some() {
        return Err(Failure::exclusive("--reconnect", "--flows"));
    }
    Ok(())
}

/// A ping of datagrams to one target: its events are printed, and counted for the summary.
pub(super) struct Udp<'a> {
    ping: DatagramPing,
    voice: Voice<'a>,
    report: DatagramReport,
}

impl<'a> Udp<'a> {
    pub(super) fn new(client: &Client, voice: Voice<'a>) -> Self {
        let arguments = voice.arguments;
        let mut ping = client
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
        Self { ping, voice, report: DatagramReport::default() }
    }
}

impl Pinged for Udp<'_> {
    type Event = DatagramEvent;
    type Probes = DatagramProbes;

    const TITLE: &'static str = "echo6 ping -u";

    fn fits(&self, address: SocketAddr) -> Result<(), Failure> {
        fits(address, self.voice.arguments.size)
    }

    async fn start(&self, target: &[SocketAddr]) -> Result<Option<DatagramProbes>, Stop> {
        match self.ping.clone().start(target).await {
            Ok(probes) => Ok(Some(probes)),
            Err(error) => {
                self.voice.sink.failure(&error.into());
                Ok(None)
            }
        }
    }

    fn note(&mut self, event: &DatagramEvent) -> Result<(), Stop> {
        if !matches!(event, DatagramEvent::Sent { .. }) {
            self.voice.event(event, || line(event, self.voice.arguments))?;
        }
        self.report.note(event);
        Ok(())
    }

    fn fate(&self, event: &DatagramEvent) -> Option<Fate> {
        match event {
            DatagramEvent::Reply { arrival, .. } => Some(Fate::Back(arrival.rtt)),
            DatagramEvent::Late { arrival, .. } => Some(Fate::Late(arrival.rtt)),
            DatagramEvent::Lost { loss: DatagramLoss::Timeout, .. } => {
                Some(Fate::Lost(self.voice.arguments.timeout))
            }
            DatagramEvent::Lost { .. } => Some(Fate::Lost(Duration::ZERO)),
            _ => None,
        }
    }

    fn so_far(&self, probes: &DatagramProbes) -> String {
        so_far(probes.peer(), &self.report)
    }

    fn peer(&self) -> Option<SocketAddr> {
        self.report.peer
    }

    fn end(&self) -> Result<Status, Stop> {
        let (report, arguments) = (&self.report, self.voice.arguments);
        let Some(peer) = report.peer else { return Ok(Status::Network) };
        let summary = || summary(peer, report, arguments.tos, arguments.verbose);
        self.voice.report(report, summary)?;
        let all_sent = arguments.count.is_none_or(|count| report.sent >= count);
        Ok(if report.is_well() && all_sent { Status::Ok } else { Status::Network })
    }
}
