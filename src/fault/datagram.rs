//! Datagrams in, and what to send in their place, and when.

use std::collections::VecDeque;
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
mod tests {
    use super::*;

    fn faults(texts: &[&str]) -> DatagramFaults {
        let faults: Vec<Fault> = texts.iter().map(|text| text.parse().unwrap()).collect();
        DatagramFaults::new(&faults, 7)
    }

    /// What comes out of a queue into which "abc", "defgh" and "ij" go 10 ms apart, and after how
    /// many milliseconds, and what was dealt.
    fn sent(texts: &[&str]) -> (Vec<(u64, String)>, Vec<String>) {
        let start = Instant::now();
        let mut queue = DatagramQueue::new(faults(texts));
        let mut dealt = Vec::new();
        let mut out = Vec::new();
        let mut take = |queue: &mut DatagramQueue<u8>, until: Instant| {
            while let Some(due) = queue.due().filter(|&due| due < until) {
                let departure = queue.pop(due).unwrap();
                assert!(departure.to == 1);
                let mark = if departure.wrong_source { "!" } else { "" };
                let millis = due.duration_since(start).as_millis() as u64;
                out.push((millis, String::from_utf8(departure.bytes).unwrap() + mark));
            }
        };
        for (n, datagram) in ["abc", "defgh", "ij"].into_iter().enumerate() {
            let now = start + Duration::from_millis(10) * n as u32;
            take(&mut queue, now);
            dealt.extend(queue.push(datagram.as_bytes(), 1, now).iter().map(Dealt::to_string));
        }
        take(&mut queue, start + Duration::from_secs(3600));
        (out, dealt)
    }

    #[test]
    fn no_number_of_faults_makes_copies_without_end() {
        let fate = faults(&["twice"; 100]).decide(5, Instant::now());
        assert_eq!(fate.copies, 101);
    }

    #[test]
    fn each_fault_does_to_datagrams_what_its_name_says() {
        type Row =
            (&'static [&'static str], &'static [(u64, &'static str)], &'static [&'static str]);
        let rows: &[Row] = &[
            (&[], &[(0, "abc"), (10, "defgh"), (20, "ij")], &[]),
            (&["drop"], &[], &["drop", "drop", "drop"]),
            (&["1*drop"], &[(10, "defgh"), (20, "ij")], &["drop"]),
            // As a path does whose MTU is smaller than the datagram.
            (&["drop@3"], &[(0, "abc"), (20, "ij")], &["drop@3"]),
            (&["1*twice"], &[(0, "abc"), (0, "abc"), (10, "defgh"), (20, "ij")], &["twice"]),
            (
                &["1*twice", "1*twice"],
                &[(0, "abc"), (0, "abc"), (0, "abc"), (10, "defgh"), (20, "ij")],
                &["twice", "twice"],
            ),
            (&["1*delay=15ms"], &[(10, "defgh"), (15, "abc"), (20, "ij")], &["delay"]),
            (&["1*reorder"], &[(10, "defgh"), (10, "abc"), (20, "ij")], &["reorder"]),
            (&["reorder"], &[(10, "defgh"), (10, "abc"), (1020, "ij")], &["reorder", "reorder"]),
            (&["1*reorder=5ms"], &[(5, "abc"), (10, "defgh"), (20, "ij")], &["reorder"]),
            (&["flip@2"], &[(0, "abb"), (10, "deggh"), (20, "ij")], &["flip@2", "flip@2"]),
            (&["flip"], &[(0, "`bc"), (10, "eefgh"), (20, "hj")], &["flip@0", "flip@0", "flip@0"]),
            (&["cut@3"], &[(0, "abc"), (10, "def"), (20, "ij")], &["cut@3"]),
            (&["1*cut"], &[(0, ""), (10, "defgh"), (20, "ij")], &["cut"]),
            (&["1*wrong-source"], &[(0, "abc!"), (10, "defgh"), (20, "ij")], &["wrong-source"]),
            // In the order given: what is cut off cannot be flipped, and what is lost has no more.
            (&["cut@1", "flip@1"], &[(0, "a"), (10, "d"), (20, "i")], &["cut@1", "cut@1", "cut@1"]),
            (
                &["1*flip@1", "1*cut@2", "1*twice"],
                &[(0, "ac"), (0, "ac"), (10, "defgh"), (20, "ij")],
                &["flip@1", "cut@2", "twice"],
            ),
            (
                &["1*drop", "1*twice"],
                &[(10, "defgh"), (10, "defgh"), (20, "ij")],
                &["drop", "twice"],
            ),
            // A connection's faults pass by.
            (&["close", "late", "rate=1"], &[(0, "abc"), (10, "defgh"), (20, "ij")], &[]),
        ];
        for (texts, expected, dealt) in rows {
            let (out, told) = sent(texts);
            let out: Vec<(u64, &str)> = out.iter().map(|(at, text)| (*at, &text[..])).collect();
            assert_eq!((&out[..], &told.join(" ")), (*expected, &dealt.join(" ")), "{texts:?}");
        }
    }

    #[test]
    fn only_a_datagram_to_the_same_receiver_is_the_next() {
        let now = Instant::now();
        let mut queue = DatagramQueue::new(faults(&["1*reorder"]));
        queue.push(b"first", 1, now);
        queue.push(b"another's", 2, now);
        assert_eq!(queue.pop(now).map(|departure| departure.to), Some(2));
        assert_eq!(queue.pop(now), None);
        queue.push(b"second", 1, now);
        let order: Vec<_> = std::iter::from_fn(|| queue.pop(now)).map(|sent| sent.bytes).collect();
        assert_eq!(order, [&b"second"[..], b"first"]);
    }

    #[test]
    fn what_waits_is_bounded() {
        let now = Instant::now();
        let mut queue = DatagramQueue::new(faults(&["delay=1h"]));
        let dealt: Vec<String> = (0..1200)
            .flat_map(|_| queue.push(&[0; 60_000], 1, now))
            .map(|it| it.to_string())
            .collect();
        assert_eq!(dealt[0], "delay");
        assert_eq!(dealt[1199], "drop");
        let waiting = std::iter::from_fn(|| queue.pop(now + Duration::from_secs(3600))).count();
        assert_eq!(waiting, dealt.iter().filter(|fault| *fault == "delay").count());
        assert_eq!(queue.held, 0);
    }

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
