//! Probes that were sent in, how each of them ended out: back in time, late, or lost, and of datagrams
//! also out of order and more than once. No I/O, and no clock but the one of the caller.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::event::Loss;
use super::schedule::LONGEST;

/// Probes that were sent, in their order: those that are not back, and of datagrams also those that
/// are, because they may come twice.
///
/// One that is told lost is remembered: it may come back late.
#[derive(Debug)]
pub(in crate::client) struct Ledger {
    probes: VecDeque<Probe>,
    /// How many of them, from the front on, the clock is done with: they are lost, or back.
    settled: usize,
    /// How many are neither lost nor back.
    awaited: usize,
    /// The highest number that is back, of each flow that datagrams are sent on in turn. Order is
    /// that of a flow: flows may take different paths, and they are read one after the other.
    highest: Vec<u64>,
    timeout: Duration,
}

#[derive(Debug)]
struct Probe {
    sequence: u64,
    since: Instant,
    lost: bool,
    /// How often it came back. On a stream, one that is back is forgotten.
    returns: u32,
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

/// How a datagram came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::client) enum Return {
    /// For the first time: in time, or `late`, when its timeout was over, whatever was told of it
    /// before. `behind` says by how many of its flow the highest number that was back already is
    /// ahead (RFC 4737 calls a datagram reordered then); else it is 0.
    First { rtt: Duration, late: bool, behind: u64 },
    /// Once more: the first copy is 2.
    Again { copy: u32 },
}

/// How many datagrams are remembered: a copy that comes after so many others is not known.
const MEMORY: usize = 1 << 15;

impl Ledger {
    /// A probe counts as lost after `timeout`.
    pub(in crate::client) fn new(timeout: Duration) -> Self {
        let timeout = timeout.min(LONGEST);
        Self { probes: VecDeque::new(), settled: 0, awaited: 0, highest: vec![0], timeout }
    }

    /// Datagrams are sent on so many flows in turn, the first on the first; with none, each has a
    /// flow of its own.
    pub(in crate::client) fn flows(self, flows: Option<usize>) -> Self {
        Self { highest: vec![0; flows.unwrap_or_default()], ..self }
    }

    /// A probe is sent whose time runs from `since`. Sequence numbers rise.
    pub(in crate::client) fn send(&mut self, sequence: u64, since: Instant) {
        if self.probes.len() >= MEMORY && self.settled > 0 {
            self.probes.pop_front();
            self.settled -= 1;
        }
        self.probes.push_back(Probe { sequence, since, lost: false, returns: 0 });
        self.awaited += 1;
    }

    /// How many are remembered: on a stream, those that are not back, lost ones among them.
    pub(in crate::client) fn len(&self) -> usize {
        self.probes.len()
    }

    /// How many are neither lost nor back.
    pub(in crate::client) fn awaited(&self) -> usize {
        self.awaited
    }

    /// Says whether no probe is waited for.
    pub(in crate::client) fn is_idle(&self) -> bool {
        self.awaited == 0
    }

    /// The probe that was sent first of those that are remembered.
    pub(in crate::client) fn first(&self) -> Option<u64> {
        self.probes.front().map(|probe| probe.sequence)
    }

    /// The probe that is waited for longest.
    pub(in crate::client) fn first_awaited(&self) -> Option<u64> {
        let mut unsettled = self.probes.range(self.settled..);
        unsettled.find(|probe| probe.is_awaited()).map(|probe| probe.sequence)
    }

    /// Says whether this probe was sent and is remembered.
    pub(in crate::client) fn knows(&self, sequence: u64) -> bool {
        self.position(sequence).is_some()
    }

    /// When the next probe is lost, unless it comes back.
    pub(in crate::client) fn next_loss(&self) -> Option<Instant> {
        let mut unsettled = self.probes.range(self.settled..);
        unsettled.find(|probe| probe.is_awaited()).map(|probe| probe.since + self.timeout)
    }

