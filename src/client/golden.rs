//! A line of JSON for each thing that a client yields, as programs rely on it, and as the README
//! documents it. The `time` in front is the command's.

#![allow(clippy::unwrap_used)] // a test

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use serde::Serialize;
use serde_json::{Value, json};

use super::attempt::{Attempt, Outcome};
use super::check::{Checked, HalfClose, Hold, Passing, Step, StepFailure};
use super::datagram::{
    DatagramChecked, DatagramDiagnosis, DatagramError, DatagramEvent, DatagramLoss, DatagramReply,
    DatagramReport, Marks, ProbeArrival,
};
use super::error::{ConnectError, SendError};
use super::excerpt::Excerpt;
use super::findings::CheckSummary;
use super::idle::IdleTimeout;
use super::ping::{Loss, PingEvent, Report, Skip};
use super::send::{Reply, Tally};
use super::traffic::Traffic;
use crate::socket::Segments;

const MILLI: Duration = Duration::from_millis(1);

fn peer() -> SocketAddr {
    "[::1]:7000".parse().unwrap()
}

fn local() -> SocketAddr {
    "[::1]:50000".parse().unwrap()
}

fn attempts() -> Vec<Attempt> {
    let refused = io::Error::from(io::ErrorKind::ConnectionRefused).into();
    [
        ("127.0.0.1:7000", Outcome::Failed(refused)),
        ("[::1]:7000", Outcome::Connected),
        ("127.0.0.2:7000", Outcome::Dropped),
        ("127.0.0.3:7000", Outcome::Untried),
    ]
    .map(|(address, outcome)| Attempt { address: address.parse().unwrap(), outcome })
    .to_vec()
}

/// What `attempts` of a line are.
fn tried() -> Value {
    json!([
        {"address": "127.0.0.1:7000", "outcome": "failed", "cause": "refused",
         "error": "connection refused"},
        {"address": "[::1]:7000", "outcome": "connected"},
        {"address": "127.0.0.2:7000", "outcome": "dropped"},
        {"address": "127.0.0.3:7000", "outcome": "untried"},
    ])
}

/// Holds a value against its line, and the names of its fields against the README's row of the
/// command's event.
fn hold(command: &str, value: &impl Serialize, line: Value) {
    let written = serde_json::to_value(value).unwrap();
    assert_eq!(written, line, "{command}");
    let event = line["event"].as_str().unwrap();
    let mut rows = documented(&[command, event]) + &documented(&["failure"]);
    rows += "`event` `address` `family`";
    for field in line.as_object().unwrap().keys() {
        assert!(rows.contains(&format!("`{field}`")), "{command}: {event}: {field}: {rows}");
    }
}

/// The rows of the README's tables whose first cell names all of `words`.
fn documented(words: &[&str]) -> String {
    let rows = include_str!("../../README.md").lines().filter(|line| {
        let event = line.trim_start_matches('|').split('|').next().unwrap_or_default();
        line.starts_with('|') && words.iter().all(|word| event.contains(&format!("`{word}`")))
    });
    rows.collect()
}

#[test]
fn what_send_yields() {
    let traffic = Traffic { sent: 5, returned: 5 };
    let reply = Reply {
        bytes: b"hello".to_vec(),
        peer: peer(),
        local: local(),
        traffic,
        connect: MILLI,
        exchange: Duration::from_nanos(1500),
        attempts: attempts(),
    };
    hold(
        "send",
        &reply,
        json!({"event": "reply", "address": "[::1]:7000", "family": "ipv6", "local": "[::1]:50000",
               "sent_bytes": 5, "returned_bytes": 5, "connect_us": 1000.0, "exchange_us": 1.5,
               "attempts": tried()}),
    );
    let tally =
        Tally { returned: 2, failed: 1, returned_bytes: 10, duration: MILLI, interrupted: false };
    hold(
        "send",
        &tally,
        json!({"event": "summary", "returned": 2, "failed": 1, "returned_bytes": 10,
               "duration_us": 1000.0, "interrupted": false}),
    );
}

