//! What the command lives through: too few descriptors, signals at any time, a log nobody reads.

#![cfg(all(unix, feature = "cli"))]

mod common;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

#[cfg(target_os = "linux")]
use common::binary::cpu_ticks;
use common::binary::{Listening, echo6};
use common::{V4, V6, connect, exchange, fill, is_silent, round_trip};
use rustix::process::Signal;

/// `echo6 listen` within a limit on descriptors, as ulimit(1) takes it.
fn listen_with_descriptors(limit: &str, arguments: &str) -> Listening {
    let mut command = Command::new("sh");
    let binary = env!("CARGO_BIN_EXE_echo6");
    command.args(["-c", &format!("ulimit {limit}; exec {binary} listen {arguments}")]);
    Listening::spawn(command)
}

#[test]
fn a_server_out_of_descriptors_neither_ends_nor_spins_and_recovers() {
    let listening = listen_with_descriptors("-n 64", "--max-conns 1000 [::]:0");
    let ip = |n: usize| if n % 2 == 0 { V4 } else { V6 };
    let held: Vec<TcpStream> = (0..200).map(|n| connect((ip(n), listening.port).into())).collect();
    let mut last = held.last().unwrap();
    last.write_all(b"waiting").unwrap();

    #[cfg(target_os = "linux")]
    let before = cpu_ticks(&listening);
    for _ in 0..5 {
        assert!(is_silent(last), "there is no descriptor for the last client");
    }
    #[cfg(target_os = "linux")]
    assert!(cpu_ticks(&listening) - before < 20, "it used a fifth of the second it waited");

    // The others go, and it is served.
    let (last, others) = held.split_last().unwrap();
    for client in others {
        client.shutdown(std::net::Shutdown::Both).unwrap();
    }
    let mut reply = [0; 7];
    let mut last = last;
    last.read_exact(&mut reply).unwrap();
    assert_eq!(&reply, b"waiting");
    for n in 0..500 {
        assert_eq!(exchange(connect((ip(n), listening.port).into()), b"again"), b"again");
    }
    drop(held);
    let stopped = listening.stop(Signal::TERM);
    assert_eq!(stopped.status, Some(0), "{}", stopped.stderr);
    let said = stopped.stderr.matches("cannot accept for now: too many open files").count();
    assert!((1..5).contains(&said), "said {said} times");
    assert!(stopped.stderr.contains(": 700 clients, "), "{}", stopped.stderr);
}

#[test]
fn a_limit_on_clients_makes_room_for_as_many() {
    // The soft limit is lower than what is asked for, the hard one is not.
    let listening = listen_with_descriptors("-S -n 64", "--max-conns 100 [::]:0");
    let mut held: Vec<TcpStream> = (0..100).map(|_| connect((V6, listening.port).into())).collect();
    for client in &mut held {
        assert_eq!(round_trip(client, b"served"), b"served");
    }
}

#[test]
fn by_default_a_server_accepts_no_more_than_it_has_descriptors_for() {
    let listening = listen_with_descriptors("-n 64", "[::]:0");
    let held: Vec<TcpStream> = (0..100).map(|_| connect((V4, listening.port).into())).collect();
    assert!(is_silent(held.last().unwrap()));
    drop(held);
    assert_eq!(exchange(connect((V6, listening.port).into()), b"again"), b"again");
    let stopped = listening.stop(Signal::TERM);
    assert_eq!(stopped.status, Some(0));
    assert!(stopped.stderr.contains("full, further clients wait in the kernel (limit 31)\n"));
    assert!(!stopped.stderr.contains("cannot accept"), "{}", stopped.stderr);
}

#[test]
fn a_server_that_waits_for_descriptors_stops_at_once() {
    let listening = listen_with_descriptors("-n 32", "--max-conns 1000 [::]:0");
    let held: Vec<TcpStream> = (0..100).map(|_| connect((V4, listening.port).into())).collect();
    assert!(is_silent(held.last().unwrap()));
    let stopped = listening.stop(Signal::INT);
    assert_eq!(stopped.status, Some(0), "{}", stopped.stderr);
}

#[test]
fn clients_that_never_read_are_cut_after_the_grace_and_the_status_says_so() {
    let listening = Listening::start(&["--grace", "300ms", "[::]:0"]);
    let client = connect((V4, listening.port).into());
    fill(&client);
    let stopped = listening.stop(Signal::TERM);
    assert_eq!(stopped.status, Some(1));
    assert!(stopped.stderr.contains(": 1 client, 1 cut off, "), "{}", stopped.stderr);
}

