//! What was found at an address in, a JSON object out.

use std::net::SocketAddr;

use echo6::client::{BULK, Checked, Step};
use serde::Serialize;

use super::words::{half_close, hold, mute, verdict};
use crate::cli::failure::Failure;
use crate::cli::json::{self, Why, family, micros};

pub(super) fn print(checked: &Checked) -> Result<(), Failure> {
    let failure = checked.failure.as_ref();
    json::print(&Event::Check {
        address: checked.address,
        family: family(checked.address),
        connect_us: checked.connect.map(micros),
        echo_us: checked.echo.map(micros),
        bulk_bytes: BULK,
        bulk_us: checked.bulk.map(micros),
        mib_per_s: checked.mib_per_second(),
        half_close: checked.half_close.map(half_close),
        mute: checked.mute.map(mute),
        hold: checked.hold.map(hold),
        verdict: verdict(checked),
        ok: checked.is_well(),
        failed_step: failure.map(|(step, _)| match step {
            Step::Connect => "connect",
            Step::Echo => "echo",
            Step::Bulk => "bulk",
            Step::HalfClose => "half_close",
            _ => "hold",
        }),
        why: failure.map(|(_, error)| Box::new(Why::from(error))),
    })
}

pub(super) fn print_summary(checked: &[&Checked], sentence: &str) -> Result<(), Failure> {
    json::print(&Event::Summary {
        checked: checked.len(),
        ok: checked.iter().filter(|checked| checked.is_well()).count(),
        interrupted: checked.iter().any(|checked| !checked.finished),
        sentence,
    })
}

#[derive(Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
enum Event<'a> {
    Check {
        address: SocketAddr,
        family: &'static str,
        connect_us: Option<f64>,
        echo_us: Option<f64>,
        bulk_bytes: usize,
        bulk_us: Option<f64>,
        mib_per_s: Option<f64>,
        half_close: Option<&'static str>,
        mute: Option<&'static str>,
        hold: Option<&'static str>,
        verdict: &'static str,
        ok: bool,
        #[serde(skip_serializing_if = "Option::is_none")]
        failed_step: Option<&'static str>,
        #[serde(flatten)]
        why: Option<Box<Why>>,
    },
    Summary {
        checked: usize,
        ok: usize,
        interrupted: bool,
        sentence: &'a str,
    },
}
