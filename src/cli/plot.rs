//! Round-trip times in, a picture (SVG) out: over time, and as a percentile spectrum beside it.

use std::fs;

use echo6::client::BenchReport;
use echo6::error::Cause;
use echo6::times::Times;

use super::failure::Failure;

mod axis;
mod draw;
mod trace;

pub(crate) use trace::{Fate, Trace};

/// Draws `series` to the file at `path`.
pub(crate) fn write(path: &str, title: &str, series: &[Series]) -> Result<(), Failure> {
    fs::write(path, draw::svg(title, series))
        .map_err(|error| Failure::here(&format!("cannot write {path}"), &Cause::from(error)))
}

/// Finds out whether the file at `path` can be written, and leaves it as it is.
pub(crate) fn try_file(path: &str) -> Result<(), Failure> {
    let tried = match fs::metadata(path) {
        Ok(found) if found.is_file() => fs::OpenOptions::new().append(true).open(path).map(drop),
        // A pipe has a reader that would take this for the end; what else there is tells later.
        Ok(_) => Ok(()),
        Err(_) => fs::File::create_new(path).and_then(|_| fs::remove_file(path)),
    };
    tried.map_err(|error| Failure::here(&format!("cannot write {path}"), &Cause::from(error)))
}

/// What is drawn of one address.
#[derive(Debug)]
pub(crate) struct Series {
    pub(crate) name: String,
    pub(crate) marks: Marks,
    /// When something was lost, in seconds.
    pub(crate) lost: Vec<f64>,
    /// What came too late: when, in seconds, and its time in milliseconds.
    pub(crate) late: Vec<(f64, f64)>,
    pub(crate) spectrum: Vec<Quantile>,
}

/// Round trips over time.
#[derive(Debug)]
pub(crate) enum Marks {
    /// Each one: when, in seconds, and its time in milliseconds.
    Each(Vec<(f64, f64)>),
    /// Percentiles of stretches of time.
    Bands(Vec<Band>),
}

/// A stretch of time, its times in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Band {
    /// Its middle, in seconds.
    pub(crate) at: f64,
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    pub(crate) max: f64,
}

/// A step of a percentile spectrum.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Quantile {
    pub(crate) quantile: f64,
    pub(crate) millis: f64,
}

impl Series {
    /// What is drawn of a load on one address: a band for each slice.
    pub(crate) fn of_bench(report: &BenchReport) -> Self {
        let middle = |slice: &echo6::client::Slice| {
            slice.start.as_secs_f64() + slice.duration.as_secs_f64() / 2.0
        };
        let bands = report.slices.iter().filter_map(|slice| {
            let rtt = slice.rtt?;
            let [p50, p99, max] = [rtt.p50, rtt.p99, rtt.max].map(millis);
            Some(Band { at: middle(slice), p50, p99, max })
        });
        let faulty = report.slices.iter().filter(|slice| slice.faults > 0);
        Self {
            name: report.address.to_string(),
            marks: Marks::Bands(bands.collect()),
            lost: faulty.map(middle).collect(),
            late: Vec::new(),
            spectrum: spectrum(&report.rtt),
        }
    }
}

/// Steps of a spectrum, few enough to draw.
fn spectrum(times: &Times) -> Vec<Quantile> {
    let steps = times.spectrum(10);
    steps.map(|(quantile, time, _)| Quantile { quantile, millis: millis(time) }).collect()
}

fn millis(time: std::time::Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
