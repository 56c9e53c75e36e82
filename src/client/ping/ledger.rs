//! Probes that were sent in, how each of them ended out: back in time, late, or lost. No I/O, and no
//! clock but the one of the caller.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::event::Loss;
use super::schedule::LONGEST;

/// Probes that are not back, in the order in which they were sent.
///
/// One that is told lost is remembered: it may come back late.
#[derive(Debug)]
pub(in crate::client) struct Ledger {
    waiting: VecDeque<Waiting>,
    /// How many of them, from the front on, are told lost.
    lost: usize,
    timeout: Duration,
}

#[derive(Debug)]
struct Waiting {
    sequence: u64,
    since: Instant,
}

/// How a probe ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::client) enum Fate {
    /// It came back in time, so long after it was sent.
    Back(Duration),
    /// It came back after it was told lost.
    Late(Duration),
    /// It will not come back.
    Lost(Loss),
}

impl Ledger {
    /// A probe counts as lost after `timeout`.
    pub(in crate::client) fn new(timeout: Duration) -> Self {
        Self { waiting: VecDeque::new(), lost: 0, timeout: timeout.min(LONGEST) }
    }

    /// A probe is sent whose time runs from `since`. Sequence numbers rise.
    pub(in crate::client) fn send(&mut self, sequence: u64, since: Instant) {
        self.waiting.push_back(Waiting { sequence, since });
    }

    /// How many are not back, lost ones among them.
    pub(in crate::client) fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Says whether no probe is waited for.
    pub(in crate::client) fn is_idle(&self) -> bool {
        self.waiting.len() == self.lost
    }

    /// The probe that was sent first of those that are not back.
    pub(in crate::client) fn first(&self) -> Option<u64> {
        self.waiting.front().map(|probe| probe.sequence)
    }

    /// Says whether this probe was sent and is not back.
    pub(in crate::client) fn knows(&self, sequence: u64) -> bool {
        self.position(sequence).is_some()
    }

    /// When the next probe is lost, unless it comes back.
    pub(in crate::client) fn next_loss(&self) -> Option<Instant> {
        self.waiting.get(self.lost).map(|probe| probe.since + self.timeout)
    }

    /// The next probe that is lost by `now` and was not told so. Ask until there is none.
    pub(in crate::client) fn expire(&mut self, now: Instant) -> Option<u64> {
        let probe = self.waiting.get(self.lost)?;
        if now.saturating_duration_since(probe.since) < self.timeout {
            return None;
        }
        self.lost += 1;
        Some(probe.sequence)
    }

    /// A probe is back at `now` on a stream, where order holds: those before it are lost.
    pub(in crate::client) fn back_in_order(
        &mut self,
        sequence: u64,
        now: Instant,
    ) -> impl Iterator<Item = (u64, Fate)> {
        let end = self.position(sequence).map_or(0, |position| position + 1);
        let told = self.lost.min(end);
        self.lost -= told;
        let ended = self.waiting.drain(..end).enumerate();
        ended.filter_map(move |(position, probe)| {
            let rtt = now.saturating_duration_since(probe.since);
            let fate = match (position + 1 == end, position < told) {
                (true, false) => Fate::Back(rtt),
                (true, true) => Fate::Late(rtt),
                (false, false) => Fate::Lost(Loss::Skipped),
                (false, true) => return None,
            };
            Some((probe.sequence, fate))
        })
    }

    /// Forgets all probes; yields those that were not told lost.
    pub(in crate::client) fn forget(&mut self) -> impl Iterator<Item = u64> {
        let told = std::mem::take(&mut self.lost);
        self.waiting.drain(..).skip(told).map(|probe| probe.sequence)
    }

    fn position(&self, sequence: u64) -> Option<usize> {
        self.waiting.binary_search_by_key(&sequence, |probe| probe.sequence).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MILLI: Duration = Duration::from_millis(1);

    /// Probes 1 to 4, sent one a millisecond, of which those up to `lost` are told lost.
    fn ledger(lost: u64) -> (Ledger, Instant) {
        let start = Instant::now();
        let mut ledger = Ledger::new(10 * MILLI);
        for sequence in 1..=4 {
            ledger.send(sequence, start + MILLI * (sequence as u32 - 1));
        }
        let now = start + 10 * MILLI + MILLI * lost as u32 - MILLI;
        let told: Vec<_> = std::iter::from_fn(|| ledger.expire(now)).collect();
        assert_eq!(told, (1..=lost).collect::<Vec<_>>());
        (ledger, now)
    }

    #[test]
    fn each_probe_is_back_late_or_lost_and_told_once() {
        use Fate::{Back, Late, Lost};
        let skipped = Lost(Loss::Skipped);
        let at = |millis| MILLI * millis;
        for (lost, back, told) in [
            (0, 1, vec![(1, Back(at(9)))]),
            (0, 3, vec![(1, skipped), (2, skipped), (3, Back(at(7)))]),
            (2, 1, vec![(1, Late(at(11)))]),
            (2, 2, vec![(2, Late(at(10)))]),
            (2, 4, vec![(3, skipped), (4, Back(at(8)))]),
            (4, 4, vec![(4, Late(at(10)))]),
            (2, 7, vec![]),
        ] {
            let (mut ledger, now) = ledger(lost);
            assert_eq!(ledger.back_in_order(back, now).collect::<Vec<_>>(), told, "{lost}, {back}");
            assert!(!ledger.knows(back));
            // Whatever is left is told lost once, by the clock or by the end.
            let first_untold = (lost + 1).max(if back > 4 { 1 } else { back + 1 });
            assert_eq!(ledger.forget().collect::<Vec<_>>(), (first_untold..=4).collect::<Vec<_>>());
            assert!(ledger.is_idle() && ledger.len() == 0);
        }
    }

    #[test]
    fn a_probe_is_lost_when_its_timeout_is_over_and_not_before() {
        let (mut ledger, now) = ledger(2);
        assert_eq!(ledger.next_loss(), Some(now + MILLI));
        assert_eq!((ledger.expire(now), ledger.expire(now + MILLI)), (None, Some(3)));
        assert_eq!((ledger.first(), ledger.len(), ledger.is_idle()), (Some(1), 4, false));
        assert_eq!(ledger.expire(now + 2 * MILLI), Some(4));
        assert!(ledger.is_idle() && ledger.next_loss().is_none());
    }
}
