//! What was found of datagrams at an address.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use crate::address::{Endpoint, Families};
use crate::client::datagram::error::DatagramError;
use crate::client::idle::IdleTimeout;
use crate::kind::kind;
#[cfg(feature = "serde")]
use crate::schema::{address, some_micros};

/// What was found of datagrams at one address. What was not reached is absent.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
// Its fields are only a part of what is written of it.
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(remote = "Self"))]
pub struct DatagramChecked {
    /// The target as it was given, if it was.
    #[cfg_attr(feature = "serde", serde(skip))]
    pub target: Option<Endpoint>,
    /// The address.
    #[cfg_attr(feature = "serde", serde(flatten, serialize_with = "address"))]
    pub address: SocketAddr,
    /// How long 64 bytes took there and back.
    #[cfg_attr(feature = "serde", serde(rename = "echo_us", serialize_with = "some_micros"))]
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub echo: Option<Duration>,
    /// Only a datagram from a new port came back: something on the way has a stale entry for the
    /// first, or one of several paths is broken.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "std::ops::Not::not"))]
    pub new_port_only: bool,
    /// Whether TCP connects to that port, asked if UDP is silent.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub tcp_connects: Option<bool>,
    /// Whether an empty datagram comes back.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub empty: Option<bool>,
    /// The longest packet that passes without being fragmented, with its headers (Linux).
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub path_mtu: Option<usize>,
    /// The router that said so by ICMP.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub path_mtu_by: Option<IpAddr>,
    /// Longer ones vanish, and no router says so.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "std::ops::Not::not"))]
    pub black_hole: bool,
    /// The longest datagram of those tried that came back as it was sent, fragmented or not.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub longest: Option<usize>,
    /// The shortest of those tried that did not.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub vanishes: Option<usize>,
    /// Those that vanish do so in this host: its link does not take them (ENOBUFS).
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "std::ops::Not::not"))]
    pub unsent: bool,
    /// The shortest of those tried that came back changed, or from another address, if 64 bytes came
    /// back as they were sent; the failure is that of this one.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub wrong: Option<usize>,
    /// How long longer datagrams are when they come back, if they are cut.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub truncates_at: Option<usize>,
    /// What became of marked datagrams.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub marks: Option<Marks>,
    /// Between which silences of a flow the idle timeout lies, if that was asked for.
    #[cfg_attr(feature = "serde", serde(flatten))]
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub idle: Option<IdleTimeout>,
    /// Why 64 bytes, or longer ones, did not come back as they were sent.
    #[cfg_attr(feature = "serde", serde(flatten))]
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub failure: Option<DatagramError>,
    /// Whether all steps were done.
    #[cfg_attr(feature = "serde", serde(skip))]
    pub finished: bool,
}

kind! {
    /// What became of datagrams with ECT(0), ECT(1) and EF in their header.
    pub enum Marks {
        /// They came back as they were sent.
        Kept = "kept", "marks come back";
        /// They came back, but with other marks, if not without any.
        Changed = "changed", "marks come back changed";
        /// They came back without: the server does not copy them, or they were cleared on the way.
        NotReflected = "not_reflected", "marks are not reflected";
        /// Marked ones did not come back, as others do.
        Dropped = "dropped", "marked datagrams vanish";
    }
}

impl DatagramChecked {
    pub(in crate::client) fn new(address: SocketAddr) -> Self {
        Self {
            target: None,
            address,
            echo: None,
            new_port_only: false,
            tcp_connects: None,
            empty: None,
            path_mtu: None,
            path_mtu_by: None,
            black_hole: false,
            longest: None,
            vanishes: None,
            unsent: false,
            wrong: None,
            truncates_at: None,
            marks: None,
            idle: None,
            failure: None,
            finished: false,
        }
    }

    /// What an IP and a UDP header take of a packet.
    pub(super) fn headers(&self) -> usize {
        match Families::of(self.address) {
            Families::Ipv4 => 28,
            Families::Ipv6 | Families::Both => 48,
        }
    }
}
