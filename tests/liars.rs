//! Servers that lie: each lie is told apart, with the right status and a message that names it.

#![cfg(feature = "cli")]

mod common;

use std::thread;

use common::binary::{Run, run};
use common::liar::{self, Liar, Lie};
use common::{V4, V6};

/// What a lie is called, and what `send` and `check` have to say about it.
struct Case {
    lie: Lie,
    send: (i32, &'static str),
    check: (i32, &'static str),
}

const fn case(lie: Lie, send: (i32, &'static str), check: (i32, &'static str)) -> Case {
    Case { lie, send, check }
}

#[test]
fn every_lie_is_told_apart_over_both_families() {
    let cases = [
        case(liar::honest, (0, ""), (0, " works")),
        case(liar::answers_in_single_bytes, (0, ""), (0, " works")),
        case(
            liar::changes_byte::<4>,
            (1, "differs at byte 4: sent 0x6f, got 0x6e"),
            (1, "what comes back differs at byte 4: is it an echo server?"),
        ),
        case(
            liar::drops_the_last,
            (1, "is short: 4 of 5 bytes came back"),
            (1, "nothing comes back until we half-close, and then 63 of 64 bytes"),
        ),
        case(
            liar::adds_one,
            (1, "is longer than the 5 bytes sent"),
            (1, "more comes back than was sent: is it an echo server?"),
        ),
        case(
            liar::resets_midway,
            (1, "of 5 bytes came back: connection reset by the other end"),
            (1, "the connection is reset"),
        ),
        case(
            liar::closes_at_the_half_close,
            (1, "is short: 0 of 5 bytes came back"),
            (1, "the far end cuts the reply when we half-close"),
        ),
        case(
            liar::never_answers,
            (1, "for 1s: 0 of 5 bytes came back"),
            (1, "takes what we send, but returns nothing: is it an echo server?"),
        ),
        case(
            liar::discards,
            (1, "is short: 0 of 5 bytes came back"),
            (1, "takes what we send, but returns nothing: is it an echo server?"),
        ),
        case(
            liar::accepts_and_hangs,
            (1, "for 1s: 0 of 5 bytes came back"),
            (1, "takes less than 1 MiB in 1s, and returns nothing: it hangs or is slow"),
        ),
        case(
            liar::stops_midway,
            (0, ""),
            (1, "small messages return, 1 MiB stops after 524288 bytes"),
        ),
        case(
            liar::never_closes,
            (1, "all 5 bytes came back, but the server does not close"),
            (1, "everything returns, but the far end never closes when we half-close"),
        ),
        case(
            liar::resets_at_the_end,
            (1, "lost after 5 of 5 bytes came back: connection reset by the other end"),
            (1, "the far end "), // resets it, and what was under way is cut or was back by then
        ),
        case(
            liar::answers_at_the_end_and_stays,
            (1, "all 5 bytes came back, but the server does not close"),
            (1, "nothing comes back until we half-close, and then everything, but no end"),
        ),
        case(liar::hangs_up_after_one, (0, ""), (1, "small messages return, 1 MiB ")),
    ];
    thread::scope(|scope| {
        for case in &cases {
            for ip in [V4, V6] {
                scope.spawn(move || {
                    let liar = Liar::start(ip, case.lie);
                    let address = liar.address.to_string();
                    let sent = run(&["send", "-w", "1s", &address, "hello"]);
                    assert_said(&sent, sent.stderr.lines().next(), case.send);
                    let checked = run(&["check", "-w", "1s", &address]);
                    assert_said(&checked, checked.stdout.lines().last(), case.check);
                });
            }
        }
    });
}

fn assert_said(run: &Run, line: Option<&str>, (status, said): (i32, &str)) {
    assert_eq!(run.status, Some(status), "{said}: {run:?}");
    assert!(line.unwrap_or_default().contains(said), "{said}: {run:?}");
}

#[test]
fn a_late_server_is_told_from_one_that_never_answers() {
    thread::scope(|scope| {
        for ip in [V4, V6] {
            scope.spawn(move || {
                let liar = Liar::start(ip, liar::answers_after_a_while);
                let address = liar.address.to_string();
                let checked = run(&["check", "-w", "1s", &address]);
                let said = "echoes, but late: that took 1";
                assert_said(&checked, checked.stdout.lines().last(), (1, said));
                let sent = run(&["send", "-w", "1s", &address, "hello"]);
                assert_said(&sent, sent.stderr.lines().next(), (1, "0 of 5 bytes came back"));
                let hint = format!("\"echo6 check {address}\" tells which");
                assert_said(&sent, sent.stderr.lines().last(), (1, &hint));
            });
        }
    });
}

#[test]
fn a_half_close_that_cuts_can_be_left_out() {
    let liar = Liar::start(V6, liar::closes_at_the_half_close);
    let sent = run(&["send", "--no-half-close", &liar.address.to_string(), "hello"]);
    assert_eq!((sent.status, &sent.stdout[..], &sent.stderr[..]), (Some(0), "hello\n", ""));
}

#[test]
fn a_large_stream_that_stops_midway_is_a_timeout_with_its_place() {
    let liar = Liar::start(V4, liar::stops_midway);
    let address = liar.address.to_string();
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
    for (lie, said) in [
        (liar::changes_byte::<63> as Lie, "differs at byte 63"),
        (liar::resets_midway, "connection reset by the other end"),
        (liar::never_answers, "no reply within 300ms"),
        (liar::accepts_and_hangs, "no reply within 300ms"),
    ] {
        let liar = Liar::start(V6, lie);
        let address = liar.address.to_string();
        let pinged = run(&["ping", "-c", "2", "-i", "50ms", "-w", "300ms", &address]);
        assert_eq!(pinged.status, Some(1), "{pinged:?}");
        assert!(pinged.stderr.contains(said), "{said}: {pinged:?}");
        assert!(pinged.stdout.contains("2 sent, 0 received, 2 lost, 0 late"), "{pinged:?}");
    }
}

#[test]
fn a_ping_says_what_came_in_the_place_of_a_probe() {
    for lie in [liar::changes_byte::<63> as Lie, liar::says_something_else] {
        let liar = Liar::start(V4, lie);
        let address = liar.address.to_string();
        let pinged = run(&["ping", "--json", "-c", "1", &address]);
        let objects = pinged.objects();
        let said: Vec<_> =
            objects.iter().map(|object| (&object["event"], &object["cause"])).collect();
        assert_eq!(said[1], (&"disconnected".into(), &"mismatch".into()), "{pinged:?}");
        assert_eq!(said[2], (&"lost".into(), &"mismatch".into()), "{pinged:?}");
    }
}