#[test]
fn a_second_signal_ends_the_server_at_once() {
    let mut listening = Listening::start(&["--grace", "1h", "--json", "[::]:0"]);
    let client = connect((V4, listening.port).into());
    fill(&client);
    assert!(listening.next_line().contains(r#""event":"connected""#));
    listening.signal(Signal::TERM);
    // The listening socket closes when the first signal has been taken.
    while TcpStream::connect((V4, listening.port)).is_ok() {}
    assert_eq!(listening.stop(Signal::TERM).status, Some(1));
}

#[test]
fn a_log_that_nobody_reads_holds_up_nobody_and_what_was_dropped_is_counted() {
    let mut listening = Listening::start(&["[::]:0"]);
    // Two lines each: more than the pipe and the queue hold.
    for _ in 0..6000 {
        drop(connect((V4, listening.port).into()));
    }
    let mut client = connect((V6, listening.port).into());
    assert_eq!(round_trip(&mut client, b"not held up"), b"not held up");
    let mut stderr = listening.child.stderr.take().unwrap();
    let log = std::thread::spawn(move || {
        let mut log = String::new();
        stderr.read_to_string(&mut log).unwrap();
        log
    });
    drop(client);
    listening.signal(Signal::TERM);
    assert_eq!(listening.child.wait().unwrap().code(), Some(0));
    let log = log.join().unwrap();
    let dropped: u64 = log
        .lines()
        .filter(|line| line.ends_with(" dropped here")) // "1 log line", "2 log lines"
        .map(|line| line.split(' ').next().unwrap().parse::<u64>().unwrap())
        .sum();
    let written = log.lines().filter(|line| !line.contains("dropped here")).count() as u64;
    assert!(dropped > 0);
    assert_eq!(written + dropped, 6001 * 2 + 1, "each line is written or counted");
}

#[test]
fn a_log_that_is_stuck_does_not_hold_up_the_end() {
    let mut listening = Listening::start(&["[::]:0"]);
    for _ in 0..2000 {
        drop(connect((V4, listening.port).into()));
    }
    listening.signal(Signal::TERM);
    assert_eq!(listening.child.wait().unwrap().code(), Some(0));
}

/// A pipe that nobody has read from for long: its reading side, and its writing side, full.
fn full_pipe() -> (UnixStream, OwnedFd) {
    let (reader, mut writer) = UnixStream::pair().unwrap();
    writer.set_nonblocking(true).unwrap();
    while writer.write(&[b'\n'; 1000]).is_ok() {}
    writer.set_nonblocking(false).unwrap();
    (reader, writer.into())
}

#[test]
fn a_server_whose_first_line_nobody_takes_serves_all_the_same() {
    let port = free_port();
    let (mut reader, full) = full_pipe();
    let mut command = echo6(&["listen", &format!("[::]:{port}")]);
    let mut server = command.stdout(full).stderr(Stdio::null()).spawn().unwrap();
    drop(command); // it has the writing side too
    let client = connect_to(&mut server, port);
    assert_eq!(exchange(client, b"hello"), b"hello");
    terminate(&server);
    assert_eq!(server.wait().unwrap().code(), Some(0));
    reader.read_to_string(&mut String::new()).unwrap();
}

#[test]
#[cfg(target_os = "linux")]
fn a_signal_is_heard_while_the_first_line_waits_to_be_taken() {
    let (_reader, full) = full_pipe();
    let mut command = echo6(&["listen", "[::]:0"]);
    let mut server = command.stdout(full).stderr(Stdio::null()).spawn().unwrap();
    let status = format!("/proc/{}/status", server.id());
    let takes_signals = || {
        let status = std::fs::read_to_string(&status).unwrap();
        let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).unwrap();
        u64::from_str_radix(caught.trim(), 16).unwrap() & 1 << (Signal::TERM.as_raw() - 1) != 0
    };
    while !takes_signals() {
        assert!(server.try_wait().unwrap().is_none(), "it ended");
    }
    terminate(&server);
    assert_eq!(server.wait().unwrap().code(), Some(0));
}

#[test]
fn a_log_whose_reader_is_slow_ends_with_what_was_dropped_and_the_last_line() {
    let mut listening = Listening::start(&["--json", "[::]:0"]);
    for _ in 0..3000 {
        drop(connect((V4, listening.port).into()));
    }
    assert_eq!(exchange(connect((V6, listening.port).into()), b"served"), b"served");
    listening.signal(Signal::TERM);
    let mut events = Vec::new();
    loop {
        let line = listening.next_line();
        if line.is_empty() {
            break;
        }
        let event: serde_json::Value = serde_json::from_str(&line).unwrap();
        // Some 30 kB a second, until what the pipe held is read.
        if events.len() < 300 {
            std::thread::sleep(Duration::from_millis(5));
        }
        events.push(event);
    }
    assert_eq!(listening.child.wait().unwrap().code(), Some(0));
    assert_eq!(events.last().unwrap()["event"], "stopped");
    let dropped: u64 = events.iter().filter_map(|event| event["lines"].as_u64()).sum();
    let written = events.iter().filter(|event| event["event"] != "dropped").count() as u64;
    assert!(dropped > 0);
    assert_eq!(written + dropped, 3001 * 2 + 1, "each line is written or counted");
}

#[test]
fn the_end_of_a_session_drains_the_clients_unless_it_is_to_be_ignored() {
    // Under nohup(1), say, the tests themselves ignore it, and what they start would too.
    let listening = if cfg!(target_os = "linux") {
        let mut command = Command::new("env");
        command.args(["--default-signal=HUP", env!("CARGO_BIN_EXE_echo6"), "listen", "[::]:0"]);
        Listening::spawn(command)
    } else {
        Listening::start(&["[::]:0"])
    };
    let mut client = connect((V4, listening.port).into());
    assert_eq!(round_trip(&mut client, b"hello"), b"hello");
    let stopped = listening.stop(Signal::HUP);
    assert_eq!(stopped.status, Some(0), "{}", stopped.stderr);
    assert!(stopped.stderr.contains(": server stopped\n"), "{}", stopped.stderr);

    let mut command = Command::new("sh");
    let binary = env!("CARGO_BIN_EXE_echo6");
    command.args(["-c", &format!("trap '' HUP; exec {binary} listen [::]:0")]);
    let listening = Listening::spawn(command);
    listening.signal(Signal::HUP);
    assert_eq!(exchange(connect((V4, listening.port).into()), b"hello"), b"hello");
    assert_eq!(listening.stop(Signal::TERM).status, Some(0));
}

/// A port that was free a moment ago.
fn free_port() -> u16 {
    Listening::start(&["[::]:0"]).port
}

/// Connects to a server that is about to listen.
fn connect_to(server: &mut Child, port: u16) -> TcpStream {
    loop {
        match TcpStream::connect((V4, port)) {
            Ok(client) => return client,
            Err(_) => assert!(server.try_wait().unwrap().is_none(), "it ended"),
        }
    }
}

fn terminate(server: &Child) {
    rustix::process::kill_process(rustix::process::Pid::from_child(server), Signal::TERM).unwrap();
}

#[test]
fn a_server_with_all_standard_streams_closed_serves_and_stops() {
    let port = free_port();
    let mut server = Command::new("sh");
    let binary = env!("CARGO_BIN_EXE_echo6");
    let line = format!("exec {binary} listen -q [::]:{port} <&- >&- 2>&-");
    let mut server = server.args(["-c", &line]).stdin(Stdio::null()).spawn().unwrap();
    let client = connect_to(&mut server, port);
    assert_eq!(exchange(client, b"hello"), b"hello");
    terminate(&server);
    assert_eq!(server.wait().unwrap().code(), Some(0));
}

#[test]
#[cfg(target_os = "linux")]
fn clients_that_never_read_cost_a_bounded_amount_of_memory_together() {
    let mut command = echo6(&["listen", "-q", "[::]:0"]);
    command.stdin(Stdio::null());
    let listening = Listening::spawn(command);
    let resident = || {
        let status = format!("/proc/{}/status", listening.child.id());
        let status = std::fs::read_to_string(status).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
    };
    let before = resident();
    let clients: Vec<TcpStream> = (0..400).map(|_| connect((V4, listening.port).into())).collect();
    std::thread::scope(|scope| {
        for share in clients.chunks(100) {
            scope.spawn(move || {
                for client in share {
                    client.set_nonblocking(true).unwrap();
                    let (chunk, mut sent) = ([7; 1 << 16], 0);
                    while sent < 4 << 20 {
                        match (&*client).write(&chunk) {
                            Ok(length) => sent += length,
                            Err(_) => break, // as much as the kernel and the server hold
                        }
                    }
                }
            });
        }
    });
    assert_eq!(exchange(connect((V6, listening.port).into()), b"served"), b"served");
    let grown = resident() - before;
    // 64 MiB that the server holds for all of them, 4 KiB for each, and its own buffer.
    let allowed = (64 << 20) + 400 * 4096 + (4 << 20);
    assert!(grown <= allowed, "{grown} bytes, more than {allowed}");
}

#[test]
fn processes_that_share_a_port_share_the_clients() {
    let first = Listening::start(&["--json", "--reuse-port", "[::]:0"]);
    let address = format!("[::]:{}", first.port);
    let second = Listening::start(&["--json", "--reuse-port", &address]);
    assert_eq!(first.port, second.port);
    for _ in 0..50 {
        assert_eq!(exchange(connect((V6, first.port).into()), b"hello"), b"hello");
    }
    let served = [first, second].map(|server| {
        let stopped = server.stop(Signal::TERM);
        assert_eq!(stopped.status, Some(0), "{stopped:?}");
        stopped.stdout.matches(r#""event":"connected""#).count()
    });
    assert_eq!(served[0] + served[1], 50);
    // Linux spreads connections by a hash of their addresses (socket(7), SO_REUSEPORT): that all go
    // one way happens once in 2^49 runs.
    #[cfg(target_os = "linux")]
    assert!(served.iter().all(|&served| served > 0), "{served:?}");
}

#[test]
fn a_server_that_was_stopped_itself_does_not_take_its_clients_for_idle() {
    let listening = listen_with_descriptors("-n 64", "--idle-timeout 2s [::]:0");
    let mut client = connect((V4, listening.port).into());
    assert_eq!(round_trip(&mut client, b"before"), b"before");
    assert!(is_silent(&client), "and it has been looked at since");
    listening.signal(Signal::STOP);
    std::thread::sleep(Duration::from_millis(2500)); // for longer than the timeout, nobody serves
    listening.signal(Signal::CONT);
    assert!(is_silent(&client), "it is not closed");
    assert_eq!(round_trip(&mut client, b"after"), b"after");
}
