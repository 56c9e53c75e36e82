//! `10.0.0.0/8` in, a [`Prefix`] out, or an error with the place and the likely fix.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use super::error::{AddressError, AddressErrorKind as Kind, Fault, Subject};
use super::ntop;
use super::pton::{parse4, parse6};

mod fix;
mod list;

use fix::likely_fix;

pub use list::{PrefixListError, prefix_lines, prefix_list};

/// The addresses that begin with the same bits: `10.0.0.0/8` or `2001:db8::/32` (RFC 4632, section
/// 3.1; RFC 4291, section 2.3).
///
/// An address without a length is a prefix of one address. The bits behind the length are zero: a
/// text with others, such as `10.0.0.1/8`, is refused, because it may mean the address or the
/// prefix. IPv4-mapped prefixes are read as what they stand for: `::ffff:192.0.2.0/120` is
/// `192.0.2.0/24`, as a dual-stack socket's peers are IPv4. `::/0` is all of IPv6 and no IPv4.
///
/// [`Display`](fmt::Display) prints what parses back to the same prefix.
///
/// # Examples
///
/// ```
/// use echo6::address::{Prefix, pton};
///
/// let prefix: Prefix = "10.0.0.0/8".parse()?;
/// assert!(prefix.contains(pton("10.1.2.3")?) && !prefix.contains(pton("11.0.0.0")?));
///
/// let error = "10.0.0.1/8".parse::<Prefix>().unwrap_err();
/// assert_eq!(error.help(), "write 10.0.0.0/8, or 10.0.0.1/32 for the address alone");
/// # Ok::<(), echo6::address::AddressError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Prefix {
    first: IpAddr,
    length: u8,
}

impl Prefix {
    /// The prefix of `length` bits that `address` is in; its other bits are dropped. An IPv4-mapped
    /// address with a length from 96 on gives an IPv4 prefix. A length greater than the family's is
    /// the family's: 32 or 128.
    #[must_use]
    pub fn new(address: IpAddr, length: u8) -> Self {
        let length = length.min(width(address));
        let cut = bits(address) & mask(length);
        Self { first: from_bits(cut, address.is_ipv4()), length }.canonical()
    }

    /// The first address, whose bits behind the length are zero.
    #[must_use]
    pub fn first(self) -> IpAddr {
        self.first
    }

    /// The last address, whose bits behind the length are one.
    #[must_use]
    pub fn last(self) -> IpAddr {
        from_bits(bits(self.first) | !mask(self.length), self.first.is_ipv4())
    }

    /// How many bits the addresses have in common: 0 to 32 for IPv4, 0 to 128 for IPv6.
    #[must_use]
    pub fn length(self) -> u8 {
        self.length
    }

    /// Says whether `address` begins with the prefix. An IPv4-mapped address counts as IPv4.
    #[must_use]
    pub fn contains(self, address: IpAddr) -> bool {
        self.holds(address.to_canonical())
    }

    /// Says whether each address of `other` is in this prefix.
    #[must_use]
    pub fn covers(self, other: Self) -> bool {
        self.length <= other.length && self.holds(other.first)
    }

    /// As [`Prefix::contains`], but an address is of the family that it is written in.
    pub(super) fn holds(self, address: IpAddr) -> bool {
        self.first.is_ipv4() == address.is_ipv4()
            && bits(address) & mask(self.length) == bits(self.first)
    }

    /// Reads a prefix and leaves an IPv4-mapped one as it is written.
    pub(super) fn as_written(text: &str) -> Result<Self, AddressError> {
        parse(text).map_err(|fault| {
            let error = AddressError::new(Subject::Prefix, fault, text);
            match likely_fix(fault.kind, text) {
                Some(help) => error.with_help(help),
                None => error,
            }
        })
    }

    fn canonical(self) -> Self {
        match (self.first.to_canonical(), self.length.checked_sub(128 - 32)) {
            (IpAddr::V4(first), Some(length)) if self.first.is_ipv6() => {
                Self { first: first.into(), length }
            }
            _ => self,
        }
    }
}

