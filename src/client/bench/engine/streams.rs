//! The load on one address over TCP: its connections, and which messages go out on them.

use std::collections::VecDeque;
use std::net::SocketAddr;

use mio::Token;
use mio::event::Event;

use super::clock::is_late;
use super::side::{Account, Shared, Side};
use crate::client::bench::ledger::Ledger;
use crate::client::bench::payload::Payload;
use crate::client::bench::tally::Style;

mod ends;
mod link;

use ends::Seen;
use link::{Broken, Link, Received, State};

#[derive(Debug)]
pub(super) struct Streams {
    peer: SocketAddr,
    links: Vec<Link>,
    /// The token of the first link.
    base: usize,
    /// In an open loop, the one after which the next message goes out.
    next_link: usize,
    /// Links that have something to send.
    dirty: Vec<usize>,
    /// Links that connect again at once.
    reopen: Vec<usize>,
    /// With a connection for each message: links that have none, and messages that have no link.
    free: Vec<usize>,
    queue: VecDeque<u64>,
    account: Account,
}

impl Streams {
    pub(super) fn new(
        peer: SocketAddr,
        connections: usize,
        base: usize,
        payload: &Payload,
    ) -> Self {
        Self {
            peer,
            links: (0..connections).map(|_| Link::new(payload.origin())).collect(),
            base,
            next_link: 0,
            dirty: Vec::new(),
            reopen: Vec::new(),
            free: (0..connections).rev().collect(),
            queue: VecDeque::new(),
            account: Account::default(),
        }
    }
}

impl Side for Streams {
    fn account(&self) -> &Account {
        &self.account
    }

    fn account_mut(&mut self) -> &mut Account {
        &mut self.account
    }

    fn open(&mut self, index: usize, shared: &Shared) {
        let link = &mut self.links[index];
        if link.state != State::Closed {
            return;
        }
        if shared.style != Style::Burst {
            link.began = shared.clock.now();
        }
        let token = Token(self.base + index);
        if let Err(error) = link.connect(self.peer, shared.source, &shared.registry, token) {
            self.fail(index, &Broken::Connect(error.into()), shared);
        }
    }

    fn opening(&self) -> usize {
        self.count(State::Connecting)
    }

    fn is_open(&self) -> bool {
        self.count(State::Open) > 0
    }

    fn fill(&mut self, shared: &Shared) {
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

    fn queue(&mut self, due: u64, shared: &Shared) {
        self.account.tally.sent += 1;
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

    fn send_queued(&mut self, shared: &Shared) {
        while let Some(index) = self.dirty.pop() {
            self.links[index].dirty = false;
            if self.links[index].state == State::Open {
                self.send(index, shared);
            }
        }
    }

    fn ready(&mut self, index: usize, event: &Event, shared: &mut Shared) {
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

    fn resume(&mut self, shared: &mut Shared) -> bool {
        self.reopen_broken(shared)
    }

    fn sweep(&mut self, shared: &mut Shared) {
        self.look_through(shared);
    }

    fn is_idle(&self) -> bool {
        self.queue.is_empty() && self.links.iter().all(|link| link.ledger.waiting() == 0)
    }

    fn send_each(&mut self, shared: &Shared) {
        for index in 0..self.links.len() {
            if self.links[index].state == State::Open {
                self.account.tally.sent += 1;
                self.links[index].ledger.queue(shared.clock.now());
                self.send(index, shared);
            }
        }
    }

    fn mark_moment(&mut self, now: u64) {
        self.links.iter_mut().for_each(|link| link.began = now);
    }

    fn close(&mut self, hard: bool) {
        self.links.iter_mut().for_each(|link| link.close(hard));
    }
}

impl Streams {
    fn fill_link(&mut self, index: usize, shared: &Shared) {
        let Style::Closed { in_flight } = shared.style else { return };
        let link = &mut self.links[index];
        if link.state != State::Open || self.account.budget == 0 {
            return;
        }
        while self.account.budget > 0 && link.ledger.waiting() < in_flight {
            self.account.budget -= 1;
            self.account.tally.sent += 1;
            link.ledger.queue(shared.clock.now());
        }
        self.send(index, shared);
    }

    /// With a connection for each message: begins the next one on a link that has none.
    fn begin_next(&mut self, index: usize, shared: &Shared) {
        if self.links[index].state != State::Closed {
            return;
        }
        if self.account.budget == 0 {
            return self.free.push(index);
        }
        self.account.budget -= 1;
        self.account.tally.sent += 1;
        self.links[index].ledger.queue(0); // until it is connected
        self.open(index, shared);
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

    fn send(&mut self, index: usize, shared: &Shared) {
        let link = &mut self.links[index];
        let before = link.ledger.sent;
        let sent = link.send(&shared.payload);
        self.account.tally.sent_bytes += link.ledger.sent - before;
        if let Err(error) = sent {
            self.broken(index, &Broken::System(error.into()), shared);
        }
    }

    fn finish_connect(&mut self, index: usize, shared: &mut Shared) {
        match self.links[index].is_connected() {
            Ok(false) => return,
            Err(error) => return self.fail(index, &Broken::Connect(error.into()), shared),
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
            return self.broken(index, &Broken::System(error.into()), shared);
        }
        match shared.style {
            Style::Open => self.send(index, shared), // what fell due in the meantime
            Style::Closed { .. } => {
                self.send(index, shared); // what the connection before did not
                self.fill_link(index, shared);
            }
            Style::Reconnect | Style::Burst => {
                let since = if shared.style == Style::Burst { link.began } else { now };
                if let Some(time) = shared.clock.since(link.began, now) {
                    self.account.tally.connect.note(time);
                }
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
            let tally = &mut self.account.tally;
            let (clock, timeout) = (&shared.clock, shared.timeout);
            let seen = Seen { returned: before, at: link.progress };
            let mut whole = 0;
            let mut late = 0;
            let received = link.receive(&mut shared.scratch, &shared.payload, |since| {
                let now = *now.get_or_insert_with(|| clock.now());
                if is_late(since, now, timeout) {
                    late += 1;
                    return;
                }
                if let Some(time) = clock.since(since, now) {
                    tally.slice.note(time);
                }
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
            if late > 0 && self.give_up(index, late, seen, shared) {
                return;
            }
            let received = match received {
                Ok(received) => received,
                Err(broken) => return self.broken(index, &broken, shared),
            };
            if whole + late > 0 {
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
        link.ledger = Ledger::new(shared.payload.origin());
        if self.account.budget > 0 {
            self.begin_next(index, shared);
        } else {
            self.free.push(index);
            self.serve_queue(shared);
        }
    }

    fn count(&self, state: State) -> usize {
        self.links.iter().filter(|link| link.state == state).count()
    }
}
