//! How many datagrams a second each source may have answered, in a table whose size is fixed.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::time::Duration;

/// What each source may still have answered: a leaky bucket for each, as the generic cell rate
/// algorithm keeps it (ITU-T I.371): one time, at which the bucket will be empty again.
///
/// With spoofed sources, the source is the victim, so that the limit for a source is the limit for
/// a victim too.
#[derive(Debug)]
pub(super) struct Rates {
    /// Nanoseconds between two datagrams at the full rate.
    interval: u64,
    slots: Box<[Slot]>,
    /// What the sources that find no place in the table share.
    crowd: u64,
    /// Secret, so that nobody can choose sources that take each other's places.
    hasher: RandomState,
}

/// A source and when its bucket is empty, in nanoseconds from the start. A slot whose bucket is
/// empty is free.
#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    source: u64,
    empty: u64,
}

/// How many sources the table holds: 1 MiB of it.
const SLOTS: usize = 65_536;

/// In how many slots one source may be: those of one line of the processor's cache.
const WAYS: usize = 4;

/// What a bucket holds: as much as a source may have answered in a second.
const SECOND: u64 = 1_000_000_000;

impl Rates {
    /// Answers each source `most` datagrams a second, and that many in a burst.
    pub(super) fn new(most: NonZeroU32) -> Self {
        Self {
            interval: SECOND / u64::from(most.get()),
            slots: vec![Slot::default(); SLOTS].into_boxed_slice(),
            crowd: 0,
            hasher: RandomState::new(),
        }
    }

    /// Takes one datagram from what `ip` may have answered; false if nothing is left. `now` is the
    /// time since the start. When the table is full of other sources, all that are not in it share
    /// what one may have.
    pub(super) fn take(&mut self, ip: IpAddr, now: Duration) -> bool {
        let source = source(ip);
        let now = now.as_nanos() as u64;
        let set = self.hasher.hash_one(source) as usize % (SLOTS / WAYS) * WAYS;
        let slots = &mut self.slots[set..set + WAYS];
        let known = slots.iter().position(|slot| slot.source == source && slot.empty > now);
        let empty = match known.or_else(|| slots.iter().position(|slot| slot.empty <= now)) {
            Some(slot) => {
                slots[slot].source = source;
                &mut slots[slot].empty
            }
            None => &mut self.crowd,
        };
        let next = (*empty).max(now) + self.interval;
        let fits = next - now <= SECOND;
        if fits {
            *empty = next;
        }
        fits
    }
}

/// An IPv4 address, or the /64 of an IPv6 address: with a /64, one subscriber has 2^64 addresses to
/// send from. No host has an address in 0:0:ffff::/48, where the IPv4 addresses are put.
fn source(ip: IpAddr) -> u64 {
    match ip {
        IpAddr::V4(ip) => 0xffff << 32 | u64::from(ip.to_bits()),
        IpAddr::V6(ip) => (ip.to_bits() >> 64) as u64,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rates(most: u32) -> Rates {
        Rates::new(NonZeroU32::new(most).unwrap())
    }

    /// How many of `count` datagrams are answered.
    fn taken(rates: &mut Rates, ip: &str, count: u32, millis: u64) -> u32 {
        let (ip, now) = (ip.parse().unwrap(), Duration::from_millis(millis));
        (0..count).map(|_| u32::from(rates.take(ip, now))).sum()
    }

    #[test]
    fn a_source_has_as_many_answered_as_it_may_in_a_burst_and_then_in_each_second() {
        for most in [1, 3, 10, 1000] {
            let mut rates = rates(most);
            assert_eq!(taken(&mut rates, "192.0.2.7", 5000, 0), most);
            assert_eq!(taken(&mut rates, "192.0.2.7", 5000, 500), most / 2);
            assert_eq!(taken(&mut rates, "192.0.2.7", 5000, 5_000), most);
            assert_eq!(taken(&mut rates, "192.0.2.7", 5000, 6_000), most);
        }
    }

    #[test]
    fn ipv4_is_limited_by_address_and_ipv6_by_64() {
        let mut rates = rates(1);
        for ip in ["192.0.2.1", "192.0.2.2", "2001:db8::1", "2001:db8:0:1::1", "::1"] {
            assert_eq!(taken(&mut rates, ip, 2, 0), 1, "{ip}");
        }
        for ip in ["192.0.2.1", "2001:db8::ffff:0:0:1", "2001:db8:0:1::2"] {
            assert_eq!(taken(&mut rates, ip, 2, 0), 0, "{ip}");
        }
    }

    #[test]
    fn a_million_sources_share_the_room_and_what_finds_none_shares_one_allowance() {
        let mut rates = rates(10);
        let start = 0x0a00_0000_u32;
        let answered = (start..start + 1_000_000)
            .filter(|bits| rates.take(IpAddr::V4((*bits).into()), Duration::ZERO))
            .count();
        assert_eq!(answered, SLOTS + 10);
        // Whoever has a place is not crowded out by the others, and those go as time goes on.
        assert_eq!(taken(&mut rates, "10.0.0.0", 100, 0), 9);
        assert_eq!(taken(&mut rates, "192.0.2.7", 100, 1_001), 10);
    }
}
