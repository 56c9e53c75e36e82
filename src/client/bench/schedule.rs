//! Nanoseconds in, what is due by then out: an open loop and slices that take turns. No clock.

use std::time::Duration;

/// When the messages of an open loop are due: evenly spaced, whatever comes back.
#[derive(Debug)]
pub(super) struct Pace {
    /// When the first is due, in nanoseconds since any moment, as all times here.
    start: u64,
    /// Messages a second.
    rate: f64,
    next: u64,
    count: u64,
}

impl Pace {
    /// The first of `count` messages is due at `start`. The rate is greater than zero.
    pub(super) fn new(start: u64, rate: f64, count: u64) -> Self {
        Self { start, rate, next: 0, count }
    }

    /// When the next one is due.
    pub(super) fn next_due(&self) -> u64 {
        if self.next >= self.count {
            return u64::MAX; // never
        }
        // From the number, not from the one before: no rounding adds up.
        self.start.saturating_add((self.next as f64 * 1e9 / self.rate) as u64)
    }

    /// When the next one is due, if that is by `now` and before `end`; it then counts as taken.
    pub(super) fn take(&mut self, now: u64, end: u64) -> Option<u64> {
        let due = self.next_due();
        if due > now || due >= end {
            return None;
        }
        self.next += 1;
        Some(due)
    }

    /// Messages a second.
    pub(super) fn rate(&self) -> f64 {
        self.rate
    }

    /// How many were taken.
    pub(super) fn taken(&self) -> u64 {
        self.next
    }

    /// How many are due before `end`, taken or not.
    pub(super) fn due_before(&self, end: u64) -> u64 {
        let span = end.saturating_sub(self.start) as f64;
        ((span * self.rate / 1e9).ceil() as u64).min(self.count)
    }
}

/// How long a turn lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Length {
    /// So many nanoseconds.
    Time(u64),
    /// So many messages.
    Messages(u64),
}

impl Length {
    /// How many messages that are, at most.
    pub(super) fn messages(self) -> u64 {
        match self {
            Self::Time(_) => u64::MAX,
            Self::Messages(count) => count,
        }
    }
}

/// A stretch of load on one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Turn {
    /// The index of the address.
    pub(super) address: usize,
    pub(super) length: Length,
    /// Whether nothing is under way when the turn begins, because the load was elsewhere.
    pub(super) begins_idle: bool,
    /// Whether to wait for all replies at the end.
    pub(super) ends_idle: bool,
}

/// The longest slice: half a second is short for a drift, and long for a round trip.
const LONGEST: Duration = Duration::from_millis(500);

/// Slices of each address, at least, if there is enough to slice.
const SLICES: u64 = 20;

/// Cuts a measurement of each of `addresses` into turns: A B, B A, A B, and so on, so that a steady
/// drift favours nobody. Each address gets all of `total`. They are told one by one: of a year there
/// are millions.
pub(super) fn turns(addresses: &[usize], total: Length) -> impl Iterator<Item = Turn> {
    let rounds = match total {
        Length::Time(time) => time.div_ceil(LONGEST.as_nanos() as u64).max(SLICES),
        Length::Messages(count) => SLICES.min(count.max(1)),
    };
    let count = addresses.len();
    (0..rounds).flat_map(move |round| {
        let length = match total {
            // The remainder goes to the first ones, a nanosecond each.
            Length::Time(time) => Length::Time(share(time, rounds, round)),
            Length::Messages(messages) => Length::Messages(share(messages, rounds, round)),
        };
        (0..count).map(move |place| Turn {
            address: addresses[if round % 2 == 0 { place } else { count - 1 - place }],
            length,
            begins_idle: count > 1 || round == 0,
            ends_idle: count > 1 || round == rounds - 1,
        })
    })
}