impl From<IpAddr> for Prefix {
    /// The prefix of one address.
    fn from(address: IpAddr) -> Self {
        Self::new(address, width(address))
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.first {
            // Only the registry keeps a mapped prefix, which its dotted form would disguise.
            IpAddr::V6(first) if first.to_ipv4_mapped().is_some() => {
                let [.., high, low] = first.segments();
                write!(f, "::ffff:{high:x}:{low:x}/{}", self.length)
            }
            first => write!(f, "{}/{}", ntop(first), self.length),
        }
    }
}

impl FromStr for Prefix {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        Self::as_written(text).map(Self::canonical)
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for Prefix {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

fn parse(text: &str) -> Result<Prefix, Fault> {
    let slash = text.find('/').unwrap_or(text.len());
    let address = &text.as_bytes()[..slash];
    let first: IpAddr =
        if address.contains(&b':') { parse6(address)?.into() } else { parse4(address)?.into() };
    if slash == text.len() {
        return Ok(Prefix { first, length: width(first) });
    }
    Ok(Prefix { first, length: length(text, slash + 1, first)? })
}

/// Reads a length from `start` to the end of the text. It stops at the first digit with which
/// nothing could become a length that `first` can have.
fn length(text: &str, start: usize, first: IpAddr) -> Result<u8, Fault> {
    let most = u32::from(width(first));
    // With fewer, the lowest bit that is one would be behind the prefix.
    let least = 128 - bits(first).trailing_zeros().min(128);
    let digits = &text.as_bytes()[start..];
    let mut value = 0;
    for (index, byte) in digits.iter().enumerate() {
        let position = start + index;
        if !byte.is_ascii_digit() || (index > 0 && value == 0) {
            return fault(Kind::UnexpectedCharacter, position);
        }
        value = value * 10 + u32::from(byte - b'0');
        if value > most {
            return fault(Kind::LengthOutOfRange, position);
        }
        // What it can still become with no, one or two digits more.
        let reaches = |factor: u32| value * factor <= most && value * factor + factor > least;
        if !reaches(1) && (value == 0 || !(reaches(10) || reaches(100))) {
            return fault(Kind::HostBits, position);
        }
    }
    match u8::try_from(value) {
        _ if digits.is_empty() => fault(Kind::MissingLength, text.len()),
        Ok(length) if value >= least => Ok(length),
        _ => fault(Kind::HostBits, text.len()),
    }
}

/// The bits of an address of the family.
fn width(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}

/// The address as a number, its first bit uppermost.
fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u128::from(u32::from(address)) << 96,
        IpAddr::V6(address) => address.into(),
    }
}

fn from_bits(bits: u128, ipv4: bool) -> IpAddr {
    if ipv4 { Ipv4Addr::from((bits >> 96) as u32).into() } else { Ipv6Addr::from(bits).into() }
}

/// Ones for the first `length` bits.
fn mask(length: u8) -> u128 {
    u128::MAX.checked_shl(128 - u32::from(length)).unwrap_or(0)
}

