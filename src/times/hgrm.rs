//! Times in, the text of a percentile spectrum (`.hgrm`) out, and back: what HdrHistogram's plotter
//! and its kin read. Values are milliseconds.

use std::time::Duration;

use super::Times;

/// Steps for each halving of what is left to 1: four times as many as HdrHistogram's own output has,
/// so that little is lost when spectra are merged.
const TICKS: u32 = 20;

/// A text is no percentile spectrum.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a percentile spectrum: {reason} in line {line}")]
#[non_exhaustive]
pub struct SpectrumError {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub reason: &'static str,
}

impl Times {
    /// Writes the percentile spectrum: a line with value, percentile, count up to there, and
    /// 1/(1-percentile) for each step, then mean, deviation, maximum and count in comments.
    #[must_use]
    pub fn to_hgrm(&self) -> String {
        let mut text = format!(
            "{:>12} {:>14} {:>10} {:>14}\n\n",
            "Value", "Percentile", "TotalCount", "1/(1-Percentile)"
        );
        for (quantile, time, count) in self.spectrum(TICKS) {
            let value = millis(time);
            text += &format!("{value:>12.6} {quantile:>14.12} {count:>10}");
            if quantile < 1.0 {
                text += &format!(" {:>14.2}", 1.0 / (1.0 - quantile));
            }
            text += "\n";
        }
        text + &format!(
            "#[Mean    = {:>12.6}, StdDeviation   = {:>12.6}]\n\
             #[Max     = {:>12.6}, Total count    = {:>12}]\n\
             #[Min     = {:>12.6}, Unit           = milliseconds]\n",
            millis(self.mean()),
            millis(self.stddev()),
            millis(self.max()),
            self.count(),
            millis(self.min()),
        )
    }

    /// Reads a percentile spectrum. The times between two steps count as that of the upper step.
    ///
    /// # Errors
    ///
    /// If a line is none of a spectrum, values or counts fall, or there is no line.
    pub fn from_hgrm(text: &str) -> Result<Self, SpectrumError> {
        let mut times = Self::default();
        let (mut last_value, mut last_count) = (0.0, 0);
        let mut lines = 0;
        for (index, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') || line.starts_with("Value") {
                continue;
            }
            let wrong = |reason| SpectrumError { line: index + 1, reason };
            let mut words = line.split_whitespace();
            let value: f64 = words
                .next()
                .and_then(|word| word.parse().ok())
                .ok_or_else(|| wrong("the value is not a number"))?;
            let count: u64 = words
                .nth(1)
                .and_then(|word| word.parse().ok())
                .ok_or_else(|| wrong("the count is not a whole number"))?;
            if value < last_value || count < last_count {
                return Err(wrong("a value or a count falls"));
            }
            let time = Duration::try_from_secs_f64(value / 1e3)
                .map_err(|_| wrong("the value is not a time"))?;
            times.note_many(time, count - last_count);
            (last_value, last_count) = (value, count);
            lines += 1;
        }
        if lines == 0 {
            return Err(SpectrumError { line: 1, reason: "nothing" });
        }
        Ok(times)
    }
}

fn millis(time: Duration) -> f64 {
    time.as_nanos() as f64 / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spectrum_that_was_written_can_be_read_and_merged() {
        let mut times = Times::default();
        (1..=10_000).for_each(|micros| times.note(Duration::from_micros(micros)));
        let text = times.to_hgrm();
        let mut back = Times::from_hgrm(&text).unwrap();
        assert_eq!((back.count(), back.max()), (10_000, times.max()));
        for quantile in [0.5, 0.9, 0.99, 0.999, 1.0] {
            let (one, other) = (times.quantile(quantile), back.quantile(quantile));
            assert!(one.abs_diff(other) <= one / 40, "{quantile}: {one:?} {other:?}");
        }
        back.merge(&times);
        assert_eq!(back.count(), 20_000);
    }

    #[test]
    fn a_spectrum_has_the_columns_that_plotters_expect() {
        let mut times = Times::default();
        times.note_many(Duration::from_millis(2), 3);
        let text = times.to_hgrm();
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[0].trim_start().starts_with("Value     Percentile"), "{text}");
        assert_eq!(lines[2].trim(), "2.000000 0.000000000000          3           1.00");
        assert!(text.contains("#[Max     =     2.000000, Total count    =            3]"));
        assert!(!text.contains("NaN") && !text.contains("inf"));
        assert!(!Times::default().to_hgrm().contains("NaN"));
    }

    #[test]
    fn what_is_no_spectrum_is_refused_with_its_line() {
        for (text, line) in [
            ("", 1),
            ("hello", 1),
            ("Value Percentile\n\n1.0 0.5 x", 3),
            ("2.0 0.1 1 1\n1.0 0.5 2 1", 2),
            ("1.0 0.1 5 1\n2.0 0.5 2 1", 2),
            ("-1.0 0.1 5 1", 1),
            ("inf 0.1 5 1", 1),
        ] {
            assert_eq!(Times::from_hgrm(text).unwrap_err().line, line, "{text}");
        }
    }
}
