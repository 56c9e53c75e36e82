//! The run of a ping of datagrams: a stream of what happens to its probes.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};
use std::time::Instant;

use futures::Stream;

use super::event::DatagramEvent;
use super::flows::Flows;
use super::loss::send_past_complaints;
use super::outcomes::Outcomes;
use super::ping::DatagramPing;
use crate::client::error::ConnectError;
use crate::client::ping::alarm::Alarm;
use crate::client::ping::ledger::Ledger;
use crate::client::ping::schedule::{Due, Schedule};
use crate::client::target::Target;
use crate::error::{Cause, Origin};
use crate::socket::{CallerOptions, Complaint, route};

/// How many probes may be waited for: more than a path holds at any sensible rate. Beyond it a probe
/// waits until one is back or lost.
const MOST: usize = 16_384;

/// How many datagrams are taken in one turn, so that whatever else the thread has to do has its
/// turn.
const TURN: usize = 256;

/// A datagram that is longer than its probe is corrupt, however much longer; one byte shows it.
const ROOM: usize = 1 << 16;

impl DatagramPing {
    /// Opens a socket for the first address of `target`, in the resolver's order, and returns the
    /// stream of what happens to the probes. It ends when all are back or lost; to stop before, drop
    /// it.
    ///
    /// # Errors
    ///
    /// If the target has no address, if no way leads there, or if this host has no port left.
    pub async fn start(self, target: impl Into<Target>) -> Result<DatagramProbes, ConnectError> {
        let addresses = self.client.look_up(target.into()).await?;
        let source = self.client.source;
        let Some(&peer) = addresses.first() else {
            return Err(ConnectError::NoneAccepts { attempts: Vec::new(), source });
        };
        DatagramProbes::new(&self, peer).map_err(|error| {
            let cause = Cause::from(error).said_by(Origin::Host);
            ConnectError::of_one(peer, cause, source)
        })
    }
}

/// A ping of datagrams that runs: a [`Stream`] of what happens to its probes, made by
/// [`DatagramPing::start`].
///
/// Probes go out only while it is polled.
#[must_use = "no probe is sent unless the stream is polled"]
pub struct DatagramProbes {
    peer: SocketAddr,
    schedule: Schedule,
    outcomes: Outcomes,
    flows: Flows,
    /// What is received.
    buffer: Box<[u8]>,
    /// Whether what was due had to wait because too many were under way.
    held_up: bool,
    alarm: Alarm,
    over: bool,
    /// Who is woken when there is more to do, if there was nothing before the events were yielded.
    waiting: Option<Waker>,
}

impl DatagramProbes {
    fn new(ping: &DatagramPing, peer: SocketAddr) -> io::Result<Self> {
        let source = ping.client.source;
        let local = route(peer, source)?;
        let options = CallerOptions { source, marks: ping.tos, ..CallerOptions::default() };
        let ports = (!ping.reconnect).then_some(usize::from(ping.flows.get()));
        let mut flows = Flows::open(peer, options, ports)?;
        let local = SocketAddr::new(local, flows.get(0).local_port);
        Ok(Self {
            peer,
            schedule: Schedule::new(ping.interval, ping.count),
            outcomes: Outcomes::new(
                peer,
                local,
                ping.size,
                Ledger::new(ping.client.timeout).flows(ports),
            ),
            flows,
            buffer: vec![0; ROOM].into_boxed_slice(),
            held_up: false,
            alarm: Alarm::new(),
            over: false,
            waiting: None,
        })
    }

    /// The server that probes are sent to.
    #[must_use]
    pub fn peer(&self) -> SocketAddr {
        self.peer
    }

