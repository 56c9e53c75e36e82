//! `echo6 ping`: lines, summaries and statuses.

#![cfg(feature = "cli")]

mod common;

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use common::binary::{Listening, echo6, run};
use common::liar::{Closed, Liar, answers_late, says_something_else};
use common::{V4, V6};

#[test]
fn each_reply_has_a_line_and_all_have_a_summary() {
    let server = Listening::start(&["-q", "[::]:0"]);
    for (ip, family) in [("127.0.0.1", "IPv4"), ("[::1]", "IPv6")] {
        let address = format!("{ip}:{}", server.port);
        let pinged = run(&["ping", "-c", "3", "-i", "0", "--size", "1k", &address]);
        assert_eq!((pinged.status, &pinged.stderr[..]), (Some(0), ""), "{pinged:?}");
        let lines: Vec<&str> = pinged.stdout.lines().collect();
        for (index, line) in lines[..3].iter().enumerate() {
            let start = format!("1024 bytes from {address}: seq={} time=", index + 1);
            assert!(line.starts_with(&start) && line.ends_with(" ms"), "{line}");
        }
        assert_eq!(lines[3], format!("--- {address} ({family}) ---"));
        assert_eq!(lines[4], "3 sent, 3 received, 0 lost, 0 late");
        let names: Vec<&str> = lines[5].split_whitespace().collect();
        assert_eq!(names, ["ms", "min", "avg", "p50", "p90", "p99", "p99.9", "max", "stddev"]);
        assert_eq!(lines[6].split_whitespace().count(), 9);
        assert!(lines.iter().all(|line| line.len() <= 80), "{lines:?}");
    }
}

#[test]
fn a_probe_that_fails_has_a_line_and_the_reason_is_said_once() {
    let closed = Closed::reserve(V6).address.to_string();
    let other = Liar::start(V4, says_something_else).address.to_string();
    for (address, reason, loss, flags) in [
        (&closed, "error: cannot connect to ", "no connection", &[][..]),
        (&closed, "error: cannot connect to ", "no connection", &["--reconnect"]),
        (&other, "reply from ", "other bytes came in its place", &[]),
        (&other, "reply from ", "other bytes came in its place", &["--reconnect"]),
    ] {
        let pinged = run(&[&["ping", "-c", "3", "-i", "100ms", address], flags].concat());
        // A busy machine may be late for a probe.
        let said = pinged.stderr.lines().filter(|line| !line.starts_with("skipped "));
        let (help, lines): (Vec<&str>, Vec<&str>) =
            said.partition(|line| line.starts_with("help: "));
        assert!(lines[0].starts_with(reason) && help.len() == 1, "{pinged:?}");
        let lost: Vec<String> =
            (1..=3).map(|seq| format!("lost {address}: seq={seq}, {loss}")).collect();
        assert_eq!(lines[1..], lost, "{pinged:?}");
        let verbose = run(&[&["ping", "-v", "-c", "3", "-i", "100ms", address], flags].concat());
        assert!(verbose.stderr.lines().count() > 5, "{verbose:?}");
    }
}

#[test]
fn quiet_leaves_the_summary_and_verbose_draws_a_histogram() {
    let server = Listening::start(&["-q", "[::]:0"]);
    let address = format!("[::1]:{}", server.port);
    let quiet = run(&["ping", "-q", "-i", "0", "-c", "100", &address]);
    assert!(quiet.stdout.starts_with("--- [::1]:"), "{quiet:?}");
    let verbose = run(&["ping", "-v", "-q", "-i", "0", "-c", "100", &address]);
    assert!(verbose.stderr.starts_with("connected to [::1]:"), "{verbose:?}");
    assert!(verbose.stdout.contains(" ##"), "{verbose:?}");
}

#[test]
fn with_timestamps_each_line_begins_with_the_time() {
    let server = Listening::start(&["-q", "-u", "[::]:0"]);
    let address = format!("[::1]:{}", server.port);
    for flags in [&[][..], &["-u"]] {
        let pinged = run(&[&["ping", "-D", "-c", "1", &address], flags].concat());
        let (time, line) = pinged.stdout.split_once(' ').unwrap();
        assert!(time.starts_with("20") && time.ends_with('Z'), "{flags:?}: {pinged:?}");
        assert!(line.starts_with("64 bytes from [::1]:"), "{flags:?}: {pinged:?}");
    }
}

#[test]
fn with_reconnect_the_connect_is_timed_too() {
    let server = Listening::start(&["-q", "[::]:0"]);
    let address = format!("127.0.0.1:{}", server.port);
    let pinged = run(&["ping", "--reconnect", "-i", "0", "-c", "5", &address]);
    assert_eq!(pinged.status, Some(0), "{pinged:?}");
    assert!(pinged.stdout.lines().next().unwrap().contains(" ms connect="), "{pinged:?}");
    assert!(pinged.stdout.lines().last().unwrap().starts_with("connect "), "{pinged:?}");
}

