//! Reports in, text for 80 columns out.

use std::error::Error;
use std::fmt::Write as _;
use std::io::ErrorKind;
use std::iter::successors;

use echo6::address::Families;
use echo6::client::{
    BenchFailure, BenchReport, BenchResult, Bound, Change, DatagramCounts, FirstDifference, Found,
    Interval, Loop, PairedDifference, SearchStep, SendError, StepOutcome,
};
use echo6::error::{Cause, CauseKind, chain};
use echo6::times::Times;

use super::table::{figures, mebibytes, table, thousands};
use super::values::Goal;
use crate::cli::ping::histogram;
use crate::cli::text::{count, millis};

/// What kind of run it was.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Task {
    Load,
    Burst,
    Hold,
    Search(Goal),
}

/// All that is to be printed of a run.
pub(super) fn text(
    reports: &[BenchReport],
    result: &BenchResult,
    task: Task,
    verbose: bool,
) -> String {
    let nothing = reports.iter().all(|report| report.echoes == 0 && report.faults.total() == 0);
    if let Some(phase) = result.interrupted_in.filter(|_| nothing) {
        return format!("interrupted {phase}: nothing was measured\n");
    }
    let mut text = table(reports);
    for found in &result.found {
        text += &self::found(found, task, reports.len() > 1);
    }
    if let Some(difference) = &result.difference {
        text += &self::difference(difference);
    }
    text += &totals(reports);
    for report in reports {
        if let Some(difference) = &report.first_difference {
            text += &first_difference(report, difference);
        }
        text += &failure(report);
        text += &datagrams(report);
        if let Some(short) = shortage(report) {
            let _ = writeln!(text, "{}: this host ran out of {short}", report.address);
        }
    }
    if reports.iter().any(|report| report.echoes > 0) {
        text += &label(reports, task);
    }
    let waits = |report: &&BenchReport| {
        let dropped = report.datagrams.as_ref().map(|counts| counts.dropped_here);
        let lost = dropped.map(|dropped| dropped + report.faults.of(CauseKind::Timeout));
        report.load == Loop::Closed && lost.is_some_and(|lost| lost > 0)
    };
    if reports.iter().any(|report| waits(&report)) {
        text += "each lost datagram blocks its flow until -w is over: a shorter -w sends more\n";
    }
    for report in reports {
        let name = if reports.len() > 1 { format!("{}: ", report.address) } else { String::new() };
        if report.bound_by == Bound::Host {
            let _ = writeln!(text, "{name}{}", report.bound_by);
        }
        for warning in &report.warnings {
            let _ = writeln!(text, "{name}{warning}");
        }
    }
    if let Some(phase) = result.interrupted_in {
        let _ = writeln!(text, "interrupted {phase}");
    }
    if verbose {
        for report in reports {
            let _ = writeln!(text, "--- {} ---", report.address);
            text += &histogram(&report.rtt);
        }
    }
    text
}

/// What was found at the end of a search.
fn found(found: &Found, task: Task, several: bool) -> String {
    let name = if several { format!("{}: ", found.address) } else { String::new() };
    let rate = found.rate.map(|rate| thousands(rate) + "/s");
    let said = match (rate, task) {
        (Some(rate), Task::Search(goal)) if ended_here(found) => {
            format!("this host could not send more than {rate}: {goal} was not reached")
        }
        (None, Task::Search(goal)) if ended_here(found) => {
            format!("this host could not send at the lowest rate: {goal} was not tried")
        }
        (Some(rate), _) if found.ended_by == Some(StepOutcome::Faults) => {
            format!("highest rate within the limit: {rate}; above it, messages failed")
        }
        (None, _) if found.ended_by == Some(StepOutcome::Faults) => {
            "no rate was within the limit: messages failed".to_owned()
        }
        (Some(rate), _) => format!("highest rate within the limit: {rate}"),
        (None, _) => "no rate was within the limit".to_owned(),
    };
    format!("{name}{said}\n")
}

/// Whether a search ended at what this host can send, and so says less about the server.
pub(super) fn ended_here(found: &Found) -> bool {
    found.ended_by == Some(StepOutcome::NotSent)
}

