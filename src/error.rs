//! The system's own word for what went wrong, as a person would say it, and the kind it belongs to.

use std::sync::Arc;
use std::{fmt, io};

use crate::kind::kind;

kind! {
    /// What kind of thing went wrong: the `cause` of every error of a client.
    pub enum CauseKind {
        /// The call was wrong: a text that is no address, or an address without a host.
        Usage = "usage", "not a usable address";
        /// The name has no address, or nobody could say.
        Resolve = "resolve", "name not resolved";
        /// The other end, or a firewall on the way, answered with a refusal.
        Refused = "refused", "connection refused";
        /// The network reports that it has no way to the other end.
        Unreachable = "unreachable", "unreachable";
        /// Nothing happened for as long as was allowed.
        Timeout = "timeout", "timed out";
        /// The other end, or something on the way, ended the connection by force.
        Reset = "reset", "connection reset";
        /// The stream ended before everything was back.
        Short = "short", "closed too early";
        /// Other bytes came back than were sent.
        Mismatch = "mismatch", "other bytes came back";
        /// Only the beginning of a datagram came back.
        Truncated = "truncated", "came back truncated";
        /// A datagram came back from another address than the one that was asked.
        Foreign = "foreign", "came from another address";
        /// A datagram came back once more.
        Duplicate = "duplicate", "came back once more";
        /// This host could not do it: it lacks descriptors, memory, ports, addresses, threads or
        /// the permission.
        Here = "here", "this host could not do it";
        /// The bytes to send could not be read.
        Input = "input", "input not readable";
        /// The bytes that came back could not be written.
        Output = "output", "output not writable";
    }
}

kind! {
    /// Who says that a connection cannot be made.
    pub enum Origin {
        /// This host, before it sent anything: by its routing table, or because no host has such an
        /// address.
        Host = "this_host", "this host";
        /// The network: this host has a way there, and sent a packet.
        Network = "network", "the network";
    }
}

/// An error and its causes, from the outside in: `cannot connect to [::1]:7: connection refused`.
#[must_use]
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text += &format!(": {cause}");
        source = cause.source();
    }
    text
}

/// An operating-system error as the cause of another: `address already in use` instead of
/// `Address already in use (os error 98)`.
///
/// Every error of this crate that stems from a system call has a `Cause` as its
/// [`source`](std::error::Error::source).
#[derive(Clone, Debug)]
pub struct Cause {
    error: Arc<io::Error>,
    origin: Option<Origin>,
}

impl Cause {
    /// The same, and who said so.
    pub(crate) fn said_by(self, origin: Origin) -> Self {
        Self { origin: Some(origin), ..self }
    }

    /// Who said so, of a connect that failed for want of a way.
    #[must_use]
    pub fn origin(&self) -> Option<Origin> {
        self.origin
    }

    /// The kind of error, as std sorts them.
    #[must_use]
    pub fn kind(&self) -> io::ErrorKind {
        self.error.kind()
    }

    /// The error number (errno(3), or on Windows WSAGetLastError), where the system gave one.
    #[must_use]
    pub fn raw_os_error(&self) -> Option<i32> {
        self.error.raw_os_error()
    }

    /// What kind of thing went wrong with a connection.
    #[must_use]
    pub fn cause(&self) -> CauseKind {
        use io::ErrorKind as Kind;
        match self.kind() {
            _ if self.is_reset() => CauseKind::Reset,
            _ if self.is_shortage() => CauseKind::Here,
            Kind::ConnectionRefused => CauseKind::Refused,
            Kind::TimedOut => CauseKind::Timeout,
            Kind::AddrInUse
            | Kind::AddrNotAvailable
            | Kind::InvalidInput
            | Kind::NetworkDown
            | Kind::OutOfMemory
            | Kind::Unsupported
            | Kind::WouldBlock => CauseKind::Here,
            // A kind of std's that is not listed here is some word of the network's.
            _ => CauseKind::Unreachable,
        }
    }

    /// Says whether this host lacks something for which std has no kind of its own.
    fn is_shortage(&self) -> bool {
        #[cfg(unix)]
        {
            // EPERM is a packet filter of this host. EACCES may be one on the way (ICMPv6
            // "administratively prohibited").
            use rustix::io::Errno;
            const SHORT: [Errno; 5] =
                [Errno::MFILE, Errno::NFILE, Errno::NOBUFS, Errno::PERM, Errno::AFNOSUPPORT];
            let number = self.raw_os_error();
            SHORT.iter().any(|short| number == Some(short.raw_os_error()))
        }
        #[cfg(not(unix))]
        {
            // WSAEMFILE, WSAEAFNOSUPPORT, WSAENOBUFS
            matches!(self.raw_os_error(), Some(10024 | 10047 | 10055))
        }
    }

    /// Says whether the answer was that the protocol is not known there (ICMP type 3, code 2).
    pub(crate) fn is_unknown_protocol(&self) -> bool {
        #[cfg(unix)]
        let unknown = rustix::io::Errno::NOPROTOOPT.raw_os_error();
        #[cfg(not(unix))]
        let unknown = 10042; // WSAENOPROTOOPT
        self.raw_os_error() == Some(unknown)
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
        Self { error: Arc::new(error), origin: None }
    }
}

/// The same words of the system, or of whoever made the error.
impl PartialEq for Cause {
    fn eq(&self, other: &Self) -> bool {
        let key = |cause: &Self| (cause.kind(), cause.raw_os_error(), cause.origin);
        key(self) == key(other) && self.to_string() == other.to_string()
    }
}

impl std::error::Error for Cause {}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use io::ErrorKind as Kind;
        f.write_str(match self.kind() {
            Kind::AddrInUse => "address already in use",
            Kind::AddrNotAvailable => "address not available on this host",
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
        let text = self.error.to_string();
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
    fn a_shortage_of_this_host_is_told_from_what_the_network_says() {
        use rustix::io::Errno;
        for (errno, kind) in [
            (Errno::MFILE, CauseKind::Here),
            (Errno::NFILE, CauseKind::Here),
            (Errno::NOMEM, CauseKind::Here),
            (Errno::NOBUFS, CauseKind::Here),
            (Errno::ADDRNOTAVAIL, CauseKind::Here),
            (Errno::ADDRINUSE, CauseKind::Here),
            (Errno::AFNOSUPPORT, CauseKind::Here),
            (Errno::AGAIN, CauseKind::Here),
            (Errno::PERM, CauseKind::Here),
            (Errno::INVAL, CauseKind::Here),
            (Errno::NETDOWN, CauseKind::Here),
            (Errno::CONNREFUSED, CauseKind::Refused),
            (Errno::TIMEDOUT, CauseKind::Timeout),
            (Errno::CONNRESET, CauseKind::Reset),
            (Errno::PIPE, CauseKind::Reset),
            (Errno::NETUNREACH, CauseKind::Unreachable),
            (Errno::HOSTUNREACH, CauseKind::Unreachable),
            (Errno::ACCESS, CauseKind::Unreachable),
        ] {
            let cause = Cause::from(io::Error::from(errno));
            assert_eq!(cause.cause(), kind, "{cause}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn an_error_number_without_a_kind_of_its_own_keeps_the_systems_words() {
        let error = io::Error::from_raw_os_error(24);
        assert_eq!(Cause::from(error).to_string(), "too many open files");
    }
}
