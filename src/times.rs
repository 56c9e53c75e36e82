//! Durations in, figures out: min, mean, percentiles, max, standard deviation. No I/O.

use std::fmt;
use std::time::Duration;

use hdrhistogram::Histogram;

mod few;
mod figures;
mod hgrm;

use few::Few;
pub use figures::Figures;
pub use hgrm::SpectrumError;

/// Durations: up to a hundred, and the shortest and the longest, as they are; of more the others to a
/// thousandth, so that however many there are, some 100 KiB are kept.
#[derive(Clone, PartialEq)]
pub struct Times {
    histogram: Histogram<u64>,
    /// All of them, as long as they are few; empty if there are more.
    few: Few,
    min: Duration,
    max: Duration,
}

/// Significant decimal digits: one part in a thousand is less than what the clock's readers add.
const DIGITS: u8 = 3;

impl Default for Times {
    fn default() -> Self {
        let histogram = Histogram::new(DIGITS).expect("3 is one of the precisions, 0 to 5");
        Self { histogram, few: Few::default(), min: Duration::MAX, max: Duration::ZERO }
    }
}

/// The count and the figures, not thousands of counters.
impl fmt::Debug for Times {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Times")
            .field("count", &self.count())
            .field("figures", &self.figures())
            .finish()
    }
}

impl Times {
    /// Adds a duration. One beyond 584 years counts as that.
    pub fn note(&mut self, time: Duration) {
        let nanos = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        self.keep(nanos, 1);
        // Only a record makes room for longer times; it fails where usize has too few bits.
        if self.histogram.record(nanos).is_err() {
            self.histogram.saturating_record(nanos);
        }
        self.min = self.min.min(time);
        self.max = self.max.max(time);
    }

    /// Adds `count` durations of the same length.
    pub fn note_many(&mut self, time: Duration, count: u64) {
        if count == 0 {
            return;
        }
        let nanos = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        self.keep(nanos, count);
        if self.histogram.record_n(nanos, count).is_err() {
            self.histogram.saturating_record_n(nanos, count);
        }
        self.min = self.min.min(time);
        self.max = self.max.max(time);
    }

    /// Adds all durations of `other`.
    pub fn merge(&mut self, other: &Self) {
        if other.count() == 0 {
            return;
        }
        match (self.all().is_some(), other.all()) {
            (true, Some(others)) => self.few.extend(others),
            _ => self.few.clear(),
        }
        // Fails only where usize has too few bits for the longest time.
        if self.histogram.add(&other.histogram).is_err() {
            for (time, count) in other.counts() {
                self.histogram.saturating_record_n(time.as_nanos() as u64, count);
            }
        }
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
    }

    /// Keeps durations that are about to be recorded, while they are few.
    fn keep(&mut self, nanos: u64, count: u64) {
        if self.all().is_some() {
            self.few.insert(nanos, count);
        }
    }

    /// All of them, if they are few.
    fn all(&self) -> Option<&Few> {
        (self.few.count() == self.count()).then_some(&self.few)
    }

    /// Forgets all durations, and keeps the memory for the next ones.
    pub fn clear(&mut self) {
        self.histogram.reset();
        self.few.clear();
        (self.min, self.max) = (Duration::MAX, Duration::ZERO);
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
        match self.all() {
            Some(all) => all.mean(),
            None => self.between(self.histogram.mean() as u64),
        }
    }

    /// The time that the part `quantile` of all, from 0 to 1, did not exceed; 0.5 is the median.
    #[must_use]
    pub fn quantile(&self, quantile: f64) -> Duration {
        match self.all() {
            Some(all) => all.quantile(quantile),
            None => self.between(self.histogram.value_at_quantile(quantile)),
        }
    }

    /// The longest; zero if there is none.
    #[must_use]
    pub fn max(&self) -> Duration {
        self.max
    }

    /// The standard deviation; zero if there is none.
    #[must_use]
    pub fn stddev(&self) -> Duration {
        match self.all() {
            Some(all) => all.stddev(),
            None => Duration::from_nanos(self.histogram.stdev() as u64),
        }
    }

    /// What the histogram rounded, no longer beyond the shortest and the longest.
    fn between(&self, nanos: u64) -> Duration {
        Duration::from_nanos(nanos).max(self.min()).min(self.max)
    }

    /// How many there are below each of a series of round bounds: 1, 2, 5, 10, 20 and so on, in
    /// nanoseconds, from that of the shortest to that of the longest.
    #[must_use]
    pub fn steps(&self) -> Vec<(Duration, u64)> {
        let mut rows: Vec<(Duration, u64)> = Vec::new();
        let mut bound = 1_u64;
        for (time, count) in self.counts() {
            while Duration::from_nanos(bound) <= time && bound < u64::MAX {
                let is_two = bound.to_string().starts_with('2');
                bound = if is_two { bound.saturating_mul(5) / 2 } else { bound.saturating_mul(2) };
                if !rows.is_empty() {
                    rows.push((Duration::from_nanos(bound), 0));
                }
            }
            match rows.last_mut() {
                Some((_, row)) => *row += count,
                None => rows.push((Duration::from_nanos(bound), count)),
            }
        }
        rows
    }

