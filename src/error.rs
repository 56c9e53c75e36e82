//! The system's own word for what went wrong, as a person would say it.

use std::sync::Arc;
use std::{fmt, io};

/// An operating-system error as the cause of another: `address already in use` instead of
/// `Address already in use (os error 98)`.
///
/// Every error of this crate that stems from a system call has a `Cause` as its
/// [`source`](std::error::Error::source).
#[derive(Clone, Debug)]
pub struct Cause(Arc<io::Error>);

impl Cause {
    /// The kind of error, as std sorts them.
    #[must_use]
    pub fn kind(&self) -> io::ErrorKind {
        self.0.kind()
    }

    /// The error number (errno(3), or on Windows WSAGetLastError), where the system gave one.
    #[must_use]
    pub fn raw_os_error(&self) -> Option<i32> {
        self.0.raw_os_error()
    }

    /// Says whether the other end, or something on the way, ended the connection by force.
    #[must_use]
    pub fn is_reset(&self) -> bool {
        // NotConnected: shutdown(2) on a socket that was reset in the meantime.
        use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, NotConnected};
        matches!(self.kind(), ConnectionReset | ConnectionAborted | BrokenPipe | NotConnected)
    }
}

impl From<io::Error> for Cause {
    fn from(error: io::Error) -> Self {
        Self(Arc::new(error))
    }
}

impl std::error::Error for Cause {}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use io::ErrorKind as Kind;
        f.write_str(match self.kind() {
            Kind::AddrInUse => "address already in use",
            Kind::AddrNotAvailable => "no such address on this host",
            Kind::BrokenPipe => "closed by the other end",
            Kind::ConnectionAborted => "connection aborted",
            Kind::ConnectionRefused => "connection refused",
            Kind::ConnectionReset => "connection reset by the other end",
            Kind::HostUnreachable => "host unreachable",
            Kind::NetworkDown => "network down",
            Kind::NetworkUnreachable => "network unreachable",
            Kind::NotFound => "no such file",
            Kind::PermissionDenied => "permission denied",
            Kind::TimedOut => "timed out",
            _ => return self.fmt_other(f),
        })
    }
}

impl Cause {
    /// Writes what the system says, without its number and with a small first letter.
    fn fmt_other(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.0.to_string();
        let text = text.split(" (os error ").next().unwrap_or(&text).trim_end_matches('.');
        let mut chars = text.chars();
        match chars.next() {
            // A word in capitals, such as "DNS", stays as it is.
            Some(first) if !chars.clone().next().is_some_and(char::is_uppercase) => {
                write!(f, "{}{}", first.to_lowercase(), chars.as_str())
            }
            _ => f.write_str(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_are_lower_case_phrases_without_numbers() {
        for (error, text) in [
            (io::ErrorKind::AddrInUse.into(), "address already in use"),
            (io::Error::other("Something Else."), "something Else"),
            (io::Error::other("DNS is down"), "DNS is down"),
            (io::Error::other(""), ""),
        ] {
            assert_eq!(Cause::from(error).to_string(), text);
        }
    }

    #[cfg(unix)]
    #[test]
    fn an_error_number_without_a_kind_of_its_own_keeps_the_systems_words() {
        let error = io::Error::from_raw_os_error(24);
        assert_eq!(Cause::from(error).to_string(), "too many open files");
    }
}