#[test]
fn what_ping_yields() {
    let (peer, sequence, bytes) = (peer(), 7, 64);
    let (rtt, connect) = (MILLI, MILLI * 2);
    hold(
        "ping",
        &PingEvent::Connected { peer, local: local(), connect, attempts: attempts() },
        json!({"event": "connected", "address": "[::1]:7000", "family": "ipv6",
               "local": "[::1]:50000", "connect_us": 2000.0, "attempts": tried()}),
    );
    let reply = |connect| PingEvent::Reply { peer, sequence, bytes, rtt, connect };
    hold(
        "ping",
        &reply(None),
        json!({"event": "reply", "address": "[::1]:7000", "family": "ipv6", "seq": 7,
               "returned_bytes": 64, "rtt_us": 1000.0}),
    );
    hold(
        "ping",
        &reply(Some(connect)),
        json!({"event": "reply", "address": "[::1]:7000", "family": "ipv6", "seq": 7,
               "returned_bytes": 64, "rtt_us": 1000.0, "connect_us": 2000.0}),
    );
    hold(
        "ping",
        &PingEvent::Late { peer, sequence, bytes, rtt },
        json!({"event": "late", "address": "[::1]:7000", "family": "ipv6", "seq": 7,
               "returned_bytes": 64, "rtt_us": 1000.0}),
    );
    for loss in Loss::ALL {
        hold(
            "ping",
            &PingEvent::Lost { peer, sequence, loss: *loss },
            json!({"event": "lost", "address": "[::1]:7000", "family": "ipv6", "seq": 7,
                   "cause": loss.code()}),
        );
        assert!(documented(&["ping", "lost"]).contains(&format!("`{}`", loss.code())));
    }
    for &skip in Skip::ALL {
        hold(
            "ping",
            &PingEvent::Skipped { peer, count: 3, skip },
            json!({"event": "skipped", "address": "[::1]:7000", "family": "ipv6",
                   "count": 3, "cause": skip.code()}),
        );
        assert!(documented(&["ping", "skipped"]).contains(&format!("`{}`", skip.code())));
    }
    hold(
        "ping",
        &PingEvent::Resent { peer, count: 2 },
        json!({"event": "resent", "address": "[::1]:7000", "family": "ipv6", "count": 2}),
    );
    let error = ConnectError::NoneAccepts { attempts: attempts()[..1].to_vec(), source: None };
    hold(
        "ping",
        &PingEvent::Unreachable { peer, error, retry_in: MILLI * 20 },
        json!({"event": "unreachable", "address": "[::1]:7000", "family": "ipv6",
               "cause": "refused", "retry_in_us": 20_000.0,
               "error": "cannot connect to 127.0.0.1:7000: connection refused"}),
    );
    let mut report = Report::default();
    report.note(&PingEvent::Connected { peer, local: local(), connect, attempts: attempts() });
    report.note(&PingEvent::Sent { peer, sequence });
    report.note(&reply(None));
    let millisecond = json!({"min": 1000.0, "avg": 1000.0, "p50": 1000.0, "p90": 1000.0,
                             "max": 1000.0, "stddev": 0.0});
    hold(
        "ping",
        &report,
        json!({"event": "summary", "address": "[::1]:7000", "family": "ipv6", "sent": 1,
               "received": 1, "lost": 0, "late": 0, "skipped": 0, "mismatches": 0, "unanswered": 0,
               "resent_segments": 0, "returned_bytes": 64,
               "rtt_us": millisecond}),
    );
}

