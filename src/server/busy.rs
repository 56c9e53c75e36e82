//! How long a task that found nothing looks on before it waits: for a while after each time that it
//! found something, if the server polls.

use std::time::{Duration, Instant};

/// Since when a task has been finding nothing.
///
/// To wait costs a system call to arm epoll, some more to sleep, and the time to wake up. While a task
/// looks, the others run between two looks.
#[derive(Debug, Default)]
pub(super) struct Looking {
    since: Option<Instant>,
}

impl Looking {
    /// Says whether to look again immediately, after a look at `now` that found nothing. After `limit`
    /// it says no, and the next look starts over.
    pub(super) fn goes_on(&mut self, limit: Duration, now: impl FnOnce() -> Instant) -> bool {
        if limit.is_zero() {
            return false;
        }
        let now = now();
        let since = *self.since.get_or_insert(now);
        let goes_on = now.saturating_duration_since(since) < limit;
        if !goes_on {
            self.since = None;
        }
        goes_on
    }

    /// Notes that something was found.
    pub(super) fn found(&mut self) {
        self.since = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_looks_on_for_a_while_after_each_time_that_it_found_something() {
        let start = Instant::now();
        let limit = Duration::from_micros(50);
        let mut looking = Looking::default();
        for (micros, found, goes_on) in [
            (0, true, true),
            (49, false, true),
            (50, false, false),
            (900, false, true), // it waited, and was woken
            (940, false, true),
            (945, true, true),
            (990, false, true),
            (995, false, false),
        ] {
            if found {
                looking.found();
            }
            let now = || start + Duration::from_micros(micros);
            assert_eq!(looking.goes_on(limit, now), goes_on, "after {micros} us");
        }
    }

    #[test]
    fn a_server_that_does_not_poll_does_not_ask_the_time() {
        assert!(!Looking::default().goes_on(Duration::ZERO, || panic!("it asked")));
    }
}
