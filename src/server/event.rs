//! What a server reports while it runs, as sentences for people and as objects for programs.

use std::fmt;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::time::Duration;

use super::outcome::{Closed, Totals};
use super::phrase::{count, list};
use super::refusal::Refused;
use super::tally::FaultTally;
use crate::address::Families;
use crate::error::Cause;
use crate::fault::Fault;
use crate::kind::kind;
use crate::proxy::Header;
#[cfg(feature = "serde")]
use crate::schema;
use crate::socket::Transports;

/// Something that happened to a [`Server`](crate::Server). Peers are named by their canonical
/// address: an IPv4 client of a dual-stack socket is `192.0.2.7:41000`.
///
/// [`Display`](fmt::Display) is a line of a log, without its end. With the feature `serde` each is an
/// object with the field `event`, which the README lists.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "serde", serde(tag = "event", rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Event {
    /// An address is bound and about to be served.
    Listening(Listening),
    /// A client was accepted.
    Connected(Connected),
    /// A client was closed before anything was echoed.
    Refused(Refused),
    /// A client is gone.
    Closed(Closed),
    /// The first datagram of a flow has come, or the first after it was quiet.
    FlowAppeared(FlowAppeared),
    /// A flow has sent nothing for as long as the idle timeout, or for 60 seconds; or the server
    /// stops.
    FlowQuiet(FlowQuiet),
    /// No client is accepted for a while; those that connect wait in the kernel.
    Paused(Paused),
    /// Clients are accepted again.
    Resumed,
    /// What the server has done so far, the connected clients included, because
    /// [somebody asked](crate::Server::report_totals).
    Totals(Totals),
    /// The last client is gone.
    Stopped(Totals),
}

/// Who is called with every event.
pub(super) type Observer = Box<dyn Fn(Event) + Send + Sync>;

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Listening(listening) => listening.fmt(f),
            Self::Connected(connected) => connected.fmt(f),
            Self::Refused(refused) => refused.fmt(f),
            Self::Closed(closed) => closed.fmt(f),
            Self::FlowAppeared(flow) => flow.fmt(f),
            Self::FlowQuiet(flow) => flow.fmt(f),
            Self::Paused(paused) => paused.fmt(f),
            Self::Resumed => f.write_str("accepting clients again"),
            Self::Totals(totals) => write!(f, "so far, {totals}"),
            Self::Stopped(totals) => write!(f, "stopped {totals}"),
        }
    }
}

/// An address that is served.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Listening {
    /// The bound address.
    pub address: SocketAddr,
    /// The families of the clients that can reach it.
    #[cfg_attr(feature = "serde", serde(serialize_with = "schema::families"))]
    pub families: Families,
    /// Whether it is served over TCP, UDP or both.
    pub transports: Transports,
    /// The faults that are dealt on purpose.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Vec::is_empty"))]
    pub faults: Vec<Fault>,
    /// The seed by which they are drawn, if there are any.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub fault_seed: Option<u64>,
}

impl fmt::Display for Listening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "listening on {} ({}", self.address, self.families)?;
        match self.transports {
            Transports::Tcp => f.write_str(")")?,
            transports => write!(f, ", {transports})")?,
        }
        match self.fault_seed {
            Some(seed) => write!(f, ", faults on purpose: {} (seed {seed})", list(&self.faults)),
            None => Ok(()),
        }
    }
}

/// A client that was accepted.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Connected {
    /// The number of the connection, from 1; its [`Closed`] has the same.
    pub id: u64,
    /// The client's address.
    #[cfg_attr(feature = "serde", serde(flatten, serialize_with = "schema::peer"))]
    pub peer: SocketAddr,
    /// The address that it connected to.
    pub local: SocketAddr,
    /// The balancer that announced it, if one did.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub via: Option<SocketAddr>,
    /// What a balancer said of it, or of itself.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub announced: Option<Box<Header>>,
}

impl fmt::Display for Connected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} connected", self.peer)?;
        if let Some(via) = self.via {
            write!(f, " via {via}")?;
        }
        match &self.announced {
            Some(header) => write!(f, " ({header})"),
            None => Ok(()),
        }
    }
}

/// A flow of datagrams that has begun.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct FlowAppeared {
    /// Who sends.
    #[cfg_attr(feature = "serde", serde(flatten, serialize_with = "schema::peer"))]
    pub peer: SocketAddr,
    /// The address that was asked.
    pub local: SocketAddr,
}

impl fmt::Display for FlowAppeared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} appeared (UDP)", self.peer)
    }
}

/// A flow of datagrams that has sent nothing for a while.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct FlowQuiet {
    /// Who sent.
    #[cfg_attr(feature = "serde", serde(flatten, serialize_with = "schema::peer"))]
    pub peer: SocketAddr,
    /// The address that was asked first.
    pub local: SocketAddr,
    /// Datagrams that came from it, those over the rate limit included.
    pub datagrams_in: u64,
    /// The bytes in them.
    pub bytes_in: u64,
    /// Time from the first datagram to the last.
    #[cfg_attr(feature = "serde", serde(rename = "duration_us"))]
    #[cfg_attr(feature = "serde", serde(serialize_with = "schema::micros"))]
    pub duration: Duration,
    /// Faults that were dealt to it on purpose.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "FaultTally::is_empty"))]
    pub faults: FaultTally,
}

impl fmt::Display for FlowQuiet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.duration.as_secs_f64();
        let datagrams = count(self.datagrams_in, "datagram");
        let bytes = count(self.bytes_in, "byte");
        write!(f, "{} quiet after {seconds:.3} s: {datagrams}, {bytes} (UDP)", self.peer)?;
        if self.faults.is_empty() { Ok(()) } else { write!(f, "; dealt {}", self.faults) }
    }
}

/// That no client is accepted for a while.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Paused {
    /// What is in the way.
    pub reason: Obstacle,
    /// How many clients may be connected, if that many are.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub limit: Option<NonZeroUsize>,
    /// What the system said, if it refused.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    #[cfg_attr(feature = "serde", serde(serialize_with = "schema::some_text"))]
    pub error: Option<Cause>,
}

kind! {
    /// Why no client is accepted.
    pub enum Obstacle {
        /// As many clients are connected as may be. Not reported again until a tenth of them is gone.
        Full = "full", "full, further clients wait in the kernel";
        /// accept(2) fails: the system is short of descriptors or memory, or forbids it.
        Shortage = "shortage", "cannot accept for now";
    }
}

impl Paused {
    pub(super) fn full(limit: NonZeroUsize) -> Self {
        Self { reason: Obstacle::Full, limit: Some(limit), error: None }
    }

    pub(super) fn shortage(error: Cause) -> Self {
        Self { reason: Obstacle::Shortage, limit: None, error: Some(error) }
    }
}

impl fmt::Display for Paused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.reason)?;
        if let Some(limit) = self.limit {
            write!(f, " (limit {limit})")?;
        }
        match &self.error {
            Some(error) => write!(f, ": {error}"),
            None => Ok(()),
        }
    }
}
