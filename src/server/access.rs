//! Prefixes that may connect and prefixes that may not in, a verdict on each address out.
//!
//! Rules have no order: of the prefixes that an address is in, the longest decides, and a prefix
//! that is both allowed and denied is denied. Once any prefix is allowed, addresses that no rule
//! speaks of are denied.

use std::net::IpAddr;

mod ranges;

use ranges::{Ranges, Verdict};

use crate::address::Prefix;

/// The rules as they were given.
#[derive(Clone, Debug, Default)]
pub(super) struct Rules {
    allowed: Vec<Prefix>,
    denied: Vec<Prefix>,
}

/// The rules, made ready to look addresses up in: each family's addresses cut into ranges, in each
/// of which the same rule decides. A hundred thousand rules are 17 comparisons.
#[derive(Debug)]
pub(super) struct Access {
    ipv4: Ranges<u32>,
    ipv6: Ranges<u128>,
    denied: Vec<Prefix>,
    default: Verdict,
}

/// An address that may not connect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Denied {
    /// The prefix that decided; none where only others are allowed.
    pub(super) by: Option<Prefix>,
}

impl Rules {
    pub(super) fn allow(&mut self, prefixes: impl IntoIterator<Item = Prefix>) {
        self.allowed.extend(prefixes);
    }

    pub(super) fn deny(&mut self, prefixes: impl IntoIterator<Item = Prefix>) {
        self.denied.extend(prefixes);
    }

    /// Makes the rules ready; none if there are none, and everyone may connect.
    pub(super) fn compile(self) -> Option<Access> {
        let Self { allowed, denied } = self;
        let default = match (&allowed[..], &denied[..]) {
            ([], []) => return None,
            ([], _) => Verdict::Allowed,
            _ => Verdict::Denied(None),
        };
        let rules = |ipv4| {
            let denials = (0_u32..).zip(&denied);
            let denials = denials.map(|(index, prefix)| (*prefix, Verdict::Denied(Some(index))));
            let allowances = allowed.iter().map(|prefix| (*prefix, Verdict::Allowed));
            let rules = denials.chain(allowances);
            rules.filter(|(prefix, _)| prefix.first().is_ipv4() == ipv4).collect()
        };
        let ipv4 = Ranges::new(rules(true), default, u32::MAX.into(), |key| key as u32);
        let ipv6 = Ranges::new(rules(false), default, u128::MAX, |key| key);
        Some(Access { ipv4, ipv6, denied, default })
    }
}