#[test]
fn with_reconnect_each_lost_probe_has_one_line() {
    let (_silent, address) = Listening::faulty("[::1]:0", "stall");
    let arguments = ["ping", "--reconnect", "-i", "300ms", "-c", "2", "-w", "200ms", &address];
    let pinged = run(&arguments);
    let lost = |sequence| format!("overdue {address}: seq={sequence}, no reply within 200ms\n");
    let help = format!("help: \"echo6 check '{address}'\" tells why\n");
    assert_eq!((pinged.status, pinged.stderr), (Some(1), lost(1) + &lost(2) + &help));
}

#[test]
fn json_has_an_object_for_each_event_and_a_summary_with_percentiles() {
    let server = Listening::start(&["-q", "[::]:0"]);
    let pinged = run(&["ping", "--json", "-i", "0", "-c", "2", &format!("[::1]:{}", server.port)]);
    let objects = pinged.objects();
    let events: Vec<&str> = objects.iter().filter_map(|object| object["event"].as_str()).collect();
    assert_eq!(events, ["connected", "reply", "reply", "summary"]);
    assert_eq!((&objects[2]["seq"], &objects[2]["returned_bytes"]), (&2.into(), &64.into()));
    assert!(objects[1]["rtt_us"].as_f64() > Some(0.0));
    let summary = &objects[3];
    assert_eq!((&summary["sent"], &summary["received"]), (&2.into(), &2.into()));
    for name in ["min", "avg", "p50", "p90", "max", "stddev"] {
        assert!(summary["rtt_us"][name].is_number(), "{name}: {summary}");
    }
    // The longest of two is no 99th percentile.
    assert!(summary["rtt_us"].get("p99").is_none(), "{summary}");
}

#[test]
fn a_late_reply_is_told_as_late_and_the_status_is_1() {
    let liar = Liar::start(V4, answers_late);
    let address = liar.address.to_string();
    let pinged = run(&["ping", "-i", "0", "-c", "2", "-w", "1s", &address]);
    assert_eq!(pinged.status, Some(1), "{pinged:?}");
    assert!(pinged.stderr.contains("seq=1, no reply within 1s"), "{pinged:?}");
    assert!(pinged.stdout.lines().next().unwrap().ends_with(" ms, late"), "{pinged:?}");
    assert!(pinged.stdout.contains("2 sent, 1 received, 0 lost, 1 late"), "{pinged:?}");
}

#[test]
fn what_refuses_is_an_error_with_status_1() {
    let closed = Closed::reserve(V6);
    let pinged = run(&["ping", "-c", "3", "-i", "1ms", &closed.address.to_string()]);
    assert_eq!(pinged.status, Some(1));
    assert!(pinged.stderr.starts_with("error: cannot connect to [::1]:"), "{pinged:?}");
    assert!(pinged.stderr.contains("\nhelp: nothing listens there"), "{pinged:?}");
    assert!(pinged.stdout.contains("3 sent, 0 received, 3 lost, 0 late"), "{pinged:?}");
}

#[test]
fn a_server_that_is_down_at_the_start_is_waited_for() {
    let closed = Closed::reserve(V4);
    let address = closed.address;
    let mut ping =
        echo6(&["ping", "-i", "20ms", "--deadline", "30s", "-c", "1000", &address.to_string()]);
    let mut ping = ping.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stderr = BufReader::new(ping.stderr.take().unwrap());
    let mut line = String::new();
    while !line.starts_with("lost ") {
        line.clear();
        stderr.read_line(&mut line).unwrap();
    }
    drop(closed);
    let _server = Listening::start(&["-q", &address.to_string()]);
    let mut first = String::new();
    BufReader::new(ping.stdout.take().unwrap()).read_line(&mut first).unwrap();
    assert!(first.starts_with(&format!("64 bytes from {address}: seq=")), "{first}");
    ping.kill().unwrap();
    ping.wait().unwrap();
}

