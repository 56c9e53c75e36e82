//! An address in, what it is for out, after the IANA registries of special-purpose addresses.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::LazyLock;

use super::Prefix;

/// A block of addresses that an RFC has set apart, or one of the wide blocks they were cut from.
///
/// [`Display`](fmt::Display) is its prefix, such as `fe80::/10`.
#[derive(Debug, PartialEq, Eq)]
pub struct Block {
    prefix: Prefix,
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
        smallest(|prefix| prefix.holds(address))
    }

    /// Finds the smallest block that all addresses of `prefix` are in.
    #[must_use]
    pub fn around(prefix: Prefix) -> &'static Self {
        smallest(|block| block.covers(prefix))
    }

    /// The blocks that are smaller than `prefix` and in it, in the order of the registries.
    pub fn within(prefix: Prefix) -> impl Iterator<Item = &'static Self> {
        BLOCKS.iter().filter(move |block| prefix != block.prefix && prefix.covers(block.prefix))
    }

    /// The addresses of the block.
    #[must_use]
    pub fn prefix(&self) -> Prefix {
        self.prefix
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
}

impl fmt::Display for Block {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.prefix.fmt(f)
    }
}

fn smallest(holds: impl Fn(Prefix) -> bool) -> &'static Block {
    let blocks = BLOCKS.iter().filter(|block| holds(block.prefix));
    // The table has a block for all of IPv4 and one for all of IPv6, so there is always one.
    blocks.max_by_key(|block| block.prefix.length()).unwrap_or(&BLOCKS[0])
}

/// The words that lists of prefixes know, and the purposes of the blocks that each stands for.
/// `any` is every address; `private` is what no router of the Internet forwards, of either family.
pub(super) const WORDS: &[(&str, &[&str])] = &[
    ("any", &[]),
    ("loopback", &["loopback"]),
    ("private", &["private-use", "unique-local"]),
    ("link-local", &["link-local"]),
    ("shared", &["shared (carrier-grade NAT)"]),
    ("documentation", &["documentation"]),
    ("benchmarking", &["benchmarking"]),
    ("multicast", &["multicast"]),
];

