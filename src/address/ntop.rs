//! `Ipv4Addr` and `Ipv6Addr` in, the one text that RFC 5952 recommends out, on the stack.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::Deref;
use std::str;

/// The text of an address, as [`ntop()`] returns it: a `str` that needs no allocation.
#[derive(Clone, Copy)]
pub struct AddressText {
    start: usize,
    end: usize,
    bytes: [u8; ROOM],
}

/// The longest text is `ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff` with 39 bytes, and a colon behind it
/// is cut off. Eight bytes are written for the first group, most of them in front of the text, so 43
/// would do; with 48 the text is checked for UTF-8 in three blocks of 16.
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
    AddressText::of(address.into())
}

// The text is written from its last byte to its first, with all digits of each number: the zeros that
// lead one are gone when what stands in front of it is written over them. Only lengths depend on the
// groups then, and there is no branch that the processor has to guess: it takes 0.6 times as long as
// from the first byte to the last (see `benches/address.rs`).
impl AddressText {
    fn of(address: IpAddr) -> Self {
        let mut text = Self { start: ROOM, end: ROOM - 1, bytes: [0; ROOM] };
        match address {
            IpAddr::V4(address) => text.put4(address),
            IpAddr::V6(address) => text.put6(address),
        }
        text
    }

    /// Writes the octets, with a dot behind each.
    fn put4(&mut self, address: Ipv4Addr) {
        for octet in address.octets().into_iter().rev() {
            let (digits, length) = OCTETS[usize::from(octet)];
            self.put(digits, length);
        }
    }

    /// Writes the groups, with a colon behind each.
    fn put6(&mut self, address: Ipv6Addr) {
        if let Some(mapped) = address.to_ipv4_mapped() {
            self.put4(mapped);
            return self.put(*b"::ffff:", 7);
        }
        let groups = address.segments();
        let zeros = groups.iter().rev().fold(0_u8, |bits, &group| bits << 1 | u8::from(group == 0));
        let saved = &SAVED[usize::from(zeros)];
        for (&group, &saved) in groups.iter().zip(saved).rev() {
            let text = u64::from(hexadecimal(group)) << 8 | u64::from(b':');
            let zeros = (group | 1).leading_zeros() / 4; // the last digit stays, even if it is 0
            self.put(text.to_be_bytes(), 5 - zeros as usize - usize::from(saved));
        }
        self.put(*b":", usize::from(saved[0] != 0));
        self.end += usize::from(saved[7] != 0); // of a "::" at the end, both colons stay
    }

    /// Writes the last `length` of `bytes` in front of the text. All are copied, because a copy whose
    /// size is known is one instruction; what comes next goes over the rest.
    fn put<const N: usize>(&mut self, bytes: [u8; N], length: usize) {
        self.bytes[self.start - N..self.start].copy_from_slice(&bytes);
        self.start -= length;
    }
}

/// How much "::" saves of each group and the colon behind it, for each set of zero groups, of which
/// bit n says that group n is one. "::" stands for the longest run of at least two, the first of
/// equals, and is the colon of that run's first group.
const SAVED: [[u8; 8]; 256] = {
    let mut saved = [[0; 8]; 256];
    let mut zeros = 0_usize;
    while zeros < 256 {
        let (mut first, mut length, mut start) = (0, 1, 0);
        while start < 8 {
            let run = (zeros >> start).trailing_ones() as usize;
            if run > length {
                (first, length) = (start, run);
            }
            start += 1;
        }
        let mut index = first;
        while length > 1 && index < first + length {
            saved[zeros][index] = if index == first { 1 } else { 2 };
            index += 1;
        }
        zeros += 1;
    }
    saved
};

/// The four hexadecimal digits of a group, as the bytes of a number, all at once.
fn hexadecimal(group: u16) -> u32 {
    let bytes = u32::from(group);
    let bytes = (bytes | bytes << 8) & 0x00ff_00ff;
    let digits = (bytes | bytes << 4) & 0x0f0f_0f0f;
    let letters = (digits + 0x0606_0606) >> 4 & 0x0101_0101; // 1 for a digit greater than 9
    digits + 0x3030_3030 + letters * u32::from(b'a' - b'0' - 10)
}

/// The three decimal digits of each octet with a dot behind them, and the length without the zeros
/// that lead it.
const OCTETS: [([u8; 4], usize); 256] = {
    let mut octets = [([0; 4], 0); 256];
    let mut value = 0;
    while value < 256 {
        let digits = [ascii(value / 100), ascii(value / 10 % 10), ascii(value % 10), b'.'];
        let length = match value {
            0..10 => 2,
            10..100 => 3,
            _ => 4,
        };
        octets[value] = (digits, length);
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
        &room[self.start..self.end]
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
    fn every_set_of_zero_groups_is_written_as_std_writes_it() {
        for zeros in 0..=u8::MAX {
            for value in [1, 0x10, 0x100, 0x1000] {
                let group = |index: u32| if zeros >> index & 1 == 1 { 0 } else { value };
                let address = Ipv6Addr::from([0, 1, 2, 3, 4, 5, 6, 7].map(group));
                assert_eq!(&*ntop(address), address.to_string());
            }
        }
    }

    #[test]
    fn the_text_can_be_padded_and_debugged_like_any_other() {
        assert_eq!(format!("{:>9}|", ntop(Ipv6Addr::LOCALHOST)), "      ::1|");
        assert_eq!(format!("{:?}", ntop(Ipv6Addr::LOCALHOST)), "\"::1\"");
    }
}
