//! A text that is no endpoint in, what was probably meant out.

use super::parse;
use crate::address::AddressErrorKind as Kind;

/// Writes the text as it was probably meant, where that can be told.
pub(super) fn likely_fix(kind: Kind, text: &str) -> Option<String> {
    let parses = |text: &str| parse(text).is_ok();
    match kind {
        // No host has so long a name that this would be more than noise.
        _ if text.len() > 300 => None,
        _ if text.parse::<u16>().is_ok() => {
            Some(format!("write :{text} to listen, or HOST:{text} to connect"))
        }
        _ if swapped(text).is_some() => swapped(text).map(|meant| format!("write {meant}")),
        _ if text.contains('/') && !text.contains("://") => without_slash(text),
        Kind::MissingBrackets => match text.rsplit_once(':') {
            Some((ip, port)) if parses(&format!("[{ip}]:{port}")) => {
                Some(format!("write [{ip}]:{port}"))
            }
            _ if parses(&format!("[{text}]:0")) => Some(format!("write [{text}]:PORT")),
            _ => None,
        },
        Kind::MissingPort => {
            Some(format!("add a port: {}:7000", text.strip_suffix(':').unwrap_or(text)))
        }
        Kind::UnmatchedBracket => {
            let (ip, port) = text.strip_prefix('[')?.rsplit_once(':')?;
            let meant = format!("[{ip}]:{port}");
            parses(&meant).then(|| format!("write {meant}"))
        }
        Kind::BracketedIpv4 => {
            let meant = text.replace(['[', ']'], "");
            if parses(&meant) {
                return Some(format!("write {meant}"));
            }
            parses(&format!("{meant}:0")).then(|| format!("write {meant}:PORT"))
        }
        Kind::EscapedZone => {
            let meant = text.replacen("%25", "%", 1);
            parses(&meant).then(|| format!("write {meant}"))
        }
        Kind::Url => {
            let authority = text.split_once("://")?.1.split('/').next()?;
            parses(authority).then(|| format!("write {authority}"))
        }
        Kind::TooManyOctets => {
            // As tcpdump(1) writes it.
            let (ip, port) = text.rsplit_once('.')?;
            let meant = format!("{ip}:{port}");
            parses(&meant).then(|| format!("write {meant}"))
        }
        Kind::UnexpectedCharacter => {
            let (host, port) = text.rsplit_once(':')?;
            if host == "*" && parses(&format!(":{port}")) {
                return Some(format!("write :{port}"));
            }
            let is_service = port.starts_with(|c: char| c.is_ascii_alphabetic());
            let is = if port == "echo" { ": echo is 7" } else { ", 0 to 65535" };
            (is_service && parses(&format!("{host}:0"))).then(|| format!("a port is a number{is}"))
        }
        _ => None,
    }
}

/// `127.0.0.1:7000` for `7000:127.0.0.1`.
fn swapped(text: &str) -> Option<String> {
    let (port, host) = text.split_once(':')?;
    port.parse::<u16>().ok()?;
    let meant = format!("{host}:{port}");
    parse(&meant).is_ok().then_some(meant)
}

/// What is meant by a text with a slash in it: the rest of a URL, or a prefix length.
fn without_slash(text: &str) -> Option<String> {
    let (before, behind) = text.split_once('/')?;
    if parse(before).is_ok() {
        return Some(format!("write {before}"));
    }
    // The port may stand behind the length, and the bracket too.
    let (length, port) = behind.split_once(':').unwrap_or((behind, "PORT"));
    let length = length.trim_end_matches(']');
    length.parse::<u8>().ok()?;
    let ip = before.trim_start_matches('[');
    let host = if ip.contains(':') { format!("[{ip}]") } else { ip.to_owned() };
    let number = if port == "PORT" { "0" } else { port };
    parse(&format!("{host}:{number}")).ok()?;
    Some(format!("/{length} is a prefix length: write {host}:{port}"))
}
