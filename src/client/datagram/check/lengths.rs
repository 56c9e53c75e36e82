//! Datagrams of many lengths out, which of them come back out: the path MTU, fragments, and lengths
//! from which on a server truncates, changes, or answers from elsewhere.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use super::checked::DatagramChecked;
use super::search::{Outcome, Search};
use super::{DatagramCheck, SMALL};
use crate::client::datagram::error::DatagramError;
use crate::client::datagram::flow::Flow;
use crate::client::datagram::ping::DatagramPing;
use crate::client::datagram::send::Back;
use crate::error::Cause;
use crate::socket::CallerOptions;

/// Lengths that are tried beside the first above the path MTU: what Kubernetes' conformance tests
/// send, and the buffers of servers that truncate.
const LENGTHS: [usize; 4] = [2000, 4096, 4099, 8192];

/// The outcome of a datagram longer than those that are known to come back.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Fate {
    /// It came back as it was sent.
    Back,
    /// Its beginning came back.
    Cut { returned: usize },
    /// It came back changed, or from another address.
    Wrong(DatagramError),
    /// It is too big for the next link, says this host, or a router by ICMP.
    TooBig { mtu: Option<u32>, by: Option<IpAddr> },
    /// This host's link did not take it.
    Unsent,
    /// This host could not send it at all.
    Here(DatagramError),
    /// Nothing was heard of it.
    Silent,
}

impl Fate {
    pub(super) fn of(error: DatagramError) -> Self {
        match error {
            _ if is_loss(&error) => match error {
                DatagramError::Here { .. } => Self::Unsent,
                _ => Self::Silent,
            },
            DatagramError::Truncated { returned, .. } => Self::Cut { returned },
            DatagramError::Mismatch { .. } | DatagramError::Foreign { .. } => Self::Wrong(error),
            DatagramError::Undelivered { by, mtu: mtu @ Some(_), .. } => Self::TooBig { mtu, by },
            DatagramError::Here { .. } => Self::Here(error),
            DatagramError::Undelivered { .. }
            | DatagramError::Timeout { .. }
            | DatagramError::Connect(_)
            | DatagramError::TooLarge { .. } => Self::Silent,
        }
    }

    /// What it says of the path: one that is answered in any way came there whole.
    fn outcome(&self) -> Outcome {
        match self {
            Self::Back | Self::Cut { .. } | Self::Wrong(_) => Outcome::Back,
            Self::TooBig { mtu, by } => Outcome::TooBig { mtu: *mtu, by: *by },
            // send(2) said so before the queue of errors was asked for the MTU.
            Self::Unsent | Self::Here(_) => Outcome::TooBig { mtu: None, by: None },
            Self::Silent => Outcome::Silent,
        }
    }
}

/// Says whether a datagram may only be lost, so that another one says more.
pub(super) fn is_loss(error: &DatagramError) -> bool {
    match error {
        DatagramError::Timeout { .. } => true,
        // Small ones came back as they were sent, so that another length is the late reply to an
        // earlier datagram, of a search to a longer one. (A server that adds bytes to long ones alone
        // is taken for a path that drops them.)
        DatagramError::Mismatch { sent, returned, .. } => sent != returned,
        // ENOBUFS: a queue is full, or a device drops what is too long for its other end.
        DatagramError::Here { source, .. } => is_full(source),
        DatagramError::Connect(_)
        | DatagramError::TooLarge { .. }
        | DatagramError::Undelivered { .. }
        | DatagramError::Truncated { .. }
        | DatagramError::Foreign { .. } => false,
    }
}

#[cfg(unix)]
fn is_full(cause: &Cause) -> bool {
    cause.raw_os_error() == Some(rustix::io::Errno::NOBUFS.raw_os_error())
}

/// WSAENOBUFS.
#[cfg(not(unix))]
fn is_full(cause: &Cause) -> bool {
    cause.raw_os_error() == Some(10055)
}

