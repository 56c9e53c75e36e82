//! A report in, its summary as text for 80 columns out.

use std::net::SocketAddr;

use echo6::address::Families;
use echo6::client::Report;
use echo6::times::Times;

use crate::cli::text::millis;

/// The figures of one address; with `verbose` a histogram too.
pub(super) fn summary(peer: SocketAddr, report: &Report, verbose: bool) -> String {
    let Report { sent, received, lost, late, .. } = report;
    let mut text = format!(
        "--- {peer} ({}) ---\n{sent} sent, {received} received, {lost} lost, {late} late",
        Families::of(peer)
    );
    if report.unanswered() > 0 {
        text += &format!(", {} under way", report.unanswered());
    }
    text += "\n";
    if report.rtt.count() > 0 {
        text += &head();
        text += &figures("rtt", &report.rtt);
        if report.connect.count() > 0 {
            text += &figures("connect", &report.connect);
        }
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

pub(super) fn figures(name: &str, times: &Times) -> String {
    let mut text = format!("{name:<7}");
    let quantiles = [0.5, 0.9, 0.99, 0.999].map(|quantile| times.quantile(quantile));
    let all = [times.min(), times.mean()].into_iter().chain(quantiles);
    for time in all.chain([times.max(), times.stddev()]) {
        text += &format!(" {:>8}", millis(time));
    }
    text + "\n"
}

/// Columns of the longest bar, so that a line with its bound and its count has at most 80.
const BAR: u64 = 50;

/// A bar for each doubling of the time.
pub(crate) fn histogram(times: &Times) -> String {
    let rows = times.doublings();
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
    use std::time::Duration;

    use super::*;

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
