//! How long to wait before the next attempt to connect: longer each time, until a probe comes back.

use std::time::Duration;

/// The first wait, and the least that the waits may grow to: soon enough for a server that restarts,
/// seldom enough not to burden one that accepts and closes.
const FIRST: Duration = Duration::from_millis(20);

/// Waits that double from [`FIRST`] to the interval between two probes.
#[derive(Debug)]
pub(super) struct Backoff {
    next: Duration,
    most: Duration,
}

impl Backoff {
    pub(super) fn new(interval: Duration) -> Self {
        Self { next: FIRST, most: interval.max(FIRST) }
    }

    /// A probe came back: the next wait is the first again.
    pub(super) fn reset(&mut self) {
        self.next = FIRST;
    }

    /// The next wait.
    pub(super) fn wait(&mut self) -> Duration {
        let wait = self.next;
        self.next = wait.saturating_mul(2).min(self.most);
        wait
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_interval_and_only_a_reply_resets_them() {
        let waits = |interval, count| {
            let mut backoff = Backoff::new(Duration::from_millis(interval));
            let waits: Vec<_> = (0..count).map(|_| backoff.wait().as_millis()).collect();
            backoff.reset();
            assert_eq!(backoff.wait(), FIRST);
            waits
        };
        assert_eq!(waits(100, 5), [20, 40, 80, 100, 100]);
        assert_eq!(waits(0, 3), [20, 20, 20]);
        assert_eq!(waits(60_000, 13)[11..], [40_960, 60_000]);
    }
}
