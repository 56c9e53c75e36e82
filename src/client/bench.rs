//! Addresses in, as many round trips as they give out: load on echo servers, side by side.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use futures::channel::mpsc;
use futures::{FutureExt, Stream, StreamExt};

use super::Client;
use super::datagram::DatagramPing;
use super::ping::probe::HEADER;

mod baseline;
mod engine;
mod event;
mod failure;
mod faults;
mod ledger;
mod measured;
mod payload;
mod report;
mod run;
mod schedule;
mod search;
mod setup;
mod statistics;
mod tally;
mod verdict;
mod window;

pub use baseline::{Baseline, BaselineAddress, BaselineSlice, BenchSettings, Change, CompareError};
pub use event::{BenchEvent, BenchResult, Found, Phase, Progress, SearchStep, StepOutcome};
pub use failure::BenchFailure;
pub use faults::{DatagramCounts, Faults, FirstDifference};
pub use report::{BenchReport, Loop, Measure, PairedDifference, Slice};
pub use statistics::{Estimate, Interval};
pub use verdict::{Bound, Warning};

/// Load on echo servers, made by [`Client::bench`]: how many round trips a second, and how long they
/// take.
///
/// Each byte that comes back is compared. Several addresses are measured in slices that take turns,
/// so that a machine that gets slower favours none. The load runs on a thread of its own, on as much
/// of one processor as there is.
///
/// # Examples
///
/// ```
/// use echo6::client::BenchEvent;
/// use echo6::socket::{ListenOptions, listen};
/// use echo6::{Client, Server};
/// use futures::StreamExt;
///
/// # futures::executor::block_on(async {
/// let listeners = listen(&["[::1]:0".parse()?], ListenOptions::default())?;
/// let address = listeners[0].address();
/// async_std::task::spawn(Server::new(listeners).run(std::future::pending::<()>()));
///
/// let bench = Client::new().bench().count(1_000).warm_up(std::time::Duration::ZERO);
/// let mut events = std::pin::pin!(bench.run(&[address], std::future::pending()));
/// while let Some(event) = events.next().await {
///     if let BenchEvent::Summary(report) = event {
///         assert_eq!((report.echoes, report.faults.total()), (1_000, 0));
///     }
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
/// ```
#[derive(Clone, Debug)]
#[must_use = "a bench does nothing until it runs"]
pub struct Bench {
    client: Client,
    connections: usize,
    duration: Duration,
    count: Option<u64>,
    rate: Option<f64>,
    size: usize,
    warm_up: Duration,
    in_flight: usize,
    reconnect: bool,
    datagrams: bool,
    task: Task,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Task {
    Measure,
    Burst,
    Hold(Duration),
    Search(Goal),
}

/// A limit on round-trip times: the part `quantile` of all must not exceed it.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Goal {
    quantile: f64,
    limit: Duration,
}

/// What is measured, and how, unless set. 50 connections and 10 seconds are what other generators
/// of load take.
const CONNECTIONS: usize = 50;
const DURATION: Duration = Duration::from_secs(10);
const SIZE: usize = 64;
const WARM_UP: Duration = Duration::from_secs(1);

impl Client {
    /// Makes a load of 64 bytes a message over 50 connections: a closed loop of 10 seconds behind a
    /// warm-up of one. The client's timeout says when a reply is late.
    pub fn bench(&self) -> Bench {
        Bench {
            client: self.clone(),
            connections: CONNECTIONS,
            duration: DURATION,
            count: None,
            rate: None,
            size: SIZE,
            warm_up: WARM_UP,
            in_flight: 1,
            reconnect: false,
            datagrams: false,
            task: Task::Measure,
        }
    }
}

impl Bench {
    /// Sets the number of connections to each address.
    pub fn connections(self, connections: NonZeroUsize) -> Self {
        Self { connections: connections.get(), ..self }
    }

    /// Sets how long each address is measured. The figures of each half second are kept until the
    /// end: 40 MB a day.
    pub fn duration(self, duration: Duration) -> Self {
        Self { duration, ..self }
    }

    /// Measures so many messages of each address instead.
    pub fn count(self, count: u64) -> Self {
        Self { count: Some(count), ..self }
    }

    /// Makes an open loop: so many messages a second over all connections, sent when they are due,
    /// whether or not earlier ones are back. Times run from when each was due. A rate that is not
    /// greater than zero changes nothing.
    pub fn rate(self, rate: f64) -> Self {
        Self { rate: (rate > 0.0 && rate.is_finite()).then_some(rate), ..self }
    }

