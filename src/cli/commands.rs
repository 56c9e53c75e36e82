//! Words in, the arguments of one subcommand out: what argh leaves to its callers.

use std::ffi::OsString;

use argh::{EarlyExit, FromArgs};

use super::address::{Address, STDIN};
use super::check::Check;
use super::failure::Failure;
use super::listen::Listen;
use super::ping::Ping;
use super::send::Send;

/// What the command line asks for.
pub(crate) enum Command {
    Address(Address),
    Listen(Listen),
    Send(Send),
    Ping(Ping),
    Check(Check),
    /// Help or the version, for stdout.
    Print(String),
}

impl Command {
    /// Says whether its values are to be written as JSON objects.
    pub(crate) fn is_json(&self) -> bool {
        match self {
            Self::Address(arguments) => arguments.json,
            Self::Listen(arguments) => arguments.json,
            Self::Send(arguments) => arguments.json,
            Self::Ping(arguments) => arguments.json,
            Self::Check(arguments) => arguments.json,
            Self::Print(_) => false,
        }
    }
}

/// RFC 862 echo server and client for IPv4 and IPv6: do bytes come back, unchanged, and how fast?
#[derive(FromArgs)]
#[argh(
    help_triggers("-h", "--help"),
    note = "ADDRESS is HOST:PORT: 127.0.0.1:7000, [::1]:7000, [fe80::1%eth0]:7000 or name:7000;\nfor listen also :7000, which is every local address of both families.",
    example = "Serve both families on one socket:\n$ {command_name} listen [::]:7000",
    example = "Ask over each:\n$ {command_name} send 127.0.0.1:7000,[::1]:7000 hello",
    example = "Explain an address:\n$ {command_name} address 2001:db8::1",
    error_code(0, "all went well"),
    error_code(1, "the network said no, or bytes were lost, changed or late"),
    error_code(2, "the command was wrong, or this host could not do it")
)]
struct Echo6 {
    /// print the version
    #[argh(switch, short = 'V')]
    version: bool,

    #[argh(subcommand)]
    command: Option<Subcommand>,
}

#[derive(FromArgs)]
#[argh(subcommand)]
enum Subcommand {
    Address(Address),
    Listen(Listen),
    Send(Send),
    Ping(Ping),
    Check(Check),
}

/// Reads the words behind the program's name.
pub(crate) fn parse(words: &[OsString]) -> Result<Command, Failure> {
    let mut arguments = Vec::new();
    let mut only_values = false;
    for word in words {
        let word = word.to_str().ok_or_else(|| {
            Failure::usage(format!("argument is not UTF-8: {}", word.to_string_lossy()))
        })?;
        if word == "-" && arguments.first().is_some_and(|command| command == "address") {
            arguments.push(STDIN.to_owned());
            continue;
        }
        only_values |= word == "--";
        // argh knows `--name value` only, but fingers know `--name=value` too.
        match word.split_once('=') {
            Some((name, value)) if name.starts_with("--") && !only_values => {
                arguments.extend([name.to_owned(), value.to_owned()]);
            }
            _ => arguments.push(word.to_owned()),
        }
    }
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match Echo6::from_args(&["echo6"], &words) {
        Ok(Echo6 { version: true, .. }) => {
            Ok(Command::Print(concat!("echo6 ", env!("CARGO_PKG_VERSION"), "\n").to_owned()))
        }
        Ok(Echo6 { command: Some(Subcommand::Address(address)), .. }) => {
            Ok(Command::Address(address))
        }
        Ok(Echo6 { command: Some(Subcommand::Listen(listen)), .. }) => Ok(Command::Listen(listen)),
        Ok(Echo6 { command: Some(Subcommand::Send(send)), .. }) => Ok(Command::Send(send)),
        Ok(Echo6 { command: Some(Subcommand::Ping(ping)), .. }) => Ok(Command::Ping(ping)),
        Ok(Echo6 { command: Some(Subcommand::Check(check)), .. }) => Ok(Command::Check(check)),
        Ok(Echo6 { command: None, .. }) => {
            Err(Failure::usage("no command given").with_usage(&usage(&words)))
        }
        Err(EarlyExit { output, status: Ok(()) }) => Ok(Command::Print(output)),
        Err(EarlyExit { output, .. }) => {
            Err(Failure::usage(one_line(&output)).with_usage(&usage(&words)))
        }
    }
}

/// The usage line of the subcommand that `words` name, else of the whole program.
fn usage(words: &[&str]) -> String {
    let help = |words: &[&str]| match Echo6::from_args(&["echo6"], words) {
        Err(EarlyExit { output, status: Ok(()) }) => output.lines().next().map(str::to_owned),
        _ => None,
    };
    let subcommand = words.iter().find(|word| !word.starts_with('-'));
    subcommand
        .and_then(|subcommand| help(&[subcommand, "--help"]))
        .or_else(|| help(&["--help"]))
        .unwrap_or_default()
}

/// Turns argh's paragraphs into a phrase: lower case, one line, no full stop.
fn one_line(text: &str) -> String {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let text = text.trim_end_matches('.');
    let mut chars = text.chars();
    match chars.next() {
        Some(first) => format!("{}{}", first.to_lowercase(), chars.as_str()),
        None => "wrong arguments".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paragraphs_become_phrases() {
        assert_eq!(one_line("No value\n  given.\n"), "no value given");
        assert_eq!(one_line("\n"), "wrong arguments");
    }
}
