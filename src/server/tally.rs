//! Errors and reasons in, counts by kind out.

use std::{fmt, io};

use super::phrase::count;
use super::reflect::judge::Ignored;
use crate::fault::FaultKind;
use crate::kind::kind;

kind! {
    /// Why the system did not take an answer.
    pub enum Unsent {
        /// A rule of a firewall, or a route, forbids it (EPERM, EACCES).
        Denied = "denied", "forbidden by a firewall";
        /// The system or the interface has no buffer for it (ENOBUFS), or had none by the end of the
        /// grace period (EAGAIN).
        NoBuffer = "no_buffer", "no buffer";
        /// It is too large for this way back (EMSGSIZE).
        TooLarge = "too_large", "too large";
        /// No way leads back to the sender (ENETUNREACH, EHOSTUNREACH).
        Unreachable = "unreachable", "unreachable";
        /// Its sender said earlier that nobody listens there (ECONNREFUSED, WSAECONNRESET).
        Refused = "refused", "refused";
        /// Another error.
        Other = "other", "another error";
    }
}

impl Unsent {
    /// Sorts an error of sendmsg(2).
    pub(super) fn of(error: &io::Error) -> Self {
        use io::ErrorKind as Kind;
        match error.kind() {
            Kind::PermissionDenied => Self::Denied,
            Kind::HostUnreachable | Kind::NetworkUnreachable | Kind::AddrNotAvailable => {
                Self::Unreachable
            }
            Kind::ConnectionRefused | Kind::ConnectionReset => Self::Refused,
            Kind::WouldBlock => Self::NoBuffer,
            _ => Self::by_number(error),
        }
    }

    /// Those for which std has no kind.
    #[cfg(unix)]
    fn by_number(error: &io::Error) -> Self {
        use rustix::io::Errno;
        match Errno::from_io_error(error) {
            Some(Errno::NOBUFS | Errno::NOMEM) => Self::NoBuffer,
            Some(Errno::MSGSIZE) => Self::TooLarge,
            _ => Self::Other,
        }
    }

    #[cfg(not(unix))]
    fn by_number(_: &io::Error) -> Self {
        Self::Other
    }
}

/// What a server has done with datagrams from its start to its end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct DatagramTotals {
    /// Flows that appeared, those beyond the few thousand that are followed at the same time left
    /// out.
    pub flows: u64,
    /// Datagrams that were received.
    pub datagrams_in: u64,
    /// Datagrams that the system took for the way back.
    pub datagrams_out: u64,
    /// The bytes in the datagrams received.
    pub bytes_in: u64,
    /// The bytes in those that the system took for the way back.
    pub bytes_out: u64,
    /// Datagrams that were not answered, by reason.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Tally::is_empty"))]
    pub ignored: Tally<Ignored, { Ignored::ALL.len() }>,
    /// Answers that the system did not take, by reason.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Tally::is_empty"))]
    pub unsent: Tally<Unsent, { Unsent::ALL.len() }>,
    /// Faults that were dealt on purpose, by kind.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Tally::is_empty"))]
    pub faults: FaultTally,
    /// Times that receiving failed with an error of another system's making. Nothing was lost by it.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "is_zero"))]
    pub receive_errors: u64,
    /// Datagrams that the kernel dropped because they found no room in the receive buffer, where
    /// the system says how many.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub dropped_here: Option<u64>,
}

impl fmt::Display for DatagramTotals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let datagrams = count(self.datagrams_out, "datagram");
        write!(f, "{datagrams}, {} echoed", count(self.bytes_out, "byte"))?;
        for (ignored, number) in self.ignored.iter() {
            write!(f, ", {number} ignored ({ignored})")?;
        }
        for (unsent, number) in self.unsent.iter() {
            write!(f, ", {number} not sent ({unsent})")?;
        }
        if !self.faults.is_empty() {
            write!(f, ", dealt {}", self.faults)?;
        }
        if self.receive_errors > 0 {
            write!(f, ", {} receive errors", self.receive_errors)?;
        }
        match self.dropped_here {
            Some(number @ 1..) => write!(f, ", {number} dropped here (receive buffer full)"),
            Some(0) | None => Ok(()),
        }
    }
}

