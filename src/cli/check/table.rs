//! What was found at each address in, a table for 80 columns out.

use std::time::Duration;

use echo6::address::{Endpoint, Families};
use echo6::client::{Checked, HalfClose};

use crate::cli::text::millis;

/// Columns of an address that leave room for the others in 80. A longer one has a line of its own.
const WIDEST: usize = 25;

pub(super) fn table(rows: &[&Checked]) -> String {
    let addresses: Vec<String> = rows.iter().map(|row| row.address.to_string()).collect();
    let lengths = addresses.iter().map(String::len).filter(|&length| length <= WIDEST);
    let width = lengths.chain(["address".len()]).max().unwrap_or_default();
    let mut text =
        format!("{:<width$} family connect ms echo ms MiB/s half-close verdict\n", "address");
    let named = |row: &Checked| {
        row.target.as_ref().map(Endpoint::to_string).filter(|name| *name != row.address.to_string())
    };
    let several = rows.iter().any(|row| row.target != rows[0].target);
    let several = several && rows.iter().any(|row| named(row).is_some());
    let mut target = None;
    for (row, mut address) in rows.iter().zip(addresses) {
        // The rows of each target stand below it, unless it is the address itself for all.
        if several && row.target != target {
            target.clone_from(&row.target);
            text += &target.as_ref().map_or_else(String::new, |target| format!("{target}\n"));
        }
        if address.len() > width {
            text += &format!("{address}\n");
            address.clear();
        }
        let time = |time: Option<Duration>| time.map_or_else(nothing, millis);
        text += &format!(
            "{address:<width$} {:<6} {:>10} {:>7} {:>5} {:<10} {}\n",
            Families::of(row.address).to_string(),
            time(row.connect),
            time(row.echo),
            row.mib_per_second().map_or_else(nothing, speed),
            row.half_close.map_or("-", HalfClose::code),
            row.verdict(),
        );
    }
    text
}

/// With as many decimals as say something.
fn speed(rate: f64) -> String {
    match rate {
        ..0.1 => format!("{rate:.3}"),
        0.1..10.0 => format!("{rate:.1}"),
        _ => format!("{rate:.0}"),
    }
}

fn nothing() -> String {
    "-".to_owned()
}
