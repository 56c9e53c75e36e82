//! A run that was kept and a run of now in, what has changed out.

use super::report::{BenchReport, Measure};
use super::statistics::{Interval, ratio};
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
    /// The figures of each slice.
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
    /// The median round trip.
    pub p50_us: f64,
    /// The 99th percentile.
    pub p99_us: f64,
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
    /// Its interval then: echoes a second, or microseconds.
    pub before: Interval,
    /// Its interval now.
    pub now: Interval,
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
    /// If they are made in different ways.
    pub fn suits(&self, bench: &Bench) -> Result<(), CompareError> {
        match self.settings.difference(&bench.settings()) {
            Some(name) => Err(CompareError::Settings(name.to_owned())),
            None => Ok(()),
        }
    }

    /// Compares a run of now with this one, address by address in their order: the rate, the median
    /// and the 99th percentile of each. What has too few slices is left out.
    ///
    /// # Errors
    ///
    /// If they were made in different ways, or loaded other kinds of addresses.
    pub fn compare(&self, now: &Self) -> Result<Vec<Change>, CompareError> {
        if let Some(name) = self.settings.difference(&now.settings) {
            return Err(CompareError::Settings(name.to_owned()));
        }
        let pairs = || self.addresses.iter().zip(&now.addresses);
        let of_one_family = |(then, now): (&BaselineAddress, &BaselineAddress)| {
            then.address.is_ipv6() == now.address.is_ipv6()
        };
        if self.addresses.len() != now.addresses.len() || !pairs().all(of_one_family) {
            return Err(CompareError::Addresses);
        }
        let changes = pairs().flat_map(|(then, now)| {
            Measure::ALL.iter().filter_map(|&of| {
                let before = Interval::of(&then.series(of))?;
                let interval = Interval::of(&now.series(of))?;
                let by = ratio(interval.mean - before.mean, before.mean);
                let changed = interval.differs_from(&before);
                Some(Change { address: now.address, of, before, now: interval, by, changed })
            })
        });
        Ok(changes.collect())
    }
}

impl BaselineAddress {
    fn new(report: &BenchReport) -> Self {
        let slices = report.slices.iter().map(|slice| BaselineSlice {
            rate: slice.rate,
            p50_us: slice.figure(Measure::P50),
            p99_us: slice.figure(Measure::P99),
        });
        let counts = report.rtt.counts();
        Self {
            address: report.address,
            echoes: report.echoes,
            faults: report.faults.total(),
            slices: slices.collect(),
            rtt_counts: counts.map(|(time, count)| (time.as_nanos() as f64 / 1e3, count)).collect(),
        }
    }

    fn series(&self, of: Measure) -> Vec<f64> {
        let figure = |slice: &BaselineSlice| match of {
            Measure::Rate => slice.rate,
            Measure::P50 => slice.p50_us,
            Measure::P99 => slice.p99_us,
        };
        self.slices.iter().map(figure).collect()
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
        ];
        same.into_iter().find(|(_, same)| !same).map(|(name, _)| name)
    }
}

impl Bench {
    /// How this load is made.
    #[must_use]
    pub fn settings(&self) -> BenchSettings {
        let micros = |time: std::time::Duration| time.as_nanos() as f64 / 1e3;
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
            duration_us: micros(self.duration),
            warm_up_us: micros(self.warm_up),
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
            BaselineSlice { rate: rate * wave, p50_us: 100.0 * wave, p99_us: p99 * wave }
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
        let open = run(&bench.rate(5.0), "127.0.0.1:7", 1000.0, 200.0);
        assert!(then.compare(&open).is_err());
    }
}
