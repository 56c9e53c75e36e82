//! A TCP socket in, how many segments it took out: also those that TCP had to send again, which
//! nobody sees but by the time they take.

use std::net::TcpStream;

/// How many segments with data a connection took, each time one was sent counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Segments {
    /// Segments that this end sent.
    #[cfg_attr(feature = "serde", serde(rename = "sent_segments"))]
    pub sent: u64,
    /// Segments, of these and of those that open the connection, that it sent again because nobody
    /// acknowledged them, without those that the peer says it has twice (D-SACK, RFC 2883): these were
    /// late, and not lost.
    #[cfg_attr(feature = "serde", serde(rename = "resent_segments"))]
    pub resent: u64,
    /// Segments that this end received.
    #[cfg_attr(feature = "serde", serde(rename = "received_segments"))]
    pub received: u64,
    /// Segments that arrived after a gap: one before them was lost, or overtaken.
    #[cfg_attr(feature = "serde", serde(rename = "out_of_order_segments"))]
    pub out_of_order: u64,
}

impl Segments {
    /// Adds those of another connection.
    pub(crate) fn add(&mut self, other: Self) {
        self.sent += other.sent;
        self.resent += other.resent;
        self.received += other.received;
        self.out_of_order += other.out_of_order;
    }

    /// Says whether so many were lost that the times and the speed are those of a lossy path: 1 % of
    /// what was sent, or a tenth of what came was behind a gap, in which one loss leaves dozens. A few
    /// are how TCP finds out what a path can take.
    #[must_use]
    pub fn are_lossy(&self) -> bool {
        const FEW: u64 = 3;
        let resent = self.resent >= FEW && self.resent * 100 >= self.sent;
        let behind = self.out_of_order > 10 * FEW && self.out_of_order * 10 >= self.received;
        resent || behind
    }
}

/// How many segments the connection of `socket` took so far. `None` where the system does not say.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) fn segments(socket: &TcpStream) -> Option<Segments> {
    const TOTAL_RETRANS: usize = 25;
    const DATA_SEGS_IN: usize = 38;
    const DATA_SEGS_OUT: usize = 39;
    const DSACK_DUPS: usize = 54;
    const RCV_OOOPACK: usize = 56;

    let info = super::tcp_info::fours(socket)?;
    Some(Segments {
        sent: info[DATA_SEGS_OUT].into(),
        resent: info[TOTAL_RETRANS].saturating_sub(info[DSACK_DUPS]).into(),
        received: info[DATA_SEGS_IN].into(),
        out_of_order: info[RCV_OOOPACK].into(),
    })
}

/// How many segments the connection of `socket` took so far. This system does not say.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(crate) fn segments(_: &TcpStream) -> Option<Segments> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_lost_segments_are_how_tcp_finds_its_speed_and_many_are_a_lossy_path() {
        for (sent, resent, received, out_of_order, lossy) in [
            (0, 0, 0, 0, false),
            (4, 2, 4, 0, false),
            (1500, 14, 1500, 0, false),
            (1500, 15, 1500, 0, true),
            (100, 3, 100, 0, true),
            (1500, 0, 1500, 120, false),
            (1500, 0, 1500, 150, true),
            (20, 0, 20, 15, false),
        ] {
            let segments = Segments { sent, resent, received, out_of_order };
            assert_eq!(segments.are_lossy(), lossy, "{segments:?}");
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn segments_are_counted_each_way() {
        use std::io::{Read, Write};
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let mut reader = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (mut writer, _) = listener.accept().unwrap();
        for _ in 0..3 {
            writer.write_all(b"hello").unwrap();
            reader.read_exact(&mut [0; 5]).unwrap();
        }
        let (writer, reader) = (segments(&writer).unwrap(), segments(&reader).unwrap());
        assert_eq!((writer.sent, writer.received), (3, 0), "{writer:?}");
        assert_eq!((reader.sent, reader.received), (0, 3), "{reader:?}");
    }
}
