//! `echo6 send`: messages, files and stdin, and what is said about them.

#![cfg(feature = "cli")]

mod common;

use std::io::{BufRead, BufReader, Read, Write};
use std::process::Stdio;
use std::time::Duration;

use common::binary::{Listening, echo6, output_with_input, piped, run};
use common::liar::{Closed, Liar, Lie};
use common::{V4, noise};

#[test]
fn stdin_of_any_size_comes_back_identical_over_both_families() {
    let server = Listening::start(&["-q", "[::]:0"]);
    for ip in ["127.0.0.1", "[::1]"] {
        for length in [0, 1, 65_537, 40 << 20] {
            let message = noise(length);
            let mut command = echo6(&["send", &format!("{ip}:{}", server.port)]);
            let output = output_with_input(&mut command, &message);
            assert!(output.status.success(), "{:?}", String::from_utf8_lossy(&output.stderr));
            assert!(output.stdout == message, "{length} bytes over {ip}");
            assert!(output.stderr.is_empty(), "{:?}", String::from_utf8_lossy(&output.stderr));
        }
    }
}

#[cfg(target_os = "linux")] // where the peak of a process's memory can be read
#[test]
fn a_long_stream_passes_in_bounded_memory() {
    const CHUNKS: usize = 128; // of a MiB
    let server = Listening::start(&["-q", "127.0.0.1:0"]);
    let mut child = piped(&mut echo6(&["send", &format!("127.0.0.1:{}", server.port)]));
    let (mut stdin, mut stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    std::thread::scope(|scope| {
        scope.spawn(move || {
            let mut chunk = vec![0; 1 << 20];
            (0..CHUNKS).for_each(|_| stdout.read_exact(&mut chunk).unwrap());
        });
        let chunk = noise(1 << 20);
        (0..CHUNKS).for_each(|_| stdin.write_all(&chunk).unwrap());
    });
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    let peak = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    let peak: usize = peak.split_whitespace().nth(1).unwrap().parse().unwrap();
    drop(stdin);
    assert!(child.wait().unwrap().success());
    assert!(peak < 48 * 1024, "{peak} KiB for {CHUNKS} MiB");
}

#[test]
fn the_echo_of_a_line_comes_before_stdin_ends() {
    let server = Listening::start(&["-q", "[::]:0"]);
    let mut child = echo6(&["send", &format!("[::1]:{}", server.port)])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    for line in ["one\n", "two\n"] {
        stdin.write_all(line.as_bytes()).unwrap();
        let mut echo = String::new();
        stdout.read_line(&mut echo).unwrap();
        assert_eq!(echo, line);
    }
    drop(stdin);
    assert!(child.wait().unwrap().success());
}

#[test]
fn a_file_is_sent_to_every_address_as_often_as_asked() {
    let server = Listening::start(&["-q", "[::]:0"]);
    let path = std::env::temp_dir().join(format!("echo6-send-{}", std::process::id()));
    std::fs::write(&path, "bytes of a file\n").unwrap();
    let addresses = format!("127.0.0.1:{0},[::1]:{0}", server.port);
    let sent = run(&["send", "-c", "2", "-f", path.to_str().unwrap(), &addresses]);
    std::fs::remove_file(&path).unwrap();
    assert_eq!(sent.status, Some(0));
    assert!(sent.stderr.starts_with("all 4 streams came back, "), "{sent:?}");
    assert_eq!(sent.stdout, "bytes of a file\n".repeat(4));
}

#[test]
fn each_message_is_repeated_as_often_as_asked() {
    let server = Listening::start(&["-q", "[::]:0"]);
    let address = format!("[::1]:{}", server.port);
    for parallel in ["1", "2", "64"] {
        let sent = run(&["send", "-c", "3", "--parallel", parallel, &address, "a", "b"]);
        assert_eq!((sent.status, &sent.stdout[..]), (Some(0), "a\na\na\nb\nb\nb\n"));
    }
}

#[test]
fn what_looks_like_something_else_is_sent_and_said_to_be_a_message() {
    let server = Listening::start(&["-u", "-q", "127.0.0.1:0"]);
    let address = format!("127.0.0.1:{}", server.port);
    for transport in [&[][..], &["-u"]] {
        for (message, otherwise) in [
            ("-", "stdin is sent if no MESSAGE is given"),
            ("[::1]:7", "several addresses have commas between them"),
        ] {
            let sent = run(&[&["send"], transport, &[&address, message]].concat());
            assert_eq!((sent.status, &sent.stdout[..]), (Some(0), &format!("{message}\n")[..]));
            assert_eq!(sent.stderr, format!("{message} is sent as a message; {otherwise}\n"));
        }
    }
}

#[test]
fn a_reader_that_goes_away_ends_it_quietly() {
    let server = Listening::start(&["-q", "[::]:0"]);
    let mut child = piped(&mut echo6(&["send", &format!("127.0.0.1:{}", server.port)]));
    let mut stdin = child.stdin.take().unwrap();
    let mut first = [0];
    stdin.write_all(b"x").unwrap();
    child.stdout.take().unwrap().read_exact(&mut first).unwrap();
    // The pipe that it reads breaks once it is gone.
    while stdin.write_all(&[0; 65_536]).is_ok() {}
    let mut words = String::new();
    child.stderr.take().unwrap().read_to_string(&mut words).unwrap();
    assert_eq!((child.wait().unwrap().code(), &words[..]), (Some(0), ""));
}

#[test]
fn a_slow_reader_is_no_fault_of_the_server() {
    let server = Listening::start(&["-q", "[::]:0"]);
    let several_waits = Duration::from_millis(2500);
    // The shorter one is all in the buffers on the way to stdout when the server closes.
    for length in [200_000, 8 << 20] {
        let message = noise(length);
        let address = format!("127.0.0.1:{}", server.port);
        let (status, echo) = read_slowly(&["send", "-w", "1s", &address], &message, several_waits);
        assert!(status == Some(0) && echo == message, "{length}: {status:?}, {}", echo.len());
    }
}

#[test]
fn a_slow_reader_gets_all_that_came_back_unchanged_before_an_error() {
    let message = noise(200_000);
    let a_while = Duration::from_millis(400);
    for (fault, length) in [("drop@199999", 199_999), ("flip@100000", 100_000)] {
        let (_server, address) = Listening::faulty("[::1]:0", fault);
        let (status, echo) = read_slowly(&["send", &address], &message, a_while);
        assert!(status == Some(1) && echo == message[..length], "{status:?}, {}", echo.len());
    }
}

#[test]
fn a_reset_is_a_reset_and_a_close_is_a_close_whoever_notices_first() {
    // Large enough that the sender is at work when it happens.
    let message = noise(16 << 20);
    for (lie, said) in [
        (common::liar::closes_without_reading as Lie, "connection reset by the other end"),
        (common::liar::closes_at_once, "127.0.0.1"), // in whichever words
    ] {
        for _ in 0..10 {
            let liar = Liar::start(V4, lie);
            let mut command = echo6(&["send", &liar.address.to_string()]);
            let output = output_with_input(&mut command, &message);
            let words = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.code() == Some(1) && words.contains(said), "{said}: {words}");
            assert_eq!(words.contains("reset"), said.contains("reset"), "{words}");
        }
    }
}

