//! The events of a ping in, its counts and times out. No I/O.

use std::net::SocketAddr;

use super::event::PingEvent;
use crate::error::CauseKind;
use crate::times::Times;

/// What a [`Ping`](super::Ping) came to: each probe is received, late, lost or unanswered.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Report {
    /// The server; if there was never a connection, the address that was tried.
    pub peer: Option<SocketAddr>,
    /// Probes that were due.
    pub sent: u64,
    /// Probes that came back in time.
    pub received: u64,
    /// Probes that did not come back.
    pub lost: u64,
    /// Probes that came back when they were given up.
    pub late: u64,
    /// Times at which a probe was due and none was sent, because nobody tried to.
    pub skipped: u64,
    /// Connections that ended because other bytes came than were sent: in place of a probe, which is
    /// lost then, or behind one.
    pub mismatches: u64,
    /// Segments that TCP sent again.
    pub resent: u64,
    /// Bytes that came back, in time or late.
    pub bytes: u64,
    /// Times of all that came back, in time or late.
    pub rtt: Times,
    /// Times to connect, if each probe had a connection of its own
    /// ([`reconnect`](super::Ping::reconnect)).
    pub connect: Times,
}

impl Report {
    /// Takes note of an event.
    pub fn note(&mut self, event: &PingEvent) {
        match *event {
            PingEvent::Connected { peer, .. } => self.peer = Some(peer),
            PingEvent::Sent { peer, .. } => {
                self.peer.get_or_insert(peer);
                self.sent += 1;
            }
            PingEvent::Skipped { count, .. } => self.skipped += count,
            PingEvent::Resent { count, .. } => self.resent += count,
            PingEvent::Reply { bytes, rtt, connect, .. } => {
                self.received += 1;
                self.bytes += bytes as u64;
                self.rtt.note(rtt);
                connect.into_iter().for_each(|connect| self.connect.note(connect));
            }
            PingEvent::Late { bytes, rtt, .. } => {
                self.late += 1;
                self.lost = self.lost.saturating_sub(1);
                self.bytes += bytes as u64;
                self.rtt.note(rtt);
            }
            PingEvent::Lost { .. } => self.lost += 1,
            PingEvent::Disconnected { ref error, .. } => {
                self.mismatches += u64::from(error.cause() == CauseKind::Mismatch);
            }
            PingEvent::Unreachable { .. } => {}
        }
    }

    /// Says whether something came back, nothing was lost or late, and no other bytes came.
    #[must_use]
    pub fn is_well(&self) -> bool {
        self.received > 0 && self.lost + self.late + self.mismatches == 0
    }

    /// Probes that were still under way at the end.
    #[must_use]
    pub fn unanswered(&self) -> u64 {
        self.sent.saturating_sub(self.received + self.late + self.lost)
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for Report {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use crate::schema::some_address;
        use crate::times::Figures;

        #[derive(serde::Serialize)]
        #[serde(tag = "event", rename = "summary")]
        struct Summary {
            #[serde(flatten, serialize_with = "some_address")]
            peer: Option<SocketAddr>,
            sent: u64,
            received: u64,
            lost: u64,
            late: u64,
            skipped: u64,
            mismatches: u64,
            unanswered: u64,
            resent_segments: u64,
            returned_bytes: u64,
            #[serde(skip_serializing_if = "Option::is_none")]
            rtt_us: Option<Figures>,
            #[serde(skip_serializing_if = "Option::is_none")]
            connect_us: Option<Figures>,
        }
        let &Self { peer, sent, received, lost, late, skipped, mismatches, resent, bytes, .. } =
            self;
        let (unanswered, returned_bytes) = (self.unanswered(), bytes);
        let (rtt_us, connect_us) = (self.rtt.figures(), self.connect.figures());
        let summary = Summary {
            peer,
            sent,
            received,
            lost,
            late,
            skipped,
            mismatches,
            unanswered,
            resent_segments: resent,
            returned_bytes,
            rtt_us,
            connect_us,
        };
        summary.serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::client::SendError;

    #[test]
    fn a_late_reply_is_late_and_no_longer_lost() {
        let peer = "127.0.0.1:7".parse().unwrap();
        let (bytes, rtt) = (64, Duration::from_secs(2));
        let mut report = Report::default();
        for sequence in 1..=3 {
            report.note(&PingEvent::Sent { peer, sequence });
        }
        let loss = crate::client::ping::Loss::Timeout;
        report.note(&PingEvent::Lost { peer, sequence: 1, loss });
        report.note(&PingEvent::Late { peer, sequence: 1, bytes, rtt });
        report.note(&PingEvent::Reply { peer, sequence: 2, bytes, rtt, connect: None });
        assert_eq!((report.sent, report.received, report.lost, report.late), (3, 1, 0, 1));
        assert_eq!((report.unanswered(), report.rtt.count()), (1, 2));
    }

    #[test]
    fn a_server_that_says_more_than_it_was_sent_is_not_well() {
        let peer = "127.0.0.1:7".parse().unwrap();
        let (bytes, rtt) = (64, Duration::from_millis(1));
        let mut report = Report::default();
        report.note(&PingEvent::Sent { peer, sequence: 1 });
        report.note(&PingEvent::Reply { peer, sequence: 1, bytes, rtt, connect: None });
        assert!(report.is_well());
        let closed = SendError::Short { peer, sent: 64, returned: 64 };
        report.note(&PingEvent::Disconnected { peer, error: closed });
        assert!(report.is_well());
        let more = SendError::Surplus { peer, sent: 64, instead: None };
        report.note(&PingEvent::Disconnected { peer, error: more });
        assert_eq!((report.is_well(), report.lost, report.mismatches), (false, 0, 1));
    }
}
