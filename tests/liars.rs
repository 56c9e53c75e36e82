//! Servers that lie: each lie is told apart, with the right status and a message that names it.

#![cfg(feature = "cli")]

mod common;

use std::thread;

use common::binary::{Listening, Run, run};
use common::liar::{self, Liar};
use common::{V4, V6};

/// Almost all lies are faults that the server deals on purpose: they have their table in the README,
/// which tests/fault_table.rs reads.
#[test]
fn a_server_that_cuts_the_reply_at_the_half_close_is_told_over_both_families() {
    thread::scope(|scope| {
        for ip in [V4, V6] {
            scope.spawn(move || {
                let liar = Liar::start(ip, liar::closes_at_the_half_close);
                let address = liar.address.to_string();
                let sent = run(&["send", "-w", "20s", &address, "hello"]);
                let said = "is short: 0 of 5 bytes came back";
                assert_said(&sent, sent.stderr.lines().next(), (1, said));
                let checked = run(&["check", "-w", "20s", &address]);
                let said = "the far end cuts the reply when we half-close";
                assert_said(&checked, checked.stdout.lines().last(), (1, said));
            });
        }
    });
}

fn assert_said(run: &Run, line: Option<&str>, (status, said): (i32, &str)) {
    assert_eq!(run.status, Some(status), "{said}: {run:?}");
    assert!(line.unwrap_or_default().contains(said), "{said}: {run:?}");
}

#[test]
fn a_late_server_is_told_from_one_that_never_answers() {
    let (_server, address) = Listening::faulty("[::1]:0", "delay=1400ms");
    let checked = run(&["check", "-w", "1s", &address]);
    let said = "echoes, but late: it took 1";
    assert_said(&checked, checked.stdout.lines().last(), (1, said));
    let sent = run(&["send", "-w", "1s", &address, "hello"]);
    assert_said(&sent, sent.stderr.lines().next(), (1, "0 of 5 bytes came back"));
    let hint = format!("\"echo6 check '{address}'\" tells which");
    assert_said(&sent, sent.stderr.lines().last(), (1, &hint));
}

#[test]
fn a_half_close_that_cuts_can_be_left_out() {
    let liar = Liar::start(V6, liar::closes_at_the_half_close);
    let sent = run(&["send", "--no-half-close", &liar.address.to_string(), "hello"]);
    assert_eq!((sent.status, &sent.stdout[..], &sent.stderr[..]), (Some(0), "hello\n", ""));
}

#[test]
fn a_large_stream_that_stops_midway_is_a_timeout_with_its_place() {
    let (_server, address) = Listening::faulty("127.0.0.1:0", "hang@512k");
    let message = common::noise(1 << 20);
    let mut command = common::binary::echo6(&["send", "-w", "1s", &address]);
    let output = common::binary::output_with_input(&mut command, &message);
    let words = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1));
    assert!(words.contains("524288 of 1048576 bytes came back"), "{words}");
    assert!(output.stdout == message[..512 * 1024]);
}

#[test]
fn a_ping_tells_a_liar_from_a_slow_server() {
    for (fault, wait, said) in [
        ("flip@63", "20s", "differs at byte 63"),
        ("reset@2", "20s", "connection reset by the other end"),
        ("stall", "300ms", "no reply within 300ms"),
        ("hang", "300ms", "no reply within 300ms"),
    ] {
        let (_server, address) = Listening::faulty("[::1]:0", fault);
        let pinged = run(&["ping", "-c", "2", "-i", "50ms", "-w", wait, &address]);
        assert_eq!(pinged.status, Some(1), "{pinged:?}");
        assert!(pinged.stderr.contains(said), "{said}: {pinged:?}");
        assert!(pinged.stdout.contains("2 sent, 0 received, 2 lost, 0 late"), "{pinged:?}");
    }
}

#[test]
fn a_ping_says_what_came_in_the_place_of_a_probe() {
    let (_server, changing) = Listening::faulty("127.0.0.1:0", "flip@63");
    let other = Liar::start(V4, liar::says_something_else);
    for address in [changing, other.address.to_string()] {
        let pinged = run(&["ping", "--json", "-c", "1", &address]);
        let objects = pinged.objects();
        let said: Vec<_> =
            objects.iter().map(|object| (&object["event"], &object["cause"])).collect();
        assert_eq!(said[1], (&"disconnected".into(), &"mismatch".into()), "{pinged:?}");
        assert_eq!(said[2], (&"lost".into(), &"mismatch".into()), "{pinged:?}");
    }
}

