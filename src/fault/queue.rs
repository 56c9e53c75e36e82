//! Datagrams in, and what to send in their place, and when.

use std::collections::VecDeque;
use std::time::Instant;

use super::datagram::{DatagramFaults, Fate};
use super::dealt::Dealt;
use super::kind::FaultKind;

/// Holds datagrams until they are to be sent, for a caller that forwards or echoes them.
///
/// `T` is where a datagram goes: its receiver, and whatever else the caller needs to send it. Only a
/// datagram to an equal `T` is the next one that a reordered datagram waits for.
///
/// # Examples
///
/// ```
/// use std::time::Instant;
///
/// use echo6::fault::{DatagramFaults, DatagramQueue};
///
/// let faults = DatagramFaults::new(&["1*drop".parse()?, "flip@1".parse()?], 7);
/// let mut queue = DatagramQueue::new(faults);
/// let now = Instant::now();
/// queue.push(b"lost", "peer", now);
/// queue.push(b"flipped", "peer", now);
///
/// let departure = queue.pop(now).expect("one of the two");
/// assert_eq!((&departure.bytes[..], departure.to), (&b"fmipped"[..], "peer"));
/// assert_eq!((queue.pop(now), queue.due()), (None, None));
/// # Ok::<(), echo6::fault::FaultError>(())
/// ```
#[derive(Clone, Debug)]
pub struct DatagramQueue<T> {
    faults: DatagramFaults,
    /// How many bytes wait.
    held: usize,
    waiting: VecDeque<Waiting<T>>, // in the order of departure
}

/// How many bytes may wait, a few for the bookkeeping of each datagram included. A datagram that
/// finds more is dropped.
const HELD: usize = 64 << 20;

/// What a datagram takes beside its bytes.
const BOOKKEEPING: usize = 256;

/// A datagram to send now.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Departure<T> {
    /// What to send.
    pub bytes: Vec<u8>,
    /// Where it goes.
    pub to: T,
    /// From another port than it came to.
    pub wrong_source: bool,
}

#[derive(Clone, Debug)]
struct Waiting<T> {
    due: Instant,
    behind_next: bool,
    copies: u32,
    departure: Departure<T>,
}

impl<T> Default for DatagramQueue<T> {
    /// An empty queue without faults.
    fn default() -> Self {
        Self { faults: DatagramFaults::new(&[], 0), held: 0, waiting: VecDeque::new() }
    }
}

impl<T: Clone + PartialEq> DatagramQueue<T> {
    /// Makes an empty queue.
    #[must_use]
    pub fn new(faults: DatagramFaults) -> Self {
        Self { faults, held: 0, waiting: VecDeque::new() }
    }

    /// Takes a datagram that goes to `to`; returns what was dealt to it.
    pub fn push(&mut self, datagram: &[u8], to: T, now: Instant) -> Vec<Dealt> {
        let fate = self.faults.decide(datagram.len(), now);
        self.hold(datagram, to, fate)
    }

    /// Takes a datagram whose fate was decided elsewhere.
    pub(crate) fn hold(&mut self, datagram: &[u8], to: T, mut fate: Fate) -> Vec<Dealt> {
        let departure =
            Departure { bytes: fate.apply(datagram), to, wrong_source: fate.wrong_source };
        if fate.copies == 0 {
            return fate.dealt;
        }
        if self.held > HELD {
            return vec![Dealt::throughout(FaultKind::Drop)];
        }
        self.held += departure.bytes.len() + BOOKKEEPING;
        let earlier = self
            .waiting
            .iter()
            .position(|other| other.behind_next && other.departure.to == departure.to);
        let earlier = earlier.and_then(|at| self.waiting.remove(at));
        if earlier.is_some() && fate.behind_next.take().is_some() {
            // Of two that are to change places, the second need not wait for a third.
            fate.dealt.retain(|dealt| dealt.kind() != FaultKind::Reorder);
        }
        let Fate { behind_next, copies, dealt, .. } = fate;
        let due = behind_next.map_or(fate.due, |latest| latest.max(fate.due));
        self.insert(Waiting { due, behind_next: behind_next.is_some(), copies, departure });
        if let Some(earlier) = earlier {
            self.insert(Waiting { due, behind_next: false, ..earlier });
        }
        dealt
    }

    /// The next datagram that is due by `now`.
    pub fn pop(&mut self, now: Instant) -> Option<Departure<T>> {
        let next = self.waiting.front_mut().filter(|next| next.due <= now)?;
        if next.copies > 1 {
            next.copies -= 1;
            return Some(next.departure.clone());
        }
        let departure = self.waiting.pop_front()?.departure;
        self.held -= departure.bytes.len() + BOOKKEEPING;
        Some(departure)
    }

    /// When the next datagram is due; none if none waits.
    #[must_use]
    pub fn due(&self) -> Option<Instant> {
        self.waiting.front().map(|waiting| waiting.due)
    }

    /// Puts it behind those that are due at the same time.
    fn insert(&mut self, waiting: Waiting<T>) {
        let at = self.waiting.partition_point(|other| other.due <= waiting.due);
        self.waiting.insert(at, waiting);
    }
}

#[cfg(test)]
mod tests;
