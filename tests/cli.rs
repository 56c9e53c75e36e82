//! What the command prints, and how it exits.

#![cfg(feature = "cli")]

mod common;

use common::binary::{Listening, run};
use common::{V4, V6, connect, exchange};

/// Asserts status 2 or 1, nothing on stdout, and an error that starts and goes on as given.
fn assert_fails(arguments: &[&str], status: i32, error: &str, help: &str) {
    let run = run(arguments);
    assert_eq!(run.status, Some(status), "{arguments:?}: {run:?}");
    assert_eq!(run.stdout, "", "{arguments:?}");
    assert!(run.stderr.starts_with(&format!("error: {error}")), "{arguments:?}: {}", run.stderr);
    assert!(run.stderr.contains("\nhelp: "), "{arguments:?}: {}", run.stderr);
    assert!(run.stderr.contains(help), "{arguments:?}: {}", run.stderr);
    assert!(!run.stderr.contains("os error"), "{arguments:?}: {}", run.stderr);
}

#[test]
fn a_wrong_command_line_exits_with_2_and_says_what_to_do() {
    for (arguments, error, help) in [
        (&["serve"][..], "unknown command serve", "the commands are address, listen, send, ping"),
        (&["lisen"], "unknown command lisen", "did you mean 'listen'?"),
        (&["listen"], "no ADDRESS given", "try 'echo6 listen --help'"),
        (&["listen", "--bogus", ":0"], "unknown option --bogus", "try 'echo6 listen --help'"),
        (&["listen", "-4", "-6", ":0"], "--ipv4 and --ipv6 exclude each other", "give neither"),
        (&["ping", "-46", ":0"], "--ipv4 and --ipv6 exclude each other", "give neither"),
        (&["send", "name:0", "x"], "cannot connect to name:0: port 0", "the port that the server"),
        (&["ping", "-6", "127.0.0.1:7"], "127.0.0.1:7 has no IPv6 address", "leave -4 and -6 out"),
        (
            &["check", "-s::1", "127.0.0.1:7"],
            "127.0.0.1:7 has no IPv6",
            "source address ::1 is IPv6",
        ),
        (
            &["send", "-s", "eth0", "[::1]:7"],
            "--source eth0: must be an IPv4 or IPv6 address",
            "try",
        ),
        (&["listen"], "no ADDRESS given", "write one: echo6 listen :7000"),
        (
            &["listen", "--no-tcp", ":0"],
            "--no-tcp is for datagrams",
            "add -u, or leave out --no-tcp",
        ),
        (
            &["listen", "--max-rate=9", ":0"],
            "--max-rate is for datagrams: it needs --udp",
            "add -u",
        ),
        (
            &["listen", "--accept-proxy", ":7000"],
            "--accept-proxy needs a value: :7000 is the ADDRESS",
            "help: write --accept-proxy PREFIX :7000, such as --accept-proxy loopback :7000",
        ),
        (
            &["listen", "--allow-file", ":7000"],
            "cannot read :7000: ",
            "if :7000 is the ADDRESS, write --allow-file FILE :7000",
        ),
        (&["listen", "-m", ":7000"], "--max-conns needs a value", "write --max-conns N :7000"),
        (&["listen", "--fault", ":7000"], "--fault needs a value", "write --fault FAULT :7000"),
        (&["send", "-f", "[::1]:7"], "--file needs a value", "write --file FILE '[::1]:7'"),
        (&["send", "-w", "[::1]:7", "x"], "--timeout needs a value", "--timeout D '[::1]:7'"),
        (&["ping", "-i", "[::1]:7"], "--interval needs a value", "--interval D '[::1]:7'"),
        (&["check", "--hold", "[::1]:7"], "--hold needs a value", "--hold D '[::1]:7'"),
        (&["bench", "--save", "[::1]:7"], "--save needs a value", "--save FILE '[::1]:7'"),
        (&["bench", "--search", "-q", "[::1]:7"], "--search needs a value", "-q is an option"),
        (&["listen", "8000:127.0.0.1"], "invalid address", "help: write 127.0.0.1:8000\n"),
        (&["listen", "80:localhost"], "invalid address", "help: write localhost:80\n"),
        (&["listen", "8000:[::1]"], "invalid address", "help: write '[::1]:8000'\n"),
        (&["listen", "--fault", "flip @10", ":0"], "invalid fault", "help: write \"flip@10\"\n"),
        (&["listen", "--fault", "flip10", ":0"], "invalid fault", "help: write \"flip@10\"\n"),
        (&["listen", "--fault", "1% flop@9", ":0"], "invalid fault", "help: write \"1%flip@9\"\n"),
        (&["listen", "--fault", "loss 30%", ":0"], "invalid fault", "help: write \"30%drop\"\n"),
        (&["listen", "--fault", "delay9ms", ":0"], "invalid fault", "help: write \"delay=9ms\"\n"),
        (&["listen", "--fault", "reorder", ":0"], "reorder is a fault of datagrams", "add -u"),
        (
            &["listen", "-u", "--no-tcp", "-m", "9", ":0"],
            "--max-conns is for connections: it excludes --no-tcp",
            LEAVE_OUT,
        ),
        (
            &["listen", "-u", "--max-rate=0", ":0"],
            "--max-rate 0: must be a number per second",
            "echo6 listen --help",
        ),
        (&["listen", "--threads", "257", ":0"], "--threads 257: ", "1 to 256"),
        (&["send"], "no ADDRESS given", "echo6 send 127.0.0.1:7000 hello; try 'echo6 send --help'"),
        (&["ping"], "no ADDRESS given", "write one: echo6 ping 127.0.0.1:7000"),
        (&["send", "-f", "-", "[::1]:7", "x"], "--file and MESSAGE exclude", "leave MESSAGE out"),
        (
            &["send", "-uf", "FILE", "[::1]:7", "x"],
            "--file and MESSAGE exclude",
            "leave MESSAGE out",
        ),
        (&["send", "-u", "[::1]:7"], "no MESSAGE given", "add --size 1200 to send stdin"),
        (&["send", "--size", "9", "[::1]:7"], "--size is for datagrams: it needs --udp", "add -u"),
        (&["send", "-u", "--no-half-close", "[::1]:7", "x"], "--no-half-close is for", LEAVE_OUT),
        (
            &["ping", "-u", "--proxy-protocol", "v1", "[::1]:7"],
            "--proxy-protocol is for",
            LEAVE_OUT,
        ),
        (&["check", "[::1]:0"], "cannot connect to [::1]:0: port 0", "the port that the server"),
        (
            &["check", "--proxy-split", "9", "[::1]:7"],
            "--proxy-split needs",
            "add --proxy-protocol",
        ),
        (&["send", "-w", "0", "[::1]:7", "x"], "--timeout 0: ", "greater than zero"),
        (&["send", "[::1]:7", "x", "-w"], "-w needs a value: -w D", "try 'echo6 send --help'"),
        (&["send", "\u{1b}[31m:7", "x"], "invalid address: unexpected character", "\\u{1b}[31m:7"),
        (&["send", "--\u{1b}[31m"], "unknown option --\\u{1b}[31m", ""),
    ] {
        assert_fails(arguments, 2, error, help);
    }
}

