//! A text that is no endpoint in, what was probably meant out.

use super::parse;
use crate::address::AddressErrorKind as Kind;

/// Writes the text as it was probably meant, where that can be told.
pub(super) fn likely_fix(kind: Kind, text: &str) -> Option<String> {
    let parses = |text: &str| parse(text).is_ok();
    match kind {
        // No host has so long a name that this would be more than noise.
        _ if text.len() > 300 => None,
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
        Kind::EscapedZone => Some(format!("write {}", text.replacen("%25", "%", 1))),
        Kind::Url => {
            let authority = text.split_once("://")?.1.split('/').next()?;
            parses(authority).then(|| format!("write {authority}"))
        }
        _ => None,
    }
}
