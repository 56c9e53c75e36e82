//! The figures of addresses in, a table for 80 columns out.

use std::fmt::Write as _;

use echo6::address::Families;
use echo6::client::BenchReport;
use echo6::times::Times;

use crate::cli::text::{grouped, millis};

/// Columns of an address that stands in the same line as its figures; a longer one has a line of
/// its own.
const ADDRESS: usize = 15;

pub(super) fn table(reports: &[BenchReport]) -> String {
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
        let came_back = report.echoes > 0;
        let margin = report.rate_interval.as_ref().filter(|_| came_back);
        let margin = margin.map_or_else(String::new, |interval| self::margin(interval.margin()));
        let rate = if report.rate > 0.0 { thousands(report.rate) } else { "-".to_owned() };
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

/// Half the width of an interval as a part of its middle, in eight columns.
fn margin(part: f64) -> String {
    match (part * 100.0).min(999.0) {
        percent if percent < 99.95 => format!("± {percent:.1} %"),
        percent => format!("± {percent:.0} %"),
    }
}

/// The columns of times, or dashes if there are none.
pub(super) fn figures(times: &Times) -> String {
    let columns = match times.figures() {
        Some(figures) => [figures.p50, figures.p99, figures.p99_9, figures.max].map(millis),
        None => [(); 4].map(|()| "-".to_owned()),
    };
    let [p50, p99, p99_9, max] = columns;
    format!(" {p50:>7} {p99:>7} {p99_9:>7} {max:>7}")
}

/// A number with commas between its thousands: `1,410,840`. Below 100 it has a decimal.
pub(super) fn thousands(number: f64) -> String {
    if number < 100.0 && number.fract() != 0.0 {
        return format!("{number:.1}");
    }
    grouped(&format!("{number:.0}"))
}

pub(super) fn mebibytes(bytes: u64) -> String {
    match bytes {
        0..0x10_0000 => format!("{:.1} KiB", bytes as f64 / 1024.0),
        _ => format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_margin_fits_its_column_however_wide_it_is() {
        for (part, text) in [
            (0.0, "± 0.0 %"),
            (0.9994, "± 99.9 %"),
            (0.9996, "± 100 %"),
            (1.106, "± 111 %"),
            (1e9, "± 999 %"),
        ] {
            assert_eq!(margin(part), text, "{part}");
        }
    }

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
