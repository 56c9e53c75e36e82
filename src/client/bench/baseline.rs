//! A run that was kept and a run of now in, what has changed out.

use super::report::{BenchReport, Measure, in_micros};
use super::statistics::{Estimate, Interval, ratio};
use super::{Bench, Task};

/// A run of a [`Bench`] as it is kept for a comparison: how it was made, the figures of each slice,
/// and how often each time occurred.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Baseline {
    /// The version of this crate that measured it.
    pub version: String,
    /// How it was made.
    pub settings: BenchSettings,
    /// What each address came to.
    pub addresses: Vec<BaselineAddress>,
}

/// How a [`Bench`] was made. Runs can be compared only if it is the same.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct BenchSettings {
    /// What was done: `closed`, `open`, `burst`, `hold` or `search`.
    pub task: String,
    /// Connections to each address.
    pub connections: usize,
    /// Bytes of a message.
    pub size: usize,
    /// Messages of a closed loop that are under way on each connection.
    pub in_flight: usize,
    /// Whether each message has a connection of its own.
    pub reconnect: bool,
    /// Whether each message is a datagram, and connections are flows of them.
    #[cfg_attr(feature = "serde", serde(default))]
    pub datagrams: bool,
    /// Messages a second of an open loop.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub rate: Option<f64>,
    /// Messages of each address, if it was not a time.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub count: Option<u64>,
    /// How long each address was measured.
    pub duration_us: f64,
    /// How long the load went on before it counted.
    pub warm_up_us: f64,
    /// How long the connections were silent, if they were held.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
    pub hold_us: Option<f64>,
    /// The part of the round trips that a search looked at, from 0 to 1.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
    pub goal_quantile: Option<f64>,
    /// Which time that part was not to exceed.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
    pub goal_limit_us: Option<f64>,
}

/// What one address came to.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct BaselineAddress {
    /// The server.
    pub address: std::net::SocketAddr,
    /// Messages that came back.
    pub echoes: u64,
    /// Messages that failed.
    pub faults: u64,
    /// The figures of each slice that was not interrupted.
    pub slices: Vec<BaselineSlice>,
    /// Times in microseconds, to a thousandth, and how often each occurred.
    pub rtt_counts: Vec<(f64, u64)>,
}

/// The figures of a slice.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct BaselineSlice {
    /// Echoes a second.
    pub rate: f64,
    /// How long the echoes were counted; zero where that was not kept.
    #[cfg_attr(feature = "serde", serde(default))]
    pub duration_us: f64,
    /// The median round trip, if anything came back. Zero means the same.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
    pub p50_us: Option<f64>,
    /// The 99th percentile.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
    pub p99_us: Option<f64>,
}

/// A figure of then and of now.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Change {
    /// The server of now.
    #[cfg_attr(feature = "serde", serde(flatten, serialize_with = "crate::schema::address"))]
    pub address: std::net::SocketAddr,
    /// What is compared.
    pub of: Measure,
    /// What it was then: the echoes a second of the whole run, or the microseconds of the median slice.
    pub before: Estimate,
    /// What it is now.
    pub now: Estimate,
    /// By which part it is greater now.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::schema::fine"))]
    pub by: f64,
    /// Whether the intervals are apart, by more than 2 %.
    pub changed: bool,
}

/// Two runs that cannot be compared.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum CompareError {
    /// They were made in different ways.
    #[error("the runs cannot be compared: {0} differs")]
    Settings(String),
    /// They have different numbers of addresses, or of other families.
    #[error("the runs cannot be compared: they loaded different kinds of addresses")]
    Addresses,
    /// One of them has too few slices in which anything came back, of this address.
    #[error("the run of {0} cannot be compared: too few slices")]
    Slices(std::net::SocketAddr),
}

impl Baseline {
    /// Keeps the reports of a run of `bench`.
    #[must_use]
    pub fn new(bench: &Bench, reports: &[BenchReport]) -> Self {
        Self {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            settings: bench.settings(),
            addresses: reports.iter().map(BaselineAddress::new).collect(),
        }
    }