/// One of `parts` of `total`, which differ by at most one.
fn share(total: u64, parts: u64, part: u64) -> u64 {
    total / parts + u64::from(part < total % parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_due_at_even_times_however_late_they_are_taken() {
        let mut pace = Pace::new(1_000, 1e6, u64::MAX); // each 1,000 ns
        assert_eq!((pace.take(999, u64::MAX), pace.next_due()), (None, 1_000));
        assert_eq!(pace.take(1_000, u64::MAX), Some(1_000));
        assert_eq!(pace.take(1_000, u64::MAX), None);
        let late: Vec<u64> = std::iter::from_fn(|| pace.take(4_500, u64::MAX)).collect();
        assert_eq!(late, [2_000, 3_000, 4_000]);
        assert_eq!((pace.taken(), pace.due_before(11_000)), (4, 10));
    }

    #[test]
    fn nothing_is_due_at_the_end_or_behind_it() {
        let mut pace = Pace::new(0, 1e9 / 3.0, u64::MAX);
        let taken: Vec<u64> = std::iter::from_fn(|| pace.take(100, 9)).collect();
        assert_eq!(taken, [0, 3, 6]);
        assert_eq!(pace.due_before(9), 3);
    }

    #[test]
    fn a_pace_ends_with_its_count() {
        let mut pace = Pace::new(0, 1e9, 2);
        let taken: Vec<u64> = std::iter::from_fn(|| pace.take(100, u64::MAX)).collect();
        assert_eq!((taken, pace.next_due()), (vec![0, 1], u64::MAX));
        assert_eq!(pace.due_before(100), 2);
    }

    #[test]
    fn a_year_of_an_odd_rate_drifts_by_no_microsecond() {
        let mut pace = Pace::new(0, 7_000.0, u64::MAX);
        pace.next = 7_000 * 365 * 24 * 3600;
        assert!(pace.next_due().abs_diff(365 * 24 * 3600 * 1_000_000_000) < 1_000);
    }

    #[test]
    fn two_addresses_take_turns_and_each_gets_all() {
        let turns: Vec<Turn> = turns(&[0, 1], Length::Time(10_000_000_000)).collect();
        let order: Vec<usize> = turns.iter().map(|turn| turn.address).collect();
        assert_eq!(order[..6], [0, 1, 1, 0, 0, 1]);
        for address in [0, 1] {
            let of_address = turns.iter().filter(|turn| turn.address == address);
            let lengths: Vec<Length> = of_address.map(|turn| turn.length).collect();
            assert_eq!(lengths, [Length::Time(500_000_000); 20]);
        }
        assert!(turns.iter().all(|turn| turn.begins_idle && turn.ends_idle));
    }

    #[test]
    fn one_address_is_measured_without_a_pause() {
        let turns: Vec<Turn> = turns(&[3], Length::Time(60_000_000_000)).collect();
        assert_eq!((turns.len(), turns[0].length), (120, Length::Time(500_000_000)));
        let idle: Vec<_> = turns.iter().map(|turn| (turn.begins_idle, turn.ends_idle)).collect();
        assert_eq!((idle[0], idle[1], idle[119]), ((true, false), (false, false), (false, true)));
    }

    #[test]
    fn the_turns_of_the_longest_time_need_no_memory() {
        let first: Vec<Turn> = turns(&[0, 1], Length::Time(u64::MAX / 4)).take(4).collect();
        let order: Vec<usize> = first.iter().map(|turn| turn.address).collect();
        assert_eq!(order, [0, 1, 1, 0]);
        assert!(matches!(first[0].length, Length::Time(499_999_000..=500_000_000)), "{first:?}");
    }

    #[test]
    fn messages_are_shared_out_to_the_last_one() {
        for (count, slices) in [(1, 1), (3, 3), (20, 20), (1_000_003, 20)] {
            let turns: Vec<Turn> = turns(&[0], Length::Messages(count)).collect();
            let shared = turns.iter().map(|turn| match turn.length {
                Length::Messages(count) => count,
                Length::Time(_) => panic!("{turn:?}"),
            });
            assert_eq!((turns.len(), shared.sum::<u64>()), (slices, count));
        }
    }
}
