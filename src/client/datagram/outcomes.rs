//! Probes that go out, datagrams that come in and complaints in; what becomes of the probes out. No
//! I/O, and no clock but the one of the caller.

use std::collections::VecDeque;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Instant;

use super::event::{DatagramEvent, DatagramLoss, ProbeArrival};
use super::judge::{Expected, Verdict};
use crate::client::ping::ledger::{Ledger, Return};
use crate::client::ping::probe::{HEADER, number, payload};
use crate::error::Cause;
use crate::socket::Received;

/// The probes of one ping, and the events that tell of them.
pub(super) struct Outcomes {
    peer: SocketAddr,
    ledger: Ledger,
    /// A probe, of which only the sequence number changes.
    payload: Vec<u8>,
    hops: Option<u8>,
    /// Whether a probe was lost in silence.
    silent: bool,
    events: VecDeque<DatagramEvent>,
}

impl Outcomes {
    pub(super) fn new(peer: SocketAddr, local: SocketAddr, size: usize, ledger: Ledger) -> Self {
        Self {
            peer,
            ledger,
            payload: payload(size),
            hops: None,
            silent: false,
            events: VecDeque::from([DatagramEvent::Opened { peer, local }]),
        }
    }

    /// What has happened and was not told yet.
    pub(super) fn event(&mut self) -> Option<DatagramEvent> {
        self.events.pop_front()
    }

    /// How many probes are neither lost nor back.
    pub(super) fn awaited(&self) -> usize {
        self.ledger.awaited()
    }

    /// Says whether no probe is waited for.
    pub(super) fn is_idle(&self) -> bool {
        self.ledger.is_idle()
    }

    /// When the next probe is lost, unless it comes back.
    pub(super) fn next_loss(&self) -> Option<Instant> {
        self.ledger.next_loss()
    }

    /// Says whether a probe was lost of which nobody said why.
    pub(super) fn is_silent(&self) -> bool {
        self.silent
    }

    /// The bytes of a probe.
    pub(super) fn probe(&mut self, sequence: u64) -> &[u8] {
        number(&mut self.payload, sequence);
        &self.payload
    }

    /// Tells that a probe goes out, whose time runs from `since`.
    pub(super) fn send(&mut self, sequence: u64, local_port: u16, since: Instant) {
        self.events.push_back(DatagramEvent::Sent { peer: self.peer, sequence, local_port });
        self.ledger.send(sequence, since);
    }

    /// Tells how many datagrams found no room in the receive buffer, if any.
    pub(super) fn drop_here(&mut self, datagrams: u64) {
        if datagrams > 0 {
            self.events.push_back(DatagramEvent::DroppedHere { peer: self.peer, datagrams });
        }
    }

    /// Tells what a datagram is that has come `now`, and has these bytes.
    pub(super) fn receive(
        &mut self,
        bytes: &[u8],
        received: &Received,
        local_port: u16,
        now: Instant,
    ) {
        let (peer, returned_bytes) = (self.peer, bytes.len());
        let ledger = &self.ledger;
        let tail = &self.payload[HEADER..];
        let first = ledger.first_awaited();
        let expected = Expected { peer, tail, first, knows: &|number| ledger.knows(number) };
        match expected.judge(received.from, bytes, received.cut) {
            Verdict::Intact { sequence } => {
                let back = now.checked_sub(received.age).unwrap_or(now);
                self.receive_intact(sequence, local_port, received, back);
            }
            Verdict::Foreign { sequence } => {
                let (from, first) = (received.from, self.ledger.lose(sequence));
                self.events.push_back(DatagramEvent::Foreign { peer, sequence, from, first });
            }
            Verdict::Truncated { sequence } => {
                let (sent_bytes, first) = (self.payload.len(), self.ledger.lose(sequence));
                self.events.push_back(DatagramEvent::Truncated {
                    peer,
                    sequence,
                    sent_bytes,
                    returned_bytes,
                    first,
                });
            }
            Verdict::Corrupt { sequence, offset } => {
                // One whose number is damaged as well is taken for the one waited for longest.
                let taken_for = sequence.or_else(|| self.ledger.first_awaited());
                let first = taken_for.is_some_and(|sequence| self.ledger.lose(sequence));
                self.events.push_back(DatagramEvent::Corrupt {
                    peer,
                    sequence,
                    taken_for,
                    offset,
                    returned_bytes,
                    first,
                });
            }
            Verdict::Stray => {}
        }
    }

