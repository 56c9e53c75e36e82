//! The run of a ping: a stream of what happens to its probes.

use std::collections::VecDeque;
use std::fmt;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};
use std::time::{Duration, Instant};

use async_io::Timer;
use futures::Stream;
use futures::future::BoxFuture;

use super::backoff::Backoff;
use super::event::{Loss, PingEvent, Skip};
use super::schedule::{Due, Schedule};
use super::separate::Separate;
use super::session::Session;
use super::settings::Ping;
use crate::client::connect::Connection;
use crate::client::error::ConnectError;
use crate::client::target::Target;

impl Ping {
    /// Looks up the addresses of `target`, and returns the stream of what happens to the probes. It
    /// ends when all are back or lost; to stop before, drop it.
    ///
    /// It connects to the first address that accepts, at the start and when the connection breaks
    /// (then to the same address): at once, after 20 ms, and after waits that double up to the
    /// interval until a probe comes back. A probe that is due and whose attempt fails is lost; what
    /// falls due between two attempts is skipped.
    ///
    /// # Errors
    ///
    /// If the target has no address.
    pub async fn start(self, target: impl Into<Target>) -> Result<Probes, ConnectError> {
        let addresses = self.client.look_up(target.into()).await?;
        let Some(&peer) = addresses.first() else {
            return Err(ConnectError::NoneAccepts { attempts: Vec::new(), source: None });
        };
        let schedule = Schedule::new(self.interval, self.count);
        let backoff = Backoff::new(self.interval);
        let state = State::Away(Away::trying(&self, &addresses));
        let events = VecDeque::new();
        Ok(Probes { ping: self, addresses, peer, schedule, backoff, state, events, waiting: None })
    }
}

/// A ping that runs: a [`Stream`] of what happens to its probes, made by [`Ping::start`].
///
/// Probes go out only while it is polled.
#[must_use = "no probe is sent unless the stream is polled"]
pub struct Probes {
    ping: Ping,
    /// The addresses to connect to: of several, only the one that was the first to accept is left.
    addresses: Vec<SocketAddr>,
    peer: SocketAddr,
    schedule: Schedule,
    backoff: Backoff,
    state: State,
    /// What happened and was not yielded yet.
    events: VecDeque<PingEvent>,
    /// Who is woken when there is more to do, if there was nothing before the events were yielded.
    waiting: Option<Waker>,
}

enum State {
    /// All probes on one connection.
    Session(Box<Session>),
    /// There is no connection, and one is to be made.
    Away(Away),
    /// A connection for each probe.
    Separate(Box<Separate>),
    Over,
}

struct Away {
    phase: Phase,
    /// For the wait, and for the next probe that falls due during an attempt.
    timer: Timer,
    /// Whether there never was a connection.
    first: bool,
}

enum Phase {
    /// Until the next attempt.
    Waiting,
    /// An attempt is under way, and the probe that is due with it.
    Trying(BoxFuture<'static, Result<Connection, ConnectError>>),
}

impl Probes {
    /// The server that probes are sent to.
    #[must_use]
    pub fn peer(&self) -> SocketAddr {
        self.peer
    }

    /// Does what can be done now. Ready if the state has changed.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Self { ping, schedule, events, .. } = self;
        self.state = match &mut self.state {
            State::Session(session) => {
                let before = events.len();
                let polled = session.poll(cx, schedule, events);
                if events.range(before..).any(is_back) {
                    self.backoff.reset();
                }
                let lost = ready!(polled);
                if lost && !schedule.is_over() {
                    State::Away(Away::waiting(self.backoff.wait()))
                } else {
                    State::Over
                }
            }
            State::Separate(separate) => {
                ready!(separate.poll(cx, schedule, events));
                State::Over
            }
            State::Away(away) => match ready!(away.poll(cx, self.peer, schedule, events)) {
                None => {
                    State::Away(Away { first: away.first, ..Away::trying(ping, &self.addresses) })
                }
                Some(Ok(mut connection)) => {
                    self.peer = connection.peer;
                    self.addresses = vec![connection.peer];
                    if away.first {
                        schedule.restart(Instant::now());
                    }
                    events.push_back(connected(&mut connection));
                    if ping.reconnect {
                        State::Separate(Box::new(Separate::new(ping, connection)))
                    } else {
                        State::Session(Box::new(Session::new(
                            connection,
                            ping.size,
                            ping.client.timeout,
                        )))
                    }
                }
                Some(Err(error)) => {
                    if let Some((address, _)) = error.likeliest() {
                        self.peer = address;
                    }
                    let (peer, retry_in) = (self.peer, self.backoff.wait());
                    events.push_back(PingEvent::Unreachable { peer, error, retry_in });
                    if let Some(Due { sequence, .. }) = schedule.take(Instant::now(), true) {
                        lose(sequence, peer, events);
                    }
                    if schedule.is_over() {
                        State::Over
                    } else {
                        State::Away(Away { first: away.first, ..Away::waiting(retry_in) })
                    }
                }
            },
            State::Over => State::Over,
        };
        Poll::Ready(())
    }
}

