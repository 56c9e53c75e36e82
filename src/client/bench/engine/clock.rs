//! The clock and the alarm of a load: nanoseconds since it began, and a wait that ends on time.

use std::cell::Cell;
use std::io;
use std::time::{Duration, Instant};

#[cfg(target_os = "linux")]
use std::os::fd::{AsRawFd as _, OwnedFd};

#[cfg(target_os = "linux")]
use mio::{Interest, unix::SourceFd};
use mio::{Registry, Token};

/// Nanoseconds since the load began: half of an `Instant`, of which there may be millions. It stands
/// still while this process does.
#[derive(Clone, Debug)]
pub(super) struct Clock {
    start: Instant,
    /// When it was last looked at, without what it stood still.
    seen: Cell<u64>,
    /// When it last went on.
    resumed: Cell<u64>,
    /// How long it has stood still.
    stood: Cell<u64>,
}

/// How long after the last look at the clock this process must have been stopped (Ctrl-Z, a container
/// that is paused): it never waits so long, and no busy host holds it up so long.
const PAUSE: u64 = 1_000_000_000;

impl Clock {
    pub(super) fn start() -> Self {
        Self {
            start: Instant::now(),
            seen: Cell::new(0),
            resumed: Cell::new(0),
            stood: Cell::new(0),
        }
    }

    pub(super) fn now(&self) -> u64 {
        self.at(u64::try_from(self.start.elapsed().as_nanos()).unwrap_or(u64::MAX))
    }

    /// What it shows so long after the start.
    fn at(&self, elapsed: u64) -> u64 {
        let now = elapsed - self.stood.get();
        let pause = now.saturating_sub(self.seen.get());
        if pause <= PAUSE {
            self.seen.set(now);
            return now;
        }
        self.stood.set(self.stood.get() + pause);
        self.resumed.set(self.seen.get() + 1);
        self.seen.get()
    }

    /// How long it took what began then and ends now; `None` if nobody knows, because this process
    /// stood still in between.
    pub(super) fn since(&self, then: u64, now: u64) -> Option<Duration> {
        (then >= self.resumed.get()).then(|| Duration::from_nanos(now.saturating_sub(then)))
    }

    /// How long it has stood still.
    pub(super) fn stood(&self) -> Duration {
        Duration::from_nanos(self.stood.get())
    }
}

/// Whether what came at `now` came too late for a message that counts since `since`. Sweeps give up
/// what has not come by the same rule, so that it does not matter which looks first.
pub(super) fn is_late(since: u64, now: u64, timeout: u64) -> bool {
    now.saturating_sub(since) > timeout
}

/// The processor time that this thread has used, where the system tells.
pub(super) fn cpu() -> Option<Duration> {
    #[cfg(any(target_os = "linux", target_os = "macos", target_os = "freebsd"))]
    {
        let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
        Duration::try_from(time).ok()
    }
    #[cfg(not(any(target_os = "linux", target_os = "macos", target_os = "freebsd")))]
    None
}

/// Ends a wait on time. The wait of epoll_wait(2) is in milliseconds, in which 50 messages of a rate
/// of 50,000 are due; a timerfd(2) has no such steps. Elsewhere the wait itself is fine enough, or
/// the messages come in small bursts, which their times show.
#[derive(Debug)]
pub(super) struct Alarm {
    #[cfg(target_os = "linux")]
    timer: OwnedFd,
    #[cfg(target_os = "linux")]
    set_to: u64,
}

impl Alarm {
    #[cfg(target_os = "linux")]
    pub(super) fn new(registry: &Registry, token: Token) -> io::Result<Self> {
        use rustix::time::{TimerfdClockId, TimerfdFlags, timerfd_create};
        let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
        let timer = timerfd_create(TimerfdClockId::Monotonic, flags)?;
        registry.register(&mut SourceFd(&timer.as_raw_fd()), token, Interest::READABLE)?;
        Ok(Self { timer, set_to: 0 })
    }

    #[cfg(not(target_os = "linux"))]
    pub(super) fn new(_: &Registry, _: Token) -> io::Result<Self> {
        Ok(Self {})
    }

    /// Sets the alarm to a moment that is so far away; returns how long to wait for it.
    #[cfg(target_os = "linux")]
    pub(super) fn set(&mut self, at: u64, after: Duration) -> Duration {
        use rustix::time::{Itimerspec, TimerfdTimerFlags, Timespec, timerfd_settime};
        let wait = after + Duration::from_millis(1);
        if at == self.set_to {
            return wait;
        }
        let none = Timespec { tv_sec: 0, tv_nsec: 0 };
        let Ok(it_value) = Timespec::try_from(after.max(Duration::from_nanos(1))) else {
            return after;
        };
        let alarm = Itimerspec { it_interval: none, it_value };
        // Each setting makes it readable again, so that it is never read.
        match timerfd_settime(&self.timer, TimerfdTimerFlags::empty(), &alarm) {
            Ok(_) => {
                self.set_to = at;
                wait
            }
            Err(_) => after,
        }
    }

    #[cfg(not(target_os = "linux"))]
    pub(super) fn set(&mut self, _: u64, after: Duration) -> Duration {
        after
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_at_the_timeout_is_in_time_and_one_behind_it_is_late() {
        for (since, now, timeout, late) in
            [(5, 15, 10, false), (5, 16, 10, true), (5, 5, 0, false), (9, 5, 0, false)]
        {
            assert_eq!(is_late(since, now, timeout), late, "{since} {now} {timeout}");
        }
    }

    #[test]
    fn a_pause_is_left_out_and_what_spans_it_has_no_time() {
        let clock = Clock::start();
        assert_eq!([clock.at(7), clock.at(PAUSE), clock.at(PAUSE + 9)], [7, PAUSE, PAUSE + 9]);
        assert_eq!(clock.since(7, PAUSE), Some(Duration::from_nanos(PAUSE - 7)));
        // Four seconds later.
        let now = clock.at(5 * PAUSE + 9);
        assert_eq!((now, clock.stood()), (PAUSE + 9, Duration::from_nanos(4 * PAUSE)));
        assert_eq!(clock.at(5 * PAUSE + 20), PAUSE + 20);
        assert_eq!(clock.since(now, PAUSE + 20), None);
        assert_eq!(clock.since(PAUSE + 12, PAUSE + 20), Some(Duration::from_nanos(8)));
    }
}
