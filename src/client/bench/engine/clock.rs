//! The clock and the alarm of a load: nanoseconds since it began, and a wait that ends on time.

use std::io;
use std::time::{Duration, Instant};

#[cfg(target_os = "linux")]
use std::os::fd::{AsRawFd as _, OwnedFd};

#[cfg(target_os = "linux")]
use mio::{Interest, unix::SourceFd};
use mio::{Registry, Token};

/// Nanoseconds since the load began: half of an `Instant`, of which there may be millions.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock(Instant);

impl Clock {
    pub(super) fn start() -> Self {
        Self(Instant::now())
    }

    pub(super) fn now(&self) -> u64 {
        u64::try_from(self.0.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }
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
        // A setting makes it readable anew, so that it is never read.
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
