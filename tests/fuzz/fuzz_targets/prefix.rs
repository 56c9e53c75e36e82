//! `Prefix`, and lists and files of them: what they print, hold and advise, against std.
#![no_main]

use std::net::IpAddr;

use echo6::address::{Prefix, prefix_lines, prefix_list, pton};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    match text.parse::<Prefix>() {
        Ok(prefix) => is_one(text, prefix),
        Err(error) => {
            assert_eq!(error.input(), text);
            assert!(error.position() <= text.len() && text.is_char_boundary(error.position()));
            assert!(!error.to_string().contains(char::is_control));
            if let Some(meant) = error.help().strip_prefix("write ") {
                let meant = meant.split(", or").next().unwrap();
                let is_form = meant.contains(' ');
                assert!(is_form || meant.parse::<Prefix>().is_ok(), "{error}: {meant}");
            }
            assert!(simple(text).is_none(), "{error}");
        }
    }
    if let Ok(prefixes) = prefix_list(text) {
        let listed: Vec<String> = prefixes.iter().map(ToString::to_string).collect();
        assert_eq!(prefix_list(&listed.join(",")), Ok(prefixes));
    }
    match prefix_lines(text) {
        Ok(prefixes) => {
            let lines: Vec<String> = prefixes.iter().map(|prefix| format!("{prefix}\n")).collect();
            assert_eq!(prefix_lines(&lines.concat()), Ok(prefixes));
        }
        Err(error) => {
            let line = text.lines().nth(error.line - 1).expect("there is such a line");
            assert!(line.contains(error.source.input()));
        }
    }
});

fn is_one(text: &str, prefix: Prefix) {
    assert_eq!(prefix.to_string().parse(), Ok(prefix));
    assert!(prefix.contains(prefix.first()) && prefix.covers(prefix));
    let most = if prefix.first().is_ipv4() { 32 } else { 128 };
    assert!(prefix.length() <= most);
    let address = text.split('/').next().unwrap();
    assert_eq!(pton(address).ok(), address.parse().ok(), "the address is std's");
    if let Some((first, length)) = simple(text) {
        assert_eq!((prefix.first(), prefix.length()), (first, length));
    }
}

/// `ADDRESS/LENGTH` as std reads its two parts, unless bits behind the length are set or the address
/// is IPv4-mapped.
fn simple(text: &str) -> Option<(IpAddr, u8)> {
    let (address, length) = text.split_once('/')?;
    let is_plain = length == "0" || !length.starts_with(['0', '+']);
    let address: IpAddr = address.parse().ok()?;
    let length: u8 = length.parse().ok().filter(|_| is_plain)?;
    let (bits, width) = match address {
        IpAddr::V4(ip) => (u128::from(ip.to_bits()) << 96, 32),
        IpAddr::V6(ip) if ip.to_ipv4_mapped().is_some() => return None,
        IpAddr::V6(ip) => (ip.to_bits(), 128),
    };
    let behind = bits.checked_shl(length.into()).unwrap_or(0);
    (length <= width && behind == 0).then_some((address, length))
}
