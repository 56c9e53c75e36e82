//! The figures of one address in, what they say out: rates, faults, who was the bottleneck.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use super::statistics::{Interval, drift, outliers, paired_difference, ratio};
use crate::error::CauseKind;
use crate::kind::kind;
use crate::times::{Figures, Times};

kind! {
    /// How a load decides when the next message goes out.
    pub enum Loop {
        /// When an earlier one is back. A slow echo delays those behind it, and the times do not
        /// show by how much.
        Closed = "closed", "closed loop";
        /// When it is due, whether or not earlier ones are back. Times run from then.
        Open = "open", "open loop";
    }
}

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

/// How many messages failed, by kind.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Faults(Vec<(CauseKind, u64)>);

/// The first byte that came back changed, or that nobody sent.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct FirstDifference {
    /// The number of the connection, from 0 on.
    pub connection: usize,
    /// The number of bytes before it on that connection.
    pub offset: u64,
    /// The byte that was sent; `None` if more came back than was sent.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub expected: Option<u8>,
    /// The byte that came back.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub got: Option<u8>,
}

/// A stretch of the measurement of one address.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Slice {
    /// The server.
    #[cfg_attr(feature = "serde", serde(flatten, serialize_with = "address"))]
    pub address: SocketAddr,
    /// Its number, from 1 on.
    pub slice: usize,
    /// When it began, counted from the first slice of the run.
    #[cfg_attr(feature = "serde", serde(rename = "start_us", serialize_with = "micros"))]
    pub start: Duration,
    /// How long the echoes were counted.
    #[cfg_attr(feature = "serde", serde(rename = "duration_us", serialize_with = "micros"))]
    pub duration: Duration,
    /// Messages that came back in that time.
    pub echoes: u64,
    /// Echoes a second.
    pub rate: f64,
    /// Messages that failed.
    pub faults: u64,
    /// Round-trip times; `None` if nothing came back.
    #[cfg_attr(
        feature = "serde",
        serde(rename = "rtt_us", skip_serializing_if = "Option::is_none")
    )]
    pub rtt: Option<Figures>,
}

/// What the load on one address came to.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct BenchReport {
    /// The server.
    pub address: SocketAddr,
    /// How the load decided when to send.
    pub load: Loop,
    /// How long it was measured.
    pub duration: Duration,
    /// Messages that were due.
    pub sent: u64,
    /// Messages that came back unchanged and in time.
    pub echoes: u64,
    /// Bytes sent.
    pub sent_bytes: u64,
    /// Bytes that came back unchanged.
    pub returned_bytes: u64,
    /// Echoes a second.
    pub rate: f64,
    /// The 95 % interval of the rate, from the slices; `None` if there are too few.
    pub rate_interval: Option<Interval>,
    /// Round-trip times: in an open loop from when each message was due.
    pub rtt: Times,
    /// Times to connect, if each message had a connection of its own.
    pub connect: Times,
    /// How late this host was in sending, in an open loop.
    pub lateness: Times,
    /// Messages that failed.
    pub faults: Faults,
    /// The first difference, if there was one.
    pub first_difference: Option<FirstDifference>,
    /// When the first message failed, counted from the first slice, or with
    /// [`hold`](super::Bench::hold) from the begin of the silence.
    pub first_fault: Option<Duration>,
    /// How much of one processor the load took, from 0 to 1, where that can be told.
    pub cpu: Option<f64>,
    /// What kept the rate from being higher.
    pub bound_by: Bound,
    /// What makes the figures less trustworthy.
    pub warnings: Vec<Warning>,
    /// The stretches that the figures are made of.
    pub slices: Vec<Slice>,
}

/// Something that makes the figures of a [`BenchReport`] less trustworthy.
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
}

/// What two addresses differ by, slice by slice.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct PairedDifference {
    /// The address that is compared.
    pub address: SocketAddr,
    /// The address it is compared with.
    pub with: SocketAddr,
    /// What is compared.
    pub of: Measure,
    /// By which part the first is greater than the second.
    pub by: Interval,
}

kind! {
    /// A figure that can be compared.
    pub enum Measure {
        /// Echoes a second.
        Rate = "rate", "echoes per second";
        /// The median round-trip time.
        P50 = "p50", "median round trip";
        /// The 99th percentile of the round-trip time.
        P99 = "p99", "99th percentile of the round trip";
    }
}

impl Measure {
    /// Whether less of it is better.
    #[must_use]
    pub const fn is_time(self) -> bool {
        match self {
            Self::Rate => false,
            Self::P50 | Self::P99 => true,
        }
    }
}

/// From which part of one processor on the load counts as bound by it.
const BUSY: f64 = 0.9;

/// The part of the messages that must have been sent by the end, for a rate to count as sent.
const SENT: f64 = 0.99;

/// How late 99 % of the messages may be sent, unless that is less than a tenth of the median round
/// trip: less is what timers of common systems do.
const LATE: Duration = Duration::from_millis(1);