    fn receive_intact(
        &mut self,
        sequence: u64,
        local_port: u16,
        received: &Received,
        back: Instant,
    ) {
        let peer = self.peer;
        if self.ledger.expire_one(sequence, back) {
            self.time_out(sequence, local_port);
        }
        let (rtt, late, behind) = match self.ledger.back(sequence, back) {
            Some(Return::First { rtt, late, behind }) => (rtt, late, behind),
            Some(Return::Again { copy }) => {
                self.events.push_back(DatagramEvent::Duplicate { peer, sequence, copy });
                return;
            }
            None => return,
        };
        let hops = received.ttl.map(hops);
        if let (Some(hops_from), Some(hops_to)) = (self.hops, hops) {
            if hops_from != hops_to {
                self.events.push_back(DatagramEvent::Path { peer, hops_from, hops_to });
            }
        }
        self.hops = hops.or(self.hops);
        let arrival = ProbeArrival {
            bytes: received.length,
            rtt,
            local_port,
            reordered_by: (behind > 0).then_some(behind),
            tos: received.marks,
            hops,
        };
        self.events.push_back(if late {
            DatagramEvent::Late { peer, sequence, arrival }
        } else {
            DatagramEvent::Reply { peer, sequence, arrival }
        });
    }

    /// Tells lost what ICMP, or this host, says will not arrive: the probe that begins with the bytes
    /// that are `quoted`.
    pub(super) fn complain(
        &mut self,
        quoted: &[u8],
        local_port: u16,
        error: io::Error,
        by: Option<IpAddr>,
    ) {
        if let Some((number, _)) = quoted.split_first_chunk() {
            self.lose(u64::from_be_bytes(*number), local_port, error, by);
        }
    }

    /// Tells a probe lost, if it is waited for.
    pub(super) fn lose(
        &mut self,
        sequence: u64,
        local_port: u16,
        error: io::Error,
        by: Option<IpAddr>,
    ) {
        if !self.ledger.lose(sequence) {
            return;
        }
        let loss = DatagramLoss::of(&error, by.is_some());
        let (peer, error) = (self.peer, Some(Cause::from(error)));
        self.events.push_back(DatagramEvent::Lost { peer, sequence, local_port, loss, by, error });
    }

    /// Tells lost what is waited for longer than the timeout.
    pub(super) fn expire(&mut self, now: Instant, port_of: impl Fn(u64) -> u16) {
        while let Some(sequence) = self.ledger.expire(now) {
            self.time_out(sequence, port_of(sequence));
        }
    }

    fn time_out(&mut self, sequence: u64, local_port: u16) {
        let (peer, loss, by, error) = (self.peer, DatagramLoss::Timeout, None, None);
        self.events.push_back(DatagramEvent::Lost { peer, sequence, local_port, loss, by, error });
        self.silent = true;
    }
}

