//! The figures of one address in, what they say out: who was the bottleneck, and what makes them
//! less trustworthy.

use std::fmt;
use std::time::Duration;

use super::statistics::{drift, outliers, ratio};
use crate::kind::kind;

kind! {
    /// What kept the rate from being higher.
    pub enum Bound {
        /// The server, or the path to it.
        Server = "server", "bound by the server or the path to it";
        /// This host: its processor, or it was late in sending.
        Host = "host", "bound by this host";
        /// The rate that was asked for.
        Rate = "rate", "bound by the rate asked for";
    }
}

/// Something that makes the figures of a [`BenchReport`](super::BenchReport) less trustworthy.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Warning {
    /// The rate rose or fell from the first third to the last, by this part.
    Drift(f64),
    /// The rate was far from the usual in so many slices.
    Outliers {
        /// Slices far from the median.
        slices: usize,
        /// All slices.
        of: usize,
    },
    /// This host sent messages later than they were due: 99 % within this time.
    SentLate(Duration),
    /// This host sent only this part of the messages that were due.
    NotSent(f64),
    /// The load took this much of one processor.
    Busy(f64),
    /// This process stood still for so long, which is left out of the figures.
    Stopped(Duration),
}

/// From which part of one processor on the load counts as bound by it.
const BUSY: f64 = 0.9;

/// The part of the messages that must have been sent by the end, for a rate to count as sent.
const SENT: f64 = 0.99;

/// How late 99 % of the messages may be sent, unless that is less than a tenth of the median round
/// trip: less is what timers of common systems do.
const LATE: Duration = Duration::from_millis(1);

/// What decides the verdict.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Load {
    /// Messages that were due, or `None` in a closed loop.
    pub(super) asked: Option<u64>,
    /// Messages of those that this host sent, or tried to, by the end.
    pub(super) sent: u64,
    /// How late it sent 99 % of them.
    pub(super) late: Duration,
    /// The median round trip.
    pub(super) median: Duration,
    /// The part of one processor.
    pub(super) cpu: Option<f64>,
    /// Messages that came back by the end.
    pub(super) echoes: u64,
    /// Messages a second that were asked for.
    pub(super) rate: f64,
    /// How long the load went on.
    pub(super) wall: Duration,
}

impl Load {
    /// Who was the bottleneck, and what to warn of.
    pub(super) fn verdict(&self) -> (Bound, Vec<Warning>) {
        let mut warnings = Vec::new();
        if let Some(asked) = self.asked {
            let part = ratio(self.sent as f64, asked as f64);
            if asked > 0 && part < SENT {
                warnings.push(Warning::NotSent(part));
            }
            if self.late > LATE.max(self.median / 10) {
                warnings.push(Warning::SentLate(self.late));
            }
        }
        if let Some(cpu) = self.cpu.filter(|&cpu| cpu >= BUSY) {
            warnings.push(Warning::Busy(cpu));
        }
        let bound = match self.asked {
            _ if !warnings.is_empty() => Bound::Host,
            Some(_) if self.kept_up() => Bound::Rate,
            _ => Bound::Server,
        };
        (bound, warnings)
    }

    /// Whether echoes came back at nearly the rate asked for, but for those that a server which keeps
    /// up has under way at any time (Little's law: the rate times the round trip).
    fn kept_up(&self) -> bool {
        let under_way = 1.0 + self.rate * self.median.as_secs_f64();
        self.echoes as f64 + under_way >= SENT * self.rate * self.wall.as_secs_f64()
    }

    /// Whether this host sent what was due, and so early that its lateness does not decide whether
    /// round trips keep within `limit`.
    pub(super) fn was_sent(&self, limit: Duration) -> bool {
        self.asked.is_none_or(|asked| self.sent as f64 >= SENT * asked as f64)
            && self.late <= LATE.max(limit / 2)
    }
}

/// What the rates of the slices warn of.
pub(super) fn unsteady(rates: &[f64]) -> Vec<Warning> {
    let far = outliers(rates);
    let drifted = drift(rates).map(Warning::Drift);
    let outliers = (far > 0).then_some(Warning::Outliers { slices: far, of: rates.len() });
    drifted.into_iter().chain(outliers).collect()
}

