//! The figures of slices in, what may be concluded from them out. No NaN or infinity comes out.

/// A mean and its 95 % interval.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Interval {
    /// The arithmetic mean.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::schema::fine"))]
    pub mean: f64,
    /// The lower end.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::schema::fine"))]
    pub low: f64,
    /// The upper end.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::schema::fine"))]
    pub high: f64,
}

/// How many groups of consecutive slices an interval is made of. Neighbours in time are alike, and
/// an interval of many short slices would be too narrow; 20 groups leave little of that (batch
/// means).
const BATCHES: usize = 20;

/// How many times the median absolute deviation away a slice counts as an outlier: ten standard
/// deviations, if the slices are distributed normally.
const OUTLIER: f64 = 14.826;

/// The least part by which two figures must differ to count as different, whatever their intervals
/// say: machines are not steadier than that.
pub(super) const NOTABLE: f64 = 0.02;

impl Interval {
    /// The sum of the parts by the sum of the wholes, and its 95 % interval: of `(echoes, seconds)`
    /// the rate of all, in which each second weighs the same, whether slices have the same length or
    /// the same number of echoes (ratio estimator). The mean is within the interval, and no end is
    /// below zero. `None` for fewer than two pairs, or if one is not finite.
    pub(super) fn of_ratio(pairs: &[(f64, f64)]) -> Option<Self> {
        let size = pairs.len().div_ceil(BATCHES).max(1);
        let sum = |pairs: &[(f64, f64)]| {
            pairs.iter().fold((0.0, 0.0), |sum, pair| (sum.0 + pair.0, sum.1 + pair.1))
        };
        let batches: Vec<(f64, f64)> = pairs.chunks(size).map(sum).collect();
        let (parts, wholes) = sum(pairs);
        if batches.len() < 2 || !parts.is_finite() || !wholes.is_finite() || wholes <= 0.0 {
            return None;
        }
        let count = batches.len() as f64;
        let mean = parts / wholes;
        let squares: f64 = batches.iter().map(|(part, whole)| (part - mean * whole).powi(2)).sum();
        let error = (squares / (count - 1.0) * count).sqrt() / wholes;
        let half = student(batches.len() - 1) * error;
        Some(Self { mean, low: (mean - half).max(0.0), high: mean + half })
    }

    /// The mean of `values` and the interval of Student's t distribution. `None` for fewer than two
    /// values, or if one is not finite.
    #[must_use]
    pub fn of(values: &[f64]) -> Option<Self> {
        let batches = batches(values);
        let count = batches.len() as f64;
        if batches.len() < 2 || values.iter().any(|value| !value.is_finite()) {
            return None;
        }
        let mean = mean(&batches);
        let squares: f64 = batches.iter().map(|value| (value - mean).powi(2)).sum();
        let error = (squares / (count - 1.0) / count).sqrt();
        let half = student(batches.len() - 1) * error;
        Some(Self { mean, low: mean - half, high: mean + half })
    }

    /// Says whether the two have no value in common, and their means differ by more than 2 %.
    #[must_use]
    pub fn differs_from(&self, other: &Self) -> bool {
        Estimate::from(*self).differs_from(&Estimate::from(*other))
    }

    /// Half the width as a part of the mean; zero if the mean is.
    #[must_use]
    pub fn margin(&self) -> f64 {
        ratio(self.high - self.mean, self.mean)
    }
}

/// A figure that can be compared with that of another run, and its 95 % interval.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Estimate {
    /// The figure.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::schema::fine"))]
    pub value: f64,
    /// The lower end.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::schema::fine"))]
    pub low: f64,
    /// The upper end.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::schema::fine"))]
    pub high: f64,
}

impl Estimate {
    /// The median of `values` and its interval, of order statistics: one value that is far away moves
    /// neither. For fewer than six values the interval is that of their [mean](Interval), because
    /// their order says too little. `None` for fewer than two values, or if one is not finite.
    #[must_use]
    pub fn of_median(values: &[f64]) -> Option<Self> {
        let around_mean = Interval::of(values)?;
        let value = median(values);
        let mut groups = groups(values, median);
        groups.sort_by(f64::total_cmp);
        let (low, high) = match beyond(groups.len()) {
            Some(beyond) => (groups[beyond], groups[groups.len() - 1 - beyond]),
            None => (around_mean.low, around_mean.high),
        };
        Some(Self { value, low: low.min(value), high: high.max(value) })
    }

