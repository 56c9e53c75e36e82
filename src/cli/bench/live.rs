//! How far a load is, as a line on a terminal that is drawn over and over.

use std::io::{self, IsTerminal as _};

use echo6::client::Progress;

use super::table::thousands;
use crate::cli::progress::draw;
use crate::cli::text::{count, millis};

/// The line. It is cleared when this is dropped.
pub(super) struct Live {
    shown: bool,
    drawn: bool,
}

impl Live {
    /// Draws only if it is to be `shown` and stderr is a terminal.
    pub(super) fn new(shown: bool) -> Self {
        Self { shown: shown && io::stderr().is_terminal(), drawn: false }
    }

    pub(super) fn show(&mut self, progress: &Progress) {
        if self.shown {
            draw(&line(progress));
            self.drawn = true;
        }
    }

    pub(super) fn clear(&mut self) {
        if self.drawn {
            draw("");
            self.drawn = false;
        }
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.clear();
    }
}

fn line(progress: &Progress) -> String {
    let Progress { warm_up, elapsed, rate, p50, p99, faults, .. } = progress;
    let phase = if *warm_up { "warm-up " } else { "" };
    let (elapsed, faults) = (elapsed.as_secs_f64(), count(*faults, "fault"));
    if p50.is_zero() {
        return format!("{phase}{elapsed:.1} s  nothing came back yet, {faults}");
    }
    let (rate, p50, p99) = (thousands(*rate), millis(*p50), millis(*p99));
    format!("{phase}{elapsed:.1} s  {rate}/s  p50 {p50} ms  p99 {p99} ms  {faults}")
}
