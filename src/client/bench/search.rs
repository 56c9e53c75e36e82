//! Steps of load in, the highest rate that keeps within a limit out. No I/O, no clock.

use super::event::StepOutcome;
use super::statistics::NOTABLE;

/// Looks for the highest rate that holds: doubles it until it does not, then halves the gap until it
/// is 2 %, then asks for a longer step to confirm what was found.
///
/// A rate counts as too high only if it did not hold twice: one hiccup of a machine is not a limit.
#[derive(Clone, Debug)]
pub(super) struct Search {
    rate: f64,
    phase: Phase,
    /// The highest rate that held, 0 at first.
    held: f64,
    /// The lowest that did not.
    failed: f64,
    /// Why it did not.
    failed_by: Option<StepOutcome>,
    /// Why the rate of now did not hold, if it was tried once.
    failed_once: Option<StepOutcome>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Look,
    Confirm,
    Over,
}

/// What to do next.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Next {
    /// Try this rate.
    Try(f64),
    /// Try this rate for longer.
    Confirm(f64),
    /// This is the rate; `None`: not even the lowest held.
    Found(Option<f64>),
}

/// The lowest rate that is tried, in messages a second.
const LOWEST: f64 = 1.0;

impl Search {
    /// Begins with `rate`.
    pub(super) fn new(rate: f64) -> Self {
        let rate = rate.max(LOWEST);
        let (held, failed) = (0.0, f64::INFINITY);
        Self { rate, phase: Phase::Look, held, failed, failed_by: None, failed_once: None }
    }

    pub(super) fn next(&self) -> Next {
        match self.phase {
            Phase::Look => Next::Try(self.rate),
            Phase::Confirm => Next::Confirm(self.rate),
            Phase::Over => Next::Found((self.held > 0.0).then_some(self.held)),
        }
    }

    /// Why the lowest rate that was too high did not hold. This host is the reason only if it twice
    /// did not send that rate: once sent, it is the server that did not hold it.
    pub(super) fn failed_by(&self) -> Option<StepOutcome> {
        self.failed_by
    }

    /// Takes note of whether the rate that was [`next`](Self::next) held.
    pub(super) fn note(&mut self, outcome: StepOutcome) {
        let held = outcome == StepOutcome::Held;
        let before = self.failed_once.take();
        if !held && before.is_none() {
            self.failed_once = Some(outcome);
            return;
        }
        if held {
            self.held = self.rate;
        } else {
            self.failed = self.rate;
            let of_server = before.filter(|&before| before != StepOutcome::NotSent);
            self.failed_by = of_server.or(Some(outcome));
            // What did not stand the longer step is no longer known to hold.
            if self.held >= self.failed {
                self.held = 0.0;
            }
        }
        if self.phase == Phase::Confirm {
            if held {
                self.phase = Phase::Over;
            } else {
                self.lower(self.failed * (1.0 - NOTABLE));
            }
            return;
        }
        if self.failed.is_infinite() {
            self.rate *= 2.0;
        } else if self.held == 0.0 {
            self.lower(self.failed / 2.0);
        } else if self.failed - self.held > NOTABLE * self.held {
            self.rate = (self.held + self.failed) / 2.0;
        } else {
            self.rate = self.held;
            self.phase = Phase::Confirm;
        }
    }

    /// Goes down to `rate`, but not below the lowest.
    fn lower(&mut self, rate: f64) {
        if self.failed <= LOWEST {
            self.phase = Phase::Over;
        }
        self.rate = rate.max(LOWEST);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Searches where rates up to `limit` hold; says what was found, and in how many steps.
    fn search(start: f64, mut holds: impl FnMut(Next) -> bool) -> (Option<f64>, usize) {
        let outcome = |held| if held { StepOutcome::Held } else { StepOutcome::TooSlow };
        let (found, _, steps) = search_by(start, |next| outcome(holds(next)));
        (found, steps)
    }

    /// The same, with what ended it.
    fn search_by(
        start: f64,
        mut tried: impl FnMut(Next) -> StepOutcome,
    ) -> (Option<f64>, Option<StepOutcome>, usize) {
        let mut search = Search::new(start);
        for step in 0..1_000 {
            match search.next() {
                Next::Found(found) => return (found, search.failed_by(), step),
                next => search.note(tried(next)),
            }
        }
        panic!("no end: {search:?}");
    }

    fn rate(next: Next) -> f64 {
        match next {
            Next::Try(rate) | Next::Confirm(rate) => rate,
            Next::Found(_) => panic!("{next:?}"),
        }
    }

    #[test]
    fn the_limit_is_found_within_two_percent_from_wherever_it_begins() {
        for limit in [1.0, 3.0, 999.0, 1_000.0, 57_123.0, 2e6] {
            for start in [1.0, 1_000.0, 1e7] {
                let (found, steps) = search(start, |next| rate(next) <= limit);
                let found = found.unwrap();
                assert!(found <= limit && found >= limit * 0.97, "{limit} {start}: {found}");
                assert!(steps < 70, "{steps}");
            }
        }
    }

    #[test]
    fn a_server_that_holds_no_rate_ends_the_search() {
        assert_eq!(search(1_000.0, |_| false).0, None);
    }

    #[test]
    fn a_single_hiccup_does_not_lower_the_rate() {
        let mut hiccups = 0;
        let (found, _) = search(1_000.0, |next| {
            hiccups += 1;
            hiccups % 3 != 0 && rate(next) <= 50_000.0
        });
        assert!(found.unwrap() > 48_000.0, "{found:?}");
    }

    #[test]
    fn a_search_says_what_ended_it() {
        use StepOutcome::{Faults, Held, NotSent, TooSlow};
        for (twice, ended_by) in [
            ([TooSlow, TooSlow], TooSlow),
            ([Faults, TooSlow], Faults),
            ([NotSent, NotSent], NotSent),
            ([NotSent, TooSlow], TooSlow),
            ([Faults, NotSent], Faults),
        ] {
            for limit in [20_000.0, 0.5] {
                let mut tries = twice.iter().cycle();
                let (found, said, _) = search_by(1_000.0, |next| {
                    if rate(next) <= limit { Held } else { *tries.next().unwrap() }
                });
                assert_eq!((found.is_some(), said), (limit > 1.0, Some(ended_by)), "{twice:?}");
            }
        }
        // Of several rates that were too high it is the lowest that says what the limit is.
        let (_, said, _) = search_by(1_000.0, |next| match rate(next) {
            30_000.0.. => TooSlow,
            20_000.0.. => NotSent,
            _ => Held,
        });
        assert_eq!(said, Some(NotSent));
    }

    #[test]
    fn what_does_not_stand_the_longer_step_is_lowered_until_it_does() {
        let (found, _) = search(1_000.0, |next| match next {
            Next::Confirm(rate) => rate <= 30_000.0,
            next => rate(next) <= 32_000.0,
        });
        assert!((29_000.0..=30_000.0).contains(&found.unwrap()), "{found:?}");
    }
}
