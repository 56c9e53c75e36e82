//! A text that is no prefix in, what was probably meant out.

use std::net::{IpAddr, Ipv4Addr};

use super::{Prefix, parse, width};
use crate::address::AddressErrorKind as Kind;
use crate::address::pton::{parse4, parse6};

/// Writes the text as it was probably meant, where that can be told.
pub(super) fn likely_fix(kind: Kind, text: &str) -> Option<String> {
    if text.len() > 100 {
        return None; // no prefix is half as long
    }
    let (address, length) = text.split_once('/').unwrap_or((text, ""));
    if address.is_empty() {
        return Some("write a prefix such as 10.0.0.0/8 or 2001:db8::/32".to_owned());
    }
    let bare = bare(address);
    match kind {
        Kind::HostBits | Kind::LengthOutOfRange if netmask(length).is_some() => {
            Some(format!("write {}", Prefix::new(bare.parse().ok()?, netmask(length)?)))
        }
        Kind::HostBits => Some(without_host_bits(bare.parse().ok()?, length.parse().ok()?)),
        Kind::MissingLength => Some(format!("add a length: {address}/{}", usual_length(address)?)),
        Kind::TooFewOctets | Kind::TooFewGroups | Kind::LoneTrailingColon => {
            Some(format!("write {}", filled_up(&bare, length)?))
        }
        Kind::UnexpectedCharacter => {
            let length = length.split(':').next()?.trim_start_matches(['+', '0', ' ']);
            let meant = match length {
                "" if text.contains('/') => format!("{bare}/0"),
                "" => bare.clone(),
                length => format!("{bare}/{length}"),
            };
            match parse(&meant) {
                Ok(_) => Some(format!("write {meant}")),
                // It was not the only mistake.
                Err(fault) if fault.kind != kind => likely_fix(fault.kind, &meant),
                Err(_) => None,
            }
        }
        _ => None,
    }
}

/// An address without what belongs to other texts: brackets, a zone, blanks, wildcards at its end.
fn bare(address: &str) -> String {
    let address = address.trim().trim_start_matches('[').trim_end_matches(']');
    let address = address.split('%').next().unwrap_or(address);
    match address.split_once('*') {
        Some((before, _)) => before.to_owned(),
        None => address.to_owned(),
    }
}

/// The prefix that an address with bits behind the `length` is in, or the address alone.
fn without_host_bits(address: IpAddr, length: u8) -> String {
    let meant = match address {
        // A mapped address with the length of an IPv4 prefix.
        IpAddr::V6(v6) if v6.to_ipv4_mapped().is_some() => match address.to_canonical() {
            v4 if length <= 32 => Prefix::new(v4, length),
            v4 => return format!("write {}", Prefix::new(v4, length.saturating_sub(96))),
        },
        _ => Prefix::new(address, length),
    };
    if address.is_ipv6() && meant.first().is_ipv4() {
        return format!("write {meant}");
    }
    format!("write {meant}, or {address}/{} for the address alone", width(address))
}

/// The length of a netmask (`255.0.0.0`) or of its complement (`0.0.0.255`), if it is one.
fn netmask(text: &str) -> Option<u8> {
    let mask = u32::from(parse4(text.as_bytes()).ok()?);
    [mask, !mask]
        .into_iter()
        .find(|mask| mask.leading_ones() + mask.trailing_zeros() == 32)
        .map(|mask| mask.leading_ones() as u8)
}

/// The length that most networks of the family have.
fn usual_length(address: &str) -> Option<&'static str> {
    if address.contains(':') {
        parse6(address.as_bytes()).ok().map(|_| "64")
    } else {
        parse4(address.as_bytes()).ok().map(|_| "24")
    }
}

/// What begins a prefix, with the zeros that are missing; without a length, as many bits as are
/// written.
fn filled_up(start: &str, length: &str) -> Option<String> {
    let start = start.trim_end_matches(['.', ':']);
    if start.contains(':') {
        let meant = format!("{start}::/{length}");
        return parse(&meant).is_ok().then_some(meant);
    }
    let mut octets = [0; 4];
    let mut count = 0;
    for octet in start.split('.') {
        *octets.get_mut(count)? = octet.parse().ok()?;
        count += 1;
    }
    let length = if length.is_empty() { 8 * count as u8 } else { length.parse().ok()? };
    let meant = Prefix::new(Ipv4Addr::from(octets).into(), length);
    (meant.first() == IpAddr::from(octets)).then(|| meant.to_string())
}
