//! Addresses and bytes in, the bytes that come back out, compared one by one.

mod attempt;
mod bench;
mod check;
mod connect;
mod datagram;
mod error;
mod excerpt;
mod exchange;
mod findings;
#[cfg(all(test, feature = "serde"))]
mod golden;
mod idle;
mod noise;
mod ping;
mod preface;
mod send;
mod settings;
mod target;
mod traffic;
mod wait;
mod wire;

pub use attempt::{Attempt, Outcome};
pub use bench::{
    Baseline, BaselineAddress, BaselineSlice, Bench, BenchEvent, BenchFailure, BenchReport,
    BenchResult, BenchSettings, Bound, Change, CompareError, DatagramCounts, Estimate, Faults,
    FirstDifference, Found, Interval, Loop, Measure, PairedDifference, Phase, Progress, SearchStep,
    Slice, StepOutcome, Warning,
};
pub use check::{
    BULK, Check, Checked, Diagnosis, HalfClose, Hold, Mute, Passing, Step, StepFailure,
};
pub use connect::Connection;
pub use datagram::{
    DatagramCheck, DatagramChecked, DatagramDiagnosis, DatagramError, DatagramEvent, DatagramLoss,
    DatagramPing, DatagramProbes, DatagramReply, DatagramReport, FlowReport, Marks, ProbeArrival,
};
pub use error::{ConnectError, SendError};
pub use excerpt::{Excerpt, Protocol};
pub use findings::{CheckSummary, Finding, Findings};
pub use idle::IdleTimeout;
pub use ping::{Loss, Ping, PingEvent, Probes, Report, Skip};
pub use preface::ProxyHeader;
pub use send::{Reply, Tally};
pub use settings::Client;
pub use target::{Target, resolve};
pub use traffic::Traffic;
