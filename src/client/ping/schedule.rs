//! An interval and a count in, the sequence number and the time of each probe out.

use std::time::{Duration, Instant};

/// What counts as forever: any clock can still add it to the present time.
pub(in crate::client) const LONGEST: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

/// How late a timer of this host may be when all its processors are busy: measured, up to 40 ms.
const PAUSE: Duration = Duration::from_millis(50);

/// When each probe is due.
#[derive(Debug)]
pub(in crate::client) struct Schedule {
    interval: Duration,
    next_due: Instant,
    next_sequence: u64,
    last_sequence: u64,
}

/// A probe that is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::client) struct Due {
    pub(in crate::client) sequence: u64,
    pub(in crate::client) due: Instant,
}

impl Schedule {
    /// The first probe is due now.
    pub(in crate::client) fn new(interval: Duration, count: Option<u64>) -> Self {
        let last_sequence = count.unwrap_or(u64::MAX);
        let interval = interval.min(LONGEST);
        Self { interval, next_due: Instant::now(), next_sequence: 1, last_sequence }
    }

    /// Whether the next probe is due as soon as the one before is done with.
    pub(in crate::client) fn is_back_to_back(&self) -> bool {
        self.interval.is_zero()
    }

    /// The time between two probes.
    pub(in crate::client) fn interval(&self) -> Duration {
        self.interval
    }

    pub(in crate::client) fn is_over(&self) -> bool {
        self.next_sequence > self.last_sequence
    }

    /// When the next probe is due, if there is one and it depends on the clock alone.
    pub(in crate::client) fn next_due(&self) -> Option<Instant> {
        (!self.is_over() && !self.is_back_to_back()).then_some(self.next_due)
    }

    /// Whether there is a next probe, and it is due by `now`.
    pub(in crate::client) fn is_due(&self, now: Instant) -> bool {
        !self.is_over() && self.next_due <= now
    }

    /// Says whether another probe falls due behind the next one by `now`, so that the next one has
    /// had its interval.
    pub(in crate::client) fn is_overdue(&self, now: Instant) -> bool {
        let another = self.next_sequence < self.last_sequence;
        another && !self.is_back_to_back() && self.next_due + self.interval <= now
    }

    /// The next probe is due now.
    pub(in crate::client) fn restart(&mut self, now: Instant) {
        self.next_due = now;
    }

    /// Leaves out what fell due before the last time that is due by `now`; says how many times. The
    /// probes keep their numbers, so that as many go out in the end.
    pub(in crate::client) fn skip(&mut self, now: Instant) -> u64 {
        if self.is_over() || self.is_back_to_back() {
            return 0;
        }
        let late = now.saturating_duration_since(self.next_due);
        let times = late.as_nanos() / self.interval.as_nanos();
        let ahead = self.interval.as_nanos() * times;
        self.next_due += Duration::from_nanos(u64::try_from(ahead).unwrap_or(u64::MAX));
        u64::try_from(times).unwrap_or(u64::MAX)
    }

    /// The same, if the time to send was missed by more than a timer that is late explains: then
    /// this process did not run.
    pub(in crate::client) fn skip_a_pause(&mut self, now: Instant) -> u64 {
        let late = now.saturating_duration_since(self.next_due);
        if late > PAUSE.max(2 * self.interval.min(LONGEST / 2)) { self.skip(now) } else { 0 }
    }

    /// The next probe, if it is due by `now`. `idle` says that none is waited for.
    pub(in crate::client) fn take(&mut self, now: Instant, idle: bool) -> Option<Due> {
        if !self.is_due(now) || (self.is_back_to_back() && !idle) {
            return None;
        }
        let due = if self.is_back_to_back() { now } else { self.next_due };
        let sequence = self.next_sequence;
        self.next_sequence += 1;
        self.next_due += self.interval;
        Some(Due { sequence, due })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probes_are_due_at_set_times_even_if_they_are_asked_for_late() {
        let second = Duration::from_secs(1);
        let mut schedule = Schedule::new(second, Some(3));
        let start = schedule.next_due;
        assert_eq!(schedule.take(start, false), Some(Due { sequence: 1, due: start }));
        assert_eq!(schedule.take(start, true), None);
        let late = start + 5 * second;
        for n in 1..3 {
            let due = start + n * second;
            assert_eq!(schedule.take(late, false), Some(Due { sequence: u64::from(n) + 1, due }));
        }
        assert!(schedule.is_over() && schedule.take(late, true).is_none());
    }

    #[test]
    fn what_falls_due_while_nobody_could_send_is_left_out_and_counted() {
        let interval = Duration::from_millis(10);
        let mut schedule = Schedule::new(interval, Some(3));
        let start = schedule.next_due;
        for (late_ms, skipped, due_ms) in [(0, 0, 0), (9, 0, 0), (10, 1, 10), (57, 4, 50)] {
            assert_eq!(schedule.skip(start + Duration::from_millis(late_ms)), skipped);
            assert_eq!(schedule.next_due, start + Duration::from_millis(due_ms));
        }
        let now = start + Duration::from_millis(57);
        assert!(!schedule.is_overdue(now) && schedule.is_overdue(now + interval));
        // As many probes go out, and only a long pause is one.
        assert_eq!(schedule.take(now, true).map(|due| due.sequence), Some(1));
        let next = schedule.next_due;
        assert_eq!(schedule.skip_a_pause(next + PAUSE), 0);
        assert_eq!(schedule.skip_a_pause(next + Duration::from_secs(20)), 2000);
        assert_eq!(Schedule::new(Duration::ZERO, None).skip(now + PAUSE), 0);
    }

    #[test]
    fn back_to_back_the_next_probe_is_due_when_none_is_waited_for() {
        let mut schedule = Schedule::new(Duration::ZERO, None);
        let now = schedule.next_due;
        let later = now + Duration::from_secs(1);
        assert_eq!(schedule.take(later, false), None);
        assert_eq!(schedule.take(later, true), Some(Due { sequence: 1, due: later }));
        assert_eq!(schedule.next_due(), None);
    }
}
