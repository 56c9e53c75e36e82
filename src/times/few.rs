//! A few durations as they are: the median of three is one of them, to the last digit.

use std::iter::repeat_n;
use std::time::Duration;

/// Up to a hundred durations in nanoseconds, from the shortest to the longest.
#[derive(Clone, Default, PartialEq)]
pub(super) struct Few(Vec<u64>);

/// How many durations are few: of fewer no 99th percentile is told.
const FEW: usize = 100;

impl Few {
    pub(super) fn count(&self) -> u64 {
        self.0.len() as u64
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// Adds a duration `count` times, or forgets all if they are too many.
    pub(super) fn insert(&mut self, nanos: u64, count: u64) {
        if count > (FEW - self.0.len()) as u64 {
            return self.clear();
        }
        let at = self.0.partition_point(|&shorter| shorter <= nanos);
        self.0.splice(at..at, repeat_n(nanos, count as usize));
    }

    /// Adds all of `other`, or forgets all if they are too many.
    pub(super) fn extend(&mut self, other: &Self) {
        if other.0.len() > FEW - self.0.len() {
            return self.clear();
        }
        self.0.extend_from_slice(&other.0);
        self.0.sort_unstable();
    }

    /// The arithmetic mean; zero of none.
    pub(super) fn mean(&self) -> Duration {
        Duration::from_nanos(self.average() as u64)
    }

    /// The one that the part `quantile` of all did not exceed, which is of the nearest rank; zero of
    /// none.
    pub(super) fn quantile(&self, quantile: f64) -> Duration {
        let rank = (quantile * self.0.len() as f64).ceil() as usize;
        let nanos = self.0.get(rank.saturating_sub(1)).or_else(|| self.0.last());
        Duration::from_nanos(nanos.copied().unwrap_or_default())
    }

    /// The standard deviation; zero of none.
    pub(super) fn stddev(&self) -> Duration {
        let average = self.average();
        let squares: f64 = self.0.iter().map(|&nanos| (nanos as f64 - average).powi(2)).sum();
        Duration::from_nanos((squares / self.0.len().max(1) as f64).sqrt() as u64)
    }

    fn average(&self) -> f64 {
        self.0.iter().map(|&nanos| nanos as f64).sum::<f64>() / self.0.len().max(1) as f64
    }
}
