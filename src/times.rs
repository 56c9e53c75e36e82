//! Durations in, figures out: min, mean, percentiles, max, standard deviation. No I/O.

use std::time::Duration;

use hdrhistogram::Histogram;

/// Durations: the shortest and the longest as they are, the others to a thousandth, so that however
/// many there are, some 100 KiB are kept.
#[derive(Clone, Debug)]
pub struct Times {
    histogram: Histogram<u64>,
    min: Duration,
    max: Duration,
}

/// Significant decimal digits: one part in a thousand is less than what the clock's readers add.
const DIGITS: u8 = 3;

impl Default for Times {
    fn default() -> Self {
        let histogram = Histogram::new(DIGITS).expect("3 is one of the precisions, 0 to 5");
        Self { histogram, min: Duration::MAX, max: Duration::ZERO }
    }
}

impl Times {
    /// Adds a duration. One beyond 584 years counts as that.
    pub fn note(&mut self, time: Duration) {
        let nanos = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        // Only a record makes room for longer times; it fails where usize has too few bits.
        if self.histogram.record(nanos).is_err() {
            self.histogram.saturating_record(nanos);
        }
        self.min = self.min.min(time);
        self.max = self.max.max(time);
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.histogram.len()
    }

    /// The shortest; zero if there is none.
    #[must_use]
    pub fn min(&self) -> Duration {
        if self.count() == 0 { Duration::ZERO } else { self.min }
    }

    /// The arithmetic mean; zero if there is none.
    #[must_use]
    pub fn mean(&self) -> Duration {
        self.between(self.histogram.mean() as u64)
    }

    /// The time that the part `quantile` of all, from 0 to 1, did not exceed; 0.5 is the median.
    #[must_use]
    pub fn quantile(&self, quantile: f64) -> Duration {
        self.between(self.histogram.value_at_quantile(quantile))
    }

    /// The longest; zero if there is none.
    #[must_use]
    pub fn max(&self) -> Duration {
        self.max
    }

    /// The standard deviation; zero if there is none.
    #[must_use]
    pub fn stddev(&self) -> Duration {
        Duration::from_nanos(self.histogram.stdev() as u64)
    }

    /// What the histogram rounded, no longer beyond the shortest and the longest.
    fn between(&self, nanos: u64) -> Duration {
        Duration::from_nanos(nanos).max(self.min()).min(self.max)
    }

    /// How many there are up to each of a series of bounds that double, from the shortest to the
    /// longest.
    #[must_use]
    pub fn doublings(&self) -> Vec<(Duration, u64)> {
        let mut rows = Vec::new();
        let mut from = self.histogram.min();
        while self.count() > 0 && from <= self.histogram.max() {
            let to = from.saturating_mul(2).max(from + 1);
            rows.push((Duration::from_nanos(to), self.histogram.count_between(from, to - 1)));
            from = to;
        }
        rows
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(millis: impl Iterator<Item = u64>) -> Times {
        let mut times = Times::default();
        millis.for_each(|millis| times.note(Duration::from_millis(millis)));
        times
    }

    /// To a thousandth.
    fn is(time: Duration, millis: f64) -> bool {
        (time.as_secs_f64() * 1e3 - millis).abs() <= millis / 1e3
    }

    #[test]
    fn a_thousand_times_have_the_figures_that_pencil_and_paper_give() {
        let times = times(1..=1000);
        assert!(is(times.min(), 1.0) && is(times.max(), 1000.0) && is(times.mean(), 500.5));
        assert!(is(times.quantile(0.5), 500.0) && is(times.quantile(0.999), 999.0));
        assert!(is(times.stddev(), 288.675), "{:?}", times.stddev());
    }

    #[test]
    fn the_figures_of_one_time_are_that_time() {
        let time = Duration::from_nanos(48_795_123);
        let mut times = Times::default();
        times.note(time);
        assert_eq!([times.min(), times.mean(), times.quantile(0.5), times.max()], [time; 4]);
        assert_eq!(times.stddev(), Duration::ZERO);
    }

    #[test]
    fn no_time_at_all_is_zero_everywhere() {
        let none = Times::default();
        let figures = [none.min(), none.mean(), none.quantile(0.5), none.max(), none.stddev()];
        assert_eq!((figures, none.count()), ([Duration::ZERO; 5], 0));
        assert!(none.doublings().is_empty());
    }

    #[test]
    fn the_rows_of_a_histogram_hold_every_time_once() {
        for times in [times(1..=1000), times([5].into_iter()), times([0, 3].into_iter())] {
            let total: u64 = times.doublings().iter().map(|(_, count)| count).sum();
            assert_eq!(total, times.count());
        }
    }
}
