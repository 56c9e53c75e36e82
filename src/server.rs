//! Listeners in, echoes out: an accept loop, one task per client, limits, and an orderly end.

mod accept;
mod access;
mod admission;
mod backlog;
mod busy;
mod clients;
mod close;
mod connection;
mod ends;
mod event;
mod faults;
mod faulty;
mod gate;
#[cfg(test)]
#[cfg(feature = "serde")]
mod golden;
mod introduction;
mod limits;
mod linger;
mod outcome;
mod phrase;
mod reflect;
mod refusal;
mod run;
mod running;
mod serve;
mod settings;
mod shortage;
mod sources;
mod spawner;
mod sweep;
mod tally;
mod ticks;
mod turn;
mod wire;

pub use event::{Connected, Event, FlowAppeared, FlowQuiet, Listening, Obstacle, Paused};
pub use limits::Limits;
pub use outcome::{Closed, Ending, Reason, Totals};
pub use reflect::Ignored;
pub use refusal::{Refusal, Refused};
pub use running::Running;
pub use settings::{BindError, Server};
pub use tally::{DatagramTotals, FaultTally, Tally, Unsent};
