//! The next time at which something is due in, a wake-up at that time out.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use async_io::Timer;

/// A timer that is set again only to an earlier time or when it has run out, because each setting
/// costs a system call: at full speed it is left alone.
#[derive(Debug)]
pub(in crate::client) struct Alarm {
    timer: Timer,
    at: Option<Instant>,
}

impl Alarm {
    pub(in crate::client) fn new() -> Self {
        Self { timer: Timer::never(), at: None }
    }

    /// Ready at the first of `times`, or at one that was asked for before; never if there is none.
    pub(in crate::client) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        times: impl IntoIterator<Item = Instant>,
    ) -> Poll<()> {
        let Some(next) = times.into_iter().min() else { return Poll::Pending };
        if self.at.is_none_or(|at| next < at) {
            self.timer.set_at(next);
            self.at = Some(next);
        }
        ready!(Pin::new(&mut self.timer).poll(cx));
        self.at = None;
        Poll::Ready(())
    }
}
