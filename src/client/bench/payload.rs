//! A position in the stream of a connection in, the bytes that belong there out.

/// Random bytes that are sent again and again, each connection beginning elsewhere. So nothing is
/// generated while the load runs, each byte that comes back is known by its position, and a message
/// of another connection, or a late one, is not taken for the right one.
#[derive(Debug)]
pub(super) struct Payload {
    bytes: Vec<u8>,
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
        let mut bytes = vec![0; if size < LARGE { SHORT } else { LONG }];
        fastrand::fill(&mut bytes);
        Self { bytes, size }
    }

    /// The bytes from `position` on, at most `most`, and at least one if that is not zero.
    pub(super) fn at(&self, position: u64, most: usize) -> &[u8] {
        let start = (position % self.bytes.len() as u64) as usize;
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
    fn connections_that_begin_elsewhere_send_other_bytes() {
        let payload = Payload::new(64);
        assert!(payload.common(1_000, payload.at(2_000, 64)) < 8);
    }
}
