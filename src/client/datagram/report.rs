//! The events of a ping of datagrams in, its counts and times out. No I/O.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use super::event::{DatagramEvent, DatagramLoss, ProbeArrival};
use crate::times::Times;

mod missing;
#[cfg(feature = "serde")]
mod object;
#[cfg(test)]
mod tests;

use missing::{Missing, Told};

/// What a [`DatagramPing`](super::DatagramPing) came to. Each probe is received, late, lost, corrupt,
/// truncated, foreign or unanswered. One that came back both as it was sent and otherwise is received,
/// or late; what came otherwise counts as well.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct DatagramReport {
    /// The server, if there was a way to it.
    pub peer: Option<SocketAddr>,
    /// Probes that were due.
    pub sent: u64,
    /// Probes that came back in time, unchanged.
    pub received: u64,
    /// Probes that did not come back.
    pub lost: u64,
    /// Of those lost, the ones of which nobody said why.
    pub silent: u64,
    /// Of those lost, the ones that ICMP spoke of, by the reason.
    pub complaints: BTreeMap<(DatagramLoss, Option<IpAddr>), u64>,
    /// Of those lost, the ones that this host could not send.
    pub unsent: u64,
    /// Probes that came back after the timeout, unchanged.
    pub late: u64,
    /// Copies that came back beside the first.
    pub duplicates: u64,
    /// Probes that came back behind one that was sent after them from the same port.
    pub reordered: u64,
    /// By how much, at most.
    pub max_reordering: u64,
    /// Datagrams that came back with other bytes.
    pub corrupt: u64,
    /// Datagrams that came back cut.
    pub truncated: u64,
    /// Datagrams that came back from another address.
    pub foreign: u64,
    /// The address they came back from: the last.
    pub foreign_from: Option<SocketAddr>,
    /// Datagrams that came and found no room in this host's receive buffer. If they were probes,
    /// they are among those lost.
    pub dropped_here: u64,
    /// Bytes that came back unchanged, in time or late.
    pub bytes: u64,
    /// Times of all that came back unchanged, in time or late.
    pub rtt: Times,
    /// How much the times of two probes that were sent one after the other differ (RFC 3393).
    pub ipdv: Times,
    /// How many routers the last reply passed on its way, where that can be told.
    pub hops: Option<u8>,
    /// How often that changed.
    pub path_changes: u64,
    /// Which TOS or traffic class came back, and how often.
    pub tos: BTreeMap<u8, u64>,
    /// Each port that was sent from, up to [`FLOWS`](Self::FLOWS) of them.
    pub flows: BTreeMap<u16, FlowReport>,
    /// Probes that ended as corrupt, truncated or foreign.
    ended: u64,
    /// Those, and the ones that are lost.
    missing: Missing,
    last_back: Option<(u64, Duration)>,
}

/// What became of the probes from one port.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct FlowReport {
    /// Probes that were sent from there.
    pub sent: u64,
    /// Probes that came back in time, unchanged.
    pub received: u64,
    /// Probes that were lost.
    pub lost: u64,
    /// The times of those that came back.
    pub rtt: Times,
}

impl DatagramReport {
    /// How many ports are kept apart: of a ping that sends each probe from a port of its own, none
    /// beyond the first ones.
    pub const FLOWS: usize = 256;

    /// Takes note of an event.
    pub fn note(&mut self, event: &DatagramEvent) {
        match event {
            DatagramEvent::Opened { peer, .. } => self.peer = Some(*peer),
            DatagramEvent::Sent { local_port, .. } => {
                self.sent += 1;
                self.flow(*local_port, |flow| flow.sent += 1);
            }
            DatagramEvent::Reply { sequence, arrival, .. } => {
                self.received += 1;
                self.flow(arrival.local_port, |flow| flow.received += 1);
                self.take_back(*sequence, arrival.local_port);
                self.note_arrival(*sequence, arrival);
            }
            DatagramEvent::Late { sequence, arrival, .. } => {
                self.late += 1;
                self.take_back(*sequence, arrival.local_port);
                self.note_arrival(*sequence, arrival);
            }
            DatagramEvent::Duplicate { .. } => self.duplicates += 1,
            DatagramEvent::Corrupt { taken_for, first, .. } => {
                self.corrupt += 1;
                self.note_odd(*taken_for, *first);
            }
            DatagramEvent::Truncated { sequence, first, .. } => {
                self.truncated += 1;
                self.note_odd(Some(*sequence), *first);
            }
            DatagramEvent::Foreign { sequence, from, first, .. } => {
                self.foreign += 1;
                self.note_odd(Some(*sequence), *first);
                self.foreign_from = Some(*from);
            }
            DatagramEvent::Lost { sequence, local_port, loss, by, .. } => {
                self.lost += 1;
                self.flow(*local_port, |flow| flow.lost += 1);
                match loss {
                    DatagramLoss::Timeout => self.silent += 1,
                    DatagramLoss::Here => self.unsent += 1,
                    DatagramLoss::Refused | DatagramLoss::Unreachable | DatagramLoss::TooBig => {
                        *self.complaints.entry((*loss, *by)).or_default() += 1;
                    }
                }
                self.missing.note(*sequence, Told::Lost { loss: *loss, by: *by });
            }
            DatagramEvent::DroppedHere { datagrams, .. } => self.dropped_here += datagrams,
            DatagramEvent::Path { .. } => self.path_changes += 1,
        }
    }