    /// The durations that occur, rounded to a thousandth, and how often each does, from the shortest
    /// to the longest.
    pub fn counts(&self) -> impl Iterator<Item = (Duration, u64)> {
        let recorded = self.histogram.iter_recorded();
        recorded.map(|step| (self.between(step.value_iterated_to()), step.count_at_value()))
    }

    /// The percentile spectrum: steps that get smaller towards 1, `ticks` of them for each halving of
    /// what is left. Each has the quantile, the time that this part of all did not exceed, and how
    /// many that is. The last is the longest time, at 1.
    pub fn spectrum(&self, ticks: u32) -> impl Iterator<Item = (f64, Duration, u64)> {
        let mut below = 0;
        self.histogram.iter_quantiles(ticks.max(1)).map(move |step| {
            below += step.count_since_last_iteration();
            (step.quantile_iterated_to(), self.between(step.value_iterated_to()), below)
        })
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
    fn the_median_of_a_few_times_is_one_of_them_to_the_last_digit() {
        let micros = [201_700, 202_200, 201_200, 201_500].map(Duration::from_micros);
        let mut times = Times::default();
        micros.iter().for_each(|&time| times.note(time));
        assert_eq!((times.quantile(0.5), times.quantile(0.9)), (micros[3], micros[1]));
        assert_eq!(times.mean(), Duration::from_micros(201_650));
        let figures = times.figures().unwrap();
        assert_eq!((figures.p50, figures.p90, figures.avg), (micros[3], micros[1], times.mean()));
        assert!(figures.stddev > Duration::from_micros(364));
        let mut merged = Times::default();
        merged.note_many(micros[0], 2);
        merged.merge(&times);
        assert_eq!(merged.quantile(0.5), micros[0]);
    }

    #[test]
    fn it_does_not_matter_in_which_order_many_times_come() {
        let (mut first, second) = (times(1..=60), times(61..=200));
        first.merge(&second);
        assert_eq!(first, times((1..=200).rev()));
        assert_eq!(first.quantile(0.5), times(1..=200).quantile(0.5));
    }

    #[test]
    fn no_time_at_all_is_zero_everywhere() {
        let none = Times::default();
        let figures = [none.min(), none.mean(), none.quantile(0.5), none.max(), none.stddev()];
        assert_eq!((figures, none.count()), ([Duration::ZERO; 5], 0));
        assert!(none.steps().is_empty());
    }

    #[test]
    fn the_figures_of_one_pass_are_those_of_many() {
        let times = times((1..=1000).map(|n| n * n % 977 + 1));
        let figures = times.figures().unwrap();
        let quantiles = [0.5, 0.9, 0.99, 0.999].map(|quantile| times.quantile(quantile));
        assert_eq!([figures.p50, figures.p90, figures.p99, figures.p99_9], quantiles);
        let (avg, stddev) = (times.mean().as_secs_f64(), times.stddev().as_secs_f64());
        assert!((figures.avg.as_secs_f64() - avg).abs() < avg / 1e3);
        assert!((figures.stddev.as_secs_f64() - stddev).abs() < stddev / 1e3);
        assert_eq!(Times::default().figures(), None);
    }

    #[test]
    fn merged_times_have_the_figures_of_all_of_them() {
        let mut halves = times(1..=500);
        halves.merge(&times(501..=1000));
        halves.merge(&Times::default());
        assert_eq!(halves, times(1..=1000));
        let mut counted = Times::default();
        for (time, count) in halves.counts() {
            counted.note_many(time, count);
        }
        assert_eq!(counted.count(), 1000);
        assert!(is(counted.quantile(0.5), 500.0) && is(counted.mean(), 500.5));
        halves.clear();
        assert_eq!(halves.max(), Times::default().max());
        assert_eq!(halves.count(), 0);
    }

    #[test]
    fn a_spectrum_rises_to_the_longest_time_and_counts_all() {
        let times = times(1..=1000);
        let steps: Vec<_> = times.spectrum(5).collect();
        assert!(steps.is_sorted_by(|one, next| one.0 <= next.0 && one.1 <= next.1));
        let (quantile, time, below) = *steps.last().unwrap();
        assert_eq!((quantile, time, below), (1.0, times.max(), 1000));
        assert_eq!(Times::default().spectrum(5).count(), 0);
    }

    #[test]
    fn the_rows_of_a_histogram_hold_every_time_once() {
        for times in [times(1..=1000), times([5].into_iter()), times([0, 3].into_iter())] {
            let total: u64 = times.steps().iter().map(|(_, count)| count).sum();
            assert_eq!(total, times.count());
        }
    }
}
