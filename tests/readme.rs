//! Each session in the README is what the programs print, but for ports and times.

#![cfg(all(unix, feature = "cli"))] // the sessions are a shell's

mod common;

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
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

/// A PROXY header of version 2 that says more than addresses, and a message.
const ANNOUNCED: &[u8] = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x20\
    \xc0\0\x02\x07\xc6\x33\x64\x01\xa0\x28\0\x07\
    \x02\0\x0cecho.example\x01\0\x02h2hello";

/// Talks to the server of a session as those clients did whose lines are in it.
fn talk(command: &str, port: u16) {
    let client = |line: &str| shell(&line.replace("7000", &port.to_string()));
    if command.contains(" -u ") {
        client("echo6 ping -u -c 3 -i 10ms 127.0.0.1:7000");
    } else if command.contains("--deny") {
        client("echo6 send '[::1]:7000' hello");
        client("echo6 send -s 127.6.6.6 127.0.0.1:7000 hello");
    } else if command.contains("--accept-proxy") {
        let mut balancer = TcpStream::connect(("127.0.0.1", port)).unwrap();
        balancer.write_all(ANNOUNCED).unwrap();
        balancer.shutdown(Shutdown::Write).unwrap();
        balancer.read_to_end(&mut Vec::new()).unwrap();
        client("echo6 send --proxy-protocol local 127.0.0.1:7000 ''");
        client("echo6 send 127.0.0.1:7000 hello");
    } else if command.contains("--fault") {
        // All at once: the client ends when it finds the first fault, and the second is to come first.
        client("echo6 send 127.0.0.1:7000 $(head -c 20000 /dev/zero | tr '\\0' x)");
    } else {
        client("echo6 send 127.0.0.1:7000 hello");
    }
}

/// Runs the server of a session, and its clients in turn, and returns its lines. No shell reads the
/// command; what is denied is an address that this host has.
fn serve(command: &str) -> Vec<String> {
    let arguments = command.replace("7000", "0").replace("10.6.6", "127.6.6").replace('\'', "");
    let arguments: Vec<&str> = arguments.split(' ').skip(2).collect();
    let listening = Listening::start(&arguments);
    let line = listening.line.trim_end().to_owned();
    talk(command, listening.port);
    let stopped = listening.stop(rustix::process::Signal::INT);
    assert_eq!(stopped.status, Some(0), "{stopped:?}");
    std::iter::once(line).chain(stopped.stderr.lines().map(str::to_owned)).collect()
}

#[test]
fn the_sessions_of_the_readme_are_real() {
    let server = Listening::start(&["[::]:0"]);
    let port = server.port.to_string();
    let mut seen = Vec::new();
    for (command, expected) in sessions(include_str!("../README.md")) {
        let subcommand: Vec<&str> = command.split(' ').take(2).collect();
        match subcommand[..] {
            ["echo6", "listen"] => {
                let served = serve(command);
                let shape = |line: &str| without_numbers(line);
                let output: Vec<_> = served.iter().map(|line| shape(line)).collect();
                let expected: Vec<_> = expected.iter().map(|line| shape(line)).collect();
                // Not each is shown to its end, and the first not beyond its first line.
                assert_eq!(output[..expected.len()], expected, "{command}");
            }
            // The example's output is asserted in tests/examples.rs: it comes in any order.
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
                let output = without_numbers(&output);
                // On a busy machine TCP sends again, and ping is late.
                let late = |line: &str| line.starts_with("resent ") || line.starts_with("skipped ");
                let lines = output.lines().filter(|line| !late(line));
                let output = lines.collect::<Vec<_>>().join("\n");
                let output =
                    output.replace(", # segments sent again", "").replace(", # skipped", "");
                assert_eq!(output, without_numbers(&expected.join("\n")));
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

#[test]
fn each_link_leads_to_a_heading_or_a_file() {
    let readme = include_str!("../README.md");
    let headings = readme.lines().filter(|line| line.starts_with('#'));
    let anchors: Vec<String> = headings
        .map(|line| {
            let title = line.trim_start_matches('#').trim().to_lowercase().replace(' ', "-");
            title.chars().filter(|c| c.is_alphanumeric() || *c == '-').collect()
        })
        .collect();
    for link in readme.split("](").skip(1).map(|rest| rest.split(')').next().unwrap()) {
        match link.strip_prefix('#') {
            Some(anchor) => assert!(anchors.iter().any(|known| known == anchor), "#{anchor}"),
            None if link.starts_with("https://") => {}
            None => {
                let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(link);
                assert!(path.exists(), "{link}");
            }
        }
    }
}

/// zsh takes brackets for a pattern of file names, and refuses what matches none.
#[test]
fn what_a_reader_types_has_no_bare_brackets() {
    let guides = [include_str!("../README.md"), include_str!("../examples/README.md")];
    for text in guides {
        for fence in ["```console\n", "```sh\n"] {
            for block in text.split(fence).skip(1).map(|rest| rest.split("```").next().unwrap()) {
                let typed =
                    block.lines().filter(|line| fence == "```sh\n" || line.starts_with("$ "));
                for line in typed {
                    let bare: String = line.split('\'').step_by(2).collect();
                    assert!(!bare.contains(['[', '*']), "{line}");
                }
            }
        }
    }
}