/// By how much the second address differs.
fn difference(difference: &PairedDifference) -> String {
    let PairedDifference { address, with, of, by, .. } = difference;
    let families = (Families::of(*address), Families::of(*with));
    let (name, than) = match families {
        (one, other) if one != other => (one.to_string(), String::new()),
        _ => (address.to_string(), format!(" than {with}")),
    };
    let Interval { mean, low, high, .. } = *by;
    let percent = |part: f64| part * 100.0;
    if low <= 0.0 && high >= 0.0 {
        let (mean, low, high) = (percent(mean), percent(low), percent(high));
        return format!(
            "no difference beyond chance: {name}{} {mean:+.1} % ({low:.1} to {high:.1}) in {of}\n",
            than.replace("than", "to")
        );
    }
    let word = if of.is_time() == (mean > 0.0) { "slower" } else { "faster" };
    let (least, most) = if mean < 0.0 { (-high, -low) } else { (low, high) };
    let (mean, least, most) = (percent(mean.abs()), percent(least), percent(most));
    format!("{name} is {word}{than} by {mean:.1} % ({least:.1} to {most:.1}) in {of}\n")
}

/// `1,410,840 echoes, 86.1 MiB, every byte as sent`, or what was not.
fn totals(reports: &[BenchReport]) -> String {
    let echoes: u64 = reports.iter().map(|report| report.echoes).sum();
    let bytes: u64 = reports.iter().map(|report| report.returned_bytes).sum();
    let noun = if echoes == 1 { "echo" } else { "echoes" };
    let mut text = format!("{} {noun}, {}", thousands(echoes as f64), mebibytes(bytes));
    let faults: u64 = reports.iter().map(|report| report.faults.total()).sum();
    if echoes == 0 && bytes == 0 {
        text = "nothing came back".to_owned();
    } else if faults == 0 {
        return text + ", every byte as sent\n";
    }
    text += &format!(", {}:", count(faults, "fault"));
    let mut comma = "";
    for kind in CauseKind::ALL {
        let of_kind: u64 = reports.iter().map(|report| report.faults.of(*kind)).sum();
        if of_kind > 0 {
            let _ = write!(text, "{comma} {of_kind} {kind}");
            comma = ",";
        }
    }
    text + "\n"
}

/// What happened to datagrams beside their faults.
fn datagrams(report: &BenchReport) -> String {
    let Some(counts) = &report.datagrams else { return String::new() };
    let DatagramCounts { late, reordered, max_reordering, dropped_here, .. } = counts;
    let mut parts = Vec::new();
    if *late > 0 {
        parts.push(format!("{late} of those that timed out came back late"));
    }
    if *reordered > 0 {
        parts.push(format!("{reordered} reordered by up to {max_reordering}"));
    }
    if let Some(from) = counts.foreign_from {
        parts.push(format!("answers from {from}"));
    }
    if *dropped_here > 0 {
        let dropped = count(*dropped_here, "datagram");
        parts.push(format!("{dropped} dropped here, the receive buffer was full"));
    }
    if parts.is_empty() {
        return String::new();
    }
    format!("{}: {}\n", report.address, parts.join(", "))
}

/// Why a message failed, unless it is said as the first difference.
fn failure(report: &BenchReport) -> String {
    let Some(failure) = &report.failure else { return String::new() };
    let mut text = String::new();
    if failure.cause() != CauseKind::Mismatch {
        let _ = writeln!(text, "{}", chain(failure));
    }
    let connects = matches!(failure, BenchFailure::Stream(SendError::Connect(_)));
    if report.duration.is_zero() && report.sent == 0 && !connects {
        let _ = writeln!(
            text,
            "{} is not measured, because nothing came back in the warm-up",
            report.address
        );
    }
    text
}

/// What this host has too little of, where the system says it.
fn shortage(report: &BenchReport) -> Option<&'static str> {
    if report.datagrams.as_ref().is_some_and(|counts| counts.dropped_here > 0) {
        return Some("room for what came back (sysctl net.core.rmem_max)");
    }
    let failure = report.failure.as_ref()?;
    let mut errors = successors(Some(failure as &dyn Error), |&error| error.source());
    let cause = errors.find_map(|error| error.downcast_ref::<Cause>())?;
    short_of(cause, report.echoes > 0)
}

/// What `cause` says is short; of ports that is said if other connections had some.
fn short_of(cause: &Cause, others: bool) -> Option<&'static str> {
    match (cause.raw_os_error()?, cause.kind()) {
        (number, _) if DESCRIPTORS.contains(&number) => Some("descriptors (ulimit -n)"),
        (_, ErrorKind::AddrNotAvailable | ErrorKind::AddrInUse) if others => {
            Some("ports: connect to, or from, more than one address")
        }
        _ => None,
    }
}

