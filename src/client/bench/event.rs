//! What a load tells while it runs, and at the end.

use std::net::SocketAddr;
use std::time::Duration;

use super::faults::Faults;
use super::report::{BenchReport, PairedDifference, Slice};
use crate::error::Cause;
use crate::kind::kind;

/// Something that a [`Bench`](super::Bench) has to tell.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "serde", serde(tag = "event", rename_all = "snake_case"))]
#[non_exhaustive]
pub enum BenchEvent {
    /// How far it is, five times a second.
    Progress(Progress),
    /// A stretch of the measurement has ended, about each half second.
    Slice(Slice),
    /// A step of a search has ended.
    Step(SearchStep),
    /// What the load on one address came to.
    Summary(Box<BenchReport>),
    /// The end: what the addresses differ by.
    Result(BenchResult),
}

/// How far a load is.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Progress {
    /// The server that is loaded.
    #[cfg_attr(feature = "serde", serde(flatten, serialize_with = "address"))]
    pub address: SocketAddr,
    /// Whether this is the warm-up, which does not count.
    pub warm_up: bool,
    /// Time since the load began.
    #[cfg_attr(feature = "serde", serde(rename = "elapsed_us", serialize_with = "micros"))]
    pub elapsed: Duration,
    /// Echoes a second since the last slice ended.
    #[cfg_attr(feature = "serde", serde(serialize_with = "thousandths"))]
    pub rate: f64,
    /// The median round trip since then.
    #[cfg_attr(feature = "serde", serde(rename = "p50_us", serialize_with = "micros"))]
    pub p50: Duration,
    /// The 99th percentile since then.
    #[cfg_attr(feature = "serde", serde(rename = "p99_us", serialize_with = "micros"))]
    pub p99: Duration,
    /// Messages that failed so far.
    pub faults: u64,
}

/// A rate that was tried, and whether it held.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct SearchStep {
    /// The server.
    #[cfg_attr(feature = "serde", serde(flatten, serialize_with = "address"))]
    pub address: SocketAddr,
    /// Messages a second that were asked for.
    #[cfg_attr(feature = "serde", serde(serialize_with = "thousandths"))]
    pub rate: f64,
    /// Messages a second that were sent.
    #[cfg_attr(feature = "serde", serde(serialize_with = "thousandths"))]
    pub sent_rate: f64,
    /// The time that was to keep within the limit.
    #[cfg_attr(feature = "serde", serde(rename = "rtt_us", serialize_with = "micros"))]
    pub rtt: Duration,
    /// Whether this step was a longer one, to confirm what was found.
    pub confirms: bool,
    /// Whether the rate held, and if not, why.
    pub outcome: StepOutcome,
    /// Messages that failed.
    pub faults: Faults,
}

kind! {
    /// Whether a rate held.
    pub enum StepOutcome {
        /// It did.
        Held = "held", "held";
        /// The round trips took longer than the limit.
        TooSlow = "too_slow", "over the limit";
        /// Messages failed.
        Faults = "faults", "messages failed";
        /// This host did not send at that rate: it says nothing about the server.
        NotSent = "not_sent", "this host did not send at that rate";
    }
}

kind! {
    /// A part of a load, in their order.
    pub enum Phase {
        /// Making the first connections.
        Connect = "connect", "while connecting";
        /// The warm-up, which does not count.
        WarmUp = "warm_up", "in the warm-up";
        /// The silence of connections that are held.
        Silence = "silence", "in the silence";
        /// What counts.
        Measurement = "measurement", "in the measurement";
    }
}

/// How a [`Bench`](super::Bench) ended.
#[derive(Clone, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct BenchResult {
    /// Whether it was stopped before its time.
    pub interrupted: bool,
    /// In what it was stopped.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub interrupted_in: Option<Phase>,
    /// What ended it, if this host could not go on.
    #[cfg_attr(
        feature = "serde",
        serde(skip_serializing_if = "Option::is_none", serialize_with = "some_text")
    )]
    pub error: Option<Cause>,
    /// Of two addresses, by how much the second differs from the first.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub difference: Option<PairedDifference>,
    /// Of a search, the highest rate of each address that held.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Vec::is_empty"))]
    pub found: Vec<Found>,
}

/// What a search found.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Found {
    /// The server.
    #[cfg_attr(feature = "serde", serde(flatten, serialize_with = "address"))]
    pub address: SocketAddr,
    /// The highest rate that held; `None` if none did.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    #[cfg_attr(feature = "serde", serde(serialize_with = "some_thousandths"))]
    pub rate: Option<f64>,
    /// Why the lowest rate that was too high did not hold. [`NotSent`](StepOutcome::NotSent): the
    /// server may hold more than this host could send.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub ended_by: Option<StepOutcome>,
}

#[cfg(feature = "serde")]
use crate::schema::{address, micros, some_text, some_thousandths, thousandths};
