//! System calls fail, as strace(1) has it: nothing spins, hangs, leaks a descriptor, or says that all
//! is well when it is not. One row per call and error that can happen to it.
//!
//! What has no row is not ours, or cannot happen. If epoll_ctl(2) fails when it changes what a socket
//! waits for, async-io panics or asks again and again; if timerfd_settime(2) fails, it never sleeps. The
//! kernel refuses neither. If fcntl(2), close(2) and uname(2) fail, nobody is told or misses it. recvmmsg(2)
//! fails where recvmsg(2) does, in the same arm. recv(2) and send(2) also carry signals, from the handler to the thread that
//! waits for them (signal-hook, async-signal): if they fail for ever, so does every signal, and the
//! end of a command waits. When the allocator gets no memory, it aborts the process.

#![cfg(all(target_os = "linux", feature = "cli"))]

mod common;

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::os::unix::process::ExitStatusExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use common::binary::{Listening, Run, cpu_ticks};
use common::strace::{Log, Traced, can_trace, strace};
use common::{PATIENCE, V4, connect};
use rustix::process::{Pid, Resource, Rlimit, Signal, prlimit};

/// How often a call may fail in a run that took so long: a retry is 100 times a second at most, and
/// what goes beyond that by half is a spin.
fn most_failures(took: Duration) -> usize {
    100 + 150 * took.as_secs() as usize
}

/// What becomes of a client.
#[derive(Clone, Copy)]
enum Ends {
    /// As if nothing had happened.
    Well,
    /// With an error that has one of these words in it.
    Saying(&'static [&'static str]),
    /// Either, as not every command needs the call.
    Either(&'static [&'static str]),
}
use Ends::{Either, Saying, Well};

/// What `bench` says of whatever this host lacks, because it counts by cause.
const HERE: &str = "this host could not do it";

#[test]
fn a_client_whose_call_fails_ends_in_time_and_says_what_failed() {
    if !can_trace() {
        return;
    }
    let server = Listening::start(&["-u", "-q", "127.0.0.1:0"]);
    let address = format!("127.0.0.1:{}", server.port);
    let commands: [&[&str]; 8] = [
        &["send", "-w", "1s", &address, "hello"],
        &["send", "-u", "-w", "1s", &address, "hello"],
        &["ping", "-c", "2", "-i", "50ms", "-w", "1s", &address],
        &["ping", "-u", "-c", "2", "-i", "50ms", "-w", "1s", &address],
        &["check", "-w", "1s", &address],
        &["check", "-u", "-w", "1s", &address],
        &["bench", "-d", "300ms", "-c", "2", "--warm-up", "0", "-w", "1s", &address],
        &["bench", "-u", "-d", "300ms", "-c", "2", "--warm-up", "0", "-w", "1s", &address],
    ];
    let no_room: &[&str] = &["no buffer space", HERE];
    let no_memory: &[&str] = &["cannot allocate memory", HERE];
    let rows = [
        ("socket", "EMFILE", "1+", Saying(&["too many open files", HERE])),
        ("socket", "ENOBUFS", "1+", Saying(no_room)),
        ("bind", "EADDRINUSE", "1+", Saying(&["address already in use", HERE])),
        ("setsockopt", "ENOMEM", "1+", Saying(no_memory)),
        ("connect", "EADDRNOTAVAIL", "1+", Saying(&["address not available on this host", HERE])),
        ("connect", "ENETUNREACH", "1+", Saying(&["network unreachable", "2 unreachable"])),
        ("connect", "EAGAIN", "1+", Saying(&["resource temporarily unavailable", HERE])),
        ("getsockopt", "ENOBUFS", "1+", Saying(no_room)),
        ("getsockname", "ENOBUFS", "1+", Saying(no_room)),
        ("sendto", "ENOBUFS", "1+", Saying(no_room)),
        ("sendto", "ENOBUFS", "2+", Saying(no_room)),
        ("sendto", "ECONNRESET", "2+", Saying(&["connection reset", "reset"])),
        ("sendto", "EINTR", "1..3", Well),
        ("recvfrom", "ECONNRESET", "1", Either(&["connection reset", "is reset", "reset"])),
        ("recvfrom", "ENOMEM", "1", Either(no_memory)),
        ("recvfrom", "EINTR", "1..3", Well),
        ("recvmsg", "ENOMEM", "1+", Saying(&["no reply", "silent, TCP works"])),
        ("recvmsg", "ENOMEM", "1..3", Well),
        ("recvmsg", "EINTR", "1..3", Well),
        // Whether all is back by then, timing decides.
        (
            "shutdown",
            "ENOTCONN",
            "1+",
            Saying(&["is not connected", "resets when we half-close", "cuts the reply when we"]),
        ),
        (
            "epoll_create1",
            "EMFILE",
            "1+",
            Saying(&["cannot wait for sockets: too many open files"]),
        ),
        ("socketpair", "EMFILE", "1+", Saying(&["cannot wait for sockets: too many open files"])),
        ("getpeername", "ENOBUFS", "1+", Either(no_room)),
        ("epoll_ctl", "ENOSPC", "2+", Saying(&["cannot wait for sockets: no space left"])),
        ("epoll_ctl", "ENOMEM", "2+", Saying(&["cannot wait for sockets: cannot allocate memory"])),
        ("epoll_pwait", "EINTR", "1..20", Well),
        ("epoll_wait", "EINTR", "1..20", Well),
        ("eventfd2", "EMFILE", "1+", Well),
        ("timerfd_create", "EMFILE", "1+", Either(&["cannot load: too many open files"])),
        ("clone3", "EAGAIN", "1+", Saying(&["cannot start a thread: resource temporarily"])),
        ("prlimit64", "EPERM", "1+", Well),
        ("getrandom", "ENOSYS", "1+", Well),
    ];
    let cases = rows.iter().flat_map(|row| commands.iter().map(move |command| (row, *command)));
    each(cases, |(&(call, error, when, ends), command)| {
        let name = format!("{call} {error} {when}: {command:?}");
        let traced = Traced::of(call, error, when, command).finish(&name);
        let said = &traced.said;
        let (failed, took) = (traced.failed, traced.took);
        assert!(failed < most_failures(took), "{name}: failed {failed} times in {took:?}");
        let has_words = |words: &[&str]| words.iter().any(|word| said.contains(word));
        match (traced.status, ends) {
            (Some(0), _) if traced.failed == 0 => {} // it does without the call
            (Some(0), Well | Either(_)) => {}
            (Some(1 | 2), Saying(words) | Either(words)) if has_words(words) => {}
            (status, _) => panic!("{name}: {status:?} {said}"),
        }
    });
}

