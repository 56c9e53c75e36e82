//! Who sends datagrams: flows that appear and go quiet, in a table that does not grow beyond a limit.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::Duration;

/// The flows of a server. A flow is what comes from one address and port.
#[derive(Debug, Default)]
pub(super) struct Flows(HashMap<SocketAddr, Flow>);

/// One flow. Times are since the start of the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Flow {
    /// The address that was asked first.
    pub(super) local: SocketAddr,
    pub(super) datagrams: u64,
    pub(super) bytes: u64,
    pub(super) first: Duration,
    pub(super) last: Duration,
}

/// How many flows are followed at the same time: less than a megabyte. Datagrams of further ones
/// are answered and counted in the totals.
const MOST: usize = 4096;

impl Flows {
    /// Counts a datagram; true if a flow begins with it.
    pub(super) fn note(
        &mut self,
        peer: SocketAddr,
        local: SocketAddr,
        bytes: usize,
        now: Duration,
    ) -> bool {
        let bytes = bytes as u64;
        if let Some(flow) = self.0.get_mut(&peer) {
            flow.datagrams += 1;
            flow.bytes += bytes;
            flow.last = now;
            return false;
        }
        if self.0.len() >= MOST {
            return false;
        }
        self.0.insert(peer, Flow { local, datagrams: 1, bytes, first: now, last: now });
        true
    }

    /// Says whether the flow of this peer is followed.
    pub(super) fn follow(&self, peer: SocketAddr) -> bool {
        self.0.contains_key(&peer)
    }

    /// Takes out the flows that have sent nothing for as long as `quiet`.
    pub(super) fn expire(&mut self, now: Duration, quiet: Duration) -> Vec<(SocketAddr, Flow)> {
        let mut expired = Vec::new();
        self.0.retain(|&peer, flow| {
            let lives = now.saturating_sub(flow.last) < quiet;
            if !lives {
                expired.push((peer, *flow));
            }
            lives
        });
        expired
    }

    /// Takes out all flows.
    pub(super) fn drain(&mut self) -> Vec<(SocketAddr, Flow)> {
        self.0.drain().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUIET: Duration = Duration::from_secs(60);

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_flow_appears_once_goes_quiet_once_and_may_appear_again() {
        let (peer, other) =
            ("192.0.2.7:41000".parse().unwrap(), "192.0.2.7:41001".parse().unwrap());
        let local = "192.0.2.1:7000".parse().unwrap();
        let mut flows = Flows::default();
        assert!(flows.note(peer, local, 10, at(0)));
        assert!(!flows.note(peer, local, 0, at(30)));
        assert!(flows.note(other, local, 1, at(40)));
        assert_eq!(flows.expire(at(89), QUIET), []);
        let quiet = Flow { local, datagrams: 2, bytes: 10, first: at(0), last: at(30) };
        assert_eq!(flows.expire(at(90), QUIET), [(peer, quiet)]);
        assert!(flows.note(peer, local, 1, at(95)));
        assert_eq!(flows.drain().len(), 2);
        assert_eq!(flows.drain(), []);
    }

    #[test]
    fn a_million_sources_take_no_more_room_than_the_first_few_thousand() {
        let local = "192.0.2.1:7000".parse().unwrap();
        let mut flows = Flows::default();
        let appeared = (0..1_000_000_u32)
            .filter(|bits| flows.note((std::net::Ipv4Addr::from(*bits), 1).into(), local, 1, at(0)))
            .count();
        assert_eq!((appeared, flows.0.len()), (MOST, MOST));
        assert_eq!(flows.expire(at(60), QUIET).len(), MOST);
        assert!(flows.note("192.0.2.7:1".parse().unwrap(), local, 1, at(61)));
    }
}
