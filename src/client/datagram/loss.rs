//! An error of a datagram socket in, what it says of a datagram out.

use std::io::{self, ErrorKind};

use super::event::DatagramLoss;

impl DatagramLoss {
    /// What an error says of a datagram, told by ICMP or else by this host.
    pub(super) fn of(error: &io::Error, by_icmp: bool) -> Self {
        match error.kind() {
            ErrorKind::ConnectionRefused => Self::Refused,
            _ if is_too_big(error) => Self::TooBig,
            _ if by_icmp => Self::Unreachable,
            _ => Self::Here,
        }
    }
}

/// Says whether an error of a call may be of a datagram that was sent before.
pub(in crate::client) fn is_of_another(error: &io::Error) -> bool {
    use ErrorKind as Kind;
    matches!(
        error.kind(),
        Kind::ConnectionRefused
            | Kind::ConnectionReset
            | Kind::HostUnreachable
            | Kind::NetworkUnreachable
            | Kind::PermissionDenied
    )
}

#[cfg(unix)]
pub(super) fn is_too_big(error: &io::Error) -> bool {
    rustix::io::Errno::from_io_error(error) == Some(rustix::io::Errno::MSGSIZE)
}

/// WSAEMSGSIZE.
#[cfg(not(unix))]
pub(super) fn is_too_big(error: &io::Error) -> bool {
    error.raw_os_error() == Some(10040)
}

#[cfg(all(test, unix))]
mod tests {
    use rustix::io::Errno;

    use super::*;

    #[test]
    fn an_error_says_who_could_not_deliver_a_datagram() {
        for (errno, by_icmp, loss, of_another) in [
            (Errno::CONNREFUSED, true, DatagramLoss::Refused, true),
            (Errno::CONNREFUSED, false, DatagramLoss::Refused, true),
            (Errno::MSGSIZE, true, DatagramLoss::TooBig, false),
            (Errno::MSGSIZE, false, DatagramLoss::TooBig, false),
            (Errno::HOSTUNREACH, true, DatagramLoss::Unreachable, true),
            (Errno::HOSTUNREACH, false, DatagramLoss::Here, true),
            (Errno::NETUNREACH, true, DatagramLoss::Unreachable, true),
            (Errno::ACCESS, true, DatagramLoss::Unreachable, true),
            (Errno::NOBUFS, false, DatagramLoss::Here, false),
        ] {
            let error = io::Error::from(errno);
            assert_eq!(DatagramLoss::of(&error, by_icmp), loss, "{errno:?} {by_icmp}");
            assert_eq!(is_of_another(&error), of_another, "{errno:?}");
        }
    }
}
