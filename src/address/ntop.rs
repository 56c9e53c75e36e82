//! `Ipv4Addr` and `Ipv6Addr` in, the one text that RFC 5952 recommends out, on the stack.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::{Deref, Range};
use std::str;

/// The text of an address, as [`ntop()`] returns it: a `str` that needs no allocation.
#[derive(Clone, Copy)]
pub struct AddressText {
    bytes: [u8; ROOM],
    length: usize,
}

/// The longest text is `ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff` with 39 bytes. A group is written
/// as four digits at once, of which up to three are written over again: the rest is room for those.
const ROOM: usize = 39 + 3;

/// Writes an address as inet_ntop(3) and RFC 5952 do: lower case, no leading zeros, the longest run
/// of two or more zero groups (the first of equals) as `::`, and a dotted tail for the IPv4-mapped
/// `::ffff:0:0/96` only.
///
/// # Examples
///
/// ```
/// use std::net::{Ipv4Addr, Ipv6Addr};
///
/// use echo6::address::ntop;
///
/// assert_eq!(&*ntop(Ipv4Addr::LOCALHOST), "127.0.0.1");
/// assert_eq!(&*ntop(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 1, 0, 0, 1)), "2001:db8::1:0:0:1");
/// assert_eq!(&*ntop(Ipv4Addr::LOCALHOST.to_ipv6_mapped()), "::ffff:127.0.0.1");
/// ```
pub fn ntop(address: impl Into<IpAddr>) -> AddressText {
    let mut text = AddressText { bytes: [0; ROOM], length: 0 };
    match address.into() {
        IpAddr::V4(address) => text.push4(address),
        IpAddr::V6(address) => text.push6(address),
    }
    text
}

impl AddressText {
    fn push4(&mut self, address: Ipv4Addr) {
        for octet in address.octets() {
            let (digits, length) = OCTETS[usize::from(octet)];
            self.bytes[self.length..][..4].copy_from_slice(&digits);
            self.length += length;
        }
        self.length -= 1; // the dot behind the last octet
    }

    fn push6(&mut self, address: Ipv6Addr) {
        if let Some(mapped) = address.to_ipv4_mapped() {
            self.push(b"::ffff:");
            return self.push4(mapped);
        }
        let groups = address.segments();
        let zeros = longest_zeros(&groups);
        let mut index = 0;
        while index < 8 {
            if index == zeros.start && !zeros.is_empty() {
                self.push(if index == 0 { b"::" } else { b":" });
                index = zeros.end;
                continue;
            }
            self.push_group(groups[index]);
            index += 1;
            if index < 8 {
                self.push(b":");
            }
        }
    }

    fn push_group(&mut self, group: u16) {
        let length = (4 - group.leading_zeros() as usize / 4).max(1);
        let shifted = group << (16 - 4 * length);
        let digit = |shift: u16| HEXADECIMAL[usize::from(shifted >> shift & 15)];
        self.bytes[self.length..][..4].copy_from_slice(&[digit(12), digit(8), digit(4), digit(0)]);
        self.length += length;
    }

    fn push(&mut self, bytes: &[u8]) {
        self.bytes[self.length..][..bytes.len()].copy_from_slice(bytes);
        self.length += bytes.len();
    }
}

/// The longest run of at least two zero groups, the first of equals; else an empty range.
fn longest_zeros(groups: &[u16; 8]) -> Range<usize> {
    let (mut longest, mut start) = (0..0, 0);
    for (index, &group) in groups.iter().enumerate() {
        if group != 0 {
            start = index + 1;
        } else if index + 1 - start > longest.len().max(1) {
            longest = start..index + 1;
        }
    }
    longest
}

const HEXADECIMAL: &[u8; 16] = b"0123456789abcdef";

/// Each octet in decimal with a dot behind it, and the length of both.
const OCTETS: [([u8; 4], usize); 256] = {
    let mut octets = [([0; 4], 0); 256];
    let mut value = 0;
    while value < 256 {
        let (a, b, c) = (value / 100, value / 10 % 10, value % 10);
        octets[value] = match value {
            0..10 => ([ascii(c), b'.', 0, 0], 2),
            10..100 => ([ascii(b), ascii(c), b'.', 0], 3),
            _ => ([ascii(a), ascii(b), ascii(c), b'.'], 4),
        };
        value += 1;
    }
    octets
};

const fn ascii(digit: usize) -> u8 {
    b'0' + digit as u8
}

impl Deref for AddressText {
    type Target = str;

    fn deref(&self) -> &str {
        str::from_utf8(&self.bytes[..self.length]).expect("digits, dots and colons are ASCII")
    }
}

impl fmt::Display for AddressText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self)
    }
}

impl fmt::Debug for AddressText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_written_by_rfc_5952() {
        for text in [
            "0.0.0.0",
            "9.10.99.100",
            "255.255.255.255",
            "::",
            "::1",
            "1::",
            "2001:db8::1",
            "2001:db8:0:1:1:1:1:1", // one zero group is not shortened
            "2001:db8::1:0:0:1",    // the first of two equal runs is
            "2001:0:0:1::1",        // the longest is
            "1:2:3:4:5:6::",        // at the end
            "::3:4:5:6:7:8",        // at the start
            "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
            "::ffff:192.0.2.1",  // IPv4-mapped
            "::102:304",         // IPv4-compatible: no dotted tail
            "64:ff9b::c000:201", // NAT64: none either
            "::fffe:c000:201",
        ] {
            let address: IpAddr = text.parse().unwrap();
            assert_eq!(&*ntop(address), text);
            assert_eq!(ntop(address).to_string(), address.to_string(), "as std writes it");
        }
    }

    #[test]
    fn every_octet_and_every_group_is_written_as_std_writes_it() {
        for value in 0..=u16::MAX {
            let [high, low] = value.to_be_bytes();
            let v4 = Ipv4Addr::new(high, low, 0, high);
            assert_eq!(&*ntop(v4), v4.to_string());
            let v6 = Ipv6Addr::new(value, 1, 0, value, 0, 0, 1, value);
            assert_eq!(&*ntop(v6), v6.to_string());
        }
    }

    #[test]
    fn the_text_can_be_padded_and_debugged_like_any_other() {
        assert_eq!(format!("{:>9}|", ntop(Ipv6Addr::LOCALHOST)), "      ::1|");
        assert_eq!(format!("{:?}", ntop(Ipv6Addr::LOCALHOST)), "\"::1\"");
    }
}
