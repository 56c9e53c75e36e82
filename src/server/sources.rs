//! How many connections each source has.

use std::collections::HashMap;
use std::net::SocketAddrV6;
use std::num::NonZeroUsize;

/// The sources that have connections.
#[derive(Debug, Default)]
pub(super) struct Sources(HashMap<u128, Share>);

#[derive(Debug, Default)]
struct Share {
    connections: usize,
    /// A refusal has been said, and is not said again before half of the connections are gone.
    refusing: bool,
}

/// Whether a source may have another connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Admission {
    Granted,
    FirstRefused,
    RefusedAgain,
}

impl Sources {
    /// Counts a connection of `peer`, unless its source has `limit` of them.
    pub(super) fn admit(&mut self, peer: SocketAddrV6, limit: NonZeroUsize) -> Admission {
        let share = self.0.entry(source(peer)).or_default();
        if share.connections < limit.get() {
            share.connections += 1;
            if share.connections <= limit.get() / 2 {
                share.refusing = false;
            }
            return Admission::Granted;
        }
        if share.refusing {
            return Admission::RefusedAgain;
        }
        share.refusing = true;
        Admission::FirstRefused
    }

    /// Takes back what [`Sources::admit`] counted.
    pub(super) fn release(&mut self, peer: SocketAddrV6) {
        let source = source(peer);
        if let Some(share) = self.0.get_mut(&source) {
            share.connections -= 1;
            if share.connections == 0 {
                self.0.remove(&source);
            }
        }
    }
}

/// An IPv4 address, in its mapped form, or the /64 of an IPv6 address: with a /64, one subscriber
/// has 2^64 addresses to come from.
fn source(peer: SocketAddrV6) -> u128 {
    let bits = peer.ip().to_bits();
    if peer.ip().to_ipv4_mapped().is_some() { bits } else { bits >> 64 << 64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(ip: &str) -> SocketAddrV6 {
        SocketAddrV6::new(ip.parse().unwrap(), 1, 0, 0)
    }

    #[test]
    fn ipv4_is_counted_by_address_and_ipv6_by_64() {
        let (mut sources, one) = (Sources::default(), NonZeroUsize::MIN);
        for ip in ["::ffff:192.0.2.1", "::ffff:192.0.2.2", "2001:db8::1", "2001:db8:0:1::1"] {
            assert_eq!(sources.admit(peer(ip), one), Admission::Granted, "{ip}");
        }
        for ip in ["::ffff:192.0.2.1", "2001:db8::ffff:0:0:1", "2001:db8:0:1::2"] {
            assert_eq!(sources.admit(peer(ip), one), Admission::FirstRefused, "{ip}");
        }
    }

    #[test]
    fn a_refusal_is_said_once_until_half_of_the_connections_are_gone() {
        let (mut sources, four) = (Sources::default(), NonZeroUsize::new(4).unwrap());
        let client = peer("::1");
        let admit = |sources: &mut Sources| sources.admit(client, four);
        for _ in 0..4 {
            assert_eq!(admit(&mut sources), Admission::Granted);
        }
        assert_eq!(admit(&mut sources), Admission::FirstRefused);
        sources.release(client);
        assert_eq!(admit(&mut sources), Admission::Granted);
        assert_eq!(admit(&mut sources), Admission::RefusedAgain);
        (0..3).for_each(|_| sources.release(client));
        (0..3).for_each(|_| assert_eq!(admit(&mut sources), Admission::Granted));
        assert_eq!(admit(&mut sources), Admission::FirstRefused);
    }

    #[test]
    fn a_source_without_connections_takes_no_room() {
        let mut sources = Sources::default();
        sources.admit(peer("::1"), NonZeroUsize::MIN);
        sources.release(peer("::1"));
        assert!(sources.0.is_empty());
    }
}