const LEAVE_OUT: &str = "help: leave one of them out\n";

#[test]
fn options_are_read_as_other_programs_read_them() {
    let server = Listening::start(&["-q", "[::1]:0"]);
    let address = format!("[::1]:{}", server.port);
    for arguments in [
        &["ping", "-c3", "-i0", &address][..],
        &["ping", "-qvc3", "-i=0", &address],
        &["ping", &address, "-c", "1", "-c", "3", "--interval=0"],
    ] {
        let pinged = run(arguments);
        assert_eq!(pinged.status, Some(0), "{arguments:?}: {pinged:?}");
        assert!(pinged.stdout.contains("3 sent, 3 received"), "{arguments:?}: {pinged:?}");
    }
    assert_eq!(run(&["help", "ping"]).stdout, run(&["ping", "--help"]).stdout);
    assert_eq!(run(&["ping", "--version"]).stdout, run(&["-V"]).stdout);
    assert_eq!(run(&[]).stdout, run(&["--help"]).stdout);
}

#[test]
fn a_wrong_address_exits_with_2_and_a_caret_at_the_place() {
    for (address, shown) in [
        ("::1:7000", "  ::1:7000\n   ^\nhelp: write '[::1]:7000'\n"),
        ("[::1]", "  [::1]\n       ^\nhelp: add a port: '[::1]:7000'\n"),
        ("256.1.1.1:80", "  256.1.1.1:80\n    ^\nhelp: each of the four numbers is 0 to 255\n"),
    ] {
        assert_fails(&["send", address, "x"], 2, "invalid address: ", shown);
        assert_fails(&["listen", address], 2, "invalid address: ", shown);
    }
}

