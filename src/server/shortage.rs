//! Which errors of accept(2) pass by, which mean that the system is short of something or refuses, and
//! for how long to wait then.

use std::io;
use std::time::{Duration, Instant};

/// Says whether an error of accept(2) concerns one client, which is gone, so that the next can be
/// accepted. Linux also hands over network errors that are pending on the new connection (accept(2),
/// "Error handling"), and each of these takes one client from the queue.
///
/// Of the others, some come before the queue is looked at: Linux answers EMFILE there, and EPERM or
/// EACCES when a security module or a seccomp filter refuses. To try again immediately would be to
/// spin.
pub(super) fn passes_by(error: &io::Error) -> bool {
    use io::ErrorKind as Kind;
    match error.kind() {
        Kind::ConnectionAborted
        | Kind::ConnectionReset
        | Kind::HostUnreachable
        | Kind::Interrupted
        | Kind::NetworkDown
        | Kind::NetworkUnreachable
        | Kind::TimedOut => true,
        _ => is_network_error(error),
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

/// The failures of one spell, and the waits between them. The spell goes on for as long as failures
/// are no more than [`LONGEST`] apart, whatever succeeds in between: each descriptor that becomes
/// free is a success.
#[derive(Debug, Default)]
pub(super) struct Shortage {
    wait: Option<Duration>,
    failed: Option<Instant>,
    /// Errors in a row that passed by.
    passed: u32,
}

/// What to do after a failed accept(2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Accept the next client when the others have had their turn.
    Accept,
    /// Wait that long before. `first` if the failure begins a spell.
    Wait { first: bool, wait: Duration },
}

/// How many errors in a row may pass by. Whatever the error says, so many without a single client in
/// between are no clients that are gone, but a system that refuses each time.
const PASSING: u32 = 64;

/// Long enough to cost no CPU, short enough not to be noticed if a descriptor is free at once.
const FIRST: Duration = Duration::from_millis(5);

/// How late, at most, a server notices that descriptors are free again.
const LONGEST: Duration = Duration::from_secs(1);

impl Shortage {
    /// Notes a failure and says what to do next.
    pub(super) fn note(&mut self, error: &io::Error, now: Instant) -> Next {
        if passes_by(error) && self.passed < PASSING {
            self.passed += 1;
            return Next::Accept;
        }
        let first = self.failed.replace(now).is_none();
        Next::Wait { first, wait: self.next() }
    }

    /// The next wait of the spell: each is twice as long as the one before, up to a second.
    fn next(&mut self) -> Duration {
        let wait = self.wait.unwrap_or(FIRST);
        self.wait = Some((wait * 2).min(LONGEST));
        wait
    }

    /// Notes a success, after which the waits start over; true if it ends a spell.
    pub(super) fn end(&mut self, now: Instant) -> bool {
        self.wait = None;
        self.passed = 0;
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
            Errno::PROTO,
            Errno::TIMEDOUT,
        ] {
            assert!(passes_by(&errno.into()), "{errno:?}");
        }
        // Unknown errors wait as well, so that none can make the loop spin.
        for errno in [
            Errno::MFILE,
            Errno::NFILE,
            Errno::NOBUFS,
            Errno::NOMEM,
            Errno::PERM,
            Errno::ACCESS,
            Errno::INVAL,
            Errno::IO,
        ] {
            assert!(!passes_by(&errno.into()), "{errno:?}");
        }
    }

    #[test]
    fn an_error_that_passes_by_without_end_waits_as_well() {
        let (mut shortage, now) = (Shortage::default(), Instant::now());
        let aborted = || io::Error::from(io::ErrorKind::ConnectionAborted);
        for _ in 0..2 {
            for _ in 0..PASSING {
                assert_eq!(shortage.note(&aborted(), now), Next::Accept);
            }
            shortage.end(now);
        }
        for _ in 0..PASSING {
            assert_eq!(shortage.note(&aborted(), now), Next::Accept);
        }
        assert_eq!(shortage.note(&aborted(), now), Next::Wait { first: true, wait: FIRST });
        assert_eq!(shortage.note(&aborted(), now), Next::Wait { first: false, wait: 2 * FIRST });
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
        let begins = |shortage: &mut Shortage, millis| {
            let next = shortage.note(&io::ErrorKind::OutOfMemory.into(), at(millis));
            matches!(next, Next::Wait { first: true, .. })
        };
        assert!(!shortage.end(at(0)));
        assert!(begins(&mut shortage, 1) && !begins(&mut shortage, 2));
        assert!(!shortage.end(at(900)) && !begins(&mut shortage, 950));
        assert!(!shortage.end(at(1900)));
        assert!(shortage.end(at(2000)) && !shortage.end(at(2001)));
        assert!(begins(&mut shortage, 2002));
    }
}
