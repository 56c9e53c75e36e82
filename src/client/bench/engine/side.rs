//! The load on one address: its connections, and what comes of them.

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use mio::event::Event;
use mio::{Registry, Token};

use super::clock::Clock;
use super::link::{Broken, Link, Received, State};
use crate::client::bench::ledger::Ledger;
use crate::client::bench::payload::Payload;
use crate::client::bench::schedule::Pace;
use crate::client::bench::tally::{Style, Tally};
use crate::client::preface::ProxyHeader;
use crate::error::{Cause, CauseKind};

/// What all sides of a load use.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) registry: Registry,
    pub(super) clock: Clock,
    pub(super) payload: Payload,
    /// Where each read goes, and whatever was there before is overwritten.
    pub(super) scratch: Vec<u8>,
    pub(super) source: Option<IpAddr>,
    pub(super) timeout: u64,
    pub(super) connect_timeout: u64,
    pub(super) header: Option<ProxyHeader>,
    pub(super) style: Style,
}

#[derive(Debug)]
pub(super) struct Side {
    pub(super) peer: SocketAddr,
    pub(super) links: Vec<Link>,
    /// The token of the first link.
    base: usize,
    /// How many messages may still go out in a closed loop; zero once it only waits.
    pub(super) budget: u64,
    /// How many messages must have come back or failed for the turn to end.
    pub(super) target: u64,
    /// Whether the first connections are under way, which are not made again.
    pub(super) starts: bool,
    /// In an open loop, the one after which the next message goes out.
    next_link: usize,
    /// Links that have something to send.
    dirty: Vec<usize>,
    /// Links that connect again at once.
    reopen: Vec<usize>,
    /// With a connection for each message: links that have none, and messages that have no link.
    free: Vec<usize>,
    queue: VecDeque<u64>,
    pub(super) tally: Tally,
}

/// How long to wait before connecting again, doubled from the first to the last value.
const FIRST_WAIT: u64 = 10_000_000;
const LAST_WAIT: u64 = 1_000_000_000;

/// How many messages of an open loop are taken before the sockets have their turn.
const AT_ONCE: usize = 256;

impl Side {
    pub(super) fn new(peer: SocketAddr, connections: usize, base: usize) -> Self {
        Self {
            peer,
            links: (0..connections).map(|_| Link::new()).collect(),
            base,
            budget: 0,
            target: 0,
            starts: false,
            next_link: 0,
            dirty: Vec::new(),
            reopen: Vec::new(),
            free: (0..connections).rev().collect(),
            queue: VecDeque::new(),
            tally: Tally::default(),
        }
    }

    /// Begins to connect one link, or counts the fault.
    pub(super) fn open(&mut self, index: usize, shared: &Shared) {
        let link = &mut self.links[index];
        if link.state != State::Closed {
            return;
        }
        if shared.style != Style::Burst {
            link.began = shared.clock.now();
        }
        let token = Token(self.base + index);
        if let Err(error) = link.connect(self.peer, shared.source, &shared.registry, token) {
            self.fail(index, Cause::from(error).cause(), shared);
        }
    }

    /// Sends as much as a closed loop may.
    pub(super) fn fill(&mut self, shared: &Shared) {
        for index in 0..self.links.len() {
            if !shared.style.keeps() {
                self.begin_next(index, shared);
            } else if self.links[index].state == State::Closed && self.links[index].retry_at == 0 {
                self.open(index, shared); // it ended while the load was elsewhere
            } else {
                self.fill_link(index, shared);
            }
        }
    }

    fn fill_link(&mut self, index: usize, shared: &Shared) {
        let Style::Closed { in_flight } = shared.style else { return };
        let link = &mut self.links[index];
        if link.state != State::Open || self.budget == 0 {
            return;
        }
        while self.budget > 0 && link.ledger.waiting() < in_flight {
            self.budget -= 1;
            self.tally.sent += 1;
            link.ledger.queue(shared.clock.now());
        }
        self.send(index, shared);
    }

    /// Sends one message on each open connection.
    pub(super) fn send_each(&mut self, shared: &Shared) {
        for index in 0..self.links.len() {
            if self.links[index].state == State::Open {
                self.tally.sent += 1;
                self.links[index].ledger.queue(shared.clock.now());
                self.send(index, shared);
            }
        }
    }

    /// With a connection for each message: begins the next one on a link that has none.
    fn begin_next(&mut self, index: usize, shared: &Shared) {
        if self.links[index].state != State::Closed {
            return;
        }
        if self.budget == 0 {
            return self.free.push(index);
        }
        self.budget -= 1;
        self.tally.sent += 1;
        self.links[index].ledger.queue(0); // until it is connected
        self.open(index, shared);
    }

    /// A message of an open loop is due.
    pub(super) fn queue(&mut self, due: u64, shared: &Shared) {
        self.tally.sent += 1;
        if shared.style != Style::Reconnect {
            let index = self.next_link;
            self.next_link = (index + 1) % self.links.len();
            let link = &mut self.links[index];
            link.ledger.queue(due);
            if !link.dirty {
                link.dirty = true;
                self.dirty.push(index);
            }
            return;
        }
        self.queue.push_back(due);
        self.serve_queue(shared);
    }

