//! A bench and its addresses in, turns of load and what they came to out. It runs on a thread of
//! its own, and blocks.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use super::engine::{Engine, Span, Watch};
use super::event::{BenchEvent, BenchResult, Found, Phase, Progress, SearchStep, StepOutcome};
use super::measured::Measured;
use super::report::{BenchReport, difference};
use super::schedule::{Length, Pace, Turn, turns};
use super::search::{Next, Search};
use super::statistics::ratio;
use super::tally::{Style, Tally};
use super::verdict::Warning;
use super::{Bench, Goal, Task};

/// How many steps of a search take as long as the one that confirms what was found.
const STEPS: u32 = 5;

/// The rate with which a search begins, unless set.
const FIRST_RATE: f64 = 1_000.0;

/// Runs `bench` and tells what happens.
pub(super) fn run(
    bench: &Bench,
    addresses: &[SocketAddr],
    stop: &AtomicBool,
    tell: &mut impl FnMut(BenchEvent),
) -> BenchResult {
    let mut result = BenchResult::default();
    let setup = bench.setup();
    let style = setup.style;
    match Engine::new(addresses, setup, stop) {
        Ok(engine) => {
            let measures = addresses.iter().map(|_| Measured::default()).collect();
            let phase = Phase::Connect;
            let mut run = Run { bench, addresses, engine, measures, begun: 0, phase, tell };
            let ran = run.all(style, &mut result).and_then(|()| run.engine.read_rest());
            if let Err(error) = ran {
                result.error = Some(error.into());
            }
            result.interrupted = run.engine.is_stopped();
            result.interrupted_in = result.interrupted.then_some(run.phase);
            let reports: Vec<BenchReport> = (0..addresses.len()).map(|n| run.report(n)).collect();
            if let [one, other] = &reports[..] {
                result.difference = difference(one, other);
            }
            for report in reports {
                (run.tell)(BenchEvent::Summary(Box::new(report)));
            }
        }
        Err(error) => result.error = Some(error.into()),
    }
    result
}

struct Run<'a, F> {
    bench: &'a Bench,
    addresses: &'a [SocketAddr],
    engine: Engine<'a>,
    measures: Vec<Measured>,
    /// When the measurement began, behind the warm-up.
    begun: u64,
    phase: Phase,
    tell: &'a mut F,
}

