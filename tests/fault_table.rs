//! The table in the README: each fault that the server can deal, and what each client says of it,
//! over both families.

#![cfg(feature = "cli")]

mod common;

use std::sync::Mutex;
use std::thread;

use common::binary::{Listening, Run, run};

/// A row of the table.
#[derive(Debug)]
struct Row {
    faults: Vec<&'static str>,
    send: &'static str,
    ping: &'static str,
    check: &'static str,
    bench: &'static str,
}

/// Fewer than there are rows, so that no client waits for a processor longer than for its reply.
const WORKERS: usize = 6;

fn rows() -> Vec<Row> {
    let readme = include_str!("../README.md");
    let table = readme
        .split("| `--fault` | `send` | `ping` | `check` | `bench` |\n|---|---|---|---|---|\n")
        .nth(1);
    let lines = table.expect("the table").lines().take_while(|line| line.starts_with('|'));
    lines
        .map(|line| {
            let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
            let [faults, send, ping, check, bench] = cells[..] else {
                panic!("five cells: {line}")
            };
            let faults = faults.split('`').filter(|text| !text.trim().is_empty()).collect();
            Row { faults, send, ping, check, bench }
        })
        .collect()
}

#[test]
fn each_client_says_of_each_fault_what_the_readme_says() {
    let rows = rows();
    assert!(rows.len() > 20, "{rows:?}");
    let addresses = ["127.0.0.1", "[::1]"];
    let tasks: Vec<(&Row, &str)> =
        rows.iter().flat_map(|row| addresses.map(|address| (row, address))).collect();
    let tasks = Mutex::new(tasks.into_iter());
    thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                while let Some((row, host)) = next(&tasks) {
                    try_row(row, host);
                }
            });
        }
    });
}

fn next<T>(tasks: &Mutex<impl Iterator<Item = T>>) -> Option<T> {
    tasks.lock().ok()?.next()
}

fn try_row(row: &Row, host: &str) {
    let faults = row.faults.iter().flat_map(|&fault| ["--fault", fault]);
    let address = format!("{host}:0");
    let arguments: Vec<&str> = faults.chain(["-q", &address]).collect();
    let server = Listening::start(&arguments);
    assert!(server.line.contains(&row.faults.join(", ")), "{}", server.line);
    let address = format!("{host}:{}", server.port);
    let patience = ["-w", "1s", "--connect-timeout", "1s"];
    let send = [&["send"], &patience[..], &[&address, "hello"]].concat();
    let ping = [&["ping", "-c", "2", "-i", "50ms"], &patience[..], &[&address]].concat();
    let check = [&["check"], &patience[..], &[&address]].concat();
    let few = ["bench", "-c", "2", "-n", "4", "--warm-up", "0"];
    let bench = [&few, &patience[..], &[&address]].concat();
    let said = [(send, row.send), (ping, row.ping), (check, row.check), (bench, row.bench)];
    for (command, cell) in said {
        let run = run(&command);
        assert!(says(&run, cell), "{:?}: {command:?} says not {cell:?}: {run:?}", row.faults);
    }
}

/// Says whether a run went as a cell of the table has it.
fn says(run: &Run, cell: &str) -> bool {
    match cell {
        "ok" => run.status == Some(0),
        cell => {
            let words = [&run.stdout[..], &run.stderr].concat();
            run.status == Some(1) && cell.split(", *or* ").any(|cell| words.contains(cell))
        }
    }
}
