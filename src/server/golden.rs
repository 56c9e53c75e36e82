//! Each event as the sentence and the object that others rely on, and the README's table of them.

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::num::NonZeroUsize;
use std::time::Duration;

use serde_json::{Value, json};

use super::event::{Connected, Event, FlowAppeared, FlowQuiet, Listening, Obstacle, Paused};
use super::outcome::{Closed, Ending, Reason, Totals};
use super::reflect::Ignored;
use super::refusal::{Refusal, Refused};
use super::tally::{DatagramTotals, FaultTally, Unsent};
use crate::address::Families;
use crate::error::Cause;
use crate::fault::{Dealt, FaultKind};
use crate::proxy::{Header, Tlv, Version};
use crate::socket::Transports;

const PEER: &str = "192.0.2.7:41000";
const VIA: &str = "[2001:db8::2]:55000";
const LOCAL: &str = "[2001:db8::1]:7000";

fn closed(reason: Reason, ending: Ending, error: Option<Cause>) -> Closed {
    let duration = Duration::from_nanos(1_234_567);
    let (peer, local) = (PEER.parse().unwrap(), LOCAL.parse().unwrap());
    Closed {
        id: 7,
        peer,
        local,
        via: None,
        bytes_in: 9,
        bytes_out: 5,
        duration,
        reason,
        ending,
        error,
        faults: Vec::new(),
    }
}

