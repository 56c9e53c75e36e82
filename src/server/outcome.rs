//! How a connection ended, and what a server did in all.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use super::phrase::{count, list};
use super::tally::DatagramTotals;
use crate::error::Cause;
use crate::fault::Dealt;
use crate::kind::kind;
#[cfg(feature = "serde")]
use crate::schema;

/// A connection that has ended.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Closed {
    /// The number of the connection, from 1.
    pub id: u64,
    /// The client's address.
    #[cfg_attr(feature = "serde", serde(flatten, serialize_with = "schema::peer"))]
    pub peer: SocketAddr,
    /// The address that it had connected to.
    pub local: SocketAddr,
    /// The balancer that announced it, if one did.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub via: Option<SocketAddr>,
    /// Bytes that came from the client.
    pub bytes_in: u64,
    /// Bytes that the system took for the way back.
    pub bytes_out: u64,
    /// Time since the client was accepted.
    #[cfg_attr(feature = "serde", serde(rename = "duration_us"))]
    #[cfg_attr(feature = "serde", serde(serialize_with = "schema::micros"))]
    pub duration: Duration,
    /// Why it ended.
    pub reason: Reason,
    /// How it ended.
    pub ending: Ending,
    /// What the system said, if that was the reason.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    #[cfg_attr(feature = "serde", serde(serialize_with = "schema::some_text"))]
    pub error: Option<Cause>,
    /// The faults that were dealt to it on purpose, in that order.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Vec::is_empty"))]
    pub faults: Vec<Dealt>,
}

kind! {
    /// Why a connection ended.
    pub enum Reason {
        /// The client shut its sending side.
        EndOfStream = "end_of_stream", "end of stream";
        /// The client, or something on the way, reset the connection.
        Reset = "reset", "reset by the client";
        /// The client neither sent nor took a byte for the idle timeout.
        Idle = "idle", "idle";
        /// The client sent as many bytes as it may.
        ByteLimit = "byte_limit", "byte limit reached";
        /// The client was connected for as long as it may be.
        TimeLimit = "time_limit", "time limit reached";
        /// The server was stopped.
        Shutdown = "shutdown", "server stopped";
        /// A fault that was dealt on purpose ended it.
        Fault = "fault", "ended on purpose";
        /// Reading or writing failed in another way.
        Error = "error", "error";
    }
}

kind! {
    /// How a connection ended, whatever the reason.
    pub enum Ending {
        /// Everything that was read went back to the client, and then end of stream.
        Drained = "drained", "drained";
        /// The server reset the connection, because the client did not take its bytes in time or did
        /// not stop sending, or because a fault says so.
        Cut = "cut", "cut off";
        /// The connection was gone.
        Lost = "lost", "lost";
    }
}

impl fmt::Display for Closed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.duration.as_secs_f64();
        let bytes = count(self.bytes_out, "byte");
        let Self { peer, reason, .. } = self;
        write!(f, "{peer} closed after {seconds:.3} s, {bytes} echoed: {reason}")?;
        if self.ending == Ending::Cut && self.reason != Reason::Fault {
            f.write_str(", and cut off because it did not take its bytes or went on sending")?;
        }
        if let Some(error) = &self.error {
            write!(f, ": {error}")?;
        }
        match &self.faults[..] {
            [] => Ok(()),
            faults => write!(f, "; dealt {}", list(faults)),
        }
    }
}

/// What a server did from its start to its end.
#[derive(Clone, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Totals {
    /// Clients accepted, without those that were refused.
    pub connections: u64,
    /// Clients closed before anything was echoed ([`Refused`](super::Refused)).
    pub refused: u64,
    /// Of the clients accepted, those that the server reset at a limit of theirs or at its stop
    /// ([`Ending::Cut`]), without those that a fault demanded.
    pub cut: u64,
    /// Of those, the ones that it reset at its stop, because they were not gone at the end of the
    /// grace period.
    pub cut_at_stop: u64,
    /// Faults that were dealt on purpose.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "is_zero"))]
    pub faults: u64,
    /// Bytes that came from clients.
    pub bytes_in: u64,
    /// Bytes that the system took for the way back.
    pub bytes_out: u64,
    /// Time from the first listening to the last client's end.
    #[cfg_attr(feature = "serde", serde(rename = "duration_us"))]
    #[cfg_attr(feature = "serde", serde(serialize_with = "schema::micros"))]
    pub duration: Duration,
    /// What became of datagrams, if the server has a UDP socket.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub datagrams: Option<DatagramTotals>,
}

impl Totals {
    /// Adds a connection that has ended.
    pub(super) fn add(&mut self, closed: &Closed) {
        self.bytes_in += closed.bytes_in;
        self.bytes_out += closed.bytes_out;
        self.faults += closed.faults.len() as u64;
        let cut = closed.ending == Ending::Cut && closed.reason != Reason::Fault;
        self.cut += u64::from(cut);
        self.cut_at_stop += u64::from(cut && closed.reason == Reason::Shutdown);
    }
}

impl fmt::Display for Totals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.duration.as_secs_f64();
        write!(f, "after {seconds:.3} s: {}", count(self.connections, "client"))?;
        for (number, what) in [(self.refused, "refused"), (self.cut, "cut off")] {
            if number > 0 {
                write!(f, ", {number} {what}")?;
            }
        }
        write!(f, ", {} echoed", count(self.bytes_out, "byte"))?;
        if self.faults > 0 {
            write!(f, ", {} dealt", count(self.faults, "fault"))?;
        }
        match &self.datagrams {
            Some(datagrams) => write!(f, "; {datagrams}"),
            None => Ok(()),
        }
    }
}

#[cfg(feature = "serde")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}