/// EMFILE and ENFILE, or WSAEMFILE.
const DESCRIPTORS: [i32; 2] = if cfg!(windows) { [10024; 2] } else { [24, 23] };

fn first_difference(report: &BenchReport, difference: &FirstDifference) -> String {
    let address = report.address;
    let name = if report.datagrams.is_some() { "a datagram of flow" } else { "connection" };
    let FirstDifference { connection, offset, expected, got, .. } = difference;
    if let Some(failure @ BenchFailure::Stream(SendError::HeaderReturned { .. })) = &report.failure
    {
        return chain(failure) + "\n"; // the bytes say less
    }
    let instead = report.failure.as_ref().and_then(BenchFailure::instead);
    let instead = instead.map_or_else(String::new, |instead| format!(", {instead}"));
    match (expected, got) {
        (Some(expected), Some(got)) => format!(
            "{address}: {name} {connection} differs at byte {offset}: \
             sent {expected:#04x}, got {got:#04x}{instead}\n"
        ),
        _ => {
            format!(
                "{address}: {name} {connection} returned extra bytes from byte {offset}{instead}\n"
            )
        }
    }
}

/// Which times are shown.
fn label(reports: &[BenchReport], task: Task) -> String {
    match (task, reports.first()) {
        (Task::Burst, _) => "burst: times run from when all began to connect\n".to_owned(),
        (Task::Hold, _) => "hold: times are those of the echo after the silence\n".to_owned(),
        (Task::Load | Task::Search(_), None) => String::new(),
        (Task::Load | Task::Search(_), Some(report)) => {
            let load = report.load;
            let hint = if load == Loop::Closed { "; -r shows what users would see" } else { "" };
            format!("{load}: {}{hint}\n", load.remark())
        }
    }
}

/// A step of a search.
pub(super) fn step(step: &SearchStep) -> String {
    let SearchStep { rate, rtt, confirms, outcome, .. } = step;
    let confirm = if *confirms { "confirm " } else { "" };
    let (rate, millis) = (thousands(*rate), millis(*rtt));
    format!("{confirm}{rate:>9}/s {millis:>8} ms  {outcome}\n")
}

/// A figure beside that of the run compared with.
pub(super) fn change(change: &Change, several: bool) -> String {
    let Change { address, of, before, now, by, changed, .. } = change;
    let name = if several { format!("{address}: ") } else { String::new() };
    let figure = |value: f64| {
        if of.is_time() { format!("{:.3} ms", value / 1e3) } else { thousands(value) + "/s" }
    };
    let is_apart = now.is_apart_from(before);
    let (before, now, by) = (figure(before.value), figure(now.value), by * 100.0);
    let verdict = match (changed, change.worse_by()) {
        (false, _) if is_apart => "less than 2 % apart",
        (false, _) => "no difference beyond chance",
        (true, Some(_)) => "worse",
        (true, None) => "better",
    };
    let of = of.code();
    format!("{name}{of}: {before} before, {now} now ({by:+.1} %): {verdict}\n")
}

/// The figures of merged spectra.
pub(super) fn merged(files: usize, times: &Times, verbose: bool) -> String {
    let head = "              p50 ms  p99 ms   p99.9  max ms\n";
    let echoes = thousands(times.count() as f64);
    let mut text = format!("{head}{:<12}{}\n", "merged", figures(times));
    let _ = writeln!(text, "{echoes} echoes of {}", count(files as u64, "spectrum"));
    if verbose {
        text += &histogram(times);
    }
    text.replace("spectrums", "spectra")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_this_host_lacks_is_named_where_the_system_says_it() {
        let descriptors = Some("descriptors (ulimit -n)");
        for (error, others, short) in [
            (std::io::Error::from_raw_os_error(DESCRIPTORS[0]), true, descriptors),
            (std::io::Error::from_raw_os_error(DESCRIPTORS[1]), false, descriptors),
            // Somebody has used up what there was, or nobody has such an address.
            #[cfg(target_os = "linux")]
            (
                rustix::io::Errno::ADDRNOTAVAIL.into(),
                true,
                Some("ports: connect to, or from, more than one address"),
            ),
            #[cfg(target_os = "linux")]
            (rustix::io::Errno::ADDRNOTAVAIL.into(), false, None),
            #[cfg(target_os = "linux")]
            (rustix::io::Errno::PERM.into(), true, None),
            (ErrorKind::AddrInUse.into(), true, None),
        ] {
            assert_eq!(short_of(&Cause::from(error), others), short);
        }
    }
}
