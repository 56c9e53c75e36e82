//! A datagram in, what becomes of it out.

use std::time::{Duration, Instant};

use fastrand::Rng;

use super::dealt::Dealt;
use super::draw::Draw;
use super::kind::FaultKind;
use super::rule::{Fault, Place};

/// Decides what becomes of each datagram. It has no clock and no socket: the caller says the time.
///
/// Faults that only a connection can have are passed by.
#[derive(Clone, Debug)]
pub struct DatagramFaults {
    draws: Vec<Draw>,
    rng: Rng,
}

/// What becomes of a datagram.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Fate {
    /// How many times it is sent; 0 if it is lost. Each fault that sends it twice adds one.
    pub copies: u32,
    /// When.
    pub due: Instant,
    /// To be sent behind the next datagram to the same receiver, or at this time if there is none by
    /// then.
    pub behind_next: Option<Instant>,
    /// How much of it is sent.
    pub length: usize,
    /// The bytes whose lowest bit is inverted.
    pub flips: Vec<usize>,
    /// To be sent from another port than it came to.
    pub wrong_source: bool,
    /// Which faults that were, in the order in which they struck.
    pub dealt: Vec<Dealt>,
}

/// How long a datagram waits for the next one, unless the fault says so: a second, which is the
/// usual time between two probes.
const REORDER: Duration = Duration::from_secs(1);

impl DatagramFaults {
    /// Makes a plan that deals `faults` in the order given. The same seed draws the same.
    #[must_use]
    pub fn new(faults: &[Fault], seed: u64) -> Self {
        let faults = faults.iter().filter(|fault| fault.kind.suits_datagrams());
        let draws = faults.cloned().map(Draw::new).collect();
        Self { draws, rng: Rng::with_seed(seed) }
    }

    /// Says whether there is nothing to deal.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.draws.is_empty()
    }

    /// Decides what becomes of the next datagram, which has `length` bytes and would be sent `now`.
    #[must_use]
    pub fn decide(&mut self, length: usize, now: Instant) -> Fate {
        let mut fate = Fate {
            copies: 1,
            due: now,
            behind_next: None,
            length,
            flips: Vec::new(),
            wrong_source: false,
            dealt: Vec::new(),
        };
        for draw in &mut self.draws {
            let Place::Byte(offset) = draw.fault.place else { continue };
            // A datagram without a byte at the offset is spared, and is none of the first N. Also
            // an empty datagram can be lost, but it has no byte to lose.
            let spared = match draw.fault.kind {
                FaultKind::Flip | FaultKind::Cut => fate.length as u64 <= offset,
                _ => offset > 0 && length as u64 <= offset,
            };
            if spared || fate.copies == 0 || !draw.draw(&mut self.rng) {
                continue;
            }
            fate.suffer(&draw.fault, offset as usize, now, &mut self.rng);
            fate.dealt.push(match offset {
                0 if draw.fault.kind != FaultKind::Flip => Dealt::throughout(draw.fault.kind),
                offset => Dealt::at(draw.fault.kind, offset),
            });
        }
        fate
    }
}

impl Fate {
    fn suffer(&mut self, fault: &Fault, offset: usize, now: Instant, rng: &mut Rng) {
        match fault.kind {
            FaultKind::Drop => self.copies = 0,
            FaultKind::Twice => self.copies += 1,
            FaultKind::Delay => self.due += fault.value.time(rng).unwrap_or_default(),
            FaultKind::Reorder => {
                self.behind_next = Some(now + fault.value.time(rng).unwrap_or(REORDER));
            }
            FaultKind::Flip => self.flips.push(offset),
            FaultKind::Cut => self.length = offset,
            FaultKind::WrongSource => self.wrong_source = true,
            // Only a connection has these.
            FaultKind::Rate
            | FaultKind::Slice
            | FaultKind::Add
            | FaultKind::Stall
            | FaultKind::Hang
            | FaultKind::Close
            | FaultKind::HalfClose
            | FaultKind::Reset
            | FaultKind::Late
            | FaultKind::Greet
            | FaultKind::NoAccept
            | FaultKind::MixUp => {}
        }
    }

    /// The bytes to send in place of `datagram`.
    #[must_use]
    pub fn apply(&self, datagram: &[u8]) -> Vec<u8> {
        let mut bytes = datagram[..self.length.min(datagram.len())].to_vec();
        for &at in &self.flips {
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= 1;
            }
        }
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_deals_the_same() {
        let dealt = |seed| {
            let fault = ["30%drop", "30%delay=1s~1s"].map(|text| text.parse().unwrap());
            let mut faults = DatagramFaults::new(&fault, seed);
            let now = Instant::now();
            (0..100)
                .map(|_| faults.decide(64, now))
                .map(|fate| (fate.copies, fate.due - now))
                .collect()
        };
        let first: Vec<(u32, Duration)> = dealt(7);
        assert_eq!(first, dealt(7));
        assert_ne!(first, dealt(8));
        assert!(first.iter().any(|&(copies, _)| copies == 0));
    }
}
