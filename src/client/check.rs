//! One address in, out what works there: connecting, a small echo, a large one, the half-close, and
//! a connection that is silent for a while.

mod checked;
mod diagnosis;
mod exchanges;
mod findings;
mod hold;
mod kinds;
mod mute;
#[cfg(feature = "serde")]
mod object;
mod settings;
mod sizes;
mod steps;

pub use checked::{Checked, StepFailure};
pub use diagnosis::Diagnosis;
pub use kinds::{BULK, HalfClose, Hold, Mute, Step};
pub use settings::Check;
pub use sizes::Passing;
