//! The standard streams as other programs hand them over: non-blocking, or a terminal.

#![cfg(all(feature = "cli", unix))]

mod common;

use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Stdio};

use common::binary::{Listening, echo6};

fn spawn(command: &mut Command, stdin: OwnedFd, stdout: OwnedFd) -> Child {
    command.stdin(stdin).stdout(stdout).stderr(Stdio::piped()).spawn().unwrap()
}

/// A pair of connected sockets, of which the child's end is non-blocking, as node makes it.
fn non_blocking_pair() -> (UnixStream, OwnedFd) {
    let (ours, childs) = UnixStream::pair().unwrap();
    childs.set_nonblocking(true).unwrap();
    (ours, childs.into())
}

#[test]
fn streams_that_another_process_made_non_blocking_lose_nothing() {
    let mut server = Listening::start(&["--json", "[::1]:0"]);
    let address = format!("[::1]:{}", server.port);
    let (mut input, stdin) = non_blocking_pair();
    let (mut output, stdout) = non_blocking_pair();
    let mut child = spawn(&mut echo6(&["send", "-f", "-", &address]), stdin, stdout);
    // The child finds nothing to read at first, and nobody who reads what it writes.
    assert!(server.next_line().contains(r#""event":"connected""#));
    let sent: Vec<u8> = (0..3_000_000_u32).map(|n| (n % 251) as u8).collect();
    let mut returned = Vec::new();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            input.write_all(&sent).unwrap();
            input.shutdown(std::net::Shutdown::Write).unwrap();
        });
        output.read_to_end(&mut returned).unwrap();
    });
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert!(returned == sent, "{} of {} bytes", returned.len(), sent.len());
}

#[test]
fn lines_of_addresses_come_by_way_of_such_streams_too() {
    let (mut input, stdin) = non_blocking_pair();
    let (mut output, stdout) = non_blocking_pair();
    let mut child = spawn(&mut echo6(&["address", "-"]), stdin, stdout);
    // A line that has come back means that it asks for the next, which is not there.
    for _ in 0..10 {
        input.write_all(b"::1\n").unwrap();
        output.read_exact(&mut [0; 4]).unwrap();
    }
    let lines = "::1\n".repeat(200_000);
    let mut returned = Vec::new();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            input.write_all(lines.as_bytes()).unwrap();
            input.shutdown(std::net::Shutdown::Write).unwrap();
        });
        output.read_to_end(&mut returned).unwrap();
    });
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert!(returned == lines.as_bytes(), "{} of {} bytes", returned.len(), lines.len());
}

/// A terminal: our end and the child's.
#[cfg(target_os = "linux")]
fn terminal() -> (std::fs::File, std::fs::File) {
    use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

    let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&ours).unwrap();
    unlockpt(&ours).unwrap();
    let path = ptsname(&ours, Vec::new()).unwrap().into_string().unwrap();
    let childs = std::fs::OpenOptions::new().read(true).write(true).open(path).unwrap();
    (ours.into(), childs)
}

/// Reads from a terminal until `wanted` has been shown `times` times.
#[cfg(target_os = "linux")]
fn read_until(terminal: &mut std::fs::File, wanted: &str, times: usize) -> String {
    let (mut shown, mut piece) = (String::new(), [0; 1024]);
    while shown.matches(wanted).count() < times {
        let length = terminal.read(&mut piece).unwrap();
        shown += std::str::from_utf8(&piece[..length]).unwrap();
    }
    shown
}

#[cfg(target_os = "linux")]
#[test]
fn one_ctrl_d_ends_a_terminal_and_an_unfinished_line_is_shown_at_once() {
    let server = Listening::start(&["-q", "[::1]:0"]);
    for ahead in ["hello\n", ""] {
        let (mut ours, childs) = terminal();
        let mut send = echo6(&["send", &format!("[::1]:{}", server.port)]);
        let stdin = childs.try_clone().unwrap();
        let mut child = spawn(&mut send, stdin.into(), childs.try_clone().unwrap().into());
        // The terminal itself shows what is typed; the second time it is what came back.
        if !ahead.is_empty() {
            ours.write_all(ahead.as_bytes()).unwrap();
            read_until(&mut ours, "hello", 2);
        }
        // Ctrl-D behind an unfinished line hands it over, and ends nothing.
        ours.write_all(b"abc\x04").unwrap();
        read_until(&mut ours, "abc", 2);
        ours.write_all(b"\n").unwrap();
        ours.write_all(b"\x04").unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(0));
    }
}

#[cfg(target_os = "linux")]
#[test]
fn lines_of_a_log_on_a_terminal_begin_with_the_time() {
    use std::io::BufRead;

    let (mut ours, childs) = terminal();
    let mut listen = echo6(&["listen", "127.0.0.1:0"]);
    let mut child = listen.stdout(Stdio::piped()).stderr(childs).spawn().unwrap();
    let mut line = String::new();
    std::io::BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert!(line.starts_with("listening on 127.0.0.1:"), "{line}");
    let address = line["listening on ".len()..].split(' ').next().unwrap();
    assert!(echo6(&["send", "-q", address, "hi"]).status().unwrap().success());
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    let shown = read_until(&mut ours, "stopped after", 1);
    for (line, said) in shown.lines().zip(["connected", "closed after", "stopped after"]) {
        let (time, rest) = line.split_once(' ').unwrap();
        assert!(time.ends_with('Z') && time.contains('T') && rest.contains(said), "{shown}");
    }
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[cfg(target_os = "linux")]
#[test]
fn what_is_said_behind_ctrl_c_begins_on_a_line_of_its_own() {
    let mut server = Listening::start(&["--json", "[::1]:0"]);
    let (mut ours, childs) = terminal();
    let mut send = echo6(&["send", &format!("[::1]:{}", server.port)]);
    let stdin = childs.try_clone().unwrap();
    let mut child = send.stdin(stdin).stdout(Stdio::null()).stderr(childs).spawn().unwrap();
    assert!(server.next_line().contains("\"connected\""));
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    let shown = read_until(&mut ours, "interrupted", 1);
    assert!(shown.contains("\r\ninterrupted"), "{shown:?}");
    assert_eq!(child.wait().unwrap().code(), Some(1));
}
