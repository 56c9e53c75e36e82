//! An address in, what it is for out, after the IANA registries of special-purpose addresses.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::pton;

/// A block of addresses that an RFC has set apart, or one of the wide blocks they were cut from.
///
/// [`Display`](fmt::Display) is its prefix, such as `fe80::/10`.
#[derive(Debug, PartialEq, Eq)]
pub struct Block {
    first: &'static str,
    length: u32,
    purpose: &'static str,
    rfc: u16,
}

impl Block {
    /// Finds the smallest block that `address` is in. An IPv4-mapped IPv6 address is looked up as
    /// it is written: [`embedded_ipv4`] says what is in it.
    ///
    /// # Examples
    ///
    /// ```
    /// use echo6::address::{Block, pton};
    ///
    /// let block = Block::of(pton("fe80::1")?);
    /// assert_eq!((block.purpose(), block.rfc()), ("link-local", 4291));
    /// assert_eq!(block.to_string(), "fe80::/10");
    /// # Ok::<(), echo6::address::AddressError>(())
    /// ```
    #[must_use]
    pub fn of(address: IpAddr) -> &'static Self {
        let blocks = BLOCKS.iter().filter(|block| block.contains(address));
        // The table has a block for all of IPv4 and one for all of IPv6, so there is always one.
        blocks.max_by_key(|block| block.length).unwrap_or(&BLOCKS[0])
    }

    /// What the addresses are for, in the field's terms: `loopback`, `documentation`, …
    #[must_use]
    pub fn purpose(&self) -> &'static str {
        self.purpose
    }

    /// The number of the RFC that says so.
    #[must_use]
    pub fn rfc(&self) -> u16 {
        self.rfc
    }

    fn contains(&self, address: IpAddr) -> bool {
        pton(self.first).is_ok_and(|first| {
            first.is_ipv4() == address.is_ipv4()
                && (bits(first) ^ bits(address)).leading_zeros() >= self.length
        })
    }
}

impl fmt::Display for Block {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.first, self.length)
    }
}

/// The IPv4 address that an IPv6 address carries: an IPv4-mapped one (RFC 4291, section 2.5.5.2), a
/// translated one of NAT64's well-known prefix (RFC 6052), the router of a 6to4 site (RFC 3056) or
/// the client behind a Teredo address, where its bits are turned over (RFC 4380, section 4).
///
/// # Examples
///
/// ```
/// use std::net::Ipv4Addr;
///
/// use echo6::address::{embedded_ipv4, pton6};
///
/// let address = pton6("64:ff9b::192.0.2.33")?;
/// assert_eq!(embedded_ipv4(address), Some(Ipv4Addr::new(192, 0, 2, 33)));
/// # Ok::<(), echo6::address::AddressError>(())
/// ```
#[must_use]
pub fn embedded_ipv4(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let bits = u128::from(address);
    let carried = match Block::of(address.into()).purpose {
        MAPPED | NAT64 => bits as u32,
        SIX_TO_FOUR => (bits >> 80) as u32,
        TEREDO => !(bits as u32),
        _ => return None,
    };
    Some(carried.into())
}

/// The address as a number, its first bit uppermost.
fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u128::from(u32::from(address)) << 96,
        IpAddr::V6(address) => address.into(),
    }
}

const MAPPED: &str = "IPv4-mapped";
const NAT64: &str = "NAT64";
const SIX_TO_FOUR: &str = "6to4";
const TEREDO: &str = "Teredo";

/// The IANA registries for IPv4 and IPv6 special-purpose addresses, with the multicast scopes of
/// RFC 4291 and the few blocks that predate the registries.
const BLOCKS: &[Block] = &[
    block("0.0.0.0", 0, "global unicast", 791),
    block("0.0.0.0", 8, "this network", 791),
    block("0.0.0.0", 32, "unspecified", 1122),
    block("10.0.0.0", 8, "private-use", 1918),
    block("100.64.0.0", 10, "shared (carrier-grade NAT)", 6598),
    block("127.0.0.0", 8, "loopback", 1122),
    block("169.254.0.0", 16, "link-local", 3927),
    block("172.16.0.0", 12, "private-use", 1918),
    block("192.0.0.0", 24, "IETF protocol assignments", 6890),
    block("192.0.0.0", 29, "IPv4 service continuity", 7335),
    block("192.0.0.8", 32, "IPv4 dummy address", 7600),
    block("192.0.0.9", 32, "Port Control Protocol anycast", 7723),
    block("192.0.0.10", 32, "TURN anycast", 8155),
    block("192.0.0.170", 31, "NAT64 and DNS64 discovery", 8880),
    block("192.0.2.0", 24, "documentation", 5737),
    block("192.31.196.0", 24, "AS112", 7535),
    block("192.52.193.0", 24, "AMT", 7450),
    block("192.88.99.0", 24, "6to4 relay anycast (deprecated)", 7526),
    block("192.168.0.0", 16, "private-use", 1918),
    block("192.175.48.0", 24, "AS112", 7534),
    block("198.18.0.0", 15, "benchmarking", 2544),
    block("198.51.100.0", 24, "documentation", 5737),
    block("203.0.113.0", 24, "documentation", 5737),
    block("224.0.0.0", 4, "multicast", 5771),
    block("224.0.0.0", 24, "multicast, local network control", 5771),
    block("233.252.0.0", 24, "multicast, documentation", 6676),
    block("239.0.0.0", 8, "multicast, administratively scoped", 2365),
    block("240.0.0.0", 4, "reserved", 1112),
    block("255.255.255.255", 32, "limited broadcast", 919),
    block("::", 0, "reserved", 4291),
    block("::", 96, "IPv4-compatible (deprecated)", 4291),
    block("::", 128, "unspecified", 4291),
    block("::1", 128, "loopback", 4291),
    block("::ffff:0:0", 96, MAPPED, 4291),
    block("64:ff9b::", 96, NAT64, 6052),
    block("64:ff9b:1::", 48, "NAT64, local use", 8215),
    block("100::", 64, "discard-only", 6666),
    block("100:0:0:1::", 64, "dummy", 9780),
    block("2000::", 3, "global unicast", 4291),
    block("2001::", 23, "IETF protocol assignments", 2928),
    block("2001::", 32, TEREDO, 4380),
    block("2001:1::1", 128, "Port Control Protocol anycast", 7723),
    block("2001:1::2", 128, "TURN anycast", 8155),
    block("2001:1::3", 128, "DNS-SD service registration anycast", 9665),
    block("2001:2::", 48, "benchmarking", 5180),
    block("2001:3::", 32, "AMT", 7450),
    block("2001:4:112::", 48, "AS112", 7535),
    block("2001:10::", 28, "ORCHID (deprecated)", 4843),
    block("2001:20::", 28, "ORCHIDv2", 7343),
    block("2001:30::", 28, "drone remote identification", 9374),
    block("2001:db8::", 32, "documentation", 3849),
    block("2002::", 16, SIX_TO_FOUR, 3056),
    block("2620:4f:8000::", 48, "AS112", 7534),
    block("3fff::", 20, "documentation", 9637),
    block("5f00::", 16, "segment routing (SRv6)", 9602),
    block("fc00::", 7, "unique-local", 4193),
    block("fe80::", 10, "link-local", 4291),
    block("fec0::", 10, "site-local (deprecated)", 3879),
    block("ff00::", 8, "multicast", 4291),
    block("ff01::", 16, "multicast, interface-local", 4291),
    block("ff02::", 16, "multicast, link-local", 4291),
    block("ff05::", 16, "multicast, site-local", 4291),
    block("ff08::", 16, "multicast, organization-local", 4291),
    block("ff0e::", 16, "multicast, global", 4291),
    block("ff02::1:ff00:0", 104, "multicast, solicited-node", 4291),
];

