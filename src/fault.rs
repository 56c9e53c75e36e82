//! Faults on purpose: what an echo server can do wrong, how often and where, so that a test can
//! assert exactly what its client makes of it. It knows no sockets.
//!
//! | from | to | by |
//! |---|---|---|
//! | `10%flip@1000` | a [`Fault`], or a [`FaultError`] with its place and a fix | `str::parse` |
//! | a connection | its faults, drawn when it is accepted | [`StreamFaults`] |
//! | bytes to write | what goes out in their place, and when | [`Faulty`] |
//! | what takes a socket | an [`Action`] for the server | [`Action::of`] |
//! | a datagram and the time | what to send in its place, and when | [`DatagramFaults`], [`DatagramQueue`] |
//!
//! What was dealt is told as [`Dealt`]: `flip@1000`.

mod action;
mod datagram;
mod dealt;
mod draw;
mod egress;
mod error;
mod grammar;
mod kind;
mod line;
mod plan;
mod queue;
mod rule;
mod stream;

pub use action::Action;
pub use datagram::{DatagramFaults, Fate};
pub use dealt::Dealt;
pub use error::{FaultError, FaultErrorKind};
pub use kind::FaultKind;
pub use plan::{StreamFaults, StreamPlan};
pub use queue::{DatagramQueue, Departure};
pub use rule::Fault;
pub use stream::{Faulty, Told};
