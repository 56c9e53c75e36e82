//! A report in, its summary as text for 80 columns out.

use std::net::SocketAddr;
use std::time::Duration;

use echo6::address::Families;
use echo6::client::Report;
use echo6::times::Times;

use crate::cli::text::millis;

/// The figures of one address; with `verbose` a histogram too.
pub(super) fn summary(peer: SocketAddr, report: &Report, verbose: bool) -> String {
    let mut text = format!("--- {peer} ({}) ---\n{}\n", Families::of(peer), counts(report));
    if report.rtt.count() > 0 {
        text += &head();
        text += &figures("rtt", &report.rtt);
        text += &figures("connect", &report.connect);
    }
    if verbose {
        text += &histogram(&report.rtt);
    }
    text
}

/// The names of the figures.
pub(super) fn head() -> String {
    let names = ["min", "avg", "p50", "p90", "p99", "p99.9", "max", "stddev"];
    let mut text = format!("{:<7}", "ms");
    text.extend(names.iter().map(|name| format!(" {name:>8}")));
    text + "\n"
}

/// One line with the figures so far.
pub(super) fn so_far(peer: SocketAddr, report: &Report) -> String {
    format!("{peer}: {}{}", counts(report), times_so_far(&report.rtt))
}

/// The round-trip times so far, behind the counts.
pub(super) fn times_so_far(rtt: &Times) -> String {
    let Some(figures) = rtt.figures() else { return "\n".to_owned() };
    let [min, avg, max] = [figures.min, figures.avg, figures.max].map(millis);
    format!(", min {min} avg {avg} max {max} ms\n")
}

fn counts(report: &Report) -> String {
    let Report { sent, received, lost, late, skipped, .. } = report;
    let mut text = format!("{sent} sent, {received} received, {lost} lost, {late} late");
    let more = [
        (*skipped, "skipped"),
        (report.mismatches, "with other bytes"),
        (report.unanswered(), "under way"),
        (report.resent, "segments sent again"),
    ];
    for (number, what) in more {
        if number > 0 {
            text += &format!(", {number} {what}");
        }
    }
    text
}

/// A row of figures with as many decimals each as the longest has room for, so that the points stand
/// below one another; nothing if there are none. A percentile of fewer probes than it takes to have
/// one above it would be the longest time under another name.
pub(super) fn figures(name: &str, times: &Times) -> String {
    let Some(figures) = times.figures() else { return String::new() };
    let longest = figures.max.as_secs_f64() * 1e3;
    let decimals = [1e4, 1e5, 1e6].iter().filter(|&&bound| longest < bound).count();
    let shown = |time: Duration| format!("{:.decimals$}", time.as_secs_f64() * 1e3);
    let from = |least, time| if times.count() < least { "-".to_owned() } else { shown(time) };
    let columns = [
        shown(figures.min),
        shown(figures.avg),
        shown(figures.p50),
        shown(figures.p90),
        from(100, figures.p99),
        from(1000, figures.p99_9),
        shown(figures.max),
        shown(figures.stddev),
    ];
    let mut text = format!("{name:<7}");
    text.extend(columns.iter().map(|column| format!(" {column:>8}")));
    text + "\n"
}

/// Columns of the longest bar, so that a line with its bound and its count has at most 80.
const BAR: u64 = 50;

/// A bar for each step of the time: 1, 2, 5, 10, and so on.
pub(crate) fn histogram(times: &Times) -> String {
    let rows = times.steps();
    let most = rows.iter().map(|(_, count)| *count).max().unwrap_or(1);
    let mut text = String::new();
    for (below, count) in rows {
        // Whatever is there is seen.
        let length = (count * BAR).div_ceil(most.max(1));
        let row = format!("< {:>8} ms {count:>9} {}", millis(below), "#".repeat(length as usize));
        text += &format!("{}\n", row.trim_end());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_stand_below_one_another_and_no_percentile_is_of_too_few_probes() {
        let row = |millis: &[u64], times: u64| {
            let mut series = Times::default();
            for millis in millis {
                series.note_many(Duration::from_millis(*millis), times);
            }
            figures("rtt", &series)
        };
        assert_eq!(row(&[], 1), "");
        let point = |row: &str| row.find('.').unwrap();
        let few = row(&[8, 50, 100], 1);
        assert_eq!(few.split_whitespace().nth(5), Some("-"), "{few}");
        assert!(few.split_whitespace().filter(|word| word.ends_with(".000")).count() >= 3, "{few}");
        let many = row(&[8], 1000);
        assert!(!many.contains('-') && point(&many) == point(&few), "{many}");
        assert!(row(&[8, 20_000], 1).contains(" 20000.00"));
    }

    #[test]
    fn the_widest_summary_fits_in_80_columns() {
        let mut times = Times::default();
        for exponent in 0..40 {
            times.note(Duration::from_nanos(1 << exponent));
        }
        for line in (figures("connect", &times) + &histogram(&times)).lines() {
            assert!(line.len() <= 80, "{line}");
        }
    }
}
