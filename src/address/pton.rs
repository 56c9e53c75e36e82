//! Text in, `Ipv4Addr` and `Ipv6Addr` out, exactly as inet_pton(3) reads them.
//!
//! Both parsers go over the text once, from left to right, and stop at the first byte after which
//! nothing could make the text valid. That byte is the position of the error, so nothing has to be
//! read again to find it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::error::{AddressError, AddressErrorKind as Kind, Fault, Subject};

/// Reads an IPv4 or IPv6 address: a text with a colon in it is taken for IPv6.
///
/// # Errors
///
/// As for [`pton4`] and [`pton6`].
///
/// # Examples
///
/// ```
/// use std::net::Ipv6Addr;
///
/// assert_eq!(echo6::address::pton("::1"), Ok(Ipv6Addr::LOCALHOST.into()));
/// ```
pub fn pton(text: &str) -> Result<IpAddr, AddressError> {
    if text.as_bytes().contains(&b':') {
        pton6(text).map(IpAddr::V6)
    } else {
        pton4(text).map(IpAddr::V4)
    }
}

/// Reads an IPv4 address: four decimal numbers from 0 to 255 without leading zeros, as
/// `inet_pton(AF_INET, …)`. The octal, hexadecimal and short forms of inet_aton(3) are refused.
///
/// # Errors
///
/// For any other text, white space included. The error says what is wrong and at which byte.
///
/// # Examples
///
/// ```
/// use echo6::address::pton4;
///
/// assert_eq!(pton4("127.0.0.1").unwrap().octets(), [127, 0, 0, 1]);
/// assert!(pton4("127.1").is_err());
/// ```
pub fn pton4(text: &str) -> Result<Ipv4Addr, AddressError> {
    parse4(text.as_bytes()).map_err(|fault| AddressError::new(Subject::Ipv4, fault, text))
}

/// Reads an IPv6 address (RFC 4291, section 2.2), as `inet_pton(AF_INET6, …)`: eight groups of one
/// to four hexadecimal digits, of which `::` stands for one or more that are zero, and the last two
/// of which may be written as an IPv4 address. A zone (`%eth0`) is refused: it belongs to an
/// [`Endpoint`](super::Endpoint).
///
/// # Errors
///
/// For any other text, white space included. The error says what is wrong and at which byte.
///
/// # Examples
///
/// ```
/// use echo6::address::{AddressErrorKind, pton6};
///
/// assert_eq!(pton6("::ffff:192.0.2.1").unwrap().segments()[6..], [0xc000, 0x0201]);
///
/// let error = pton6("2001:db8::1::2").unwrap_err();
/// assert_eq!((error.kind(), error.position()), (AddressErrorKind::SecondDoubleColon, 12));
/// ```
pub fn pton6(text: &str) -> Result<Ipv6Addr, AddressError> {
    parse6(text.as_bytes()).map_err(|fault| AddressError::new(Subject::Ipv6, fault, text))
}

pub(super) fn parse4(text: &[u8]) -> Result<Ipv4Addr, Fault> {
    let mut octets = [0; 4];
    let mut at = 0;
    for (index, octet) in octets.iter_mut().enumerate() {
        if index > 0 {
            match text.get(at) {
                Some(b'.') => at += 1,
                Some(b'0'..=b'9') => return fault(Kind::OctetOutOfRange, at),
                Some(_) => return fault(Kind::UnexpectedCharacter, at),
                None => return fault(Kind::TooFewOctets, at),
            }
        }
        // The digits are 0 to 9 after this, and to add 0x76 sets the upper bit of all other bytes:
        // the first of those is the octet's end. No branch depends on how long an octet is,
        // because the processor could not guess it.
        let window = four_bytes(text, at) ^ 0x3030_3030;
        let others = (window.wrapping_add(0x7676_7676) | window) & 0x8080_8080;
        let length = others.trailing_zeros() / 8;
        if length == 0 {
            return match text.len() {
                0 => fault(Kind::Empty, 0),
                end if at == end => fault(Kind::TooFewOctets, at),
                _ => fault(Kind::UnexpectedCharacter, at),
            };
        }
        if window & 0xff == 0 && length > 1 {
            return fault(Kind::LeadingZero, at + 1);
        }
        // Hundreds, tens and ones, the ones uppermost, with zeros for those that are not there.
        let digits = window << (8 * (4 - length.min(3)));
        if digits.swap_bytes() > 0x02_0505 {
            return fault(Kind::OctetOutOfRange, at + 2);
        }
        *octet = (digits.wrapping_mul(1 | 10 << 8 | 100 << 16) >> 24) as u8;
        at += length.min(3) as usize;
    }
    match text.get(at) {
        None => Ok(octets.into()),
        Some(b'0'..=b'9') => fault(Kind::OctetOutOfRange, at),
        Some(b'.') => fault(Kind::TooManyOctets, at),
        Some(_) => fault(Kind::UnexpectedCharacter, at),
    }
}

