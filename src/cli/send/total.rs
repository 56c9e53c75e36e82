//! What came back so far, and what it comes to.

use echo6::client::Tally;

use super::Sender;
use crate::cli::failure::Stop;
use crate::cli::text::count;

impl Sender<'_> {
    /// Counts a message that came back, and its bytes.
    pub(super) fn count_reply(&self, bytes: usize) {
        self.meter.add(bytes);
        self.count(|tally| tally.returned += 1);
    }

    pub(super) fn count_failure(&self) {
        self.count(|tally| tally.failed += 1);
    }

    fn count(&self, change: impl FnOnce(&mut Tally)) {
        let mut tally = self.tally.get();
        change(&mut tally);
        self.tally.set(tally);
    }

    pub(super) fn so_far(&self) -> String {
        let returned = if self.arguments.is_stream() {
            count(self.meter.bytes(), "byte")
        } else {
            count(self.tally.get().returned, self.arguments.noun())
        };
        format!("{returned} came back by then")
    }

    /// Says what several messages came to.
    pub(super) fn print_total(&self) {
        let Tally { returned, failed, .. } = self.tally.get();
        let all = returned + failed;
        if all < 2 || self.arguments.quiet || self.arguments.json {
            return;
        }
        let seconds = self.start.elapsed().as_secs_f64();
        let noun = self.arguments.noun();
        self.sink.remark(&match failed {
            0 => format!("all {} came back, {seconds:.1} s", count(all, noun)),
            _ => format!("{returned} of {} came back, {seconds:.1} s", count(all, noun)),
        });
    }

    pub(super) fn print_summary(&self, interrupted: bool) -> Result<(), Stop> {
        if !self.arguments.json {
            return Ok(());
        }
        self.count(|tally| {
            tally.returned_bytes = self.meter.bytes();
            tally.duration = self.start.elapsed();
            tally.interrupted = interrupted;
        });
        self.sink.object(&self.tally.get())
    }
}
