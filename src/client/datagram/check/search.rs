//! What became of datagrams of some sizes in, the next size to try and the longest that passes out.

use std::net::IpAddr;

/// What became of a datagram that was not to be fragmented.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It came back.
    Back,
    /// The next link takes packets of up to so many bytes, says this host, or a router by ICMP.
    TooBig { mtu: Option<u32>, by: Option<IpAddr> },
    /// Nothing was heard of it.
    Silent,
}

/// A search for the longest datagram that passes whole: first the sizes that paths often have, then
/// by halves.
#[derive(Clone, Debug)]
pub(super) struct Search {
    /// The longest payload that came back.
    passes: usize,
    /// The shortest that did not.
    fails: usize,
    /// The longest that a datagram can have.
    most: usize,
    /// What an IP and a UDP header take of a packet.
    headers: usize,
    /// MTUs that were named and not tried yet.
    named: Option<usize>,
    /// Who said that something is too big, by ICMP.
    by: Option<IpAddr>,
    /// Whether a size that is too big was ever met with silence.
    silent: bool,
    /// How many of [`USUAL`] were tried.
    usual: usize,
    /// Whether one byte more than the best of those was tried: most often it is the end.
    one_more: bool,
}

/// MTUs that paths often have: the least of IPv6, tunnels (WireGuard, GRE and IPsec in many forms),
/// PPPoE, Ethernet, and jumbo frames.
const USUAL: [usize; 8] = [1500, 1492, 1480, 1420, 1400, 1280, 9000, 65_536];

impl Search {
    /// `passes` is a payload that came back, `most` the longest that a datagram can have.
    pub(super) fn new(passes: usize, most: usize, headers: usize) -> Self {
        let fails = most + 1;
        Self {
            passes,
            fails,
            most,
            headers,
            named: None,
            by: None,
            silent: false,
            usual: 0,
            one_more: false,
        }
    }

    /// The payload to try next; none when the longest is known.
    pub(super) fn next(&mut self) -> Option<usize> {
        let open = |size: &usize| (self.passes + 1..self.fails).contains(size);
        if let Some(named) = self.named.take().filter(open) {
            return Some(named);
        }
        while let Some(mtu) = USUAL.get(self.usual) {
            self.usual += 1;
            // The longest packet of that MTU, or the longest datagram at all.
            let size = mtu.saturating_sub(self.headers).min(self.most);
            if open(&size) {
                return Some(size);
            }
        }
        if !self.one_more {
            self.one_more = true;
            if open(&(self.passes + 1)) {
                return Some(self.passes + 1);
            }
        }
        let middle = self.passes.midpoint(self.fails);
        open(&middle).then_some(middle)
    }

    pub(super) fn note(&mut self, size: usize, outcome: Outcome) {
        match outcome {
            Outcome::Back => self.passes = self.passes.max(size),
            Outcome::Silent => {
                self.silent = true;
                self.fails = self.fails.min(size);
            }
            Outcome::TooBig { mtu, by } => {
                self.fails = self.fails.min(size);
                self.by = by.or(self.by);
                let named = mtu.map(|mtu| (mtu as usize).saturating_sub(self.headers));
                if let Some(named) = named.filter(|named| *named < self.fails) {
                    self.fails = named + 1;
                    self.named = Some(named);
                }
            }
        }
    }

    /// The longest payload that passes whole.
    pub(super) fn passes(&self) -> usize {
        self.passes
    }

    /// Who said what is too big, by ICMP.
    pub(super) fn by(&self) -> Option<IpAddr> {
        self.by
    }

    /// Says whether something vanished without a word.
    pub(super) fn is_silent(&self) -> bool {
        self.silent
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOST: usize = 65_507;

    /// Searches on a path: what this host's interface takes, what the path takes, and who says so.
    fn search(local: usize, path: usize, by: Option<IpAddr>) -> (Search, Vec<usize>) {
        let mut search = Search::new(64, MOST, 28);
        let mut tried = Vec::new();
        while let Some(size) = search.next() {
            assert!(tried.len() < 40 && !tried.contains(&size), "{tried:?}, {size}");
            tried.push(size);
            let packet = size + 28;
            search.note(
                size,
                if packet > local {
                    Outcome::TooBig { mtu: Some(local as u32), by: None }
                } else if packet <= path {
                    Outcome::Back
                } else if by.is_some() {
                    Outcome::TooBig { mtu: Some(path as u32), by }
                } else {
                    Outcome::Silent
                },
            );
        }
        (search, tried)
    }

    #[test]
    fn the_longest_datagram_is_found_whoever_says_so_and_also_in_silence() {
        let router: IpAddr = "192.0.2.1".parse().unwrap();
        for (local, path, by, tries) in [
            (1500, 1500, None, 2),
            (1500, 1420, Some(router), 3),
            (1500, 1280, None, 7),
            (1500, 1420, None, 5),
            (1500, 1333, None, 14),
            (9000, 1450, Some(router), 4),
            (9000, 9000, None, 4),
            (65_536, 65_536, None, 4),
            (1500, 576, None, 20),
        ] {
            let (search, tried) = search(local, path, by);
            let passes = (path - 28).min(MOST);
            assert_eq!(search.passes(), passes, "{local}, {path}: {tried:?}");
            assert!(tried.len() <= tries, "{local}, {path}: {tried:?}");
            assert_eq!(search.by(), by, "{local}, {path}");
            assert_eq!(search.is_silent(), by.is_none() && path < local, "{local}, {path}");
        }
    }
}