    fn serve_queue(&mut self, shared: &Shared) {
        while !self.queue.is_empty() {
            let Some(index) = self.free.pop() else { return };
            if self.links[index].state != State::Closed {
                continue;
            }
            let Some(due) = self.queue.pop_front() else { return };
            self.links[index].ledger.queue(0);
            self.open(index, shared);
            self.links[index].began = due;
        }
    }

    /// Takes what is due by now, at most some; says when the next is due.
    pub(super) fn take_due(&mut self, pace: &mut Pace, end: u64, shared: &Shared) -> u64 {
        let now = shared.clock.now();
        for _ in 0..AT_ONCE {
            let Some(due) = pace.take(now, end) else { break };
            self.tally.lateness.note(Duration::from_nanos(now - due));
            self.queue(due, shared);
        }
        self.send_dirty(shared);
        pace.next_due()
    }

    fn send_dirty(&mut self, shared: &Shared) {
        while let Some(index) = self.dirty.pop() {
            self.links[index].dirty = false;
            if self.links[index].state == State::Open {
                self.send(index, shared);
            }
        }
    }

    fn send(&mut self, index: usize, shared: &Shared) {
        let link = &mut self.links[index];
        let before = link.ledger.sent;
        let sent = link.send(&shared.payload);
        self.tally.sent_bytes += link.ledger.sent - before;
        if let Err(error) = sent {
            self.broken(index, Broken::System(error), shared);
        }
    }

    /// The system says that something can be done with a link.
    pub(super) fn ready(&mut self, index: usize, event: &Event, shared: &mut Shared) {
        let ends = event.is_read_closed() || event.is_error();
        if self.links[index].state == State::Connecting && (event.is_writable() || ends) {
            self.finish_connect(index, shared);
        }
        if self.links[index].state != State::Open {
            return;
        }
        // Told once: what came with the connection is read now or not at all.
        if event.is_readable() || ends {
            self.receive(index, ends, shared);
        }
        let link = &self.links[index];
        if event.is_writable() && link.state == State::Open && link.has_unsent(&shared.payload) {
            self.send(index, shared);
        }
    }

    fn finish_connect(&mut self, index: usize, shared: &mut Shared) {
        match self.links[index].is_connected() {
            Ok(false) => return,
            Err(error) => return self.fail(index, Cause::from(error).cause(), shared),
            Ok(true) => {}
        }
        let now = shared.clock.now();
        let link = &mut self.links[index];
        link.state = State::Open;
        link.progress = now;
        let introduced = match &shared.header {
            Some(header) => link.introduce(header).and_then(|()| link.send(&shared.payload)),
            None => Ok(()),
        };
        if let Err(error) = introduced {
            return self.broken(index, Broken::System(error), shared);
        }
        match shared.style {
            Style::Open => self.send(index, shared), // what fell due in the meantime
            Style::Closed { .. } => {
                self.send(index, shared); // what the connection before did not
                self.fill_link(index, shared);
            }
            Style::Reconnect | Style::Burst => {
                let since = if shared.style == Style::Burst { link.began } else { now };
                self.tally.connect.note(Duration::from_nanos(now.saturating_sub(link.began)));
                link.ledger.count_from(since);
                self.send(index, shared);
            }
        }
    }

    fn receive(&mut self, index: usize, ends: bool, shared: &mut Shared) {
        loop {
            let link = &mut self.links[index];
            let before = link.ledger.returned;
            let mut now = None;
            let tally = &mut self.tally;
            let clock = shared.clock;
            let mut whole = 0;
            let received = link.receive(&mut shared.scratch, &shared.payload, |since| {
                let now = *now.get_or_insert_with(|| clock.now());
                tally.slice.note(Duration::from_nanos(now.saturating_sub(since)));
                whole += 1;
            });
            tally.echoes += whole;
            tally.returned_bytes += link.ledger.returned - before;
            if link.ledger.returned > before {
                link.progress = now.unwrap_or_else(|| clock.now());
            }
            if whole > 0 {
                link.failures = 0;
            }
            let received = match received {
                Ok(received) => received,
                Err(broken) => return self.broken(index, broken, shared),
            };
            if whole > 0 {
                if !shared.style.keeps() {
                    return self.next_connection(index, shared);
                }
                self.fill_link(index, shared);
            }
            if self.links[index].state != State::Open || received == Received::Nothing {
                return;
            }
            // What is read short was all there was, and the end of the stream is told apart, so
            // that the read that finds nothing can be spared: one system call of three.
            if received == Received::Some && !ends && cfg!(unix) {
                return;
            }
        }
    }

    /// The echo is here: closes the connection and begins the next.
    fn next_connection(&mut self, index: usize, shared: &Shared) {
        let link = &mut self.links[index];
        link.close(true);
        link.ledger = Ledger::new(fastrand::u64(..));
        if self.budget > 0 {
            self.begin_next(index, shared);
        } else {
            self.free.push(index);
            self.serve_queue(shared);
        }
    }

