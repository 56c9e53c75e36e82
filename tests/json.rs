//! The JSON lines have the fields that the README documents.

#![cfg(all(unix, feature = "cli"))]

mod common;

use std::collections::BTreeSet;

use common::binary::{Listening, run};
use common::liar::{self, Closed, Liar};
use common::{V4, V6, connect, exchange, round_trip};
use rustix::process::Signal;
use serde_json::Value;

#[test]
fn each_event_is_one_object_with_stable_fields() {
    let listening = Listening::start(&["--json", "[::]:0"]);
    let listened = listening.line.clone();
    let peer = {
        let client = connect((V4, listening.port).into());
        let peer = client.local_addr().unwrap().to_string();
        // To the server's end of stream: it is not stopped before it has seen the client's.
        assert_eq!(exchange(client, b"hello"), b"hello");
        peer
    };
    let local = format!("127.0.0.1:{}", listening.port);
    let stopped = listening.stop(Signal::TERM);
    assert_eq!((stopped.status, &stopped.stderr[..]), (Some(0), ""));

    let lines = listened + &stopped.stdout;
    let events: Vec<Value> =
        lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let names: Vec<&str> = events.iter().map(|event| event["event"].as_str().unwrap()).collect();
    assert_eq!(names, ["listening", "connected", "closed", "stopped"]);

    assert_eq!(events[0]["families"], serde_json::json!(["ipv6", "ipv4"]));
    for event in &events[1..3] {
        assert_eq!((&event["peer"], &event["local"]), (&peer[..].into(), &local[..].into()));
        assert_eq!(event["family"], "ipv4");
    }
    let closed = &events[2];
    assert_eq!((&closed["bytes_in"], &closed["bytes_out"]), (&5.into(), &5.into()));
    assert_eq!(closed["reason"], "end_of_stream");
    assert!(closed["duration_us"].is_f64());
    assert_eq!((&closed["id"], &events[1]["id"]), (&1.into(), &1.into()));
    assert_eq!(closed["ending"], "drained");
    let stopped = &events[3];
    assert_eq!((&stopped["connections"], &stopped["cut"]), (&1.into(), &0.into()));
    for event in &events {
        let time = event["time"].as_str().unwrap();
        assert!(time.len() == 24 && time.ends_with('Z') && &time[10..11] == "T", "{time}");
    }
}

#[test]
fn flows_and_the_totals_of_datagrams_are_objects_too() {
    let mut listening = Listening::start(&["--json", "-u", "[::]:0"]);
    let listened: Value = serde_json::from_str(&listening.line).unwrap();
    assert_eq!(listened["transports"], serde_json::json!(["tcp", "udp"]));
    let client = std::net::UdpSocket::bind((V4, 0)).unwrap();
    client.set_read_timeout(Some(common::PATIENCE)).unwrap();
    client.connect((V4, listening.port)).unwrap();
    client.send(b"hello").unwrap();
    assert_eq!(client.recv(&mut [0; 16]).unwrap(), 5);
    let appeared: Value = serde_json::from_str(&listening.next_line()).unwrap();
    let stopped = listening.stop(Signal::TERM);
    let events: Vec<Value> =
        stopped.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let quiet = &events[0];
    for (event, name) in [(&appeared, "flow_appeared"), (quiet, "flow_quiet")] {
        assert_eq!((&event["event"], &event["family"]), (&name.into(), &"ipv4".into()));
        assert_eq!(event["peer"], client.local_addr().unwrap().to_string());
        assert_eq!(event["local"], client.peer_addr().unwrap().to_string());
    }
    assert_eq!((&quiet["datagrams_in"], &quiet["bytes_in"]), (&1.into(), &5.into()));
    let totals = events[1]["datagrams"].as_object().unwrap();
    for (field, value) in [
        ("flows", 1),
        ("datagrams_in", 1),
        ("datagrams_out", 1),
        ("bytes_in", 5),
        ("bytes_out", 5),
        ("dropped_here", 0),
    ] {
        assert_eq!(totals[field], value, "{field}");
    }
}

#[test]
fn a_full_server_and_its_limits_are_reported() {
    let arguments = ["--json", "--max-conns=1", "--max-per-source=1", "[::]:0"];
    let mut listening = Listening::start(&arguments);
    let mut client = connect((V6, listening.port).into());
    assert_eq!(round_trip(&mut client, b"in"), b"in");
    let connected: Value = serde_json::from_str(&listening.next_line()).unwrap();
    assert_eq!((&connected["event"], &connected["family"]), (&"connected".into(), &"ipv6".into()));
    let paused: Value = serde_json::from_str(&listening.next_line()).unwrap();
    assert_eq!((&paused["event"], &paused["reason"]), (&"paused".into(), &"full".into()));
    assert_eq!(paused["limit"], 1);
}

/// The names in the rows of the README's tables whose first cell names all of `words`.
fn documented(words: &[&str]) -> BTreeSet<String> {
    let readme = include_str!("../README.md");
    let rows = readme.lines().filter(|line| {
        let event = line.trim_start_matches('|').split('|').next().unwrap();
        line.starts_with('|') && words.iter().all(|word| event.contains(&format!("`{word}`")))
    });
    rows.flat_map(|row| row.split('`').skip(1).step_by(2)).map(str::to_owned).collect()
}

