//! What was sent and what came back on one connection: bytes and times in, whole messages and the
//! first wrong byte out. It knows no sockets and no clock.

use std::collections::VecDeque;

use super::payload::Payload;

/// The messages of one connection, in the order in which they were due.
#[derive(Debug)]
pub(super) struct Ledger {
    /// Where in the payload the stream begins.
    origin: u64,
    /// Since when each message that is not back counts; queued ones behind those that were sent.
    since: VecDeque<u64>,
    /// How many of the first in `since` were given up.
    late: usize,
    /// Bytes sent.
    pub(super) sent: u64,
    /// Bytes that came back.
    pub(super) returned: u64,
}

/// What is wrong with bytes that came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wrong {
    /// The byte at this offset of the stream differs.
    Differs { offset: u64, expected: u8, got: u8 },
    /// More came back than was sent.
    Surplus { offset: u64 },
}

impl Ledger {
    /// The stream begins at `origin` of the payload.
    pub(super) fn new(origin: u64) -> Self {
        Self { origin, since: VecDeque::new(), late: 0, sent: 0, returned: 0 }
    }

    /// Adds a message whose time runs from `since`.
    pub(super) fn queue(&mut self, since: u64) {
        self.since.push_back(since);
    }

    /// Lets the time of all messages run from `since`.
    pub(super) fn count_from(&mut self, since: u64) {
        self.since.iter_mut().for_each(|one| *one = since);
    }

    /// Bytes that are queued and not sent.
    pub(super) fn unsent(&self, payload: &Payload) -> u64 {
        let size = payload.size as u64;
        self.returned / size * size + self.since.len() as u64 * size - self.sent
    }