    /// Says whether a run of `bench` can be compared with this one, before it has begun.
    ///
    /// # Errors
    ///
    /// If they are made in different ways, or this one has too few slices.
    pub fn suits(&self, bench: &Bench) -> Result<(), CompareError> {
        if let Some(name) = self.settings.difference(&bench.settings()) {
            return Err(CompareError::Settings(name.to_owned()));
        }
        let none =
            |kept: &&BaselineAddress| Measure::ALL.iter().all(|&of| kept.estimate(of).is_none());
        match self.addresses.iter().find(none) {
            Some(kept) => Err(CompareError::Slices(kept.address)),
            None => Ok(()),
        }
    }

    /// Says whether a run of `addresses` can be compared with this one, before it has begun.
    ///
    /// # Errors
    ///
    /// If they are fewer, or more, or of other families.
    pub fn suits_addresses(&self, addresses: &[std::net::SocketAddr]) -> Result<(), CompareError> {
        let families = self.addresses.iter().map(|kept| kept.address.is_ipv6());
        if families.eq(addresses.iter().map(std::net::SocketAddr::is_ipv6)) {
            Ok(())
        } else {
            Err(CompareError::Addresses)
        }
    }

    /// Compares a run of now with this one, address by address in their order: the rate, the median
    /// and the 99th percentile of each. A figure that too few slices have is left out.
    ///
    /// # Errors
    ///
    /// If they were made in different ways, loaded other kinds of addresses, or have no figure of an
    /// address in common.
    pub fn compare(&self, now: &Self) -> Result<Vec<Change>, CompareError> {
        if let Some(name) = self.settings.difference(&now.settings) {
            return Err(CompareError::Settings(name.to_owned()));
        }
        let loaded: Vec<_> = now.addresses.iter().map(|now| now.address).collect();
        self.suits_addresses(&loaded)?;
        let mut all = Vec::new();
        for (then, now) in self.addresses.iter().zip(&now.addresses) {
            let changes = Measure::ALL.iter().filter_map(|&of| {
                let before = then.estimate(of)?;
                let estimate = now.estimate(of)?;
                let by = ratio(estimate.value - before.value, before.value);
                let changed = estimate.differs_from(&before);
                Some(Change { address: now.address, of, before, now: estimate, by, changed })
            });
            let changes: Vec<_> = changes.collect();
            if changes.is_empty() {
                return Err(CompareError::Slices(now.address));
            }
            all.extend(changes);
        }
        Ok(all)
    }
}

impl BaselineAddress {
    fn new(report: &BenchReport) -> Self {
        let whole = report.slices.iter().filter(|slice| !slice.interrupted);
        let slices = whole.map(|slice| BaselineSlice {
            rate: slice.rate,
            duration_us: in_micros(slice.duration),
            p50_us: slice.rtt.map(|rtt| in_micros(rtt.p50)),
            p99_us: slice.rtt.map(|rtt| in_micros(rtt.p99)),
        });
        let counts = report.rtt.counts();
        Self {
            address: report.address,
            echoes: report.echoes,
            faults: report.faults.total(),
            slices: slices.collect(),
            rtt_counts: counts.map(|(time, count)| (in_micros(time), count)).collect(),
        }
    }

    /// A figure and its interval; `None` if too few slices have it. Times are those of the median slice:
    /// a mean of them would be that of the slowest slice.
    fn estimate(&self, of: Measure) -> Option<Estimate> {
        let times = |time: fn(&BaselineSlice) -> Option<f64>| {
            let times = self.slices.iter().filter_map(time).filter(|&time| time > 0.0);
            Estimate::of_median(&times.collect::<Vec<_>>())
        };
        match of {
            Measure::Rate => {
                let known = self.slices.iter().all(|slice| slice.duration_us > 0.0);
                let weight = |slice: &BaselineSlice| if known { slice.duration_us } else { 1.0 };
                let weighed = |slice: &BaselineSlice| (slice.rate * weight(slice), weight(slice));
                let weighed = self.slices.iter().map(weighed).collect::<Vec<_>>();
                Interval::of_ratio(&weighed).map(Estimate::from)
            }
            Measure::P50 => times(|slice| slice.p50_us),
            Measure::P99 => times(|slice| slice.p99_us),
        }
    }
}

