//! What was dealt, and where: the truth that a test can hold against what its client says.

use std::fmt;

use super::kind::FaultKind;
use super::rule::Place;

/// A fault that has struck. [`Display`](fmt::Display), and with the feature `serde` its only form,
/// is the fault's name, and behind an `@` the byte at which it struck: `flip@1000`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Dealt {
    kind: FaultKind,
    place: Option<Place>,
}

impl Dealt {
    pub(crate) fn at(kind: FaultKind, offset: u64) -> Self {
        Self { kind, place: Some(Place::Byte(offset)) }
    }

    pub(super) fn at_the_end(kind: FaultKind) -> Self {
        Self { kind, place: Some(Place::End) }
    }

    /// A fault that has no place.
    pub(super) fn throughout(kind: FaultKind) -> Self {
        Self { kind, place: None }
    }

    /// What was dealt.
    #[must_use]
    pub fn kind(self) -> FaultKind {
        self.kind
    }

    /// How many bytes had been echoed before; none for a fault that struck at the end of the
    /// stream, or that has no place.
    #[must_use]
    pub fn offset(self) -> Option<u64> {
        match self.place {
            Some(Place::Byte(offset)) => Some(offset),
            Some(Place::End) | None => None,
        }
    }
}

impl fmt::Display for Dealt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind.name())?;
        match self.place {
            // In full, not in units: it is to be compared.
            Some(Place::Byte(offset)) => write!(f, "@{offset}"),
            Some(Place::End) => f.write_str("@end"),
            None => Ok(()),
        }
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for Dealt {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
