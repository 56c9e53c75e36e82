//! Which errors of accept(2) pass by, which mean that the system is short of something, and for how
//! long to wait then.

use std::io;
use std::time::{Duration, Instant};

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

/// The waits of one spell of failures. The spell goes on for as long as failures are no more than
/// [`LONGEST`] apart, whatever succeeds in between: each descriptor that becomes free is a success.
#[derive(Debug, Default)]
pub(super) struct Shortage {
    wait: Option<Duration>,
    failed: Option<Instant>,
}

/// Long enough to cost no CPU, short enough not to be noticed if a descriptor is free at once.
const FIRST: Duration = Duration::from_millis(5);

/// How late, at most, a server notices that descriptors are free again.
const LONGEST: Duration = Duration::from_secs(1);

impl Shortage {
    /// Notes a failure; false if a spell is under way.
    pub(super) fn begin(&mut self, now: Instant) -> bool {
        self.failed.replace(now).is_none()
    }

    /// The next wait of the spell: each is twice as long as the one before, up to a second.
    pub(super) fn next(&mut self) -> Duration {
        let wait = self.wait.unwrap_or(FIRST);
        self.wait = Some((wait * 2).min(LONGEST));
        wait
    }

    /// Notes a success, after which the waits begin anew; true if it ends a spell.
    pub(super) fn end(&mut self, now: Instant) -> bool {
        self.wait = None;
        let ends = self.failed.is_some_and(|failed| now.duration_since(failed) > LONGEST);
        if ends {
            self.failed = None;
        }
        ends
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
        let (mut shortage, now) = (Shortage::default(), Instant::now());
        let waits: Vec<u128> = (0..10).map(|_| shortage.next().as_millis()).collect();
        assert_eq!(waits, [5, 10, 20, 40, 80, 160, 320, 640, 1000, 1000]);
        shortage.end(now);
        assert_eq!(shortage.next(), FIRST);
    }

    #[test]
    fn a_spell_outlasts_the_successes_within_it() {
        let (mut shortage, start) = (Shortage::default(), Instant::now());
        let at = |millis| start + Duration::from_millis(millis);
        assert!(!shortage.end(at(0)));
        assert!(shortage.begin(at(1)) && !shortage.begin(at(2)));
        assert!(!shortage.end(at(900)) && !shortage.begin(at(950)));
        assert!(!shortage.end(at(1900)));
        assert!(shortage.end(at(2000)) && !shortage.end(at(2001)));
        assert!(shortage.begin(at(2002)));
    }
}
