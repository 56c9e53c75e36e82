//! The table in the README: each fault that the server can deal, and what each client says of it,
//! over both families.

#![cfg(feature = "cli")]

mod common;

use std::sync::{Mutex, PoisonError};
use std::thread;

use common::binary::{Listening, Run, run};

/// Fewer than there are rows, so that no client waits for a processor longer than for its reply.
const WORKERS: usize = 6;

/// The faults and the other cells of each row of the table with these columns.
fn rows(columns: &str) -> Vec<(Vec<&'static str>, Vec<&'static str>)> {
    let start = format!("| `--fault` | {columns} |\n|---|");
    let table = include_str!("../README.md").split(&start).nth(1).expect("the table");
    let lines = table.lines().skip(1).take_while(|line| line.starts_with('|'));
    lines
        .map(|line| {
            let mut cells = line.trim_matches('|').split('|').map(str::trim);
            let faults = cells.next().unwrap().split('`');
            (faults.filter(|text| !text.trim().is_empty()).collect(), cells.collect())
        })
        .collect()
}

/// Tries each row over each family, a few at a time.
fn try_all(columns: &str, try_row: impl Fn(&[&str], &[&str], &str) + Sync) {
    let rows = rows(columns);
    assert!(rows.len() > 10, "{rows:?}");
    let hosts = ["127.0.0.1", "[::1]"];
    let tasks: Vec<_> = rows.iter().flat_map(|row| hosts.map(|host| (row, host))).collect();
    let tasks = Mutex::new(tasks.into_iter());
    let next = || tasks.lock().unwrap_or_else(PoisonError::into_inner).next();
    thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                while let Some(((faults, cells), host)) = next() {
                    try_row(faults, cells, host);
                }
            });
        }
    });
}

/// A server that deals the faults, and its address.
fn faulty(flags: &[&'static str], faults: &[&str], host: &str) -> (Listening, String) {
    let address = format!("{host}:0");
    let faults_given = faults.iter().flat_map(|&fault| ["--fault", fault]);
    let arguments: Vec<&str> =
        faults_given.chain(flags.iter().copied()).chain([&address[..]]).collect();
    let server = Listening::start(&arguments);
    assert!(server.line.contains(&faults.join(", ")), "{}", server.line);
    let address = format!("{host}:{}", server.port);
    (server, address)
}

#[test]
fn each_client_says_of_each_fault_what_the_readme_says() {
    try_all("`send` | `ping` | `check` | `bench`", |faults, cells, host| {
        let (_server, address) = faulty(&["-q"], faults, host);
        let patience = ["-w", "1s", "--connect-timeout", "1s", &address];
        for (command, cell) in [
            &["send", "hello"][..],
            &["ping", "-c", "2", "-i", "50ms"],
            &["check"],
            &["bench", "-c", "2", "-n", "4", "--warm-up", "0"],
        ]
        .iter()
        .zip(cells)
        {
            // The message of send stands behind its address.
            let (name, rest) = command.split_first().unwrap();
            let arguments = match *name {
                "send" => [&[*name], &patience[..], rest].concat(),
                _ => [&[*name], rest, &patience].concat(),
            };
            let run = run_by_a_clock_that_runs(&arguments);
            assert!(says(&run, cell), "{faults:?}: {arguments:?} says not {cell:?}: {run:?}");
        }
    });
}

#[test]
fn each_client_says_of_each_fault_of_datagrams_what_the_readme_says() {
    try_all("`send -u` | `ping -u` | `bench -u`", |faults, cells, host| {
        for (name, cell) in ["send", "ping", "bench"].iter().zip(cells) {
            let (_server, address) = faulty(&["-q", "-u"], faults, host);
            let arguments = match *name {
                "send" => vec!["send", "-u", "-w", "1s", &address, "hello"],
                "ping" => vec!["ping", "-u", "-c", "3", "-i", "50ms", "-w", "1s", &address],
                _ => {
                    let load = ["bench", "-u", "-c", "1", "--in-flight", "2", "-n", "4"];
                    [&load[..], &["--warm-up", "0", "-w", "1s", &address]].concat()
                }
            };
            let run = run_by_a_clock_that_runs(&arguments);
            assert!(says(&run, cell), "{faults:?}: {arguments:?} says not {cell:?}: {run:?}");
        }
    });
}

/// Runs echo6, once more if the host stood still meanwhile: what is late by its time may not be so by
/// that of a load, which leaves such a pause out.
fn run_by_a_clock_that_runs(arguments: &[&str]) -> Run {
    let first = run(arguments);
    if first.stdout.contains("was stopped or held up for") { run(arguments) } else { first }
}

/// Says whether a run went as a cell of the table has it.
fn says(run: &Run, cell: &str) -> bool {
    let words = [&run.stdout[..], &run.stderr].concat();
    match cell.strip_prefix("ok") {
        Some(rest) => run.status == Some(0) && words.contains(rest.trim_start_matches(": ")),
        None => run.status == Some(1) && cell.split(", *or* ").any(|cell| words.contains(cell)),
    }
}
