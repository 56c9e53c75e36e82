//! `Ipv4Addr` and `Ipv6Addr` in, the one text that RFC 5952 recommends out, on the stack.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::{Deref, Range};
use std::str;

/// The text of an address, as [`ntop()`] returns it: a `str` that needs no allocation.
#[derive(Clone, Copy)]
pub struct AddressText {
    length: usize,
    bytes: [u8; ROOM],
}

/// The longest text is `ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff` with 39 bytes. The last group may
/// start at byte 35 and takes eight bytes, most of them to be cut off, so 43 would do; with 48 the
/// text is checked for UTF-8 in three blocks of 16.
const ROOM: usize = 48;

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
    let mut text = AddressText { length: 0, bytes: [0; ROOM] };
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
            self.push(digits, length);
        }
        self.length -= 1; // the dot behind the last octet
    }

    fn push6(&mut self, address: Ipv6Addr) {
        if let Some(mapped) = address.to_ipv4_mapped() {
            self.push(*b"::ffff:", 7);
            return self.push4(mapped);
        }
        let groups = address.segments();
        let zeros = longest_zeros(&groups);
        self.push(*b":", usize::from(zeros.start == 0));
        // Each group is worked out, also those that "::" stands for: what is written is a choice
        // between two values then, not a branch that the processor has to guess.
        for (index, &group) in groups.iter().enumerate() {
            let (text, length) = match zeros.contains(&index) {
                true => (*b":       ", usize::from(index == zeros.start)),
                false => group_text(group),
            };
            self.push(text, length);
        }
        if zeros.end != 8 {
            self.length -= 1; // the colon behind the last group
        }
    }

    /// Writes the first `length` of `bytes`. All are copied, because a copy whose size is known is
    /// one instruction; what comes next goes over the rest.
    fn push<const N: usize>(&mut self, bytes: [u8; N], length: usize) {
        self.bytes[self.length..][..N].copy_from_slice(&bytes);
        self.length += length;
    }
}

/// The longest run of at least two zero groups, the first of equals; else a range behind them all.
fn longest_zeros(groups: &[u16; 8]) -> Range<usize> {
    // Bit n says that a run of `length + 1` zero groups starts at group n.
    let mut starts =
        groups.iter().rev().fold(0_u8, |bits, &group| bits << 1 | u8::from(group == 0));
    let (mut first, mut length) = (0, 0);
    while starts != 0 {
        first = starts.trailing_zeros() as usize;
        length += 1;
        starts &= starts >> 1;
    }
    if length < 2 { 9..9 } else { first..first + length }
}

/// A group and a colon behind it, and the length of both.
fn group_text(group: u16) -> ([u8; 8], usize) {
    let zeros = (group | 1).leading_zeros() / 4; // the last digit stays, even if it is 0
    // The four digits and the colon are the upper five bytes; the leading zeros are shifted out.
    let text = u64::from(hexadecimal(group)) << 32 | u64::from(b':') << 24;
    ((text << (8 * zeros)).to_be_bytes(), 5 - zeros as usize)
}

/// The four hexadecimal digits of a group, as the bytes of a number, all at once.
fn hexadecimal(group: u16) -> u32 {
    let bytes = u32::from(group);
    let bytes = (bytes | bytes << 8) & 0x00ff_00ff;
    let digits = (bytes | bytes << 4) & 0x0f0f_0f0f;
    let letters = (digits + 0x0606_0606) >> 4 & 0x0101_0101; // 1 for a digit greater than 9
    digits + 0x3030_3030 + letters * u32::from(b'a' - b'0' - 10)
}

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
        // The whole room is checked: whole blocks are faster than the odd bytes of a part.
        let room = str::from_utf8(&self.bytes).expect("digits, dots, colons and zeros are ASCII");
        &room[..self.length]
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
