//! The man page as its checkers read it, and the completions in the shells themselves. A program that
//! is not installed is skipped aloud.

#![cfg(all(unix, feature = "cli"))]

mod common;

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

use common::binary::run;

/// Command lines up to the Tab, as words, and the last word after it.
const COMPLETIONS: [(&[&str], &str); 4] = [
    (&["echo6", "pi"], "ping"),
    (&["echo6", "ping", "--inte"], "--interval"),
    (&["echo6", "ping", "[::1]:7000", "--inte"], "--interval"),
    (&["echo6", "send", "localhost:7000", "hello", "--par"], "--parallel"),
];

fn generate(document: &str) -> String {
    let run = run(&["--generate", document]);
    assert_eq!((run.status, &run.stderr[..]), (Some(0), ""));
    run.stdout
}

/// A file of a test, gone with it.
struct File(PathBuf);

impl File {
    fn write(name: &str, text: &str) -> Self {
        static FILES: AtomicUsize = AtomicUsize::new(0);
        let number = FILES.fetch_add(1, Ordering::Relaxed);
        let folder = format!("echo6-{}-{number}", std::process::id());
        let folder = std::env::temp_dir().join(folder);
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join(name);
        std::fs::write(&path, text).unwrap();
        Self(path)
    }

    fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }

    fn folder(&self) -> &str {
        self.0.parent().unwrap().to_str().unwrap()
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(self.folder());
    }
}

/// Runs a program and returns what it printed, stdout and then stderr; `None`, aloud, if it is not
/// installed.
fn output(program: &str, arguments: &[&str]) -> Option<String> {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).env("LC_ALL", "C").env("MANWIDTH", "80");
    let Ok(output) = command.output() else {
        eprintln!("skipped: {program} is not installed");
        return None;
    };
    Some(String::from_utf8([output.stdout, output.stderr].concat()).expect("UTF-8"))
}

#[test]
fn the_checker_of_man_pages_is_silent() {
    let page = File::write("echo6.1", &generate("man"));
    if let Some(complaints) = output("mandoc", &["-Tlint", page.path()]) {
        assert_eq!(complaints, "");
    }
}

#[test]
fn the_man_page_reads_well_at_80_columns() {
    let page = File::write("echo6.1", &generate("man"));
    let Some(text) = output("man", &["-l", page.path()]) else { return };
    if text.contains("has been minimized") {
        eprintln!("skipped: man is a stub on this system");
        return;
    }
    let long = text.lines().find(|line| line.chars().count() > 80);
    assert_eq!(long, None);
    for heading in [
        "NAME",
        "SYNOPSIS",
        "OPTIONS",
        "ECHO6 LISTEN",
        "ECHO6 SEND",
        "ECHO6 PING",
        "ECHO6 CHECK",
        "ECHO6 ADDRESS",
        "JSON",
        "EXIT STATUS",
        "EXAMPLES",
    ] {
        assert!(text.lines().any(|line| line == heading), "{heading}");
    }
    for part in ["-m, --max-conns N", "connect_us", "$ echo6 listen", "echo6 --generate WHAT"] {
        assert!(text.contains(part), "{part}");
    }
}

#[test]
fn every_event_of_the_json_lines_is_in_the_man_page() {
    let page = generate("man");
    for event in ["listening", "closed", "stopped", "reply", "unreachable", "summary", "failure"] {
        assert!(page.contains(event), "{event}");
    }
}

#[test]
fn bash_completes() {
    let script = File::write("echo6.bash", &generate("bash"));
    for (words, expected) in COMPLETIONS {
        let line = r#"source "$1"; COMP_WORDS=("${@:2}"); COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
            _echo6; echo "${COMPREPLY[@]} ${cmd-}""#;
        let arguments = [&["--norc", "-c", line, "bash", script.path()], words].concat();
        let Some(completed) = output("bash", &arguments) else { return };
        assert_eq!(completed.trim_end(), expected, "{words:?}");
    }
}

#[test]
fn fish_completes() {
    let script = File::write("echo6.fish", &generate("fish"));
    for (words, expected) in COMPLETIONS {
        let line = format!("source {}; complete -C '{}'", script.path(), words.join(" "));
        let Some(completed) = output("fish", &["--no-config", "-c", &line]) else { return };
        assert_eq!(completed.split('\t').next(), Some(expected), "{words:?}: {completed}");
    }
}

/// Types into a shell on a terminal of its own, whose `echo6` prints its arguments.
const ZSH: &str = r#"
zmodload zsh/zpty
zpty shell zsh -f -i
zpty -w shell "stty -echo; fpath=($1 \$fpath); autoload -Uz compinit; compinit -u -D; \
    echo6() { print -r \"<\$*>\" }; print re''ady"
zpty -r -m shell text '*ready*'
zpty -w -n shell "$2"$'\t\n'
zpty -r -m shell text '*<*>*'
print -r -- "$text"
"#;

#[test]
fn zsh_completes() {
    let script = File::write("_echo6", &generate("zsh"));
    for (words, expected) in COMPLETIONS {
        let line: Vec<String> = words.iter().map(|word| word.replace('[', "\\[")).collect();
        let arguments = ["-f", "-c", ZSH, "zsh", script.folder(), &line.join(" ")];
        let Some(completed) = output("zsh", &arguments) else { return };
        let (_, ran) = completed.rsplit_once('<').unwrap_or_else(|| panic!("{completed:?}"));
        let (ran, _) = ran.split_once('>').unwrap();
        assert_eq!(ran.split(' ').next_back(), Some(expected), "{words:?}: {ran}");
    }
}

#[test]
fn nushell_completes() {
    let script = File::write("echo6.nu", &generate("nushell"));
    let loads = [format!("source {}", script.path()), format!("use {} *", script.path())];
    for load in loads {
        for (words, expected) in COMPLETIONS {
            let line: Vec<_> =
                words.iter().map(|word| word.replace("[::1]:7000", "'[::1]:7000'")).collect();
            let text = format!("{load}\n{}", line.join(" "));
            let typed = File::write("typed.nu", &text);
            let end = text.len().to_string();
            let arguments = ["--no-config-file", "--ide-complete", &end, typed.path()];
            let Some(completed) = output("nu", &arguments) else { return };
            // A subcommand is completed to `echo6 ping`, as one name.
            let only = [format!("[\"{expected}\"]"), format!("[\"echo6 {expected}\"]")];
            assert!(
                only.iter().any(|only| completed.contains(only)),
                "{load}: {words:?}: {completed}"
            );
        }
    }
}

#[test]
fn an_unknown_document_is_refused_with_the_known_ones() {
    let run = run(&["--generate", "csh"]);
    assert_eq!(run.status, Some(2));
    assert!(run.stderr.contains("man, bash, zsh, fish or nushell"), "{}", run.stderr);
}
