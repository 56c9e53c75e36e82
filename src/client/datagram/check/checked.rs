//! What was found of datagrams at an address, and a sentence to act on.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use crate::address::{Endpoint, Families};
use crate::client::datagram::error::DatagramError;
use crate::client::idle::IdleTimeout;
use crate::error::CauseKind;
use crate::kind::kind;
#[cfg(feature = "serde")]
use crate::schema::{address, some_micros};

/// What is spoken of when a flow was silent.
const SILENT: &str = "a silent flow";

/// What was found of datagrams at one address. What was not reached is absent.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
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
    /// The longest datagram of those tried that came back, fragmented or not.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub longest: Option<usize>,
    /// The shortest of those tried that did not.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub vanishes: Option<usize>,
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
    /// Why 64 bytes did not come back.
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

kind! {
    /// What is wrong with datagrams at an address, in one word.
    pub enum DatagramDiagnosis {
        /// Nothing.
        Works = "works", "works";
        /// Nothing listens there, says ICMP.
        Refused = "refused", "refused: nothing listens there, or a firewall rejects it";
        /// There is no way there.
        Unreachable = "unreachable", "unreachable";
        /// Nothing comes back, though TCP connects.
        SilentTcpWorks = "silent_tcp_works", "silent, TCP works: UDP is filtered, or not served";
        /// Nothing comes back, and TCP does not connect either.
        Silent = "silent", "silent, and TCP does not connect either: the host is down, filtered, or \
            serves neither";
        /// Replies come from another address.
        Foreign = "foreign", "answers from another address";
        /// Only from a new port.
        NewPortOnly = "new_port_only", "answers a new source port only: a stale entry of a NAT or \
            firewall, or one of several paths is broken";
        /// Small datagrams come back changed or cut.
        Mismatch = "mismatch", "other bytes came back: is it an echo server?";
        /// Long datagrams come back cut.
        Truncates = "truncates", "long datagrams come back cut";
        /// No fragments come through.
        NoFragments = "no_fragments", "fragments are dropped on the way";
        /// Some sizes vanish, others return.
        SizesVanish = "sizes_vanish", "some sizes vanish";
        /// Long packets vanish and nobody says so.
        BlackHole = "black_hole", "a path MTU black hole";
        /// A flow that is silent for a while stops working.
        Idle = "idle", "silent flows end";
        /// Empty datagrams do not come back.
        NoEmpty = "no_empty", "empty datagrams do not come back";
        /// Marked datagrams do not come back.
        MarksDropped = "marks_dropped", "datagrams with ECN or DSCP marks vanish";
        /// This host could not do it.
        Here = "here", "this host could not send";
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
            truncates_at: None,
            marks: None,
            idle: None,
            failure: None,
            finished: false,
        }
    }

    /// What is wrong: the first thing that a person should know.
    #[must_use]
    pub fn diagnosis(&self) -> DatagramDiagnosis {
        use DatagramDiagnosis as D;
        if let Some(error) = &self.failure {
            return match (error, error.cause()) {
                (DatagramError::Foreign { .. }, _) => D::Foreign,
                (_, CauseKind::Refused) => D::Refused,
                (_, CauseKind::Timeout) if self.tcp_connects == Some(true) => D::SilentTcpWorks,
                (_, CauseKind::Timeout) => D::Silent,
                (_, CauseKind::Mismatch | CauseKind::Truncated) => D::Mismatch,
                (DatagramError::Here { .. }, _) => D::Here,
                _ => D::Unreachable,
            };
        }
        let mtu = self.path_mtu.map(|mtu| mtu - self.headers());
        match (self.vanishes, mtu) {
            _ if self.new_port_only => D::NewPortOnly,
            _ if self.truncates_at.is_some() => D::Truncates,
            // Over IPv6 longer ones vanish too then, fragmented or not.
            _ if self.black_hole => D::BlackHole,
            (Some(_), Some(mtu)) if self.longest.is_none_or(|longest| longest <= mtu) => {
                D::NoFragments
            }
            (Some(_), _) => D::SizesVanish,
            _ if self.idle.is_some_and(|idle| !idle.is_alive()) => D::Idle,
            _ if self.empty == Some(false) => D::NoEmpty,
            _ if self.marks == Some(Marks::Dropped) => D::MarksDropped,
            _ => D::Works,
        }
    }

    /// Says whether everything works.
    #[must_use]
    pub fn is_well(&self) -> bool {
        self.finished && self.diagnosis() == DatagramDiagnosis::Works
    }

    /// What an IP and a UDP header take of a packet.
    pub(super) fn headers(&self) -> usize {
        match Families::of(self.address) {
            Families::Ipv4 => 28,
            Families::Ipv6 | Families::Both => 48,
        }
    }
}

