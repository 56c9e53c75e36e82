//! What was found at an address in, its row of the table out; for each transport its own columns.

use std::error::Error;

use echo6::address::Endpoint;
use echo6::client::{Checked, DatagramChecked, Finding, HalfClose, Marks};
use serde::Serialize;

use crate::cli::text::millis;

/// What was found at an address, over either transport.
pub(super) trait Row: Finding + Serialize {
    /// The names of the columns behind the address and the family.
    const HEAD: &'static str;

    /// Columns of an address that leave room for the others in 80. A longer one has a line of its
    /// own.
    const WIDEST: usize;

    /// What stands below the names.
    fn columns(&self) -> String;

    /// What the address was looked up for.
    fn target(&self) -> &Option<Endpoint>;

    /// The same, to be noted.
    fn target_mut(&mut self) -> &mut Option<Endpoint>;

    /// The error in full, if a step failed.
    fn failure(&self) -> Option<&(dyn Error + 'static)>;
}

impl Row for Checked {
    const HEAD: &'static str = "connect ms echo ms MiB/s half-close verdict";
    const WIDEST: usize = 25;

    fn columns(&self) -> String {
        format!(
            "{:>10} {:>7} {:>5} {:<10} {}",
            or_nothing(self.connect.map(millis)),
            or_nothing(self.echo.map(millis)),
            or_nothing(self.mib_per_second().map(speed)),
            self.half_close.map_or("-", HalfClose::code),
            self.verdict(),
        )
    }

    fn target(&self) -> &Option<Endpoint> {
        &self.target
    }

    fn target_mut(&mut self) -> &mut Option<Endpoint> {
        &mut self.target
    }

    fn failure(&self) -> Option<&(dyn Error + 'static)> {
        self.failure.as_ref().map(|failure| &failure.error as _)
    }
}

impl Row for DatagramChecked {
    const HEAD: &'static str = "echo ms empty path MTU longest marks         verdict";
    const WIDEST: usize = 21;

    fn columns(&self) -> String {
        let empty = self.empty.map(|empty| if empty { "kept" } else { "lost" });
        format!(
            "{:>7} {:<5} {:>8} {:>7} {:<13} {}",
            or_nothing(self.echo.map(millis)),
            or_nothing(empty),
            or_nothing(self.path_mtu),
            or_nothing(self.longest),
            self.marks.map_or("-", Marks::code),
            self.verdict(),
        )
    }

    fn target(&self) -> &Option<Endpoint> {
        &self.target
    }

    fn target_mut(&mut self) -> &mut Option<Endpoint> {
        &mut self.target
    }

    fn failure(&self) -> Option<&(dyn Error + 'static)> {
        self.failure.as_ref().map(|error| error as _)
    }
}

/// With as many decimals as say something.
fn speed(rate: f64) -> String {
    match rate {
        ..0.1 => format!("{rate:.3}"),
        0.1..10.0 => format!("{rate:.1}"),
        _ => format!("{rate:.0}"),
    }
}

fn or_nothing(value: Option<impl ToString>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| value.to_string())
}
