//! The run of a ping: a stream of what happens to its probes.

use std::collections::VecDeque;
use std::fmt;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};

use async_io::Timer;
use futures::Stream;
use futures::future::BoxFuture;

use super::event::{Loss, PingEvent};
use super::patience::Patience;
use super::schedule::{Due, Schedule};
use super::separate::Separate;
use super::session::Session;
use super::settings::Ping;
use crate::client::connect::Connection;
use crate::client::error::ConnectError;
use crate::client::target::Target;

/// How many lost probes are told in one turn, so that whatever else the thread has to do has its
/// turn, however fast they fall due.
const TURN: usize = 64;

impl Ping {
    /// Connects to the first address of `target` that accepts, and returns the stream of what
    /// happens to the probes. It ends when all are back or lost; to stop before, drop it.
    ///
    /// A connection that breaks is made again, to the same address: after 20 ms, and after waits
    /// that double up to the interval until a probe comes back. What falls due meanwhile is lost.
    ///
    /// # Errors
    ///
    /// If the target has no address, or none accepts.
    pub async fn start(self, target: impl Into<Target>) -> Result<Probes, ConnectError> {
        let connection = self.client.connect(target).await?;
        Ok(Probes::new(self, connection))
    }
}

/// A ping that runs: a [`Stream`] of what happens to its probes, made by [`Ping::start`].
///
/// Probes go out only while it is polled.
#[must_use = "no probe is sent unless the stream is polled"]
pub struct Probes {
    ping: Ping,
    peer: SocketAddr,
    schedule: Schedule,
    patience: Patience,
    state: State,
    /// What happened and was not yielded yet.
    events: VecDeque<PingEvent>,
    /// Who is woken when there is more to do, if there was nothing before the events were yielded.
    waiting: Option<Waker>,
}

enum State {
    /// All probes on one connection.
    Session(Box<Session>),
    /// The connection is lost, and to be made again.
    Away(Away),
    /// A connection for each probe.
    Separate(Box<Separate>),
    Over,
}

struct Away {
    /// The wait before the next attempt, and then the attempt.
    reconnect: BoxFuture<'static, Result<Connection, ConnectError>>,
    /// For the next probe that falls due.
    timer: Timer,
}

impl Probes {
    fn new(ping: Ping, mut connection: Connection) -> Self {
        let peer = connection.peer;
        let schedule = Schedule::new(ping.interval, ping.count);
        let events = VecDeque::from([connected(&mut connection)]);
        let patience = Patience::new(ping.interval);
        let state = if ping.reconnect {
            State::Separate(Box::new(Separate::new(&ping, connection)))
        } else {
            State::session(&ping, connection)
        };
        Self { ping, peer, schedule, patience, state, events, waiting: None }
    }

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
                    self.patience.reset();
                }
                let lost = ready!(polled);
                if lost && !schedule.is_over() {
                    State::Away(Away::new(ping, self.peer, &mut self.patience, events, None))
                } else {
                    State::Over
                }
            }
            State::Separate(separate) => {
                ready!(separate.poll(cx, schedule, events));
                State::Over
            }
            State::Away(away) => match away.reconnect.as_mut().poll(cx) {
                Poll::Ready(Ok(mut connection)) => {
                    events.push_back(connected(&mut connection));
                    State::session(ping, connection)
                }
                Poll::Ready(Err(error)) => {
                    if schedule.is_back_to_back() {
                        // The one that would have gone now; else there would be no end to it.
                        lose_due(schedule, self.peer, events, 1);
                    }
                    if schedule.is_over() {
                        State::Over
                    } else {
                        State::Away(Away::new(
                            ping,
                            self.peer,
                            &mut self.patience,
                            events,
                            Some(error),
                        ))
                    }
                }
                Poll::Pending => {
                    ready!(away.poll_due(cx, schedule, self.peer, events));
                    State::Over
                }
            },
            State::Over => State::Over,
        };
        Poll::Ready(())
    }
}

impl State {
    fn session(ping: &Ping, connection: Connection) -> Self {
        Self::Session(Box::new(Session::new(connection, ping.size, ping.client.timeout)))
    }
}

impl Away {
    /// Waits and connects again. An attempt that failed is told, with the wait.
    fn new(
        ping: &Ping,
        peer: SocketAddr,
        patience: &mut Patience,
        events: &mut VecDeque<PingEvent>,
        failed: Option<ConnectError>,
    ) -> Self {
        let retry_in = patience.wait();
        if let Some(error) = failed {
            events.push_back(PingEvent::Unreachable { peer, error, retry_in });
        }
        let client = ping.client.clone();
        let reconnect = Box::pin(async move {
            Timer::after(retry_in).await;
            client.connect(peer).await
        });
        Self { reconnect, timer: Timer::never() }
    }

    /// Tells lost what falls due without a connection, when it does. Ready when the schedule is
    /// over.
    fn poll_due(
        &mut self,
        cx: &mut Context<'_>,
        schedule: &mut Schedule,
        peer: SocketAddr,
        events: &mut VecDeque<PingEvent>,
    ) -> Poll<()> {
        loop {
            if schedule.is_over() {
                return Poll::Ready(());
            }
            // Back to back, the next one is due when it can be sent.
            let Some(due) = schedule.next_due() else { return Poll::Pending };
            if lose_due(schedule, peer, events, TURN) == TURN {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            if let Some(next) = schedule.next_due().filter(|&next| next > due) {
                self.timer.set_at(next);
            } else {
                self.timer.set_at(due);
            }
            ready!(Pin::new(&mut self.timer).poll(cx));
        }
    }
}

/// Tells lost what is due, up to a number; says how many.
fn lose_due(
    schedule: &mut Schedule,
    peer: SocketAddr,
    events: &mut VecDeque<PingEvent>,
    most: usize,
) -> usize {
    let now = std::time::Instant::now();
    let due = std::iter::from_fn(|| schedule.take(now, true)).take(most);
    let mut lost = 0;
    for Due { sequence, .. } in due {
        events.push_back(PingEvent::Sent { peer, sequence });
        events.push_back(PingEvent::Lost { peer, sequence, loss: Loss::Disconnected });
        lost += 1;
    }
    lost
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