    /// Sets the bytes of a message, at least one.
    pub fn size(self, size: usize) -> Self {
        Self { size: size.max(1), ..self }
    }

    /// Sets how long the load goes on before it counts.
    pub fn warm_up(self, warm_up: Duration) -> Self {
        Self { warm_up, ..self }
    }

    /// Sets how many messages of a closed loop are under way on each connection.
    pub fn in_flight(self, in_flight: NonZeroUsize) -> Self {
        Self { in_flight: in_flight.get(), ..self }
    }

    /// Sets whether each message has a connection of its own, which is reset when the echo is back,
    /// so that its port can be used again at once.
    pub fn reconnect(self, reconnect: bool) -> Self {
        Self { reconnect, ..self }
    }

    /// Sets whether each message is a datagram (UDP), sent from as many ports as there would be
    /// connections. It has a number and bytes that nobody can guess, so that losses, copies, changes
    /// of order and answers from other addresses are told apart.
    ///
    /// It has from 8 bytes to 65,507 over IPv4 and 65,527 over IPv6. [`reconnect`](Self::reconnect),
    /// [`burst`](Self::burst) and [`hold`](Self::hold) are for connections, as PROXY headers are:
    /// they change nothing then.
    pub fn datagrams(self, datagrams: bool) -> Self {
        Self { datagrams, ..self }
    }

    /// What is left for datagrams to `addresses`.
    fn of_datagrams(self, addresses: &[SocketAddr]) -> Self {
        let most = addresses.iter().map(|&address| DatagramPing::most(address)).min();
        Self {
            size: self.size.clamp(HEADER, most.unwrap_or(HEADER)),
            reconnect: false,
            task: match self.task {
                Task::Burst | Task::Hold(_) => Task::Measure,
                task @ (Task::Measure | Task::Search(_)) => task,
            },
            ..self
        }
    }

    /// Makes all connections at one moment instead, and sends a message on each. Times run from that
    /// moment until the echo is back, which shows how connections wait to be accepted.
    pub fn burst(self) -> Self {
        Self { task: Task::Burst, ..self }
    }

    /// Keeps all connections silent for so long instead, and then sends a message on each.
    pub fn hold(self, silence: Duration) -> Self {
        Self { task: Task::Hold(silence), ..self }
    }

    /// Looks for the highest rate at which the part `quantile` of the round trips, from 0 to 1, takes
    /// no longer than `limit` instead. What is found is confirmed for as long as the
    /// [`duration`](Self::duration); each step before takes a fifth of that.
    pub fn search(self, quantile: f64, limit: Duration) -> Self {
        Self { task: Task::Search(Goal { quantile, limit }), ..self }
    }

    /// Loads `addresses` until all is measured, or `stop` is ready.
    ///
    /// The events end with a [`Summary`](BenchEvent::Summary) of each address and one
    /// [`Result`](BenchEvent::Result), also if it was stopped. An address that accepts no connection
    /// has a summary of faults only. To drop the stream stops the load.
    pub fn run<S: Future<Output = ()>>(
        self,
        addresses: &[SocketAddr],
        stop: S,
    ) -> impl Stream<Item = BenchEvent> + use<S> {
        let addresses = addresses.to_vec();
        let bench = if self.datagrams { self.of_datagrams(&addresses) } else { self };
        let (sender, mut events) = mpsc::unbounded();
        let stopped = Arc::new(AtomicBool::new(false));
        let stopper = Stopper(stopped.clone());
        let started = thread::Builder::new().name("bench".to_owned()).spawn({
            let sender = sender.clone();
            move || {
                let tell = &mut |event| {
                    if sender.unbounded_send(event).is_err() {
                        stopped.store(true, Ordering::Relaxed);
                    }
                };
                let result = run::run(&bench, &addresses, &stopped, tell);
                tell(BenchEvent::Result(result));
            }
        });
        if let Err(error) = started {
            let error = Some(error.into());
            let result = BenchResult { error, ..BenchResult::default() };
            // The receiver is here.
            let _ = sender.unbounded_send(BenchEvent::Result(result));
        }
        drop(sender);
        let mut stop = Box::pin(stop.fuse());
        futures::stream::poll_fn(move |cx| {
            if stop.as_mut().poll(cx).is_ready() {
                stopper.stop();
            }
            events.poll_next_unpin(cx)
        })
    }
}

/// Stops the load when it is dropped.
struct Stopper(Arc<AtomicBool>);

impl Stopper {
    fn stop(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Drop for Stopper {
    fn drop(&mut self) {
        self.stop();
    }
}
