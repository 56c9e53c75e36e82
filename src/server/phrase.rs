//! Numbers and items in, the phrase that a sentence has for them out.

use std::fmt;

/// A number and what it counts: `1 byte`, `5 bytes`.
pub(super) fn count(number: u64, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

/// What there is several of, with commas between.
pub(super) fn list(items: &[impl fmt::Display]) -> String {
    items.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
