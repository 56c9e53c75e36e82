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
fn is_of_another(error: &io::Error) -> bool {
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

/// Sends, and again while the error of a call is of a datagram that was sent before. `hear` takes what
/// ICMP said of those, and says whether it said anything; where the system tells that with the call
/// alone, the error is asked away once.
pub(in crate::client) fn send_past_complaints<C>(
    context: &mut C,
    send: impl Fn(&mut C) -> io::Result<()>,
    hear: impl Fn(&mut C) -> bool,
) -> io::Result<()> {
    let mut sent = send(context);
    let mut again = true;
    while again && sent.as_ref().is_err_and(is_of_another) {
        again = hear(context);
        sent = send(context);
    }
    sent
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

    #[test]
    fn an_error_of_a_datagram_before_is_not_of_this_one_however_many_there_are() {
        let (refused, unreachable, full) = (Errno::CONNREFUSED, Errno::HOSTUNREACH, Errno::NOBUFS);
        for (errors, heard, end) in [
            (&[][..], &[][..], None),
            (&[refused], &[true], None),
            (&[refused, unreachable, refused], &[true, true, true], None),
            // Nobody said so: once it is tried again, and then it is this one's.
            (&[refused], &[false], None),
            (&[refused, refused], &[false], Some(refused)),
            (&[refused, full], &[true], Some(full)),
            (&[full], &[], Some(full)),
        ] {
            let mut errors = errors.iter();
            let mut heard = heard.iter();
            let sent = send_past_complaints(
                &mut (&mut errors, &mut heard),
                |(errors, _)| errors.next().map_or(Ok(()), |&errno| Err(errno.into())),
                |(_, heard)| *heard.next().expect("asked too often"),
            );
            let errno = sent.err().and_then(|error| Errno::from_io_error(&error));
            assert_eq!((errno, errors.len(), heard.len()), (end, 0, 0));
        }
    }
}