/// Four bytes of the text, the first of them lowest, with zeros behind the text's end.
fn four_bytes(text: &[u8], at: usize) -> u32 {
    let rest = &text[at..];
    match (rest.first_chunk(), text.last_chunk()) {
        (Some(&first), _) => u32::from_le_bytes(first),
        (None, Some(&last)) if !rest.is_empty() => {
            u32::from_le_bytes(last) >> (8 * (4 - rest.len()))
        }
        _ => rest.iter().rev().fold(0, |bytes, &byte| bytes << 8 | u32::from(byte)),
    }
}

pub(super) fn parse6(text: &[u8]) -> Result<Ipv6Addr, Fault> {
    let mut groups = [0; 8];
    let mut count = 0; // groups read
    let mut gap = None; // how many of them stand before "::"
    let mut most = 8; // groups that may be written: "::" stands for at least one
    let mut at = 0;
    match text {
        [] => return fault(Kind::Empty, 0),
        [b':', b':', ..] => {
            (gap, most, at) = (Some(0), 7, 2);
        }
        [b':', ..] => return fault(Kind::LoneLeadingColon, 1),
        _ => {}
    }
    while at < text.len() {
        let start = at;
        let mut value = 0;
        while let Some(digit) = hexadecimal(text, at) {
            if at - start == 4 {
                return fault(Kind::GroupTooLong, at);
            }
            if count == most {
                return fault(Kind::TooManyGroups, at);
            }
            value = value << 4 | digit;
            at += 1;
        }
        if at == start {
            return fault(Kind::UnexpectedCharacter, at);
        }
        if text.get(at) == Some(&b'.') {
            // The group was the first octet of a dotted tail, which takes the room of two groups.
            if count + 2 > most || (gap.is_none() && count != 6) {
                return fault(Kind::MisplacedIpv4Tail, at);
            }
            let [a, b, c, d] = tail(text, start, at)?.octets();
            groups[count] = u16::from_be_bytes([a, b]);
            groups[count + 1] = u16::from_be_bytes([c, d]);
            count += 2;
            break;
        }
        groups[count] = value;
        count += 1;
        match text.get(at) {
            None => break,
            Some(b':') if count == most => return fault(Kind::TooManyGroups, at),
            Some(b':') => at += 1,
            Some(_) => return fault(Kind::UnexpectedCharacter, at),
        }
        match text.get(at) {
            None => return fault(Kind::LoneTrailingColon, at),
            Some(b':') if gap.is_some() => return fault(Kind::SecondDoubleColon, at),
            Some(b':') => {
                (gap, most) = (Some(count), 7);
                at += 1;
            }
            Some(_) => {}
        }
    }
    match gap {
        None if count < 8 => return fault(Kind::TooFewGroups, at),
        None => {}
        Some(gap) => {
            // What was written behind "::" moves to the end; what it leaves becomes zero.
            groups.copy_within(gap..count, 8 - (count - gap));
            groups[gap..8 - (count - gap)].fill(0);
        }
    }
    Ok(groups.into())
}

/// Reads the dotted tail of an IPv6 address, from the `start` of its first octet, whose end is the
/// `dot`. What is wrong with that octet shows only at the dot: up to there it was a group.
fn tail(text: &[u8], start: usize, dot: usize) -> Result<Ipv4Addr, Fault> {
    parse4(&text[start..])
        .map_err(|fault| Fault { kind: fault.kind, position: (start + fault.position).max(dot) })
}

fn hexadecimal(text: &[u8], at: usize) -> Option<u16> {
    text.get(at).map(|&byte| DIGITS[usize::from(byte)]).filter(|&digit| digit < 16).map(u16::from)
}

/// The value of each byte as a hexadecimal digit; 255 for those that are none.
const DIGITS: [u8; 256] = {
    let mut digits = [255; 256];
    let mut value = 0;
    while value < 16 {
        digits[b"0123456789abcdef"[value] as usize] = value as u8;
        digits[b"0123456789ABCDEF"[value] as usize] = value as u8;
        value += 1;
    }
    digits
};