fn fault<T>(kind: Kind, position: usize) -> Result<T, Fault> {
    Err(Fault { kind, position })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prefix(text: &str) -> Prefix {
        text.parse().unwrap_or_else(|error| panic!("{error}"))
    }

    #[test]
    fn a_prefix_prints_what_parses_back() {
        for text in [
            "0.0.0.0/0",
            "10.0.0.0/8",
            "192.0.2.254/31",
            "192.0.2.7/32",
            "::/0",
            "2001:db8::/32",
            "8000::/1",
            "::1/128",
        ] {
            assert_eq!(prefix(text).to_string(), text);
        }
        for (text, canonical) in [
            ("192.0.2.7", "192.0.2.7/32"),
            ("2001:DB8:0::", "2001:db8::/128"),
            ("2001:DB8::0/32", "2001:db8::/32"),
            ("::ffff:192.0.2.0/120", "192.0.2.0/24"),
            ("::ffff:0:0/96", "0.0.0.0/0"),
            ("::ffff:192.0.2.7", "192.0.2.7/32"),
            // The deprecated IPv4-compatible form is not mapped.
            ("::192.0.2.0/120", "::c000:200/120"),
        ] {
            assert_eq!(prefix(text).to_string(), canonical, "{text}");
        }
    }

    #[test]
    fn what_is_no_prefix_is_refused_with_the_place_and_the_likely_fix() {
        for (text, kind, position, help) in [
            ("", Kind::Empty, 0, "write a prefix such as 10.0.0.0/8 or 2001:db8::/32"),
            ("/8", Kind::Empty, 0, "write a prefix such as 10.0.0.0/8"),
            ("10.0.0.1/8", Kind::HostBits, 9, "write 10.0.0.0/8, or 10.0.0.1/32 for the address"),
            ("192.0.2.7/24", Kind::HostBits, 10, "write 192.0.2.0/24, or 192.0.2.7/32 for"),
            ("192.0.2.0/16", Kind::HostBits, 10, "write 192.0.0.0/16, or"),
            ("10.0.0.1/3", Kind::HostBits, 10, "write 0.0.0.0/3, or 10.0.0.1/32"),
            ("10.0.0.0/0", Kind::HostBits, 9, "write 0.0.0.0/0, or 10.0.0.0/32"),
            ("2001:db8::1/64", Kind::HostBits, 12, "write 2001:db8::/64, or 2001:db8::1/128"),
            ("2001:db8::1/12", Kind::HostBits, 14, "write 2000::/12, or"),
            ("::ffff:192.0.2.0/24", Kind::HostBits, 17, "write 192.0.2.0/24"),
            ("::ffff:192.0.2.7/24", Kind::HostBits, 17, "write 192.0.2.0/24"),
            ("::ffff:0:0/95", Kind::HostBits, 12, "write 0.0.0.0/0"),
            ("10.0.0.0/33", Kind::LengthOutOfRange, 10, "0 to 32 for IPv4"),
            ("10.0.0.0/255.0.0.0", Kind::LengthOutOfRange, 11, "write 10.0.0.0/8"),
            ("10.0.0.0/255.0.255.0", Kind::LengthOutOfRange, 11, "0 to 32 for IPv4"),
            ("192.0.2.0/0.0.0.255", Kind::HostBits, 10, "write 192.0.2.0/24"),
            ("::/129", Kind::LengthOutOfRange, 5, "0 to 128 for IPv6"),
            ("10.0.0.0/99999999999999999999", Kind::LengthOutOfRange, 10, "0 to 32"),
            ("10.0.0.0/", Kind::MissingLength, 9, "add a length: 10.0.0.0/24"),
            ("10.0.0.0/08", Kind::HostBits, 9, "write 10.0.0.0/8"),
            ("0.0.0.0/08", Kind::UnexpectedCharacter, 9, "write 0.0.0.0/8"),
            ("10.0.0.0/+8", Kind::UnexpectedCharacter, 9, "write 10.0.0.0/8"),
            ("10.0.0.0/8:7000", Kind::UnexpectedCharacter, 10, "write 10.0.0.0/8"),
            ("10.0.0.0/8/8", Kind::UnexpectedCharacter, 10, "prefixes look like"),
            ("10.0.0.0 /8", Kind::UnexpectedCharacter, 8, "write 10.0.0.0/8"),
            ("10/8", Kind::TooFewOctets, 2, "write 10.0.0.0/8"),
            ("192.168", Kind::TooFewOctets, 7, "write 192.168.0.0/16"),
            ("192.168.", Kind::TooFewOctets, 8, "write 192.168.0.0/16"),
            ("192.168.*.*", Kind::UnexpectedCharacter, 8, "write 192.168.0.0/16"),
            ("[2001:db8::]/32", Kind::UnexpectedCharacter, 0, "write 2001:db8::/32"),
            ("fe80::1%eth0/128", Kind::UnexpectedCharacter, 7, "write fe80::1/128"),
            ("fe80::1%eth0/64", Kind::UnexpectedCharacter, 7, "write fe80::/64, or fe80::1/128"),
            ("fe80::%eth0/64", Kind::UnexpectedCharacter, 6, "write fe80::/64"),
            ("2001:db8:/32", Kind::LoneTrailingColon, 9, "write 2001:db8::/32"),
            ("2001:db8/32", Kind::TooFewGroups, 8, "write 2001:db8::/32"),
            ("256.0.0.0/8", Kind::OctetOutOfRange, 2, "0 to 255"),
            ("name/8", Kind::UnexpectedCharacter, 0, "prefixes look like 10.0.0.0/8"),
        ] {
            let error = text.parse::<Prefix>().unwrap_err();
            assert_eq!((error.kind(), error.position()), (kind, position), "{text:?}");
            assert!(error.help().contains(help), "{text:?}: {}", error.help());
            assert_eq!(error.subject(), "prefix");
        }
    }

    #[test]
    fn a_position_is_the_first_byte_that_cannot_stand() {
        // Whatever the digits, what stands before the position can become a length, and with the
        // byte there it cannot.
        let can_become = |start: &str| {
            let rests = (0..130).map(|rest| rest.to_string()).chain([String::new()]);
            rests.into_iter().any(|rest| parse(&format!("{start}{rest}")).is_ok())
        };
        for address in ["10.0.0.1", "10.0.0.0", "0.0.0.0", "128.0.0.0", "2001:db8::", "::1", "::"] {
            for digits in (0..330).map(|digits| digits.to_string()).chain(["00".into()]) {
                let text = format!("{address}/{digits}");
                if let Err(fault) = parse(&text) {
                    assert!(can_become(&text[..fault.position]), "{text} too late: {fault:?}");
                    let inside = fault.position < text.len();
                    assert!(
                        !inside || !can_become(&text[..=fault.position]),
                        "{text} too early: {fault:?}"
                    );
                }
            }
        }
    }

    #[test]
    fn an_ipv4_mapped_address_is_ipv4_and_all_of_ipv6_is_not() {
        let mapped: IpAddr = "::ffff:192.0.2.7".parse().unwrap();
        assert!(prefix("192.0.2.0/24").contains(mapped));
        assert!(prefix("0.0.0.0/0").contains(mapped));
        assert!(!prefix("::/0").contains(mapped));
        assert!(!prefix("0.0.0.0/0").contains("::1".parse().unwrap()));
    }

    #[test]
    fn a_prefix_has_a_first_and_a_last_address_and_covers_the_longer_ones() {
        for (text, first, last) in [
            ("10.0.0.0/8", "10.0.0.0", "10.255.255.255"),
            ("0.0.0.0/0", "0.0.0.0", "255.255.255.255"),
            ("192.0.2.7/32", "192.0.2.7", "192.0.2.7"),
            ("fe80::/10", "fe80::", "febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
            ("::1/128", "::1", "::1"),
        ] {
            let prefix = prefix(text);
            assert_eq!(prefix.first().to_string(), first);
            assert_eq!(prefix.last().to_string(), last);
            assert_eq!(Prefix::new(prefix.last(), prefix.length()), prefix);
            assert!(prefix.covers(prefix) && prefix.covers(prefix.last().into()));
        }
        assert!(prefix("10.0.0.0/8").covers(prefix("10.1.0.0/16")));
        assert!(!prefix("10.1.0.0/16").covers(prefix("10.0.0.0/8")));
        assert!(!prefix("::/0").covers(prefix("10.0.0.0/8")));
    }

    #[test]
    fn a_length_beyond_the_family_is_the_family_s() {
        assert_eq!(Prefix::new("10.0.0.1".parse().unwrap(), 200).to_string(), "10.0.0.1/32");
        assert_eq!(Prefix::new("::ffff:10.0.0.1".parse().unwrap(), 104).to_string(), "10.0.0.0/8");
        assert_eq!(Prefix::new("::ffff:10.0.0.1".parse().unwrap(), 80).to_string(), "::/80");
    }
}