/// Whether there is a newline among random bytes is chance; what a server that waits for one is
/// called is not, nor when. None of these runs ends in time if it waits for the timeout.
#[test]
fn a_server_of_lines_is_known_at_once_whatever_bytes_were_drawn() {
    let liar = Liar::start(V4, liar::answers_a_line);
    let address = &liar.address.to_string();
    let loads = ["bench", "-w", "1h", "-c", "1", "-n", "1", "--warm-up", "0"];
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let checked = run(&["check", "-w", "1h", address]);
                let said =
                    "IPv4: not an echo server: it speaks HTTP, \"HTTP/1.1 400 Bad Request…\"";
                assert_said(&checked, checked.stdout.lines().last(), (1, said));
                let hint = "another service listens there: is it the right port?";
                for command in [
                    &["ping", "-w", "1h", "-c", "1", address][..],
                    &["send", "-w", "1h", address, "hello\n"],
                    &[&loads[..], &[address]].concat(),
                    &[&loads[..], &["--reconnect", address]].concat(),
                    &[&loads[..], &["--size", "16", address]].concat(),
                    &[&loads[..], &["--size", "9k", address]].concat(),
                ] {
                    let ran = run(command);
                    assert_said(&ran, ran.stderr.lines().last(), (1, hint));
                    let said = format!("{}{}", ran.stdout, ran.stderr);
                    assert!(said.contains("HTTP: \"HTTP/1.1 400"), "{ran:?}");
                }
            });
        }
    });
}

#[test]
fn a_server_that_returns_whole_lines_keeps_the_end_of_a_large_message() {
    let liar = Liar::start(V6, liar::returns_lines);
    let checked = run(&["check", "-w", "1s", &liar.address.to_string()]);
    let said = "IPv6: returns whole lines only: what follows the last newline is kept back";
    assert_said(&checked, checked.stdout.lines().last(), (1, said));
}

/// The server of RFC 863, which also listens on a port of its own, answers nothing by design.
#[test]
fn a_server_that_discards_sends_who_asked_it_to_check() {
    for (lie, wait, error) in [
        (liar::discards as liar::Lie, "20s", "is short: 0 of 5 bytes came back"),
        (liar::never_answers, "300ms", "no progress with "),
    ] {
        let address = Liar::start(V6, lie).address.to_string();
        let sent = run(&["send", "-w", wait, &address, "hello"]);
        assert_said(&sent, sent.stderr.lines().next(), (1, error));
        assert_said(&sent, sent.stderr.lines().last(), (1, " echo server"));
        let hint = format!("\"echo6 check '{address}'\" tells which");
        assert_said(&sent, sent.stderr.lines().last(), (1, &hint));
        let checked = run(&["check", "-q", "-w", "300ms", &address]);
        let said = "IPv6: takes what we send, but returns nothing: is it an echo server?";
        assert_said(&checked, checked.stdout.lines().last(), (1, said));
    }
}

/// A full server and one that nobody serves look the same from outside: the sentence names both.
#[test]
fn a_limit_of_the_server_is_named_as_a_cause() {
    for (limit, wait, said) in [
        ("--max-conns", "300ms", "it hangs, is slow, or has reached its limit of clients"),
        ("--max-per-source", "20s", "a limit"),
    ] {
        let mut server = Listening::start(&["--json", limit, "1", "[::1]:0"]);
        let address = format!("[::1]:{}", server.port);
        let _first = common::connect(address.parse().unwrap());
        while !server.next_line().contains("\"connected\"") {}
        let checked = run(&["check", "-q", "-w", wait, &address]);
        assert_said(&checked, checked.stdout.lines().last(), (1, said));
    }
}

#[test]
fn a_full_accept_queue_is_named_as_a_cause_by_every_client() {
    let hanging = liar::Hanging::start(V4);
    let address = hanging.address.to_string();
    for command in [&["send"][..], &["ping", "-c", "1"], &["bench", "-c", "1"]] {
        let message = if command[0] == "send" { &["hello"][..] } else { &[] };
        let flags = ["--connect-timeout", "200ms", &address];
        let ran = run(&[command, &flags, message].concat());
        let help: Vec<&str> =
            ran.stderr.lines().filter(|line| line.starts_with("help: ")).collect();
        let said = "the accept queue of the server may be full";
        assert_said(&ran, help.first().copied(), (1, said));
    }
}