/// Runs the binary with `input` on its stdin, and takes nothing from its stdout during `pause`.
/// Returns its exit status and its stdout.
fn read_slowly(arguments: &[&str], input: &[u8], pause: Duration) -> (Option<i32>, Vec<u8>) {
    let mut child = piped(&mut echo6(arguments));
    let (mut stdin, mut stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let mut echo = Vec::new();
    std::thread::scope(|scope| {
        scope.spawn(move || stdin.write_all(input).unwrap());
        std::thread::sleep(pause);
        stdout.read_to_end(&mut echo).unwrap();
    });
    (child.wait().unwrap().code(), echo)
}

#[test]
fn json_has_an_object_for_each_reply_and_a_summary() {
    let server = Listening::start(&["-q", "[::]:0"]);
    let sent = run(&["send", "--json", &format!("[::1]:{}", server.port), "hello", "you"]);
    assert_eq!((sent.status, &sent.stderr[..]), (Some(0), ""));
    let objects = sent.objects();
    let [reply, _, summary] = &objects[..] else { panic!("{objects:?}") };
    assert_eq!((&reply["event"], &reply["returned_bytes"]), (&"reply".into(), &5.into()));
    assert_eq!(reply["family"], "ipv6");
    assert!(reply["connect_us"].as_f64() > Some(0.0) && reply["exchange_us"].as_f64() > Some(0.0));
    assert_eq!(reply["attempts"][0]["outcome"], "connected");
    assert_eq!((&summary["event"], &summary["returned"]), (&"summary".into(), &2.into()));
    assert_eq!((&summary["returned_bytes"], &summary["failed"]), (&8.into(), &0.into()));
}

#[test]
fn json_names_the_cause_of_a_failure() {
    let closed = Closed::reserve(V4);
    let faulty = |fault| Listening::start(&["-q", "--fault", fault, "[::]:0"]);
    let [changing, cutting] = ["flip@4", "drop@4"].map(faulty);
    let [silent, resetting] = ["stall", "reset@2"].map(faulty);
    for (address, wait, cause) in [
        (closed.address.to_string(), "20s", "refused"),
        (format!("[::1]:{}", changing.port), "20s", "mismatch"),
        (format!("127.0.0.1:{}", cutting.port), "20s", "short"),
        (format!("127.0.0.1:{}", silent.port), "300ms", "timeout"),
        (format!("[::1]:{}", resetting.port), "20s", "reset"),
        ("nosuch.invalid:7".to_owned(), "20s", "resolve"),
    ] {
        let sent = run(&["send", "--json", "-w", wait, &address, "hello"]);
        assert_eq!(sent.status, Some(1), "{sent:?}");
        let failure = &sent.objects()[0];
        let named = (cause != "resolve").then_some(&address[..]);
        assert_eq!(failure["address"].as_str(), named);
        assert_eq!((&failure["event"], &failure["cause"]), (&"failure".into(), &cause.into()));
        if cause == "mismatch" {
            assert_eq!(failure["offset"], 4);
            assert_eq!((&failure["expected"], &failure["got"]), (&0x6f.into(), &0x6e.into()));
        }
    }
}

#[cfg(unix)]
#[test]
fn a_file_that_cannot_be_read_is_a_usage_error_with_its_own_cause() {
    let server = Listening::start(&["-q", "[::]:0"]);
    let sent = run(&["send", "--json", "-f", "/", &format!("[::1]:{}", server.port)]);
    assert_eq!((sent.status, &sent.objects()[0]["cause"]), (Some(2), &"input".into()), "{sent:?}");
    assert!(sent.stderr.starts_with("error: cannot read /: is a directory"), "{sent:?}");
}

#[test]
fn what_cannot_be_sent_is_a_usage_error() {
    for (arguments, error) in [
        (&["-f", "/no/such/file", "[::1]:7"][..], "error: cannot read /no/such/file: "),
        (&["-f", "x", "[::1]:7", "message"], "error: --file and MESSAGE exclude each other"),
        (&["[::1]:7,127.0.0.1:7"], "error: stdin can be sent once, to one address"),
        (&["-c", "2", "[::1]:7"], "error: stdin can be sent once, to one address"),
        (&["-s", "127.0.0.1", "-6", "[::1]:7", "x"], "error: --source is an IPv4 address"),
        (&["-s", "nonsense", "[::1]:7", "x"], "error: --source nonsense: "),
        (&["--head-start", "5ms", "[::1]:7", "x"], "error: --head-start 5ms: "),
    ] {
        let sent = run(&[&["send"], arguments].concat());
        assert_eq!(sent.status, Some(2), "{sent:?}");
        assert!(sent.stderr.starts_with(error), "{error}: {}", sent.stderr);
    }
}

#[test]
fn json_counts_what_failed_before_it_could_be_sent() {
    let sent = run(&["send", "--json", "nosuch.invalid:7", "hello"]);
    let summary = &sent.objects()[1];
    assert_eq!((sent.status, &summary["failed"]), (Some(1), &1.into()), "{sent:?}");
}

#[cfg(unix)]
#[test]
fn an_interrupt_ends_it_though_nobody_writes_to_the_fifo() {
    use common::binary::Run;
    use rustix::process::{Pid, Signal, kill_process};
    let server = Listening::start(&["-q", "[::]:0"]);
    let path = std::env::temp_dir().join(format!("echo6-fifo-{}", std::process::id()));
    let made = std::process::Command::new("mkfifo").arg(&path).status();
    assert!(made.is_ok_and(|status| status.success()), "mkfifo");
    let address = format!("[::1]:{}", server.port);
    let child = piped(&mut echo6(&["send", "--json", "-f", path.to_str().unwrap(), &address]));
    // Killed by the signal until it takes it over, which is before it opens the file.
    while !takes_signals(child.id()) {
        std::thread::yield_now();
    }
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    let sent = Run::from(child.wait_with_output().unwrap());
    std::fs::remove_file(&path).unwrap();
    assert_eq!((sent.status, &sent.objects()[0]["interrupted"]), (Some(1), &true.into()));
}

/// Says whether a process has a handler for SIGINT, where the system tells.
#[cfg(unix)]
fn takes_signals(process: u32) -> bool {
    let Ok(status) = std::fs::read_to_string(format!("/proc/{process}/status")) else {
        std::thread::sleep(Duration::from_millis(500));
        return true;
    };
    let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).unwrap_or_default();
    u64::from_str_radix(caught.trim(), 16).is_ok_and(|caught| caught & 2 != 0)
}

