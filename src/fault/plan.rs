//! What each connection gets, drawn when it is accepted.

use std::sync::{Arc, Mutex, PoisonError};

use fastrand::Rng;

use super::draw::Draw;
use super::kind::FaultKind;
use super::rule::{Fault, Place, Value};

/// Draws the faults of one connection after the other.
///
/// Faults that only a datagram can have are passed by, and so is `no-accept`, which concerns no
/// connection.
#[derive(Clone, Debug)]
pub struct StreamFaults {
    draws: Vec<Draw>,
    rng: Rng,
    drawn: u64,
    /// Where connections leave their bytes for others to answer with, if any is to do that.
    others: Option<Arc<Others>>,
}

/// The faults of one connection, for [`Faulty`](super::Faulty).
#[derive(Debug)]
pub struct StreamPlan {
    /// In the order given. What chance decides only once has been decided.
    pub(super) strikes: Vec<Strike>,
    /// For what is drawn while bytes pass, such as the jitter of a delay.
    pub(super) rng: Rng,
    pub(super) lost_and_found: Option<LostAndFound>,
}

/// A fault that is to strike once.
#[derive(Clone, Debug)]
pub(super) struct Strike {
    pub(super) kind: FaultKind,
    pub(super) value: Value,
    pub(super) place: Place,
}

impl StreamFaults {
    /// Makes a plan that deals `faults` in the order given. The same seed draws the same for
    /// connections in the same order.
    #[must_use]
    pub fn new(faults: &[Fault], seed: u64) -> Self {
        let faults = faults
            .iter()
            .filter(|fault| fault.kind.suits_streams() && fault.kind != FaultKind::NoAccept);
        let draws: Vec<Draw> = faults.cloned().map(Draw::new).collect();
        let mixes_up = draws.iter().any(|draw| draw.fault.kind == FaultKind::MixUp);
        let others = mixes_up.then(Arc::default);
        Self { draws, rng: Rng::with_seed(seed), drawn: 0, others }
    }

    /// Says whether there is nothing to deal.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.draws.is_empty()
    }

    /// Draws the faults of the next connection; none for one that is served as if there were no
    /// faults.
    pub fn draw(&mut self) -> Option<StreamPlan> {
        self.drawn += 1;
        let mut rng = self.rng.fork();
        let strikes: Vec<Strike> = self
            .draws
            .iter_mut()
            .filter_map(|draw| draw.draw(&mut self.rng).then(|| Strike::of(&draw.fault, &mut rng)))
            .collect();
        // Also a healthy connection has bytes for others to be mixed up with.
        if strikes.is_empty() && self.others.is_none() {
            return None;
        }
        let others = self.others.clone();
        let lost_and_found = others.map(|others| LostAndFound { others, own: self.drawn });
        Some(StreamPlan { strikes, rng, lost_and_found })
    }
}

impl Strike {
    fn of(fault: &Fault, rng: &mut Rng) -> Self {
        let value = match fault.kind {
            // Drawn for each piece of the stream.
            FaultKind::Delay | FaultKind::Rate | FaultKind::Slice => fault.value.clone(),
            _ => fault.value.settled(rng),
        };
        Self { kind: fault.kind, value, place: fault.place }
    }
}

impl Value {
    /// The same with its jitter drawn once and for all.
    fn settled(&self, rng: &mut Rng) -> Self {
        match self {
            Self::Time { .. } => {
                let time = self.time(rng).unwrap_or_default();
                Self::Time { time, jitter: std::time::Duration::ZERO }
            }
            Self::Size { .. } => Self::Size { size: self.size(rng).unwrap_or(1), jitter: 0 },
            Self::Nothing | Self::Text(_) => self.clone(),
        }
    }
}

/// What the two connections that last sent something have sent: of these, one at least is another
/// than the one that asks.
#[derive(Debug, Default)]
pub(super) struct Others(Mutex<[(u64, Vec<u8>); 2]>);

/// A connection's access to the bytes of others.
#[derive(Clone, Debug)]
pub(super) struct LostAndFound {
    others: Arc<Others>,
    /// The number of the connection, from 1.
    own: u64,
}

/// How much of a connection is kept for others.
const KEPT: usize = 64 * 1024;

impl LostAndFound {
    /// Leaves bytes that others may be answered with.
    pub(super) fn leave(&self, bytes: &[u8]) {
        let mut kept = self.others.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept[0].0 != self.own {
            kept.swap(0, 1);
            kept[0] = (self.own, Vec::new());
        }
        let room = KEPT - kept[0].1.len();
        kept[0].1.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    /// Finds what another connection has sent, if one has.
    pub(super) fn find(&self) -> Option<Vec<u8>> {
        let kept = self.others.0.lock().unwrap_or_else(PoisonError::into_inner);
        let found = kept.iter().find(|(number, bytes)| *number != self.own && !bytes.is_empty());
        found.map(|(_, bytes)| bytes.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(texts: &[&str], seed: u64) -> StreamFaults {
        let faults: Vec<Fault> = texts.iter().map(|text| text.parse().unwrap()).collect();
        StreamFaults::new(&faults, seed)
    }

    #[test]
    fn the_first_connections_have_the_fault_and_the_next_are_healthy() {
        let mut faults = faults(&["2*close", "1*drop=9~3"], 7);
        let kinds: Vec<Vec<FaultKind>> = (0..3)
            .map(|_| faults.draw().map_or_else(Vec::new, |plan| plan.strikes))
            .map(|strikes| strikes.iter().map(|strike| strike.kind).collect())
            .collect();
        let (close, drop) = (FaultKind::Close, FaultKind::Drop);
        assert_eq!(kinds, [vec![close, drop], vec![close], vec![]]);
    }

    #[test]
    fn a_datagrams_faults_are_none_of_a_connection() {
        assert!(faults(&["reorder", "wrong-source", "cut", "no-accept"], 7).is_empty());
        assert!(faults(&["cut"], 7).draw().is_none());
    }

    #[test]
    fn the_same_seed_draws_the_same_connections() {
        let drawn = |seed| -> Vec<String> {
            let mut faults = faults(&["30%close", "50%drop=100~50"], seed);
            (0..50).map(|_| format!("{:?}", faults.draw())).collect()
        };
        assert_eq!(drawn(7), drawn(7));
        assert_ne!(drawn(7), drawn(8));
    }

    #[test]
    fn a_connection_finds_the_bytes_of_another_and_never_its_own() {
        let mut faults = faults(&["1*mix-up"], 7);
        let access: Vec<LostAndFound> =
            (0..3).map(|_| faults.draw().unwrap().lost_and_found.unwrap()).collect();
        assert_eq!(access[0].find(), None);
        access[0].leave(b"first");
        assert_eq!(access[0].find(), None);
        assert_eq!(access[1].find().as_deref(), Some(&b"first"[..]));
        access[1].leave(b"sec");
        access[1].leave(b"ond");
        assert_eq!(access[0].find().as_deref(), Some(&b"second"[..]));
        assert_eq!(access[1].find().as_deref(), Some(&b"first"[..]));
        assert_eq!(access[2].find().as_deref(), Some(&b"second"[..]));
        access[2].leave(&[7; 2 * KEPT]);
        assert_eq!(access[0].find(), Some(vec![7; KEPT]));
    }
}
