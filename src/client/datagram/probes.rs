//! The run of a ping of datagrams: a stream of what happens to its probes.

use std::collections::VecDeque;
use std::fmt;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};
use std::time::Instant;

use async_io::Timer;
use futures::Stream;

use super::event::{DatagramEvent, DatagramLoss, ProbeArrival};
use super::flow::Flow;
use super::judge::{Expected, Verdict};
use super::ping::DatagramPing;
use crate::client::attempt::{Attempt, Outcome};
use crate::client::error::ConnectError;
use crate::client::ping::ledger::{Ledger, Return};
use crate::client::ping::probe::{HEADER, number, payload};
use crate::client::ping::schedule::{Due, Schedule};
use crate::client::target::Target;
use crate::error::{Cause, Origin};
use crate::socket::{CallerOptions, Complaint, Received, route};

/// How many probes may be waited for: more than a path holds at any sensible rate. Beyond it a probe
/// waits until one is back or lost.
const MOST: usize = 16_384;

/// How many ports stay open when each probe has one of its own.
const OPEN: usize = 256;

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
        let failed = |address, error: io::Error| {
            let attempts = vec![Attempt {
                address,
                outcome: Outcome::Failed(Cause::from(error).said_by(Origin::Host)),
            }];
            ConnectError::NoneAccepts { attempts, source: self.client.source }
        };
        let Some(&peer) = addresses.first() else {
            let source = self.client.source;
            return Err(ConnectError::NoneAccepts { attempts: Vec::new(), source });
        };
        DatagramProbes::new(&self, peer).map_err(|error| failed(peer, error))
    }
}

