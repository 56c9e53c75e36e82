//! A datagram that came in, what it is out: a probe of ours as it was sent, or what happened to it.

use std::net::SocketAddr;

use crate::client::ping::probe::HEADER;

/// What a datagram is. It has no clock: whether a probe is late, or comes for the second time, the
/// ledger knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::client) enum Verdict {
    /// A probe as it was sent.
    Intact { sequence: u64 },
    /// The same, from another address.
    Foreign { sequence: u64 },
    /// The beginning of a probe; without a whole number, of the one that is waited for longest.
    Truncated { sequence: u64 },
    /// It has other bytes than the probe whose number it has, if it has one: the first at `offset`.
    Corrupt { sequence: Option<u64>, offset: usize },
    /// None of ours: somebody else sent it.
    Stray,
}

/// Who and what a datagram has to compare to.
#[derive(Clone, Copy)]
pub(in crate::client) struct Expected<'a> {
    pub(in crate::client) peer: SocketAddr,
    /// What each probe has after its number.
    pub(in crate::client) tail: &'a [u8],
    /// The number of the probe that is waited for longest.
    pub(in crate::client) first: Option<u64>,
    /// Whether a number is that of a probe that was sent and is remembered.
    pub(in crate::client) knows: &'a dyn Fn(u64) -> bool,
}

/// How many bytes of the tail prove that a datagram is ours: 2^64 cannot be guessed.
const PROOF: usize = 8;

impl Expected<'_> {
    pub(in crate::client) fn judge(&self, from: SocketAddr, bytes: &[u8], cut: bool) -> Verdict {
        let number = bytes.split_first_chunk().map(|(number, _)| u64::from_be_bytes(*number));
        let sequence = number.filter(|&number| (self.knows)(number));
        let tail = bytes.get(HEADER..).unwrap_or_default();
        if from != self.peer {
            return match sequence {
                Some(sequence) if tail == self.tail && tail.len() >= PROOF => {
                    Verdict::Foreign { sequence }
                }
                _ => Verdict::Stray,
            };
        }
        let same = self.tail.iter().zip(tail).take_while(|(one, other)| one == other).count();
        match sequence {
            Some(sequence) if same < tail.len() || cut => {
                Verdict::Corrupt { sequence: Some(sequence), offset: HEADER + same }
            }
            Some(sequence) if same < self.tail.len() => Verdict::Truncated { sequence },
            Some(sequence) => Verdict::Intact { sequence },
            // Its number is damaged or missing: most likely it is the one waited for longest.
            None => {
                let number = self.first.unwrap_or_default().to_be_bytes();
                let probe = number.iter().chain(self.tail);
                let same = probe.zip(bytes).take_while(|(one, other)| one == other).count();
                match self.first {
                    Some(sequence) if same == bytes.len() => Verdict::Truncated { sequence },
                    _ => Verdict::Corrupt { sequence: None, offset: same },
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_is_a_probe_or_what_happened_to_one() {
        let peer: SocketAddr = "192.0.2.9:7".parse().unwrap();
        let (other, port) = ("192.0.2.7:7".parse().unwrap(), "192.0.2.9:8".parse().unwrap());
        let tail = b"unguessable";
        let knows = |number| (1..=5).contains(&number);
        let expected = Expected { peer, tail, first: Some(2), knows: &knows };
        let probe = |number: u64, tail: &[u8]| [&number.to_be_bytes()[..], tail].concat();
        let corrupt = |sequence, offset| Verdict::Corrupt { sequence, offset };
        for (from, bytes, verdict) in [
            (peer, probe(3, tail), Verdict::Intact { sequence: 3 }),
            (other, probe(3, tail), Verdict::Foreign { sequence: 3 }),
            (port, probe(3, tail), Verdict::Foreign { sequence: 3 }),
            (other, probe(3, b"guess"), Verdict::Stray),
            (other, probe(9, tail), Verdict::Stray),
            (peer, probe(3, b"unguess"), Verdict::Truncated { sequence: 3 }),
            (peer, probe(3, b""), Verdict::Truncated { sequence: 3 }),
            (peer, probe(3, b"unguesSable"), corrupt(Some(3), 14)),
            (peer, probe(3, b"unguessable, and more"), corrupt(Some(3), 19)),
            (peer, probe(9, tail), corrupt(None, 7)),
            (peer, probe(1 << 40 | 2, tail), corrupt(None, 2)),
            (peer, b"what?".to_vec(), corrupt(None, 0)),
            (peer, probe(2, b"")[..7].to_vec(), Verdict::Truncated { sequence: 2 }),
            (peer, Vec::new(), Verdict::Truncated { sequence: 2 }),
        ] {
            assert_eq!(expected.judge(from, &bytes, false), verdict, "{from}: {bytes:?}");
        }
        assert_eq!(expected.judge(peer, &probe(3, tail), true), corrupt(Some(3), 19));
    }
}
