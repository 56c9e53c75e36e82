//! A position in the stream of a connection in, the bytes that belong there out.

/// Random bytes that are sent again and again, each connection beginning elsewhere. So nothing is
/// generated while the load runs, each byte that comes back is known by its position, and a message
/// of another connection, or a late one, is not taken for the right one.
#[derive(Debug)]
pub(super) struct Payload {
    /// The bytes, and behind them the first ones again, so that a message is never cut in two where
    /// they begin anew: it would take two writes, and be two segments.
    bytes: Vec<u8>,
    /// How many there are before they repeat.
    period: usize,
    /// Bytes of a message.
    pub(super) size: usize,
}

/// How many bytes there are: primes, so that a message repeats only after that many. The shorter one
/// fits in the processor's cache, the longer one keeps the number of pieces low.
const SHORT: usize = 65_537;
const LONG: usize = 1_048_583;

/// From this size on a message is cut from the longer one.
const LARGE: usize = 4_096;

impl Payload {
    pub(super) fn new(size: usize) -> Self {
        let period = if size < LARGE { SHORT } else { LONG };
        let mut bytes = vec![0; period];
        fastrand::fill(&mut bytes);
        bytes.extend_from_within(..size.min(period));
        Self { bytes, period, size }
    }

    /// The bytes from `position` on, at most `most`, and at least one if that is not zero.
    pub(super) fn at(&self, position: u64, most: usize) -> &[u8] {
        let start = (position % self.period as u64) as usize;
        let end = self.bytes.len().min(start.saturating_add(most));
        &self.bytes[start..end]
    }

    /// How many of the first of `received` are those that belong at `position`.
    pub(super) fn common(&self, position: u64, received: &[u8]) -> usize {
        let mut same = 0;
        while same < received.len() {
            let expected = self.at(position + same as u64, received.len() - same);
            let piece = &received[same..same + expected.len()];
            if expected != piece {
                let equal = expected.iter().zip(piece).take_while(|(one, other)| one == other);
                return same + equal.count();
            }
            same += expected.len();
        }
        same
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bytes_at_a_position_are_the_same_in_any_pieces() {
        for size in [1, 64, LARGE, 3 * LONG] {
            let payload = Payload::new(size);
            let start = u64::MAX / 2 - 7;
            let mut whole = Vec::new();
            while whole.len() < size + 100 {
                let position = start + whole.len() as u64;
                whole.extend_from_slice(payload.at(position, size + 100 - whole.len()));
            }
            assert_eq!(payload.common(start, &whole), whole.len());
            for at in [0, size / 2, size + 99] {
                let mut changed = whole.clone();
                changed[at] ^= 1;
                assert_eq!(payload.common(start, &changed), at);
            }
        }
    }

    #[test]
    fn a_message_is_of_one_piece_wherever_it_begins() {
        for size in [64, LARGE, 1 << 20] {
            let payload = Payload::new(size);
            for before in [0, 1, size as u64 / 2, size as u64] {
                let position = payload.period as u64 * 3 - before;
                assert_eq!(payload.at(position, size).len(), size, "{size} {before}");
            }
        }
    }

    #[test]
    fn connections_that_begin_elsewhere_send_other_bytes() {
        let payload = Payload::new(64);
        assert!(payload.common(1_000, payload.at(2_000, 64)) < 8);
    }
}