#[test]
fn each_error_has_its_cause_and_its_numbers() {
    let (peer, sent, returned) = (peer(), 5, 3);
    let reset = || io::Error::from(io::ErrorKind::ConnectionReset).into();
    for (error, fields) in [
        (
            SendError::Connect(ConnectError::NoneAccepts { attempts: vec![], source: None }),
            json!({"cause": "usage", "error": "no address to connect to"}),
        ),
        (
            SendError::Lost { peer, sent, returned, source: reset() },
            json!({"cause": "reset", "sent_bytes": 5, "returned_bytes": 3,
                   "error": "connection to [::1]:7000 lost after 3 of 5 bytes came back: \
                             connection reset by the other end"}),
        ),
        (
            SendError::Timeout { peer, sent, returned, after: MILLI },
            json!({"cause": "timeout", "sent_bytes": 5, "returned_bytes": 3,
                   "error": "no progress with [::1]:7000 for 1ms: 3 of 5 bytes came back"}),
        ),
        (
            SendError::Short { peer, sent, returned },
            json!({"cause": "short", "sent_bytes": 5, "returned_bytes": 3,
                   "error": "reply from [::1]:7000 is short: 3 of 5 bytes came back"}),
        ),
        (
            SendError::Mismatch { peer, offset: 4, expected: 0x6f, got: 0x6e, instead: None },
            json!({"cause": "mismatch", "offset": 4, "expected": 0x6f, "got": 0x6e,
                   "error": "reply from [::1]:7000 differs at byte 4: sent 0x6f, got 0x6e"}),
        ),
        (
            SendError::Mismatch {
                peer,
                offset: 0,
                expected: 0x68,
                got: 0x48,
                instead: Excerpt::of(b"HTTP/1.1 400 Bad Request\r\n"),
            },
            json!({"cause": "mismatch", "offset": 0, "expected": 0x68, "got": 0x48,
                   "instead": "HTTP/1.1 400 Bad Request…", "protocol": "http",
                   "error": "reply from [::1]:7000 differs at byte 0: sent 0x68, got 0x48, \
                             HTTP: \"HTTP/1.1 400 Bad Request…\""}),
        ),
        (
            SendError::Surplus { peer, sent, instead: Excerpt::of(b"!") },
            json!({"cause": "mismatch", "sent_bytes": 5, "instead": "!",
                   "error": "reply from [::1]:7000 is longer than the 5 bytes sent, \"!\""}),
        ),
        (
            SendError::HeaderReturned { peer, instead: Excerpt::of(b"PROXY TCP6 ").unwrap() },
            json!({"cause": "mismatch", "instead": "PROXY TCP6 ",
                   "error": "[::1]:7000 echoed the PROXY header"}),
        ),
        (
            SendError::Input(reset()),
            json!({"cause": "input",
                   "error": "cannot read the input: connection reset by the other end"}),
        ),
        (
            SendError::Output(reset()),
            json!({"cause": "output",
                   "error": "cannot write the output: connection reset by the other end"}),
        ),
    ] {
        let mut line = fields;
        let cause = format!("`{}`", line["cause"].as_str().unwrap());
        assert!(documented(&["failure"]).contains(&cause), "{cause}");
        line["event"] = "disconnected".into();
        line["address"] = "[::1]:7000".into();
        line["family"] = "ipv6".into();
        hold("ping", &PingEvent::Disconnected { peer, error }, line);
    }
}

#[test]
fn what_check_yields() {
    let mut checked = Checked::new(peer());
    checked.target = Some("localhost:7000".parse().unwrap());
    (checked.connect, checked.echo, checked.bulk) = (Some(MILLI), Some(MILLI), Some(MILLI * 8));
    (checked.half_close, checked.hold) = (Some(HalfClose::Kept), Some(Hold::Alive));
    checked.held = Some(MILLI * 60);
    let (alive, ended) = (Some(MILLI * 25), Some(MILLI * 35));
    let idle = IdleTimeout { alive, ended, hold: Hold::Dead };
    checked.idle = Some(idle);
    checked.segments = Some(Segments::default());
    (checked.heard, checked.passing) = (Excerpt::of(b"?"), Some(Passing::UpTo(1280)));
    checked.finished = true;
    hold(
        "check",
        &checked,
        json!({"event": "check", "target": "localhost:7000", "address": "[::1]:7000",
               "family": "ipv6", "connect_us": 1000.0, "echo_us": 1000.0, "bulk_bytes": 1_048_576,
               "bulk_us": 8000.0, "mib_per_s": 125.0, "half_close": "kept", "hold": "alive",
               "held_us": 60_000.0, "hold_alive_us": 25_000.0,
               "hold_ended_us": 35_000.0, "heard": "?", "passing_bytes": 1280, "sent_segments": 0,
               "resent_segments": 0, "received_segments": 0, "out_of_order_segments": 0,
               "verdict": "ok", "ok": true, "diagnosis": "works"}),
    );
    let mut failed = Checked::new(peer());
    failed.connect = Some(MILLI);
    failed.finished = true;
    let error = SendError::Short { peer: peer(), sent: 64, returned: 0 };
    failed.failure = Some(StepFailure { step: Step::Echo, error });
    hold(
        "check",
        &failed,
        json!({"event": "check", "address": "[::1]:7000", "family": "ipv6", "connect_us": 1000.0,
               "verdict": "short", "ok": false,
               "diagnosis": "closes_at_once", "failed_step": "echo", "cause": "short",
               "error": "reply from [::1]:7000 is short: 0 of 64 bytes came back",
               "sent_bytes": 64, "returned_bytes": 0}),
    );
    for (step, error, bulk_bytes) in [
        (Step::Bulk, SendError::Short { peer: peer(), sent: 9, returned: 0 }, Some(1_048_576)),
        (Step::HalfClose, SendError::Short { peer: peer(), sent: 64, returned: 0 }, None),
        (Step::Bulk, ConnectError::NoneAccepts { attempts: attempts(), source: None }.into(), None),
    ] {
        failed.failure = Some(StepFailure { step, error });
        let written = serde_json::to_value(&failed).unwrap();
        assert_eq!(written.get("bulk_bytes").and_then(Value::as_u64), bulk_bytes, "{written}");
    }
    let sentences = vec!["IPv6 works".to_owned()];
    let summary = CheckSummary { checked: 1, ok: 1, interrupted: false, sentences };
    hold(
        "check",
        &summary,
        json!({"event": "summary", "checked": 1, "ok": 1, "interrupted": false,
               "sentences": ["IPv6 works"]}),
    );
    for code in HalfClose::ALL
        .iter()
        .map(|kind| kind.code())
        .chain(Hold::ALL.iter().map(|kind| kind.code()))
    {
        assert!(documented(&["check"]).contains(&format!("`{code}`")), "{code}");
    }
}