#[test]
fn a_file_that_cannot_be_opened_is_named() {
    if !can_trace() {
        return;
    }
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/LICENSE-MIT");
    let arguments = ["-P", file, env!("CARGO_BIN_EXE_echo6"), "send", "-f", file, "127.0.0.1:9"];
    let output =
        strace("openat", "EMFILE", "1+").args(["-o", "/dev/null"]).args(arguments).output();
    let run = Run::from(output.unwrap());
    assert_eq!(run.status, Some(2), "{}", run.stderr);
    assert!(run.stderr.contains("LICENSE-MIT: too many open files\n"), "{}", run.stderr);
}

/// What becomes of a server.
#[derive(Clone, Copy)]
enum Serves {
    /// Both transports in the end, whatever happens to some clients.
    All,
    /// Not over TCP, and it says so with these words.
    NotTcp(&'static str),
    /// Not over UDP.
    NotUdp,
    /// Not at all: it does not start, and says so.
    Nobody(&'static str),
}
use Serves::{All, Nobody, NotTcp, NotUdp};

#[test]
fn a_server_whose_call_fails_serves_on_or_says_what_failed() {
    if !can_trace() {
        return;
    }
    let rows = [
        ("accept4", "EMFILE", "1..3", All),
        ("accept4", "ECONNABORTED", "1..5", All),
        ("accept4", "EINTR", "1..3", All),
        ("accept4", "ENOMEM", "1+", NotTcp("cannot accept for now: cannot allocate memory")),
        ("accept4", "EPERM", "1+", NotTcp("cannot accept for now: permission denied")),
        ("recvfrom", "ECONNRESET", "2", All),
        ("recvfrom", "ENOMEM", "2", All),
        ("recvfrom", "EINTR", "1..5", All),
        ("sendto", "ENOBUFS", "1", All),
        ("sendto", "EPIPE", "1", All),
        ("sendto", "EINTR", "1..3", All),
        ("recvmsg", "ENOMEM", "1..3", All),
        ("recvmsg", "ENOMEM", "1+", NotUdp),
        ("recvmsg", "EINTR", "1..3", All),
        ("sendmsg", "ENOBUFS", "1", All),
        ("sendmsg", "EPERM", "1..2", All),
        ("shutdown", "ENOTCONN", "1+", All),
        ("epoll_pwait", "EINTR", "1..20", All),
        ("epoll_wait", "EINTR", "1..20", All),
        ("eventfd2", "EMFILE", "1+", All),
        ("timerfd_create", "EMFILE", "1+", All),
        ("prlimit64", "EPERM", "1+", All),
        ("getrandom", "ENOSYS", "1+", All),
        (
            "setsockopt",
            "ENOMEM",
            "1+",
            Nobody("cannot listen on 0.0.0.0:0: cannot allocate memory"),
        ),
        ("getsockname", "ENOBUFS", "1+", Nobody("cannot listen on 0.0.0.0:0: no buffer space")),
        ("socket", "EMFILE", "1", Nobody("cannot listen on 0.0.0.0:0: too many open files")),
        ("bind", "EACCES", "1", Nobody("cannot listen on 0.0.0.0:0: permission denied")),
        ("listen", "EADDRINUSE", "1", Nobody("cannot listen on 0.0.0.0:0: address already in use")),
        ("epoll_create1", "EMFILE", "1+", Nobody("cannot wait for sockets: too many open files")),
        ("epoll_ctl", "ENOSPC", "1", Nobody("cannot wait for sockets: no space left on device")),
        ("epoll_ctl", "ENOMEM", "2", Nobody("cannot wait for sockets: cannot allocate memory")),
        ("socketpair", "EMFILE", "1", Nobody("cannot wait for sockets: too many open files")),
        (
            "clone3",
            "EAGAIN",
            "1+",
            Nobody("cannot start a thread: resource temporarily unavailable"),
        ),
        (
            "clone3",
            "EAGAIN",
            "2+",
            Nobody("cannot start a thread: resource temporarily unavailable"),
        ),
    ];
    let listen = ["listen", "-u", "0.0.0.0:0"];
    each(rows.iter(), |&(call, error, when, serves)| {
        let name = format!("{call} {error} {when}");
        if let Nobody(said) = serves {
            let ended = Traced::of(call, error, when, &listen).finish(&name);
            assert_eq!(ended.status, Some(2), "{name}: {}", ended.said);
            assert!(ended.said.contains(said), "{name}: {}", ended.said);
            return;
        }
        let log = Log::new();
        let mut command = strace(call, error, when);
        command.args(["-o", &log.0, env!("CARGO_BIN_EXE_echo6")]).args(listen);
        let listening = Listening::spawn(command);
        let id = listening.child.id();
        serves_as_it_should(&name, &listening, serves);
        let stderr = stop(listening);
        if let NotTcp(said) = serves {
            assert_eq!(stderr.matches(said).count(), 1, "{name}: {stderr}");
        }
        // Which of the two a C library has is its business.
        assert!(log.failures(id) > 0 || call.starts_with("epoll_"), "{name}: nothing failed");
    });
}

fn serves_as_it_should(name: &str, listening: &Listening, serves: Serves) {
    let tcp = || {
        let mut client = connect((V4, listening.port).into());
        client.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
        let mut reply = [0; 5];
        client.write_all(b"hello").is_ok() && client.read_exact(&mut reply).is_ok()
    };
    let udp = || {
        let socket = UdpSocket::bind((V4, 0)).unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
        socket.send_to(b"hello", (V4, listening.port)).unwrap();
        socket.recv(&mut [0; 9]).is_ok()
    };
    let descriptors =
        || fs::read_dir(format!("/proc/{}/fd", listening.child.id())).unwrap().count();
    // The first may be those to whom it happens.
    let _ = (tcp(), udp(), tcp(), udp());
    let (ticks, open) = (cpu_ticks(listening), descriptors());
    let expected = match serves {
        NotTcp(_) => (false, true),
        NotUdp => (true, false),
        All | Nobody(_) => (true, true),
    };
    // A busy host may take longer than one try waits.
    let end = Instant::now() + PATIENCE;
    let mut tries = Vec::new();
    while tries.len() < 3 || tries.last() != Some(&expected) {
        assert!(Instant::now() < end, "{name}: {tries:?}");
        tries.push((tcp(), udp()));
    }
    assert!(cpu_ticks(listening) - ticks < 50, "{name}: it spins");
    while descriptors() > open {
        assert!(Instant::now() < end, "{name}: descriptors are left");
    }
}

/// What is mapped first are the program and its libraries; what comes later are the stacks of threads.
#[test]
fn memory_that_is_refused_when_a_command_has_started_is_said() {
    if !can_trace() {
        return;
    }
    let server = Listening::start(&["-u", "-q", "127.0.0.1:0"]);
    let address = format!("127.0.0.1:{}", server.port);
    let version = Traced::of("mmap", "ENOMEM", "1000+", &["--version"]).finish("--version");
    let commands: [&[&str]; 8] = [
        &["listen", "127.0.0.1:0"],
        &["send", "-w", "1s", &address, "hello"],
        &["send", "-u", "-w", "1s", &address, "hello"],
        &["ping", "-c", "2", "-i", "50ms", &address],
        &["ping", "-u", "-c", "2", "-i", "50ms", &address],
        &["check", &address],
        &["check", "-u", &address],
        &["bench", "-d", "100ms", "-c", "2", "--warm-up", "0", &address],
    ];
    let cases = commands.iter().flat_map(|&command| [1, 2, 3].map(|late| (command, late)));
    each(cases, |(command, late)| {
        let name = format!("{command:?}, {late} behind the start");
        let when = format!("{}+", version.calls + late);
        let ended = Traced::of("mmap", "ENOMEM", &when, command).finish(&name);
        assert_eq!((ended.status, ended.failed), (Some(2), 1), "{name}: {}", ended.said);
        let said = "error: cannot start a thread: resource temporarily unavailable\n";
        assert!(ended.said.starts_with(said), "{name}: {}", ended.said);
    });
}

#[test]
fn a_server_that_gets_no_more_memory_serves_on_or_ends_aloud() {
    // One heap, which grows by the page, in place of one for each thread with room to spare. And no
    // backtrace, as users have it.
    let mut command = Command::new(env!("CARGO_BIN_EXE_echo6"));
    command.args(["listen", "-q", "127.0.0.1:0"]).env("MALLOC_ARENA_MAX", "1");
    command.env("RUST_BACKTRACE", "0");
    let mut listening = Listening::spawn(command);
    let serves = |client: &mut TcpStream| {
        client.set_read_timeout(Some(PATIENCE)).unwrap();
        client.write_all(b"hello").is_ok() && client.read_exact(&mut [0; 5]).is_ok()
    };
    let address = SocketAddr::from((V4, listening.port));
    assert!(serves(&mut connect(address)));
    // A thread that has just started still maps a stack for its signals.
    let end = Instant::now() + PATIENCE;
    while !threads_sleep(&listening) {
        assert!(Instant::now() < end, "a server with nothing to do sleeps");
    }
    let status = fs::read_to_string(format!("/proc/{}/status", listening.child.id())).unwrap();
    let size = status.split("VmSize:").nth(1).unwrap().split_whitespace().next().unwrap();
    let size = Some(size.parse::<u64>().unwrap() * 1024);
    let process = Pid::from_child(&listening.child);
    let limit = Rlimit { current: size, maximum: size };
    prlimit(Some(process), Resource::As, limit).unwrap();
    let mut clients = Vec::new();
    let refused = (0..5000).find(|_| match TcpStream::connect(address) {
        Ok(mut client) => {
            let served = serves(&mut client);
            clients.push(client);
            !served
        }
        Err(_) => true,
    });
    assert!(refused.is_some(), "each client costs some memory");
    let ended = listening.child.wait().unwrap();
    let mut said = String::new();
    listening.child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert_eq!(ended.signal(), Some(Signal::ABORT.as_raw()), "{said}");
    // Whoever asks first says so: std how much it wants, async-task that it gives up.
    let aloud = ["memory allocation of ", "aborting the process"];
    assert!(aloud.iter().any(|words| said.contains(words)), "{said}");
}

/// Says whether no thread of a server runs.
fn threads_sleep(listening: &Listening) -> bool {
    let threads = fs::read_dir(format!("/proc/{}/task", listening.child.id())).unwrap();
    threads.into_iter().all(|thread| {
        let stat = fs::read_to_string(thread.unwrap().path().join("stat"));
        // The state stands behind the name, which stands in parentheses.
        stat.is_ok_and(|stat| stat.rsplit(") ").next().is_some_and(|rest| rest.starts_with('S')))
    })
}

/// Asks it to stop until it hears: the first signal may have been lost with the call that was to pass
/// it on.
fn stop(mut listening: Listening) -> String {
    let mut stderr = listening.child.stderr.take().unwrap();
    let end = Instant::now() + PATIENCE;
    loop {
        listening.signal(Signal::TERM);
        let again = Instant::now() + Duration::from_secs(1);
        while Instant::now() < again {
            if let Some(status) = listening.child.try_wait().unwrap() {
                let mut text = String::new();
                stderr.read_to_string(&mut text).unwrap();
                assert_eq!(status.code(), Some(0), "{text}");
                return text;
            }
            thread::yield_now();
        }
        assert!(Instant::now() < end, "it does not stop");
    }
}

/// Holds each case, several at a time because most of them wait, and fails if any did.
fn each<T: Send>(cases: impl Iterator<Item = T> + Send, test: impl Fn(T) + Sync) {
    let (cases, failed) = (Mutex::new(cases), AtomicU32::new(0));
    let next = || cases.lock().unwrap().next();
    thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| {
                while let Some(case) = next() {
                    if catch_unwind(AssertUnwindSafe(|| test(case))).is_err() {
                        failed.fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    assert_eq!(failed.into_inner(), 0, "cases failed");
}
