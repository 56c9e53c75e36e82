//! `echo6 ping` over connections: what happens to each probe line by line, and what they come to.

use std::io::{self, IsTerminal};
use std::net::SocketAddr;
use std::time::Duration;

use echo6::Client;
use echo6::address::Families;
use echo6::client::{self, Loss, PingEvent, Probes, Report, SendError};

use super::Ping;
use super::lines::{Tone, line, reason};
use super::run::{Pinged, Voice};
use super::summary::{so_far, summary};
use crate::cli::failure::{Failure, Status, Stop};
use crate::cli::hints;
use crate::cli::plot::Fate;
use crate::cli::text::for_shell;

/// Says what a ping over connections cannot have.
pub(super) fn refuse(arguments: &Ping) -> Result<(), Failure> {
    for (flag, given) in
        [("--tos", arguments.tos.is_some()), ("--flows", arguments.flows.is_some())]
    {
        if given {
            return Err(Failure::for_datagrams(flag));
        }
    }
    Ok(())
}

/// A ping of one target over connections: its events are printed, and counted for the summary.
pub(super) struct Tcp<'a> {
    ping: client::Ping,
    voice: Voice<'a>,
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
}

impl<'a> Tcp<'a> {
    pub(super) fn new(client: &Client, voice: Voice<'a>) -> Self {
        let arguments = voice.arguments;
        let client = client.clone().head_start(arguments.head_start);
        let mut ping = client.ping().interval(arguments.interval).size(arguments.size);
        if let Some(count) = arguments.count {
            ping = ping.count(count);
        }
        let ping = ping.reconnect(arguments.reconnect);
        Self {
            ping,
            voice,
            report: Report::default(),
            connected: false,
            reported: false,
            reason: None,
            unmade: false,
            failure: None,
        }
    }

    /// Says on a terminal whom it pings, because the first reply may be long in coming.
    fn open(&self, peer: SocketAddr) {
        let Voice { arguments, sink } = self.voice;
        if !arguments.json && !arguments.quiet && io::stderr().is_terminal() {
            let (family, size) = (Families::of(peer), arguments.size);
            sink.words(&format!("ping {peer} over {family}, {size} bytes a probe\n"));
        }
    }

    /// Takes note of what decides how much is said of the next event.
    fn remember(&mut self, event: &PingEvent) {
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

    fn tone(&self, event: &PingEvent) -> Tone {
        let arguments = self.voice.arguments;
        Tone {
            quiet: arguments.quiet,
            verbose: arguments.verbose,
            timeout: arguments.timeout,
            connected: self.connected,
            reported: self.reported,
            repeats: self.repeats(event),
        }
    }
}

impl Pinged for Tcp<'_> {
    type Event = PingEvent;
    type Probes = Probes;

    const TITLE: &'static str = "echo6 ping";

    async fn start(&self, target: &[SocketAddr]) -> Result<Option<Probes>, Stop> {
        let probes = self.ping.clone().start(target).await?;
        self.open(probes.peer());
        Ok(Some(probes))
    }

    fn note(&mut self, event: &PingEvent) -> Result<(), Stop> {
        if !matches!(event, PingEvent::Sent { .. }) {
            self.voice.event(event, || line(event, self.tone(event)))?;
        }
        self.remember(event);
        self.report.note(event);
        Ok(())
    }

    fn fate(&self, event: &PingEvent) -> Option<Fate> {
        match event {
            PingEvent::Reply { rtt, .. } => Some(Fate::Back(*rtt)),
            PingEvent::Late { rtt, .. } => Some(Fate::Late(*rtt)),
            PingEvent::Lost { loss: Loss::Timeout, .. } => {
                Some(Fate::Lost(self.voice.arguments.timeout))
            }
            PingEvent::Lost { .. } => Some(Fate::Lost(Duration::ZERO)),
            _ => None,
        }
    }

    fn so_far(&self, probes: &Probes) -> String {
        so_far(probes.peer(), &self.report)
    }

    fn peer(&self) -> Option<SocketAddr> {
        self.report.peer
    }

    fn end(&self) -> Result<Status, Stop> {
        let (report, Voice { arguments, sink }) = (&self.report, self.voice);
        let Some(peer) = report.peer else {
            sink.words("interrupted before there was a connection\n");
            return Ok(Status::Network);
        };
        self.voice.report(report, || summary(peer, report, arguments.verbose))?;
        let none_back = report.sent > 0 && report.received + report.late == 0;
        if none_back && self.connected && !arguments.quiet {
            // A ping has no half-close that could have cut it off.
            let failure = self.failure.as_ref().filter(|failure| failure.cut_off().is_none());
            let help = failure.and_then(hints::for_sending);
            let help = help.unwrap_or_else(|| format!("\"echo6 check {peer}\" tells why"));
            sink.remark(&format!("help: {}", for_shell(&help)));
        }
        let all_sent = arguments.count.is_none_or(|count| report.sent >= count);
        Ok(if report.is_well() && all_sent { Status::Ok } else { Status::Network })
    }
}
