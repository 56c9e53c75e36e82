//! Endpoints and options in, bound sockets out: every socket option, and why it is set.
//!
//! | from | to | by |
//! |---|---|---|
//! | [`Endpoint`](crate::address::Endpoint)s and [`ListenOptions`] | [`Listener`]s | [`listen`] |
//! | the same | [`DatagramSocket`]s | [`listen_datagrams`] |
//! | the same | both, on the same ports | [`listen_both`] |

mod acknowledged;
mod caller;
mod datagram;
mod error;
mod listener;
mod options;
mod segments;
#[cfg(any(target_os = "linux", target_os = "android"))]
mod tcp_info;
mod transports;

pub(crate) use acknowledged::acknowledged;
pub use datagram::{DatagramSocket, listen_both, listen_datagrams};
pub use error::ListenError;
pub(crate) use error::NEW_IPV6_ADDRESS;
pub use listener::{Listener, listen};
pub use options::ListenOptions;
pub use segments::Segments;
pub(crate) use segments::segments;
pub use transports::Transports;

pub(crate) use caller::{
    CallerOptions, Complaint, Received, complaint, open as call, receive, route,
};
pub(crate) use datagram::{Arrival, Control, Drops, Inbox, reply};
