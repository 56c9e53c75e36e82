//! A target in, probes out at set times, and a value for each thing that happens to them.

pub(in crate::client) mod alarm;
mod backoff;
mod event;
pub(in crate::client) mod ledger;
pub(in crate::client) mod probe;
mod probes;
mod report;
pub(in crate::client) mod schedule;
mod separate;
mod session;
mod settings;

pub use event::{Loss, PingEvent, Skip};
pub use probes::Probes;
pub use report::Report;
pub use settings::Ping;
