//! Texts in, std's word on them out: what is an address, and at which byte the others go wrong.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use echo6::address::{AddressError, pton, pton4, pton6};

/// Holds all that is promised of a text against std and the oracle.
pub(crate) fn judged_rightly(text: &str) {
    reads_as_std_does(text);
    fails_where_the_oracle_says(text);
}

/// Holds what is read against what std reads.
pub(crate) fn reads_as_std_does(text: &str) {
    assert_eq!(pton4(text).ok(), text.parse().ok(), "{text:?}");
    assert_eq!(pton6(text).ok(), text.parse().ok(), "{text:?}");
    assert_eq!(pton(text).ok(), text.parse().ok(), "{text:?}");
}

/// A position is right if what stands before it can be mended, and with its byte no longer can.
pub(crate) fn fails_where_the_oracle_says(text: &str) {
    let judge = |error: Option<AddressError>, mendable: fn(&[u8]) -> bool| {
        let Some(error) = error else { return };
        let (at, bytes) = (error.position(), text.as_bytes());
        assert!(mendable(&bytes[..at]), "{error}: too late");
        assert!(at == bytes.len() || !mendable(&bytes[..=at]), "{error}: too early");
    };
    judge(pton4(text).err(), mendable4);
    judge(pton6(text).err(), mendable6);
}

/// Says whether a beginning can become an IPv4 address. If any continuation does it, one of these
/// does: the open octet is an octet as it is or, without a digit, with a 0; what is missing then is
/// up to three octets, which may be 0.
pub(crate) fn mendable4(beginning: &[u8]) -> bool {
    any_parses::<Ipv4Addr>(beginning, &["", ".0", ".0.0", ".0.0.0"])
}

/// Says whether a beginning can become an IPv6 address. If any continuation does it, one of these
/// does: a lone `:` at the start needs its second; else the open group or octet is one as it is or,
/// without a digit, with a 0; what is missing then is nothing (with `::`), up to seven groups
/// (without), or up to three octets (in a dotted tail), which may all be 0.
pub(crate) fn mendable6(beginning: &[u8]) -> bool {
    let rests: [&str; 12] = std::array::from_fn(|index| match index {
        0..8 => &":0:0:0:0:0:0:0"[..2 * index],
        8..11 => &".0.0.0"[..2 * (index - 7)],
        _ => ":",
    });
    any_parses::<Ipv6Addr>(beginning, &rests)
}

fn any_parses<T: FromStr>(beginning: &[u8], rests: &[&str]) -> bool {
    let Ok(beginning) = std::str::from_utf8(beginning) else { return false };
    // The longest address has 45 bytes.
    beginning.len() <= 45
        && rests.iter().any(|rest| {
            let parses = |digit| format!("{beginning}{digit}{rest}").parse::<T>().is_ok();
            parses("") || parses("0")
        })
}