impl DatagramChecked {
    /// Takes note of the outcome of a datagram of this length.
    fn note_length(&mut self, length: usize, fate: Fate) {
        match fate {
            Fate::Back => self.longest = self.longest.max(Some(length)),
            Fate::Cut { returned } => {
                let shortest = self.truncates_at.unwrap_or(usize::MAX);
                self.truncates_at = Some(shortest.min(returned));
            }
            Fate::Wrong(error) => {
                if self.wrong.is_none_or(|wrong| length < wrong) {
                    self.wrong = Some(length);
                    self.failure = Some(error);
                }
            }
            Fate::Here(error) => self.failure = Some(error),
            Fate::Unsent => {
                self.vanishes = self.vanishes.or(Some(length));
                self.unsent = true;
            }
            Fate::TooBig { .. } | Fate::Silent => {
                self.vanishes = self.vanishes.or(Some(length));
            }
        }
    }
}

impl DatagramCheck {
    /// Finds the longest packet that is not fragmented, where the system can forbid that.
    pub(super) async fn path_mtu(&self, checked: &mut DatagramChecked, wait: Duration) {
        let peer = checked.address;
        let Ok(flow) = self.open(peer, |options| CallerOptions { whole: true, ..options }) else {
            return;
        };
        let mut search = Search::new(SMALL, DatagramPing::most(peer), checked.headers());
        while let Some(size) = search.next() {
            let fate = self.fate(&flow, peer, size, wait).await;
            search.note(size, fate.outcome());
            // What does not pass whole may pass in fragments.
            if matches!(fate, Fate::Back | Fate::Wrong(_)) {
                checked.note_length(size, fate);
            }
        }
        checked.path_mtu = Some(search.passes() + checked.headers());
        checked.path_mtu_by = search.by();
        checked.black_hole = search.is_silent();
    }

    /// Sends datagrams that have to be fragmented, and those that servers truncate.
    pub(super) async fn lengths(&self, checked: &mut DatagramChecked, flow: &Flow, wait: Duration) {
        let peer = checked.address;
        let most = DatagramPing::most(peer);
        let above = checked.path_mtu.unwrap_or(1500) - checked.headers();
        let mut lengths: Vec<usize> = (above + 1..=above + 8).chain(LENGTHS).collect();
        lengths.push(most);
        lengths.retain(|&length| length <= most);
        lengths.sort_unstable();
        lengths.dedup();
        for length in lengths {
            // Longer ones fare no better.
            if checked.failure.is_some() {
                break;
            }
            let fate = self.fate(flow, peer, length, wait).await;
            let passes = matches!(fate, Fate::Back | Fate::Cut { .. } | Fate::Wrong(_));
            // The longest are dozens of fragments, so that they say little of a lossy path.
            if !passes && length > 8192 && checked.longest == Some(8192) {
                break;
            }
            checked.note_length(length, fate);
            // What is still longer fares no better, unless the last fragment is tiny.
            if !passes && length > above + 8 {
                break;
            }
        }
        if let Some(wrong) = checked.wrong {
            let right = checked.longest.filter(|&longest| longest < wrong).unwrap_or(SMALL);
            halve(right, wrong, async |length| {
                let fate = self.fate(flow, peer, length, wait).await;
                let is_right = match fate {
                    Fate::Back => Some(true),
                    Fate::Wrong(_) => Some(false),
                    _ => return None,
                };
                checked.note_length(length, fate);
                is_right
            })
            .await;
        }
    }

    /// Sends up to three datagrams of a length, and returns their outcome.
    async fn fate(&self, flow: &Flow, peer: SocketAddr, length: usize, wait: Duration) -> Fate {
        let back: Result<Back, _> = self.comes_back(flow, peer, length, wait).await;
        back.map_or_else(Fate::of, |_| Fate::Back)
    }
}

