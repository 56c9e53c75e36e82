//! Each session in the README is what the programs print, but for ports and times.

mod common;

use common::binary::{Listening, run};

/// The lines of each `console` block: a command and its output.
fn sessions(text: &str) -> Vec<(Vec<&str>, Vec<&str>)> {
    let mut sessions = Vec::new();
    for block in text.split("```console\n").skip(1) {
        let block = block.split("```").next().unwrap();
        for session in block.split("$ ").skip(1) {
            let (command, output) = session.split_once('\n').unwrap();
            sessions.push((command.split(' ').collect(), output.lines().collect()));
        }
    }
    sessions
}

/// Replaces every number, so that ports and times compare equal.
fn without_numbers(text: &str) -> String {
    let mut shape = String::new();
    for c in text.chars() {
        match c {
            '0'..='9' | '.' if shape.ends_with('#') => {}
            '0'..='9' => shape.push('#'),
            c => shape.push(c),
        }
    }
    shape
}

#[test]
fn the_sessions_of_the_readme_are_real() {
    let readme = include_str!("../README.md");
    let server = Listening::start(&["[::]:0"]);
    let port = server.port.to_string();
    let mut seen = Vec::new();
    for (command, expected) in sessions(readme) {
        let arguments: Vec<String> =
            command[1..].iter().map(|word| word.replace("7000", &port)).collect();
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        match command[..2] {
            // What follows the first line is asserted in tests/cli.rs, the example's output in
            // tests/examples.rs: it comes in any order.
            ["echo6", "listen"] => {
                let listening = Listening::start(&["[::]:0"]);
                assert_eq!(
                    without_numbers(expected[0]),
                    without_numbers(listening.line.trim_end())
                );
            }
            ["cargo", _] => {}
            _ => {
                let run = run(&arguments);
                let output = format!("{}{}", run.stdout, run.stderr).replace(&port, "7000");
                let shown = expected.join("\n") + "\n";
                assert_eq!(without_numbers(&output), without_numbers(&shown), "{command:?}");
            }
        }
        seen.push(command[..2].join(" "));
    }
    for command in ["cargo run", "echo6 listen", "echo6 send"] {
        assert!(seen.iter().any(|seen| seen == command), "no session of {command}");
    }
}