/// Every variant, with every field that it can have.
fn events() -> Vec<(Event, &'static str, Value)> {
    let (peer, local) = (PEER.parse().unwrap(), LOCAL.parse().unwrap());
    let (via, after) = (VIA.parse().unwrap(), Duration::from_secs(5));
    let prefix = Some("192.0.2.0/24".parse().unwrap());
    let header = Header::new(Version::V2, peer, local).with_tlv(Tlv::new(2, "echo.example"));
    let error = Header::parse(b"GET /").unwrap_err();
    let limit = NonZeroUsize::new(20).unwrap();
    let cause = || Cause::from(std::io::Error::from(ErrorKind::PermissionDenied));
    let totals = Totals {
        connections: 4,
        refused: 3,
        cut: 2,
        cut_at_stop: 1,
        faults: 0,
        bytes_in: 9,
        bytes_out: 5,
        duration: Duration::from_micros(1500),
        datagrams: None,
    };
    let faults = Totals { faults: 2, duration: Duration::ZERO, ..Totals::default() };
    let dealt = vec![Dealt::at(FaultKind::Flip, 1), Dealt::at(FaultKind::Reset, 5)];
    let mut tally = FaultTally::default();
    for kind in [FaultKind::Drop, FaultKind::Drop, FaultKind::WrongSource] {
        tally.note(kind);
    }
    let mut datagrams =
        DatagramTotals { receive_errors: 1, dropped_here: Some(8), ..DatagramTotals::default() };
    datagrams.ignored.note(Ignored::LowPort);
    datagrams.unsent.note(Unsent::NoBuffer);
    datagrams.faults.note(FaultKind::Cut);
    let with_datagrams =
        Totals { datagrams: Some(datagrams), duration: Duration::ZERO, ..Totals::default() };
    vec![
        (
            Event::Listening(Listening {
                address: local,
                families: Families::Both,
                transports: Transports::Tcp,
                faults: Vec::new(),
                fault_seed: None,
            }),
            "listening on [2001:db8::1]:7000 (IPv6 and IPv4)",
            json!({
                "event": "listening", "address": LOCAL, "families": ["ipv6", "ipv4"],
                "transports": ["tcp"],
            }),
        ),
        (
            Event::Listening(Listening {
                address: peer,
                families: Families::Ipv4,
                transports: Transports::Both,
                faults: vec!["10%flip@1k".parse().unwrap(), "2*close".parse().unwrap()],
                fault_seed: Some(7),
            }),
            "listening on 192.0.2.7:41000 (IPv4, TCP and UDP), faults on purpose: 10%flip@1k, \
             2*close (seed 7)",
            json!({
                "event": "listening", "address": PEER, "families": ["ipv4"],
                "transports": ["tcp", "udp"], "faults": ["10%flip@1k", "2*close"],
                "fault_seed": 7,
            }),
        ),
        (
            Event::FlowAppeared(FlowAppeared { peer, local }),
            "192.0.2.7:41000 appeared (UDP)",
            json!({ "event": "flow_appeared", "peer": PEER, "family": "ipv4", "local": LOCAL }),
        ),
        (
            Event::FlowQuiet(FlowQuiet {
                peer,
                local,
                datagrams_in: 1,
                bytes_in: 64,
                duration: Duration::from_micros(1500),
                faults: FaultTally::default(),
            }),
            "192.0.2.7:41000 quiet after 0.002 s: 1 datagram, 64 bytes (UDP)",
            json!({
                "event": "flow_quiet", "peer": PEER, "family": "ipv4", "local": LOCAL,
                "datagrams_in": 1, "bytes_in": 64, "duration_us": 1500.0,
            }),
        ),
        (
            Event::FlowQuiet(FlowQuiet {
                peer,
                local,
                datagrams_in: 3,
                bytes_in: 64,
                duration: Duration::ZERO,
                faults: tally,
            }),
            "192.0.2.7:41000 quiet after 0.000 s: 3 datagrams, 64 bytes (UDP); dealt 2 drop, \
             1 wrong-source",
            json!({
                "event": "flow_quiet", "peer": PEER, "family": "ipv4", "local": LOCAL,
                "datagrams_in": 3, "bytes_in": 64, "duration_us": 0.0,
                "faults": { "drop": 2, "wrong_source": 1 },
            }),
        ),
        (
            Event::Connected(Connected { id: 7, peer, local, via: None, announced: None }),
            "192.0.2.7:41000 connected",
            json!({
                "event": "connected", "id": 7, "peer": PEER, "family": "ipv4", "local": LOCAL,
            }),
        ),
        (
            Event::Connected(Connected {
                id: 8,
                peer,
                local,
                via: Some(via),
                announced: Some(Box::new(header)),
            }),
            "192.0.2.7:41000 connected via [2001:db8::2]:55000 (PROXY v2)",
            json!({
                "event": "connected", "id": 8, "peer": PEER, "family": "ipv4", "local": LOCAL,
                "via": VIA,
                "announced": {
                    "version": "v2", "command": "proxy", "source": PEER, "destination": LOCAL,
                    "tlvs": { "authority": "echo.example" },
                },
            }),
        ),
        (
            Event::Refused(Refused { peer, via: None, refusal: Refusal::TooMany { limit } }),
            "192.0.2.7:41000 refused: its source already has 20 connections",
            json!({
                "event": "refused", "peer": PEER, "family": "ipv4", "reason": "too_many",
                "limit": 20,
            }),
        ),
        (
            Event::Refused(Refused { peer, via: None, refusal: Refusal::Denied { by: prefix } }),
            "192.0.2.7:41000 refused: 192.0.2.0/24 is denied",
            json!({
                "event": "refused", "peer": PEER, "family": "ipv4", "reason": "denied",
                "prefix": "192.0.2.0/24",
            }),
        ),
        (
            Event::Refused(Refused { peer, via: None, refusal: Refusal::Denied { by: None } }),
            "192.0.2.7:41000 refused: only other prefixes are allowed",
            json!({ "event": "refused", "peer": PEER, "family": "ipv4", "reason": "denied" }),
        ),
        (
            Event::Refused(Refused { peer, via: Some(via), refusal: Refusal::Header { error } }),
            "192.0.2.7:41000 refused via [2001:db8::2]:55000: no PROXY header",
            json!({
                "event": "refused", "peer": PEER, "family": "ipv4", "via": VIA, "reason": "header",
                "error": "no PROXY header at byte 0",
            }),
        ),
        (
            Event::Refused(Refused { peer, via: None, refusal: Refusal::HeaderLate { after } }),
            "192.0.2.7:41000 refused: no complete PROXY header within 5 s",
            json!({ "event": "refused", "peer": PEER, "family": "ipv4", "reason": "header_late" }),
        ),
        (
            Event::Refused(Refused { peer, via: None, refusal: Refusal::HeaderCut }),
            "192.0.2.7:41000 refused: ended before its PROXY header was complete",
            json!({ "event": "refused", "peer": PEER, "family": "ipv4", "reason": "header_cut" }),
        ),
        (
            Event::Closed(closed(Reason::EndOfStream, Ending::Drained, None)),
            "192.0.2.7:41000 closed after 0.001 s, 5 bytes echoed: end of stream",
            json!({
                "event": "closed", "id": 7, "peer": PEER, "family": "ipv4", "local": LOCAL,
                "bytes_in": 9, "bytes_out": 5, "duration_us": 1234.567, "reason": "end_of_stream",
                "ending": "drained",
            }),
        ),
        (
            Event::Closed(Closed { via: Some(via), ..closed(Reason::Idle, Ending::Cut, None) }),
            "192.0.2.7:41000 closed after 0.001 s, 5 bytes echoed: idle, and cut off because it did \
             not take its bytes or went on sending",
            json!({
                "event": "closed", "id": 7, "peer": PEER, "family": "ipv4", "local": LOCAL,
                "bytes_in": 9, "bytes_out": 5, "duration_us": 1234.567, "reason": "idle",
                "ending": "cut", "via": VIA,
            }),
        ),
        (
            Event::Closed(closed(Reason::Error, Ending::Lost, Some(cause()))),
            "192.0.2.7:41000 closed after 0.001 s, 5 bytes echoed: error: permission denied",
            json!({
                "event": "closed", "id": 7, "peer": PEER, "family": "ipv4", "local": LOCAL,
                "bytes_in": 9, "bytes_out": 5, "duration_us": 1234.567, "reason": "error",
                "ending": "lost", "error": "permission denied",
            }),
        ),
        (
            Event::Closed(Closed { faults: dealt, ..closed(Reason::Fault, Ending::Cut, None) }),
            "192.0.2.7:41000 closed after 0.001 s, 5 bytes echoed: ended on purpose; dealt flip@1, \
             reset@5",
            json!({
                "event": "closed", "id": 7, "peer": PEER, "family": "ipv4", "local": LOCAL,
                "bytes_in": 9, "bytes_out": 5, "duration_us": 1234.567, "reason": "fault",
                "ending": "cut", "faults": ["flip@1", "reset@5"],
            }),
        ),
        (
            Event::Paused(Paused::full(limit)),
            "full, further clients wait in the kernel (limit 20)",
            json!({ "event": "paused", "reason": "full", "limit": 20 }),
        ),
        (
            Event::Paused(Paused::shortage(cause())),
            "cannot accept for now: permission denied",
            json!({ "event": "paused", "reason": "shortage", "error": "permission denied" }),
        ),
        (Event::Resumed, "accepting clients again", json!({ "event": "resumed" })),
        (
            Event::Totals(totals.clone()),
            "so far, after 0.002 s: 4 clients, 3 refused, 2 cut off, 5 bytes echoed",
            json!({
                "event": "totals", "connections": 4, "refused": 3, "cut": 2, "cut_at_stop": 1,
                "bytes_in": 9, "bytes_out": 5, "duration_us": 1500.0,
            }),
        ),
        (
            Event::Stopped(totals),
            "stopped after 0.002 s: 4 clients, 3 refused, 2 cut off, 5 bytes echoed",
            json!({
                "event": "stopped", "connections": 4, "refused": 3, "cut": 2, "cut_at_stop": 1,
                "bytes_in": 9, "bytes_out": 5, "duration_us": 1500.0,
            }),
        ),
        (
            Event::Stopped(faults),
            "stopped after 0.000 s: 0 clients, 0 bytes echoed, 2 faults dealt",
            json!({
                "event": "stopped", "connections": 0, "refused": 0, "cut": 0, "cut_at_stop": 0,
                "faults": 2, "bytes_in": 0, "bytes_out": 0, "duration_us": 0.0,
            }),
        ),
        (
            Event::Stopped(with_datagrams),
            "stopped after 0.000 s: 0 clients, 0 bytes echoed; 0 datagrams, 0 bytes echoed, \
             1 ignored (from a port below 1024), 1 not sent (no buffer), dealt 1 cut, 1 receive errors, 8 dropped here (receive \
             buffer full)",
            json!({
                "event": "stopped", "connections": 0, "refused": 0, "cut": 0, "cut_at_stop": 0,
                "bytes_in": 0, "bytes_out": 0, "duration_us": 0.0,
                "datagrams": {
                    "flows": 0, "datagrams_in": 0, "datagrams_out": 0, "bytes_in": 0,
                    "bytes_out": 0, "ignored": { "low_port": 1 }, "unsent": { "no_buffer": 1 },
                    "faults": { "cut": 1 },
                    "receive_errors": 1, "dropped_here": 8,
                },
            }),
        ),
    ]
}

