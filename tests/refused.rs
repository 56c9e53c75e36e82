//! What the command lives through when the system refuses it a call each time.

#![cfg(all(target_os = "linux", feature = "cli"))]

mod common;

use std::collections::BTreeMap;

use common::binary::{Listening, Run, cpu_ticks, echo6};
use common::{V4, connect, is_silent};
use nix::libc::{self, c_int, c_long};
use rustix::process::Signal;
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, apply_filter,
};

/// A system call that fails, as it does where a security module or a sandbox forbids it.
struct Refusal {
    call: c_long,
    error: c_int,
    /// Only if its first argument has these bits.
    with: Option<u64>,
}

fn refusal(call: c_long, error: c_int) -> Refusal {
    Refusal { call, error, with: None }
}

impl Refusal {
    fn apply(&self) {
        let rule = self.with.map(|bits| {
            let has = SeccompCmpOp::MaskedEq(bits);
            let condition = SeccompCondition::new(0, SeccompCmpArgLen::Qword, has, bits).unwrap();
            SeccompRule::new(vec![condition]).unwrap()
        });
        let rules = BTreeMap::from([(self.call, rule.into_iter().collect())]);
        let refuse = SeccompAction::Errno(self.error as u32);
        let architecture = std::env::consts::ARCH.try_into().unwrap();
        let filter = SeccompFilter::new(rules, SeccompAction::Allow, refuse, architecture).unwrap();
        let program: BpfProgram = filter.try_into().unwrap();
        apply_filter(&program).unwrap();
    }
}

/// Does something on a thread to which system calls are refused, and so to the processes that it
/// starts.
fn with<T: Send + 'static>(
    refusals: Vec<Refusal>,
    action: impl FnOnce() -> T + Send + 'static,
) -> T {
    let filtered = std::thread::spawn(move || {
        refusals.iter().for_each(Refusal::apply);
        action()
    });
    filtered.join().unwrap()
}

#[test]
fn a_server_that_may_not_accept_says_so_once_and_neither_spins_nor_goes_deaf() {
    for (error, said) in [
        (libc::EPERM, "permission denied"),
        (libc::EACCES, "permission denied"),
        (libc::ECONNABORTED, "connection aborted"),
    ] {
        let refusals = vec![refusal(libc::SYS_accept4, error)];
        let listening = with(refusals, || Listening::start(&["[::]:0"]));
        let client = connect((V4, listening.port).into());
        let before = cpu_ticks(&listening);
        assert!((0..3).all(|_| is_silent(&client)), "nobody serves it");
        assert!(cpu_ticks(&listening) - before < 20, "it used a third of the time it waited");
        let stopped = listening.stop(Signal::TERM);
        assert_eq!(stopped.status, Some(0), "{}", stopped.stderr);
        let line = format!("cannot accept for now: {said}\n");
        assert_eq!(stopped.stderr.matches(&line).count(), 1, "{}", stopped.stderr);
    }
}

#[test]
fn a_server_that_cannot_start_what_it_needs_says_so_and_exits_with_2() {
    // A new thread shares everything with its process. clone3(2) has its flags in memory, where a
    // filter cannot look; where it does not exist, the C library takes clone(2).
    let no_thread = || {
        let flags = Some(libc::CLONE_THREAD as u64);
        vec![
            Refusal { call: libc::SYS_clone, error: libc::EAGAIN, with: flags },
            refusal(libc::SYS_clone3, libc::ENOSYS),
        ]
    };
    let no_reactor = || vec![refusal(libc::SYS_epoll_create1, libc::EMFILE)];
    for (refusals, said) in [
        (no_thread(), "cannot start a thread: resource temporarily unavailable"),
        (no_reactor(), "cannot wait for sockets: too many open files"),
    ] {
        let run: Run = with(refusals, || echo6(&["listen", "[::]:0"]).output().unwrap()).into();
        assert_eq!((run.status, &run.stdout[..]), (Some(2), ""), "{}", run.stderr);
        assert!(run.stderr.starts_with(&format!("error: {said}\n")), "{}", run.stderr);
    }
}

#[test]
fn a_kernel_without_ipv6_serves_ipv4_unless_ipv6_is_asked_for_and_reaches_it() {
    // AF_INET6 is 10; no other family that is asked for has both of its bits.
    let no_ipv6 = || {
        let with = Some(libc::AF_INET6 as u64);
        vec![Refusal { call: libc::SYS_socket, error: libc::EAFNOSUPPORT, with }]
    };
    let listening = with(no_ipv6(), || Listening::start(&[":0"]));
    assert_eq!(listening.line, format!("listening on 0.0.0.0:{} (IPv4)\n", listening.port));
    let run = |arguments: Vec<String>| -> Run {
        let run = move || {
            let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
            echo6(&arguments).output().unwrap()
        };
        with(no_ipv6(), run).into()
    };
    let port = listening.port;
    let send = |host: &str| run(vec!["send".into(), format!("{host}:{port}"), "hi".into()]);
    assert_eq!((send("127.0.0.1").status, &send("127.0.0.1").stdout[..]), (Some(0), "hi\n"));
    let six = send("[::1]");
    let said = format!("error: cannot connect to [::1]:{port}: address family not supported");
    assert!(six.status == Some(1) && six.stderr.starts_with(&said), "{}", six.stderr);
    let listen = run(vec!["listen".into(), "[::]:0".into()]);
    let said =
        "error: cannot listen on [::]:0: this host has no IPv6\nhelp: write 0.0.0.0:0 for IPv4";
    assert!(listen.status == Some(2) && listen.stderr.starts_with(said), "{}", listen.stderr);
}