#[cfg(unix)]
#[test]
fn an_interrupt_ends_it_at_once_and_says_how_far_it_came() {
    use rustix::process::{Pid, Signal, kill_process};
    let server = Listening::start(&["-q", "[::]:0"]);
    let mut child = piped(&mut echo6(&["send", &format!("[::1]:{}", server.port)]));
    // stdin stays open.
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(b"hello").unwrap();
    child.stdout.as_mut().unwrap().read_exact(&mut [0; 5]).unwrap();
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "interrupted: 5 bytes came back by then\n");
}

/// A client that gets the port it calls as its own would talk to itself, and find all well.
#[cfg(target_os = "linux")]
#[test]
fn nobody_who_listens_is_never_taken_for_an_echo() {
    let script = "ip link set lo up && echo '41300 41301' > /proc/sys/net/ipv4/ip_local_port_range";
    let alone = |command: &str| {
        let script = format!("{script} && {command}");
        let run = std::process::Command::new("unshare").args(["-n", "sh", "-c", &script]).output();
        run.ok().filter(|_| rustix::process::geteuid().is_root())
    };
    let echo6 = env!("CARGO_BIN_EXE_echo6");
    if alone("true").is_none_or(|run| !run.status.success()) {
        eprintln!("skipped: a network namespace takes root, unshare(1) and ip(8)");
        return;
    }
    // Two ports are left to choose from, and each command is run until each has been its own.
    for command in [
        "send 127.0.0.1:41300 hi",
        "send [::1]:41301 hi",
        "ping -c3 -i20ms 127.0.0.1:41300",
        "check -q [::1]:41300",
        "bench -q -c2 -n9 --warm-up=0 127.0.0.1:41300",
        "send -u 127.0.0.1:41300 hi",
        "ping -u -c3 -i20ms -w200ms [::1]:41300",
        "check -u -q -w200ms 127.0.0.1:41300",
        "bench -u -q -c2 -n4 -w200ms --warm-up=0 127.0.0.1:41300",
    ] {
        let run =
            alone(&format!("for n in 1 2 3 4 5 6; do {echo6} {command} && exit 9; done; exit 7"));
        let run = run.unwrap();
        assert_eq!(run.status.code(), Some(7), "{command}: {run:?}");
        let said = String::from_utf8([run.stdout, run.stderr].concat()).unwrap();
        assert!(said.matches("refused").count() >= 6 && !said.contains(" echoes, "), "{said}");
    }
}
