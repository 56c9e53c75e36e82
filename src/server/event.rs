//! What a server has to say while it runs, for the caller to render.

use std::fmt;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::time::Duration;

use super::reflect::DatagramTotals;
use crate::address::{Families, Prefix};
use crate::error::Cause;
use crate::proxy::{Header, HeaderError, HeaderErrorKind};
use crate::socket::Transports;

/// Something that happened to a [`Server`](crate::Server). Peers are named by their canonical
/// address: an IPv4 client of a dual-stack socket is `192.0.2.7:41000`.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event {
    /// An address is bound and about to be served.
    Listening {
        /// The bound address.
        address: SocketAddr,
        /// The families of the clients that can reach it.
        families: Families,
        /// Whether it is served over TCP, UDP or both.
        transports: Transports,
    },
    /// A client has been accepted.
    Connected {
        /// The client's address.
        peer: SocketAddr,
        /// The address that it connected to.
        local: SocketAddr,
        /// How a balancer announced it, if it came through one.
        introduction: Option<Box<Introduction>>,
    },
    /// A client was closed before anything was echoed.
    Refused {
        /// The client's address.
        peer: SocketAddr,
        /// The balancer that announced it, if it came through one.
        via: Option<SocketAddr>,
        /// Why.
        refusal: Refusal,
    },
    /// A client is gone.
    Closed {
        /// The client's address.
        peer: SocketAddr,
        /// The address that it had connected to.
        local: SocketAddr,
        /// The balancer that announced it, if it came through one.
        via: Option<SocketAddr>,
        /// Bytes that came from it.
        received: u64,
        /// Bytes that the system took for the way back.
        returned: u64,
        /// Time since it was accepted.
        duration: Duration,
        /// Why it ended.
        reason: Reason,
    },
    /// The first datagram of a flow has come, or the first after it was quiet.
    FlowAppeared {
        /// Who sends.
        peer: SocketAddr,
        /// The address that was asked.
        local: SocketAddr,
    },
    /// A flow has sent nothing for as long as the idle timeout, or for 60 seconds; or the server
    /// stops.
    FlowQuiet {
        /// Who sent.
        peer: SocketAddr,
        /// The address that was asked first.
        local: SocketAddr,
        /// Datagrams that came from it, those over the rate limit included.
        datagrams_in: u64,
        /// The bytes in them.
        bytes_in: u64,
        /// Time from the first datagram to the last.
        duration: Duration,
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

/// What a balancer said of a client.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Introduction {
    /// The address of the balancer, which is the client's too if it speaks for itself.
    pub via: SocketAddr,
    /// What it said.
    pub header: Header,
}

/// Why a client was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// Its source has as many connections as it may have. Not said again until that source has had
    /// fewer than half as many.
    TooMany {
        /// How many connections a source may have.
        limit: NonZeroUsize,
    },
    /// An access rule keeps it out.
    Denied {
        /// The longest prefix that it is in; none if only others are allowed.
        by: Option<Prefix>,
    },
    /// A balancer did not begin with a PROXY header.
    Header {
        /// What is wrong with it, and where.
        error: HeaderError,
    },
    /// The PROXY header of a balancer was not whole in time.
    HeaderLate {
        /// How long it was waited for.
        after: Duration,
    },
    /// The connection of a balancer ended, or the server was stopped, before its PROXY header was
    /// whole.
    HeaderCut,
}

impl Refusal {
    /// The stable word for programs, in snake_case.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::TooMany { .. } => "too_many",
            Self::Denied { .. } => "denied",
            Self::Header { .. } => "header",
            Self::HeaderLate { .. } => "header_late",
            Self::HeaderCut => "header_cut",
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooMany { limit } if limit.get() == 1 => {
                f.write_str("its source has 1 connection already")
            }
            Self::TooMany { limit } => write!(f, "its source has {limit} connections already"),
            Self::Denied { by: Some(prefix) } => write!(f, "{prefix} is denied"),
            Self::Denied { by: None } => f.write_str("only other prefixes are allowed"),
            Self::Header { error } if error.kind == HeaderErrorKind::NoHeader => error.kind.fmt(f),
            Self::Header { error } => write!(f, "wrong PROXY header: {error}"),
            Self::HeaderLate { after } => {
                write!(f, "no whole PROXY header within {} s", after.as_secs_f64())
            }
            Self::HeaderCut => f.write_str("ended before its PROXY header was whole"),
        }
    }
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
    /// Clients closed before anything was echoed: their source had too many connections, an access
    /// rule kept them out, or a PROXY header was not as it must be.
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
    /// What became of datagrams, if the server has a UDP socket.
    pub datagrams: Option<DatagramTotals>,
}
