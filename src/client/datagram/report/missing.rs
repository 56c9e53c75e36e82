//! Probes that did not come back as they were sent in, the runs of those lost out, also if some come
//! back after all. No I/O.

use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::client::datagram::event::DatagramLoss;

/// What was told of a probe.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Told {
    /// That it is lost, and who said so.
    Lost { loss: DatagramLoss, by: Option<IpAddr> },
    /// That it came back corrupt, truncated or from another address.
    Odd,
}

/// The probes that are missing.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Missing {
    /// Those that may come back after all, by their number.
    recent: BTreeMap<u64, Told>,
    /// Those that were lost before them.
    runs: Runs,
}

/// How many are remembered: as many as a ping remembers, which knows none of the others when they
/// come back.
const MEMORY: usize = 1 << 15;

impl Missing {
    pub(super) fn note(&mut self, sequence: u64, told: Told) {
        self.recent.insert(sequence, told);
        if self.recent.len() > MEMORY {
            if let Some((oldest, Told::Lost { .. })) = self.recent.pop_first() {
                self.runs.add(oldest);
            }
        }
    }

    /// A probe is back after all. Returns what was told of it, if that is remembered.
    pub(super) fn take_back(&mut self, sequence: u64) -> Option<Told> {
        self.recent.remove(&sequence)
    }

    /// The runs of those that are lost.
    pub(super) fn runs(&self) -> Runs {
        let mut runs = self.runs;
        for (&sequence, told) in &self.recent {
            match told {
                Told::Lost { .. } => runs.add(sequence),
                Told::Odd => {}
            }
        }
        runs
    }
}

/// Runs of probes that were lost one after the other.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Runs {
    /// How many there are.
    pub(super) count: u64,
    /// How many probes the longest has.
    pub(super) longest: u64,
    /// The last probe of the last run, and how many that has.
    last: u64,
    length: u64,
}

impl Runs {
    fn add(&mut self, sequence: u64) {
        if self.length == 0 || sequence != self.last + 1 {
            self.count += 1;
            self.length = 0;
        }
        self.length += 1;
        self.last = sequence;
        self.longest = self.longest.max(self.length);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOST: Told = Told::Lost { loss: DatagramLoss::Timeout, by: None };

    fn runs(missing: &Missing) -> (u64, u64) {
        let Runs { count, longest, .. } = missing.runs();
        (count, longest)
    }

    #[test]
    fn a_probe_that_comes_back_after_all_is_in_no_run() {
        for (lost, odd, back, expected) in [
            (&[3, 4, 5, 7, 9, 10][..], &[][..], &[][..], (3, 3)),
            // In whatever order they are told.
            (&[10, 3, 5, 4, 9, 7], &[], &[], (3, 3)),
            (&[1, 2, 3, 4, 5], &[], &[3], (2, 2)),
            (&[1, 2, 3, 4, 5], &[], &[1, 2, 3], (1, 2)),
            (&[1, 2], &[], &[1, 2], (0, 0)),
            (&[1, 3], &[2], &[], (2, 1)),
            (&[], &[2], &[2], (0, 0)),
            (&[2], &[], &[7], (1, 1)),
        ] {
            let mut missing = Missing::default();
            for &sequence in lost {
                missing.note(sequence, LOST);
            }
            for &sequence in odd {
                missing.note(sequence, Told::Odd);
            }
            for &sequence in back {
                let told = missing.take_back(sequence);
                assert_eq!(told == Some(LOST), lost.contains(&sequence));
                assert_eq!(told == Some(Told::Odd), odd.contains(&sequence));
            }
            assert_eq!(runs(&missing), expected, "{lost:?}, {odd:?}, {back:?}");
        }
    }

    #[test]
    fn the_memory_has_an_end_and_the_runs_have_none() {
        let mut missing = Missing::default();
        for sequence in 1..=100_000 {
            missing.note(sequence, LOST);
        }
        assert_eq!(missing.recent.len(), MEMORY);
        assert_eq!(missing.take_back(1), None);
        assert_eq!(missing.take_back(100_000), Some(LOST));
        assert_eq!(runs(&missing), (1, 99_999));
    }
}
