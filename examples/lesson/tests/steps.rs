//! The steps do what the text of the lesson says.

use std::io;

use lesson::{ERRNOS, name};
use rustix::io::Errno;

mod common;

use common::{README, check_steps, run};

#[test]
fn each_step_is_short_and_prints_what_the_text_shows() {
    check_steps(concat!(env!("CARGO_MANIFEST_DIR"), "/src/bin"), "cargo run --bin");
}

/// The number before `unit` at the end of a line.
fn number(line: &str, unit: &str) -> f64 {
    let number = line.strip_suffix(unit).and_then(|line| line.split_whitespace().last());
    number.and_then(|text| text.parse().ok()).unwrap_or_else(|| panic!("no {unit}: {line}"))
}

#[test]
fn only_clients_in_turn_wait_for_the_silent_one() {
    let lines = run("step7a_threads");
    let (in_turn, threads) = (number(&lines[1], " ms"), number(&lines[2], " ms"));
    assert!(in_turn >= 500.0 && threads < in_turn, "{lines:?}");
    assert!(number(&run("step7b_poll")[0], " ms") < in_turn);
}

#[cfg(target_os = "linux")] // others delay their ACKs for other times
#[test]
fn two_small_sends_cost_more_than_one() {
    let lines = run("step4e_nagle");
    let times: Vec<f64> = lines.iter().map(|line| number(line, " ms a round")).collect();
    assert!(times[1] < times[0] && times[2] < times[0], "{lines:?}");
}

#[cfg(target_os = "linux")] // a full queue is silent
#[test]
fn a_silent_address_has_a_head_start_of_250_ms() {
    let lines = run("step5c_happy_eyeballs");
    let times: Vec<f64> = lines.iter().map(|line| number(line, " ms")).collect();
    assert!(times[2] >= 250.0 && times[1] < times[2], "{lines:?}");
}

#[test]
fn the_text_has_the_table_of_errors() {
    for errno in ERRNOS {
        let numbers = format!("{} | {} | {}", errno.linux, errno.macos, errno.windows);
        let row = format!("| {} | {numbers} | {} |\n", errno.name, errno.meaning);
        assert!(README.contains(&row), "no {row}");
    }
}

#[test]
fn the_numbers_are_those_of_this_system() {
    let known = [
        ("EACCES", Errno::ACCESS),
        ("EBADF", Errno::BADF),
        ("EINVAL", Errno::INVAL),
        ("EMFILE", Errno::MFILE),
        ("EAGAIN", Errno::WOULDBLOCK),
        ("EINPROGRESS", Errno::INPROGRESS),
        ("EMSGSIZE", Errno::MSGSIZE),
        ("EPROTONOSUPPORT", Errno::PROTONOSUPPORT),
        ("EAFNOSUPPORT", Errno::AFNOSUPPORT),
        ("EOPNOTSUPP", Errno::OPNOTSUPP),
        ("EADDRINUSE", Errno::ADDRINUSE),
        ("EADDRNOTAVAIL", Errno::ADDRNOTAVAIL),
        ("ENETUNREACH", Errno::NETUNREACH),
        ("EHOSTUNREACH", Errno::HOSTUNREACH),
        ("ECONNREFUSED", Errno::CONNREFUSED),
        ("ETIMEDOUT", Errno::TIMEDOUT),
        ("ECONNABORTED", Errno::CONNABORTED),
        ("ECONNRESET", Errno::CONNRESET),
        ("ENOTCONN", Errno::NOTCONN),
    ];
    for (text, errno) in known {
        let error = io::Error::from(errno);
        assert!(name(&error).starts_with(&format!("{text}: ")), "{text}: {error}");
    }
}
