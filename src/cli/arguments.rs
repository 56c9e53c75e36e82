//! Words in, the arguments of one subcommand out: what argh leaves to its callers.

use std::ffi::OsString;
use std::net::IpAddr;
use std::num::NonZeroUsize;
use std::time::Duration;

use argh::{EarlyExit, FromArgs};
use echo6::address::{Endpoint, Families, pton};

use super::address::Address;
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
    error_code(2, "the command was wrong, or an address cannot be bound")
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

/// What stands for the `-` of `echo6 address -`, because argh takes a lone `-` for an option it does
/// not know. No system passes an argument with a NUL in it.
pub(crate) const STDIN: &str = "\0";

/// Reads the words behind the program's name.
pub(crate) fn parse(words: impl Iterator<Item = OsString>) -> Result<Command, Failure> {
    let mut arguments = Vec::new();
    for word in words {
        let word = word.into_string().map_err(|word| {
            Failure::usage(format!("argument is not UTF-8: {}", word.to_string_lossy()))
        })?;
        if word == "-" && arguments.first().is_some_and(|command| command == "address") {
            arguments.push(STDIN.to_owned());
            continue;
        }
        // argh knows `--name value` only, but fingers know `--name=value` too.
        match word.split_once('=') {
            Some((name, value))
                if name.starts_with("--") && !arguments.contains(&"--".to_owned()) =>
            {
                arguments.extend([name.to_owned(), value.to_owned()]);
            }
            _ => arguments.push(word),
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

/// Reads a duration: seconds, or a number with `ms`, `s`, `m` or `h` behind it.
pub(crate) fn parse_duration(text: &str) -> Result<Duration, String> {
    let duration = match text.parse::<f64>() {
        Ok(seconds) => Duration::try_from_secs_f64(seconds).ok(),
        Err(_) => humantime::parse_duration(text).ok(),
    };
    duration
        .ok_or_else(|| "a duration is a number of seconds, or has a unit: 500ms, 2s, 5m, 1h".into())
}

/// Reads a duration that must not be zero.
pub(crate) fn parse_timeout(text: &str) -> Result<Duration, String> {
    match parse_duration(text)? {
        Duration::ZERO => Err("must be greater than zero".to_owned()),
        timeout => Ok(timeout),
    }
}

/// Reads a limit, a whole number that must not be zero.
pub(crate) fn parse_limit(text: &str) -> Result<NonZeroUsize, String> {
    let limit = usize::try_from(parse_count(text)?).map_err(|_| "must be smaller".to_owned())?;
    NonZeroUsize::new(limit).ok_or_else(|| "must be a number from 1 on".to_owned())
}

/// Reads a number of bytes that must not be zero.
pub(crate) fn parse_byte_limit(text: &str) -> Result<u64, String> {
    match parse_size(text)? {
        0 => Err("must be greater than zero".to_owned()),
        limit => Ok(limit),
    }
}

/// Reads a head start, within the bounds of RFC 8305, section 8.
pub(crate) fn parse_head_start(text: &str) -> Result<Duration, String> {
    let head_start = parse_duration(text)?;
    if (Duration::from_millis(10)..=Duration::from_secs(2)).contains(&head_start) {
        Ok(head_start)
    } else {
        Err("must be from 10ms to 2s".to_owned())
    }
}

/// Reads a number of bytes: a whole number, or one with `k`, `M` or `G` behind it, powers of 1024.
pub(crate) fn parse_size(text: &str) -> Result<u64, String> {
    let (digits, factor) = match text.char_indices().last() {
        Some((at, 'k' | 'K')) => (&text[..at], 1 << 10),
        Some((at, 'm' | 'M')) => (&text[..at], 1 << 20),
        Some((at, 'g' | 'G')) => (&text[..at], 1 << 30),
        _ => (text, 1),
    };
    let size = digits.parse::<u64>().ok().and_then(|number| number.checked_mul(factor));
    size.ok_or_else(|| "a size is a number of bytes, or has a unit: 64k, 1M, 1G".to_owned())
}

/// Reads a number that must not be zero.
pub(crate) fn parse_count(text: &str) -> Result<u64, String> {
    match text.parse() {
        Ok(0) | Err(_) => Err("must be a number from 1 on".to_owned()),
        Ok(count) => Ok(count),
    }
}

/// Reads an IPv4 or IPv6 address without a port.
pub(crate) fn parse_source(text: &str) -> Result<IpAddr, String> {
    pton(text).map_err(|error| format!("{error} (an address without brackets and port)"))
}

/// What `-4` and `-6` leave.
pub(crate) fn families(ipv4: bool, ipv6: bool) -> Result<Families, Failure> {
    match (ipv4, ipv6) {
        (false, false) => Ok(Families::Both),
        (true, false) => Ok(Families::Ipv4),
        (false, true) => Ok(Families::Ipv6),
        (true, true) => Err(Failure::usage("--ipv4 and --ipv6 exclude each other")),
    }
}

/// Reads the ADDRESS arguments of a `command` that takes one or more.
pub(crate) fn each_endpoint(command: &str, texts: &[String]) -> Result<Vec<Endpoint>, Failure> {
    if texts.is_empty() {
        return Err(Failure::usage("no ADDRESS given")
            .with_usage(&format!("Usage: echo6 {command} [OPTIONS] ADDRESS...")));
    }
    texts.iter().map(|text| Ok(text.parse()?)).collect()
}

/// Reads a comma-separated list of endpoints.
pub(crate) fn endpoints(list: &str) -> Result<Vec<Endpoint>, Failure> {
    list.split(',').map(|text| Ok(text.parse()?)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_seconds_or_have_a_unit() {
        for (text, millis) in
            [("5", 5000), ("0.25", 250), ("500ms", 500), ("2s", 2000), ("5m", 300_000), ("0", 0)]
        {
            assert_eq!(parse_duration(text), Ok(Duration::from_millis(millis)), "{text}");
        }
        for text in ["", "-1", "1e30", "inf", "NaN", "5 parsecs", "99999999999999999999h"] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
        assert!(parse_timeout("0").is_err() && parse_timeout("1").is_ok());
    }

    #[test]
    fn sizes_are_bytes_or_have_a_unit() {
        for (text, size) in
            [("0", 0), ("64", 64), ("64k", 65_536), ("1M", 1 << 20), ("2G", 2 << 30), ("1K", 1024)]
        {
            assert_eq!(parse_size(text), Ok(size), "{text}");
        }
        for text in ["", "k", "-1", "1.5k", "1kk", "1ß", "99999999999G"] {
            assert!(parse_size(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_head_start_has_bounds_and_a_count_begins_at_one() {
        assert!(parse_head_start("10ms").is_ok() && parse_head_start("2s").is_ok());
        assert!(parse_head_start("9ms").is_err() && parse_head_start("2.1").is_err());
        assert!(parse_count("1").is_ok() && parse_count("0").is_err());
    }

    #[test]
    fn paragraphs_become_phrases() {
        assert_eq!(one_line("No value\n  given.\n"), "no value given");
        assert_eq!(one_line("\n"), "wrong arguments");
    }
}
