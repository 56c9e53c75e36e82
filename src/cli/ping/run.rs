//! Targets in; the probes to each of them side by side, and what they come to, out: what the pings of
//! both transports share.

use std::net::SocketAddr;
use std::time::Instant;

use echo6::address::Endpoint;
use futures::future::{Either, select, try_join_all};
use futures::{Stream, StreamExt};
use serde::Serialize;

use super::Ping;
use super::lines::Line;
use crate::cli::failure::{Failure, Status, Stop};
use crate::cli::plot::{self, Fate, Series, Trace};
use crate::cli::runtime::{self, Asked, Stopped};
use crate::cli::sink::{Sink, now};
use crate::cli::targets::{Search, targets};

/// A ping of one target over one of the transports.
pub(super) trait Pinged {
    /// What happens to the probes.
    type Event;
    type Probes: Stream<Item = Self::Event> + Unpin;

    /// The title of its picture.
    const TITLE: &'static str;

    /// Says whether a probe can go to an address.
    fn fits(&self, _: SocketAddr) -> Result<(), Failure> {
        Ok(())
    }

    /// Starts the probes; none if it was reported why there are none.
    async fn start(&self, target: &[SocketAddr]) -> Result<Option<Self::Probes>, Stop>;

    /// Prints an event, and counts it for the summary.
    fn note(&mut self, event: &Self::Event) -> Result<(), Stop>;

    /// What is drawn of an event.
    fn fate(&self, event: &Self::Event) -> Option<Fate>;

    /// One line with the figures so far.
    fn so_far(&self, probes: &Self::Probes) -> String;

    /// The server, if there was a way to it.
    fn peer(&self) -> Option<SocketAddr>;

    /// Prints what it came to.
    fn end(&self) -> Result<Status, Stop>;
}

/// What is to be said, and where.
#[derive(Clone, Copy)]
pub(super) struct Voice<'a> {
    pub(super) arguments: &'a Ping,
    pub(super) sink: Sink,
}

impl Voice<'_> {
    /// Prints an event as an object, or the line for it.
    pub(super) fn event(
        self,
        event: &impl Serialize,
        line: impl FnOnce() -> Option<Line>,
    ) -> Result<(), Stop> {
        if self.arguments.json {
            return if self.arguments.quiet { Ok(()) } else { self.sink.object(event) };
        }
        match line() {
            Some(Line::Data(text)) => self.sink.data(self.dated(text).as_bytes()),
            Some(Line::Words(text)) => {
                self.sink.words(&self.dated(text));
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// A line in front of which stands the time, if the flags ask for it.
    fn dated(self, line: String) -> String {
        if self.arguments.timestamps { format!("{} {line}", now()) } else { line }
    }

    /// Prints a report as an object, or the summary of it.
    pub(super) fn report(
        self,
        report: &impl Serialize,
        summary: impl FnOnce() -> String,
    ) -> Result<(), Stop> {
        if self.arguments.json {
            self.sink.object(report)
        } else {
            self.sink.data(summary().as_bytes())
        }
    }
}

/// Pings each target until the probes are back or lost, or it is stopped.
pub(super) async fn run<P: Pinged>(
    endpoints: &[Endpoint],
    search: Search,
    voice: Voice<'_>,
    stopped: &Stopped,
    asked: &Asked,
    new: impl Fn() -> P,
) -> Result<Status, Stop> {
    let Voice { arguments, sink } = voice;
    let targets = targets(endpoints, search, arguments.all);
    let Some(found) = runtime::until(stopped.clone(), targets).await else {
        sink.words("interrupted before the name was resolved\n");
        return Ok(Status::Network);
    };
    let found = found?;
    if let Some(path) = &arguments.plot {
        plot::try_file(path)?;
    }
    let mut runs: Vec<Run<P>> =
        found.iter().map(|_| Run::new(new(), arguments.plot.is_some())).collect();
    for (run, target) in runs.iter().zip(&found) {
        target.first().map_or(Ok(()), |address| run.pinged.fits(*address))?;
    }
    let pings = found.iter().zip(&mut runs).map(|(target, run)| run.probe(target, sink, asked));
    if let Some(Err(stop)) = runtime::until(stopped.clone(), try_join_all(pings)).await {
        return Err(stop);
    }
    let mut status = Status::Ok;
    for run in &runs {
        status = status.max(run.pinged.end()?);
    }
    if let Some(path) = &arguments.plot {
        let drawn = runs.iter().filter_map(Run::series).collect::<Vec<_>>();
        plot::write(path, P::TITLE, &drawn)?;
    }
    Ok(status)
}

/// A ping of one target, and what is to be drawn of it.
struct Run<P> {
    pinged: P,
    trace: Option<Trace>,
    start: Instant,
}

impl<P: Pinged> Run<P> {
    fn new(pinged: P, draws: bool) -> Self {
        Self { pinged, trace: draws.then(Trace::new), start: Instant::now() }
    }

    async fn probe(
        &mut self,
        target: &[SocketAddr],
        sink: Sink,
        asked: &Asked,
    ) -> Result<(), Stop> {
        let Some(mut probes) = self.pinged.start(target).await? else { return Ok(()) };
        let mut asked = asked.times();
        loop {
            match select(probes.next(), asked.next()).await {
                Either::Left((Some(event), _)) => {
                    self.pinged.note(&event)?;
                    if let (Some(trace), Some(fate)) = (&mut self.trace, self.pinged.fate(&event)) {
                        trace.note(self.start.elapsed(), fate);
                    }
                }
                Either::Left((None, _)) => return Ok(()),
                Either::Right(_) => sink.words(&self.pinged.so_far(&probes)),
            }
        }
    }

    /// What is drawn of it, if there was a way to the server.
    fn series(&self) -> Option<Series> {
        let peer = self.pinged.peer()?;
        Some(self.trace.as_ref()?.series(peer.to_string()))
    }
}