impl<F: FnMut(BenchEvent)> Run<'_, F> {
    fn all(&mut self, style: Style, result: &mut BenchResult) -> io::Result<()> {
        let alive = self.connect(style)?;
        if alive.is_empty() {
            return Ok(());
        }
        let alive = self.warm_up(alive)?;
        if self.engine.is_stopped() {
            return Ok(());
        }
        self.phase = Phase::Measurement;
        self.begun = self.engine.now();
        match self.bench.task {
            Task::Measure => self.measure(&alive, self.length(), self.bench.rate, true),
            Task::Burst => {
                for address in alive {
                    self.engine.mark_moment(address);
                    let length = Length::Messages(self.bench.connections as u64);
                    let turn = Turn { address, length, begins_idle: true, ends_idle: true };
                    self.turn(&turn, None, self.bench.connections as u64, true)?;
                }
                Ok(())
            }
            Task::Hold(time) => {
                self.phase = Phase::Silence;
                self.engine.hold(time)?;
                if self.engine.is_stopped() {
                    return Ok(());
                }
                self.phase = Phase::Measurement;
                for address in alive {
                    self.engine.send_each(address)?;
                    self.note_slice(address, Span::default(), false);
                }
                Ok(())
            }
            Task::Search(goal) => {
                for address in alive {
                    let found = self.search(address, goal)?;
                    if self.engine.is_stopped() {
                        break; // it might have been higher
                    }
                    result.found.extend(found);
                }
                Ok(())
            }
        }
    }

    /// The addresses that accept connections.
    fn connect(&mut self, style: Style) -> io::Result<Vec<usize>> {
        let stays = match style {
            Style::Closed { .. } | Style::Open => true,
            Style::Reconnect => false,
            // Nothing may come before the moment.
            Style::Burst => return Ok((0..self.addresses.len()).collect()),
        };
        let count = if stays { self.bench.connections } else { 1 };
        let mut alive = Vec::new();
        for address in 0..self.addresses.len() {
            if self.engine.connect(address, count)? {
                alive.push(address);
            }
            if !stays {
                self.engine.close(address, true);
            }
        }
        Ok(alive)
    }

    /// Loads the addresses without counting; returns those to measure. One that has returned nothing
    /// would return nothing in the measurement either, and each of its messages would be waited for.
    fn warm_up(&mut self, mut alive: Vec<usize>) -> io::Result<Vec<usize>> {
        let length = Length::Time(nanos(self.bench.warm_up));
        let counts = matches!(self.bench.task, Task::Measure | Task::Search(_));
        if !counts || self.bench.warm_up.is_zero() {
            return Ok(alive);
        }
        self.phase = Phase::WarmUp;
        let mut returned = Vec::new();
        for &address in &alive {
            let turn = Turn { address, length, begins_idle: true, ends_idle: true };
            let rate = match self.bench.task {
                Task::Search(_) => Some(self.bench.rate.unwrap_or(FIRST_RATE)),
                _ => self.bench.rate,
            };
            let mut pace = rate.map(|rate| Pace::new(self.engine.now(), rate, u64::MAX));
            self.turn(&turn, pace.as_mut(), u64::MAX, false)?;
            let tally = self.engine.tally_mut(address);
            if tally.echoes > 0 || tally.failed == 0 {
                returned.push(address);
            }
            tally.forget();
        }
        alive.retain(|address| returned.contains(address));
        Ok(alive)
    }

    fn length(&self) -> Length {
        match self.bench.count {
            Some(count) => Length::Messages(count),
            None => Length::Time(nanos(self.bench.duration)),
        }
    }

    /// Measures the addresses, which take turns. One that has taken more time than it was to have, by
    /// the timeout, because it lets each turn wait for the last replies, has no more turns.
    fn measure(
        &mut self,
        addresses: &[usize],
        length: Length,
        rate: Option<f64>,
        tells: bool,
    ) -> io::Result<()> {
        let most = match length {
            Length::Time(time) => time.saturating_add(nanos(self.bench.client.timeout)),
            Length::Messages(_) => u64::MAX,
        };
        let mut spent = vec![0; self.addresses.len()];
        let mut pace: Option<Pace> = None;
        for turn in turns(addresses, length) {
            if turn.begins_idle && spent[turn.address] >= most {
                continue;
            }
            let began = self.engine.now();
            // How much may go out until the load is idle again: that on one address alone is at the
            // end.
            let budget = if addresses.len() == 1 { length } else { turn.length }.messages();
            if turn.begins_idle {
                pace = rate.map(|rate| Pace::new(self.engine.now(), rate, budget));
            }
            self.turn(&turn, pace.as_mut(), budget, tells)?;
            spent[turn.address] += self.engine.now() - began;
            if self.engine.is_stopped() {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Loads one address for a turn, and takes note of it.
    fn turn(
        &mut self,
        turn: &Turn,
        mut pace: Option<&mut Pace>,
        budget: u64,
        tells: bool,
    ) -> io::Result<()> {
        let address = turn.address;
        let tally = self.engine.tally(address);
        let mut watch = Told {
            address: self.addresses[address],
            warm_up: self.phase == Phase::WarmUp,
            since: self.begun,
            now: self.engine.now(),
            echoes: tally.echoes,
            tell: self.tell,
        };
        if watch.warm_up {
            watch.since = watch.now;
        }
        let span = self.engine.turn(turn, pace.as_deref_mut(), budget, &mut watch)?;
        if self.phase == Phase::WarmUp {
            return Ok(());
        }
        if let Some(pace) = pace {
            if turn.ends_idle || self.engine.is_stopped() {
                let end = match turn.length {
                    Length::Time(time) if !self.engine.is_stopped() => span.start + time,
                    _ => span.start + span.wall,
                };
                let asked = pace.due_before(end);
                self.measures[address].note_paced(asked, pace.taken(), pace.rate());
            }
        }
        self.note_slice(address, span, tells);
        Ok(())
    }

    fn note_slice(&mut self, address: usize, span: Span, tells: bool) {
        let tally = self.engine.tally_mut(address);
        let measured = &mut self.measures[address];
        let slice = measured.note(self.addresses[address], self.begun, span, tally);
        if let Some(slice) = slice.filter(|_| tells) {
            (self.tell)(BenchEvent::Slice(slice));
        }
    }

    /// Looks for the highest rate that keeps within the limit. `None`: it was stopped.
    fn search(&mut self, address: usize, goal: Goal) -> io::Result<Option<Found>> {
        let mut search = Search::new(self.bench.rate.unwrap_or(FIRST_RATE));
        let length = nanos(self.bench.duration);
        loop {
            let (rate, length, confirms) = match search.next() {
                Next::Found(rate) => {
                    let (address, ended_by) = (self.addresses[address], search.failed_by());
                    return Ok(Some(Found { address, rate, ended_by }));
                }
                Next::Try(rate) => (rate, length / u64::from(STEPS), false),
                Next::Confirm(rate) => (rate, length, true),
            };
            self.measures[address] = Measured::default();
            *self.engine.tally_mut(address) = Tally::default();
            self.measure(&[address], Length::Time(length), Some(rate), confirms)?;
            if self.engine.is_stopped() {
                return Ok(None);
            }
            let measured = &self.measures[address];
            let tally = self.engine.tally(address);
            let load = measured.load(tally);
            let rtt = measured.rtt.quantile(goal.quantile);
            let outcome = if !load.was_sent(goal.limit) {
                StepOutcome::NotSent
            } else if tally.failed > 0 {
                StepOutcome::Faults
            } else if rtt > goal.limit {
                StepOutcome::TooSlow
            } else {
                StepOutcome::Held
            };
            let sent_rate = measured.sent_rate();
            let (address, faults) = (self.addresses[address], tally.faults.clone());
            let step = SearchStep { address, rate, sent_rate, rtt, confirms, outcome, faults };
            (self.tell)(BenchEvent::Step(step));
            search.note(outcome);
        }
    }

    fn report(&mut self, address: usize) -> BenchReport {
        let measured = std::mem::take(&mut self.measures[address]);
        let tally = std::mem::take(self.engine.tally_mut(address));
        let mut report = measured.report(self.addresses[address], self.begun, self.bench, tally);
        let stood = self.engine.stood();
        if !stood.is_zero() {
            report.warnings.push(Warning::Stopped(stood));
        }
        report
    }
}

/// Tells the progress of a turn.
struct Told<'t, F> {
    address: SocketAddr,
    warm_up: bool,
    /// When the load began.
    since: u64,
    /// When the turn began, and the echoes before it.
    now: u64,
    echoes: u64,
    tell: &'t mut F,
}

impl<F: FnMut(BenchEvent)> Watch for Told<'_, F> {
    fn progress(&mut self, elapsed: Duration, tally: &Tally) {
        let before = Duration::from_nanos(self.now.saturating_sub(self.since));
        (self.tell)(BenchEvent::Progress(Progress {
            address: self.address,
            warm_up: self.warm_up,
            elapsed: before + elapsed,
            rate: ratio((tally.echoes - self.echoes) as f64, elapsed.as_secs_f64()),
            p50: tally.slice.quantile(0.5),
            p99: tally.slice.quantile(0.99),
            faults: tally.failed,
        }));
    }
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX / 4)
}
