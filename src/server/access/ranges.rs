//! Prefixes of one family in, the ranges in which one of them decides out.

use std::net::IpAddr;

use crate::address::Prefix;

/// What a rule says of the addresses in a range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Allowed,
    /// By the prefix at this place in the list; by none if no rule speaks of the address.
    Denied(Option<u32>),
}

/// Where each range starts, and the verdict from there on. Before the first it is the default.
#[derive(Debug)]
pub(super) struct Ranges<K> {
    pub(super) starts: Vec<K>,
    verdicts: Vec<Verdict>,
}

impl<K: Copy + Ord> Ranges<K> {
    /// Cuts the prefixes of one family's rules. `most` is the family's last address, and `key` makes
    /// an address of it of a number.
    pub(super) fn new(
        rules: Vec<(Prefix, Verdict)>,
        default: Verdict,
        most: u128,
        key: impl Fn(u128) -> K,
    ) -> Self {
        let ranges = flatten(rules, default, most);
        let (starts, verdicts) = ranges.into_iter().map(|(at, is)| (key(at), is)).unzip();
        Self { starts, verdicts }
    }

    /// The verdict on an address, if it is not before the first range.
    pub(super) fn at(&self, address: K) -> Option<Verdict> {
        let behind = self.starts.partition_point(|&start| start <= address);
        behind.checked_sub(1).map(|range| self.verdicts[range])
    }
}

/// Cuts prefixes of one family into the ranges in which one of them decides. `most` is the family's
/// last address.
fn flatten(
    mut rules: Vec<(Prefix, Verdict)>,
    default: Verdict,
    most: u128,
) -> Vec<(u128, Verdict)> {
    // A denial comes before the allowance of the same prefix, which is then passed over.
    rules.sort_by_key(|(prefix, verdict)| {
        (key(prefix.first()), prefix.length(), *verdict == Verdict::Allowed)
    });
    rules.dedup_by_key(|(prefix, _)| *prefix);
    let mut sweep = Sweep { ranges: Vec::new(), open: Vec::new(), default };
    for (prefix, verdict) in rules {
        let first = key(prefix.first());
        sweep.close_before(first);
        sweep.begin(first, verdict);
        sweep.open.push((key(prefix.last()), verdict));
    }
    // A prefix that ends with the last address has no range behind it.
    sweep.close_before(most);
    sweep.ranges
}

/// The way over all prefixes, from the first address to the last.
struct Sweep {
    ranges: Vec<(u128, Verdict)>,
    /// The last addresses of the prefixes that hold where the sweep is. Two prefixes are either
    /// disjoint or one is in the other, so the longest is on top.
    open: Vec<(u128, Verdict)>,
    default: Verdict,
}

impl Sweep {
    /// Ends the prefixes whose last address is before `address`.
    fn close_before(&mut self, address: u128) {
        while let Some(&(last, _)) = self.open.last().filter(|(last, _)| *last < address) {
            self.open.pop();
            let verdict = self.open.last().map_or(self.default, |(_, verdict)| *verdict);
            self.begin(last + 1, verdict);
        }
    }

    fn begin(&mut self, at: u128, verdict: Verdict) {
        match self.ranges.last_mut() {
            Some((start, last)) if *start == at => *last = verdict,
            _ => self.ranges.push((at, verdict)),
        }
    }
}

/// An address as a number of its family.
fn key(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u32::from(address).into(),
        IpAddr::V6(address) => address.into(),
    }
}