/// The prefixes that a word stands for; none if it is not known.
pub(super) fn named(word: &str) -> Vec<Prefix> {
    let Some((_, purposes)) = WORDS.iter().find(|(known, _)| *known == word) else {
        return Vec::new();
    };
    let stands_for = |block: &&Block| match purposes {
        [] => block.prefix.length() == 0,
        purposes => purposes.contains(&block.purpose),
    };
    BLOCKS.iter().filter(stands_for).map(|block| block.prefix).collect()
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

const MAPPED: &str = "IPv4-mapped";
const NAT64: &str = "NAT64";
const SIX_TO_FOUR: &str = "6to4";
const TEREDO: &str = "Teredo";

/// The IANA registries for IPv4 and IPv6 special-purpose addresses, with the multicast scopes of
/// RFC 4291 and the few blocks that predate the registries.
const TABLE: &[(&str, &str, u16)] = &[
    ("0.0.0.0/0", "global unicast", 791),
    ("0.0.0.0/8", "this network", 791),
    ("0.0.0.0/32", "unspecified", 1122),
    ("10.0.0.0/8", "private-use", 1918),
    ("100.64.0.0/10", "shared (carrier-grade NAT)", 6598),
    ("127.0.0.0/8", "loopback", 1122),
    ("169.254.0.0/16", "link-local", 3927),
    ("172.16.0.0/12", "private-use", 1918),
    ("192.0.0.0/24", "IETF protocol assignments", 6890),
    ("192.0.0.0/29", "IPv4 service continuity", 7335),
    ("192.0.0.8/32", "IPv4 dummy address", 7600),
    ("192.0.0.9/32", "Port Control Protocol anycast", 7723),
    ("192.0.0.10/32", "TURN anycast", 8155),
    ("192.0.0.170/31", "NAT64 and DNS64 discovery", 8880),
    ("192.0.2.0/24", "documentation", 5737),
    ("192.31.196.0/24", "AS112", 7535),
    ("192.52.193.0/24", "AMT", 7450),
    ("192.88.99.0/24", "6to4 relay anycast (deprecated)", 7526),
    ("192.168.0.0/16", "private-use", 1918),
    ("192.175.48.0/24", "AS112", 7534),
    ("198.18.0.0/15", "benchmarking", 2544),
    ("198.51.100.0/24", "documentation", 5737),
    ("203.0.113.0/24", "documentation", 5737),
    ("224.0.0.0/4", "multicast", 5771),
    ("224.0.0.0/24", "multicast, local network control", 5771),
    ("233.252.0.0/24", "multicast, documentation", 6676),
    ("239.0.0.0/8", "multicast, administratively scoped", 2365),
    ("240.0.0.0/4", "reserved", 1112),
    ("255.255.255.255/32", "limited broadcast", 919),
    ("::/0", "reserved", 4291),
    ("::/96", "IPv4-compatible (deprecated)", 4291),
    ("::/128", "unspecified", 4291),
    ("::1/128", "loopback", 4291),
    ("::ffff:0:0/96", MAPPED, 4291),
    ("64:ff9b::/96", NAT64, 6052),
    ("64:ff9b:1::/48", "NAT64, local use", 8215),
    ("100::/64", "discard-only", 6666),
    ("100:0:0:1::/64", "dummy", 9780),
    ("2000::/3", "global unicast", 4291),
    ("2001::/23", "IETF protocol assignments", 2928),
    ("2001::/32", TEREDO, 4380),
    ("2001:1::1/128", "Port Control Protocol anycast", 7723),
    ("2001:1::2/128", "TURN anycast", 8155),
    ("2001:1::3/128", "DNS-SD service registration anycast", 9665),
    ("2001:2::/48", "benchmarking", 5180),
    ("2001:3::/32", "AMT", 7450),
    ("2001:4:112::/48", "AS112", 7535),
    ("2001:10::/28", "ORCHID (deprecated)", 4843),
    ("2001:20::/28", "ORCHIDv2", 7343),
    ("2001:30::/28", "drone remote identification", 9374),
    ("2001:db8::/32", "documentation", 3849),
    ("2002::/16", SIX_TO_FOUR, 3056),
    ("2620:4f:8000::/48", "AS112", 7534),
    ("3fff::/20", "documentation", 9637),
    ("5f00::/16", "segment routing (SRv6)", 9602),
    ("fc00::/7", "unique-local", 4193),
    ("fe80::/10", "link-local", 4291),
    ("fec0::/10", "site-local (deprecated)", 3879),
    ("ff00::/8", "multicast", 4291),
    ("ff01::/16", "multicast, interface-local", 4291),
    ("ff02::/16", "multicast, link-local", 4291),
    ("ff05::/16", "multicast, site-local", 4291),
    ("ff08::/16", "multicast, organization-local", 4291),
    ("ff0e::/16", "multicast, global", 4291),
    ("ff02::1:ff00:0/104", "multicast, solicited-node", 4291),
];

static BLOCKS: LazyLock<Vec<Block>> = LazyLock::new(|| {
    let block = |&(prefix, purpose, rfc): &(&str, _, _)| {
        let prefix = Prefix::as_written(prefix).expect("each row of the table has a prefix");
        Block { prefix, purpose, rfc }
    };
    TABLE.iter().map(block).collect()
});

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address::pton;

    fn purpose(text: &str) -> &'static str {
        Block::of(pton(text).unwrap()).purpose()
    }

    #[test]
    fn each_block_holds_its_first_and_last_address_and_not_their_neighbours() {
        for block in &*BLOCKS {
            let (first, last) = (block.prefix.first(), block.prefix.last());
            assert!(block.prefix.holds(first) && block.prefix.holds(last), "{block}");
            for outside in neighbours(first, last) {
                assert!(!block.prefix.holds(outside), "{block} {outside}");
            }
        }
    }

    /// The addresses before and behind, where there are any.
    fn neighbours(first: IpAddr, last: IpAddr) -> Vec<IpAddr> {
        let pair = match (first, last) {
            (IpAddr::V4(first), IpAddr::V4(last)) => [
                u32::from(first).checked_sub(1).map(|bits| Ipv4Addr::from(bits).into()),
                u32::from(last).checked_add(1).map(|bits| Ipv4Addr::from(bits).into()),
            ],
            (IpAddr::V6(first), IpAddr::V6(last)) => [
                u128::from(first).checked_sub(1).map(|bits| Ipv6Addr::from(bits).into()),
                u128::from(last).checked_add(1).map(|bits| Ipv6Addr::from(bits).into()),
            ],
            _ => unreachable!("a prefix has one family"),
        };
        pair.into_iter().flatten().collect()
    }

    #[test]
    fn a_prefix_is_in_the_smallest_block_around_it_and_has_others_within() {
        let around = |text: &str| Block::around(text.parse().unwrap()).to_string();
        assert_eq!(around("10.1.0.0/16"), "10.0.0.0/8");
        assert_eq!(around("10.0.0.0/8"), "10.0.0.0/8");
        assert_eq!(around("10.0.0.0/7"), "0.0.0.0/0");
        assert_eq!(around("2001:db8:1::/48"), "2001:db8::/32");
        let within = |text: &str| -> Vec<_> {
            Block::within(text.parse().unwrap()).map(Block::to_string).collect()
        };
        assert_eq!(within("10.0.0.0/7"), ["10.0.0.0/8"]);
        assert_eq!(within("10.0.0.0/8"), [""; 0]);
        assert_eq!(within("0.0.0.0/0").len(), 28);
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
        for block in &*BLOCKS {
            let first = block.prefix.first();
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
