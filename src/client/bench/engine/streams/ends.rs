//! How connections end, and how they are made again: faults in, what is lost by them out.

use std::io;
use std::time::Duration;

use super::super::clock::is_late;
use super::super::side::wait_after;
use super::link::{Broken, Link, State};
use super::{Ledger, Shared, Side as _, Streams, Style};
use crate::client::bench::ledger::Wrong;
use crate::client::error::{ConnectError, SendError};
use crate::error::{Cause, CauseKind};

/// How far a connection was when a byte came back last.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen {
    pub(super) returned: u64,
    pub(super) at: u64,
}

impl Streams {
    /// A connection has ended.
    pub(super) fn broken(&mut self, index: usize, broken: &Broken, shared: &Shared) {
        let failed = self.account.tally.failed;
        self.fail(index, broken, shared);
        if let Broken::Wrong(wrong, _) = *broken {
            self.account.tally.note_wrong(index, wrong);
            if self.account.tally.failed == failed {
                // Bytes that belong to no message.
                self.note_faults(CauseKind::Mismatch, 1, shared);
            }
        }
    }

    /// Gives up a connection, or an attempt at one: counts what was under way, and connects again,
    /// at once if it had come to anything.
    pub(super) fn fail(&mut self, index: usize, broken: &Broken, shared: &Shared) {
        let error = self.error(index, broken, shared);
        let kind = error.cause();
        let link = &mut self.links[index];
        let was_open = link.state == State::Open;
        let in_vain = link.ledger.returned == 0;
        link.close(false);
        let origin = shared.payload.origin();
        let mut lost = if was_open {
            link.ledger.restart(origin, &shared.payload) as u64
        } else {
            // Nothing can be sent, so nothing is kept waiting for it.
            link.ledger.clear() as u64
        };
        if self.account.starts {
            lost = 1;
            self.account.tally.sent += 1;
        } else if !shared.style.keeps() {
            lost += link.ledger.clear() as u64;
            link.ledger = Ledger::new(origin);
        } else if lost == 0 && in_vain {
            // A message that would have gone out.
            lost = self.account.budget.min(1);
            self.account.budget -= lost;
            self.account.tally.sent += lost;
        }
        if !was_open || in_vain {
            link.failures += 1;
        }
        self.note_faults(kind, lost, shared);
        if lost > 0 || matches!(broken, Broken::Wrong(..)) {
            self.account.tally.note_failure(error);
        }
        let wait = wait_after(self.links[index].failures);
        if wait > 0 || self.account.starts {
            self.links[index].retry_at = shared.clock.now() + wait;
        } else {
            self.reopen.push(index);
        }
    }

    /// What ended a connection, as a client's error.
    fn error(&self, index: usize, broken: &Broken, shared: &Shared) -> SendError {
        let peer = self.peer;
        let Link { state, ledger, preface, .. } = &self.links[index];
        let (sent, returned) = (ledger.sent, ledger.returned);
        let unmade = |cause: Cause| ConnectError::of_one(peer, cause, shared.source).into();
        match broken {
            Broken::Connect(error) => unmade(error.clone()),
            Broken::System(error) => {
                SendError::Lost { peer, sent, returned, source: error.clone() }
            }
            Broken::Timeout if *state == State::Connecting => {
                unmade(io::Error::from(io::ErrorKind::TimedOut).into())
            }
            Broken::Timeout => {
                let after = Duration::from_nanos(shared.timeout);
                SendError::Timeout { peer, sent, returned, after }
            }
            Broken::EndOfStream => SendError::Short { peer, sent, returned },
            Broken::Wrong(Wrong::Differs { offset, expected, got }, instead) => {
                let (offset, instead) = (*offset, instead.clone());
                SendError::Mismatch { peer, offset, expected: *expected, got: *got, instead }
                    .or_header(preface)
            }
            Broken::Wrong(Wrong::Surplus { .. }, instead) => {
                SendError::Surplus { peer, sent, instead: instead.clone() }.or_header(preface)
            }
        }
    }

    fn note_faults(&mut self, kind: CauseKind, count: u64, shared: &Shared) {
        self.account.tally.note_faults(kind, count, || shared.clock.now());
    }

    /// Connects again where that is to be done at once; says whether there was any.
    pub(super) fn reopen_broken(&mut self, shared: &Shared) -> bool {
        let waiting = std::mem::take(&mut self.reopen);
        for &index in &waiting {
            self.retry(index, shared);
        }
        !waiting.is_empty()
    }

    fn retry(&mut self, index: usize, shared: &Shared) {
        let link = &self.links[index];
        if shared.style.keeps() {
            if self.account.budget > 0 || shared.style == Style::Open || link.ledger.waiting() > 0 {
                self.open(index, shared);
            }
        } else if self.account.budget > 0 {
            self.begin_next(index, shared);
        } else if link.state == State::Closed {
            self.free.push(index);
            self.serve_queue(shared);
        }
    }

    /// Counts `late` messages of an open connection as timed out, of which nothing came after what
    /// was `seen` in time. A connection on which nothing came for the timeout, or that has no other
    /// message, is given up with them; says whether it was.
    pub(super) fn give_up(&mut self, index: usize, late: u64, seen: Seen, shared: &Shared) -> bool {
        let after = Duration::from_nanos(shared.timeout);
        let sent = self.links[index].ledger.sent;
        let (peer, returned) = (self.peer, seen.returned);
        self.account.tally.note_failure(SendError::Timeout { peer, sent, returned, after });
        self.note_faults(CauseKind::Timeout, late, shared);
        let ends = !shared.style.keeps() || is_late(seen.at, shared.clock.now(), shared.timeout);
        if ends {
            self.fail(index, &Broken::Timeout, shared);
        }
        ends
    }

    /// Looks through all links for replies and connections that are late, and for those whose time
    /// to connect again has come. One look for all instead of a timer for each message.
    pub(super) fn look_through(&mut self, shared: &Shared) {
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
                        self.fail(index, &Broken::Timeout, shared);
                    }
                }
                State::Open => {
                    let late = link.ledger.give_up(limit) as u64;
                    if late == 0 {
                        continue;
                    }
                    let seen = Seen { returned: link.ledger.returned, at: link.progress };
                    if !self.give_up(index, late, seen, shared) {
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
}