#[cfg(unix)]
#[test]
fn a_pause_of_ping_itself_is_not_the_servers_and_a_signal_asks_for_the_figures() {
    use rustix::process::{Pid, Signal, kill_process};

    let server = Listening::start(&["-q", "[::]:0"]);
    let address = format!("[::1]:{}", server.port);
    let mut ping = echo6(&["ping", "-i", "1ms", &address]);
    let mut ping = ping.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let process = Pid::from_child(&ping);
    let signal = |signal| kill_process(process, signal).unwrap();
    let mut stdout = BufReader::new(ping.stdout.take().unwrap());
    let mut line = String::new();
    stdout.read_line(&mut line).unwrap();
    signal(Signal::STOP);
    // Long enough for hundreds to fall due, which is what is tested.
    std::thread::sleep(std::time::Duration::from_millis(500));
    signal(Signal::CONT);
    let mut stderr = BufReader::new(ping.stderr.take().unwrap());
    let mut skipped = String::new();
    std::thread::scope(|scope| {
        let drain = scope.spawn(|| std::io::copy(&mut stdout, &mut std::io::sink()));
        stderr.read_line(&mut skipped).unwrap();
        assert!(skipped.contains("due while this program was stopped or held up"), "{skipped}");
        signal(Signal::QUIT);
        let mut so_far = String::new();
        while !so_far.contains(" received, ") {
            so_far.clear();
            stderr.read_line(&mut so_far).unwrap();
        }
        assert!(so_far.starts_with(&format!("{address}: ")), "{so_far}");
        signal(Signal::INT);
        drain.join().unwrap().unwrap();
    });
    assert_eq!(ping.wait().unwrap().code(), Some(0));
}

#[test]
fn a_probe_has_room_for_its_number() {
    for size in ["7", "17M", "x"] {
        let pinged = run(&["ping", "--size", size, "[::1]:7"]);
        assert_eq!(pinged.status, Some(2), "{size}: {pinged:?}");
    }
}

#[test]
fn no_duration_is_too_long() {
    let server = Listening::start(&["-q", "[::]:0"]);
    let address = format!("127.0.0.1:{}", server.port);
    let pinged = run(&["ping", "-c", "1", "-i", "1e19", "-w", "1e19", &address]);
    assert_eq!((pinged.status, &pinged.stderr[..]), (Some(0), ""), "{pinged:?}");
}

#[test]
fn a_reader_that_goes_away_ends_it_quietly() {
    let server = Listening::start(&["-q", "[::]:0"]);
    let mut child = echo6(&["ping", "-i", "0", &format!("[::1]:{}", server.port)])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut String::new()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), &output.stderr[..]), (Some(0), &b""[..]));
}

#[cfg(unix)]
#[test]
fn an_interrupt_ends_it_with_the_summary() {
    use rustix::process::{Pid, Signal, kill_process};
    let server = Listening::start(&["-q", "[::]:0"]);
    let mut child = echo6(&["ping", "-i", "1h", &format!("127.0.0.1:{}", server.port)])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    stdout.read_line(&mut String::new()).unwrap();
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    let rest: Vec<String> = stdout.lines().map(Result::unwrap).collect();
    assert_eq!(rest[1], "1 sent, 1 received, 0 lost, 0 late");
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[cfg(unix)]
#[test]
fn an_interrupt_ends_it_even_if_nobody_takes_its_lines() {
    use std::io::Write;
    use std::os::fd::OwnedFd;
    use std::os::unix::net::UnixStream;

    use rustix::process::{Pid, Signal, kill_process};

    let mut server = Listening::start(&["--json", "[::]:0"]);
    let (mut stdout, _unread) = UnixStream::pair().unwrap();
    stdout.set_nonblocking(true).unwrap();
    while stdout.write(&[0; 4096]).is_ok() {}
    stdout.set_nonblocking(false).unwrap();
    let mut child = echo6(&["ping", "-i", "0", &format!("127.0.0.1:{}", server.port)])
        .stdout(OwnedFd::from(stdout))
        .spawn()
        .unwrap();
    assert!(server.next_line().contains("\"connected\""));
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(1));
}

#[test]
fn replies_with_more_than_was_sent_make_the_status_1() {
    let server = Listening::start(&["-q", "--fault", "add=more@64", "127.0.0.1:0"]);
    let address = format!("127.0.0.1:{}", server.port);
    let ran = run(&["ping", "-c", "2", "-i", "1ms", &address]);
    assert_eq!(ran.status, Some(1), "{ran:?}");
    assert!(ran.stdout.contains(" with other bytes"), "{ran:?}");
}

#[test]
fn a_deadline_before_all_probes_makes_the_status_1() {
    let server = Listening::start(&["-u", "-q", "127.0.0.1:0"]);
    let address = format!("127.0.0.1:{}", server.port);
    for transport in [&[][..], &["-u"]] {
        let ran =
            run(&[&["ping", "-c", "2", "-i", "1h", "--deadline", "2s", &address], transport]
                .concat());
        assert_eq!(ran.status, Some(1), "{transport:?}: {ran:?}");
        assert!(ran.stdout.contains("1 sent, 1 received, 0 lost"), "{transport:?}: {ran:?}");
    }
}
