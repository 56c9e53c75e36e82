//! Each session in the README is what the programs print, but for ports and times.

#![cfg(all(unix, feature = "cli"))] // the sessions are a shell's

mod common;

use std::path::Path;
use std::process::Command;

use common::binary::Listening;

/// The lines of each `console` block: a command and its output.
fn sessions(text: &str) -> Vec<(&str, Vec<&str>)> {
    let mut sessions = Vec::new();
    for block in text.split("```console\n").skip(1) {
        let block = block.split("```").next().unwrap();
        for session in format!("\n{block}").split("\n$ ").skip(1) {
            // Borrowed from the text itself, which outlives the copy.
            let at = text.find(session).unwrap();
            let (command, output) = text[at..at + session.len()].split_once('\n').unwrap();
            sessions.push((command, output.trim_end().lines().collect()));
        }
    }
    sessions
}

/// Replaces every number, and the spaces that align it, so that ports and times compare equal.
fn without_numbers(text: &str) -> String {
    let mut shape = String::new();
    for c in text.chars() {
        match c {
            ' ' if shape.ends_with(' ') => {}
            '0'..='9' | '.' if shape.ends_with('#') => {}
            '0'..='9' => shape.push('#'),
            c => shape.push(c),
        }
    }
    shape
}

/// The same of a report whose figures may have more or fewer digits.
fn of_any_speed(line: &str) -> String {
    without_numbers(line).replace(",#", "").replace("KiB", "MiB").replace("faster", "slower")
}

/// Runs a command line in a shell that finds the binary under test.
fn shell(line: &str) -> String {
    let binary = Path::new(env!("CARGO_BIN_EXE_echo6"));
    let path = format!("{}:{}", binary.parent().unwrap().display(), std::env::var("PATH").unwrap());
    let output = Command::new("sh").args(["-c", line]).env("PATH", path).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (text(&output.stdout) + &text(&output.stderr)).trim_end().to_owned()
}

#[test]
fn the_sessions_of_the_readme_are_real() {
    let server = Listening::start(&["[::]:0"]);
    let port = server.port.to_string();
    let mut seen = Vec::new();
    for (command, expected) in sessions(include_str!("../README.md")) {
        let subcommand: Vec<&str> = command.split(' ').take(2).collect();
        match subcommand[..] {
            // What follows the first line is asserted in tests/cli.rs, the example's output in
            // tests/examples.rs: it comes in any order.
            ["echo6", "listen"] => {
                let arguments = command.replace("7000", "0").replace('\'', ""); // no shell reads it
                let arguments: Vec<&str> = arguments.split(' ').skip(2).collect();
                let listening = Listening::start(&arguments);
                let line = listening.line.trim_end();
                assert_eq!(without_numbers(line), without_numbers(expected[0]));
            }
            ["cargo", _] => {}
            ["echo6", "bench"] => {
                let command = format!("{command} -d 400ms --warm-up 50ms");
                let output = shell(&command.replace("7000", &port)).replace(&port, "7000");
                let output: Vec<&str> = output.lines().collect();
                for (line, expected) in output.iter().zip(&expected) {
                    // Which of the two is slower is for the machine to say.
                    let chance = line.starts_with("no difference beyond chance: IPv6 ");
                    if !(chance && expected.starts_with("IPv6 is ")) {
                        assert_eq!(of_any_speed(line), of_any_speed(expected), "{output:?}");
                    }
                }
                // A busy machine has warnings behind that.
                assert!(output.len() >= expected.len(), "{output:?}");
            }
            _ => {
                let output = shell(&command.replace("7000", &port)).replace(&port, "7000");
                assert_eq!(without_numbers(&output), without_numbers(&expected.join("\n")));
            }
        }
        seen.push(subcommand.join(" "));
    }
    for command in [
        "cargo run",
        "echo6 listen",
        "echo6 send",
        "echo6 ping",
        "echo6 check",
        "echo6 bench",
        "echo6 address",
    ] {
        assert!(seen.iter().any(|seen| seen == command), "no session of {command}");
    }
}
