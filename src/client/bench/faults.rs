//! What failed in a load: messages by cause, and what happened to datagrams beside that.

use std::net::SocketAddr;

use crate::error::CauseKind;

/// How many messages failed, by kind.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Faults(Vec<(CauseKind, u64)>);

/// What happened to the datagrams of a load beside its faults.
#[derive(Clone, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct DatagramCounts {
    /// Messages that came back after they had been given up; they stay faults.
    pub late: u64,
    /// Messages that came back behind one that was sent after them, from the same port (RFC 4737).
    /// That is no fault.
    pub reordered: u64,
    /// By how much, at most.
    pub max_reordering: u64,
    /// Datagrams that came and found no room in this host's receive buffers. As many of the messages
    /// that timed out count as a fault of this host. Asked only if one did.
    pub dropped_here: u64,
    /// The address that an answer came from without being asked: the last.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub foreign_from: Option<SocketAddr>,
}

/// The first byte that came back changed, or that nobody sent.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct FirstDifference {
    /// The number of the connection, or the flow of datagrams, from 0 on.
    pub connection: usize,
    /// The number of bytes before it on that connection, or in that datagram.
    pub offset: u64,
    /// The byte that was sent; `None` if more came back than was sent.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub expected: Option<u8>,
    /// The byte that came back.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub got: Option<u8>,
}

impl Faults {
    /// How many messages failed.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.0.iter().map(|(_, count)| count).sum()
    }

    /// How many failed in this way.
    #[must_use]
    pub fn of(&self, kind: CauseKind) -> u64 {
        self.iter().find(|(other, _)| *other == kind).map_or(0, |(_, count)| count)
    }

    /// The kinds that occurred, in the order in which they first did.
    pub fn iter(&self) -> impl Iterator<Item = (CauseKind, u64)> {
        self.0.iter().copied()
    }

    /// Counts some of one kind as another.
    pub(super) fn shift(&mut self, from: CauseKind, to: CauseKind, count: u64) {
        if let Some((_, sum)) = self.0.iter_mut().find(|(kind, _)| *kind == from) {
            let moved = count.min(*sum);
            *sum -= moved;
            self.0.retain(|(_, sum)| *sum > 0);
            self.note(to, moved);
        }
    }

    pub(super) fn note(&mut self, kind: CauseKind, count: u64) {
        if count == 0 {
            return;
        }
        match self.0.iter_mut().find(|(other, _)| *other == kind) {
            Some((_, sum)) => *sum += count,
            None => self.0.push((kind, count)),
        }
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for Faults {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeMap as _;
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (kind, count) in self.iter() {
            map.serialize_entry(kind.code(), &count)?;
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_counted_by_kind() {
        let mut faults = Faults::default();
        faults.note(CauseKind::Reset, 2);
        faults.note(CauseKind::Timeout, 0);
        faults.note(CauseKind::Reset, 1);
        faults.note(CauseKind::Here, 1);
        let counts: Vec<_> = faults.iter().collect();
        assert_eq!(counts, [(CauseKind::Reset, 3), (CauseKind::Here, 1)]);
        assert_eq!((faults.total(), faults.of(CauseKind::Timeout)), (4, 0));
        faults.shift(CauseKind::Reset, CauseKind::Here, 9);
        faults.shift(CauseKind::Timeout, CauseKind::Here, 9);
        assert_eq!(faults.iter().collect::<Vec<_>>(), [(CauseKind::Here, 4)]);
    }
}
