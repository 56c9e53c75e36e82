//! What the command lives through when the system refuses it a call each time.

#![cfg(all(target_os = "linux", feature = "cli"))]

mod common;

use std::collections::BTreeMap;

use common::binary::{Listening, cpu_ticks, echo6};
use common::{V4, connect, is_silent};
use nix::libc;
use rustix::process::Signal;
use seccompiler::{BpfProgram, SeccompAction, SeccompFilter, apply_filter};

/// `echo6 listen`, for which the system call of that number always fails with `error`, as it does
/// where a security module or the sandbox of a service manager forbids it.
fn listen_without(call: libc::c_long, error: libc::c_int) -> Listening {
    let architecture = std::env::consts::ARCH.try_into().unwrap();
    let refuse = SeccompAction::Errno(error as u32);
    let rules = BTreeMap::from([(call, vec![])]);
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, refuse, architecture).unwrap();
    let program: BpfProgram = filter.try_into().unwrap();
    // A filter holds for the thread that applies it, and for the processes that this thread starts.
    let filtered = std::thread::spawn(move || {
        apply_filter(&program).unwrap();
        Listening::spawn(echo6(&["listen", "[::]:0"]))
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
        let listening = listen_without(libc::SYS_accept4, error);
        let client = connect((V4, listening.port).into());
        let before = cpu_ticks(&listening);
        assert!((0..3).all(|_| is_silent(&client)), "nobody serves it");
        assert!(cpu_ticks(&listening) - before < 20, "it used a third of the time it waited");
        let stopped = listening.stop(Signal::TERM);
        assert_eq!(stopped.status, Some(0), "{}", stopped.stderr);
        let line = format!("cannot accept for now: {said}");
        assert_eq!(stopped.stderr.matches(&line).count(), 1, "{}", stopped.stderr);
    }
}
