//! What messages have come to in, counts and times out, until a report is made of them.

use super::failure::BenchFailure;
use super::faults::{DatagramCounts, Faults, FirstDifference};
use super::ledger::Wrong;
use crate::error::CauseKind;
use crate::times::Times;

/// How messages and connections belong together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    /// A closed loop: connections stay, and on each so many messages are under way.
    Closed { in_flight: usize },
    /// An open loop: connections stay, and take turns.
    Open,
    /// Each message has a connection of its own.
    Reconnect,
    /// The same, all at one moment, and times run from it.
    Burst,
}

impl Style {
    /// Whether a connection serves more than one message.
    pub(super) fn keeps(self) -> bool {
        match self {
            Self::Closed { .. } | Self::Open => true,
            Self::Reconnect | Self::Burst => false,
        }
    }
}

/// What came of the messages of one address.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) sent: u64,
    pub(super) echoes: u64,
    pub(super) sent_bytes: u64,
    pub(super) returned_bytes: u64,
    /// Messages that failed.
    pub(super) faults: Faults,
    /// The same, as a sum.
    pub(super) failed: u64,
    /// Those of them that belong to no message, such as copies.
    pub(super) surplus: u64,
    pub(super) datagrams: DatagramCounts,
    pub(super) first_difference: Option<FirstDifference>,
    /// The failure that tells most.
    pub(super) failure: Option<BenchFailure>,
    /// When the first message failed.
    pub(super) first_fault: Option<u64>,
    /// Times of the slice under way.
    pub(super) slice: Times,
    pub(super) connect: Times,
    pub(super) lateness: Times,
}

impl Tally {
    /// Forgets what a warm-up has measured. Its faults count: a fault is one whenever it comes.
    pub(super) fn forget(&mut self) {
        *self = Self {
            faults: std::mem::take(&mut self.faults),
            failed: self.failed,
            surplus: self.surplus,
            datagrams: std::mem::take(&mut self.datagrams),
            first_difference: self.first_difference.take(),
            failure: self.failure.take(),
            first_fault: self.first_fault,
            ..Self::default()
        };
    }

    pub(super) fn note_faults(&mut self, kind: CauseKind, count: u64, now: impl FnOnce() -> u64) {
        if count == 0 {
            return;
        }
        self.first_fault.get_or_insert_with(now);
        self.faults.note(kind, count);
        self.failed += count;
    }

    /// Takes note of why a message failed, if that tells more than what is known.
    pub(super) fn note_failure(&mut self, failure: impl Into<BenchFailure>) {
        let failure = failure.into();
        let tells_more =
            |known: &BenchFailure| failure.names_a_protocol() && !known.names_a_protocol();
        if self.failure.as_ref().is_none_or(tells_more) {
            self.failure = Some(failure);
        }
    }

    /// Counts a fault that is none of a message.
    pub(super) fn note_surplus(&mut self, kind: CauseKind, now: impl FnOnce() -> u64) {
        self.note_faults(kind, 1, now);
        self.surplus += 1;
    }

    /// How many messages are back, or have failed.
    pub(super) fn finished(&self) -> u64 {
        self.echoes + self.failed - self.surplus
    }

    pub(super) fn note_wrong(&mut self, connection: usize, wrong: Wrong) {
        self.first_difference.get_or_insert(match wrong {
            Wrong::Differs { offset, expected, got } => {
                let (expected, got) = (Some(expected), Some(got));
                FirstDifference { connection, offset, expected, got }
            }
            Wrong::Surplus { offset } => {
                FirstDifference { connection, offset, expected: None, got: None }
            }
        });
    }
}