#[cold]
fn fault<T>(kind: Kind, position: usize) -> Result<T, Fault> {
    Err(Fault { kind, position })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ipv4_addresses_are_four_decimal_octets() {
        for text in ["0.0.0.0", "127.0.0.1", "255.255.255.255", "1.20.210.9"] {
            assert_eq!(pton4(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_is_no_ipv4_address_is_refused_at_the_byte_that_cannot_stand() {
        for (text, kind, position) in [
            ("", Kind::Empty, 0),
            ("256.1.1.1", Kind::OctetOutOfRange, 2),
            ("1.2.3.1000", Kind::OctetOutOfRange, 9),
            ("01.2.3.4", Kind::LeadingZero, 1),
            ("1.2.3.00", Kind::LeadingZero, 7),
            ("1.2.3", Kind::TooFewOctets, 5),
            ("1.2.3.", Kind::TooFewOctets, 6),
            ("1.2.3.4.", Kind::TooManyOctets, 7),
            ("1..2.3", Kind::UnexpectedCharacter, 2),
            (" 1.2.3.4", Kind::UnexpectedCharacter, 0),
            ("1.2.3.4 ", Kind::UnexpectedCharacter, 7),
            ("1.2.3.4\0", Kind::UnexpectedCharacter, 7),
            ("+1.2.3.4", Kind::UnexpectedCharacter, 0),
            ("0x7f.0.0.1", Kind::UnexpectedCharacter, 1),
            ("1.2.3.४", Kind::UnexpectedCharacter, 6),
        ] {
            let error = pton4(text).unwrap_err();
            assert_eq!((error.kind(), error.position()), (kind, position), "{text:?}");
            assert_eq!(error.input(), text);
        }
    }

    #[test]
    fn ipv6_addresses_are_eight_groups_of_which_one_run_may_be_left_out() {
        for (text, canonical) in [
            ("::", "::"),
            ("::1", "::1"),
            ("1::", "1::"),
            ("2001:DB8::abcd", "2001:db8::abcd"),
            ("1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"),
            ("1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"),
            ("::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8"),
            ("1:2::0007:8", "1:2::7:8"),
            ("1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:102:304"),
            ("::ffff:192.0.2.1", "::ffff:192.0.2.1"),
            ("::1.2.3.4", "::102:304"),
            ("1:2:3:4:5::1.2.3.4", "1:2:3:4:5:0:102:304"),
        ] {
            assert_eq!(pton6(text).unwrap().to_string(), canonical, "{text}");
        }
    }

    #[test]
    fn what_is_no_ipv6_address_is_refused_at_the_byte_that_cannot_stand() {
        for (text, kind, position) in [
            ("", Kind::Empty, 0),
            (":", Kind::LoneLeadingColon, 1),
            (":1", Kind::LoneLeadingColon, 1),
            ("1:", Kind::LoneTrailingColon, 2),
            ("::1:", Kind::LoneTrailingColon, 4),
            (":::", Kind::UnexpectedCharacter, 2),
            ("1:::", Kind::UnexpectedCharacter, 3),
            ("2001:db8::1::2", Kind::SecondDoubleColon, 12),
            ("12345::", Kind::GroupTooLong, 4),
            ("::g", Kind::UnexpectedCharacter, 2),
            ("1:2:3:4:5:6:7", Kind::TooFewGroups, 13),
            ("1:2:3:4:5:6:7:8:", Kind::TooManyGroups, 15),
            ("1:2:3:4:5:6:7::8", Kind::TooManyGroups, 15),
            ("::1:2:3:4:5:6:7:", Kind::TooManyGroups, 15),
            ("1.2.3.4", Kind::MisplacedIpv4Tail, 1),
            ("1:2:3:4:5:6:7:1.2.3.4", Kind::MisplacedIpv4Tail, 15),
            ("1:2:3:4:5:6::1.2.3.4", Kind::MisplacedIpv4Tail, 14),
            ("1:2.3.4.5::", Kind::MisplacedIpv4Tail, 3),
            ("::256.1.1.1", Kind::OctetOutOfRange, 5),
            ("::01.2.3.4", Kind::LeadingZero, 4),
            ("::1a.2.3.4", Kind::UnexpectedCharacter, 4),
            ("::1.2.3", Kind::TooFewOctets, 7),
            ("::1.2.3.400", Kind::OctetOutOfRange, 10),
            ("::1.2.3.4:5", Kind::UnexpectedCharacter, 9),
            ("fe80::1%eth0", Kind::UnexpectedCharacter, 7),
            ("::1 ", Kind::UnexpectedCharacter, 3),
        ] {
            let error = pton6(text).unwrap_err();
            assert_eq!((error.kind(), error.position()), (kind, position), "{text:?}");
        }
    }

    #[test]
    fn a_colon_tells_the_family() {
        assert!(pton("::1").unwrap().is_ipv6() && pton("127.0.0.1").unwrap().is_ipv4());
        assert_eq!(pton("256.1.1.1").unwrap_err().subject(), "IPv4 address");
        assert_eq!(pton("1::2::3").unwrap_err().subject(), "IPv6 address");
    }
}