/// Asks of the lengths between one that is right and one that is wrong, until two neighbours are
/// known, or one is neither.
async fn halve(
    mut right: usize,
    mut wrong: usize,
    mut is_right: impl AsyncFnMut(usize) -> Option<bool>,
) {
    while right + 1 < wrong {
        let middle = right.midpoint(wrong);
        match is_right(middle).await {
            Some(true) => right = middle,
            Some(false) => wrong = middle,
            None => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::executor::block_on;

    use super::*;

    fn peer() -> SocketAddr {
        "192.0.2.9:7".parse().unwrap()
    }

    #[cfg(unix)]
    #[test]
    fn what_came_back_wrong_did_not_vanish_and_what_no_link_takes_does_not_pass() {
        use rustix::io::Errno;
        let (peer, by, mtu) = (peer(), Some("192.0.2.1".parse().unwrap()), Some(1400));
        let mismatch =
            |returned| DatagramError::Mismatch { peer, offset: 100, sent: 1000, returned };
        let cause = |errno: Errno| Cause::from(std::io::Error::from(errno));
        let here = |errno| DatagramError::Here { peer, source: cause(errno) };
        let undelivered = |mtu| {
            let source = cause(Errno::MSGSIZE);
            DatagramError::Undelivered { peer, by, mtu, source }
        };
        let foreign = DatagramError::Foreign { peer, from: "192.0.2.7:7".parse().unwrap() };
        let timeout = DatagramError::Timeout { peer, after: Duration::ZERO };
        let too_big = |mtu, by| Outcome::TooBig { mtu, by };
        for (error, fate, outcome) in [
            (timeout, Fate::Silent, Outcome::Silent),
            (mismatch(1000), Fate::Wrong(mismatch(1000)), Outcome::Back),
            // The late reply to a shorter one.
            (mismatch(999), Fate::Silent, Outcome::Silent),
            (foreign.clone(), Fate::Wrong(foreign), Outcome::Back),
            (
                DatagramError::Truncated { peer, sent: 1000, returned: 9 },
                Fate::Cut { returned: 9 },
                Outcome::Back,
            ),
            (undelivered(mtu), Fate::TooBig { mtu, by }, too_big(mtu, by)),
            (undelivered(None), Fate::Silent, Outcome::Silent),
            (here(Errno::NOBUFS), Fate::Unsent, too_big(None, None)),
            (here(Errno::PERM), Fate::Here(here(Errno::PERM)), too_big(None, None)),
        ] {
            let said = Fate::of(error.clone());
            assert_eq!(said.outcome(), outcome, "{error}");
            assert_eq!(said, fate, "{error}");
        }
    }

    #[test]
    fn the_shortest_that_is_wrong_is_the_failure() {
        let mut checked = DatagramChecked::new(peer());
        let wrong =
            |sent| DatagramError::Mismatch { peer: peer(), offset: 9, sent, returned: sent };
        for (length, fate) in [
            (1472, Fate::Wrong(wrong(1472))),
            (768, Fate::Back),
            (1120, Fate::Wrong(wrong(1120))),
            (1473, Fate::Wrong(wrong(1473))),
        ] {
            checked.note_length(length, fate);
        }
        assert_eq!((checked.longest, checked.wrong), (Some(768), Some(1120)));
        assert_eq!(checked.failure, Some(wrong(1120)));
        assert_eq!((checked.vanishes, checked.unsent), (None, false));
        let mut checked = DatagramChecked::new(peer());
        for (length, fate) in [(1276, Fate::Back), (1277, Fate::Unsent), (1278, Fate::Unsent)] {
            checked.note_length(length, fate);
        }
        assert_eq!((checked.longest, checked.vanishes), (Some(1276), Some(1277)));
        assert!(checked.unsent && checked.failure.is_none());
    }

    #[test]
    fn the_first_wrong_length_is_found_by_halves_unless_one_says_nothing() {
        for (right, wrong, first, silent, most) in [
            (64, 1472, 101, None, 11),
            (64, 65_507, 65_507, None, 16),
            (64, 65, 65, None, 0),
            (64, 1472, 101, Some(768), 1),
        ] {
            let (mut below, mut above) = (right, wrong);
            let mut asked = 0;
            block_on(halve(right, wrong, async |length| {
                asked += 1;
                if Some(length) == silent {
                    return None;
                }
                if length < first {
                    below = length;
                } else {
                    above = length;
                }
                Some(length < first)
            }));
            assert!(asked <= most, "{right}, {wrong}: {asked}");
            assert_eq!(silent.is_none(), (below, above) == (first - 1, first), "{below}, {above}");
        }
    }
}
