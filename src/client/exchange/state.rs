//! What was sent in, what came back beside it, the first difference out.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Instant;

use crate::client::error::SendError;
use crate::client::excerpt::Excerpt;
use crate::client::traffic::Traffic;

/// How far an exchange is.
pub(super) struct State {
    pub(super) traffic: Traffic,
    /// What was sent and has not come back.
    unreturned: VecDeque<u8>,
    pub(super) input_ended: bool,
    /// Whether bytes that came back wait for the output to take them.
    pub(super) output_waits: bool,
    /// Whether the sender was told that the connection is reset.
    pub(super) is_reset: bool,
    pub(super) last_progress: Instant,
    /// How the reply begins.
    beginning: Vec<u8>,
}

impl State {
    /// Nothing sent, nothing back.
    pub(super) fn new() -> Self {
        Self {
            traffic: Traffic::default(),
            unreturned: VecDeque::new(),
            input_ended: false,
            output_waits: false,
            is_reset: false,
            last_progress: Instant::now(),
            beginning: Vec::new(),
        }
    }

    pub(super) fn under_way(&self) -> u64 {
        self.traffic.sent - self.traffic.returned
    }

    pub(super) fn all_returned(&self) -> bool {
        self.input_ended && self.under_way() == 0
    }

    pub(super) fn note_sent(&mut self, bytes: &[u8]) {
        self.unreturned.extend(bytes);
        self.traffic.sent += bytes.len() as u64;
        self.last_progress = Instant::now();
    }

    pub(super) fn note_end(&mut self) {
        self.input_ended = true;
        self.last_progress = Instant::now();
    }

    pub(super) fn note_written(&mut self) {
        self.output_waits = false;
        self.last_progress = Instant::now();
    }

    /// Compares what came back with what was sent; says how many bytes are the same.
    pub(super) fn note_returned(
        &mut self,
        bytes: &[u8],
        peer: SocketAddr,
    ) -> (usize, Result<(), SendError>) {
        self.last_progress = Instant::now();
        let room = Excerpt::MOST - self.beginning.len();
        self.beginning.extend_from_slice(&bytes[..bytes.len().min(room)]);
        let mut same = 0;
        while same < bytes.len() {
            let (expected, got) = (self.unreturned.as_slices().0, &bytes[same..]);
            let length = expected.len().min(got.len());
            if length == 0 {
                let (sent, instead) = (self.traffic.sent, Excerpt::of(got));
                return (same, Err(SendError::Surplus { peer, sent, instead }));
            }
            let equal = |(expected, got): &(&u8, &u8)| expected == got;
            let at = if expected[..length] == got[..length] {
                length
            } else {
                expected.iter().zip(got).take_while(equal).count()
            };
            let differ = (at < length).then(|| (expected[at], got[at]));
            self.unreturned.drain(..at);
            self.traffic.returned += at as u64;
            same += at;
            if let Some((expected, got)) = differ {
                let offset = self.traffic.returned;
                let instead = Excerpt::of_reply(&self.beginning, offset);
                let error = SendError::Mismatch { peer, offset, expected, got, instead };
                return (same, Err(error));
            }
        }
        (same, Ok(()))
    }

    pub(super) fn note_close(&self, peer: SocketAddr) -> Result<(), SendError> {
        let Traffic { sent, returned } = self.traffic;
        if self.all_returned() { Ok(()) } else { Err(SendError::Short { peer, sent, returned }) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer() -> SocketAddr {
        "127.0.0.1:7".parse().unwrap()
    }

    #[test]
    fn the_first_difference_is_found_in_whichever_pieces_bytes_come() {
        let sent: Vec<u8> = (0..=255).cycle().take(1000).collect();
        for (changed, piece) in
            [(None, 1), (None, 1000), (Some(0), 7), (Some(999), 7), (Some(500), 333)]
        {
            let mut state = State::new();
            // In two pieces, so that the queue of what is under way wraps around.
            state.note_sent(&sent[..600]);
            let (same, compared) = state.note_returned(&sent[..0], peer());
            assert_eq!((same, compared), (0, Ok(())));
            state.note_sent(&sent[600..]);
            let mut returned = sent.clone();
            if let Some(at) = changed {
                let byte: &mut u8 = &mut returned[at];
                *byte ^= 1;
            }
            let mut good = 0;
            let mut result = Ok(());
            for piece in returned.chunks(piece) {
                let (same, compared) = state.note_returned(piece, peer());
                good += same;
                result = compared;
                if result.is_err() {
                    break;
                }
            }
            assert_eq!(good, changed.unwrap_or(1000));
            assert_eq!(state.traffic, Traffic { sent: 1000, returned: good as u64 });
            let expected = changed.map_or(Ok(()), |at| {
                let (offset, expected) = (at as u64, sent[at]);
                let (peer, got) = (peer(), expected ^ 1);
                let instead = (at == 0).then(|| Excerpt::of(&returned[..piece])).flatten();
                Err(SendError::Mismatch { peer, offset, expected, got, instead })
            });
            assert_eq!(result, expected);
        }
    }

    #[test]
    fn a_byte_too_many_is_surplus_and_what_came_before_it_is_good() {
        let mut state = State::new();
        state.note_sent(b"hello");
        let (same, compared) = state.note_returned(b"hello!", peer());
        let instead = Excerpt::of(b"!");
        let surplus = SendError::Surplus { peer: peer(), sent: 5, instead };
        assert_eq!((same, compared), (5, Err(surplus)));
    }

    #[test]
    fn a_close_is_short_unless_all_was_sent_and_is_back() {
        let mut state = State::new();
        let short = |sent, returned| Err(SendError::Short { peer: peer(), sent, returned });
        assert_eq!(state.note_close(peer()), short(0, 0)); // there is more to send
        state.note_sent(b"hello");
        state.note_end();
        assert_eq!((state.under_way(), state.note_close(peer())), (5, short(5, 0)));
        assert!(state.note_returned(b"hello", peer()).1.is_ok() && state.all_returned());
        assert_eq!(state.note_close(peer()), Ok(()));
    }
}
