//! What happens to datagrams, as values that a person can read and a program can parse.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use crate::error::Cause;
use crate::kind::kind;
#[cfg(feature = "serde")]
use crate::schema::{address, micros, some_text};

/// Something that happened while datagrams were under way.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "serde", serde(tag = "event", rename_all = "snake_case"))]
pub enum DatagramEvent {
    /// There is a way to the server, and sockets to send from. Nothing has been sent.
    #[non_exhaustive]
    Opened {
        /// The server.
        #[cfg_attr(feature = "serde", serde(flatten, serialize_with = "address"))]
        peer: SocketAddr,
        /// The local address that leads there, and the port of the first flow.
        local: SocketAddr,
    },
    /// A probe was due and is on its way.
    #[non_exhaustive]
    Sent {
        /// The server.
        #[cfg_attr(feature = "serde", serde(flatten, serialize_with = "address"))]
        peer: SocketAddr,
        /// Its number, from 1.
        #[cfg_attr(feature = "serde", serde(rename = "seq"))]
        sequence: u64,
        /// The port it was sent from.
        local_port: u16,
    },
    /// A probe came back in time. If something else was told of it before (that ICMP calls it lost,
    /// or that it came from another address), count it as received instead.
    #[non_exhaustive]
    Reply {
        /// The server.
        #[cfg_attr(feature = "serde", serde(flatten, serialize_with = "address"))]
        peer: SocketAddr,
        /// Its number.
        #[cfg_attr(feature = "serde", serde(rename = "seq"))]
        sequence: u64,
        /// What came with it.
        #[cfg_attr(feature = "serde", serde(flatten))]
        arrival: ProbeArrival,
    },
    /// A probe came back after the timeout. If it was told lost before, count it as late instead.
    #[non_exhaustive]
    Late {
        /// The server.
        #[cfg_attr(feature = "serde", serde(flatten, serialize_with = "address"))]
        peer: SocketAddr,
        /// Its number.
        #[cfg_attr(feature = "serde", serde(rename = "seq"))]
        sequence: u64,
        /// What came with it.
        #[cfg_attr(feature = "serde", serde(flatten))]
        arrival: ProbeArrival,
    },
    /// A probe came back once more.
    #[non_exhaustive]
    Duplicate {
        /// The server.
        #[cfg_attr(feature = "serde", serde(flatten, serialize_with = "address"))]
        peer: SocketAddr,
        /// Its number.
        #[cfg_attr(feature = "serde", serde(rename = "seq"))]
        sequence: u64,
        /// Which copy it is, from 2 on.
        copy: u32,
    },
    /// A datagram came back with other bytes.
    #[non_exhaustive]
    Corrupt {
        /// The server.
        #[cfg_attr(feature = "serde", serde(flatten, serialize_with = "address"))]
        peer: SocketAddr,
        /// The number of the probe that it must have been, if that can be told.
        #[cfg_attr(feature = "serde", serde(rename = "seq"))]
        #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
        sequence: Option<u64>,
        /// The probe that it is taken for: that of its number, or the one that is waited for longest;
        /// `None` if none is.
        #[cfg_attr(feature = "serde", serde(skip))]
        taken_for: Option<u64>,
        /// The first byte that differs.
        offset: usize,
        /// How many bytes came back.
        returned_bytes: usize,
        /// Whether the probe was still waited for: neither lost nor back.
        #[cfg_attr(feature = "serde", serde(skip))]
        first: bool,
    },
    /// The beginning of a probe came back.
    #[non_exhaustive]
    Truncated {
        /// The server.
        #[cfg_attr(feature = "serde", serde(flatten, serialize_with = "address"))]
        peer: SocketAddr,
        /// Its number.
        #[cfg_attr(feature = "serde", serde(rename = "seq"))]
        sequence: u64,
        /// How many bytes it had.
        sent_bytes: usize,
        /// How many came back.
        returned_bytes: usize,
        /// Whether the probe was still waited for: neither lost nor back.
        #[cfg_attr(feature = "serde", serde(skip))]
        first: bool,
    },
    /// A probe came back from another address than the one that was asked.
    #[non_exhaustive]
    Foreign {
        /// The server.
        #[cfg_attr(feature = "serde", serde(flatten, serialize_with = "address"))]
        peer: SocketAddr,
        /// Its number.
        #[cfg_attr(feature = "serde", serde(rename = "seq"))]
        sequence: u64,
        /// Where it came from.
        from: SocketAddr,
        /// Whether the probe was still waited for: neither lost nor back.
        #[cfg_attr(feature = "serde", serde(skip))]
        first: bool,
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
        /// The port it was sent from.
        local_port: u16,
        /// Why it counts as lost.
        #[cfg_attr(feature = "serde", serde(rename = "cause"))]
        loss: DatagramLoss,
        /// Who said so, by ICMP.
        #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
        by: Option<IpAddr>,
        /// The system's word for it.
        #[cfg_attr(feature = "serde", serde(serialize_with = "some_text"))]
        #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
        error: Option<Cause>,
    },
    /// Datagrams came that found no room in this host's receive buffer. The probes among them count
    /// as lost later on, and were not lost on the way.
    #[non_exhaustive]
    DroppedHere {
        /// The server.
        #[cfg_attr(feature = "serde", serde(flatten, serialize_with = "address"))]
        peer: SocketAddr,
        /// How many more they were.
        datagrams: u64,
    },
    /// Replies come over another number of routers than before: the path has changed.
    #[non_exhaustive]
    Path {
        /// The server.
        #[cfg_attr(feature = "serde", serde(flatten, serialize_with = "address"))]
        peer: SocketAddr,
        /// As it was.
        hops_from: u8,
        /// As it is.
        hops_to: u8,
    },
}

/// What came with a probe that is back, its bytes unchanged.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct ProbeArrival {
    /// Its length in bytes.
    #[cfg_attr(feature = "serde", serde(rename = "returned_bytes"))]
    pub bytes: usize,
    /// Time from when it was sent until the kernel had it back, so that neither a late timer nor a
    /// late wake-up of this host counts; where the system has no such time stamps (all but Linux),
    /// until this program had it.
    #[cfg_attr(feature = "serde", serde(rename = "rtt_us", serialize_with = "micros"))]
    pub rtt: Duration,
    /// The port it was sent from.
    pub local_port: u16,
    /// By how many that were sent from the same port the highest number that came back before it is
    /// ahead of it.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub reordered_by: Option<u64>,
    /// The TOS or traffic class that it came back with, where the system says it.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub tos: Option<u8>,
    /// How many routers it passed on the way back, from its TTL or hop limit, if that began at 64,
    /// 128 or 255.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub hops: Option<u8>,
}

kind! {
    /// Why a datagram counts as lost.
    pub enum DatagramLoss {
        /// It did not come back within the timeout, and nobody said why.
        Timeout = "timeout", "no reply in time";
        /// ICMP says that the port is unreachable: nothing listens there, or a firewall answers for it.
        Refused = "refused", "refused: nothing listens there, or a firewall rejects it";
        /// ICMP says that no way leads there, or that it is forbidden.
        Unreachable = "unreachable", "unreachable";
        /// It is too large for the way, and was not to be fragmented.
        TooBig = "too_big", "too large for the path";
        /// This host could not send it.
        Here = "here", "this host could not send it";
    }
}
