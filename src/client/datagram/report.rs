//! The events of a ping of datagrams in, its counts and times out. No I/O.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use super::event::{DatagramEvent, DatagramLoss, ProbeArrival};
use crate::times::Times;

/// What a [`DatagramPing`](super::DatagramPing) came to. Each probe is received, late, lost, corrupt,
/// truncated, foreign or unanswered.
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
    pub complaints: BTreeMap<(&'static str, Option<IpAddr>), u64>,
    /// Of those lost, the ones that this host could not send.
    pub unsent: u64,
    /// Probes that came back when they were given up.
    pub late: u64,
    /// Copies that came back beside the first.
    pub duplicates: u64,
    /// Probes that came back behind one that was sent after them.
    pub reordered: u64,
    /// By how much, at most.
    pub max_reordering: u64,
    /// Datagrams that came back with other bytes.
    pub corrupt: u64,
    /// Probes of which only the beginning came back.
    pub truncated: u64,
    /// Probes that came back from another address, and which was the last.
    pub foreign: u64,
    /// The address they came back from: the last.
    pub foreign_from: Option<SocketAddr>,
    /// Datagrams that came and found no room in this host's receive buffer. If they were probes,
    /// they are among those lost.
    pub dropped_here: u64,
    /// Runs of probes that were lost one after the other (RFC 3357).
    pub loss_runs: u64,
    /// The longest of them.
    pub longest_loss: u64,
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
    last_lost: u64,
    run: u64,
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
                self.note_arrival(*sequence, arrival);
            }
            DatagramEvent::Late { sequence, arrival, .. } => {
                self.late += 1;
                self.lost = self.lost.saturating_sub(1);
                self.silent = self.silent.saturating_sub(1);
                self.flow(arrival.local_port, |flow| flow.lost = flow.lost.saturating_sub(1));
                self.note_arrival(*sequence, arrival);
            }
            DatagramEvent::Duplicate { .. } => self.duplicates += 1,
            DatagramEvent::Corrupt { first, .. } => {
                self.corrupt += 1;
                self.ended += u64::from(*first);
            }
            DatagramEvent::Truncated { first, .. } => {
                self.truncated += 1;
                self.ended += u64::from(*first);
            }
            DatagramEvent::Foreign { from, first, .. } => {
                self.foreign += 1;
                self.ended += u64::from(*first);
                self.foreign_from = Some(*from);
            }
            DatagramEvent::Lost { sequence, local_port, loss, by, .. } => {
                self.lost += 1;
                self.flow(*local_port, |flow| flow.lost += 1);
                match loss {
                    DatagramLoss::Timeout => self.silent += 1,
                    DatagramLoss::Here => self.unsent += 1,
                    DatagramLoss::Refused | DatagramLoss::Unreachable | DatagramLoss::TooBig => {
                        *self.complaints.entry((loss.code(), *by)).or_default() += 1;
                    }
                }
                self.note_loss(*sequence);
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

    /// Probes are told lost in their order, but for those that ICMP speaks of.
    fn note_loss(&mut self, sequence: u64) {
        if self.run == 0 || sequence != self.last_lost + 1 {
            self.loss_runs += 1;
            self.run = 0;
        }
        self.run += 1;
        self.last_lost = sequence;
        self.longest_loss = self.longest_loss.max(self.run);
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

#[cfg(feature = "serde")]
impl serde::Serialize for DatagramReport {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use crate::schema::{in_micros, some_address};
        use crate::times::Figures;

        #[derive(serde::Serialize)]
        struct Flow {
            local_port: u16,
            sent: u64,
            received: u64,
            lost: u64,
            #[serde(skip_serializing_if = "Option::is_none")]
            p50_us: Option<f64>,
        }

        #[derive(serde::Serialize)]
        struct Complaint {
            cause: &'static str,
            #[serde(skip_serializing_if = "Option::is_none")]
            by: Option<IpAddr>,
            datagrams: u64,
        }

        #[derive(serde::Serialize)]
        struct Returned {
            tos: u8,
            datagrams: u64,
        }

        #[derive(serde::Serialize)]
        #[serde(tag = "event", rename = "summary")]
        struct Summary {
            #[serde(flatten, serialize_with = "some_address")]
            peer: Option<SocketAddr>,
            sent: u64,
            received: u64,
            lost: u64,
            late: u64,
            unanswered: u64,
            returned_bytes: u64,
            duplicates: u64,
            reordered: u64,
            max_reordering: u64,
            corrupt: u64,
            truncated: u64,
            foreign: u64,
            #[serde(skip_serializing_if = "Option::is_none")]
            foreign_from: Option<SocketAddr>,
            silent: u64,
            unsent: u64,
            #[serde(skip_serializing_if = "Vec::is_empty")]
            icmp: Vec<Complaint>,
            dropped_here: u64,
            loss_runs: u64,
            longest_loss: u64,
            #[serde(skip_serializing_if = "Option::is_none")]
            hops: Option<u8>,
            path_changes: u64,
            #[serde(skip_serializing_if = "Vec::is_empty")]
            tos: Vec<Returned>,
            #[serde(skip_serializing_if = "Option::is_none")]
            rtt_us: Option<Figures>,
            #[serde(skip_serializing_if = "Option::is_none")]
            ipdv_us: Option<Figures>,
            flows: Vec<Flow>,
        }
        let flows = self.flows.iter().map(|(&local_port, flow)| Flow {
            local_port,
            sent: flow.sent,
            received: flow.received,
            lost: flow.lost,
            p50_us: (flow.rtt.count() > 0).then(|| in_micros(flow.rtt.quantile(0.5))),
        });
        let complaints = self.complaints.iter();
        let icmp = complaints.map(|(&(cause, by), &datagrams)| Complaint { cause, by, datagrams });
        Summary {
            peer: self.peer,
            sent: self.sent,
            received: self.received,
            lost: self.lost,
            late: self.late,
            unanswered: self.unanswered(),
            returned_bytes: self.bytes,
            duplicates: self.duplicates,
            reordered: self.reordered,
            max_reordering: self.max_reordering,
            corrupt: self.corrupt,
            truncated: self.truncated,
            foreign: self.foreign,
            foreign_from: self.foreign_from,
            silent: self.silent,
            unsent: self.unsent,
            icmp: icmp.collect(),
            dropped_here: self.dropped_here,
            loss_runs: self.loss_runs,
            longest_loss: self.longest_loss,
            hops: self.hops,
            path_changes: self.path_changes,
            tos: self.tos.iter().map(|(&tos, &datagrams)| Returned { tos, datagrams }).collect(),
            rtt_us: self.rtt.figures(),
            ipdv_us: self.ipdv.figures(),
            flows: flows.collect(),
        }
        .serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lost(report: &mut DatagramReport, sequence: u64, local_port: u16) {
        let peer = "192.0.2.9:7".parse().unwrap();
        let loss = DatagramLoss::Timeout;
        report.note(&DatagramEvent::Sent { peer, sequence, local_port });
        let event = DatagramEvent::Lost { peer, sequence, local_port, loss, by: None, error: None };
        report.note(&event);
    }

    fn back(report: &mut DatagramReport, sequence: u64, local_port: u16, millis: u64) {
        let peer = "192.0.2.9:7".parse().unwrap();
        report.note(&DatagramEvent::Sent { peer, sequence, local_port });
        let arrival = ProbeArrival {
            bytes: 64,
            rtt: Duration::from_millis(millis),
            local_port,
            reordered_by: None,
            tos: None,
            hops: None,
        };
        report.note(&DatagramEvent::Reply { peer, sequence, arrival });
    }

    #[test]
    fn losses_one_after_the_other_are_one_run() {
        let mut report = DatagramReport::default();
        for sequence in [3, 4, 5, 7, 9, 10] {
            lost(&mut report, sequence, 1);
        }
        assert_eq!((report.lost, report.loss_runs, report.longest_loss), (6, 3, 3));
    }

    #[test]
    fn the_difference_of_two_times_counts_only_if_none_is_missing_between_them() {
        let mut report = DatagramReport::default();
        for (sequence, millis) in [(1, 10), (2, 14), (4, 90), (5, 88)] {
            back(&mut report, sequence, 1, millis);
        }
        let ipdv = &report.ipdv;
        let millis = Duration::from_millis;
        assert_eq!((ipdv.count(), ipdv.min(), ipdv.max()), (2, millis(2), millis(4)));
    }

    #[test]
    fn a_port_that_loses_all_is_dead_if_another_is_not() {
        let mut report = DatagramReport::default();
        lost(&mut report, 1, 1);
        assert_eq!(report.dead_flows(), 0);
        back(&mut report, 2, 2, 1);
        lost(&mut report, 3, 2);
        assert_eq!((report.dead_flows(), report.flows.len()), (1, 2));
    }

    #[test]
    fn ports_without_end_are_not_kept_apart_without_end() {
        let mut report = DatagramReport::default();
        for sequence in 1..=2000 {
            back(&mut report, sequence, sequence as u16, 1);
        }
        assert_eq!((report.flows.len(), report.received), (DatagramReport::FLOWS, 2000));
    }
}
