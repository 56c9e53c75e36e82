//! Datagrams out, what comes back in: whether, unchanged, in order, once, from whom, and if not, who
//! said why.

mod check;
mod error;
mod event;
mod flow;
mod flows;
pub(super) mod judge;
pub(super) mod loss;
mod outcomes;
mod ping;
mod probes;
mod report;
mod send;

pub use check::{DatagramCheck, DatagramChecked, DatagramDiagnosis, Marks};
pub use error::DatagramError;
pub use event::{DatagramEvent, DatagramLoss, ProbeArrival};
pub use ping::DatagramPing;
pub use probes::DatagramProbes;
pub use report::{DatagramReport, FlowReport};
pub use send::DatagramReply;
