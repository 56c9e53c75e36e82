//! Addresses in, probes out at set times, and an event for each thing that becomes of them.

use std::net::SocketAddr;
use std::task::Poll;
use std::time::{Duration, Instant};

use async_io::Timer;
use futures::StreamExt;
use futures::future::Either;
use futures::stream::FuturesUnordered;

use super::connect::Connection;
use super::error::{ConnectError, SendError};
use super::settings::Client;
use super::target::Target;
use super::wait::first_of;

mod event;
mod patience;
mod report;
mod schedule;
mod session;

pub use event::{Loss, PingEvent};
use patience::Patience;
pub use report::Report;
use schedule::{Due, Schedule};
use session::Session;

/// Round trips with an echo server, made by [`Client::ping`]: when probes are sent, and how many.
///
/// Each probe has a sequence number and is compared byte by byte. Its time is measured from when it
/// was due, so that one that had to wait because the server was slow with those before is not taken
/// for a fast one. What it had to wait for a timer of this host does not count: that is no fault of
/// the server's, and often longer than the round trip.
///
/// # Examples
///
/// ```
/// use echo6::socket::{ListenOptions, listen};
/// use echo6::client::Report;
/// use echo6::{Client, Server};
///
/// # futures::executor::block_on(async {
/// let listeners = listen(&["[::1]:0".parse()?], ListenOptions::default())?;
/// let address = listeners[0].address();
/// async_std::task::spawn(Server::new(listeners).run(std::future::pending()));
///
/// let mut report = Report::default();
/// let ping = Client::new().ping().interval(std::time::Duration::ZERO).count(100);
/// ping.run(&[address], std::future::pending(), |event| report.note(&event)).await?;
/// assert_eq!((report.sent, report.received, report.lost), (100, 100, 0));
/// assert!(report.rtt.min() <= report.rtt.quantile(0.99));
/// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
/// ```
#[derive(Clone, Debug)]
#[must_use = "a ping does nothing until it runs"]
pub struct Ping {
    client: Client,
    interval: Duration,
    count: Option<u64>,
    size: usize,
    reconnect: bool,
}

/// Bytes of a probe unless set, as of ping(8): 56 and a header of 8.
const SIZE: usize = 64;

/// The sequence number, 8 bytes in network order, is the least that a probe carries.
pub(super) const HEADER: usize = 8;

/// How many lost probes are told in one turn, so that a connection can be made meanwhile and the
/// ping stopped, however fast they fall due.
const TURN: usize = 64;

/// How many connections may be open at once when each probe has its own. Beyond it a probe waits,
/// which its time shows.
const CONNECTIONS: usize = 256;

impl Client {
    /// Makes a ping of 64 bytes each second, without end, over one connection.
    pub fn ping(&self) -> Ping {
        let (client, interval) = (self.clone(), Duration::from_secs(1));
        Ping { client, interval, count: None, size: SIZE, reconnect: false }
    }
}

impl Ping {
    /// Sets the time between two probes. Zero sends the next one as soon as the one before is back
    /// or lost.
    pub fn interval(self, interval: Duration) -> Self {
        Self { interval, ..self }
    }

    /// Sets how many probes to send.
    pub fn count(self, count: u64) -> Self {
        Self { count: Some(count), ..self }
    }

    /// Sets the bytes of a probe, at least 8.
    pub fn size(self, size: usize) -> Self {
        Self { size: size.max(HEADER), ..self }
    }

    /// Sets whether each probe has a connection of its own.
    pub fn reconnect(self, reconnect: bool) -> Self {
        Self { reconnect, ..self }
    }

    /// Connects to the first address of `target` that accepts and sends probes to it, until all are back
    /// or lost, or `stop` is ready. A connection that breaks is made again, to the same address:
    /// after 20 ms, and after waits that double up to the interval until a probe comes back. What
    /// falls due meanwhile is lost.
    ///
    /// # Errors
    ///
    /// If no address accepts at the start.
    pub async fn run(
        self,
        target: impl Into<Target>,
        stop: impl Future<Output = ()>,
        mut observe: impl FnMut(PingEvent),
    ) -> Result<(), ConnectError> {
        let probing = async {
            let mut connection = self.client.connect(target).await?;
            observe(connected(&mut connection));
            let mut schedule = Schedule::new(self.interval, self.count);
            if self.reconnect {
                self.probe_by_connection(connection, &mut schedule, &mut observe).await;
            } else {
                self.probe_by_session(connection, &mut schedule, &mut observe).await;
            }
            Ok(())
        };
        match first_of(probing, stop).await {
            Either::Left(result) => result,
            Either::Right(_) => Ok(()),
        }
    }

