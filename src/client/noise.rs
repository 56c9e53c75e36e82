//! A length in, bytes out that nobody can guess.
//!
//! What a server that does not echo makes of them must not depend on chance: whether it answers at
//! once, or waits for a newline until the client gives up.

/// The first byte of a message: it begins no text in UTF-8, and no message of a protocol that is
/// told by its first byte, such as TLS, SOCKS, MQTT, telnet, or a PROXY header.
const FIRST: u8 = 0xa5;

/// The empty line at the end of a message: servers that read lines, as those of HTTP do, answer
/// behind it.
pub(super) const EMPTY_LINE: &[u8] = b"\r\n\r\n";

/// Messages shorter than this have no room for an empty line beside bytes that nobody can guess.
pub(super) const LEAST_WITH_LINE: usize = 16;

/// How many of the last bytes of a large message are behind its last newline.
pub(super) const BEHIND_LINES: usize = 64;

/// A small message: [`FIRST`], letters and digits, and an empty line. There is no other control
/// character in it, and none of the characters that protocols give a meaning.
pub(super) fn message(length: usize) -> Vec<u8> {
    let mut bytes: Vec<u8> = (0..length).map(|_| fastrand::alphanumeric() as u8).collect();
    if length >= LEAST_WITH_LINE {
        bytes[0] = FIRST;
        end_line(&mut bytes);
    }
    bytes
}

/// A large message: a small one without its empty line, and then bytes of all values that nothing
/// on the way can compress. Behind its last newline are [`BEHIND_LINES`] more, so that a server that
/// returns whole lines is known by what it keeps.
pub(super) fn large(length: usize) -> Vec<u8> {
    let mut bytes = random(length);
    let head = message(LEAST_WITH_LINE - EMPTY_LINE.len());
    bytes[..head.len()].copy_from_slice(&head);
    bytes[0] = FIRST;
    let last = length - BEHIND_LINES;
    bytes[last - 1] = b'\n';
    for byte in bytes[last..].iter_mut().filter(|byte| **byte == b'\n') {
        *byte = b'.';
    }
    bytes
}

/// Bytes of all values, which nothing on the way can compress.
pub(super) fn random(length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    fastrand::fill(&mut bytes);
    bytes
}

/// Puts an empty line at the end of a message, if it has room.
pub(super) fn end_line(message: &mut [u8]) {
    if message.len() >= LEAST_WITH_LINE {
        let at = message.len() - EMPTY_LINE.len();
        message[at..].copy_from_slice(EMPTY_LINE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_message_is_a_line_and_an_empty_one_whatever_is_drawn() {
        for _ in 0..1_000 {
            let message = message(64);
            assert_eq!((message.len(), message[0]), (64, FIRST));
            assert!(message[1..60].iter().all(u8::is_ascii_alphanumeric), "{message:?}");
            assert_eq!(message[60..], *b"\r\n\r\n");
            assert!(std::str::from_utf8(&message).is_err());
        }
        assert_ne!(message(64), message(64));
        for length in [0, 1, 15] {
            assert_eq!(message(length).len(), length);
        }
    }

    #[test]
    fn a_large_message_has_all_values_and_ends_behind_its_last_newline() {
        let bytes = large(1 << 20);
        assert_eq!((bytes.len(), bytes[0]), (1 << 20, FIRST));
        assert!((0..=u8::MAX).all(|value| bytes.contains(&value)));
        let last = bytes.iter().rposition(|&byte| byte == b'\n').unwrap();
        assert_eq!(last + 1, (1 << 20) - BEHIND_LINES);
        assert!(bytes[1..12].iter().all(u8::is_ascii_alphanumeric));
    }
}
