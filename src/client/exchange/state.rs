//! What was sent in, what came back beside it, the first difference out.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Instant;

use crate::client::error::SendError;
use crate::client::traffic::Traffic;

/// How far an exchange is.
pub(super) struct State {
    pub(super) traffic: Traffic,
    /// What was sent and has not come back.
    unreturned: VecDeque<u8>,
    pub(super) input_ended: bool,
    /// Whether bytes that came back wait for the output to take them.
    pub(super) output_waits: bool,
    pub(super) last_progress: Instant,
}

impl State {
    /// Nothing sent, nothing back.
    pub(super) fn new() -> Self {
        Self {
            traffic: Traffic::default(),
            unreturned: VecDeque::new(),
            input_ended: false,
            output_waits: false,
            last_progress: Instant::now(),
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
        let mut same = 0;
        while same < bytes.len() {
            let (expected, got) = (self.unreturned.as_slices().0, &bytes[same..]);
            let length = expected.len().min(got.len());
            if length == 0 {
                return (same, Err(SendError::Surplus { peer, sent: self.traffic.sent }));
            }
            let equal = |(expected, got): &(&u8, &u8)| expected == got;
            let at = match expected[..length] == got[..length] {
                true => length,
                false => expected.iter().zip(got).take_while(equal).count(),
            };
            let differ = (at < length).then(|| (expected[at], got[at]));
            self.unreturned.drain(..at);
            self.traffic.returned += at as u64;
            same += at;
            if let Some((expected, got)) = differ {
                let offset = self.traffic.returned;
                return (same, Err(SendError::Mismatch { peer, offset, expected, got }));
            }
        }
        (same, Ok(()))
    }

    pub(super) fn note_close(&self, peer: SocketAddr) -> Result<(), SendError> {
        let Traffic { sent, returned } = self.traffic;
        if self.all_returned() { Ok(()) } else { Err(SendError::Short { peer, sent, returned }) }
    }
}