/// How many routers a datagram has passed whose TTL is now `ttl`, if it began at 64, 128 or 255, as
/// it does on every system of today.
fn hops(ttl: u8) -> u8 {
    let began = match ttl {
        ..=64 => 64,
        65..=128 => 128,
        129.. => 255,
    };
    began - ttl
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const MILLI: Duration = Duration::from_millis(1);

    #[test]
    fn what_comes_tells_what_became_of_which_probe() {
        let [peer, local, other]: [SocketAddr; 3] =
            ["192.0.2.9:7", "192.0.2.1:9", "192.0.2.7:7"].map(|text| text.parse().unwrap());
        let mut outcomes = Outcomes::new(peer, local, 64, Ledger::new(20 * MILLI));
        let start = Instant::now();
        let probes = [1, 2, 3, 4, 5].map(|sequence| {
            outcomes.send(sequence, 9, start);
            outcomes.probe(sequence).to_vec()
        });
        let datagram = |from, length, ttl| {
            let (marks, ttl, age) = (None, Some(ttl), MILLI);
            Received { from, length, cut: false, marks, ttl, age, dropped: None }
        };
        for (from, bytes, ttl) in [
            (peer, &probes[1][..], 60),
            (peer, &probes[0], 60),
            (peer, &probes[1], 60),
            (other, &probes[2], 60),
            (peer, &probes[2], 50),
            (peer, &probes[3][..9], 50),
            (other, b"a stranger's", 50),
            (peer, &probes[3], 50),
        ] {
            outcomes.receive(bytes, &datagram(from, bytes.len(), ttl), 9, start + 5 * MILLI);
        }
        for _ in 0..2 {
            outcomes.complain(&probes[4][..8], 9, io::ErrorKind::ConnectionRefused.into(), None);
        }
        assert!(outcomes.is_idle() && !outcomes.is_silent());
        let last = datagram(peer, 64, 50);
        outcomes.receive(&probes[4], &last, 9, start + 30 * MILLI);
        outcomes.send(6, 9, start);
        outcomes.expire(start + 20 * MILLI, |_| 9);
        outcomes.drop_here(0);
        assert!(outcomes.is_idle() && outcomes.is_silent());
        let told: Vec<String> = std::iter::from_fn(|| outcomes.event())
            .filter(|event| !matches!(event, DatagramEvent::Sent { .. }))
            .map(|event| format!("{event:?}").replace("peer: 192.0.2.9:7, ", ""))
            .collect();
        let expected = [
            "Opened { local",
            "Reply { sequence: 2, arrival: ProbeArrival { bytes: 64, rtt: 4ms",
            "Reply { sequence: 1, arrival: ProbeArrival { bytes: 64, rtt: 4ms, local_port: 9, \
             reordered_by: Some(1)",
            "Duplicate { sequence: 2, copy: 2",
            "Foreign { sequence: 3, from: 192.0.2.7:7, first: true",
            "Path { hops_from: 4, hops_to: 14",
            "Reply { sequence: 3",
            "Truncated { sequence: 4, sent_bytes: 64, returned_bytes: 9, first: true",
            "Reply { sequence: 4",
            "Lost { sequence: 5, local_port: 9, loss: Refused",
            "Late { sequence: 5",
            "Lost { sequence: 6, local_port: 9, loss: Timeout",
        ];
        assert_eq!(told.len(), expected.len(), "{told:#?}");
        for (told, expected) in told.iter().zip(expected) {
            assert!(told.starts_with(expected), "{expected}: {told}");
        }
    }

    #[test]
    fn the_kernel_says_when_a_probe_came_not_who_reads_it_late() {
        let [peer, local]: [SocketAddr; 2] =
            ["192.0.2.9:7", "192.0.2.1:9"].map(|text| text.parse().unwrap());
        let start = Instant::now();
        // A second after the probe was sent it is read, and the kernel has had it for so long.
        for (age, told) in [
            (
                Duration::from_millis(985),
                &["Reply { sequence: 1, arrival: ProbeArrival { bytes: 64, rtt: 15ms"][..],
            ),
            (
                Duration::from_millis(975),
                &["Lost { sequence: 1, local_port: 9, loss: Timeout", "Late { sequence: 1"],
            ),
        ] {
            let mut outcomes = Outcomes::new(peer, local, 64, Ledger::new(20 * MILLI));
            outcomes.send(1, 9, start);
            let probe = outcomes.probe(1).to_vec();
            let received = Received {
                from: peer,
                length: 64,
                cut: false,
                marks: None,
                ttl: None,
                age,
                dropped: None,
            };
            let read = start + Duration::from_secs(1);
            outcomes.receive(&probe, &received, 9, read);
            outcomes.expire(read, |_| 9);
            let events: Vec<String> = std::iter::from_fn(|| outcomes.event())
                .skip(2)
                .map(|event| format!("{event:?}").replace("peer: 192.0.2.9:7, ", ""))
                .collect();
            assert_eq!(events.len(), told.len(), "{events:#?}");
            for (event, told) in events.iter().zip(told) {
                assert!(event.starts_with(told), "{told}: {event}");
            }
        }
    }

    #[test]
    fn hops_are_counted_from_the_ttl_that_a_system_begins_with() {
        for (ttl, hopped) in [(64, 0), (50, 14), (128, 0), (113, 15), (255, 0), (240, 15), (1, 63)]
        {
            assert_eq!(hops(ttl), hopped, "{ttl}");
        }
    }
}
