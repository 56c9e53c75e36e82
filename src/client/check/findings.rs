//! What was found at each address of a target in, a sentence to act on out.

use std::fmt;

use super::checked::Checked;
use crate::address::Families;

/// What was found at the addresses of one target. Displays as a sentence to act on: `IPv6: refused;
/// IPv4 works`.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Findings {
    /// Each address.
    pub checked: Vec<Checked>,
}

/// What a series of checks came to.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "serde", serde(tag = "event", rename = "summary"))]
pub struct CheckSummary {
    /// Addresses that were checked.
    pub checked: usize,
    /// Addresses at which everything works.
    pub ok: usize,
    /// Whether a check was stopped before all was known.
    pub interrupted: bool,
    /// A sentence for each target.
    pub sentences: Vec<String>,
}

impl From<Vec<Checked>> for Findings {
    fn from(checked: Vec<Checked>) -> Self {
        Self { checked }
    }
}

impl CheckSummary {
    /// Counts what was found.
    pub fn note(&mut self, findings: &Findings) {
        self.checked += findings.checked.len();
        self.ok += findings.checked.iter().filter(|checked| checked.is_well()).count();
        self.interrupted |= findings.checked.iter().any(|checked| !checked.finished);
    }
}

impl fmt::Display for Findings {
    /// What is wrong first, each address by its family unless that has several.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = &self.checked;
        let name = |checked: &Checked| {
            let family = Families::of(checked.address);
            let same = all.iter().filter(|other| Families::of(other.address) == family).count();
            if same > 1 { checked.address.to_string() } else { family.to_string() }
        };
        let (well, wrong): (Vec<_>, Vec<_>) = all.iter().partition(|checked| checked.is_well());
        let mut phrases: Vec<String> = Vec::new();
        for checked in wrong {
            let stopped = checked.failure.is_some() && !checked.finished;
            let stopped = if stopped { " (interrupted)" } else { "" };
            phrases.push(format!("{}: {}{stopped}", name(checked), checked.diagnosis()));
        }
        let well: Vec<String> = well.into_iter().map(name).collect();
        match &well[..] {
            [] => {}
            [one] => phrases.push(format!("{one} works")),
            [most @ .., last] => phrases.push(format!("{} and {last} work", most.join(", "))),
        }
        f.write_str(&phrases.join("; "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::check::kinds::{Hold, Step};
    use crate::client::error::SendError;

    fn checked(address: &str, wrong: bool) -> Checked {
        let mut checked = Checked::new(address.parse().unwrap());
        checked.finished = true;
        if wrong {
            let peer = checked.address;
            checked.fail(Step::Echo, SendError::Surplus { peer, sent: 64 });
        }
        checked
    }

    #[test]
    fn a_sentence_names_what_is_wrong_first_and_families_where_they_suffice() {
        let wrong = "more comes back than was sent: is it an echo server?";
        for (all, sentence) in [
            (vec![checked("[::1]:7", false)], "IPv6 works".to_owned()),
            (
                vec![checked("[::1]:7", false), checked("127.0.0.1:7", false)],
                "IPv6 and IPv4 work".to_owned(),
            ),
            (
                vec![checked("127.0.0.1:7", false), checked("[::1]:7", true)],
                format!("IPv6: {wrong}; IPv4 works"),
            ),
            (
                vec![checked("127.0.0.1:7", true), checked("127.0.0.2:7", false)],
                format!("127.0.0.1:7: {wrong}; 127.0.0.2:7 works"),
            ),
        ] {
            assert_eq!(Findings::from(all).to_string(), sentence);
        }
    }

    #[test]
    fn a_check_that_was_stopped_is_said_to_be() {
        let mut one = checked("[::1]:7", true);
        one.finished = false;
        let mut other = checked("127.0.0.1:7", false);
        other.finished = false;
        other.hold = Some(Hold::Alive);
        let findings = Findings::from(vec![one, other]);
        let sentence = findings.to_string();
        assert!(
            sentence.contains("echo server? (interrupted); IPv4: interrupted before"),
            "{sentence}"
        );
        let mut summary = CheckSummary::default();
        summary.note(&findings);
        assert_eq!((summary.checked, summary.ok, summary.interrupted), (2, 0, true));
    }
}