#[test]
fn nothing_listens_where_nobody_can_connect() {
    for (address, purpose) in [
        ("224.0.0.1:7060", "multicast"),
        ("[ff02::1]:7060", "multicast"),
        ("255.255.255.255:7060", "limited broadcast"),
    ] {
        let error = format!("cannot listen on {address}: nobody can connect to it ({purpose}");
        assert_fails(&["listen", address], 2, &error, "or :7060 for all of them");
    }
}

#[test]
fn an_address_that_cannot_be_bound_exits_with_2() {
    let taken = Listening::start(&["[::]:0"]);
    let address = format!("[::]:{}", taken.port);
    let error = format!("cannot listen on {address}: address already in use");
    assert_fails(&["listen", &address], 2, &error, "another program listens there");
    // 2001:db8::/32 is for documentation (RFC 3849): no host has it.
    let error = "cannot listen on [2001:db8::1]:7000: address not available on this host";
    assert_fails(
        &["listen", "[2001:db8::1]:7000"],
        2,
        error,
        "no interface has the address, or it is new: IPv6 checks",
    );
}

#[test]
fn what_the_network_refuses_exits_with_1() {
    let closed = {
        let listening = Listening::start(&["127.0.0.1:0"]);
        format!("127.0.0.1:{}", listening.port)
    };
    let error = format!("cannot connect to {closed}: connection refused");
    assert_fails(&["send", &closed, "x"], 1, &error, "echo6 listen");
    let error = "cannot resolve nosuch.invalid: ";
    assert_fails(&["send", "nosuch.invalid:7", "x"], 1, error, "check the spelling");
    // So does what this host may have a moment later.
    let error = "no interface named nosuch0";
    assert_fails(&["send", "[fe80::1%nosuch0]:7", "x"], 1, error, "ip link");
    // 203.0.113.0/24 is for documentation (RFC 5737).
    let error = format!("cannot connect to {closed}: address not available on this host");
    let source = ["send", "-s", "203.0.113.1", &closed, "x"];
    assert_fails(&source, 1, &error, "no interface of this host has the source address");
}

#[test]
fn help_and_version_go_to_stdout() {
    for (arguments, shown) in [
        (&["--help"][..], "Usage: echo6 "),
        (&["-h"], "Usage: echo6 "),
        (&["listen", "-h"], "Usage: echo6 listen "),
        (&["send", "--help"], "Usage: echo6 send "),
        (&["-V"], concat!("echo6 ", env!("CARGO_PKG_VERSION"), "\n")),
        (&["--version"], concat!("echo6 ", env!("CARGO_PKG_VERSION"), "\n")),
    ] {
        let run = run(arguments);
        assert_eq!((run.status, &run.stderr[..]), (Some(0), ""), "{arguments:?}");
        assert!(run.stdout.starts_with(shown), "{arguments:?}: {}", run.stdout);
    }
}

#[test]
fn the_listening_line_says_the_port_and_the_families() {
    for (arguments, start, families) in [
        (&["[::]:0"][..], "listening on [::]:", "(IPv6 and IPv4)\n"),
        (&[":0"], "listening on [::]:", "(IPv6 and IPv4)\n"),
        (&["-6", "[::]:0"], "listening on [::]:", "(IPv6)\n"),
        (&["-4", ":0"], "listening on 0.0.0.0:", "(IPv4)\n"),
        (&["127.0.0.1:0"], "listening on 127.0.0.1:", "(IPv4)\n"),
        (&["[::1]:0"], "listening on [::1]:", "(IPv6)\n"),
        (&["-u", "[::]:0"], "listening on [::]:", "(IPv6 and IPv4, TCP and UDP)\n"),
        (&["-u", "--no-tcp", "127.0.0.1:0"], "listening on 127.0.0.1:", "(IPv4, UDP)\n"),
    ] {
        let listening = Listening::start(arguments);
        let line = &listening.line;
        assert!(line.starts_with(start) && line.ends_with(families), "{arguments:?}: {line}");
        assert_ne!(listening.port, 0);
    }
}

#[test]
fn several_addresses_are_served_side_by_side() {
    let mut listening = Listening::start(&["127.0.0.1:0", "[::1]:0"]);
    let four = listening.port;
    let line = listening.next_line();
    let six: u16 = line["listening on [::1]:".len()..].split(' ').next().unwrap().parse().unwrap();
    assert_eq!(exchange(connect((V4, four).into()), b"four"), b"four");
    assert_eq!(exchange(connect((V6, six).into()), b"six"), b"six");
}

