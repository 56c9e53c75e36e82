//! What a server has to say while it runs, for the caller to render.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::time::Duration;

use crate::address::Families;
use crate::error::Cause;

/// Something that happened to a [`Server`](crate::Server). Peers are named by their canonical
/// address: an IPv4 client of a dual-stack socket is `192.0.2.7:41000`.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event {
    /// A socket is bound and about to accept its first client.
    Listening {
        /// The bound address.
        address: SocketAddr,
        /// The families of the clients that can connect.
        families: Families,
    },
    /// A client has been accepted.
    Connected {
        /// The client's address.
        peer: SocketAddr,
        /// The address that it connected to.
        local: SocketAddr,
    },
    /// A client was closed at once, because its source has as many connections as it may have. Not
    /// said again until that source has had fewer than half as many.
    Refused {
        /// The client's address.
        peer: SocketAddr,
        /// How many connections a source may have.
        limit: NonZeroUsize,
    },
    /// A client is gone.
    Closed {
        /// The client's address.
        peer: SocketAddr,
        /// The address that it had connected to.
        local: SocketAddr,
        /// Bytes that came from it.
        received: u64,
        /// Bytes that the system took for the way back.
        returned: u64,
        /// Time since it was accepted.
        duration: Duration,
        /// Why it ended.
        reason: Reason,
    },
    /// No client is accepted for a while; those that connect wait in the kernel.
    Paused {
        /// What is in the way.
        obstacle: Obstacle,
    },
    /// Clients are accepted again.
    Resumed,
    /// The last client is gone.
    Stopped {
        /// What it came to.
        totals: Totals,
    },
}

/// Why no client is accepted.
#[derive(Debug)]
#[non_exhaustive]
pub enum Obstacle {
    /// As many clients are connected as may be. Not said again until a tenth of them has gone.
    Full {
        /// How many clients may be connected.
        limit: NonZeroUsize,
    },
    /// accept(2) failed for want of descriptors or memory.
    Shortage {
        /// What the system said.
        cause: Cause,
    },
}

/// Why a connection ended.
#[derive(Debug)]
#[non_exhaustive]
pub enum Reason {
    /// The client shut its sending side and got everything back.
    EndOfStream,
    /// The client, or something on the way, reset the connection.
    Reset,
    /// The client neither sent nor took a byte for the idle timeout.
    Idle,
    /// The client has sent as many bytes as it may, and got them back.
    ByteLimit,
    /// The client was connected for as long as it may be, and got back what it had sent.
    TimeLimit,
    /// The server was stopped: the client got back what it had sent by then.
    Shutdown,
    /// The server was stopped and the client did not take its bytes in time.
    Cut,
    /// Reading or writing failed in another way.
    Error(Cause),
}

/// What a server has done from its start to its end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Totals {
    /// Clients accepted, without those that were refused.
    pub connections: u64,
    /// Clients closed at once, because their source had too many connections.
    pub refused: u64,
    /// Of the clients accepted, the ones that were reset because they were not gone at the end of
    /// the grace period.
    pub cut: u64,
    /// Bytes that came from clients.
    pub received: u64,
    /// Bytes that the system took for the way back.
    pub returned: u64,
    /// Time from the first listening to the last client's end.
    pub duration: Duration,
}
