//! Datagrams that came in, what they are to the load out: echoes, copies, or faults.

use std::net::SocketAddr;

use super::{CauseKind, Flows, HEADER, Shared};
use crate::client::bench::ledger::Wrong;
use crate::client::bench::window::Back;
use crate::client::datagram::DatagramError;
use crate::client::datagram::judge::{Expected, Verdict};

impl Flows {
    /// Takes the datagram that is in the scratch buffer.
    pub(super) fn take(
        &mut self,
        index: usize,
        from: SocketAddr,
        length: usize,
        shared: &mut Shared,
    ) {
        let (flow, peer) = (&self.flows[index], self.peer);
        let bytes = &shared.scratch[..length];
        let number = bytes.split_first_chunk::<HEADER>().map(|(head, _)| u64::from_be_bytes(*head));
        let known = number.filter(|&number| flow.window.knows(number));
        let first = flow.window.oldest();
        let tail = known.or(first).map_or(&[][..], |number| flow.tail(number, &shared.payload));
        if let Some(number) = known.filter(|_| from == peer && bytes[HEADER..] == *tail) {
            return self.note_intact(index, number, shared);
        }
        let sent = shared.payload.size;
        let truncated = DatagramError::Truncated { peer, sent, returned: length };
        let knows = &|number| flow.window.knows(number);
        match (Expected { peer, tail, first, knows }).judge(from, bytes, false) {
            Verdict::Intact { sequence } => self.note_intact(index, sequence, shared),
            Verdict::Foreign { sequence } => {
                self.account.tally.datagrams.foreign_from = Some(from);
                let error = DatagramError::Foreign { peer, from };
                self.note_fault(index, Some(sequence), &error, shared);
            }
            Verdict::Truncated { .. } => self.note_fault(index, known, &truncated, shared),
            // Cut before the end of its number.
            Verdict::Corrupt { sequence: None, offset } if offset == length && first.is_some() => {
                self.note_fault(index, None, &truncated, shared);
            }
            Verdict::Corrupt { sequence, offset } => {
                let head = sequence.or(first).unwrap_or_default().to_be_bytes();
                let expected = head.iter().chain(tail).nth(offset).copied();
                let wrong = match (expected, bytes.get(offset).copied()) {
                    (Some(expected), Some(got)) => {
                        Wrong::Differs { offset: offset as u64, expected, got }
                    }
                    _ => Wrong::Surplus { offset: offset as u64 },
                };
                self.account.tally.note_wrong(index, wrong);
                // If its number is that of none that is waited for, it may be damaged as well.
                let window = &flow.window;
                let other = sequence.filter(|&number| window.awaits(number) || window.lost(number));
                let error = DatagramError::Mismatch { peer, offset, sent, returned: length };
                self.note_fault(index, other, &error, shared);
            }
            Verdict::Stray => {}
        }
    }

    fn note_intact(&mut self, index: usize, number: u64, shared: &Shared) {
        let behind = match self.flows[index].window.back(number) {
            Back::First { since, behind } => {
                self.note_echo(index, since, shared);
                behind
            }
            Back::Late { behind } => {
                self.account.tally.datagrams.late += 1;
                behind
            }
            Back::Cleared { since, behind } => {
                self.account.tally.surplus += 1; // the fault that it was blamed for is no message's
                self.note_echo(index, since, shared);
                behind
            }
            Back::Again => {
                let now = || shared.clock.now();
                return self.account.tally.note_surplus(CauseKind::Duplicate, now);
            }
        };
        self.account.tally.returned_bytes += shared.payload.size as u64;
        if behind > 0 {
            let datagrams = &mut self.account.tally.datagrams;
            datagrams.reordered += 1;
            datagrams.max_reordering = datagrams.max_reordering.max(behind);
        }
    }

    /// A message came back in a way that it must not; if it was not waited for, that is a fault of
    /// none. One without a number is most likely the one that is waited for longest. The message is
    /// cleared if it comes as it was sent after all.
    fn note_fault(
        &mut self,
        index: usize,
        number: Option<u64>,
        error: &DatagramError,
        shared: &Shared,
    ) {
        let window = &mut self.flows[index].window;
        let waited = number.or_else(|| window.oldest()).is_some_and(|number| window.blame(number));
        if waited {
            self.note_faults(error, 1, shared);
        } else {
            self.account.tally.note_surplus(error.cause(), || shared.clock.now());
            self.account.tally.note_failure(error.clone());
        }
    }
}