impl Access {
    /// Judges an address. An IPv4-mapped one counts as IPv4.
    pub(super) fn judge(&self, address: IpAddr) -> Result<(), Denied> {
        let verdict = match address.to_canonical() {
            IpAddr::V4(address) => self.ipv4.at(address.into()),
            IpAddr::V6(address) => self.ipv6.at(address.into()),
        };
        match verdict.unwrap_or(self.default) {
            Verdict::Allowed => Ok(()),
            Verdict::Denied(rule) => {
                Err(Denied { by: rule.map(|index| self.denied[index as usize]) })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::address::prefix_list;

    fn access(allow: &str, deny: &str) -> Access {
        let mut rules = Rules::default();
        let list = |text: &str| match text {
            "" => Vec::new(),
            text => prefix_list(text).unwrap(),
        };
        rules.allow(list(allow));
        rules.deny(list(deny));
        rules.compile().unwrap()
    }

    #[test]
    fn without_rules_there_is_nothing_to_judge() {
        assert!(Rules::default().compile().is_none());
    }

    #[test]
    fn the_longest_prefix_decides_and_a_tie_is_denied() {
        for (allow, deny, allowed, denied) in [
            // Only denials: the others may.
            ("", "10.0.0.0/8", "11.0.0.0 9.255.255.255 ::1", "10.0.0.0 10.255.255.255"),
            // Any allowance: the others may not, of the other family neither.
            ("10.0.0.0/8", "", "10.0.0.0 10.255.255.255", "9.255.255.255 11.0.0.0 ::1"),
            ("10.1.0.0/16", "10.0.0.0/8", "10.1.2.3", "10.2.0.0 10.0.255.255 11.0.0.1"),
            ("10.0.0.0/8", "10.1.0.0/16", "10.2.0.0 10.0.0.1", "10.1.2.3 8.8.8.8"),
            ("10.0.0.0/8", "10.0.0.0/8", "", "10.0.0.1"),
            ("any", "any", "", "10.0.0.1 ::1"),
            ("any", "10.1.0.0/16", "10.0.0.1 ::1 255.255.255.255 0.0.0.0", "10.1.0.0"),
            // Three deep, and back out again.
            (
                "10.1.0.0/16,10.1.2.3",
                "10.0.0.0/8,10.1.2.0/24",
                "10.1.1.255 10.1.2.3 10.1.3.0",
                "10.1.2.2 10.1.2.4 10.2.0.0",
            ),
            // At both ends of the numbers.
            (
                "0.0.0.0/1",
                "255.255.255.255,0.0.0.0",
                "0.0.0.1 127.255.255.255",
                "0.0.0.0 128.0.0.0 255.255.255.255",
            ),
            (
                "ffff::/16,::/16",
                "ffff::/17",
                "ffff:8000:: ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ::",
                "ffff:: fffe:: 1::",
            ),
        ] {
            let access = access(allow, deny);
            for (text, may) in [(allowed, true), (denied, false)] {
                for address in text.split_whitespace() {
                    let verdict = access.judge(address.parse().unwrap());
                    assert_eq!(verdict.is_ok(), may, "{address}: +{allow} -{deny}");
                }
            }
        }
    }

    #[test]
    fn mapped_addresses_are_ipv4_and_all_of_ipv6_is_not() {
        // What others took for an IPv6 address went past their rules, or a mapped prefix became
        // all of IPv4.
        for (allow, deny, address, may) in [
            ("", "192.0.2.0/24", "::ffff:192.0.2.7", false),
            ("192.0.2.0/24", "", "::ffff:192.0.2.7", true),
            ("::ffff:192.0.2.0/120", "", "192.0.2.7", true),
            ("::ffff:192.0.2.0/120", "", "192.0.3.7", false),
            ("", "::ffff:0:0/96", "::1", true),
            ("", "::ffff:0:0/96", "192.0.2.7", false),
            ("", "::/0", "::ffff:192.0.2.7", true),
            ("::/0", "", "192.0.2.7", false),
            ("", "0.0.0.0/0", "::1", true),
            ("loopback", "", "::ffff:127.0.0.1", true),
        ] {
            let verdict = access(allow, deny).judge(address.parse().unwrap());
            assert_eq!(verdict.is_ok(), may, "{address}: +{allow} -{deny}");
        }
    }

    #[test]
    fn a_denial_names_the_prefix_that_decided() {
        let access = access("10.0.0.0/8", "10.1.0.0/16");
        let by = |address: &str| access.judge(address.parse().unwrap()).unwrap_err().by;
        assert_eq!(by("10.1.2.3").map(|prefix| prefix.to_string()).as_deref(), Some("10.1.0.0/16"));
        assert_eq!(by("11.0.0.1"), None);
    }

    #[test]
    fn a_hundred_thousand_prefixes_are_as_many_ranges_at_most_twice() {
        let mut rules = Rules::default();
        let address = |index: u32| IpAddr::from(std::net::Ipv4Addr::from(index << 12));
        rules.deny((0..100_000).map(|index| Prefix::new(address(index), 24)));
        let access = rules.compile().unwrap();
        assert_eq!(access.ipv4.starts.len(), 200_000);
        assert!(access.judge(address(99_999)).is_err() && access.judge(address(100_000)).is_ok());
    }

    /// Prefixes that often meet: of few bits, at both ends of the addresses.
    fn prefixes() -> impl Strategy<Value = Vec<Prefix>> {
        let prefix = (any::<bool>(), 0_u8..=6, any::<u8>(), any::<bool>()).prop_map(
            |(ipv4, length, bits, low)| {
                let (high, tail) = (u128::from(bits) << 120, if low { 0 } else { u128::MAX >> 8 });
                let address = if ipv4 {
                    std::net::Ipv4Addr::from(((high | tail) >> 96) as u32).into()
                } else {
                    std::net::Ipv6Addr::from(high | tail).into()
                };
                Prefix::new(address, if length == 6 { 128 } else { length })
            },
        );
        prop::collection::vec(prefix, 0..12)
    }

    proptest! {
        #[test]
        fn the_ranges_say_what_a_look_at_each_rule_says(
            allow in prefixes(),
            deny in prefixes(),
            more in prefixes(),
        ) {
            let mut rules = Rules::default();
            rules.allow(allow.clone());
            rules.deny(deny.clone());
            let access = rules.compile();
            for prefix in allow.iter().chain(&deny).chain(&more) {
                for address in [prefix.first(), prefix.last()] {
                    let longest = |rules: &[Prefix]| {
                        let holding = rules.iter().filter(|rule| rule.contains(address));
                        holding.map(|rule| rule.length()).max()
                    };
                    let (for_it, against) = (longest(&allow), longest(&deny));
                    let may = match (for_it, against) {
                        (None, None) => allow.is_empty(),
                        (for_it, against) => for_it > against,
                    };
                    let verdict = access.as_ref().map_or(Ok(()), |access| access.judge(address));
                    prop_assert_eq!(verdict.is_ok(), may, "{}", address);
                    if let Err(Denied { by }) = verdict {
                        prop_assert_eq!(by.map(|prefix| prefix.length()), against);
                    }
                }
            }
        }
    }
}
