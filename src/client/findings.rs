//! What was found at each address of a target in, over either transport, a sentence to act on out.

use std::fmt;
use std::net::SocketAddr;

use super::idle::IdleTimeout;
use crate::address::Families;

/// What was found at one address: a [`Checked`](super::Checked) or a
/// [`DatagramChecked`](super::DatagramChecked), which alone implement it: more methods may come.
pub trait Finding: Sized {
    /// What is spoken of when nothing was sent for a while: `a silent connection`.
    const SILENT: &'static str;

    /// The address.
    fn address(&self) -> SocketAddr;

    /// Says whether the check came to its end, and everything works.
    fn is_well(&self) -> bool;

    /// Says whether the check came to its end, that is, was not stopped.
    fn is_finished(&self) -> bool;

    /// Between which silences the idle timeout lies, if that was asked for.
    fn idle(&self) -> Option<IdleTimeout>;

    /// What is wrong, as a phrase; `all` is what was found at each address of the target. `None` if
    /// nothing is.
    fn complaint(&self, all: &[Self]) -> Option<String>;
}

/// What was found at the addresses of one target. Displays as a sentence to act on: `IPv6: refused;
/// IPv4 works`.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Findings<F> {
    /// Each address.
    pub checked: Vec<F>,
    /// The family of which the name has no address, although one was wanted. The caller may note it.
    pub missing: Option<Families>,
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

impl<F> From<Vec<F>> for Findings<F> {
    fn from(checked: Vec<F>) -> Self {
        Self { checked, missing: None }
    }
}

impl CheckSummary {
    /// Counts what was found.
    pub fn note<F: Finding>(&mut self, findings: &Findings<F>) {
        self.checked += findings.checked.len();
        self.ok += findings.checked.iter().filter(|checked| checked.is_well()).count();
        self.interrupted |= findings.checked.iter().any(|checked| !checked.is_finished());
    }
}

impl<F: Finding> fmt::Display for Findings<F> {
    /// What is wrong first, each address by its family unless that has several.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = &self.checked;
        let name = |checked: &F| {
            let family = Families::of(checked.address());
            let same = all.iter().filter(|other| Families::of(other.address()) == family).count();
            if same > 1 { checked.address().to_string() } else { family.to_string() }
        };
        let mut phrases: Vec<String> = Vec::new();
        let mut well: Vec<String> = Vec::new();
        for checked in all {
            match checked.complaint(all) {
                Some(complaint) => phrases.push(format!("{}: {complaint}", name(checked))),
                None => well.push(name(checked)),
            }
        }
        match &well[..] {
            [] => {}
            [one] => phrases.push(format!("{one} works")),
            [most @ .., last] => phrases.push(format!("{} and {last} work", most.join(", "))),
        }
        for checked in all {
            if let Some(idle) = checked.idle().filter(IdleTimeout::is_alive) {
                phrases.push(format!("{}: {}", name(checked), idle.phrase(F::SILENT)));
            }
        }
        if let Some(missing) = self.missing {
            phrases.push(format!("the name has no {missing} address"));
        }
        f.write_str(&phrases.join("; "))
    }
}
