//! What was found at an address in, a JSON object out.

use std::net::SocketAddr;

use echo6::address::Endpoint;
use echo6::client::{BULK, Checked, SendError, Step};
use serde::Serialize;

use super::words::{half_close, hold, mute, verdict};
use crate::cli::failure::Stop;
use crate::cli::json::{family, micros};
use crate::cli::sink::Sink;

/// Prints what was found at an address of `endpoint`.
pub(super) fn print(endpoint: &Endpoint, checked: &Checked, sink: Sink) -> Result<(), Stop> {
    let failure = checked.failure.as_ref();
    sink.object(&Event::Check {
        target: endpoint.to_string(),
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
        why: failure.map(|(_, error)| Box::new(error.clone())),
    })
}

pub(super) fn print_summary(
    checked: usize,
    ok: usize,
    interrupted: bool,
    sentences: &[String],
    sink: Sink,
) -> Result<(), Stop> {
    sink.object(&Event::Summary { checked, ok, interrupted, sentences })
}

#[derive(Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
enum Event<'a> {
    Check {
        target: String,
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
        why: Option<Box<SendError>>,
    },
    Summary {
        checked: usize,
        ok: usize,
        interrupted: bool,
        sentences: &'a [String],
    },
}