impl BenchSettings {
    /// The name of the first setting that differs.
    fn difference(&self, other: &Self) -> Option<&'static str> {
        let same = [
            ("the task", self.task == other.task),
            ("the number of connections", self.connections == other.connections),
            ("the size", self.size == other.size),
            ("the number in flight", self.in_flight == other.in_flight),
            ("reconnecting", self.reconnect == other.reconnect),
            ("the transport", self.datagrams == other.datagrams),
            ("the rate", self.rate == other.rate),
            ("the count", self.count == other.count),
            ("the duration", self.duration_us == other.duration_us),
            ("the warm-up", self.warm_up_us == other.warm_up_us),
            ("the time of the silence", self.hold_us == other.hold_us),
            ("the goal", self.goal_quantile == other.goal_quantile),
            ("the goal", self.goal_limit_us == other.goal_limit_us),
        ];
        same.into_iter().find(|(_, same)| !same).map(|(name, _)| name)
    }
}

impl Bench {
    /// How this load is made.
    #[must_use]
    pub fn settings(&self) -> BenchSettings {
        let goal = match self.task {
            Task::Search(goal) => Some(goal),
            Task::Measure | Task::Burst | Task::Hold(_) => None,
        };
        BenchSettings {
            task: match self.task {
                Task::Measure => self.load().code(),
                Task::Burst => "burst",
                Task::Hold(_) => "hold",
                Task::Search(_) => "search",
            }
            .to_owned(),
            connections: self.connections,
            size: self.size,
            in_flight: self.in_flight,
            reconnect: self.reconnect,
            datagrams: self.datagrams,
            rate: self.rate,
            count: self.count,
            duration_us: in_micros(self.duration),
            warm_up_us: in_micros(self.warm_up),
            hold_us: match self.task {
                Task::Hold(silence) => Some(in_micros(silence)),
                Task::Measure | Task::Burst | Task::Search(_) => None,
            },
            goal_quantile: goal.map(|goal| goal.quantile),
            goal_limit_us: goal.map(|goal| in_micros(goal.limit)),
        }
    }
}

