//! `echo6 check`: the table, the sentence, and the statuses.

#![cfg(feature = "cli")]

mod common;

use std::thread;

use common::binary::{Listening, run};
use common::liar::{self, Closed, Hanging, Liar, Lie};
use common::{V4, V6};

#[test]
fn a_good_server_has_a_row_for_each_address_and_status_0() {
    let server = Listening::start(&["-q", "[::]:0"]);
    let (four, six) = (format!("127.0.0.1:{}", server.port), format!("[::1]:{}", server.port));
    let checked = run(&["check", &four, &six]);
    assert_eq!((checked.status, &checked.stderr[..]), (Some(0), ""), "{checked:?}");
    let lines: Vec<&str> = checked.stdout.lines().collect();
    let names = "family connect ms echo ms MiB/s half-close verdict";
    assert!(lines[0].starts_with("address") && lines[0].ends_with(names), "{}", lines[0]);
    for (line, address, family) in [(lines[1], &four, "IPv4"), (lines[2], &six, "IPv6")] {
        let words: Vec<&str> = line.split_whitespace().collect();
        assert_eq!((words[0], words[1], &words[5..]), (&address[..], family, &["kept", "ok"][..]));
    }
    assert_eq!(lines[3], format!("{four}: IPv4 works"));
    assert_eq!(lines[4], format!("{six}: IPv6 works"));
    assert!(lines.iter().all(|line| line.len() <= 80), "{lines:?}");
}

#[test]
fn one_bad_address_is_status_1_unless_any_will_do() {
    let server = Listening::start(&["-q", "127.0.0.1:0"]);
    let closed = Closed::reserve(V6).address.to_string();
    let four = format!("127.0.0.1:{}", server.port);
    for (flags, status) in [(&[][..], 1), (&["--any"], 0)] {
        let checked = run(&[&["check", "-q"], flags, &[&closed, &four]].concat());
        assert_eq!(checked.status, Some(status), "{checked:?}");
        let refused = "IPv6: refused: nothing listens there, or a firewall rejects it";
        assert_eq!(checked.stdout, format!("{closed}: {refused}\n{four}: IPv4 works\n"));
    }
    let checked = run(&["check", "--any", &closed]);
    assert_eq!(checked.status, Some(1), "{checked:?}");
    let checked = run(&["check", "nosuch.invalid:7", &four]);
    assert_eq!(checked.status, Some(1), "{checked:?}");
    assert!(checked.stderr.contains("cannot resolve nosuch.invalid"), "{checked:?}");
    // The worst counts, in whichever order.
    for addresses in [["nosuch.invalid:7", &four], [&four, "nosuch.invalid:7"]] {
        let checked = run(&[&["check", "-6"], &addresses[..]].concat());
        assert_eq!(checked.status, Some(2), "{checked:?}");
    }
}

#[test]
fn rows_stand_below_the_target_that_they_belong_to() {
    let server = Listening::start(&["-q", "127.0.0.1:0"]);
    let (name, address) =
        (format!("localhost:{}", server.port), format!("127.0.0.1:{}", server.port));
    let checked = run(&["check", "-4", &name, &address]);
    assert_eq!(checked.status, Some(0), "{checked:?}");
    let lines: Vec<&str> = checked.stdout.lines().collect();
    assert_eq!((lines[1], lines[3]), (&name[..], &address[..]), "{checked:?}");
    assert!(lines[2].starts_with(&address) && lines[4].starts_with(&address), "{checked:?}");
}

#[test]
fn an_other_service_is_named_by_what_it_says() {
    let web = Liar::start(V4, liar::says_something_else).address.to_string();
    let checked = run(&["check", "-q", &web]);
    let said = "IPv4: not an echo server: it speaks HTTP, \"HTTP/1.1 400 Bad Request…\"\n";
    assert_eq!((checked.status, &checked.stdout[..]), (Some(1), said), "{checked:?}");
    for command in ["send", "ping"] {
        let message = if command == "send" { &["Hello"][..] } else { &["-c1"] };
        let run = run(&[&[command, "--json", &web], message].concat());
        let words = run.objects().iter().any(|object| object["protocol"] == "http");
        assert!(run.status == Some(1) && words, "{run:?}");
    }
}

#[test]
fn a_connect_that_hangs_is_told_from_one_that_is_refused() {
    let hanging = Hanging::start(V6);
    let address = hanging.address.to_string();
    let checked = run(&["check", "-q", "--connect-timeout", "200ms", &address]);
    assert_eq!(checked.status, Some(1), "{checked:?}");
    let sentence = "IPv6: no answer to the connect: a firewall, no way back, the host is down, or \
                    its accept queue is full\n";
    assert_eq!(checked.stdout, sentence);
}

