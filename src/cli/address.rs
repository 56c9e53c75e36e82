//! `echo6 address`: explains address literals, or writes the canonical form of each line of stdin.

use std::io::Write;
use std::net::{IpAddr, Ipv6Addr};

use argh::{ArgsInfo, FromArgs};
use echo6::address::{AddressError, AddressErrorKind, Endpoint, Host, Prefix, ntop, pton};

use super::failure::{Failure, Status, Stop};
use super::sink::Sink;
use super::stdio::Stdin;
use super::values::listed;
use explain::Explanation;

mod explain;
mod lines;

/// explain each TEXT (an address, HOST:PORT or a prefix), or canonicalise the lines of stdin
#[derive(ArgsInfo, FromArgs)]
#[argh(
    subcommand,
    name = "address",
    help_triggers("-h", "--help"),
    example = "What is this address, and what would connect to it?\n$ {command_name} ::ffff:192.0.2.7 '[fe80::1%eth0]:7000'",
    example = "Which addresses does a name have?\n$ {command_name} localhost",
    example = "Write the canonical form of each line:\n$ {command_name} - < FILE"
)]
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
    /// A link-local address with its zone, as ip(8) and resolv.conf(5) write it (RFC 4007, section
    /// 11).
    Scoped(Ipv6Addr, String),
}

pub(crate) fn run(arguments: Address, sink: Sink) -> Result<Status, Stop> {
    let Address { json, texts } = arguments;
    let usage = |message, help: &str| {
        Failure::usage(message).with_help(Some(format!("{help}; try 'echo6 address --help'")))
    };
    match &texts[..] {
        [] => Err(usage("no TEXT given", "write one: echo6 address '[::1]:7000'").into()),
        [text] if text == "-" && json => lines::run(Stdin, explain_line, sink),
        [text] if text == "-" => lines::run(Stdin, canonicalise, sink),
        texts if texts.iter().any(|text| text == "-") => {
            Err(usage("\"-\" stands alone", "leave the other TEXTs out, or \"-\"").into())
        }
        texts => {
            let mut status = Status::Ok;
            for (index, text) in texts.iter().flat_map(|text| items(text)).enumerate() {
                let explanation = match read(text) {
                    Ok(literal) => Ok(Explanation::new(text, &literal)),
                    Err(error) => look_up(text).unwrap_or_else(|| Err(error.into())),
                };
                match explanation {
                    Ok(explanation) => {
                        let gap = if index > 0 && !json { "\n" } else { "" };
                        let shown = if json { explanation.json() } else { explanation.to_string() };
                        sink.data(format!("{gap}{shown}").as_bytes())?;
                    }
                    Err(failure) => status = status.max(sink.failure(&failure)),
                }
            }
            Ok(status)
        }
    }
}

/// The texts in an argument, which may be a list; an empty one is refused.
fn items(argument: &str) -> Vec<&str> {
    let items: Vec<&str> = listed(argument).collect();
    if items.is_empty() { vec![argument] } else { items }
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
    let bracketed_alone = alone.then(|| format!("[{text}]:0").parse::<Endpoint>());
    if let Some(Ok(endpoint)) = bracketed_alone {
        if let Host::Zoned(address, zone) = endpoint.host() {
            return Ok(Literal::Scoped(*address, zone.clone()));
        }
    }
    // Where the endpoint's error is only that it looks like IPv6, the address's says more; but not
    // where brackets would make an endpoint of it.
    text.parse().map(Literal::Endpoint).map_err(|as_endpoint: AddressError| match error {
        Some(error)
            if as_endpoint.kind() == AddressErrorKind::MissingBrackets
                && bracketed(text).is_none() =>
        {
            error
        }
        _ => as_endpoint,
    })
}

/// Explains a name without a port by the addresses that it has; `None` if `text` is no name.
fn look_up(text: &str) -> Option<Result<Explanation, Failure>> {
    let endpoint: Endpoint = format!("{text}:0").parse().ok()?;
    let Host::Name(name) = endpoint.host() else { return None };
    let found = endpoint.resolve().map(|addresses| Explanation::of_name(text, name, &addresses));
    Some(found.map_err(Failure::from))
}

/// An IPv6 address and its port, in brackets.
fn bracketed(text: &str) -> Option<Endpoint> {
    let (address, port) = text.rsplit_once(':')?;
    if address.ends_with("::") && address.len() > 2 {
        return None; // three colons in a row are rather one too many
    }
    format!("[{address}]:{port}").parse().ok()
}

/// Says whether a slash follows what no name or URL has before one.
fn looks_like_a_prefix(text: &str) -> bool {
    let Some((before, length)) = text.split_once('/') else { return false };
    if length.contains([':', ']']) {
        return false; // it goes on behind the length, as an endpoint does
    }
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
        Literal::Scoped(address, zone) => {
            writeln!(out, "{}%{zone}", ntop(address))
                .expect("a Vec takes all that is written to it");
        }
    }
    Ok(())
}

fn explain_line(text: &str, out: &mut Vec<u8>) -> Result<(), AddressError> {
    out.extend_from_slice(Explanation::new(text, &read(text)?).json().as_bytes());
    Ok(())
}
