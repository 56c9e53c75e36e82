//! What was found at each address in, a table for 80 columns out.

use echo6::address::{Endpoint, Families};

use super::row::Row;

pub(super) fn table<R: Row>(rows: &[&R]) -> String {
    let addresses: Vec<String> = rows.iter().map(|row| row.address().to_string()).collect();
    let lengths = addresses.iter().map(String::len).filter(|&length| length <= R::WIDEST);
    let width = lengths.chain(["address".len()]).max().unwrap_or_default();
    let mut text = format!("{:<width$} family {}\n", "address", R::HEAD);
    let named = |row: &R| {
        let target = row.target().as_ref().map(Endpoint::to_string);
        target.filter(|name| *name != row.address().to_string())
    };
    let several = rows.iter().any(|row| row.target() != rows[0].target());
    let several = several && rows.iter().any(|row| named(row).is_some());
    let mut target = &None;
    for (row, mut address) in rows.iter().zip(addresses) {
        // The rows of each target stand below it, unless it is the address itself for all.
        if several && row.target() != target {
            target = row.target();
            text += &target.as_ref().map_or_else(String::new, |target| format!("{target}\n"));
        }
        if address.len() > width {
            text += &format!("{address}\n");
            address.clear();
        }
        let family = Families::of(row.address()).to_string();
        text += &format!("{address:<width$} {family:<6} {}\n", row.columns());
    }
    text
}
