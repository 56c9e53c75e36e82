//! Refusals in, those that are worth a line out: one a source and 10 seconds, so that a scan does not
//! fill the log.

use std::collections::HashSet;
use std::mem;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use echo6::address::Prefix;

/// How long a source is not spoken of again.
const SILENCE: Duration = Duration::from_secs(10);

/// How many sources are spoken of in that time: what a log can hold, and as many as are remembered.
const SOURCES: usize = 4096;

/// The sources that were spoken of, in this span of time and the one before.
pub(crate) struct Refusals {
    since: Instant,
    now: HashSet<Prefix>,
    before: HashSet<Prefix>,
}

impl Refusals {
    pub(crate) fn new(now: Instant) -> Self {
        Self { since: now, now: HashSet::new(), before: HashSet::new() }
    }

    /// Says whether a refusal of `peer` is worth a line. A source is an IPv4 address or the /64 of
    /// an IPv6 one, as for `--max-per-source`. It is spoken of again after 10 to 20 seconds.
    pub(crate) fn tell(&mut self, peer: IpAddr, now: Instant) -> bool {
        let age = now.saturating_duration_since(self.since);
        if age >= SILENCE {
            let last = mem::take(&mut self.now);
            self.before = if age < 2 * SILENCE { last } else { HashSet::new() };
            self.since = now;
        }
        let source = Prefix::new(peer, if peer.is_ipv4() { 32 } else { 64 });
        let is_new = !self.before.contains(&source) && !self.now.contains(&source);
        let told = is_new && self.now.len() < SOURCES;
        if told {
            self.now.insert(source);
        }
        told
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    #[test]
    fn a_source_is_spoken_of_at_most_once_in_ten_seconds() {
        let start = Instant::now();
        let mut refusals = Refusals::new(start);
        for (peer, seconds, told) in [
            ("192.0.2.1", 0, true),
            ("192.0.2.1", 0, false),
            ("192.0.2.2", 1, true),
            ("2001:db8::1", 2, true),
            ("2001:db8::2", 2, false),
            ("2001:db8:0:1::1", 2, true),
            ("192.0.2.1", 9, false),
            ("192.0.2.9", 9, true),
            ("192.0.2.9", 18, false),
            ("192.0.2.1", 30, true),
            ("192.0.2.1", 60, true),
        ] {
            let now = start + Duration::from_secs(seconds);
            assert_eq!(refusals.tell(peer.parse().unwrap(), now), told, "{peer} at {seconds} s");
        }
    }

    #[test]
    fn a_scan_from_everywhere_fills_neither_the_log_nor_the_memory() {
        let now = Instant::now();
        let mut refusals = Refusals::new(now);
        let told = (0..100_000_u32).filter(|&ip| refusals.tell(Ipv4Addr::from(ip).into(), now));
        assert_eq!(told.count(), SOURCES);
    }
}