const fn block(first: &'static str, length: u32, purpose: &'static str, rfc: u16) -> Block {
    Block { first, length, purpose, rfc }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn purpose(text: &str) -> &'static str {
        Block::of(pton(text).unwrap()).purpose()
    }

    #[test]
    fn each_block_holds_its_first_and_last_address_and_not_their_neighbours() {
        for block in BLOCKS {
            let first = pton(block.first).unwrap();
            let (low, width) = (bits(first), if first.is_ipv4() { 32 } else { 128 });
            assert!(block.length <= width, "{block}");
            let size = 1_u128.checked_shl(128 - block.length).unwrap_or(0);
            assert_eq!(low & size.wrapping_sub(1), 0, "{block} has bits behind its prefix");
            let step = 1 << (128 - width);
            let address = |bits: u128| match first {
                IpAddr::V4(_) => IpAddr::from(Ipv4Addr::from((bits >> 96) as u32)),
                IpAddr::V6(_) => Ipv6Addr::from(bits).into(),
            };
            let last = low.wrapping_add(size).wrapping_sub(step);
            assert!(block.contains(first) && block.contains(address(last)), "{block}");
            if block.length > 0 {
                assert!(!block.contains(address(low.wrapping_sub(step))), "{block}");
                assert!(!block.contains(address(last.wrapping_add(step))), "{block}");
            }
        }
    }

    #[test]
    fn the_smallest_block_says_what_an_address_is() {
        for (text, wanted) in [
            ("0.0.0.0", "unspecified"),
            ("0.1.2.3", "this network"),
            ("127.255.0.1", "loopback"),
            ("8.8.8.8", "global unicast"),
            ("172.31.255.255", "private-use"),
            ("172.32.0.0", "global unicast"),
            ("100.127.0.1", "shared (carrier-grade NAT)"),
            ("255.255.255.255", "limited broadcast"),
            ("255.255.255.254", "reserved"),
            ("::", "unspecified"),
            ("::1", "loopback"),
            ("::2", "IPv4-compatible (deprecated)"),
            ("2001::1", "Teredo"),
            ("2001:db8::1", "documentation"),
            ("2600::", "global unicast"),
            ("fd00::1", "unique-local"),
            ("febf::1", "link-local"),
            ("ff02::1:ff28:9c5a", "multicast, solicited-node"),
            ("4000::", "reserved"),
        ] {
            assert_eq!(purpose(text), wanted, "{text}");
        }
    }

    #[test]
    fn std_agrees_where_it_has_a_word_for_it() {
        for block in BLOCKS {
            let first = pton(block.first).unwrap();
            let of = Block::of(first).purpose();
            assert_eq!(first.is_loopback(), of == "loopback", "{first}");
            assert_eq!(first.is_unspecified(), of == "unspecified", "{first}");
            assert_eq!(first.is_multicast(), of.starts_with("multicast"), "{first}");
        }
    }

    #[test]
    fn the_ipv4_address_inside_is_found() {
        for (text, wanted) in [
            ("::ffff:192.0.2.7", Some("192.0.2.7")),
            ("64:ff9b::c000:207", Some("192.0.2.7")),
            ("2002:c000:207::1", Some("192.0.2.7")),
            ("2001:0:4136:e378:8000:63bf:3fff:fdf8", Some("192.0.2.7")),
            ("::1", None),
            ("2001:db8::c000:207", None),
        ] {
            let found = embedded_ipv4(text.parse().unwrap());
            assert_eq!(found, wanted.map(|text| text.parse().unwrap()), "{text}");
        }
    }
}