    /// The next probe that is lost by `now` and was not told so. Ask until there is none.
    pub(in crate::client) fn expire(&mut self, now: Instant) -> Option<u64> {
        while let Some(probe) = self.probes.get_mut(self.settled) {
            if probe.is_awaited() {
                if now.saturating_duration_since(probe.since) < self.timeout {
                    return None;
                }
                probe.lost = true;
                self.awaited -= 1;
                self.settled += 1;
                return Some(probe.sequence);
            }
            self.settled += 1;
        }
        None
    }

    /// Says whether this probe, if it is back at `now`, was lost by then and was not told so. Ask
    /// where `now` is not the clock's: what has come may have waited to be read.
    pub(in crate::client) fn expire_one(&mut self, sequence: u64, now: Instant) -> bool {
        let Some(position) = self.position(sequence) else { return false };
        let waited = now.saturating_duration_since(self.probes[position].since);
        waited >= self.timeout && self.lose(sequence)
    }

    /// A probe is back at `now` on a stream, where order holds: those before it are lost.
    pub(in crate::client) fn back_in_order(
        &mut self,
        sequence: u64,
        now: Instant,
    ) -> impl Iterator<Item = (u64, Fate)> {
        let end = self.position(sequence).map_or(0, |position| position + 1);
        self.settled = self.settled.saturating_sub(end);
        let awaited = &mut self.awaited;
        let ended = self.probes.drain(..end).enumerate();
        ended.filter_map(move |(position, probe)| {
            let rtt = now.saturating_duration_since(probe.since);
            *awaited -= usize::from(!probe.lost);
            let fate = match (position + 1 == end, probe.lost) {
                (true, false) => Fate::Back(rtt),
                (true, true) => Fate::Late(rtt),
                (false, false) => Fate::Lost(Loss::Skipped),
                (false, true) => return None,
            };
            Some((probe.sequence, fate))
        })
    }

    /// A datagram is back at `now`, in whatever order; none if it is not known.
    pub(in crate::client) fn back(&mut self, sequence: u64, now: Instant) -> Option<Return> {
        let position = self.position(sequence)?;
        let probe = &mut self.probes[position];
        probe.returns = probe.returns.saturating_add(1);
        if probe.returns > 1 {
            return Some(Return::Again { copy: probe.returns });
        }
        self.awaited -= usize::from(!probe.lost);
        let rtt = now.saturating_duration_since(probe.since);
        let flows = self.highest.len().max(1) as u64;
        let flow = (sequence.saturating_sub(1) % flows) as usize;
        let behind = self.highest.get_mut(flow).map_or(0, |highest| {
            let behind = highest.saturating_sub(sequence) / flows;
            *highest = sequence.max(*highest);
            behind
        });
        Some(Return::First { rtt, late: rtt >= self.timeout, behind })
    }

    /// A probe will not come back, for another reason than the clock's. Says whether it was waited
    /// for.
    pub(in crate::client) fn lose(&mut self, sequence: u64) -> bool {
        let Some(position) = self.position(sequence) else { return false };
        let probe = &mut self.probes[position];
        let awaited = probe.is_awaited();
        if awaited {
            probe.lost = true;
            self.awaited -= 1;
        }
        awaited
    }

    /// Forgets all probes; yields those that were not told lost.
    pub(in crate::client) fn forget(&mut self) -> impl Iterator<Item = u64> {
        self.settled = 0;
        self.awaited = 0;
        self.probes.drain(..).filter(Probe::is_awaited).map(|probe| probe.sequence)
    }

    fn position(&self, sequence: u64) -> Option<usize> {
        self.probes.binary_search_by_key(&sequence, |probe| probe.sequence).ok()
    }
}