    /// Does what can be done now. Ready when all is over.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let mut had_turn = false;
        loop {
            let received = self.receive_all();
            let now = Instant::now();
            self.outcomes.expire(now, |sequence| self.flows.port_of(sequence));
            if self.schedule.is_over() && self.outcomes.is_idle() {
                self.over = true;
                if self.outcomes.is_silent() {
                    self.outcomes.drop_here(self.flows.finally_dropped());
                }
                return Poll::Ready(());
            }
            if received >= TURN || (had_turn && self.is_next_due(now)) {
                // Whatever else this thread has to do has its turn between two probes.
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            let mut sent = false;
            while self.outcomes.awaited() < MOST {
                let idle = self.outcomes.is_idle();
                let Some(due) = self.schedule.take(now, idle) else { break };
                self.send(due);
                sent = true;
            }
            had_turn |= sent;
            self.held_up = self.outcomes.awaited() >= MOST;
            if sent {
                if self.schedule.is_back_to_back() {
                    // Lets a server on the same core answer before the socket is asked.
                    std::thread::yield_now();
                }
                continue;
            }
            if self.flows.poll_readable(cx).is_pending() {
                ready!(self.poll_alarm(cx));
            }
        }
    }

    /// Says whether no probe is waited for, and the next one is due.
    fn is_next_due(&self, now: Instant) -> bool {
        self.outcomes.is_idle() && self.schedule.is_due(now)
    }

    /// Takes what has come to each port; says how many datagrams.
    fn receive_all(&mut self) -> usize {
        let mut received = 0;
        for index in 0..self.flows.len() {
            while received < TURN {
                let flow = self.flows.get(index);
                // There is nothing, or it announces what ICMP said.
                let Ok(arrival) = flow.receive(&mut self.buffer) else { break };
                received += 1;
                // The buffer is longer than any datagram, so that none is cut.
                let bytes = &self.buffer[..arrival.length.min(self.buffer.len())];
                let now = Instant::now();
                self.outcomes.drop_here(flow.newly_dropped(&arrival));
                self.outcomes.receive(bytes, &arrival, flow.local_port, now);
                if self.is_next_due(now) {
                    return received; // the next probe can go before the socket is asked
                }
            }
            self.hear_complaints(index);
        }
        received
    }

    /// Tells lost what ICMP, or this host, says will not arrive; says whether there was any word of it.
    fn hear_complaints(&mut self, index: usize) -> bool {
        let flow = self.flows.get(index);
        let mut heard = false;
        while let Ok(complaint) = flow.complaint(&mut self.buffer) {
            let Complaint { length, error, by, .. } = complaint;
            let quoted = &self.buffer[..length.min(self.buffer.len())];
            self.outcomes.complain(quoted, flow.local_port, error, by);
            heard = true;
        }
        heard
    }

    fn send(&mut self, Due { sequence, due }: Due) {
        let peer = self.peer;
        // A timer of ours that was late is no fault of the server's.
        let since = |held_up: bool| if held_up { due } else { Instant::now() };
        let index = match self.flows.next(sequence) {
            Ok(index) => index,
            Err(error) => {
                self.outcomes.send(sequence, 0, since(false));
                return self.outcomes.lose(sequence, 0, error, None);
            }
        };
        let local_port = self.flows.get(index).local_port;
        self.outcomes.send(sequence, local_port, since(self.held_up));
        let sent = send_past_complaints(
            self,
            |this| this.flows.get(index).send(this.outcomes.probe(sequence), peer),
            |this| this.hear_complaints(index),
        );
        if let Err(error) = sent {
            self.outcomes.lose(sequence, local_port, error, None);
        }
    }

    /// Ready when a probe may be due or lost.
    fn poll_alarm(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let room = self.outcomes.awaited() < MOST;
        let next_due = self.schedule.next_due().filter(|_| room);
        self.alarm.poll(cx, self.outcomes.next_loss().into_iter().chain(next_due))
    }
}

impl Stream for DatagramProbes {
    type Item = DatagramEvent;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<DatagramEvent>> {
        loop {
            if let Some(event) = self.outcomes.event() {
                return Poll::Ready(Some(event));
            }
            if self.over {
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

impl fmt::Debug for DatagramProbes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DatagramProbes").field("peer", &self.peer).finish_non_exhaustive()
    }
}
