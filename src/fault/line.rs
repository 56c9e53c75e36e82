//! Echoed bytes and the time in, what to write and what else to do out: the faults of one
//! connection, without a stream and without a clock.

use std::time::Instant;

use fastrand::Rng;

use super::action::Action;
use super::dealt::Dealt;
use super::egress::{Egress, Item, Step};
use super::kind::FaultKind;
use super::plan::{LostAndFound, StreamPlan, Strike};
use super::rule::{Place, Value};

/// How much is held for a connection: as much as the pump holds of an honest one.
const CAPACITY: usize = 512 * 1024;

/// How much is held of what is echoed only after the half-close. Beyond that nothing more is read,
/// as of a server that waits for ever.
const LATE_CAPACITY: usize = 16 << 20;

/// The bytes on their way back.
///
/// Offsets count the bytes of an honest echo. At each offset, what needs no further byte comes
/// first (add, stall, hang, close, half-close, reset), then what concerns the byte at the offset,
/// and each in the order given: so it does not matter in which pieces the bytes come.
#[derive(Debug)]
pub(super) struct Line {
    /// Not yet struck.
    strikes: Vec<Strike>,
    rng: Rng,
    lost_and_found: Option<LostAndFound>,
    /// Bytes taken.
    position: u64,
    /// The bytes before this one are left out.
    drop_until: u64,
    repeat: Option<Repeat>,
    mix_up: Option<std::iter::Cycle<std::vec::IntoIter<u8>>>,
    delay: Option<Value>,
    /// What is sent later is due no earlier.
    last_due: Option<Instant>,
    egress: Egress,
    capacity: usize,
    /// The client has half-closed.
    ended: bool,
    /// An action is queued, behind which there is nothing.
    acted: bool,
}

/// Bytes that are kept to be sent again when the byte at `until` has come.
#[derive(Debug)]
struct Repeat {
    from: u64,
    until: u64,
    bytes: Vec<u8>,
}

impl Line {
    pub(super) fn new(plan: StreamPlan) -> Self {
        let StreamPlan { strikes, rng, lost_and_found } = plan;
        let late = strikes.iter().any(|strike| strike.kind == FaultKind::Late);
        let mut line = Self {
            strikes,
            rng,
            lost_and_found,
            position: 0,
            drop_until: 0,
            repeat: None,
            mix_up: None,
            delay: None,
            last_due: None,
            egress: Egress::default(),
            capacity: if late { LATE_CAPACITY } else { CAPACITY },
            ended: false,
            acted: false,
        };
        // An addition at 0 stands in front of the first byte, and is no greeting.
        line.strike(Place::Byte(0), |kind| !needs_a_byte(kind) && kind != FaultKind::Add, None);
        line
    }

    /// How many more bytes it takes for now.
    pub(super) fn room(&self) -> usize {
        if self.acted { usize::MAX } else { self.capacity.saturating_sub(self.egress.held()) }
    }

    /// Takes bytes that an honest server would echo.
    pub(super) fn push(&mut self, mut bytes: &[u8], now: Instant) {
        if let Some(lost_and_found) = &self.lost_and_found {
            lost_and_found.leave(bytes);
        }
        while !bytes.is_empty() && !self.acted {
            self.strike(Place::Byte(self.position), |kind| !needs_a_byte(kind), Some(now));
            let flips = self.strike(Place::Byte(self.position), needs_a_byte, Some(now));
            let length = if flips.is_some() { 1 } else { self.until_next_change() };
            let length = length.min(bytes.len() as u64) as usize;
            let (piece, rest) = bytes.split_at(length);
            self.take(piece, flips, now);
            bytes = rest;
        }
        self.strike(Place::Byte(self.position), |kind| !needs_a_byte(kind), Some(now));
    }

    /// Notes that the client has half-closed.
    pub(super) fn end(&mut self, now: Instant) {
        if std::mem::replace(&mut self.ended, true) || self.acted {
            return;
        }
        self.repeat_now(now);
        self.strike(Place::End, |_| true, Some(now));
        let due = self.due(now);
        self.egress.push(Item::End { due });
    }

