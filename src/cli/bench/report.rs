//! Reports in, text for 80 columns out.

use std::fmt::Write as _;

use echo6::address::Families;
use echo6::client::{
    BenchReport, BenchResult, Bound, Change, DatagramCounts, FirstDifference, Found, Interval,
    Loop, PairedDifference, SearchStep,
};
use echo6::error::CauseKind;
use echo6::times::Times;

use crate::cli::ping::histogram;
use crate::cli::text::{count, millis};

/// Columns of an address that stands in the same line as its figures; a longer one has a line of
/// its own.
const ADDRESS: usize = 15;

/// What kind of run it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Task {
    Load,
    Burst,
    Hold,
}

/// All that is to be printed of a run.
pub(super) fn text(
    reports: &[BenchReport],
    result: &BenchResult,
    task: Task,
    verbose: bool,
) -> String {
    let mut text = table(reports);
    for found in &result.found {
        text += &self::found(found, reports.len() > 1);
    }
    if let Some(difference) = &result.difference {
        text += &self::difference(difference);
    }
    text += &totals(reports);
    for report in reports {
        if let Some(difference) = &report.first_difference {
            text += &first_difference(report, difference);
        }
        text += &datagrams(report);
        if report.faults.of(CauseKind::Here) > 0 {
            let short = match report.datagrams {
                Some(_) => "buffers (sysctl net.core.rmem_max), ports",
                None => "ports (several -s), descriptors (ulimit -n)",
            };
            let _ = writeln!(text, "{}: this host ran out of something: {short}", report.address);
        }
    }
    text += &label(reports, task);
    let waits = |report: &&BenchReport| {
        let dropped = report.datagrams.as_ref().map(|counts| counts.dropped_here);
        let lost = dropped.map(|dropped| dropped + report.faults.of(CauseKind::Timeout));
        report.load == Loop::Closed && lost.is_some_and(|lost| lost > 0)
    };
    if reports.iter().any(|report| waits(&report)) {
        text += "each lost datagram holds up its flow until -w is over: a lower -w sends more\n";
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
    if result.interrupted {
        text += "interrupted\n";
    }
    if verbose {
        for report in reports {
            let _ = writeln!(text, "--- {} ---", report.address);
            text += &histogram(&report.rtt);
        }
    }
    text
}

fn table(reports: &[BenchReport]) -> String {
    let longest = reports.iter().map(|report| report.address.to_string().len()).max().unwrap_or(0);
    let long = longest > ADDRESS;
    let width = if long { 0 } else { longest.max("address".len()) };
    let head = if long { "" } else { "address" };
    let mut text = format!(
        "{head:<width$} family {:>9} {:<8} {:>7} {:>7} {:>7} {:>7} faults\n",
        "echoes/s", "", "p50 ms", "p99 ms", "p99.9", "max ms"
    );
    for report in reports {
        let address = report.address.to_string();
        if long {
            let _ = writeln!(text, "{address}");
        }
        let address = if long { "" } else { &address };
        let family = Families::of(report.address).to_string();
        let margin = report.rate_interval.as_ref().map_or_else(String::new, |interval| {
            format!("± {:.1} %", (interval.margin() * 100.0).min(999.0))
        });
        let rate = thousands(report.rate);
        let faults = report.faults.total();
        let times = figures(&report.rtt);
        let _ = writeln!(
            text,
            "{address:<width$} {family:<6} {rate:>9} {margin:<8}{times} {faults:>6}"
        );
        if report.connect.count() > 0 {
            let times = figures(&report.connect);
            let _ = writeln!(text, "{:<width$} connect {:>17}{times}", "", "");
        }
    }
    text
}

/// The columns of times, or dashes if there are none.
fn figures(times: &Times) -> String {
    let columns = match times.figures() {
        Some(figures) => [figures.p50, figures.p99, figures.p99_9, figures.max].map(millis),
        None => [(); 4].map(|()| "-".to_owned()),
    };
    let [p50, p99, p99_9, max] = columns;
    format!(" {p50:>7} {p99:>7} {p99_9:>7} {max:>7}")
}

/// What was found at the end of a search.
fn found(found: &Found, several: bool) -> String {
    let name = if several { format!("{}: ", found.address) } else { String::new() };
    match found.rate {
        Some(rate) => format!("{name}highest rate within the limit: {}/s\n", thousands(rate)),
        None => format!("{name}no rate was within the limit\n"),
    }
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
    if faults == 0 {
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

fn first_difference(report: &BenchReport, difference: &FirstDifference) -> String {
    let address = report.address;
    let name = if report.datagrams.is_some() { "a datagram of flow" } else { "connection" };
    let FirstDifference { connection, offset, expected, got, .. } = difference;
    match (expected, got) {
        (Some(expected), Some(got)) => format!(
            "{address}: {name} {connection} differs at byte {offset}: \
             sent {expected:#04x}, got {got:#04x}\n"
        ),
        _ => {
            format!("{address}: {name} {connection} has bytes too many from byte {offset} on\n")
        }
    }
}

/// Which times are shown.
fn label(reports: &[BenchReport], task: Task) -> String {
    match (task, reports.first()) {
        (Task::Burst, _) => {
            "burst: times run from the moment at which all began to connect\n".to_owned()
        }
        (Task::Hold, _) => "hold: times are those of the echo after the silence\n".to_owned(),
        (Task::Load, None) => String::new(),
        (Task::Load, Some(report)) => {
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
    let (before, now, by) = (figure(before.mean), figure(now.mean), by * 100.0);
    let verdict = match (changed, change.worse_by()) {
        (false, _) => "unchanged",
        (true, Some(_)) => "worse",
        (true, None) => "better",
    };
    format!("{name}{}: {before} before, {now} now ({by:+.1} %): {verdict}\n", of.code())
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

/// A number with commas between its thousands: `1,410,840`. Below 100 it has a decimal.
pub(super) fn thousands(number: f64) -> String {
    if number < 100.0 && number.fract() != 0.0 {
        return format!("{number:.1}");
    }
    let digits = format!("{number:.0}");
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn mebibytes(bytes: u64) -> String {
    match bytes {
        0..0x10_0000 => format!("{:.1} KiB", bytes as f64 / 1024.0),
        _ => format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_set_apart() {
        for (number, text) in [
            (0.0, "0"),
            (0.25, "0.2"),
            (999.6, "1,000"),
            (71_204.0, "71,204"),
            (1_410_840.0, "1,410,840"),
        ] {
            assert_eq!(thousands(number), text);
        }
    }

    #[test]
    fn the_columns_of_times_are_32_wide_whatever_they_hold() {
        let mut times = Times::default();
        assert_eq!(figures(&times).len(), 32);
        for exponent in 0..40 {
            times.note(std::time::Duration::from_nanos(1 << exponent));
            assert_eq!(figures(&times).len(), 32);
        }
    }
}
