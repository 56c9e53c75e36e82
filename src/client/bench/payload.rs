//! A position in the stream of a connection in, the bytes that belong there out.

use crate::client::noise::{EMPTY_LINE, LEAST_WITH_LINE};

/// Random bytes that are sent again and again, each connection beginning elsewhere. So nothing is
/// generated while the load runs, each byte that comes back is known by its position, and a message
/// of another connection, or a late one, is not taken for the right one.
///
/// Each message that has room for it has an empty line in it, and the first of a connection begins
/// behind one: a server that reads lines, as those of HTTP do, answers it, whatever was drawn.
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

/// Bytes from the begin of one line to that of the next, at most; less if messages are shorter.
const LINE: usize = 64;

/// From this size on a message is cut from the longer one.
const LARGE: usize = 4_096;

impl Payload {
    pub(super) fn new(size: usize) -> Self {
        let period = if size < LARGE { SHORT } else { LONG };
        let mut bytes = vec![0; period];
        fastrand::fill(&mut bytes);
        if size >= LEAST_WITH_LINE {
            add_lines(&mut bytes, size.min(LINE));
        }
        bytes.extend_from_within(..size.min(period));
        Self { bytes, period, size }
    }

    /// A position for a connection to begin at: behind an empty line, if there are any.
    pub(super) fn origin(&self) -> u64 {
        let start = fastrand::usize(..self.period - EMPTY_LINE.len());
        let lines = self.bytes[start..].windows(EMPTY_LINE.len());
        let behind = if self.size >= LEAST_WITH_LINE { EMPTY_LINE.len() } else { 0 };
        let line = lines.take(2 * LINE).position(|bytes| behind == 0 || bytes == EMPTY_LINE);
        line.map_or(0, |line| (start + line + behind) as u64)
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

/// Ends lines with empty ones, so that in any `most` bytes there is one with something before it.
fn add_lines(bytes: &mut [u8], most: usize) {
    let longest = most - 2 * EMPTY_LINE.len(); // one may stand at the begin of them
    let last = bytes.len() - EMPTY_LINE.len();
    let mut start = 0;
    while start < last {
        let end = if last - start <= longest {
            last
        } else {
            // With room behind it for a line that is not empty.
            let end = start + fastrand::usize(longest / 2..=longest);
            end.min(last - EMPTY_LINE.len() - 1)
        };
        bytes[start] = fastrand::alphanumeric() as u8; // no blank line by chance
        start = end + EMPTY_LINE.len();
        bytes[end..start].copy_from_slice(EMPTY_LINE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_message_with_room_for_it_has_a_line_and_an_empty_one() {
        for size in [16, 17, 64, LARGE, 3 * LONG] {
            let payload = Payload::new(size);
            for position in (0..3 * SHORT as u64).step_by(7) {
                let message = payload.at(position, size.min(LINE));
                let line = message.windows(4).rposition(|bytes| bytes == EMPTY_LINE);
                assert!(line > Some(0), "{size} {position}: {message:?}");
            }
            for _ in 0..100 {
                let origin = payload.origin();
                let before = payload.at(origin - 4, 4);
                assert!(origin <= payload.period as u64 && before == EMPTY_LINE, "{size} {origin}");
                assert!(payload.at(origin, 1)[0].is_ascii_alphanumeric(), "{size} {origin}");
            }
        }
        let short = Payload::new(1);
        assert!(short.origin() < SHORT as u64);
    }

    #[test]
    fn no_line_cuts_another_short_wherever_the_bytes_end() {
        let longest = 17 - 2 * EMPTY_LINE.len();
        for length in 17..200 {
            for _ in 0..100 {
                let mut bytes = vec![b'x'; length];
                add_lines(&mut bytes, 17);
                let text = String::from_utf8(bytes).unwrap();
                let lines: Vec<_> = text.split("\r\n\r\n").collect();
                let between =
                    lines.iter().all(|line| line.len() <= longest && !line.contains('\r'));
                assert!(between && text.ends_with("\r\n\r\n"), "{text:?}");
            }
        }
    }

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
