//! How connections end, and how they are made again: faults in, what is lost by them out.

use super::super::side::wait_after;
use super::link::{Broken, State};
use super::{Ledger, Shared, Side as _, Streams, Style};
use crate::error::{Cause, CauseKind};

impl Streams {
    /// A connection has ended.
    pub(super) fn broken(&mut self, index: usize, broken: Broken, shared: &Shared) {
        let failed = self.account.tally.failed;
        match broken {
            Broken::System(error) => self.fail(index, Cause::from(error).cause(), shared),
            Broken::EndOfStream => self.fail(index, CauseKind::Short, shared),
            Broken::Wrong(wrong) => {
                self.account.tally.note_wrong(index, wrong);
                self.fail(index, CauseKind::Mismatch, shared);
                if self.account.tally.failed == failed {
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
        let wait = wait_after(self.links[index].failures);
        if wait > 0 || self.account.starts {
            self.links[index].retry_at = shared.clock.now() + wait;
        } else {
            self.reopen.push(index);
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
}