#[test]
fn each_event_is_a_sentence_and_an_object() {
    for (event, sentence, object) in events() {
        assert_eq!(event.to_string(), sentence);
        assert_eq!(serde_json::to_value(&event).unwrap(), object);
    }
}

/// The words in backticks in the README's row of an event of the server.
fn documented(event: &str) -> BTreeSet<&'static str> {
    let readme = include_str!("../../README.md");
    let table = readme.split("### Events of listen").nth(1).expect("the events of the server");
    let start = format!("| `{event}` |");
    let row = table.lines().find(|line| line.starts_with(&start));
    let row = row.unwrap_or_else(|| panic!("no row of {event}"));
    row.split('`').skip(3).step_by(2).collect()
}

#[test]
fn the_table_in_the_readme_has_all_fields_and_kinds_and_no_others() {
    for event in [
        "listening",
        "connected",
        "refused",
        "closed",
        "flow_appeared",
        "flow_quiet",
        "paused",
        "resumed",
        "stopped",
    ] {
        let mut words = BTreeSet::new();
        for (_, _, object) in events() {
            if object["event"] == event {
                words.extend(object.as_object().unwrap().keys().cloned());
                for nested in ["announced", "datagrams"] {
                    let object = object[nested].as_object();
                    words.extend(object.into_iter().flatten().map(|(key, _)| key.clone()));
                }
            }
        }
        words.remove("event");
        let mut kinds: Vec<&str> = Vec::new();
        match event {
            // One that has no row above is no longer documented either.
            "refused" => kinds.extend(events().iter().filter_map(|(event, ..)| match event {
                Event::Refused(refused) => Some(refused.refusal.code()),
                _ => None,
            })),
            "listening" => kinds.extend(Transports::Both.codes()),
            "paused" => kinds.extend(Obstacle::ALL.iter().map(|kind| kind.code())),
            "closed" => {
                kinds.extend(Reason::ALL.iter().map(|kind| kind.code()));
                kinds.extend(Ending::ALL.iter().map(|kind| kind.code()));
            }
            _ => {}
        }
        words.extend(kinds.into_iter().map(str::to_owned));
        let documented: BTreeSet<String> =
            documented(event).into_iter().map(str::to_owned).collect();
        assert_eq!(documented, words, "{event}");
    }
}
