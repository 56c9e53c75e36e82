//! `echo6 address`: explains address literals, or writes the canonical form of each line of stdin.

use std::io::{self, Write};
use std::net::IpAddr;

use argh::{ArgsInfo, FromArgs};
use echo6::address::{AddressError, AddressErrorKind, Endpoint, Prefix, ntop, pton};

use super::failure::{Failure, Status, Stop};
use super::sink::Sink;
use super::words::DASH;
use explain::Explanation;

mod explain;
mod lines;

/// explain each TEXT (an address, HOST:PORT or a prefix), or canonicalise the lines of stdin
#[derive(ArgsInfo, FromArgs)]
#[argh(subcommand, name = "address", help_triggers("-h", "--help"))]
pub(crate) struct Address {
    /// write one JSON object per line to stdout
    #[argh(switch)]
    pub(crate) json: bool,

    /// an address, HOST:PORT or a prefix; or "-" alone: read lines, write the canonical form of each
    #[argh(positional, arg_name = "TEXT")]
    texts: Vec<String>,
}

/// What a text can be: an address alone, or one with a port or with a length.
enum Literal {
    Address(IpAddr),
    Endpoint(Endpoint),
    Prefix(Prefix),
}

pub(crate) fn run(arguments: Address, sink: Sink) -> Result<Status, Stop> {
    let Address { json, texts } = arguments;
    let usage =
        |message| Failure::usage(message).with_help(Some("try 'echo6 address --help'".to_owned()));
    match &texts[..] {
        [] => Err(usage("no TEXT given").into()),
        [text] if text == DASH && json => lines::run(io::stdin().lock(), explain_line, sink),
        [text] if text == DASH => lines::run(io::stdin().lock(), canonicalise, sink),
        texts if texts.iter().any(|text| text == DASH) => Err(usage("\"-\" stands alone").into()),
        texts => {
            let mut status = Status::Ok;
            for (index, text) in texts.iter().enumerate() {
                match read(text) {
                    Ok(literal) => {
                        let explanation = Explanation::new(text, &literal);
                        let gap = if index > 0 && !json { "\n" } else { "" };
                        let shown = if json { explanation.json() } else { explanation.to_string() };
                        sink.data(format!("{gap}{shown}").as_bytes())?;
                    }
                    Err(error) => status = sink.failure(&error.into()),
                }
            }
            Ok(status)
        }
    }
}

/// Tells an address from an endpoint by its colons: only an endpoint has exactly one, or a bracket.
fn read(text: &str) -> Result<Literal, AddressError> {
    let mut colons = text.bytes().filter(|&byte| byte == b':');
    let alone = match (colons.next(), colons.next()) {
        (Some(_), None) => false,
        _ => !text.starts_with('['),
    };
    let error = match alone.then(|| pton(text)) {
        Some(Ok(address)) => return Ok(Literal::Address(address)),
        Some(Err(error)) => Some(error),
        None => None,
    };
    if looks_like_a_prefix(text) {
        return text.parse().map(Literal::Prefix);
    }
    // Where the endpoint's error is only that it looks like IPv6, the address's says more.
    text.parse().map(Literal::Endpoint).map_err(|as_endpoint: AddressError| match error {
        Some(error)
            if as_endpoint.kind() == AddressErrorKind::MissingBrackets && !text.contains('%') =>
        {
            error
        }
        _ => as_endpoint,
    })
}

/// Says whether a slash follows what no name or URL has before one.
fn looks_like_a_prefix(text: &str) -> bool {
    let Some((before, _)) = text.split_once('/') else { return false };
    let of_addresses = |c: char| c.is_ascii_hexdigit() || ".:[]*".contains(c);
    let address = before.split('%').next().unwrap_or(before);
    address.contains(|c: char| c.is_ascii_digit() || c == ':') && address.chars().all(of_addresses)
}

fn canonicalise(text: &str, out: &mut Vec<u8>) -> Result<(), AddressError> {
    match read(text)? {
        Literal::Address(address) => {
            out.extend_from_slice(ntop(address).as_bytes());
            out.push(b'\n');
        }
        Literal::Endpoint(endpoint) => {
            writeln!(out, "{endpoint}").expect("a Vec takes all that is written to it");
        }
        Literal::Prefix(prefix) => {
            writeln!(out, "{prefix}").expect("a Vec takes all that is written to it");
        }
    }
    Ok(())
}

fn explain_line(text: &str, out: &mut Vec<u8>) -> Result<(), AddressError> {
    out.extend_from_slice(Explanation::new(text, &read(text)?).json().as_bytes());
    Ok(())
}
