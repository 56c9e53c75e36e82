//! What a connection's faults make of its bytes in; what to write next and when, in that order and at
//! the rate that is asked for, out.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use fastrand::Rng;

use super::action::Action;
use super::dealt::Dealt;
use super::rule::Value;

/// The pieces of a second in which a rate is kept.
const GRAINS: u64 = 50;

/// How much time that a late timer or a busy machine has lost may be made up for.
const CREDIT: Duration = Duration::from_millis(100);

/// What waits to be written, and what happens between.
#[derive(Debug, Default)]
pub(super) struct Egress {
    queue: VecDeque<Item>,
    held: usize,
    rate: Option<Value>,
    /// When the rate allows the next byte.
    free: Option<Instant>,
    slice: Option<Value>,
    /// What is left of the slice under way.
    slice_left: Option<usize>,
    dealt: Vec<Dealt>,
}

#[derive(Debug)]
pub(super) enum Item {
    Bytes {
        bytes: Vec<u8>,
        sent: usize,
        due: Option<Instant>,
    },
    Dealt(Dealt),
    Rate(Value),
    Slice(Value),
    Pause(Duration),
    Until(Instant),
    /// Nothing more before the half-close.
    Late,
    Act(Action, Dealt),
    End {
        due: Option<Instant>,
    },
}

/// What is to be done next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step<'a> {
    /// Write some of these, and say how many with [`Egress::wrote`].
    Write(&'a [u8]),
    /// Ask again then.
    Wait(Instant),
    /// Carry this out; there is nothing behind it.
    Act(Action),
    /// All is written: end the stream.
    End,
    /// Nothing before more bytes come.
    Idle,
}

impl Egress {
    /// How many bytes wait.
    pub(super) fn held(&self) -> usize {
        self.held
    }

    /// What has been dealt since the last call.
    pub(super) fn dealt(&mut self) -> std::vec::Drain<'_, Dealt> {
        self.dealt.drain(..)
    }

    pub(super) fn push(&mut self, item: Item) {
        self.queue.push_back(item);
    }

    pub(super) fn extend(&mut self, items: impl IntoIterator<Item = Item>) {
        self.queue.extend(items);
    }

    /// Queues bytes that are due then; at once if at no time.
    pub(super) fn send(&mut self, more: &[u8], more_due: Option<Instant>) {
        if more.is_empty() {
            return;
        }
        self.held += more.len();
        match self.queue.back_mut() {
            Some(Item::Bytes { bytes, due, .. }) if *due == more_due => {
                bytes.extend_from_slice(more);
            }
            _ => {
                let bytes = more.to_vec();
                self.queue.push_back(Item::Bytes { bytes, sent: 0, due: more_due });
            }
        }
    }

    /// Says what is to be done `now`, when the client has half-closed or not.
    pub(super) fn step(&mut self, now: Instant, ended: bool, rng: &mut Rng) -> Step<'_> {
        while let Some(item) = self.queue.front_mut() {
            match item {
                Item::Bytes { due: Some(due), .. } | Item::End { due: Some(due) } if *due > now => {
                    return Step::Wait(*due);
                }
                Item::Until(until) if *until > now => return Step::Wait(*until),
                Item::Pause(pause) => {
                    *item = Item::Until(now + *pause);
                    continue;
                }
                Item::Late if !ended => return Step::Idle,
                Item::Bytes { .. } => {
                    if let Some(free) = self.free.filter(|&free| free > now) {
                        return Step::Wait(free);
                    }
                    return Step::Write(self.piece(rng));
                }
                Item::End { .. } => return Step::End,
                Item::Act(action, dealt) => {
                    self.dealt.push(*dealt);
                    let action = *action;
                    self.queue.clear();
                    return Step::Act(action);
                }
                Item::Dealt(dealt) => self.dealt.push(*dealt),
                Item::Rate(value) => {
                    self.rate = Some(value.clone());
                    self.free = None;
                }
                Item::Slice(value) => {
                    self.slice = Some(value.clone());
                    self.slice_left = None;
                }
                Item::Until(_) | Item::Late => {}
            }
            self.queue.pop_front();
        }
        Step::Idle
    }

    /// As many of the first bytes as may be written at once.
    fn piece(&mut self, rng: &mut Rng) -> &[u8] {
        let Some(Item::Bytes { bytes, sent, .. }) = self.queue.front() else { return &[] };
        let mut most = usize::MAX;
        if let Some(rate) = &self.rate {
            let rate = rate.sized().unwrap_or(u64::MAX);
            most = usize::try_from((rate / GRAINS).max(1)).unwrap_or(usize::MAX);
        }
        if let Some(slice) = &self.slice {
            let mut drawn = || slice.size(rng).unwrap_or(u64::MAX);
            let left = *self
                .slice_left
                .get_or_insert_with(|| usize::try_from(drawn()).unwrap_or(usize::MAX));
            most = most.min(left);
        }
        let end = sent.saturating_add(most).min(bytes.len());
        &bytes[*sent..end]
    }

    /// Notes that the first `length` bytes of the last piece were written.
    pub(super) fn wrote(&mut self, length: usize, now: Instant, rng: &mut Rng) {
        if let Some(Item::Bytes { bytes, sent, .. }) = self.queue.front_mut() {
            *sent += length;
            self.held -= length;
            if *sent == bytes.len() {
                self.queue.pop_front();
            }
        }
        if let Some(rate) = self.rate.as_ref().and_then(|rate| rate.size(rng)) {
            let since =
                self.free.map_or(now, |free| free.max(now.checked_sub(CREDIT).unwrap_or(now)));
            self.free = Some(since + Duration::from_secs_f64(length as f64 / rate as f64));
        }
        self.slice_left = self.slice_left.map(|left| left - length).filter(|&left| left > 0);
    }
}
