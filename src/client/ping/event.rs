//! What happens to probes, as values that a person can read and a program can parse.

use std::net::SocketAddr;
use std::time::Duration;

use crate::client::attempt::Attempt;
use crate::client::error::{ConnectError, SendError};
use crate::kind::kind;
#[cfg(feature = "serde")]
use crate::schema::{address, micros, some_micros};

/// Something that happened while probes were under way.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "serde", serde(tag = "event", rename_all = "snake_case"))]
pub enum PingEvent {
    /// There is a connection. With [`Ping::reconnect`](super::Ping::reconnect) only the first is
    /// told.
    #[non_exhaustive]
    Connected {
        /// The server.
        #[cfg_attr(feature = "serde", serde(flatten, serialize_with = "address"))]
        peer: SocketAddr,
        /// The local end.
        local: SocketAddr,
        /// Time to connect.
        #[cfg_attr(feature = "serde", serde(rename = "connect_us", serialize_with = "micros"))]
        connect: Duration,
        /// How the attempt at each address ended.
        attempts: Vec<Attempt>,
    },
    /// A probe was due and is on its way, if there is a connection.
    #[non_exhaustive]
    Sent {
        /// The server.
        #[cfg_attr(feature = "serde", serde(flatten, serialize_with = "address"))]
        peer: SocketAddr,
        /// Its number, from 1.
        #[cfg_attr(feature = "serde", serde(rename = "seq"))]
        sequence: u64,
    },
    /// A probe came back in time.
    #[non_exhaustive]
    Reply {
        /// The server.
        #[cfg_attr(feature = "serde", serde(flatten, serialize_with = "address"))]
        peer: SocketAddr,
        /// Its number.
        #[cfg_attr(feature = "serde", serde(rename = "seq"))]
        sequence: u64,
        /// Its length in bytes.
        #[cfg_attr(feature = "serde", serde(rename = "returned_bytes"))]
        bytes: usize,
        /// Time since it was due (without what a late timer of this host adds), or with
        /// [`Ping::reconnect`](super::Ping::reconnect) since its connection was made.
        #[cfg_attr(feature = "serde", serde(rename = "rtt_us", serialize_with = "micros"))]
        rtt: Duration,
        /// With [`Ping::reconnect`](super::Ping::reconnect), the time from when it was due until it
        /// was connected.
        #[cfg_attr(feature = "serde", serde(rename = "connect_us"))]
        #[cfg_attr(feature = "serde", serde(serialize_with = "some_micros"))]
        #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
        connect: Option<Duration>,
    },
    /// A probe came back that was told lost before: count it as late instead.
    #[non_exhaustive]
    Late {
        /// The server.
        #[cfg_attr(feature = "serde", serde(flatten, serialize_with = "address"))]
        peer: SocketAddr,
        /// Its number.
        #[cfg_attr(feature = "serde", serde(rename = "seq"))]
        sequence: u64,
        /// Its length in bytes.
        #[cfg_attr(feature = "serde", serde(rename = "returned_bytes"))]
        bytes: usize,
        /// Time since it was due, as of a reply in time.
        #[cfg_attr(feature = "serde", serde(rename = "rtt_us", serialize_with = "micros"))]
        rtt: Duration,
    },
    /// A probe did not come back.
    #[non_exhaustive]
    Lost {
        /// The server.
        #[cfg_attr(feature = "serde", serde(flatten, serialize_with = "address"))]
        peer: SocketAddr,
        /// Its number.
        #[cfg_attr(feature = "serde", serde(rename = "seq"))]
        sequence: u64,
        /// Why it counts as lost.
        #[cfg_attr(feature = "serde", serde(rename = "cause"))]
        loss: Loss,
    },
    /// Probes were due and are not sent, because nobody tried to: no number is theirs.
    #[non_exhaustive]
    Skipped {
        /// The server.
        #[cfg_attr(feature = "serde", serde(flatten, serialize_with = "address"))]
        peer: SocketAddr,
        /// How many times one was due.
        count: u64,
        /// Why none was sent.
        #[cfg_attr(feature = "serde", serde(rename = "cause"))]
        skip: Skip,
    },
    /// TCP sent segments again: they were lost, or their acknowledgements, which a probe shows only by
    /// the time that it takes. Told where the system counts them (Linux), and without
    /// [`Ping::reconnect`](super::Ping::reconnect).
    #[non_exhaustive]
    Resent {
        /// The server.
        #[cfg_attr(feature = "serde", serde(flatten, serialize_with = "address"))]
        peer: SocketAddr,
        /// How many.
        count: u64,
    },
    /// The connection is gone, or of no more use. The probes that were under way are told lost next,
    /// one by one.
    #[non_exhaustive]
    Disconnected {
        /// The server.
        #[cfg_attr(feature = "serde", serde(flatten, serialize_with = "address"))]
        peer: SocketAddr,
        /// What ended it.
        #[cfg_attr(feature = "serde", serde(flatten))]
        error: SendError,
    },
    /// The server cannot be reached yet, or not again.
    #[non_exhaustive]
    Unreachable {
        /// The server.
        #[cfg_attr(feature = "serde", serde(flatten, serialize_with = "address"))]
        peer: SocketAddr,
        /// Why the attempt failed.
        #[cfg_attr(feature = "serde", serde(flatten))]
        error: ConnectError,
        /// How long until the next one.
        #[cfg_attr(feature = "serde", serde(rename = "retry_in_us", serialize_with = "micros"))]
        retry_in: Duration,
    },
}

kind! {
    /// Why probes that were due were not sent.
    pub enum Skip {
        /// They fell due between two attempts to connect.
        Waiting = "waiting", "due between two attempts to connect";
        /// They fell due while this process did not run, or was too busy.
        Paused = "paused", "due while this program was stopped or held up";
    }
}

kind! {
    /// Why a probe counts as lost.
    pub enum Loss {
        /// It did not come back within the timeout.
        Timeout = "timeout", "no reply in time";
        /// The one behind it came back in its place.
        Skipped = "skipped", "the next one came in its place";
        /// Other bytes came back in its place.
        Mismatch = "mismatch", "other bytes came in its place";
        /// There was no connection, or it broke.
        Disconnected = "disconnected", "no connection";
    }
}

impl Loss {
    /// What an error that ended a connection means for the probe that was under way.
    pub(super) fn by(error: &SendError) -> Self {
        match error {
            SendError::Mismatch { .. }
            | SendError::Surplus { .. }
            | SendError::HeaderReturned { .. } => Self::Mismatch,
            SendError::Timeout { .. } => Self::Timeout,
            SendError::Connect(_)
            | SendError::Lost { .. }
            | SendError::Short { .. }
            | SendError::Input(_)
            | SendError::Output(_) => Self::Disconnected,
        }
    }
}