#[test]
fn messages_to_several_addresses_are_printed_in_the_order_given() {
    let listening = Listening::start(&["[::]:0"]);
    let addresses = format!("127.0.0.1:{0},[::1]:{0}", listening.port);
    let sent = run(&["send", &addresses, "one", "", "three"]);
    assert_eq!(sent.status, Some(0));
    assert!(sent.stderr.starts_with("all 6 messages came back, "), "{sent:?}");
    assert_eq!(sent.stdout, "one\n\nthree\none\n\nthree\n");
    let quiet = run(&["send", "-q", &addresses, "one", "", "three"]);
    assert_eq!((quiet.status, &quiet.stdout[..], &quiet.stderr[..]), (Some(0), "", ""));
}

#[test]
fn verbose_says_who_answered_and_over_which_family() {
    let listening = Listening::start(&["[::]:0"]);
    for (address, family) in [("127.0.0.1", "over IPv4"), ("[::1]", "over IPv6")] {
        let sent = run(&["send", "-v", &format!("{address}:{}", listening.port), "hi"]);
        assert_eq!((sent.status, &sent.stdout[..]), (Some(0), "hi\n"));
        assert!(sent.stderr.contains(family), "{}", sent.stderr);
    }
}

#[test]
fn options_take_their_value_after_an_equals_sign_too() {
    let listening = Listening::start(&["[::]:0"]);
    let address = format!("[::1]:{}", listening.port);
    let sent = run(&["send", "--timeout=2s", &address, "--", "--timeout=2s"]);
    assert_eq!((sent.status, &sent.stdout[..]), (Some(0), "--timeout=2s\n"));
}

#[test]
fn a_server_that_accepts_and_never_answers_is_a_timeout() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = silent.local_addr().unwrap().to_string();
    let error = format!("no progress with {address} for 200ms: 0 of 1 bytes came back");
    assert_fails(&["send", "-w", "200ms", &address, "x"], 1, &error, "not be an echo server");
}

#[cfg(unix)]
mod signals {
    use rustix::process::Signal;

    use super::common::binary::echo6;
    use super::*;

    #[test]
    fn int_and_term_stop_the_server_cleanly_with_a_summary() {
        for signal in [Signal::INT, Signal::TERM] {
            let listening = Listening::start(&["[::]:0"]);
            let peer = {
                let client = connect((V4, listening.port).into());
                let peer = client.local_addr().unwrap();
                // To the server's end of stream: it is not stopped before it has seen the client's.
                assert_eq!(exchange(client, b"hello"), b"hello");
                peer
            };
            let stopped = listening.stop(signal);
            assert_eq!((stopped.status, &stopped.stdout[..]), (Some(0), ""));
            let lines: Vec<&str> = stopped.stderr.lines().collect();
            assert_eq!(lines[0], format!("{peer} connected"));
            assert!(lines[1].starts_with(&format!("{peer} closed after ")), "{}", lines[1]);
            assert!(lines[1].ends_with(" s, 5 bytes echoed: end of stream"), "{}", lines[1]);
            assert!(lines[2].starts_with("stopped after "), "{}", lines[2]);
            assert!(lines[2].ends_with(" s: 1 client, 5 bytes echoed"), "{}", lines[2]);
            assert_eq!(lines.len(), 3);
        }
    }

    #[test]
    fn a_server_handles_signals_as_soon_as_its_first_line_is_there() {
        for _ in 0..10 {
            let stopped = Listening::start(&["127.0.0.1:0"]).stop(Signal::TERM);
            assert_eq!(stopped.status, Some(0), "{stopped:?}");
            let mut asked = Listening::start(&["--json", "127.0.0.1:0"]);
            asked.signal(Signal::USR1);
            assert!(asked.next_line().contains(r#""event":"totals""#));
        }
    }

    #[test]
    fn quiet_leaves_only_the_listening_line() {
        let listening = Listening::start(&["-q", "[::]:0"]);
        assert_eq!(exchange(connect((V6, listening.port).into()), b"hello"), b"hello");
        let stopped = listening.stop(Signal::TERM);
        assert_eq!((stopped.status, &stopped.stderr[..]), (Some(0), ""));
    }

    #[test]
    fn arguments_that_are_not_utf_8_are_a_usage_error() {
        use std::os::unix::ffi::OsStrExt;
        let output =
            echo6(&["send", "[::1]:7"]).arg(std::ffi::OsStr::from_bytes(b"\xff")).output().unwrap();
        assert_eq!(output.status.code(), Some(2));
        assert!(output.stderr.starts_with(b"error: argument is not UTF-8"));
    }
}
