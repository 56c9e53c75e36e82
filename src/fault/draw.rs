//! Who has a fault: P percent of all that come, and of these the first N.

use std::time::Duration;

use fastrand::Rng;

use super::rule::{Chance, Fault, Value};

/// A fault, and how often it may still be drawn.
#[derive(Clone, Debug)]
pub(super) struct Draw {
    pub(super) fault: Fault,
    left: u64,
}

impl Draw {
    pub(super) fn new(fault: Fault) -> Self {
        let left = fault.first.map_or(u64::MAX, u64::from);
        Self { fault, left }
    }

    /// Says whether the next one that comes has the fault.
    pub(super) fn draw(&mut self, rng: &mut Rng) -> bool {
        // Drawn also when none is left, so that what one fault draws never depends on another's N.
        let chosen = self.fault.chance.is_none_or(|Chance(parts)| rng.u32(0..1_000_000) < parts);
        let drawn = chosen && self.left > 0;
        if drawn {
            self.left -= 1;
        }
        drawn
    }
}

impl Value {
    /// The duration, with its jitter.
    pub(super) fn time(&self, rng: &mut Rng) -> Option<Duration> {
        match *self {
            Self::Time { time, jitter } if jitter.is_zero() => Some(time),
            Self::Time { time, jitter } => {
                let micros = around(time.as_micros() as u64, jitter.as_micros() as u64, rng);
                Some(Duration::from_micros(micros))
            }
            Self::Nothing | Self::Size { .. } | Self::Text(_) => None,
        }
    }

    /// The size, with its jitter, and at least 1.
    pub(super) fn size(&self, rng: &mut Rng) -> Option<u64> {
        match *self {
            Self::Size { size, jitter: 0 } => Some(size),
            Self::Size { size, jitter } => Some(around(size, jitter, rng).max(1)),
            Self::Nothing | Self::Time { .. } | Self::Text(_) => None,
        }
    }
}

/// A number between `middle - jitter` and `middle + jitter`, all of them as likely, and 0 in place
/// of those below.
fn around(middle: u64, jitter: u64, rng: &mut Rng) -> u64 {
    let drawn = rng.u64(0..=jitter.saturating_mul(2));
    middle.saturating_add(drawn).saturating_sub(jitter)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(fault: &str, seed: u64) -> Vec<bool> {
        let mut draw = Draw::new(fault.parse().unwrap());
        let mut rng = Rng::with_seed(seed);
        (0..1000).map(|_| draw.draw(&mut rng)).collect()
    }

    #[test]
    fn the_first_n_of_the_p_percent_have_it() {
        let count = |fault| drawn(fault, 7).iter().filter(|&&drawn| drawn).count();
        assert_eq!(count("close"), 1000);
        assert_eq!(drawn("2*close", 7).iter().position(|drawn| !drawn), Some(2));
        assert_eq!(count("2*close"), 2);
        assert!((70..130).contains(&count("10%close")), "{}", count("10%close"));
        assert_eq!(count("10%3*close"), 3);
        assert!(drawn("10%3*close", 7).iter().position(|&drawn| drawn) > Some(0));
    }

    #[test]
    fn a_seed_makes_a_run_reproducible() {
        assert_eq!(drawn("50%close", 7), drawn("50%close", 7));
        assert_ne!(drawn("50%close", 7), drawn("50%close", 8));
    }

    #[test]
    fn a_jitter_stays_around_the_value_and_never_below_zero() {
        let mut rng = Rng::with_seed(7);
        let times: Vec<u64> = (0..1000).map(|_| around(100, 20, &mut rng)).collect();
        assert_eq!((times.iter().min(), times.iter().max()), (Some(&80), Some(&120)));
        assert!((0..1000).all(|_| around(10, 20, &mut rng) <= 30));
        let _ = around(u64::MAX, u64::MAX, &mut rng); // saturates
    }
}