impl Probe {
    fn is_awaited(&self) -> bool {
        !self.lost && self.returns == 0
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

    #[test]
    fn datagrams_come_back_in_any_order_late_and_more_than_once() {
        let first =
            |millis, late, behind| Some(Return::First { rtt: MILLI * millis, late, behind });
        let again = |copy| Some(Return::Again { copy });
        for (lost, back, told) in [
            (0, &[1, 2, 3, 4][..], &[first(9, false, 0), first(8, false, 0)][..]),
            (0, &[3, 1, 2], &[first(7, false, 0), first(9, false, 2), first(8, false, 1)]),
            (0, &[2, 2, 2], &[first(8, false, 0), again(2), again(3)]),
            (2, &[4, 1, 1], &[first(8, false, 0), first(11, true, 3), again(2)]),
            (0, &[5, 0], &[None, None]),
        ] {
            let (mut ledger, now) = ledger(lost);
            for (sequence, told) in back.iter().zip(told) {
                assert_eq!(ledger.back(*sequence, now), *told, "{back:?}: {sequence}");
            }
        }
    }

    #[test]
    fn order_is_that_of_a_flow() {
        for (flows, back, behind) in [
            (Some(1), [2, 1, 4, 3], [0, 1, 0, 1]),
            (Some(2), [2, 1, 4, 3], [0, 0, 0, 0]),
            (Some(2), [4, 3, 2, 1], [0, 0, 1, 1]),
            (None, [4, 3, 2, 1], [0, 0, 0, 0]),
        ] {
            let (ledger, now) = ledger(0);
            let mut ledger = ledger.flows(flows);
            let told = back.map(|sequence| match ledger.back(sequence, now) {
                Some(Return::First { behind, .. }) => behind,
                other => panic!("{other:?}"),
            });
            assert_eq!(told, behind, "{flows:?}: {back:?}");
        }
    }

    #[test]
    fn a_datagram_that_is_back_is_not_lost_by_the_clock_and_one_that_is_lost_only_once() {
        let (mut ledger, now) = ledger(0);
        ledger.back(1, now);
        assert!(ledger.lose(3) && !ledger.lose(3) && !ledger.lose(1) && !ledger.lose(9));
        assert_eq!((ledger.awaited(), ledger.next_loss()), (2, Some(now + 2 * MILLI)));
        let later = now + Duration::from_secs(1);
        let told: Vec<_> = std::iter::from_fn(|| ledger.expire(later)).collect();
        assert_eq!(told, [2, 4]);
        // What was lost for another reason than the clock's is not late for that.
        assert!(matches!(ledger.back(4, now), Some(Return::First { late: false, .. })));
        assert!(ledger.is_idle() && ledger.next_loss().is_none());
        assert!(matches!(ledger.back(3, later), Some(Return::First { late: true, .. })));
    }

    #[test]
    fn what_was_lost_when_it_came_is_lost_once_however_late_it_is_read() {
        let (mut ledger, now) = ledger(1);
        // The second is lost a millisecond later, by the time at which it came.
        assert!(
            !ledger.expire_one(2, now) && !ledger.expire_one(1, now) && !ledger.expire_one(9, now)
        );
        assert!(ledger.expire_one(2, now + MILLI) && !ledger.expire_one(2, now + MILLI));
        assert!(matches!(ledger.back(2, now + MILLI), Some(Return::First { late: true, .. })));
        assert!(matches!(ledger.back(3, now + MILLI), Some(Return::First { late: false, .. })));
        assert_eq!((ledger.awaited(), ledger.expire(now + 3 * MILLI)), (1, Some(4)));
    }

    #[test]
    fn the_memory_of_datagrams_has_an_end() {
        let mut ledger = Ledger::new(MILLI);
        let start = Instant::now();
        for sequence in 1..=100_000 {
            ledger.send(sequence, start);
            if sequence % 2 == 0 {
                ledger.back(sequence, start);
            }
            while ledger.expire(start + MILLI).is_some() {}
        }
        assert_eq!(ledger.len(), MEMORY);
        assert_eq!(ledger.back(1, start), None);
        assert_eq!(ledger.back(100_000, start), Some(Return::Again { copy: 2 }));
    }
}
