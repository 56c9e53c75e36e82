//! Words in, the arguments of one subcommand out: what argh leaves to its callers.

use std::ffi::OsString;

use argh::{ArgsInfo, EarlyExit, FromArgs};

use super::address::Address;
use super::bench::Bench;
use super::check::Check;
use super::failure::Failure;
use super::generate::{Document, generate};
use super::help;
use super::listen::Listen;
use super::ping::Ping;
use super::send::Send;
use super::values::no_address;
use super::words::{self, Asked};

/// What the command line asks for.
pub(crate) enum Command {
    Address(Address),
    Listen(Listen),
    Send(Send),
    Ping(Ping),
    Check(Check),
    Bench(Box<Bench>),
    /// Help, a document or the version, for stdout.
    Print(String),
}

impl Command {
    /// The word that stands for it.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Address(_) => "address",
            Self::Listen(_) => "listen",
            Self::Send(_) => "send",
            Self::Ping(_) => "ping",
            Self::Check(_) => "check",
            Self::Bench(_) => "bench",
            Self::Print(_) => "help",
        }
    }

    /// Says whether its values are to be written as JSON objects.
    pub(crate) fn is_json(&self) -> bool {
        match self {
            Self::Address(arguments) => arguments.json,
            Self::Listen(arguments) => arguments.json,
            Self::Send(arguments) => arguments.json,
            Self::Ping(arguments) => arguments.json,
            Self::Check(arguments) => arguments.json,
            Self::Bench(arguments) => arguments.json,
            Self::Print(_) => false,
        }
    }
}

/// RFC 862 echo server and client for IPv4 and IPv6: do bytes come back, unchanged, and how fast?
#[derive(ArgsInfo, FromArgs)]
#[argh(
    help_triggers("-h", "--help"),
    note = "ADDRESS is HOST:PORT: 127.0.0.1:7000, '[::1]:7000', '[fe80::1%eth0]:7000' or name:7000; for listen also :7000, which is every local address of both families.",
    note = "'echo6 --generate WHAT' writes the man page (man) or completions (bash, zsh, fish, nushell) to stdout.",
    example = "Serve both families on one socket:\n$ {command_name} listen '[::]:7000'",
    example = "Ask over each:\n$ {command_name} send '127.0.0.1:7000,[::1]:7000' hello",
    example = "Explain an address:\n$ {command_name} address 2001:db8::1",
    error_code(0, "all went well"),
    error_code(1, "the network said no, or bytes were lost, changed or late"),
    error_code(2, "the command was wrong, or this host could not do it")
)]
struct Echo6 {
    /// print the version
    #[argh(switch, short = 'V', long = "version")]
    _version: bool, // for the help: it is read before

    #[argh(subcommand)]
    command: Subcommand,
}

#[derive(ArgsInfo, FromArgs)]
#[argh(subcommand)]
enum Subcommand {
    Address(Address),
    Listen(Listen),
    Send(Send),
    Ping(Ping),
    Check(Check),
    Bench(Bench),
}

/// Reads the words behind the program's name.
pub(crate) fn parse(words: &[OsString]) -> Result<Command, Failure> {
    let words = words.iter().map(|word| {
        word.to_str().ok_or_else(|| {
            Failure::usage(format!("argument is not UTF-8: {}", word.to_string_lossy()))
                .with_help(Some("send such bytes from a file (-f FILE) or on stdin".to_owned()))
        })
    });
    let words = words.collect::<Result<Vec<&str>, _>>()?;
    let program = Echo6::get_args_info();
    let words = match words::read(&words, &program)? {
        Asked::Command(words) => words,
        Asked::Help(command) => {
            return Ok(Command::Print(help::text(&program, command.as_deref())));
        }
        Asked::Document(name) => {
            let document = Document::parse(&name).map_err(Failure::usage)?;
            return Ok(Command::Print(generate(document, &program)));
        }
        Asked::Version => {
            return Ok(Command::Print(
                concat!("echo6 ", env!("CARGO_PKG_VERSION"), "\n").to_owned(),
            ));
        }
    };
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match Echo6::from_args(&["echo6"], &words) {
        Ok(Echo6 { command, .. }) => Ok(match command {
            Subcommand::Address(address) => Command::Address(address),
            Subcommand::Listen(listen) => Command::Listen(listen),
            Subcommand::Send(send) => Command::Send(send),
            Subcommand::Ping(ping) => Command::Ping(ping),
            Subcommand::Check(check) => Command::Check(check),
            Subcommand::Bench(bench) => Command::Bench(Box::new(bench)),
        }),
        Err(EarlyExit { output, status: Ok(()) }) => Ok(Command::Print(output)),
        Err(EarlyExit { output, .. }) => {
            let command = words.first().copied().unwrap_or_default();
            let phrase = one_line(&output);
            if phrase == "no ADDRESS given" {
                return Err(no_address(command));
            }
            Err(Failure::usage(phrase).with_help(Some(format!("try 'echo6 {command} --help'"))))
        }
    }
}

/// Turns argh's paragraphs into a phrase: lower case, one line, no full stop. Of a value that cannot
/// be read it keeps the option, the value and the reason.
fn one_line(text: &str) -> String {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let text = text.trim_end_matches('.');
    let option = text.strip_prefix("Error parsing option '").and_then(|rest| {
        let (option, rest) = rest.split_once("' with value '")?;
        let (value, reason) = rest.split_once("': ")?;
        Some(format!("{option} {value}: {reason}"))
    });
    if let Some(phrase) = option {
        return phrase;
    }
    if let Some(name) = text.strip_prefix("Required positional arguments not provided: ") {
        return format!("no {} given", name.split(' ').next().unwrap_or(name));
    }
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
    fn each_command_has_examples_that_can_be_typed() {
        let program = Echo6::get_args_info();
        for command in program.commands.iter().map(|command| &command.command) {
            assert!((2..=4).contains(&command.examples.len()), "{}", command.name);
            let name = format!("echo6 {}", command.name);
            let lines = command.examples.iter().flat_map(|example| example.lines().skip(1));
            for line in lines.map(|line| line.replace("{command_name}", &name)) {
                let typed = line.strip_prefix("$ echo6 ").unwrap();
                let typed = typed.split_once(" <").map_or(typed, |(typed, _)| typed);
                let words: Vec<OsString> =
                    typed.split(' ').map(|word| word.trim_matches('\'').into()).collect();
                let parsed = parse(&words);
                assert!(!matches!(parsed, Err(_) | Ok(Command::Print(_))), "{line}");
            }
        }
    }

    #[test]
    fn help_fits_80_columns() {
        let program = Echo6::get_args_info();
        let names = program.commands.iter().map(|command| Some(command.command.name));
        for name in names.chain([None]) {
            let help = help::text(&program, name);
            let long = help.lines().find(|line| line.chars().count() > 80);
            assert_eq!(long, None, "{name:?}");
            assert!(help.contains("\nExamples:\n  ") && !help.contains('{'), "{name:?}: {help}");
        }
    }

    #[test]
    fn paragraphs_become_phrases() {
        assert_eq!(one_line("No value\n  given.\n"), "no value given");
        assert_eq!(one_line("\n"), "wrong arguments");
        let wrong =
            "Error parsing option '--count' with value '0': must be a number of at least 1\n";
        assert_eq!(one_line(wrong), "--count 0: must be a number of at least 1");
        let missing = "Required positional arguments not provided:\n    ADDRESS\n";
        assert_eq!(one_line(missing), "no ADDRESS given");
    }
}
