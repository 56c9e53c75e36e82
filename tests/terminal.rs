//! What is shown on a terminal while a command waits, and what is not where there is none. Without
//! script(1), which lends it one, this is skipped aloud.

#![cfg(all(target_os = "linux", feature = "cli"))]

mod common;

use std::process::{Command, Stdio};
use std::thread;

use common::V4;
use common::binary::run;
use common::liar::{self, Liar};

/// All that a command writes to a terminal.
fn on_terminal(arguments: &[&str]) -> Option<String> {
    let line = [&[env!("CARGO_BIN_EXE_echo6")], arguments].concat().join(" ");
    let mut script = Command::new("script");
    script.args(["-qec", &line, "/dev/null"]).stdin(Stdio::null()).env("TERM", "dumb");
    let Ok(output) = script.output() else {
        eprintln!("skipped: script is not installed");
        return None;
    };
    Some(String::from_utf8(output.stdout).expect("UTF-8"))
}

#[test]
fn who_waits_for_more_than_a_second_sees_for_what() {
    let address = &Liar::start(V4, liar::never_answers).address.to_string();
    let bench = ["bench", "-w", "1s", "-c", "2", "-d", "400ms", "--warm-up", "400ms", address];
    let rows = [
        (&["check", "-w", "2s", address][..], "checking for 1 s"),
        (&["send", "-w", "2s", address, "x"], "waiting for 1 s, 0 messages came back by then"),
        (&bench, "nothing came back yet, 0 faults"),
        (&["ping", "-w", "100ms", "-c", "1", address], "ping 127.0.0.1:"),
    ];
    thread::scope(|scope| {
        for (arguments, shown) in rows {
            scope.spawn(move || {
                let Some(text) = on_terminal(arguments) else { return };
                assert!(text.contains(shown), "{arguments:?}: {text:?}");
                // The line is taken away before anything else is written.
                let redrawn = text.matches("\u{1b}[K").count();
                let cleared = text.rfind("\u{1b}[K").map(|at| &text[at..]);
                let gone = cleared.is_none_or(|rest| !rest.contains(shown));
                assert!(gone && redrawn != 1, "{text:?}");

                let plain = run(arguments);
                let said = format!("{}{}", plain.stdout, plain.stderr);
                let drawn = said.contains(shown) || said.contains('\u{1b}');
                assert!(!drawn, "{arguments:?}: {plain:?}");

                let quiet = on_terminal(&[arguments, &["-q"]].concat()).unwrap_or_default();
                let drawn = quiet.contains(shown) || quiet.contains('\u{1b}');
                assert!(!drawn, "{arguments:?}: {quiet:?}");
            });
        }
    });
}

#[test]
fn who_waits_for_a_datagram_sees_for_what() {
    let silent = std::net::UdpSocket::bind((V4, 0)).unwrap();
    let address = &silent.local_addr().unwrap().to_string();
    let shown = "waiting for 1 s, 0 datagrams came back by then";
    for (flags, is_shown) in [(&[][..], true), (&["-q"], false)] {
        let arguments = [&["send", "-u", "-w", "1300ms", address], flags, &["x"]].concat();
        let Some(text) = on_terminal(&arguments) else { return };
        assert_eq!(text.contains(shown), is_shown, "{arguments:?}: {text:?}");
    }
}