/// What was found, with its numbers, as a phrase.
impl fmt::Display for DatagramChecked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use DatagramDiagnosis as D;
        let asked = self.address;
        let mtu = self.path_mtu.unwrap_or_default();
        if let (D::Idle, Some(idle)) = (self.diagnosis(), self.idle) {
            return f.write_str(&idle.phrase(SILENT));
        }
        match (self.diagnosis(), &self.failure) {
            (D::Foreign, Some(DatagramError::Foreign { from, .. })) => {
                write!(f, "answers from {from}, you asked {asked}")
            }
            (D::Unreachable | D::Here, Some(error)) => f.write_str(&crate::error::chain(error)),
            (D::Truncates, _) => {
                let length = self.truncates_at.unwrap_or_default();
                write!(f, "datagrams over {length} bytes come back cut: the server truncates them")
            }
            (D::NoFragments, _) => {
                let longest = mtu.saturating_sub(self.headers());
                write!(
                    f,
                    "datagrams over {longest} bytes vanish, small ones return: fragments are \
                     dropped on the way, there or back"
                )
            }
            (D::SizesVanish, _) => {
                let (longest, vanishes) =
                    (self.longest.unwrap_or_default(), self.vanishes.unwrap_or_default());
                write!(f, "datagrams of {vanishes} bytes vanish, of {longest} return")
            }
            (D::BlackHole, _) => {
                write!(f, "path MTU {mtu}, but no router reports it: a black hole")
            }
            (diagnosis, _) => diagnosis.fmt(f),
        }
    }
}

/// What was found at the addresses of one target. Displays as a sentence to act on.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct DatagramFindings {
    /// Each address.
    pub checked: Vec<DatagramChecked>,
}

impl From<Vec<DatagramChecked>> for DatagramFindings {
    fn from(checked: Vec<DatagramChecked>) -> Self {
        Self { checked }
    }
}

