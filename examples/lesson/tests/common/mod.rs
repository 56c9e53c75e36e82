//! Runs the programs of the lesson, and compares what they print with what its text shows.

// Each test file uses its part.
#![allow(dead_code)]

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// The text of the lesson.
pub(crate) const README: &str = include_str!("../../../README.md");

/// Runs a program that was built beside this test to its end; returns its lines.
pub(crate) fn run(name: &str) -> Vec<String> {
    let mut path: PathBuf = std::env::current_exe().unwrap();
    path.pop();
    path.pop();
    path.push(format!("{name}{}", std::env::consts::EXE_SUFFIX));
    let output = Command::new(&path).stdin(Stdio::null()).output();
    let output = output.unwrap_or_else(|error| panic!("{path:?}: {error}"));
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && stderr.is_empty(), "{name}: {}: {stderr}", output.status);
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

/// The programs of a folder by name, with their text.
pub(crate) fn programs(folder: &str) -> Vec<(String, String)> {
    let paths = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut programs = Vec::new();
    for path in paths {
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        // A reader's own are called my_NAME.
        if !name.starts_with("my_") {
            programs.push((name, std::fs::read_to_string(path).unwrap()));
        }
    }
    programs
}

/// Checks what each program of a folder owes its reader, and that the text shows what it prints.
pub(crate) fn check_steps(folder: &str, command: &str) {
    for (name, text) in programs(folder) {
        let code = text.lines().filter(|line| !line.starts_with("//!")).count();
        assert!(code <= 60, "{name} has {code} lines without its header");
        let header: Vec<&str> = text.lines().take_while(|line| line.starts_with("//!")).collect();
        let header = header.join("\n");
        assert!(header.contains(&format!("{command} {name}")), "{name}: no command");
        assert!(header.contains("Afterwards you can "), "{name}: no goal");
        assert!(!text.contains("unwrap()"), "{name} gives up instead of saying why");
        assert!(README.contains(&format!("/src/bin/{name}.rs)")), "{name} is not in the plan");
        check_output(&name, command);
    }
}

/// Compares the output of a program with the block in the text, and with the blanks before it.
fn check_output(name: &str, command: &str) {
    let start = format!("```console\n$ {command} {name}\n");
    let Some((before, rest)) = README.split_once(&start) else { panic!("no output of {name}") };
    let shown = rest.split("```").next().unwrap();
    let guess = before.rsplit("```text\n").next().unwrap().split("```").next().unwrap();
    assert!(guess.contains("____"), "nothing to guess before {name}");

    let real = run(name);
    if !cfg!(target_os = "linux") {
        println!("skipped: the output of {name} is shown as on Linux");
        return;
    }
    let needs_ipv6 = ["::", "INET6", "no route"].iter().any(|word| shown.contains(word));
    if needs_ipv6 && TcpListener::bind("[::1]:0").is_err() {
        println!("skipped: the output of {name} is shown as with IPv6, and this host has none");
        return;
    }
    let real = shapes(real.iter().map(String::as_str));
    assert_eq!(real, shapes(shown.lines()), "{name}");
    let mut lines = real.iter();
    for blanks in shapes(guess.lines()) {
        assert!(lines.any(|line| fits(line, &blanks)), "{name}: {blanks:?} is not in {real:#?}");
    }
}

fn shapes<'a>(lines: impl Iterator<Item = &'a str>) -> Vec<String> {
    // The addresses of a name differ from host to host.
    lines.filter(|line| !line.starts_with("localhost is ")).map(shape).collect()
}

/// A line without what differs from run to run: ports, times and the sizes of buffers. The numbers
/// of errors, addresses and small counts stay.
fn shape(line: &str) -> String {
    let varies = ["descriptor ", " is ", "are open", "without room", "send takes", "a task  "];
    let varies = varies.iter().any(|word| line.contains(word));
    let mut shape = String::new();
    let mut rest = line;
    while let Some(start) = rest.find(|c: char| c.is_ascii_digit()) {
        let length = rest[start..].find(|c: char| !c.is_ascii_digit() && c != '.');
        let end = length.map_or(rest.len(), |length| start + length);
        let number = &rest[start..end];
        shape += &rest[..start];
        rest = &rest[end..];
        let is_errno = shape.ends_with("(os error ");
        let is_time = rest.starts_with(" ms");
        let is_port = !number.contains('.') && number.len() > 3;
        shape += if !is_errno && (varies || is_time || is_port) { "#" } else { number };
    }
    (shape + rest).split_whitespace().collect::<Vec<_>>().join(" ").replace(" -#", " #")
}

/// Says whether a line is the one with blanks in it.
fn fits(line: &str, blanks: &str) -> bool {
    let mut parts = blanks.split("____");
    let Some(mut rest) = parts.next().and_then(|first| line.strip_prefix(first)) else {
        return false;
    };
    let parts: Vec<&str> = parts.collect();
    for part in &parts {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.is_empty() || parts.last().is_some_and(|last| last.is_empty())
}