    /// Bytes to send next, all of one piece.
    pub(super) fn next_bytes<'p>(&self, payload: &'p Payload) -> &'p [u8] {
        let most = usize::try_from(self.unsent(payload)).unwrap_or(usize::MAX);
        payload.at(self.origin.wrapping_add(self.sent), most)
    }

    /// Compares bytes that came back, and tells of each message that they complete since when it
    /// counted.
    pub(super) fn take(
        &mut self,
        bytes: &[u8],
        payload: &Payload,
        mut whole: impl FnMut(u64),
    ) -> Result<(), Wrong> {
        let owed = usize::try_from(self.sent - self.returned).unwrap_or(usize::MAX);
        let within = &bytes[..bytes.len().min(owed)];
        let position = self.origin.wrapping_add(self.returned);
        let same = payload.common(position, within);
        let size = payload.size as u64;
        let messages = self.returned / size;
        self.returned += same as u64;
        for _ in messages..self.returned / size {
            if let Some(since) = self.since.pop_front() {
                if self.late > 0 {
                    self.late -= 1; // it was given up before
                } else {
                    whole(since);
                }
            }
        }
        let offset = self.returned;
        if same < within.len() {
            let expected = payload.at(position + same as u64, 1)[0];
            return Err(Wrong::Differs { offset, expected, got: within[same] });
        }
        if within.len() < bytes.len() {
            return Err(Wrong::Surplus { offset });
        }
        Ok(())
    }

    /// Messages that are not back and not given up.
    pub(super) fn waiting(&self) -> usize {
        self.since.len() - self.late
    }

    /// Messages of which at least a byte was sent, and that are not back or given up.
    pub(super) fn under_way(&self, payload: &Payload) -> usize {
        let begun = self.sent.div_ceil(payload.size as u64) - self.returned / payload.size as u64;
        (begun as usize).saturating_sub(self.late)
    }

    /// Since when the first of those counts.
    pub(super) fn oldest(&self) -> Option<u64> {
        self.since.get(self.late).copied()
    }

    /// Gives up the messages that count since before `limit`; says how many.
    pub(super) fn give_up(&mut self, limit: u64) -> usize {
        let before = self.late;
        while self.oldest().is_some_and(|since| since < limit) {
            self.late += 1;
        }
        self.late - before
    }

    /// Begins a new stream at `origin`, on a new connection. What was under way is lost; says how
    /// many messages that were not given up. What was not sent yet will be, except given-up ones.
    pub(super) fn restart(&mut self, origin: u64, payload: &Payload) -> usize {
        let lost = self.under_way(payload);
        self.since.drain(..self.late + lost);
        (self.origin, self.late, self.sent, self.returned) = (origin, 0, 0, 0);
        lost
    }

    /// Takes away all messages; says how many were neither back nor given up.
    pub(super) fn clear(&mut self) -> usize {
        let waiting = self.waiting();
        self.since.clear();
        self.late = 0;
        waiting
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: usize = 10;

    /// Sends all that is queued; returns its bytes.
    fn send(ledger: &mut Ledger, payload: &Payload) -> Vec<u8> {
        let mut bytes = Vec::new();
        while ledger.unsent(payload) > 0 {
            let piece = ledger.next_bytes(payload);
            ledger.sent += piece.len() as u64;
            bytes.extend_from_slice(piece);
        }
        bytes
    }

    fn take(ledger: &mut Ledger, payload: &Payload, bytes: &[u8]) -> (Vec<u64>, Result<(), Wrong>) {
        let mut whole = Vec::new();
        let taken = ledger.take(bytes, payload, |since| whole.push(since));
        (whole, taken)
    }

    #[test]
    fn messages_are_whole_however_their_bytes_are_cut() {
        let payload = Payload::new(SIZE);
        for cut in [1, 3, 10, 17, 30] {
            let mut ledger = Ledger::new(65_500);
            (1..=3).for_each(|since| ledger.queue(since));
            let mut seen = Vec::new();
            for piece in send(&mut ledger, &payload).chunks(cut) {
                let (whole, taken) = take(&mut ledger, &payload, piece);
                assert_eq!(taken, Ok(()));
                seen.extend(whole);
            }
            assert_eq!((seen, ledger.waiting(), ledger.returned), (vec![1, 2, 3], 0, 30));
        }
    }

    #[test]
    fn the_first_wrong_byte_is_told_with_its_offset() {
        let payload = Payload::new(SIZE);
        let mut ledger = Ledger::new(0);
        (1..=2).for_each(|since| ledger.queue(since));
        let mut bytes = send(&mut ledger, &payload);
        let expected = bytes[13];
        bytes[13] ^= 0x20;
        let (whole, taken) = take(&mut ledger, &payload, &bytes);
        let got = expected ^ 0x20;
        assert_eq!((whole, taken), (vec![1], Err(Wrong::Differs { offset: 13, expected, got })));
    }

    #[test]
    fn bytes_that_nobody_sent_are_a_surplus() {
        let payload = Payload::new(SIZE);
        let mut ledger = Ledger::new(0);
        assert_eq!(take(&mut ledger, &payload, b"hello").1, Err(Wrong::Surplus { offset: 0 }));
        ledger.queue(1);
        let mut bytes = send(&mut ledger, &payload);
        bytes.push(0);
        let (whole, taken) = take(&mut ledger, &payload, &bytes);
        assert_eq!((whole, taken), (vec![1], Err(Wrong::Surplus { offset: 10 })));
    }

    #[test]
    fn a_message_that_was_given_up_counts_no_more_when_it_comes_back() {
        let payload = Payload::new(SIZE);
        let mut ledger = Ledger::new(0);
        [5, 15, 25].into_iter().for_each(|since| ledger.queue(since));
        let bytes = send(&mut ledger, &payload);
        assert_eq!((ledger.give_up(16), ledger.give_up(16), ledger.waiting()), (2, 0, 1));
        assert_eq!(take(&mut ledger, &payload, &bytes), (vec![25], Ok(())));
        assert_eq!((ledger.waiting(), ledger.under_way(&payload)), (0, 0));
    }

    #[test]
    fn a_new_connection_loses_what_was_under_way_and_sends_the_rest() {
        let payload = Payload::new(SIZE);
        let mut ledger = Ledger::new(0);
        [1, 2].into_iter().for_each(|since| ledger.queue(since));
        let bytes = send(&mut ledger, &payload);
        [3, 4].into_iter().for_each(|since| ledger.queue(since));
        ledger.sent += 4; // of the third, which is under way by that
        take(&mut ledger, &payload, &bytes[..12]).1.unwrap();
        assert_eq!((ledger.waiting(), ledger.under_way(&payload)), (3, 2));
        assert_eq!(ledger.restart(77, &payload), 2);
        assert_eq!((ledger.waiting(), ledger.unsent(&payload)), (1, 10));
        assert_eq!((ledger.oldest(), ledger.clear(), ledger.waiting()), (Some(4), 1, 0));
    }
}