    /// A connection has ended.
    fn broken(&mut self, index: usize, broken: Broken, shared: &Shared) {
        let failed = self.tally.failed;
        match broken {
            Broken::System(error) => self.fail(index, Cause::from(error).cause(), shared),
            Broken::EndOfStream => self.fail(index, CauseKind::Short, shared),
            Broken::Wrong(wrong) => {
                self.tally.note_wrong(index, wrong);
                self.fail(index, CauseKind::Mismatch, shared);
                if self.tally.failed == failed {
                    // Bytes that belong to no message.
                    self.note_faults(CauseKind::Mismatch, 1, shared);
                }
            }
        }
    }

    /// Gives up a connection, or an attempt at one: counts what was under way, and connects again,
    /// at once if it had come to anything.
    pub(super) fn fail(&mut self, index: usize, kind: CauseKind, shared: &Shared) {
        let link = &mut self.links[index];
        let was_open = link.state == State::Open;
        let in_vain = link.ledger.returned == 0;
        link.close(false);
        let origin = fastrand::u64(..);
        let mut lost = if was_open {
            link.ledger.restart(origin, &shared.payload) as u64
        } else {
            // Nothing can be sent, so nothing is kept waiting for it.
            link.ledger.clear() as u64
        };
        if self.starts {
            lost = 1;
            self.tally.sent += 1;
        } else if !shared.style.keeps() {
            lost += link.ledger.clear() as u64;
            link.ledger = Ledger::new(origin);
        } else if lost == 0 && in_vain {
            // A message that would have gone out.
            lost = self.budget.min(1);
            self.budget -= lost;
            self.tally.sent += lost;
        }
        if !was_open || in_vain {
            link.failures += 1;
        }
        self.note_faults(kind, lost, shared);
        let wait = match self.links[index].failures {
            0 => 0,
            failures => (FIRST_WAIT << (failures - 1).min(10)).min(LAST_WAIT),
        };
        if wait > 0 || self.starts {
            self.links[index].retry_at = shared.clock.now() + wait;
        } else {
            self.reopen.push(index);
        }
    }

    fn note_faults(&mut self, kind: CauseKind, count: u64, shared: &Shared) {
        self.tally.note_faults(kind, count, || shared.clock.now());
    }

    /// Connects again where that is to be done at once; says whether there was any.
    pub(super) fn reopen(&mut self, shared: &Shared) -> bool {
        let waiting = std::mem::take(&mut self.reopen);
        for &index in &waiting {
            self.retry(index, shared);
        }
        !waiting.is_empty()
    }

    fn retry(&mut self, index: usize, shared: &Shared) {
        let link = &self.links[index];
        if shared.style.keeps() {
            if self.budget > 0 || shared.style == Style::Open || link.ledger.waiting() > 0 {
                self.open(index, shared);
            }
        } else if self.budget > 0 {
            self.begin_next(index, shared);
        } else if link.state == State::Closed {
            self.free.push(index);
            self.serve_queue(shared);
        }
    }

    /// Looks through all links for replies and connections that are late, and for those whose time
    /// to connect again has come. One look for all instead of a timer for each message.
    pub(super) fn sweep(&mut self, shared: &Shared) {
        let now = shared.clock.now();
        let limit = now.saturating_sub(shared.timeout);
        for index in 0..self.links.len() {
            let link = &mut self.links[index];
            match link.state {
                State::Connecting => {
                    let patience = match shared.style {
                        Style::Burst => shared.timeout.max(shared.connect_timeout),
                        _ => shared.connect_timeout,
                    };
                    if now.saturating_sub(link.began) > patience {
                        self.fail(index, CauseKind::Timeout, shared);
                    }
                }
                State::Open => {
                    let late = link.ledger.give_up(limit) as u64;
                    if late > 0 && link.progress < limit {
                        self.note_faults(CauseKind::Timeout, late, shared);
                        self.fail(index, CauseKind::Timeout, shared);
                    } else if late > 0 {
                        self.note_faults(CauseKind::Timeout, late, shared);
                        self.fill_link(index, shared);
                    }
                }
                State::Closed => {
                    let late = link.ledger.give_up(limit) as u64;
                    self.note_faults(CauseKind::Timeout, late, shared);
                    if self.links[index].retry_at != 0 && self.links[index].retry_at <= now {
                        self.links[index].retry_at = 0;
                        self.retry(index, shared);
                    }
                }
            }
        }
        while self.queue.front().is_some_and(|&due| due < limit) {
            self.queue.pop_front();
            self.note_faults(CauseKind::Timeout, 1, shared);
        }
    }

    /// Whether no message is waited for.
    pub(super) fn is_idle(&self) -> bool {
        self.queue.is_empty() && self.links.iter().all(|link| link.ledger.waiting() == 0)
    }

    pub(super) fn count(&self, state: State) -> usize {
        self.links.iter().filter(|link| link.state == state).count()
    }

    /// Closes all connections.
    pub(super) fn close(&mut self, hard: bool) {
        self.links.iter_mut().for_each(|link| link.close(hard));
    }
}