#[test]
fn each_field_of_the_clients_objects_is_in_the_readme() {
    let server = Listening::start(&["-q", "[::]:0"]);
    let good = format!("[::1]:{}", server.port);
    let closed = Closed::reserve(V4).address.to_string();
    let (_changing, changing) = Listening::faulty("127.0.0.1:0", "flip@4");
    let flags = ["-q", "-u", "--no-tcp", "--fault", "1*wrong-source", "127.0.0.1:0"];
    let server_of_datagrams = Listening::start(&flags);
    let datagrams = format!("127.0.0.1:{}", server_of_datagrams.port);
    let late = Liar::start(V6, liar::answers_late).address.to_string();
    let mut events = BTreeSet::new();
    for arguments in [
        &["send", &good, "hello"][..],
        &["send", &closed, "hello"],
        &["send", &changing, "hello"],
        &["ping", "-i", "0", "-c", "2", "-w", "150ms", &late],
        &["ping", "--reconnect", "-c", "1", &good],
        &["ping", "-c", "1", &changing],
        &["ping", "-c", "1", &closed],
        &["bench", "-n", "40", "-c", "2", "--warm-up", "0", &good, &changing],
        &["bench", "-d", "100ms", "-r", "100", "--warm-up", "0", "--reconnect", &good],
        &["bench", "-d", "50ms", "--warm-up", "0", "-r", "1", "--search", "p50=1us", &good],
        &["bench", "-u", "-n", "8", "-c", "2", "-w", "1s", "--warm-up", "0", &datagrams],
        &["check", &good, &closed, &changing],
        &["address", "::ffff:192.0.2.7", "[fe80::1%eth0]:7000", "name:7000"],
        &["address", "10.0.0.0/8", "0.0.0.0/4", "localhost", "10.0.0.1/8"],
    ] {
        for object in run(&[arguments, &["--json"]].concat()).objects() {
            let (command, event) = (arguments[0], object["event"].as_str().unwrap());
            let mut known = documented(&[command, event]);
            known.extend(documented(&["failure"]));
            known.extend(["time", "event", "address", "family"].map(str::to_owned));
            for field in object.as_object().unwrap().keys() {
                assert!(known.contains(field), "{command}: {field} of {object}");
            }
            events.insert(format!("{command} {event}"));
        }
    }
    for event in
        ["send failure", "ping late", "ping disconnected", "check check", "address failure"]
    {
        assert!(events.contains(event), "{event} was not seen: {events:?}");
    }
}

/// What resolves is asked although a name beside it does not, or else nothing is and the failure is
/// an object.
#[test]
fn a_name_that_does_not_resolve_is_an_object_beside_the_others() {
    let server = Listening::start(&["-q", "-u", "[::1]:0"]);
    let good = format!("[::1]:{}", server.port);
    for (command, flags, goes_on) in [
        ("check", &["-w", "1s"][..], true),
        ("check", &["-u", "-w", "1s"], true),
        ("send", &[], false),
        ("send", &["-u"], false),
        ("ping", &["-c", "1"], false),
        ("ping", &["-u", "-c", "1"], false),
        ("bench", &["-n", "9", "--warm-up", "0"], false),
    ] {
        let both = format!("{good},nosuch.invalid:7");
        let message = if command == "send" { &["hello"][..] } else { &[] };
        let ran = run(&[&[command, "--json"], flags, &[&both[..]], message].concat());
        assert_eq!(ran.status, Some(1), "{command} {flags:?}: {ran:?}");
        let objects = ran.objects();
        let failures: Vec<_> =
            objects.iter().filter(|object| object["event"] == "failure").collect();
        assert_eq!(failures.len(), 1, "{command} {flags:?}: {ran:?}");
        assert_eq!(failures[0]["cause"], "resolve", "{ran:?}");
        assert!(ran.stderr.contains("cannot resolve nosuch.invalid"), "{ran:?}");
        let asked = objects.iter().any(|object| object["address"] == good);
        assert_eq!(asked, goes_on, "{command} {flags:?}: {ran:?}");
        if goes_on {
            let summary = objects.last().unwrap();
            let sentences = summary["sentences"].as_array().unwrap();
            assert_eq!((&summary["ok"], sentences.len()), (&1.into(), 2), "{ran:?}");
            assert_eq!(objects[0]["verdict"], "ok", "{ran:?}");
        }
    }
}

/// Digits that nobody can measure are noise for whoever reads a line.
#[test]
fn numbers_have_three_decimals_at_most() {
    let server = Listening::start(&["-q", "-u", "[::1]:0"]);
    let address = format!("[::1]:{}", server.port);
    for command in [
        &["bench", "-c", "2", "-n", "300", "--warm-up", "0"][..],
        &["bench", "-u", "-c", "2", "-r", "2k", "-n", "200", "--warm-up", "0"],
        &["check"],
        &["check", "-u"],
        &["ping", "-i", "0", "-c", "100"],
    ] {
        let ran = run(&[command, &["--json", &address]].concat());
        for line in ran.stdout.lines() {
            let decimals = line
                .split('.')
                .skip(1)
                .map(|behind| behind.chars().take_while(char::is_ascii_digit).count());
            assert!(decimals.max().unwrap_or_default() <= 3, "{command:?}: {line}");
        }
    }
}
