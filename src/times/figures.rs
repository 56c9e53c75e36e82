//! A series of times in, the usual figures out.

use std::time::Duration;

use super::Times;

/// The figures of a series of [`Times`].
///
/// As JSON, in microseconds, it has no `p99` of fewer than 100 times and no `p99_9` of fewer than 1,000:
/// that would be the longest under another name.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Figures {
    /// How many times there are.
    pub count: u64,
    /// The shortest.
    pub min: Duration,
    /// The arithmetic mean.
    pub avg: Duration,
    /// The median.
    pub p50: Duration,
    /// What 90 % did not exceed.
    pub p90: Duration,
    /// What 99 % did not exceed.
    pub p99: Duration,
    /// What 99.9 % did not exceed.
    pub p99_9: Duration,
    /// The longest.
    pub max: Duration,
    /// The standard deviation.
    pub stddev: Duration,
}

#[cfg(feature = "serde")]
impl serde::Serialize for Figures {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let figures = [
            ("min", self.min, 1),
            ("avg", self.avg, 1),
            ("p50", self.p50, 1),
            ("p90", self.p90, 1),
            ("p99", self.p99, 100),
            ("p99_9", self.p99_9, 1000),
            ("max", self.max, 1),
            ("stddev", self.stddev, 1),
        ];
        let known = figures.into_iter().filter(|&(.., least)| self.count >= least);
        serializer.collect_map(known.map(|(name, time, _)| (name, crate::schema::in_micros(time))))
    }
}

impl Times {
    /// The usual figures; `None` if there is no duration.
    #[must_use]
    pub fn figures(&self) -> Option<Figures> {
        if self.count() == 0 {
            return None;
        }
        if self.all().is_some() {
            let [p50, p90, p99, p99_9] = [0.5, 0.9, 0.99, 0.999].map(|part| self.quantile(part));
            return Some(Figures {
                count: self.count(),
                min: self.min(),
                avg: self.mean(),
                p50,
                p90,
                p99,
                p99_9,
                max: self.max(),
                stddev: self.stddev(),
            });
        }
        // In one pass: a load calls this between two round trips.
        let total = self.count() as f64;
        let wanted = [0.5, 0.9, 0.99, 0.999].map(|quantile| (quantile * total).ceil() as u64);
        let mut quantiles = [Duration::ZERO; 4];
        let (mut below, mut sum, mut squares) = (0, 0.0, 0.0);
        for step in self.histogram.iter_recorded() {
            let (value, count) = (step.value_iterated_to(), step.count_at_value());
            let middle = self.histogram.median_equivalent(value) as f64;
            sum += middle * count as f64;
            squares += middle * middle * count as f64;
            for (quantile, wanted) in quantiles.iter_mut().zip(wanted) {
                if below < wanted && wanted <= below + count {
                    *quantile = self.between(value);
                }
            }
            below += count;
        }
        let mean = sum / total;
        let [p50, p90, p99, p99_9] = quantiles;
        Some(Figures {
            count: self.count(),
            min: self.min(),
            avg: self.between(mean as u64),
            p50,
            p90,
            p99,
            p99_9,
            max: self.max(),
            stddev: Duration::from_nanos((squares / total - mean * mean).max(0.0).sqrt() as u64),
        })
    }
}
