//! Which errors of accept(2) pass by, which mean that the system is short of something, and for how
//! long to wait then.

use std::io;
use std::time::Duration;

/// What to do after a failed accept(2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It concerned one client, which is gone: accept the next.
    PassBy,
    /// The system is short of something, or the error is unknown: to try again at once would be to
    /// spin, because Linux answers EMFILE before it looks at the queue.
    Wait,
}

/// Sorts an error of accept(2). Linux also hands over network errors that are pending on the new
/// connection (accept(2), "Error handling"), and each of these takes one client from the queue.
pub(super) fn judge(error: &io::Error) -> Verdict {
    use io::ErrorKind as Kind;
    match error.kind() {
        Kind::ConnectionAborted
        | Kind::ConnectionReset
        | Kind::HostUnreachable
        | Kind::Interrupted
        | Kind::NetworkDown
        | Kind::NetworkUnreachable
        | Kind::PermissionDenied // a firewall rule forbids this connection
        | Kind::TimedOut
        | Kind::WouldBlock => Verdict::PassBy,
        _ if is_network_error(error) => Verdict::PassBy,
        _ => Verdict::Wait,
    }
}

/// The network errors for which std has no kind.
#[cfg(unix)]
fn is_network_error(error: &io::Error) -> bool {
    use rustix::io::Errno;
    matches!(
        Errno::from_io_error(error),
        Some(Errno::PROTO | Errno::NOPROTOOPT | Errno::OPNOTSUPP | Errno::HOSTDOWN)
    )
}

#[cfg(not(unix))]
fn is_network_error(_: &io::Error) -> bool {
    false
}

/// The waits of one spell of failures.
#[derive(Debug, Default)]
pub(super) struct Shortage(Option<Duration>);

/// Long enough to cost no CPU, short enough not to be noticed if a descriptor is free at once.
const FIRST: Duration = Duration::from_millis(5);

/// How late, at most, a server notices that descriptors are free again.
const LONGEST: Duration = Duration::from_secs(1);

impl Shortage {
    /// Begins a spell; false if one is under way.
    pub(super) fn begin(&mut self) -> bool {
        let begins = self.0.is_none();
        self.0.get_or_insert(FIRST);
        begins
    }

    /// The next wait of the spell: each is twice as long as the one before, up to a second.
    pub(super) fn next(&mut self) -> Duration {
        let wait = self.0.unwrap_or(FIRST);
        self.0 = Some((wait * 2).min(LONGEST));
        wait
    }

    /// Ends the spell; false if there was none.
    pub(super) fn end(&mut self) -> bool {
        self.0.take().is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn errors_of_one_client_pass_by_and_shortages_wait() {
        use rustix::io::Errno;
        for errno in [
            Errno::CONNABORTED,
            Errno::CONNRESET,
            Errno::HOSTDOWN,
            Errno::HOSTUNREACH,
            Errno::INTR,
            Errno::NETDOWN,
            Errno::NETUNREACH,
            Errno::NOPROTOOPT,
            Errno::OPNOTSUPP,
            Errno::PERM,
            Errno::PROTO,
            Errno::TIMEDOUT,
        ] {
            assert_eq!(judge(&errno.into()), Verdict::PassBy, "{errno:?}");
        }
        // Unknown errors wait as well, so that none can make the loop spin.
        for errno in
            [Errno::MFILE, Errno::NFILE, Errno::NOBUFS, Errno::NOMEM, Errno::INVAL, Errno::IO]
        {
            assert_eq!(judge(&errno.into()), Verdict::Wait, "{errno:?}");
        }
    }

    #[test]
    fn waits_double_from_5_ms_to_1_s_and_start_again_after_a_success() {
        let mut shortage = Shortage::default();
        assert!(!shortage.end());
        assert!(shortage.begin() && !shortage.begin());
        let waits: Vec<u128> = (0..10).map(|_| shortage.next().as_millis()).collect();
        assert_eq!(waits, [5, 10, 20, 40, 80, 160, 320, 640, 1000, 1000]);
        assert!(shortage.end() && !shortage.end());
        assert!(shortage.begin());
        assert_eq!(shortage.next(), FIRST);
    }
}
