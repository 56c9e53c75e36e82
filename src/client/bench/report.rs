//! What the load on one address came to, and what two of them differ by.

use std::net::SocketAddr;
use std::time::Duration;

use super::failure::BenchFailure;
use super::faults::{DatagramCounts, Faults, FirstDifference};
use super::statistics::{Interval, paired_difference};
use super::verdict::{Bound, Warning};
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

impl Loop {
    /// What it means for the times, as a phrase.
    #[must_use]
    pub const fn remark(self) -> &'static str {
        match self {
            Self::Closed => "a slow echo delays the next one",
            Self::Open => "times run from when each message was due",
        }
    }
}

/// A stretch of the measurement of one address.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Slice {
    /// The server.
    #[cfg_attr(feature = "serde", serde(flatten, serialize_with = "address"))]
    pub address: SocketAddr,
    /// Its number, from 1.
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
    #[cfg_attr(feature = "serde", serde(serialize_with = "thousandths"))]
    pub rate: f64,
    /// Messages that failed.
    pub faults: u64,
    /// Whether it was interrupted before its end. It then counts in the rate, and in nothing that
    /// compares slices.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "std::ops::Not::not"))]
    pub interrupted: bool,
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
    /// Echoes a second; 0 where connections are held, which has no rate.
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
    /// What else happened, if the messages were datagrams.
    pub datagrams: Option<DatagramCounts>,
    /// The first difference, if there was one.
    pub first_difference: Option<FirstDifference>,
    /// Why a message failed, if one did.
    pub failure: Option<BenchFailure>,
    /// When the first message failed, counted from the first slice, or with
    /// [`hold`](super::Bench::hold) from the begin of the silence.
    pub first_fault: Option<Duration>,
    /// How much of one processor the load took, from 0 to 1, where that can be told: not of a load
    /// shorter than 20 ms.
    pub cpu: Option<f64>,
    /// What kept the rate from being higher.
    pub bound_by: Bound,
    /// What makes the figures less trustworthy.
    pub warnings: Vec<Warning>,
    /// The stretches that the figures are made of.
    pub slices: Vec<Slice>,
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
    /// A figure of each slice that was not interrupted.
    #[must_use]
    pub fn series(&self, of: Measure) -> Vec<f64> {
        let whole = self.slices.iter().filter(|slice| !slice.interrupted);
        whole.map(|slice| slice.figure(of)).collect()
    }
}

impl Slice {
    /// Echoes a second, or a time in microseconds; zero if nothing came back.
    #[must_use]
    pub fn figure(&self, of: Measure) -> f64 {
        match of {
            Measure::Rate => self.rate,
            Measure::P50 => self.rtt.map_or(0.0, |rtt| in_micros(rtt.p50)),
            Measure::P99 => self.rtt.map_or(0.0, |rtt| in_micros(rtt.p99)),
        }
    }
}

/// A time in microseconds.
pub(super) fn in_micros(time: Duration) -> f64 {
    time.as_nanos() as f64 / 1e3
}

#[cfg(feature = "serde")]
mod serialize {
    use serde::ser::{Serialize, SerializeMap, Serializer};

    use super::{BenchReport, in_micros};
    use crate::address::Families;
    use crate::schema::in_thousandths;

    /// The slices are told as they end.
    impl Serialize for BenchReport {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            let mut fields = serializer.serialize_map(None)?;
            fields.serialize_entry("address", &self.address)?;
            fields.serialize_entry("family", Families::of(self.address).code())?;
            fields.serialize_entry("loop", &self.load)?;
            fields.serialize_entry("duration_us", &in_micros(self.duration))?;
            fields.serialize_entry("sent", &self.sent)?;
            fields.serialize_entry("echoes", &self.echoes)?;
            fields.serialize_entry("sent_bytes", &self.sent_bytes)?;
            fields.serialize_entry("returned_bytes", &self.returned_bytes)?;
            let measured = !self.duration.is_zero();
            if measured {
                fields.serialize_entry("rate", &in_thousandths(self.rate))?;
            }
            if let Some(interval) = &self.rate_interval {
                let ends = [interval.low, interval.high].map(in_thousandths);
                fields.serialize_entry("rate_interval", &ends)?;
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
            if let Some(datagrams) = &self.datagrams {
                fields.serialize_entry("datagrams", datagrams)?;
            }
            if let Some(difference) = &self.first_difference {
                fields.serialize_entry("first_difference", difference)?;
            }
            if let Some(failure) = &self.failure {
                fields.serialize_entry("failure", failure)?;
            }
            if let Some(time) = self.first_fault {
                fields.serialize_entry("first_fault_us", &in_micros(time))?;
            }
            if let Some(cpu) = self.cpu {
                fields.serialize_entry("cpu", &in_thousandths(cpu))?;
            }
            if measured {
                fields.serialize_entry("bound_by", &self.bound_by)?;
            }
            fields.serialize_entry("warnings", &self.warnings)?;
            fields.end()
        }
    }
}

#[cfg(feature = "serde")]
use crate::schema::{address, micros, thousandths};
