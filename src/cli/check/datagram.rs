//! `echo6 check -u`: what works with datagrams at each address, and a sentence to act on.

use std::time::Instant;

use echo6::address::{Endpoint, Families};
use echo6::client::{CheckSummary, DatagramChecked, DatagramFindings};
use echo6::error::chain;
use echo6::socket::Transports;
use futures::future::join_all;
use serde::Serialize;

use super::Check;
use super::hold::{Hold, progress};
use crate::cli::failure::{Failure, Status, Stop};
use crate::cli::progress::with_progress;
use crate::cli::ready;
use crate::cli::runtime::{self, Stopped};
use crate::cli::sink::Sink;
use crate::cli::targets::addresses;
use crate::cli::text::millis;
use crate::cli::values::endpoints;

pub(super) fn run(arguments: &Check, sink: Sink, stopped: &Stopped) -> Result<Status, Stop> {
    let endpoints = endpoints("check", &arguments.addresses, None)?;
    let dial = arguments.dial();
    if dial.proxy_protocol.is_some() {
        return Err(Failure::for_connections("--proxy-protocol", "--udp").into());
    }
    let search = dial.search()?;
    ready::wait(&dial, &endpoints, sink, stopped, Transports::Udp)?;
    let check = match &arguments.hold {
        Some(Hold(silences)) => dial.client()?.datagram_check().hold_each(silences),
        None => dial.client()?.datagram_check(),
    };
    let start = Instant::now();
    runtime::run_here(async {
        let checks = endpoints.iter().map(async |endpoint| {
            let found = runtime::until(stopped.clone(), addresses(endpoint, search)).await;
            let found = match found {
                Some(found) => found?,
                None => return Ok(None),
            };
            let checks = found.iter().map(|&address| check.run(address, stopped.clone()));
            let mut checked = join_all(checks).await;
            for checked in &mut checked {
                checked.target = Some(endpoint.clone());
            }
            Ok(Some(DatagramFindings::from(checked)))
        });
        let found = with_progress(join_all(checks), !arguments.quiet, || {
            progress(start.elapsed().as_secs(), arguments.hold.as_ref())
        });
        report(&endpoints, found.await, arguments, sink)
    })
}

/// A line of JSON.
#[derive(Serialize)]
#[serde(tag = "event", rename = "check")]
struct Line<'a> {
    #[serde(flatten)]
    checked: &'a DatagramChecked,
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<String>,
    verdict: &'static str,
    ok: bool,
    diagnosis: &'static str,
}

fn report(
    endpoints: &[Endpoint],
    found: Vec<Result<Option<DatagramFindings>, Failure>>,
    arguments: &Check,
    sink: Sink,
) -> Result<Status, Stop> {
    let findings = found.iter().filter_map(|found| found.as_ref().ok()?.as_ref());
    let checked: Vec<&DatagramChecked> = findings.flat_map(|found| &found.checked).collect();
    if arguments.json {
        for checked in &checked {
            sink.object(&Line {
                checked,
                target: checked.target.as_ref().map(Endpoint::to_string),
                verdict: checked.verdict(),
                ok: checked.is_well(),
                diagnosis: checked.diagnosis().code(),
            })?;
        }
    } else if !arguments.quiet && !checked.is_empty() {
        sink.data(table(&checked).as_bytes())?;
    }
    if arguments.verbose {
        for error in checked.iter().filter_map(|checked| checked.failure.as_ref()) {
            sink.remark(&chain(error));
        }
    }
    let mut summary = CheckSummary::default();
    summary.checked = checked.len();
    summary.ok = checked.iter().filter(|checked| checked.is_well()).count();
    summary.interrupted = checked.iter().any(|checked| !checked.finished);
    let mut status = if summary.ok == summary.checked || (arguments.any && summary.ok > 0) {
        Status::Ok
    } else {
        Status::Network
    };
    for (endpoint, found) in endpoints.iter().zip(found) {
        let sentence = match found {
            Ok(Some(findings)) => findings.to_string(),
            Ok(None) => {
                summary.interrupted = true;
                status = status.max(Status::Network);
                "interrupted before the name was resolved".to_owned()
            }
            Err(failure) => {
                status = status.max(sink.failure(&failure));
                if !arguments.json {
                    continue; // it is said already
                }
                failure.message()
            }
        };
        let name = (endpoints.len() > 1).then(|| format!("{endpoint}: "));
        summary.sentences.push(name.unwrap_or_default() + &sentence);
    }
    if arguments.json {
        sink.object(&summary)?;
    } else {
        summary.sentences.iter().try_for_each(|sentence| sink.sentence(sentence))?;
    }
    Ok(status)
}

/// Columns of an address that leave room for the others in 80. A longer one has a line of its own.
const WIDEST: usize = 21;

fn table(rows: &[&DatagramChecked]) -> String {
    let lengths = rows.iter().map(|row| row.address.to_string().len());
    let width = lengths.filter(|&length| length <= WIDEST).chain([7]).max().unwrap_or(7);
    let mut text = format!(
        "{:<width$} family echo ms empty path MTU longest marks         verdict\n",
        "address"
    );
    for row in rows {
        let mut address = row.address.to_string();
        if address.len() > width {
            text += &format!("{address}\n");
            address.clear();
        }
        let or_nothing = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
        let empty = row.empty.map(|empty| if empty { "kept" } else { "lost" }.to_owned());
        text += &format!(
            "{address:<width$} {:<6} {:>7} {:<5} {:>8} {:>7} {:<13} {}\n",
            Families::of(row.address).to_string(),
            or_nothing(row.echo.map(millis)),
            or_nothing(empty),
            or_nothing(row.path_mtu.map(|mtu| mtu.to_string())),
            or_nothing(row.longest.map(|longest| longest.to_string())),
            row.marks.map_or("-", |marks| marks.code()),
            row.verdict(),
        );
    }
    text
}