    /// Says whether the intervals of the two have no value in common.
    #[must_use]
    pub fn is_apart_from(&self, other: &Self) -> bool {
        self.high < other.low || other.high < self.low
    }

    /// Says whether the two are apart, and their figures differ by more than 2 %.
    #[must_use]
    pub fn differs_from(&self, other: &Self) -> bool {
        let difference = (self.value - other.value).abs();
        self.is_apart_from(other) && difference > NOTABLE * other.value.abs()
    }
}

impl From<Interval> for Estimate {
    fn from(Interval { mean, low, high }: Interval) -> Self {
        Self { value: mean, low, high }
    }
}

/// How many of `count` values in their order stand beyond each end of the 95 % interval of the median:
/// as many as are all on one side of it in at most 2.5 % of all cases, by the binomial distribution.
/// `None` if even the least and the greatest value are too near.
fn beyond(count: usize) -> Option<usize> {
    let all = 0.5_f64.powi(count as i32);
    let (mut ways, mut chance) = (1.0, all);
    let mut found = None;
    for beyond in 0..count / 2 {
        if chance > 0.025 {
            break;
        }
        found = Some(beyond);
        ways *= (count - beyond) as f64 / (beyond + 1) as f64;
        chance += ways * all;
    }
    found
}

/// `part` of `whole`, and zero of nothing.
pub(super) fn ratio(part: f64, whole: f64) -> f64 {
    let ratio = part / whole;
    if ratio.is_finite() { ratio } else { 0.0 }
}

/// By which part `other` is greater than `reference`, pair by pair: what a drifting machine does to
/// both of a pair cancels out. Pairs with a zero are left out. `None` for fewer than two pairs.
pub(super) fn paired_difference(reference: &[f64], other: &[f64]) -> Option<Interval> {
    let pairs = reference.iter().zip(other).filter(|(one, other)| **one > 0.0 && **other > 0.0);
    let logarithms: Vec<f64> = pairs.map(|(one, other)| (other / one).ln()).collect();
    let Interval { mean, low, high } = Interval::of(&logarithms)?;
    Some(Interval { mean: mean.exp_m1(), low: low.exp_m1(), high: high.exp_m1() })
}

/// By which part the last third is greater than the first, if that is more than chance.
pub(super) fn drift(values: &[f64]) -> Option<f64> {
    let third = values.len() / 3;
    let first = Interval::of(&values[..third])?;
    let last = Interval::of(&values[values.len() - third..])?;
    last.differs_from(&first).then(|| ratio(last.mean - first.mean, first.mean))
}

/// How many values are far from the median.
pub(super) fn outliers(values: &[f64]) -> usize {
    let middle = median(values);
    let deviations: Vec<f64> = values.iter().map(|value| (value - middle).abs()).collect();
    let usual = median(&deviations);
    if usual == 0.0 {
        return 0; // most are the same: nothing says what is far
    }
    let notable = NOTABLE * middle.abs();
    deviations.iter().filter(|&&deviation| deviation > (OUTLIER * usual).max(notable)).count()
}

/// Means of consecutive values, at most [`BATCHES`].
fn batches(values: &[f64]) -> Vec<f64> {
    groups(values, mean)
}

/// What `figure` says of groups of consecutive values, at most [`BATCHES`].
fn groups(values: &[f64], figure: impl FnMut(&[f64]) -> f64) -> Vec<f64> {
    let size = values.len().div_ceil(BATCHES).max(1);
    values.chunks(size).map(figure).collect()
}

fn mean(values: &[f64]) -> f64 {
    ratio(values.iter().sum(), values.len() as f64)
}

fn median(values: &[f64]) -> f64 {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    match values.len() {
        0 => 0.0,
        odd if odd % 2 == 1 => values[odd / 2],
        even => (values[even / 2 - 1] + values[even / 2]) / 2.0,
    }
}

