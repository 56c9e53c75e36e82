//! What has to be said about probes, for the caller to render.

use std::net::SocketAddr;
use std::time::Duration;

use crate::client::attempt::Attempt;
use crate::client::error::{ConnectError, SendError};

/// Something that happened while probes were under way.
#[derive(Debug)]
#[non_exhaustive]
pub enum PingEvent {
    /// There is a connection. With [`Ping::reconnect`](super::Ping::reconnect) only the first is
    /// told.
    Connected {
        /// The server.
        peer: SocketAddr,
        /// The local end.
        local: SocketAddr,
        /// Time to connect.
        connect: Duration,
        /// What became of each address.
        attempts: Vec<Attempt>,
    },
    /// A probe was due and is on its way, if there is a connection.
    Sent {
        /// Its number, from 1 on.
        sequence: u64,
    },
    /// A probe came back in time.
    Reply {
        /// The server.
        peer: SocketAddr,
        /// Its number.
        sequence: u64,
        /// Its length in bytes.
        bytes: usize,
        /// Time since it was due (without what a late timer of this host adds), or with
        /// [`Ping::reconnect`](super::Ping::reconnect) since its connection was made.
        rtt: Duration,
        /// With [`Ping::reconnect`](super::Ping::reconnect), the time from when it was due until it
        /// was connected.
        connect: Option<Duration>,
    },
    /// A probe came back that was told lost before: count it as late instead.
    Late {
        /// The server.
        peer: SocketAddr,
        /// Its number.
        sequence: u64,
        /// Its length in bytes.
        bytes: usize,
        /// Time since it was due, as of a reply in time.
        rtt: Duration,
    },
    /// A probe did not come back.
    Lost {
        /// The server.
        peer: SocketAddr,
        /// Its number.
        sequence: u64,
        /// Why it counts as lost.
        loss: Loss,
    },
    /// The connection is gone, or of no more use. The probes that were under way are told lost next,
    /// one by one.
    Disconnected {
        /// The server.
        peer: SocketAddr,
        /// What ended it.
        error: SendError,
    },
    /// The server cannot be reached again yet.
    Unreachable {
        /// The server.
        peer: SocketAddr,
        /// What became of the attempt.
        error: ConnectError,
        /// How long until the next one.
        retry_in: Duration,
    },
}

/// Why a probe counts as lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Loss {
    /// It did not come back within the timeout.
    Timeout,
    /// The one behind it came back in its place.
    Skipped,
    /// Other bytes came back in its place.
    Mismatch,
    /// There was no connection, or it broke.
    Disconnected,
}

impl Loss {
    /// What an error that ended a connection makes of the probe that it befell.
    pub(super) fn by(error: &SendError) -> Self {
        match error {
            SendError::Mismatch { .. } | SendError::Surplus { .. } => Self::Mismatch,
            _ => Self::Disconnected,
        }
    }
}