#[test]
fn what_datagrams_yield() {
    let (peer, sequence, local_port) = (peer(), 7, 50_000);
    let line = |fields: Value| {
        let mut line = json!({"address": "[::1]:7000", "family": "ipv6"});
        line.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        line
    };
    let arrival = ProbeArrival {
        bytes: 64,
        rtt: MILLI,
        local_port,
        reordered_by: Some(2),
        tos: Some(0xb8),
        hops: Some(3),
    };
    let come = json!({"seq": 7, "returned_bytes": 64, "rtt_us": 1000.0, "local_port": 50_000,
                      "reordered_by": 2, "tos": 184, "hops": 3});
    let named = |event: &str| {
        let mut line = line(come.clone());
        line["event"] = event.into();
        line
    };
    let lost =
        |loss, by, error| DatagramEvent::Lost { peer, sequence, local_port, loss, by, error };
    let refused = Some(io::Error::from(io::ErrorKind::ConnectionRefused).into());
    for (event, expected) in [
        (
            DatagramEvent::Opened { peer, local: local() },
            line(json!({"event": "opened", "local": "[::1]:50000"})),
        ),
        (DatagramEvent::Reply { peer, sequence, arrival: arrival.clone() }, named("reply")),
        (DatagramEvent::Late { peer, sequence, arrival: arrival.clone() }, named("late")),
        (
            DatagramEvent::Duplicate { peer, sequence, copy: 2 },
            line(json!({"event": "duplicate", "seq": 7, "copy": 2})),
        ),
        (
            DatagramEvent::Corrupt {
                peer,
                sequence: None,
                taken_for: Some(7),
                offset: 2,
                returned_bytes: 64,
                first: true,
            },
            line(json!({"event": "corrupt", "offset": 2, "returned_bytes": 64})),
        ),
        (
            DatagramEvent::Truncated {
                peer,
                sequence,
                sent_bytes: 64,
                returned_bytes: 30,
                first: true,
            },
            line(json!({"event": "truncated", "seq": 7, "sent_bytes": 64, "returned_bytes": 30})),
        ),
        (
            DatagramEvent::Foreign { peer, sequence, from: local(), first: true },
            line(json!({"event": "foreign", "seq": 7, "from": "[::1]:50000"})),
        ),
        (
            lost(DatagramLoss::Timeout, None, None),
            line(json!({"event": "lost", "seq": 7, "local_port": 50_000, "cause": "timeout"})),
        ),
        (
            lost(DatagramLoss::Refused, Some(peer.ip()), refused),
            line(json!({"event": "lost", "seq": 7, "local_port": 50_000, "cause": "refused",
                        "by": "::1", "error": "connection refused"})),
        ),
        (
            DatagramEvent::DroppedHere { peer, datagrams: 9 },
            line(json!({"event": "dropped_here", "datagrams": 9})),
        ),
        (
            DatagramEvent::Path { peer, hops_from: 3, hops_to: 5 },
            line(json!({"event": "path", "hops_from": 3, "hops_to": 5})),
        ),
    ] {
        hold("ping", &event, expected);
    }
    for loss in DatagramLoss::ALL {
        assert!(documented(&["ping", "lost"]).contains(&format!("`{}`", loss.code())));
    }

    let mut report = DatagramReport::default();
    report.note(&DatagramEvent::Opened { peer, local: local() });
    report.note(&DatagramEvent::Sent { peer, sequence, local_port });
    report.note(&DatagramEvent::Reply { peer, sequence, arrival });
    let millisecond = json!({"min": 1000.0, "avg": 1000.0, "p50": 1000.0, "p90": 1000.0,
                             "max": 1000.0, "stddev": 0.0});
    let well = json!({"event": "summary", "sent": 1, "received": 1, "lost": 0, "late": 0,
                      "unanswered": 0, "returned_bytes": 64, "duplicates": 0, "reordered": 1,
                      "max_reordering": 2, "corrupt": 0, "truncated": 0, "foreign": 0, "silent": 0,
                      "unsent": 0, "dropped_here": 0, "loss_runs": 0, "longest_loss": 0, "hops": 3,
                      "path_changes": 0, "tos": [{"tos": 184, "datagrams": 1}],
                      "rtt_us": millisecond,
                      "flows": [{"local_port": 50_000, "sent": 1, "received": 1, "lost": 0,
                                 "p50_us": 1000.0}]});
    hold("ping", &report, line(well));

    let mut checked = DatagramChecked::new(peer);
    (checked.echo, checked.new_port_only) = (Some(MILLI), true);
    (checked.empty, checked.tcp_connects) = (Some(true), Some(true));
    (checked.path_mtu, checked.path_mtu_by) = (Some(1420), Some(peer.ip()));
    (checked.black_hole, checked.truncates_at) = (true, Some(4096));
    (checked.longest, checked.vanishes) = (Some(1372), Some(1373));
    (checked.unsent, checked.wrong) = (true, Some(1380));
    checked.marks = Some(Marks::Kept);
    let alive = Some(MILLI * 25);
    checked.idle = Some(IdleTimeout { alive, ended: Some(MILLI * 35), hold: Hold::Dead });
    checked.failure = Some(DatagramError::Timeout { peer, after: MILLI });
    checked.target = Some("name:7000".parse().unwrap());
    let written = serde_json::to_value(&checked).unwrap();
    let expected = line(json!({
        "event": "check", "target": "name:7000", "verdict": "silent_tcp_works", "ok": false,
        "diagnosis": "silent_tcp_works", "echo_us": 1000.0, "new_port_only": true,
        "tcp_connects": true, "empty": true, "path_mtu": 1420, "path_mtu_by": "::1", "black_hole": true, "longest": 1372,
        "vanishes": 1373, "unsent": true, "wrong": 1380, "truncates_at": 4096, "marks": "kept", "hold_alive_us": 25_000.0,
        "hold_ended_us": 35_000.0, "hold": "dead", "cause": "timeout",
        "error": "no reply from [::1]:7000 within 1ms"
    }));
    assert_eq!(written, expected);
    let rows = documented(&["check", "-u"]);
    for field in expected.as_object().unwrap().keys() {
        let known = ["event", "address", "family", "cause", "error"].contains(&&field[..]);
        assert!(known || rows.contains(&format!("`{field}`")), "{field}: {rows}");
    }
    let source = || io::Error::from(io::ErrorKind::HostUnreachable).into();
    for error in [
        DatagramError::Truncated { peer, sent: 64, returned: 9 },
        DatagramError::Mismatch { peer, offset: 9, sent: 64, returned: 64 },
        DatagramError::Foreign { peer, from: local() },
        DatagramError::Undelivered { peer, by: Some(peer.ip()), mtu: Some(1400), source: source() },
        DatagramError::Here { peer, source: source() },
    ] {
        let written = serde_json::to_value(&error).unwrap();
        for field in written.as_object().unwrap().keys() {
            assert!(documented(&["failure"]).contains(&format!("`{field}`")), "{written}");
        }
    }
    for code in Marks::ALL.iter().map(|marks| marks.code()) {
        assert!(rows.contains(&format!("`{code}`")), "{code}");
    }
    for code in DatagramDiagnosis::ALL.iter().map(|diagnosis| diagnosis.code()) {
        assert!(rows.contains(&format!("`{code}`")), "{code}");
    }

    let reply = DatagramReply {
        bytes: b"hello".to_vec(),
        peer,
        local: local(),
        sent_bytes: 5,
        returned_bytes: 5,
        exchange: MILLI,
    };
    hold(
        "send",
        &reply,
        line(json!({"event": "reply", "local": "[::1]:50000", "sent_bytes": 5,
                    "returned_bytes": 5, "exchange_us": 1000.0})),
    );
}