/// The 0.975 quantile of Student's t distribution; there are at most 19 degrees of freedom.
fn student(degrees: usize) -> f64 {
    const TABLE: [f64; BATCHES - 1] = [
        12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160,
        2.145, 2.131, 2.120, 2.110, 2.101, 2.093,
    ];
    TABLE[degrees.clamp(1, TABLE.len()) - 1]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(value: f64, expected: f64) -> bool {
        (value - expected).abs() < 1e-3 * expected.abs().max(1e-3)
    }

    #[test]
    fn an_interval_is_that_of_the_textbook() {
        // Mean 3, standard deviation sqrt(2.5), 4 degrees of freedom.
        let interval = Interval::of(&[1.0, 2.0, 3.0, 4.0, 5.0]).unwrap();
        assert!(near(interval.mean, 3.0) && near(interval.high - 3.0, 2.776 * 0.5_f64.sqrt()));
        assert!(near(interval.margin(), 0.6543));
        assert_eq!(Interval::of(&[7.0; 20]).map(|i| (i.low, i.high)), Some((7.0, 7.0)));
    }

    #[test]
    fn the_interval_of_a_rate_contains_the_rate_of_all() {
        let stalled = |n: u32| if n == 3 { 5.0 } else { 0.01 };
        let equal_counts = (0..20).map(|n| (100.0, stalled(n))).collect::<Vec<_>>();
        let burst = |n: u32| (f64::from(n % 7) * 1000.0, 0.5);
        let partial = (0..20).map(burst).chain([(1.0, 0.4e-3)]).collect::<Vec<_>>();
        let silent = [(0.0, 0.5), (0.0, 0.5), (0.0, 0.5)];
        for pairs in [&equal_counts[..], &partial, &partial[..2], &silent] {
            let (parts, wholes): (Vec<f64>, Vec<f64>) = pairs.iter().copied().unzip();
            let rate = parts.iter().sum::<f64>() / wholes.iter().sum::<f64>();
            let interval = Interval::of_ratio(pairs).unwrap();
            assert!(near(interval.mean, rate), "{interval:?} {rate}");
            assert!((0.0..=rate).contains(&interval.low) && interval.high >= rate, "{interval:?}");
        }
        // Slices of one length have the interval of their rates.
        let rates = [3.0, 7.0, 4.0, 4.0, 9.0];
        let ratio = Interval::of_ratio(&rates.map(|rate| (rate * 0.5, 0.5))).unwrap();
        let plain = Interval::of(&rates).unwrap();
        assert!(near(ratio.low, plain.low) && near(ratio.high, plain.high), "{ratio:?} {plain:?}");
    }

    #[test]
    fn too_little_to_go_by_is_no_interval() {
        for values in [&[][..], &[1.0], &[1.0, f64::NAN], &[f64::INFINITY, 1.0]] {
            assert_eq!(Interval::of(values), None, "{values:?}");
        }
        for pairs in [&[][..], &[(1.0, 1.0)], &[(1.0, 0.0); 2], &[(f64::NAN, 1.0); 2]] {
            assert_eq!(Interval::of_ratio(pairs), None, "{pairs:?}");
        }
        assert_eq!(paired_difference(&[0.0, 1.0], &[1.0, 1.0]), None);
        assert_eq!((drift(&[1.0; 5]), outliers(&[])), (None, 0));
        assert_eq!((ratio(1.0, 0.0), ratio(0.0, 0.0)), (0.0, 0.0));
    }

    #[test]
    fn a_drift_of_both_does_not_hide_their_difference() {
        let reference: Vec<f64> = (0..20).map(|n| 1000.0 + 50.0 * f64::from(n)).collect();
        let other: Vec<f64> = reference.iter().map(|rate| rate * 0.98).collect();
        let paired = paired_difference(&reference, &other).unwrap();
        assert!(near(paired.mean, -0.02) && near(paired.low, paired.high));
        let alone = (Interval::of(&reference).unwrap(), Interval::of(&other).unwrap());
        assert!(!alone.0.differs_from(&alone.1));
    }

    #[test]
    fn a_difference_has_intervals_apart_and_more_than_two_percent() {
        let around = |mean: f64, half: f64| Interval { mean, low: mean - half, high: mean + half };
        for (one, other, differs) in [
            (around(100.0, 1.0), around(104.0, 1.0), true),
            (around(104.0, 1.0), around(100.0, 1.0), true),
            (around(100.0, 3.0), around(104.0, 3.0), false),
            (around(100.0, 0.1), around(101.0, 0.1), false),
            (around(0.0, 0.0), around(0.0, 0.0), false),
        ] {
            assert_eq!(one.differs_from(&other), differs, "{one:?} {other:?}");
        }
    }

    #[test]
    fn the_interval_of_a_median_is_that_of_the_textbook() {
        // The sixth and the fifteenth of twenty hold the median in 95.9 % of all cases.
        for (count, expected) in
            [(5, None), (6, Some(0)), (9, Some(1)), (10, Some(1)), (15, Some(3)), (20, Some(5))]
        {
            assert_eq!(beyond(count), expected, "{count}");
        }
        let values: Vec<f64> = (1..=20).rev().map(f64::from).collect();
        let middle = Estimate::of_median(&values).unwrap();
        assert!(near(middle.value, 10.5) && near(middle.low, 6.0) && near(middle.high, 15.0));
        let few = Estimate::of_median(&[1.0, 2.0, 3.0, 4.0, 5.0]).unwrap();
        assert!(near(few.value, 3.0) && near(few.high, 3.0 + 2.776 * 0.5_f64.sqrt()));
        for values in [&[][..], &[1.0], &[1.0, f64::NAN]] {
            assert_eq!(Estimate::of_median(values), None, "{values:?}");
        }
    }

    /// Two runs of the same thing, of which chance alone makes the difference: with steady noise, with
    /// a long tail, with neighbours that are alike, and with a slow slice now and then.
    #[test]
    fn two_runs_of_the_same_are_told_apart_no_more_often_than_by_their_means() {
        const PAIRS: usize = 4_000;
        let mut rng = fastrand::Rng::with_seed(7);
        for (name, slices) in
            [("normal", 20), ("normal", 120), ("tail", 20), ("alike", 20), ("slow", 20)]
        {
            let mut run = || {
                let mut last = 0.0;
                let slice = |_| {
                    let noise: f64 = (0..12).map(|_| rng.f64()).sum::<f64>() - 6.0;
                    let is_slow = rng.u32(0..20) == 0;
                    last = 0.5 * last + noise;
                    match name {
                        "tail" => 1000.0 * (0.2 * noise).exp(),
                        "alike" => 1000.0 + 50.0 * last,
                        "slow" if is_slow => 100_000.0,
                        _ => 1000.0 + 50.0 * noise,
                    }
                };
                (0..slices).map(slice).collect::<Vec<f64>>()
            };
            let (mut of_means, mut of_medians) = (0, 0);
            for _ in 0..PAIRS {
                let (one, other) = (run(), run());
                let means = [&one, &other].map(|run| Interval::of(run).unwrap());
                of_means += usize::from(means[0].differs_from(&means[1]));
                let medians = [&one, &other].map(|run| Estimate::of_median(run).unwrap());
                of_medians += usize::from(medians[0].differs_from(&medians[1]));
            }
            assert!(of_medians <= of_means, "{name} {slices}: {of_medians}, of means {of_means}");
        }
    }

    #[test]
    fn one_slow_slice_neither_moves_a_median_nor_hides_a_difference() {
        let run = |scale: f64| (0..20).map(move |n| scale * (52.0 + f64::from(n % 3)));
        let mut stalled: Vec<f64> = run(1.0).collect();
        stalled[11] = 179_000.0;
        let before = Estimate::of_median(&stalled).unwrap();
        assert!((52.0..=54.0).contains(&before.value) && before.high <= 54.0, "{before:?}");
        for (scale, differs) in [(1.0, false), (1.1, true), (0.9, true)] {
            let now = Estimate::of_median(&run(scale).collect::<Vec<_>>()).unwrap();
            assert_eq!(now.differs_from(&before), differs, "{scale}");
        }
    }

    #[test]
    fn drift_is_told_from_noise() {
        let noise = |n: usize| [0.0, 3.0, -3.0, 1.0, -1.0, 2.0][n % 6];
        let steady: Vec<f64> = (0..20).map(|n| 1000.0 + noise(n)).collect();
        let falling: Vec<f64> = (0..20).map(|n| 1000.0 + noise(n) - 10.0 * n as f64).collect();
        assert_eq!(drift(&steady), None);
        assert!(drift(&falling).is_some_and(|drift| (-0.16..-0.12).contains(&drift)));
    }

    #[test]
    fn a_stalled_slice_is_an_outlier_and_noise_is_not() {
        let mut values: Vec<f64> = (0..20).map(|n| 1000.0 + f64::from(n % 5)).collect();
        assert_eq!(outliers(&values), 0);
        values[7] = 400.0;
        assert_eq!(outliers(&values), 1);
        assert_eq!(outliers(&[5.0; 9]), 0);
    }
}
