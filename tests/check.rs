//! `echo6 check`: the table, the sentence, and the statuses.

mod common;

use common::binary::{Listening, run};
use common::liar::{self, Closed, Hanging, Liar};
use common::{V4, V6};
use serde_json::Value;

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
        assert_eq!(checked.stdout, format!("{closed}: IPv6: refused\n{four}: IPv4 works\n"));
    }
    let checked = run(&["check", "--any", &closed]);
    assert_eq!(checked.status, Some(1), "{checked:?}");
    let checked = run(&["check", "nosuch.invalid:7", &four]);
    assert_eq!(checked.status, Some(1), "{checked:?}");
    assert!(checked.stderr.contains("cannot resolve nosuch.invalid"), "{checked:?}");
}

#[test]
fn a_connect_that_hangs_is_told_from_one_that_is_refused() {
    let hanging = Hanging::start(V6);
    let address = hanging.address.to_string();
    let checked = run(&["check", "-q", "--connect-timeout", "200ms", &address]);
    assert_eq!(checked.status, Some(1), "{checked:?}");
    let sentence = "IPv6: no answer to the connect: a firewall, or the host is down\n";
    assert_eq!(checked.stdout, sentence);
}

#[test]
fn a_silent_connection_lives_or_is_closed() {
    let server = Listening::start(&["-q", "[::]:0"]);
    let good = format!("[::1]:{}", server.port);
    let lives = run(&["check", "--json", "--hold", "100ms", &good]);
    let object: Value = serde_json::from_str(lives.stdout.lines().next().unwrap()).unwrap();
    assert_eq!((lives.status, &object["hold"]), (Some(0), &"alive".into()), "{lives:?}");

    let liar = Liar::start(V4, liar::hangs_up_on_the_silent);
    let closed = run(&["check", "--hold", "10s", &liar.address.to_string()]);
    assert_eq!(closed.status, Some(1), "{closed:?}");
    assert!(closed.stdout.contains("a silent connection is closed"), "{closed:?}");
}

#[test]
fn json_has_an_object_for_each_address_and_a_summary() {
    let server = Listening::start(&["-q", "[::]:0"]);
    let good = format!("127.0.0.1:{}", server.port);
    let closed = Closed::reserve(V6).address.to_string();
    let checked = run(&["check", "--json", &good, &closed, "nosuch.invalid:7"]);
    assert_eq!(checked.status, Some(1), "{checked:?}");
    let objects: Vec<Value> =
        checked.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
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
