//! What a bench reads from files and writes to them: runs that are kept, spectra, pictures.

use std::fs;

use echo6::client::{Baseline, BenchReport};
use echo6::error::Cause;
use echo6::times::Times;

use super::{Bench, report};
use crate::cli::failure::{Failure, Status, Stop};
use crate::cli::plot::{self, Series};
use crate::cli::sink::Sink;

#[derive(serde::Serialize)]
struct Merged {
    event: &'static str,
    files: usize,
    echoes: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    rtt_us: Option<echo6::times::Figures>,
}

impl Bench {
    /// The run to compare with.
    pub(super) fn baseline(&self) -> Result<Option<Baseline>, Failure> {
        let Some(path) = &self.compare else { return Ok(None) };
        serde_json::from_str(&read(path)?).map_err(|error| Failure::input(path, &error))
    }

    /// Finds out whether the files that the flags ask for can be written, before a load whose result
    /// would be lost.
    pub(super) fn try_files(&self, addresses: usize) -> Result<(), Failure> {
        let spectra = self
            .hdr
            .iter()
            .flat_map(|path| (0..addresses).map(move |index| numbered(path, index, addresses)));
        for path in spectra.chain(self.save.clone()).chain(self.plot.clone()) {
            plot::try_file(&path)?;
        }
        Ok(())
    }

    /// Writes what the flags ask for.
    pub(super) fn keep(
        &self,
        reports: &[BenchReport],
        now: &Baseline,
        interrupted: bool,
        sink: Sink,
    ) -> Result<(), Failure> {
        if let Some(path) = &self.save {
            let echoes = reports.iter().map(|report| report.echoes).sum();
            let slices = now.addresses.iter().map(|address| address.slices.len()).sum();
            if let Some(why) = unkept(echoes, slices, interrupted) {
                sink.remark(&format!("{path} is not written: {why}"));
            } else {
                let text =
                    serde_json::to_string(now).map_err(|error| Failure::usage(error.to_string()));
                write(path, &(text? + "\n"))?;
            }
        }
        if let Some(path) = &self.hdr {
            for (index, report) in reports.iter().enumerate() {
                write(&numbered(path, index, reports.len()), &report.rtt.to_hgrm())?;
            }
        }
        if let Some(path) = &self.plot {
            let drawn: Vec<Series> = reports.iter().map(Series::of_bench).collect();
            plot::write(path, "echo6 bench", &drawn)?;
        }
        Ok(())
    }

    /// Merges spectra.
    pub(super) fn merge(&self, sink: Sink) -> Result<Status, Stop> {
        let mut merged = Times::default();
        for path in &self.merge {
            let text = read(path)?;
            let times = Times::from_hgrm(&text).map_err(|error| Failure::input(path, &error))?;
            merged.merge(&times);
        }
        if let Some(path) = &self.hdr {
            write(path, &merged.to_hgrm())?;
        }
        let (files, echoes, rtt_us) = (self.merge.len(), merged.count(), merged.figures());
        if self.json {
            sink.object(&Merged { event: "merged", files, echoes, rtt_us })?;
        } else {
            sink.data(report::merged(files, &merged, self.verbose).as_bytes())?;
        }
        Ok(Status::Ok)
    }
}

/// Why a run is not kept: whatever run is kept already is better than one that says nothing.
fn unkept(echoes: u64, slices: usize, interrupted: bool) -> Option<&'static str> {
    match (echoes, slices) {
        (0, _) => Some("nothing was measured"),
        (_, 0) if interrupted => Some("the run was interrupted in its first slice"),
        _ => None,
    }
}

/// The file for the spectrum of one of several addresses: `run.hgrm`, or of two `run.1.hgrm` and
/// `run.2.hgrm`.
fn numbered(path: &str, index: usize, of: usize) -> String {
    if of == 1 {
        return path.to_owned();
    }
    let number = index + 1;
    let name = path.rfind('/').map_or(0, |slash| slash + 1);
    match path[name..].rfind('.') {
        Some(dot) if dot > 0 => {
            let (stem, extension) = path.split_at(name + dot);
            format!("{stem}.{number}{extension}")
        }
        _ => format!("{path}.{number}"),
    }
}

fn read(path: &str) -> Result<String, Failure> {
    fs::read_to_string(path).map_err(|error| Failure::input(path, &Cause::from(error)))
}

fn write(path: &str, text: &str) -> Result<(), Failure> {
    fs::write(path, text)
        .map_err(|error| Failure::here(&format!("cannot write {path}"), &Cause::from(error)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_that_says_nothing_is_not_kept() {
        let (nothing, first) =
            ("nothing was measured", "the run was interrupted in its first slice");
        for (echoes, slices, interrupted, why) in [
            (9, 2, true, None),
            (9, 0, true, Some(first)),
            (9, 0, false, None), // connections that were held
            (0, 3, false, Some(nothing)),
            (0, 0, true, Some(nothing)),
        ] {
            assert_eq!(unkept(echoes, slices, interrupted), why, "{echoes} {slices}");
        }
    }

    #[test]
    fn each_of_several_addresses_has_a_file_of_its_own() {
        for (path, of, expected) in [
            ("run.hgrm", 1, "run.hgrm"),
            ("run.hgrm", 2, "run.2.hgrm"),
            ("a.b/run", 2, "a.b/run.2"),
            ("a.b/run.x.hgrm", 2, "a.b/run.x.2.hgrm"),
            (".hgrm", 2, ".hgrm.2"),
        ] {
            assert_eq!(numbered(path, 1, of), expected);
        }
    }
}