    /// What has been dealt since the last call.
    pub(super) fn dealt(&mut self) -> std::vec::Drain<'_, Dealt> {
        self.egress.dealt()
    }

    /// Says what is to be done `now`.
    pub(super) fn step(&mut self, now: Instant) -> Step<'_> {
        self.egress.step(now, self.ended, &mut self.rng)
    }

    /// Notes that the first `length` bytes of the last piece were written.
    pub(super) fn wrote(&mut self, length: usize, now: Instant) {
        self.egress.wrote(length, now, &mut self.rng);
    }

    /// Carries out all faults at `place` that `concern`; says if the byte there is to be flipped.
    fn strike(
        &mut self,
        place: Place,
        concern: fn(FaultKind) -> bool,
        now: Option<Instant>,
    ) -> Option<Dealt> {
        let mut flips = None;
        let mut at = 0;
        while at < self.strikes.len() && !self.acted {
            let strike = &self.strikes[at];
            if strike.place != place || !concern(strike.kind) {
                at += 1;
                continue;
            }
            let Strike { kind, value, place } = self.strikes.remove(at);
            let dealt = match (kind, place) {
                (FaultKind::Greet | FaultKind::Late, _) => Dealt::throughout(kind),
                (_, Place::Byte(offset)) => Dealt::at(kind, offset),
                (_, Place::End) => Dealt::at_the_end(kind),
            };
            self.carry_out(kind, value, dealt, now, &mut flips);
        }
        flips
    }

    fn carry_out(
        &mut self,
        kind: FaultKind,
        value: Value,
        dealt: Dealt,
        now: Option<Instant>,
        flips: &mut Option<Dealt>,
    ) {
        match kind {
            FaultKind::Flip => *flips = flips.xor(Some(dealt)), // twice is not at all
            FaultKind::Drop => {
                let length = value.sized().unwrap_or(1);
                self.drop_until = self.drop_until.max(self.position.saturating_add(length));
                self.egress.push(Item::Dealt(dealt));
            }
            FaultKind::Twice => {
                let until = self.position.saturating_add(value.sized().unwrap_or(1));
                match &mut self.repeat {
                    Some(repeat) => repeat.until = repeat.until.max(until),
                    None => {
                        self.repeat =
                            Some(Repeat { from: self.position, until, bytes: Vec::new() });
                    }
                }
            }
            FaultKind::Add | FaultKind::Greet => {
                let text = if let Value::Text(text) = value { text } else { b"!".to_vec() };
                let due = now.and_then(|now| self.due(now));
                self.egress.send(&text, due);
                self.egress.push(Item::Dealt(dealt));
            }
            FaultKind::MixUp => {
                let found = self.lost_and_found.as_ref().and_then(LostAndFound::find);
                if let Some(found) = found {
                    self.mix_up = Some(found.into_iter().cycle());
                    self.egress.push(Item::Dealt(dealt));
                }
            }
            FaultKind::Delay => {
                self.delay = Some(value);
                self.egress.push(Item::Dealt(dealt));
            }
            FaultKind::Rate => self.egress.extend([Item::Rate(value), Item::Dealt(dealt)]),
            FaultKind::Slice => self.egress.extend([Item::Slice(value), Item::Dealt(dealt)]),
            FaultKind::Late => self.egress.extend([Item::Late, Item::Dealt(dealt)]),
            FaultKind::Stall => match value {
                Value::Time { time, .. } => {
                    self.egress.extend([Item::Dealt(dealt), Item::Pause(time)]);
                }
                _ => self.act(Action::Stall, dealt),
            },
            FaultKind::Hang => self.act(Action::Hang, dealt),
            FaultKind::Close => self.act(Action::Close, dealt),
            FaultKind::HalfClose => self.act(Action::HalfClose, dealt),
            FaultKind::Reset => self.act(Action::Reset, dealt),
            // No plan of a connection has these.
            FaultKind::NoAccept | FaultKind::Reorder | FaultKind::Cut | FaultKind::WrongSource => {}
        }
    }

    fn act(&mut self, action: Action, dealt: Dealt) {
        self.acted = true;
        self.egress.push(Item::Act(action, dealt));
    }

    /// How many bytes there are from here to where something changes.
    fn until_next_change(&self) -> u64 {
        let strikes = self.strikes.iter().filter_map(|strike| match strike.place {
            Place::Byte(offset) => Some(offset),
            Place::End => None,
        });
        let changes = strikes
            .chain([self.drop_until])
            .chain(self.repeat.as_ref().map(|repeat| repeat.until))
            .filter(|&offset| offset > self.position);
        changes.min().map_or(u64::MAX, |offset| offset - self.position)
    }

    /// Takes bytes all of which have the same faults.
    fn take(&mut self, piece: &[u8], flips: Option<Dealt>, now: Instant) {
        let dropped = self.position < self.drop_until;
        self.position += piece.len() as u64;
        if !dropped {
            let mut bytes = piece.to_vec();
            if let Some(mix_up) = &mut self.mix_up {
                bytes.iter_mut().zip(mix_up).for_each(|(byte, other)| *byte = other);
            }
            if flips.is_some() {
                bytes[0] ^= 1;
            }
            let due = self.due(now);
            self.egress.send(&bytes, due);
            self.egress.extend(flips.map(Item::Dealt));
            if let Some(repeat) = &mut self.repeat {
                repeat.bytes.extend_from_slice(&bytes);
            }
        }
        if self.repeat.as_ref().is_some_and(|repeat| repeat.until <= self.position) {
            self.repeat_now(now);
        }
    }

    /// Sends again what was kept for that.
    fn repeat_now(&mut self, now: Instant) {
        if let Some(Repeat { from, bytes, .. }) = self.repeat.take() {
            let due = self.due(now);
            self.egress.send(&bytes, due);
            self.egress.push(Item::Dealt(Dealt::at(FaultKind::Twice, from)));
        }
    }

    /// When what comes now is due; none if at once.
    fn due(&mut self, now: Instant) -> Option<Instant> {
        if let Some(delay) = &self.delay {
            let due = now + delay.time(&mut self.rng).unwrap_or_default();
            self.last_due = self.last_due.max(Some(due)); // a jitter changes no order
        }
        self.last_due
    }
}

/// Says whether a fault changes, or begins with, the byte at its offset.
fn needs_a_byte(kind: FaultKind) -> bool {
    match kind {
        FaultKind::Delay
        | FaultKind::Rate
        | FaultKind::Slice
        | FaultKind::Flip
        | FaultKind::Drop
        | FaultKind::Twice
        | FaultKind::MixUp => true,
        FaultKind::Add
        | FaultKind::Stall
        | FaultKind::Hang
        | FaultKind::Close
        | FaultKind::HalfClose
        | FaultKind::Reset
        | FaultKind::Late
        | FaultKind::Greet
        | FaultKind::NoAccept
        | FaultKind::Reorder
        | FaultKind::Cut
        | FaultKind::WrongSource => false,
    }
}

#[cfg(test)]
mod tests;