impl Away {
    fn waiting(wait: Duration) -> Self {
        Self { phase: Phase::Waiting, timer: Timer::after(wait), first: false }
    }

    fn trying(ping: &Ping, addresses: &[SocketAddr]) -> Self {
        let (client, addresses) = (ping.client.clone(), addresses.to_vec());
        let attempt = Box::pin(async move { client.connect(&addresses[..]).await });
        Self { phase: Phase::Trying(attempt), timer: Timer::never(), first: true }
    }

    /// Ready with nothing when an attempt is to begin, and with its result when it is over.
    fn poll(
        &mut self,
        cx: &mut Context<'_>,
        peer: SocketAddr,
        schedule: &mut Schedule,
        events: &mut VecDeque<PingEvent>,
    ) -> Poll<Option<Result<Connection, ConnectError>>> {
        let Phase::Trying(attempt) = &mut self.phase else {
            ready!(Pin::new(&mut self.timer).poll(cx));
            let count = schedule.skip(Instant::now());
            if count > 0 {
                events.push_back(PingEvent::Skipped { peer, count, skip: Skip::Waiting });
            }
            return Poll::Ready(None);
        };
        loop {
            if let Poll::Ready(result) = attempt.as_mut().poll(cx) {
                return Poll::Ready(Some(result));
            }
            let now = Instant::now();
            if !self.first && schedule.is_overdue(now) {
                let Some(Due { sequence, .. }) = schedule.take(now, true) else { continue };
                lose(sequence, peer, events);
                let count = schedule.skip_a_pause(now);
                if count > 0 {
                    events.push_back(PingEvent::Skipped { peer, count, skip: Skip::Paused });
                }
            }
            let Some(due) = schedule.next_due().filter(|_| !self.first) else {
                return Poll::Pending;
            };
            self.timer.set_at(due + schedule.interval());
            ready!(Pin::new(&mut self.timer).poll(cx));
        }
    }
}

/// A probe was due, and there is no connection.
fn lose(sequence: u64, peer: SocketAddr, events: &mut VecDeque<PingEvent>) {
    events.push_back(PingEvent::Sent { peer, sequence });
    events.push_back(PingEvent::Lost { peer, sequence, loss: Loss::Disconnected });
}

fn connected(connection: &mut Connection) -> PingEvent {
    let Connection { peer, local, duration: connect, .. } = *connection;
    let attempts = std::mem::take(&mut connection.attempts);
    PingEvent::Connected { peer, local, connect, attempts }
}

fn is_back(event: &PingEvent) -> bool {
    matches!(event, PingEvent::Reply { .. } | PingEvent::Late { .. })
}

impl Stream for Probes {
    type Item = PingEvent;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<PingEvent>> {
        loop {
            if let Some(event) = self.events.pop_front() {
                return Poll::Ready(Some(event));
            }
            if matches!(self.state, State::Over) {
                return Poll::Ready(None);
            }
            // Events without end must not keep the rest of the task from its turn.
            if self.waiting.take().is_some_and(|waker| waker.will_wake(cx.waker())) {
                return Poll::Pending;
            }
            if self.poll(cx).is_pending() {
                self.waiting = Some(cx.waker().clone());
            }
        }
    }
}

impl fmt::Debug for Probes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Probes").field("ping", &self.ping).field("peer", &self.peer).finish()
    }
}
