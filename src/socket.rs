//! Endpoints and options in, bound sockets out: every socket option, and why it is set.
//!
//! | from | to | by |
//! |---|---|---|
//! | [`Endpoint`](crate::address::Endpoint)s and [`ListenOptions`] | [`Listener`]s | [`listen`] |

mod acknowledged;
mod error;
mod listener;
mod options;

pub(crate) use acknowledged::acknowledged;
pub use error::ListenError;
pub use listener::{Listener, listen};
pub use options::ListenOptions;