#[cfg(feature = "serde")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// How often each of `N` kinds of something was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tally<K: 'static, const N: usize> {
    kinds: &'static [K],
    counts: [u64; N],
}

impl<K: Copy + PartialEq, const N: usize> Tally<K, N> {
    const fn of(kinds: &'static [K]) -> Self {
        Self { kinds, counts: [0; N] }
    }

    /// Counts one.
    pub(in crate::server) fn note(&mut self, kind: K) {
        if let Some(at) = self.kinds.iter().position(|&known| known == kind) {
            self.counts[at] += 1;
        }
    }

    /// The kinds that were seen, and how often.
    pub fn iter(&self) -> impl Iterator<Item = (K, u64)> {
        let counts = self.kinds.iter().copied().zip(self.counts);
        counts.filter(|(_, count)| *count > 0)
    }

    /// How often this kind was seen.
    #[must_use]
    pub fn count(&self, kind: K) -> u64 {
        self.iter().find(|(known, _)| *known == kind).map_or(0, |(_, count)| count)
    }

    /// Says whether none was seen.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.counts.iter().all(|count| *count == 0)
    }
}

impl<const N: usize> Default for Tally<Ignored, N> {
    fn default() -> Self {
        Self::of(Ignored::ALL)
    }
}

impl<const N: usize> Default for Tally<Unsent, N> {
    fn default() -> Self {
        Self::of(Unsent::ALL)
    }
}

/// How often each fault was dealt.
pub type FaultTally = Tally<FaultKind, { FaultKind::ALL.len() }>;

impl<const N: usize> Default for Tally<FaultKind, N> {
    fn default() -> Self {
        Self::of(FaultKind::ALL)
    }
}

impl<const N: usize> fmt::Display for Tally<FaultKind, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts = self.iter().map(|(kind, count)| format!("{count} {}", kind.name()));
        f.write_str(&counts.collect::<Vec<_>>().join(", "))
    }
}

/// An object: the code of each kind that was seen, and how often.
#[cfg(feature = "serde")]
impl<K: Copy + PartialEq + serde::Serialize, const N: usize> serde::Serialize for Tally<K, N> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn errors_of_sending_are_sorted_by_what_is_in_the_way() {
        use rustix::io::Errno;
        for (errno, unsent) in [
            (Errno::PERM, Unsent::Denied),
            (Errno::ACCESS, Unsent::Denied),
            (Errno::NOBUFS, Unsent::NoBuffer),
            (Errno::AGAIN, Unsent::NoBuffer),
            (Errno::MSGSIZE, Unsent::TooLarge),
            (Errno::HOSTUNREACH, Unsent::Unreachable),
            (Errno::NETUNREACH, Unsent::Unreachable),
            (Errno::CONNREFUSED, Unsent::Refused),
            (Errno::INVAL, Unsent::Other),
        ] {
            assert_eq!(Unsent::of(&errno.into()), unsent, "{errno:?}");
        }
    }

    #[test]
    fn a_tally_has_the_kinds_that_were_seen() {
        let mut totals = DatagramTotals::default();
        assert!(totals.ignored.is_empty());
        totals.ignored.note(Ignored::Rate);
        totals.ignored.note(Ignored::LowPort);
        totals.ignored.note(Ignored::Rate);
        assert_eq!(
            totals.ignored.iter().collect::<Vec<_>>(),
            [(Ignored::LowPort, 1), (Ignored::Rate, 2)]
        );
        assert_eq!((totals.ignored.count(Ignored::Rate), totals.unsent.is_empty()), (2, true));
    }
}
