//! The faults that a server is to deal, and what they need before it runs.

use super::backlog::{Full, fill};
use crate::fault::{DatagramFaults, Fault, FaultKind, StreamFaults};
use crate::socket::Listener;

/// The faults, in the order given.
#[derive(Debug, Default)]
pub(super) struct Faults {
    list: Vec<Fault>,
    seed: Option<u64>,
    /// What fills the backlogs, if nobody is to be accepted.
    full: Vec<Full>,
}

impl Faults {
    pub(super) fn add(&mut self, fault: Fault, listeners: &[Listener]) {
        if fault.kind() == FaultKind::NoAccept {
            // Now, so that not even a client that comes before the server runs finds room.
            self.full.extend(listeners.iter().filter_map(|listener| fill(listener).ok()));
        }
        self.list.push(fault);
        self.seed.get_or_insert_with(|| fastrand::u32(..).into()); // short enough to be typed
    }

    pub(super) fn set_seed(&mut self, seed: u64) {
        self.seed = Some(seed);
    }

    pub(super) fn list(&self) -> &[Fault] {
        &self.list
    }

    /// The seed, if there is anything to draw.
    pub(super) fn seed(&self) -> Option<u64> {
        self.seed.filter(|_| !self.list.is_empty())
    }

    /// Says whether clients are accepted at all.
    pub(super) fn accept(&self) -> bool {
        self.list.iter().all(|fault| fault.kind() != FaultKind::NoAccept)
    }

    pub(super) fn of_streams(&self) -> StreamFaults {
        StreamFaults::new(&self.list, self.seed.unwrap_or_default())
    }

    pub(super) fn of_datagrams(&self) -> DatagramFaults {
        DatagramFaults::new(&self.list, self.seed.unwrap_or_default())
    }
}