impl Change {
    /// By which part the figure is worse now, if it has changed: a lower rate, a longer time.
    #[must_use]
    pub fn worse_by(&self) -> Option<f64> {
        let worse = if self.of.is_time() { self.by } else { -self.by };
        (self.changed && worse > 0.0).then_some(worse)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Client;

    fn run(bench: &Bench, address: &str, rate: f64, p99: f64) -> Baseline {
        let slice = |n: u32| {
            let wave = 1.0 + f64::from(n % 3) / 1e3;
            let times = [100.0, p99].map(|time| Some(time * wave));
            let [p50_us, p99_us] = times;
            BaselineSlice { rate: rate * wave, duration_us: 5e5, p50_us, p99_us }
        };
        let (echoes, faults, rtt_counts) = (1, 0, Vec::new());
        let slices = (0..20).map(slice).collect();
        let address = address.parse().unwrap();
        let address = BaselineAddress { address, echoes, faults, slices, rtt_counts };
        Baseline { addresses: vec![address], ..Baseline::new(bench, &[]) }
    }

    #[test]
    fn a_change_has_intervals_apart_and_is_worse_in_one_direction() {
        let bench = Client::new().bench();
        let then = run(&bench, "127.0.0.1:7", 1000.0, 200.0);
        for (rate, p99, worse) in [
            (1000.0, 200.0, [None, None, None]),
            (1015.0, 203.0, [None, None, None]),
            (900.0, 200.0, [Some(10), None, None]),
            (1100.0, 200.0, [None, None, None]),
            (1000.0, 220.0, [None, None, Some(10)]),
            (1000.0, 150.0, [None, None, None]),
        ] {
            let now = run(&bench, "127.0.0.2:9", rate, p99);
            let changes = then.compare(&now).unwrap();
            let percent = |change: &Change| change.worse_by().map(|by| (by * 100.0).round() as u32);
            let found: Vec<_> = changes.iter().map(percent).collect();
            assert_eq!(found, worse, "{rate} {p99}");
        }
    }

    #[test]
    fn runs_that_were_made_differently_are_not_compared() {
        let bench = Client::new().bench();
        let then = run(&bench, "127.0.0.1:7", 1000.0, 200.0);
        let larger = run(&bench.clone().size(65), "127.0.0.1:7", 1000.0, 200.0);
        assert_eq!(then.compare(&larger), Err(CompareError::Settings("the size".to_owned())));
        let other = run(&bench, "[::1]:7", 1000.0, 200.0);
        assert_eq!(then.compare(&other), Err(CompareError::Addresses));
        let silent = |time| bench.clone().hold(std::time::Duration::from_secs(time)).settings();
        let seek = |part, time| {
            bench.clone().search(part, std::time::Duration::from_millis(time)).settings()
        };
        for (one, other, differs) in [
            (silent(1), silent(1), None),
            (silent(1), silent(2), Some("the time of the silence")),
            (seek(0.99, 5), seek(0.99, 5), None),
            (seek(0.99, 5), seek(0.5, 5), Some("the goal")),
            (seek(0.99, 5), seek(0.99, 20), Some("the goal")),
        ] {
            assert_eq!(one.difference(&other), differs, "{one:?}");
        }
        let open = run(&bench.rate(5.0), "127.0.0.1:7", 1000.0, 200.0);
        assert!(then.compare(&open).is_err());
    }

    #[test]
    fn what_nothing_came_back_in_has_no_time_and_what_is_too_short_is_not_compared() {
        let bench = Client::new().bench();
        let full = run(&bench, "127.0.0.1:7", 1000.0, 200.0);
        for (silent, comparable) in [
            (BaselineSlice { rate: 0.0, duration_us: 5e5, p50_us: None, p99_us: None }, 3),
            // As it was kept once.
            (
                BaselineSlice { rate: 0.0, duration_us: 0.0, p50_us: Some(0.0), p99_us: Some(0.0) },
                3,
            ),
        ] {
            let mut gaps = full.clone();
            for slice in gaps.addresses[0].slices.iter_mut().step_by(2) {
                *slice = silent;
            }
            let changes = full.compare(&gaps).unwrap();
            assert_eq!(changes.len(), comparable);
            let [rate, p50, p99] = &changes[..] else { panic!("{changes:?}") };
            assert!((rate.by + 0.5).abs() < 0.01, "{rate:?}");
            assert!(p50.by.abs() < 0.01 && p99.by.abs() < 0.01, "{changes:?}");
        }
        for left in [0, 1] {
            let mut short = full.clone();
            short.addresses[0].slices.truncate(left);
            let error = Err(CompareError::Slices(short.addresses[0].address));
            assert_eq!(
                (short.compare(&full), full.compare(&short)),
                (error.clone(), error.clone())
            );
            assert_eq!(short.suits(&bench), error.map(drop));
        }
        assert_eq!(full.suits(&bench), Ok(()));
    }

    #[test]
    fn other_addresses_are_told_before_the_run() {
        let then = run(&Client::new().bench(), "127.0.0.1:7", 1000.0, 200.0);
        for (addresses, suits) in [
            (&["192.0.2.7:9"][..], true),
            (&["[::1]:7"], false),
            (&["127.0.0.1:7", "[::1]:7"], false),
            (&[], false),
        ] {
            let addresses: Vec<_> = addresses.iter().map(|text| text.parse().unwrap()).collect();
            assert_eq!(then.suits_addresses(&addresses).is_ok(), suits, "{addresses:?}");
        }
    }
}