impl fmt::Display for DatagramFindings {
    /// What is wrong first, each address by its family unless that has several.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = |checked: &DatagramChecked| {
            let family = Families::of(checked.address);
            let same = self.checked.iter().filter(|other| Families::of(other.address) == family);
            if same.count() > 1 { checked.address.to_string() } else { family.to_string() }
        };
        let (well, wrong): (Vec<_>, Vec<_>) =
            self.checked.iter().partition(|checked| checked.is_well());
        let mut phrases: Vec<String> = Vec::new();
        for checked in wrong {
            let stopped = if checked.finished { "" } else { " (interrupted)" };
            phrases.push(format!("{}: {checked}{stopped}", name(checked)));
        }
        let well: Vec<String> = well.into_iter().map(name).collect();
        match &well[..] {
            [] => {}
            [one] => phrases.push(format!("{one} works")),
            [most @ .., last] => phrases.push(format!("{} and {last} work", most.join(", "))),
        }
        for checked in &self.checked {
            if let Some(idle) = checked.idle.filter(IdleTimeout::is_alive) {
                phrases.push(format!("{}: {}", name(checked), idle.phrase(SILENT)));
            }
        }
        f.write_str(&phrases.join("; "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::idle::Hold;

    fn checked(address: &str, change: impl FnOnce(&mut DatagramChecked)) -> DatagramChecked {
        let mut checked = DatagramChecked::new(address.parse().unwrap());
        checked.echo = Some(Duration::from_millis(1));
        checked.finished = true;
        change(&mut checked);
        checked
    }

    fn idle(alive: Option<u64>, ended: Option<u64>, hold: Hold) -> Option<IdleTimeout> {
        let (alive, ended) = (alive.map(Duration::from_secs), ended.map(Duration::from_secs));
        Some(IdleTimeout { alive, ended, hold })
    }

    #[test]
    fn each_finding_is_a_sentence_to_act_on() {
        let v4 = "192.0.2.9:7";
        let peer: SocketAddr = v4.parse().unwrap();
        let timeout = || Some(DatagramError::Timeout { peer, after: Duration::from_secs(1) });
        let from = "192.0.2.7:7".parse().unwrap();
        for (found, said) in [
            (checked(v4, |_| {}), "IPv4 works"),
            (
                checked(v4, |it| (it.failure, it.tcp_connects) = (timeout(), Some(true))),
                "IPv4: silent, TCP works: UDP is filtered, or not served",
            ),
            (
                checked(v4, |it| (it.failure, it.tcp_connects) = (timeout(), Some(false))),
                "IPv4: silent, and TCP does not connect either: the host is down, filtered, or \
                 serves neither",
            ),
            (
                checked(v4, |it| it.failure = Some(DatagramError::Foreign { peer, from })),
                "IPv4: answers from 192.0.2.7:7, you asked 192.0.2.9:7",
            ),
            (
                checked(v4, |it| (it.path_mtu, it.black_hole) = (Some(1420), true)),
                "IPv4: path MTU 1420, but no router reports it: a black hole",
            ),
            (
                checked(v4, |it| {
                    it.path_mtu = Some(1500);
                    (it.longest, it.vanishes) = (Some(1472), Some(1473));
                }),
                "IPv4: datagrams over 1472 bytes vanish, small ones return: fragments are dropped \
                 on the way, there or back",
            ),
            (
                checked(v4, |it| {
                    it.path_mtu = Some(1500);
                    (it.longest, it.vanishes) = (Some(8192), Some(1475));
                }),
                "IPv4: datagrams of 1475 bytes vanish, of 8192 return",
            ),
            (
                checked(v4, |it| it.truncates_at = Some(4096)),
                "IPv4: datagrams over 4096 bytes come back cut: the server truncates them",
            ),
            (
                checked(v4, |it| it.idle = idle(Some(25), Some(35), Hold::Dead)),
                "IPv4: a silent flow lives for 25 s and is dead after 35 s: idle timeout between them",
            ),
            (checked(v4, |it| it.empty = Some(false)), "IPv4: empty datagrams do not come back"),
        ] {
            let well = said.ends_with("works") && !said.contains(':');
            assert_eq!(found.is_well(), well, "{said}");
            assert_eq!(DatagramFindings::from(vec![found]).to_string(), said);
        }
    }

    #[test]
    fn what_works_is_said_beside_what_does_not() {
        let six = checked("[2001:db8::9]:7", |it| {
            it.path_mtu = Some(1500);
            (it.longest, it.vanishes) = (Some(1452), Some(1453));
        });
        let findings = DatagramFindings::from(vec![six, checked("192.0.2.9:7", |_| {})]);
        assert_eq!(
            findings.to_string(),
            "IPv6: datagrams over 1452 bytes vanish, small ones return: fragments are dropped on \
             the way, there or back; IPv4 works"
        );
        let lives = checked("192.0.2.9:7", |it| it.idle = idle(Some(605), None, Hold::Alive));
        assert!(lives.is_well());
        let findings = DatagramFindings::from(vec![lives]);
        let said = "IPv4 works; IPv4: a silent flow lives for at least 605 s";
        assert_eq!(findings.to_string(), said);
    }
}