    /// All probes on one connection, which is made again when it breaks.
    async fn probe_by_session(
        &self,
        mut connection: Connection,
        schedule: &mut Schedule,
        observe: &mut impl FnMut(PingEvent),
    ) {
        let peer = connection.peer;
        let mut patience = Patience::new(self.interval);
        loop {
            let session = Session::new(connection, self.size, self.client.timeout);
            let mut watched = |event| {
                if let PingEvent::Reply { .. } | PingEvent::Late { .. } = event {
                    patience.reset();
                }
                observe(event);
            };
            session.run(schedule, &mut watched).await;
            if schedule.is_over() {
                return;
            }
            let mut wait = patience.wait();
            connection = loop {
                // Told lost when they fall due, not all at once at the end.
                let reconnecting = async {
                    Timer::after(wait).await;
                    self.client.connect(&[peer]).await
                };
                let lost = lose_what_is_due(schedule, peer, observe);
                let connected = first_of(reconnecting, lost).await;
                match connected {
                    Either::Left(Ok(connection)) => break connection,
                    Either::Left(Err(error)) => {
                        if schedule.is_back_to_back() {
                            // The one that would have gone now; else there would be no end to it.
                            lose_next(schedule, peer, observe).await;
                        }
                        if schedule.is_over() {
                            return;
                        }
                        wait = patience.wait();
                        observe(PingEvent::Unreachable { peer, error, retry_in: wait });
                    }
                    Either::Right(_) => return,
                }
            };
            observe(connected(&mut connection));
        }
    }

    /// A connection for each probe, the first being there already.
    async fn probe_by_connection(
        &self,
        first: Connection,
        schedule: &mut Schedule,
        observe: &mut impl FnMut(PingEvent),
    ) {
        let peer = first.peer;
        let mut first = Some(first);
        let mut payload = vec![0; self.size];
        fastrand::fill(&mut payload);
        let mut running = FuturesUnordered::new();
        let mut patience = Patience::new(self.interval);
        let mut wait = Duration::ZERO;
        let mut held_up = false;
        loop {
            let (idle, full) = (running.is_empty(), running.len() >= CONNECTIONS);
            if schedule.is_over() && idle {
                return;
            }
            held_up |= full;
            let next = async {
                if full {
                    std::future::pending::<()>().await;
                }
                if idle && schedule.is_back_to_back() {
                    Timer::after(wait).await;
                }
                schedule.next(idle).await
            };
            let answered = async {
                match running.next().await {
                    Some(answered) => answered,
                    None => std::future::pending().await,
                }
            };
            let turn = first_of(next, answered).await;
            match turn {
                Either::Left(Due { sequence, due }) => {
                    observe(PingEvent::Sent { sequence });
                    payload[..HEADER].copy_from_slice(&sequence.to_be_bytes());
                    let (payload, first) = (payload.clone(), first.take());
                    let since = if std::mem::take(&mut held_up) { due } else { Instant::now() };
                    running.push(async move {
                        (sequence, self.probe_once(first, peer, &payload, since).await)
                    });
                }
                Either::Right((sequence, Ok((connect, rtt)))) => {
                    patience.reset();
                    wait = Duration::ZERO;
                    let (bytes, connect) = (self.size, Some(connect));
                    observe(PingEvent::Reply { peer, sequence, bytes, rtt, connect });
                }
                Either::Right((sequence, Err(error))) => {
                    wait = patience.wait();
                    let loss = match error {
                        SendError::Timeout { .. } => Loss::Timeout,
                        error => {
                            let loss = Loss::by(&error);
                            observe(PingEvent::Disconnected { peer, error });
                            loss
                        }
                    };
                    observe(PingEvent::Lost { peer, sequence, loss });
                }
            }
        }
    }

    /// Connects, sends one probe and gets it back; says how long each took.
    async fn probe_once(
        &self,
        first: Option<Connection>,
        peer: SocketAddr,
        payload: &[u8],
        since: Instant,
    ) -> Result<(Duration, Duration), SendError> {
        let (connection, connect) = match first {
            Some(connection) => {
                let connect = connection.duration;
                (connection, connect)
            }
            None => (self.client.connect(&[peer]).await?, since.elapsed()),
        };
        let start = Instant::now();
        let sink = futures::io::sink();
        connection.pass(payload, sink, self.client.timeout, false).await?;
        Ok((connect, start.elapsed()))
    }
}

fn connected(connection: &mut Connection) -> PingEvent {
    let Connection { peer, local, duration: connect, .. } = *connection;
    let attempts = std::mem::take(&mut connection.attempts);
    PingEvent::Connected { peer, local, connect, attempts }
}

/// Ready when the schedule is over.
async fn lose_what_is_due(
    schedule: &mut Schedule,
    peer: SocketAddr,
    observe: &mut impl FnMut(PingEvent),
) {
    if schedule.is_back_to_back() && !schedule.is_over() {
        return std::future::pending().await; // the next is due when it can be sent
    }
    while !schedule.is_over() {
        for _ in 0..TURN {
            lose_next(schedule, peer, observe).await;
            if schedule.is_over() {
                return;
            }
        }
        yield_now().await;
    }
}

/// Lets whatever else this thread has to do have its turn.
async fn yield_now() {
    let mut yielded = false;
    std::future::poll_fn(|cx| {
        if yielded {
            return Poll::Ready(());
        }
        yielded = true;
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// Waits for the next probe to be due, and tells it lost.
async fn lose_next(schedule: &mut Schedule, peer: SocketAddr, observe: &mut impl FnMut(PingEvent)) {
    let Due { sequence, .. } = schedule.next(true).await;
    observe(PingEvent::Sent { sequence });
    observe(PingEvent::Lost { peer, sequence, loss: Loss::Disconnected });
}