impl Warning {
    /// The stable word for programs, in snake_case.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Drift(_) => "drift",
            Self::Outliers { .. } => "outliers",
            Self::SentLate(_) => "sent_late",
            Self::NotSent(_) => "not_sent",
            Self::Busy(_) => "busy",
            Self::Stopped(_) => "stopped",
        }
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Drift(by) => {
                let direction = if by < 0.0 { "fell" } else { "rose" };
                write!(f, "the rate {direction} by {:.1} % during the run", by.abs() * 100.0)
            }
            Self::Outliers { slices, of } => {
                write!(f, "the rate of {slices} of {of} slices is far from the others")
            }
            Self::SentLate(late) => {
                let millis = late.as_secs_f64() * 1e3;
                write!(f, "this host sent late: p99 {millis:.3} ms after a message was due")
            }
            Self::NotSent(part) => {
                write!(f, "this host sent only {:.1} % of what was due", part * 100.0)
            }
            Self::Busy(cpu) => {
                write!(f, "this host used {cpu:.2} of 1 core: the servers may be faster than this")
            }
            Self::Stopped(time) => {
                let seconds = time.as_secs_f64();
                write!(
                    f,
                    "this program was stopped or held up for {seconds:.1} s, which are left out"
                )
            }
        }
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for Warning {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct as _;
        let mut fields = serializer.serialize_struct("Warning", 2)?;
        fields.serialize_field("warning", self.code())?;
        fields.serialize_field("words", &self.to_string())?;
        fields.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn the_verdict_names_the_bottleneck() {
        let closed = Load { sent: 100, echoes: 100, cpu: Some(0.5), ..Load::default() };
        let open = Load { asked: Some(100), rate: 100.0, wall: 1000 * MS, ..closed };
        let late = Load { late: 5 * MS, median: MS, ..open };
        for (load, bound, warnings) in [
            (closed, Bound::Server, &[][..]),
            (Load { cpu: None, ..closed }, Bound::Server, &[]),
            (Load { cpu: Some(0.97), ..closed }, Bound::Host, &["busy"]),
            (open, Bound::Rate, &[]),
            (Load { echoes: 50, ..open }, Bound::Server, &[]),
            (Load { echoes: 70, median: 300 * MS, ..open }, Bound::Rate, &[]),
            (Load { sent: 98, echoes: 98, ..open }, Bound::Host, &["not_sent"]),
            (late, Bound::Host, &["sent_late"]),
            (Load { median: 100 * MS, ..late }, Bound::Rate, &[]),
            (Load { late: MS / 2, median: MS / 20, ..open }, Bound::Rate, &[]),
        ] {
            let (found, warned) = load.verdict();
            let codes: Vec<_> = warned.iter().map(Warning::code).collect();
            assert_eq!((found, &codes[..]), (bound, warnings), "{load:?}");
        }
    }

    #[test]
    fn a_step_that_was_sent_late_says_nothing_about_the_server() {
        let on_time = Load { asked: Some(100), sent: 100, ..Load::default() };
        for (load, limit, sent) in [
            (on_time, MS, true),
            (Load { sent: 98, ..on_time }, MS, false),
            (Load { late: 2 * MS, ..on_time }, MS, false),
            (Load { late: 2 * MS, ..on_time }, 4 * MS, true),
        ] {
            assert_eq!(load.was_sent(limit), sent, "{load:?}");
        }
    }

    #[test]
    fn warnings_are_sentences() {
        for (warning, words) in [
            (Warning::Drift(-0.083), "the rate fell by 8.3 % during the run"),
            (
                Warning::Stopped(4000 * MS),
                "this program was stopped or held up for 4.0 s, which are left out",
            ),
            (Warning::NotSent(0.5), "this host sent only 50.0 % of what was due"),
            (
                Warning::SentLate(2 * MS),
                "this host sent late: p99 2.000 ms after a message was due",
            ),
        ] {
            assert_eq!(warning.to_string(), words);
        }
    }
}
