//! The turns of one address in, its slices and its report out. No sockets, no clock.

use std::net::SocketAddr;
use std::time::Duration;

use super::Bench;
use super::engine::Span;
use super::report::{BenchReport, Slice};
use super::statistics::{Interval, ratio};
use super::tally::Tally;
use super::verdict::{Load, unsteady};
use crate::times::Times;

/// What the turns of one address add up to.
#[derive(Default)]
pub(super) struct Measured {
    slices: Vec<Slice>,
    pub(super) rtt: Times,
    counted: u64,
    failed: u64,
    cpu: Option<Duration>,
    wall: u64,
    asked: Option<u64>,
    taken: u64,
    /// Messages a second of an open loop.
    rate: Option<f64>,
}

/// The shortest load whose part of a processor tells anything: in less, all is the start.
const SHORTEST: Duration = Duration::from_millis(20);

impl Measured {
    /// Takes note of messages of an open loop: how many were due, and how many were taken.
    pub(super) fn note_paced(&mut self, asked: u64, taken: u64, rate: f64) {
        *self.asked.get_or_insert(0) += asked;
        self.taken += taken;
        self.rate = Some(rate);
    }

    /// Takes note of a turn of a measurement that began at `begun`; returns its slice, if its echoes
    /// were counted.
    pub(super) fn note(
        &mut self,
        address: SocketAddr,
        begun: u64,
        span: Span,
        tally: &mut Tally,
    ) -> Option<Slice> {
        self.rtt.merge(&tally.slice);
        self.counted += span.echoes;
        self.wall += span.wall;
        if let Some(cpu) = span.cpu {
            *self.cpu.get_or_insert_default() += cpu;
        }
        let duration = Duration::from_nanos(span.duration);
        let slice = Slice {
            address,
            slice: self.slices.len() + 1,
            start: Duration::from_nanos(span.start.saturating_sub(begun)),
            duration,
            echoes: span.echoes,
            rate: ratio(span.echoes as f64, duration.as_secs_f64()),
            faults: tally.failed.saturating_sub(self.failed),
            interrupted: span.interrupted,
            rtt: tally.slice.figures(),
        };
        tally.slice.clear();
        if span.duration == 0 {
            return None;
        }
        self.failed = tally.failed.max(self.failed);
        self.slices.push(slice);
        Some(slice)
    }

    /// Messages a second that were sent in an open loop.
    pub(super) fn sent_rate(&self) -> f64 {
        ratio(self.taken as f64, Duration::from_nanos(self.wall).as_secs_f64())
    }

    /// What decides the verdict.
    pub(super) fn load(&self, tally: &Tally) -> Load {
        let wall = Duration::from_nanos(self.wall);
        Load {
            asked: self.asked,
            sent: self.taken,
            late: tally.lateness.quantile(0.99),
            median: self.rtt.quantile(0.5),
            cpu: self
                .cpu
                .filter(|_| wall >= SHORTEST)
                .map(|cpu| ratio(cpu.as_secs_f64(), wall.as_secs_f64())),
            echoes: self.counted,
            rate: self.rate.unwrap_or(0.0),
            wall,
        }
    }

    /// What all came to, of a measurement that began at `begun`.
    pub(super) fn report(
        mut self,
        address: SocketAddr,
        begun: u64,
        bench: &Bench,
        tally: Tally,
    ) -> BenchReport {
        self.rtt.merge(&tally.slice); // what came when all was done
        let load = self.load(&tally);
        let whole = self.slices.iter().filter(|slice| !slice.interrupted);
        let rates: Vec<f64> = whole.map(|slice| slice.rate).collect();
        let weighed = |slice: &Slice| (slice.echoes as f64, slice.duration.as_secs_f64());
        let weighed: Vec<(f64, f64)> = self.slices.iter().map(weighed).collect();
        let counted = self.slices.iter().map(|slice| slice.duration).sum::<Duration>();
        let (bound_by, mut warnings) = load.verdict();
        warnings.extend(unsteady(&rates));
        BenchReport {
            address,
            load: bench.load(),
            duration: load.wall,
            sent: tally.sent,
            echoes: tally.echoes,
            sent_bytes: tally.sent_bytes,
            returned_bytes: tally.returned_bytes,
            rate: ratio(self.counted as f64, counted.as_secs_f64()),
            rate_interval: Interval::of_ratio(&weighed),
            rtt: self.rtt,
            connect: tally.connect,
            lateness: tally.lateness,
            faults: tally.faults,
            datagrams: bench.datagrams.then_some(tally.datagrams),
            first_difference: tally.first_difference,
            failure: tally.failure,
            first_fault: tally.first_fault.map(|at| Duration::from_nanos(at.saturating_sub(begun))),
            cpu: load.cpu,
            bound_by,
            warnings,
            slices: self.slices,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Client;
    use crate::client::bench::report::Measure;

    #[test]
    fn the_slices_of_a_day_take_no_more_memory_than_is_said() {
        assert!(size_of::<Slice>() * 2 * 24 * 3_600 <= 42_000_000, "{}", size_of::<Slice>());
    }

    #[test]
    fn a_load_of_a_moment_says_nothing_of_the_processor() {
        let address = "127.0.0.1:7".parse().unwrap();
        for (millis, cpu) in [(1, None), (19, None), (20, Some(0.5)), (500, Some(0.5))] {
            let mut measured = Measured::default();
            let mut tally = Tally::default();
            let wall = millis * 1_000_000;
            let cpu_time = Some(Duration::from_nanos(wall / 2));
            let span = Span { wall, duration: wall, cpu: cpu_time, ..Span::default() };
            measured.note(address, 0, span, &mut tally);
            assert_eq!(measured.load(&tally).cpu, cpu, "{millis}");
        }
    }

    #[test]
    fn a_slice_that_was_cut_short_counts_in_the_rate_and_is_compared_with_none() {
        let address = "127.0.0.1:7".parse().unwrap();
        let spans = [(500, 1_000), (20, 1_000), (500, 1_200), (1, 90)];
        for interrupted in [false, true] {
            let mut measured = Measured::default();
            let mut tally = Tally::default();
            for (index, (millis, echoes)) in spans.into_iter().enumerate() {
                let duration = millis * 1_000_000;
                let interrupted = interrupted && index == 3;
                let span =
                    Span { duration, wall: duration, echoes, interrupted, ..Span::default() };
                let slice = measured.note(address, 0, span, &mut tally).unwrap();
                assert_eq!((slice.slice, slice.interrupted), (index + 1, interrupted));
            }
            let report = measured.report(address, 0, &Client::new().bench(), tally);
            let Interval { low, high, .. } = report.rate_interval.unwrap();
            assert!((low..=high).contains(&report.rate), "{report:?}");
            assert!((report.rate - 3_290.0 / 1.021).abs() < 1e-6, "{report:?}");
            assert_eq!(report.series(Measure::Rate).len(), if interrupted { 3 } else { 4 });
        }
    }
}