#[test]
fn a_silent_connection_lives_or_ends_in_one_of_four_ways() {
    let server = Listening::start(&["-q", "[::]:0"]);
    let lives = run(&["check", "--json", "--hold", "200ms", &format!("[::1]:{}", server.port)]);
    assert_eq!((lives.status, &lives.objects()[0]["hold"]), (Some(0), &"alive".into()));
    let cases = [
        (liar::hangs_up_on_the_silent as Lie, "closed", "an idle connection is closed after"),
        (liar::resets_the_silent, "reset", "an idle connection is reset"),
        (liar::forgets_the_silent, "dead", "an idle connection stops working without a reset"),
        (
            liar::scolds_the_silent,
            "mismatch",
            "an idle connection returns other bytes than were sent",
        ),
    ];
    thread::scope(|scope| {
        for (case, ip) in cases.iter().flat_map(|case| [(case, V4), (case, V6)]) {
            scope.spawn(move || {
                let &(lie, word, said) = case;
                let liar = Liar::start(ip, lie);
                let address = liar.address.to_string();
                let checked = run(&["check", "--json", "-w", "3s", "--hold", "3s", &address]);
                assert_eq!(checked.status, Some(1), "{word}: {checked:?}");
                let (check, summary) = (&checked.objects()[0], &checked.objects()[1]);
                assert_eq!((&check["hold"], &check["verdict"]), (&word.into(), &word.into()));
                assert!(check["held_us"].as_f64() > Some(200_000.0), "{word}: {check}");
                let sentence = summary["sentences"][0].as_str().unwrap();
                assert!(sentence.contains(said), "{checked:?}");
            });
        }
    });
}

#[cfg(unix)]
#[test]
fn an_interrupt_ends_it_with_a_table_of_what_was_found() {
    use common::binary::{Run, echo6, piped};
    use rustix::process::{Pid, Signal, kill_process};
    let mut server = Listening::start(&["--json", "127.0.0.1:0"]);
    let hanging = Hanging::start(V6);
    let addresses = [format!("127.0.0.1:{}", server.port), hanging.address.to_string()];
    let arguments = ["check", "--hold", "1h", "--connect-timeout", "1h"];
    let check = piped(echo6(&arguments).args(&addresses));
    // Two connections echo, one is half-closed, and the fourth is silent.
    for _ in 0..4 {
        while !server.next_line().contains("\"connected\"") {}
    }
    kill_process(Pid::from_child(&check), Signal::INT).unwrap();
    let checked = Run::from(check.wait_with_output().unwrap());
    assert_eq!((checked.status, &checked.stderr[..]), (Some(1), ""), "{checked:?}");
    let lines: Vec<&str> = checked.stdout.lines().collect();
    let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(words(lines[1])[5..], ["kept", "interrupted"], "{checked:?}");
    assert_eq!(words(lines[2])[2..], ["-", "-", "-", "-", "interrupted"], "{checked:?}");
    assert_eq!(lines[3], format!("{}: IPv4: interrupted before all was checked", addresses[0]));
    assert_eq!(lines[4], format!("{}: IPv6: interrupted before all was checked", addresses[1]));
}

#[test]
fn json_has_an_object_for_each_address_and_a_summary() {
    let server = Listening::start(&["-q", "[::]:0"]);
    let good = format!("127.0.0.1:{}", server.port);
    let closed = Closed::reserve(V6).address.to_string();
    let checked = run(&["check", "--json", &good, &closed, "nosuch.invalid:7"]);
    assert_eq!(checked.status, Some(1), "{checked:?}");
    let objects = checked.objects();
    let [well, refused, unresolved, summary] = &objects[..] else { panic!("{objects:?}") };
    assert_eq!((&well["verdict"], &well["half_close"]), (&"ok".into(), &"kept".into()));
    assert_eq!(well["bulk_bytes"], 1 << 20);
    for name in ["connect_us", "echo_us", "bulk_us", "mib_per_s"] {
        assert!(well[name].as_f64() > Some(0.0), "{name}: {well}");
    }
    assert_eq!(
        (&refused["cause"], &refused["failed_step"]),
        (&"refused".into(), &"connect".into())
    );
    assert_eq!(unresolved["cause"], "resolve");
    assert_eq!((&summary["checked"], &summary["ok"]), (&2.into(), &1.into()));
}
