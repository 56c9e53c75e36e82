//! A moment now and then, which costs the reactor nothing until it comes.

use std::time::Duration;

use async_io::Timer;
#[cfg(target_os = "linux")]
use {
    async_io::Async,
    rustix::time::{
        Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
        timerfd_settime,
    },
    std::io,
    std::os::fd::OwnedFd,
};

/// Moments that are a period apart, for as long as somebody asks for them.
///
/// A timer of the reactor's is looked at, armed and disarmed in each of its waits, however far away
/// it is: 0.4 of the 7.6 microseconds that a server needs for a datagram it has to wait for. A
/// timerfd(2) is armed once, and the reactor waits for it as it does for a socket.
pub(super) struct Ticks {
    period: Duration,
    /// What ticks, where the system has it and the process a descriptor left.
    #[cfg(target_os = "linux")]
    clock: Option<Async<OwnedFd>>,
}

impl Ticks {
    /// The first tick is a period from now.
    pub(super) fn every(period: Duration) -> Self {
        Self {
            period,
            #[cfg(target_os = "linux")]
            clock: clock(period).ok(),
        }
    }

    /// Ready at the next tick. Those that nobody waited for are one.
    pub(super) async fn next(&mut self) {
        #[cfg(target_os = "linux")]
        if let Some(clock) = &self.clock {
            let ticked = clock.read_with(|clock| Ok(rustix::io::read(clock, &mut [0; 8])?)).await;
            if ticked.is_ok() {
                return;
            }
        }
        Timer::after(self.period).await;
    }
}

#[cfg(target_os = "linux")]
fn clock(period: Duration) -> io::Result<Async<OwnedFd>> {
    let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
    let clock = timerfd_create(TimerfdClockId::Monotonic, flags)?;
    let period = Timespec::try_from(period).map_err(io::Error::other)?;
    let ticks = Itimerspec { it_interval: period, it_value: period };
    timerfd_settime(&clock, TimerfdTimerFlags::empty(), &ticks)?;
    Async::new_nonblocking(clock)
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use async_io::block_on;

    use super::*;

    const PERIOD: Duration = Duration::from_millis(10);

    #[test]
    fn no_tick_comes_early() {
        let start = Instant::now();
        let mut ticks = Ticks::every(PERIOD);
        block_on(async {
            for count in 1..=3 {
                ticks.next().await;
                assert!(start.elapsed() >= count * PERIOD, "tick {count}");
            }
        });
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn it_ticks_without_a_descriptor_too() {
        let start = Instant::now();
        block_on(Ticks { period: PERIOD, clock: None }.next());
        assert!(start.elapsed() >= PERIOD);
    }
}
