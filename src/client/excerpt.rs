//! The first bytes of a reply that is no echo in, what they are and who speaks so out.

use std::fmt;
use std::sync::Arc;

use crate::kind::kind;
use crate::proxy::Header;

kind! {
    /// Who answers instead of an echo server.
    pub enum Protocol {
        /// TLS: a handshake or an alert.
        Tls = "tls", "TLS";
        /// HTTP, or the page that old servers answer nonsense with.
        Http = "http", "HTTP";
        /// SSH.
        Ssh = "ssh", "SSH";
        /// SMTP.
        Smtp = "smtp", "SMTP";
        /// FTP.
        Ftp = "ftp", "FTP";
    }
}

/// What came instead of an echo: its first bytes, [`MOST`](Self::MOST) of them at most. Displays as
/// `HTTP: "HTTP/1.1 400 Bad Request…"`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Excerpt(Arc<[u8]>);

impl Excerpt {
    /// How many bytes are kept: enough to see who speaks, and fit for a line.
    pub const MOST: usize = 24;

    /// The beginning of `bytes`.
    pub(super) fn of(bytes: &[u8]) -> Option<Self> {
        let some = &bytes[..bytes.len().min(Self::MOST)];
        if some.is_empty() { None } else { Some(Self(some.into())) }
    }

    /// What a `reply` whose byte at `offset` is the first that differs tells. An echo that goes wrong
    /// midway tells nothing but its own bytes, unless it is another protocol, or a PROXY header that
    /// was sent first, which may begin with the byte that was sent.
    pub(super) fn of_reply(reply: &[u8], offset: u64) -> Option<Self> {
        let excerpt = Self::of(reply)?;
        let is_other = excerpt.protocol().is_some() || is_header(excerpt.bytes());
        let differs = offset == 0 || (offset < Self::MOST as u64 && is_other);
        differs.then_some(excerpt)
    }

    /// The bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// The protocol that they belong to, if it is one of those that often listen where an echo
    /// server was expected.
    #[must_use]
    pub fn protocol(&self) -> Option<Protocol> {
        let bytes = &self.0[..];
        let begins = |text: &str| {
            bytes.get(..text.len()).is_some_and(|start| start.eq_ignore_ascii_case(text.as_bytes()))
        };
        let has = |word: &str| {
            bytes.windows(word.len()).any(|part| part.eq_ignore_ascii_case(word.as_bytes()))
        };
        match bytes {
            // A record of type alert or handshake, of version 3.x (RFC 8446, section 5.1).
            [0x15 | 0x16, 3, 0..=4, ..] => Some(Protocol::Tls),
            _ if begins("HTTP/") || begins("<!DOCTYPE HTML") || begins("<html") => {
                Some(Protocol::Http)
            }
            _ if begins("SSH-") => Some(Protocol::Ssh),
            // The greeting is 220 for both (RFC 5321, section 4.2; RFC 959, section 5.4).
            _ if begins("220") && has("FTP") => Some(Protocol::Ftp),
            _ if begins("220") || (begins("554") && has("SMTP")) => Some(Protocol::Smtp),
            _ => None,
        }
    }

    /// The bytes as text, what is no printable ASCII escaped.
    #[must_use]
    pub fn escaped(&self) -> String {
        let more = if self.0.len() == Self::MOST { "…" } else { "" };
        format!("{}{more}", self.0.escape_ascii())
    }
}

/// Says whether these bytes begin a PROXY header: a few that are alike may be chance.
fn is_header(bytes: &[u8]) -> bool {
    bytes.len() > 4 && Header::parse(bytes).is_ok()
}

impl fmt::Display for Excerpt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(protocol) = self.protocol() {
            write!(f, "{protocol}: ")?;
        }
        write!(f, "\"{}\"", self.escaped())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_speaks_is_told_by_the_first_bytes() {
        use Protocol::{Ftp, Http, Smtp, Ssh, Tls};
        for (bytes, protocol, said) in [
            (
                &b"HTTP/1.1 400 Bad Request\r\nServer: x"[..],
                Some(Http),
                "HTTP: \"HTTP/1.1 400 Bad Request…\"",
            ),
            (b"<html>\r\n<head>", Some(Http), "HTTP: \"<html>\\r\\n<head>\""),
            (b"<!doctype html><p>", Some(Http), "HTTP: \"<!doctype html><p>\""),
            (
                b"\x15\x03\x01\x00\x02\x02\x46",
                Some(Tls),
                "TLS: \"\\x15\\x03\\x01\\x00\\x02\\x02F\"",
            ),
            (b"\x16\x03\x03\x00\x7a", Some(Tls), "TLS: \"\\x16\\x03\\x03\\x00z\""),
            (b"\x16\x02\x00", None, "\"\\x16\\x02\\x00\""),
            (b"SSH-2.0-OpenSSH_9.2p1", Some(Ssh), "SSH: \"SSH-2.0-OpenSSH_9.2p1\""),
            (b"220 mail ESMTP\r\n", Some(Smtp), "SMTP: \"220 mail ESMTP\\r\\n\""),
            (b"220-mail.example wants more than that", Some(Smtp), "SMTP: \"220-mail"),
            (b"220 (vsFTPd 3.0.3)\r\n", Some(Ftp), "FTP: \"220 (vsFTPd 3.0.3)\\r\\n\""),
            (b"-ERR unknown command", None, "\"-ERR unknown command\""),
            (b"h", None, "\"h\""),
            (b"\xff\"\\", None, "\"\\xff\\\"\\\\\""),
        ] {
            let excerpt = Excerpt::of(bytes).unwrap();
            assert_eq!(excerpt.protocol(), protocol, "{excerpt}");
            assert!(excerpt.to_string().starts_with(said), "{said}: {excerpt}");
        }
        assert_eq!(Excerpt::of(b""), None);
    }

    #[test]
    fn an_echo_that_goes_wrong_midway_is_no_other_protocol() {
        for (reply, offset, tells) in [
            (&b"HTTP/1.1 400 Bad"[..], 0, true),
            (b"HTTP/1.1 400 Bad", 1, true), // "Hello" was sent
            (b"hellp", 4, false),
            (b"PROXY TCP4 127.0.0.1", 1, true), // "Ping" was sent behind it
            (b"J\0\0\0\n8.0.32", 0, true),
            (b"HTTP/1.1 echoed as it should", 1000, false),
            (b"", 0, false),
        ] {
            assert_eq!(Excerpt::of_reply(reply, offset).is_some(), tells, "{reply:?} {offset}");
        }
    }
}
