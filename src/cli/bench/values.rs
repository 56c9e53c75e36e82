//! The words that only `bench` takes: rates, goals, parts.

use std::fmt;
use std::time::Duration;

use crate::cli::values::parse_timeout;

/// The part of the round trips that must not take longer than the limit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Goal {
    pub(crate) quantile: f64,
    pub(crate) limit: Duration,
}

impl fmt::Display for Goal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let percentile = (self.quantile * 1e8).round() / 1e6; // without what floats add
        write!(f, "p{percentile}={:?}", self.limit)
    }
}

/// Reads a rate: a number a second, or one with `k` or `M` behind it, powers of 1000.
pub(crate) fn parse_rate(text: &str) -> Result<f64, String> {
    let (digits, factor) = match text.char_indices().last() {
        Some((at, 'k' | 'K')) => (&text[..at], 1e3),
        Some((at, 'm' | 'M')) => (&text[..at], 1e6),
        _ => (text, 1.0),
    };
    let rate = digits.parse::<f64>().ok().map(|number| number * factor);
    rate.filter(|rate| rate.is_finite() && (1e-3..=1e9).contains(rate))
        .ok_or_else(|| "a rate is a number of messages a second: 0.5, 1000, 50k, 1M".to_owned())
}

/// Reads a goal: `p99=2ms`.
pub(crate) fn parse_goal(text: &str) -> Result<Goal, String> {
    let wrong = || "a goal is a percentile and a time: p99=2ms, p99.9=500us".to_owned();
    let (percentile, limit) = text.split_once('=').ok_or_else(wrong)?;
    let percentile = percentile.strip_prefix('p').ok_or_else(wrong)?;
    let percentile: f64 = percentile.parse().map_err(|_| wrong())?;
    if !(percentile > 0.0 && percentile < 100.0) {
        return Err(wrong());
    }
    let limit = parse_timeout(limit)?;
    Ok(Goal { quantile: percentile / 100.0, limit })
}

/// Reads a part in percent: `5%` or `5`.
pub(crate) fn parse_part(text: &str) -> Result<f64, String> {
    let percent = text.strip_suffix('%').unwrap_or(text).parse::<f64>().ok();
    percent
        .filter(|percent| percent.is_finite() && *percent >= 0.0)
        .map(|percent| percent / 100.0)
        .ok_or_else(|| "must be a number of percent, such as 5%".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_numbers_a_second() {
        for (text, rate) in [("1000", 1e3), ("50k", 5e4), ("1.5M", 1.5e6), ("0.5", 0.5)] {
            assert_eq!(parse_rate(text), Ok(rate), "{text}");
        }
        for text in ["", "0", "-1", "k", "NaN", "inf", "1e99", "50 k"] {
            assert!(parse_rate(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_goal_is_a_percentile_and_a_time() {
        let goal = parse_goal("p99.9=500us").unwrap();
        assert!((goal.quantile - 0.999).abs() < 1e-9);
        assert_eq!(goal.limit, Duration::from_micros(500));
        for text in ["p99.9=500us", "p50=2s", "p99=1.5ms", "p99.999=90s", "p7=1ms"] {
            assert_eq!(parse_goal(text).unwrap().to_string(), text.replace("us", "µs"));
        }
        for text in ["", "p99", "99=2ms", "p0=1", "p100=2ms", "p99=0", "p99=x", "pNaN=1"] {
            assert!(parse_goal(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_part_is_in_percent() {
        assert_eq!((parse_part("5%"), parse_part("0.5")), (Ok(0.05), Ok(0.005)));
        assert!(["", "%", "-1", "NaN", "5%%"].iter().all(|text| parse_part(text).is_err()));
    }
}