    fn flow(&mut self, port: u16, change: impl FnOnce(&mut FlowReport)) {
        if self.flows.len() < Self::FLOWS || self.flows.contains_key(&port) {
            change(self.flows.entry(port).or_default());
        }
    }

    fn note_arrival(&mut self, sequence: u64, arrival: &ProbeArrival) {
        self.bytes += arrival.bytes as u64;
        self.rtt.note(arrival.rtt);
        self.flow(arrival.local_port, |flow| flow.rtt.note(arrival.rtt));
        if let Some(by) = arrival.reordered_by {
            self.reordered += 1;
            self.max_reordering = self.max_reordering.max(by);
        }
        if let Some((last, rtt)) = self.last_back {
            if sequence == last + 1 {
                self.ipdv.note(rtt.abs_diff(arrival.rtt));
            }
        }
        self.last_back = Some((sequence, arrival.rtt));
        self.hops = arrival.hops.or(self.hops);
        if let Some(tos) = arrival.tos {
            *self.tos.entry(tos).or_default() += 1;
        }
    }

    /// A probe came back in another way than it was sent; `first` if nothing was told of it before.
    fn note_odd(&mut self, sequence: Option<u64>, first: bool) {
        if let (Some(sequence), true) = (sequence, first) {
            self.ended += 1;
            self.missing.note(sequence, Told::Odd);
        }
    }

    /// A probe came back as it was sent: what was told of it before is not its end.
    fn take_back(&mut self, sequence: u64, local_port: u16) {
        match self.missing.take_back(sequence) {
            None => {}
            Some(Told::Odd) => self.ended -= 1,
            Some(Told::Lost { loss, by }) => {
                self.lost -= 1;
                self.flow(local_port, |flow| flow.lost = flow.lost.saturating_sub(1));
                match loss {
                    DatagramLoss::Timeout => self.silent -= 1,
                    DatagramLoss::Here => self.unsent -= 1,
                    DatagramLoss::Refused | DatagramLoss::Unreachable | DatagramLoss::TooBig => {
                        if let Entry::Occupied(mut entry) = self.complaints.entry((loss, by)) {
                            *entry.get_mut() -= 1;
                            if *entry.get() == 0 {
                                entry.remove();
                            }
                        }
                    }
                }
            }
        }
    }

    /// Runs of probes that were lost one after the other (RFC 3357). One that came back late is in
    /// none.
    #[must_use]
    pub fn loss_runs(&self) -> u64 {
        self.missing.runs().count
    }

    /// How many probes the longest of them has.
    #[must_use]
    pub fn longest_loss(&self) -> u64 {
        self.missing.runs().longest
    }

    /// Says whether something came back, and all that was sent came back once, unchanged, in time,
    /// and from the address that was asked. That it came in another order is no fault.
    #[must_use]
    pub fn is_well(&self) -> bool {
        let faults = [self.lost, self.late, self.duplicates, self.corrupt, self.truncated];
        self.received > 0 && self.foreign == 0 && faults == [0; 5]
    }

    /// Probes that were still under way at the end.
    #[must_use]
    pub fn unanswered(&self) -> u64 {
        self.sent.saturating_sub(self.received + self.late + self.lost + self.ended)
    }

    /// How many of the ports lost all their probes, if others did not: one of several paths is
    /// broken then.
    #[must_use]
    pub fn dead_flows(&self) -> usize {
        let dead = |flow: &&FlowReport| flow.received == 0 && flow.lost > 0;
        let count = self.flows.values().filter(dead).count();
        if self.flows.values().any(|flow| flow.received > 0) { count } else { 0 }
    }
}