/// A ping of datagrams that runs: a [`Stream`] of what happens to its probes, made by
/// [`DatagramPing::start`].
///
/// Probes go out only while it is polled.
#[must_use = "no probe is sent unless the stream is polled"]
pub struct DatagramProbes {
    peer: SocketAddr,
    options: CallerOptions,
    schedule: Schedule,
    ledger: Ledger,
    flows: VecDeque<Flow>,
    /// How many there are to be; none if each probe has its own.
    ports: Option<usize>,
    /// A probe, of which only the sequence number changes.
    payload: Vec<u8>,
    /// What is received.
    buffer: Box<[u8]>,
    hops: Option<u8>,
    /// Whether a probe was lost in silence.
    silent: bool,
    /// Whether what was due had to wait because too many were under way.
    held_up: bool,
    timer: Timer,
    timer_at: Option<Instant>,
    events: VecDeque<DatagramEvent>,
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
        let flows = (0..ports.unwrap_or(1)).map(|_| Flow::open(peer, options));
        let flows: VecDeque<Flow> = flows.collect::<io::Result<_>>()?;
        let local = SocketAddr::new(local, flows[0].local_port);
        Ok(Self {
            peer,
            options,
            schedule: Schedule::new(ping.interval, ping.count),
            ledger: Ledger::new(ping.client.timeout),
            flows,
            ports,
            payload: payload(ping.size),
            buffer: vec![0; ROOM].into_boxed_slice(),
            hops: None,
            silent: false,
            held_up: false,
            timer: Timer::never(),
            timer_at: None,
            events: VecDeque::from([DatagramEvent::Opened { peer, local }]),
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
            self.expire(now);
            if self.schedule.is_over() && self.ledger.is_idle() {
                self.over = true;
                self.note_last_drops();
                return Poll::Ready(());
            }
            if received >= TURN || (had_turn && self.ledger.is_idle() && self.schedule.is_due(now))
            {
                // Whatever else this thread has to do has its turn between two probes.
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            let mut sent = false;
            while self.ledger.awaited() < MOST {
                let idle = self.ledger.is_idle();
                let Some(due) = self.schedule.take(now, idle) else { break };
                self.send(due);
                sent = true;
            }
            had_turn |= sent;
            self.held_up = self.ledger.awaited() >= MOST;
            if sent {
                if self.schedule.is_back_to_back() {
                    // Lets a server on the same core answer before the socket is asked.
                    std::thread::yield_now();
                }
                continue;
            }
            let mut readable = false;
            for flow in &self.flows {
                readable |= flow.poll_readable(cx).is_ready();
            }
            if !readable {
                ready!(self.poll_timer(cx));
            }
        }
    }

    /// Tells what found no room at the end, if something was lost in silence.
    fn note_last_drops(&mut self) {
        let peer = self.peer;
        if self.silent {
            let datagrams = self.flows.iter_mut().map(Flow::finally_dropped).sum();
            if datagrams > 0 {
                self.events.push_back(DatagramEvent::DroppedHere { peer, datagrams });
            }
        }
    }

    /// Takes what has come to each port; says how many datagrams.
    fn receive_all(&mut self) -> usize {
        let mut received = 0;
        for index in 0..self.flows.len() {
            while received < TURN {
                match self.flows[index].receive(&mut self.buffer) {
                    Ok(arrival) => {
                        received += 1;
                        self.note(index, &arrival);
                        if self.ledger.is_idle() && self.schedule.is_due(Instant::now()) {
                            return received; // the next probe can go before the socket is asked
                        }
                    }
                    // There is nothing, or it announces what ICMP said.
                    Err(_) => break,
                }
            }
            self.hear_complaints(index);
        }
        received
    }

    /// Tells what a datagram is.
    fn note(&mut self, index: usize, received: &Received) {
        // The buffer is longer than any datagram, so that none is cut.
        let (peer, length) = (self.peer, received.length.min(self.buffer.len()));
        let now = Instant::now();
        let flow = &mut self.flows[index];
        let local_port = flow.local_port;
        let datagrams = flow.newly_dropped(received);
        if datagrams > 0 {
            self.events.push_back(DatagramEvent::DroppedHere { peer, datagrams });
        }
        let bytes = &self.buffer[..length];
        let ledger = &self.ledger;
        let tail = &self.payload[HEADER..];
        let first = ledger.first_awaited();
        let expected = Expected { peer, tail, first, knows: &|number| ledger.knows(number) };
        match expected.judge(received.from, bytes, received.cut) {
            Verdict::Intact { sequence } => {
                let back = now.checked_sub(received.age).unwrap_or(now);
                self.note_intact(sequence, local_port, received, back);
            }
            Verdict::Foreign { sequence } => {
                let (from, first) = (received.from, self.ledger.lose(sequence));
                self.events.push_back(DatagramEvent::Foreign { peer, sequence, from, first });
            }
            Verdict::Truncated { sequence } => {
                let first = self.ledger.lose(sequence);
                self.events.push_back(DatagramEvent::Truncated {
                    peer,
                    sequence,
                    sent_bytes: self.payload.len(),
                    returned_bytes: length,
                    first,
                });
            }
            Verdict::Corrupt { sequence, offset } => {
                // One whose number is damaged as well is taken for the one waited for longest.
                let probe = sequence.or_else(|| self.ledger.first_awaited());
                let first = probe.is_some_and(|sequence| self.ledger.lose(sequence));
                self.events.push_back(DatagramEvent::Corrupt {
                    peer,
                    sequence,
                    offset,
                    returned_bytes: length,
                    first,
                });
            }
            Verdict::Stray => {}
        }
    }

    fn note_intact(&mut self, sequence: u64, local_port: u16, received: &Received, back: Instant) {
        let peer = self.peer;
        let (rtt, late, behind) = match self.ledger.back(sequence, back) {
            Some(Return::First { rtt, late, behind }) => (rtt, late, behind),
            Some(Return::Again { copy }) => {
                self.events.push_back(DatagramEvent::Duplicate { peer, sequence, copy });
                return;
            }
            None => return,
        };
        let hops = received.ttl.map(hops);
        if let (Some(hops_from), Some(hops_to)) = (self.hops, hops) {
            if hops_from != hops_to {
                self.events.push_back(DatagramEvent::Path { peer, hops_from, hops_to });
            }
        }
        self.hops = hops.or(self.hops);
        let arrival = ProbeArrival {
            bytes: received.length,
            rtt,
            local_port,
            reordered_by: (behind > 0).then_some(behind),
            tos: received.marks,
            hops,
        };
        self.events.push_back(if late {
            DatagramEvent::Late { peer, sequence, arrival }
        } else {
            DatagramEvent::Reply { peer, sequence, arrival }
        });
    }

    /// Tells lost what ICMP, or this host, says will not arrive.
    fn hear_complaints(&mut self, index: usize) {
        while let Ok(complaint) = self.flows[index].complaint(&mut self.buffer) {
            let bytes = &self.buffer[..complaint.length.min(self.buffer.len())];
            let Some((number, _)) = bytes.split_first_chunk() else { continue };
            let sequence = u64::from_be_bytes(*number);
            if self.ledger.lose(sequence) {
                let local_port = self.flows[index].local_port;
                let Complaint { error, by, .. } = complaint;
                self.lose(sequence, local_port, error, by);
            }
        }
    }

    fn lose(
        &mut self,
        sequence: u64,
        local_port: u16,
        error: io::Error,
        by: Option<std::net::IpAddr>,
    ) {
        let loss = DatagramLoss::of(&error, by.is_some());
        let (peer, error) = (self.peer, Some(Cause::from(error)));
        self.events.push_back(DatagramEvent::Lost { peer, sequence, local_port, loss, by, error });
    }

    /// Tells lost what is waited for longer than the timeout.
    fn expire(&mut self, now: Instant) {
        let peer = self.peer;
        while let Some(sequence) = self.ledger.expire(now) {
            let (loss, by, error) = (DatagramLoss::Timeout, None, None);
            let local_port = self.port_of(sequence);
            let event = DatagramEvent::Lost { peer, sequence, local_port, loss, by, error };
            self.events.push_back(event);
            self.silent = true;
        }
    }

    /// Which of the flows a probe is sent from.
    fn index_of(&self, sequence: u64) -> usize {
        match self.ports {
            Some(ports) => ((sequence - 1) % ports as u64) as usize,
            None => self.flows.len() - 1,
        }
    }

    /// The port that a probe was sent from; 0 if that is closed again.
    fn port_of(&self, sequence: u64) -> u16 {
        let back = match self.ports {
            Some(_) => return self.flows[self.index_of(sequence)].local_port,
            None => self.schedule.taken().saturating_sub(sequence) as usize,
        };
        let index = self.flows.len().checked_sub(back + 1);
        index.and_then(|index| self.flows.get(index)).map_or(0, |flow| flow.local_port)
    }

    fn send(&mut self, Due { sequence, due }: Due) {
        let peer = self.peer;
        if self.ports.is_none() && sequence > 1 {
            match Flow::open(peer, self.options) {
                Ok(flow) => self.flows.push_back(flow),
                Err(error) => {
                    self.ledger.send(sequence, Instant::now());
                    self.ledger.lose(sequence);
                    self.events.push_back(DatagramEvent::Sent { peer, sequence, local_port: 0 });
                    return self.lose(sequence, 0, error, None);
                }
            }
            if self.flows.len() > OPEN {
                self.flows.pop_front();
            }
        }
        let index = self.index_of(sequence);
        let local_port = self.flows[index].local_port;
        number(&mut self.payload, sequence);
        self.events.push_back(DatagramEvent::Sent { peer, sequence, local_port });
        // A timer of ours that was late is no fault of the server's.
        let now = Instant::now();
        self.ledger.send(sequence, if self.held_up { due } else { now });
        let mut sent = self.flows[index].send(&self.payload, peer);
        if sent.as_ref().is_err_and(is_of_another) {
            // What ICMP said of an earlier probe is announced as an error of this call.
            self.hear_complaints(index);
            sent = self.flows[index].send(&self.payload, peer);
        }
        if let Err(error) = sent {
            if self.ledger.lose(sequence) {
                self.lose(sequence, local_port, error, None);
            }
        }
    }

    /// Ready when a probe may be due or lost. The timer is set only to an earlier time or when it has
    /// run out, because each setting costs a system call.
    fn poll_timer(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let next_loss = self.ledger.next_loss();
        let room = self.ledger.awaited() < MOST;
        let next_due = self.schedule.next_due().filter(|_| room);
        let Some(next) = next_loss.into_iter().chain(next_due).min() else { return Poll::Pending };
        if self.timer_at.is_none_or(|at| next < at) {
            self.timer.set_at(next);
            self.timer_at = Some(next);
        }
        ready!(Pin::new(&mut self.timer).poll(cx));
        self.timer_at = None;
        Poll::Ready(())
    }
}

impl DatagramLoss {
    /// What an error says of a datagram, told by ICMP or else by this host.
    fn of(error: &io::Error, by_icmp: bool) -> Self {
        match error.kind() {
            ErrorKind::ConnectionRefused => Self::Refused,
            _ if is_too_big(error) => Self::TooBig,
            _ if by_icmp => Self::Unreachable,
            _ => Self::Here,
        }
    }
}

/// Says whether an error of a call may be of a datagram that was sent before.
pub(in crate::client) fn is_of_another(error: &io::Error) -> bool {
    use ErrorKind as Kind;
    matches!(
        error.kind(),
        Kind::ConnectionRefused
            | Kind::ConnectionReset
            | Kind::HostUnreachable
            | Kind::NetworkUnreachable
            | Kind::PermissionDenied
    )
}

#[cfg(unix)]
pub(in crate::client) fn is_too_big(error: &io::Error) -> bool {
    rustix::io::Errno::from_io_error(error) == Some(rustix::io::Errno::MSGSIZE)
}

/// WSAEMSGSIZE.
#[cfg(not(unix))]
pub(in crate::client) fn is_too_big(error: &io::Error) -> bool {
    error.raw_os_error() == Some(10040)
}

/// How many routers a datagram has passed whose TTL is now `ttl`, if it began at 64, 128 or 255, as
/// it does on every system of today.
fn hops(ttl: u8) -> u8 {
    let began = match ttl {
        ..=64 => 64,
        65..=128 => 128,
        129.. => 255,
    };
    began - ttl
}

impl Stream for DatagramProbes {
    type Item = DatagramEvent;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<DatagramEvent>> {
        loop {
            if let Some(event) = self.events.pop_front() {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hops_are_counted_from_the_ttl_that_a_system_begins_with() {
        for (ttl, hopped) in [(64, 0), (50, 14), (128, 0), (113, 15), (255, 0), (240, 15), (1, 63)]
        {
            assert_eq!(hops(ttl), hopped, "{ttl}");
        }
    }
}