impl Faults {
    /// How many messages failed.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.0.iter().map(|(_, count)| count).sum()
    }

    /// How many failed in this way.
    #[must_use]
    pub fn of(&self, kind: CauseKind) -> u64 {
        self.iter().find(|(other, _)| *other == kind).map_or(0, |(_, count)| count)
    }

    /// The kinds that occurred, in the order in which they first did.
    pub fn iter(&self) -> impl Iterator<Item = (CauseKind, u64)> {
        self.0.iter().copied()
    }

    pub(super) fn note(&mut self, kind: CauseKind, count: u64) {
        if count == 0 {
            return;
        }
        match self.0.iter_mut().find(|(other, _)| *other == kind) {
            Some((_, sum)) => *sum += count,
            None => self.0.push((kind, count)),
        }
    }
}

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

/// The paired difference of two reports: of their rates, or if both loads are open loops, in which
/// the rate is set, of their medians.
#[must_use]
pub(super) fn difference(reference: &BenchReport, other: &BenchReport) -> Option<PairedDifference> {
    let of = match reference.load {
        Loop::Closed => Measure::Rate,
        Loop::Open => Measure::P50,
    };
    let by = paired_difference(&reference.series(of), &other.series(of))?;
    Some(PairedDifference { address: other.address, with: reference.address, of, by })
}

impl BenchReport {
    /// A figure of each slice.
    #[must_use]
    pub fn series(&self, of: Measure) -> Vec<f64> {
        self.slices.iter().map(|slice| slice.figure(of)).collect()
    }
}

impl Slice {
    /// Echoes a second, or a time in microseconds; zero if nothing came back.
    #[must_use]
    pub fn figure(&self, of: Measure) -> f64 {
        let time = |time: Duration| time.as_nanos() as f64 / 1e3;
        match of {
            Measure::Rate => self.rate,
            Measure::P50 => self.rtt.map_or(0.0, |rtt| time(rtt.p50)),
            Measure::P99 => self.rtt.map_or(0.0, |rtt| time(rtt.p99)),
        }
    }
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
        }
    }
}

#[cfg(feature = "serde")]
mod serialize {
    use serde::ser::{Serialize, SerializeMap, SerializeStruct, Serializer};

    use super::{BenchReport, Faults, Warning};
    use crate::schema::{family, in_micros};

    impl Serialize for Faults {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            let mut map = serializer.serialize_map(Some(self.0.len()))?;
            for (kind, count) in self.iter() {
                map.serialize_entry(kind.code(), &count)?;
            }
            map.end()
        }
    }

    impl Serialize for Warning {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            let mut fields = serializer.serialize_struct("Warning", 2)?;
            fields.serialize_field("warning", self.code())?;
            fields.serialize_field("words", &self.to_string())?;
            fields.end()
        }
    }

    /// The slices are told as they end.
    impl Serialize for BenchReport {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            let mut fields = serializer.serialize_map(None)?;
            fields.serialize_entry("address", &self.address)?;
            fields.serialize_entry("family", family(self.address))?;
            fields.serialize_entry("loop", &self.load)?;
            fields.serialize_entry("duration_us", &in_micros(self.duration))?;
            fields.serialize_entry("sent", &self.sent)?;
            fields.serialize_entry("echoes", &self.echoes)?;
            fields.serialize_entry("sent_bytes", &self.sent_bytes)?;
            fields.serialize_entry("returned_bytes", &self.returned_bytes)?;
            fields.serialize_entry("rate", &self.rate)?;
            if let Some(interval) = &self.rate_interval {
                fields.serialize_entry("rate_interval", &[interval.low, interval.high])?;
            }
            for (name, times) in [
                ("rtt_us", &self.rtt),
                ("connect_us", &self.connect),
                ("lateness_us", &self.lateness),
            ] {
                if let Some(figures) = times.figures() {
                    fields.serialize_entry(name, &figures)?;
                }
            }
            fields.serialize_entry("faults", &self.faults)?;
            if let Some(difference) = &self.first_difference {
                fields.serialize_entry("first_difference", difference)?;
            }
            if let Some(time) = self.first_fault {
                fields.serialize_entry("first_fault_us", &in_micros(time))?;
            }
            if let Some(cpu) = self.cpu {
                fields.serialize_entry("cpu", &cpu)?;
            }
            fields.serialize_entry("bound_by", &self.bound_by)?;
            fields.serialize_entry("warnings", &self.warnings)?;
            fields.end()
        }
    }
}

#[cfg(feature = "serde")]
use crate::schema::{address, micros};

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
    fn faults_are_counted_by_kind() {
        let mut faults = Faults::default();
        faults.note(CauseKind::Reset, 2);
        faults.note(CauseKind::Timeout, 0);
        faults.note(CauseKind::Reset, 1);
        faults.note(CauseKind::Here, 1);
        let counts: Vec<_> = faults.iter().collect();
        assert_eq!(counts, [(CauseKind::Reset, 3), (CauseKind::Here, 1)]);
        assert_eq!((faults.total(), faults.of(CauseKind::Timeout)), (4, 0));
    }

    #[test]
    fn warnings_are_sentences() {
        for (warning, words) in [
            (Warning::Drift(-0.083), "the rate fell by 8.3 % during the run"),
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
