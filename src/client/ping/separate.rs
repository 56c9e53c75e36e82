//! A connection for each probe: connects when a probe is due, sends it, gets it back, and closes.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use async_io::Timer;
use futures::StreamExt;
use futures::future::BoxFuture;
use futures::io::sink;
use futures::stream::FuturesUnordered;

use super::backoff::Backoff;
use super::event::{Loss, PingEvent, Skip};
use super::probe::{number, payload};
use super::schedule::{Due, Schedule};
use super::settings::Ping;
use crate::client::connect::Connection;
use crate::client::error::SendError;
use crate::client::settings::Client;

/// Maximum number of open connections. Beyond it a probe waits, which its time shows.
const CONNECTIONS: usize = 256;

/// A probe that ended: its number, and how long the connect and the round trip took.
type Ended = (u64, Result<(Duration, Duration), SendError>);

pub(super) struct Separate {
    client: Client,
    peer: SocketAddr,
    /// The connection that is there already, for the first probe.
    first: Option<Connection>,
    payload: Vec<u8>,
    running: FuturesUnordered<BoxFuture<'static, Ended>>,
    backoff: Backoff,
    /// When the next probe may go, if one was lost: back to back they would be many.
    not_before: Option<Instant>,
    /// Whether the server held up what was due.
    held_up: bool,
    timer: Timer,
}

impl Separate {
    pub(super) fn new(ping: &Ping, first: Connection) -> Self {
        Self {
            client: ping.client.clone(),
            peer: first.peer,
            first: Some(first),
            payload: payload(ping.size),
            running: FuturesUnordered::new(),
            backoff: Backoff::new(ping.interval),
            not_before: None,
            held_up: false,
            timer: Timer::never(),
        }
    }

    /// Sends what is due. Ready when the schedule is over, and all is back or lost.
    pub(super) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        schedule: &mut Schedule,
        events: &mut VecDeque<PingEvent>,
    ) -> Poll<()> {
        loop {
            while let Poll::Ready(Some(ended)) = self.running.poll_next_unpin(cx) {
                self.note(ended, events);
            }
            let idle = self.running.is_empty();
            if schedule.is_over() && idle {
                return Poll::Ready(());
            }
            if self.running.len() >= CONNECTIONS {
                self.held_up = true;
                return Poll::Pending;
            }
            let now = Instant::now();
            let waits = self.not_before.filter(|&at| schedule.is_back_to_back() && now < at);
            let skipped = if self.held_up { 0 } else { schedule.skip_a_pause(now) };
            if skipped > 0 {
                let (peer, skip) = (self.peer, Skip::Paused);
                events.push_back(PingEvent::Skipped { peer, count: skipped, skip });
            }
            let due = if waits.is_none() { schedule.take(now, idle) } else { None };
            if let Some(due) = due {
                events.push_back(PingEvent::Sent { peer: self.peer, sequence: due.sequence });
                self.send(due, now);
                continue;
            }
            let Some(next) = waits.or_else(|| schedule.next_due()) else { return Poll::Pending };
            self.timer.set_at(next);
            ready!(Pin::new(&mut self.timer).poll(cx));
        }
    }

    fn send(&mut self, Due { sequence, due }: Due, now: Instant) {
        let since = if self.held_up { due } else { now };
        self.held_up = false;
        number(&mut self.payload, sequence);
        let (client, peer) = (self.client.clone(), self.peer);
        let (first, payload) = (self.first.take(), self.payload.clone());
        let probe = async move { probe(&client, first, peer, &payload, since).await };
        self.running.push(Box::pin(async move { (sequence, probe.await) }));
    }

    fn note(&mut self, (sequence, result): Ended, events: &mut VecDeque<PingEvent>) {
        let peer = self.peer;
        match result {
            Ok((connect, rtt)) => {
                self.backoff.reset();
                self.not_before = None;
                let (bytes, connect) = (self.payload.len(), Some(connect));
                events.push_back(PingEvent::Reply { peer, sequence, bytes, rtt, connect });
            }
            Err(error) => {
                self.not_before = Some(Instant::now() + self.backoff.wait());
                let loss = Loss::by(&error);
                if loss != Loss::Timeout {
                    events.push_back(PingEvent::Disconnected { peer, error });
                }
                events.push_back(PingEvent::Lost { peer, sequence, loss });
            }
        }
    }
}

/// Connects, sends one probe and gets it back; says how long each took.
async fn probe(
    client: &Client,
    first: Option<Connection>,
    peer: SocketAddr,
    payload: &[u8],
    since: Instant,
) -> Result<(Duration, Duration), SendError> {
    // What is said before the probe, a header, is no part of the connect.
    let (connection, waited) = match first {
        Some(connection) => (connection, Duration::ZERO),
        None => {
            let waited = since.elapsed();
            (client.connect(peer).await?, waited)
        }
    };
    let connect = waited + connection.duration;
    let start = Instant::now();
    connection.pass(payload, sink(), client.timeout, false).await?;
    Ok((connect, start.elapsed()))
}
