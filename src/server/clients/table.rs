//! What is known of each client by the key of its slot, and of all together. It knows no sockets.

use std::collections::HashMap;
use std::net::SocketAddrV6;
use std::num::NonZeroUsize;
use std::ops::Range;
use std::sync::{Arc, Weak};
use std::time::Instant;

use slab::Slab;

use crate::fault::Told;
use crate::server::outcome::{Closed, Reason, Totals};
use crate::server::refusal::Refusal;
use crate::server::sources::{Admission, Sources};

/// A slot for each client. What only few clients have stands beside it, so that the others do not
/// pay for it.
pub(in crate::server) struct Table<C> {
    clients: Slab<Weak<C>>,
    /// Why and since when the server has been ending a client.
    ending: HashMap<u32, (Reason, Instant)>,
    /// The balancers among the clients: whom they speak for, once they have said so.
    introduced: HashMap<u32, Option<SocketAddrV6>>,
    /// What is dealt to the clients that have faults.
    told: HashMap<u32, Arc<Told>>,
    sources: Sources,
    max_per_source: Option<NonZeroUsize>,
    /// Connections that got a slot so far, which is the number of the last one.
    accepted: u64,
    totals: Totals,
    /// Clients that are gone, of which the observer has not been told.
    unreported: usize,
}

impl<C> Table<C> {
    pub(super) fn new(max_per_source: Option<NonZeroUsize>) -> Self {
        Self {
            clients: Slab::new(),
            ending: HashMap::new(),
            introduced: HashMap::new(),
            told: HashMap::new(),
            sources: Sources::default(),
            max_per_source,
            accepted: 0,
            totals: Totals::default(),
            unreported: 0,
        }
    }

    /// Counts a client of `peer`, unless its source has too many: then the refusal is to be said if
    /// it was not before.
    pub(in crate::server) fn grant(&mut self, peer: SocketAddrV6) -> Result<(), Option<Refusal>> {
        if let Some(limit) = self.max_per_source {
            let admission = self.sources.admit(peer, limit);
            if admission != Admission::Granted {
                let first = admission == Admission::FirstRefused;
                return Err(first.then_some(Refusal::TooMany { limit }));
            }
        }
        self.totals.connections += 1;
        Ok(())
    }

    /// Counts a connection that is refused.
    pub(in crate::server) fn refuse(&mut self) {
        self.totals.refused += 1;
    }

    /// Gives a slot to the client that `make` makes of its key and the number of the connection.
    pub(super) fn seat(&mut self, make: impl FnOnce(u32, u64) -> Arc<C>) -> Arc<C> {
        self.accepted += 1;
        let entry = self.clients.vacant_entry();
        let key = u32::try_from(entry.key()).expect("a system has fewer sockets than 2^32");
        let client = make(key, self.accepted);
        entry.insert(Arc::downgrade(&client));
        client
    }

    /// Frees the slot of a client of `peer`.
    pub(super) fn free(&mut self, key: u32, peer: SocketAddrV6) {
        self.clients.remove(key as usize);
        self.ending.remove(&key);
        self.told.remove(&key);
        // Of a balancer that has not said whom it speaks for, nothing was counted.
        let introduced = self.introduced.remove(&key);
        let counted = introduced.unwrap_or(Some(peer));
        if let (Some(peer), Some(_)) = (counted, self.max_per_source) {
            self.sources.release(peer);
        }
    }

    /// Notes that a client is a balancer, which is still to say whom it speaks for.
    pub(in crate::server) fn expect_introduction(&mut self, key: u32) {
        self.introduced.insert(key, None);
    }

    /// Notes whom a balancer speaks for and counts that client, unless its source has too many.
    pub(in crate::server) fn introduce(
        &mut self,
        key: u32,
        announced: SocketAddrV6,
    ) -> Result<(), Option<Refusal>> {
        self.grant(announced)?;
        self.introduced.insert(key, Some(announced));
        Ok(())
    }

    /// Whom a balancer speaks for, if it has said so.
    pub(super) fn announced(&self, key: u32) -> Option<SocketAddrV6> {
        self.introduced.get(&key).copied().flatten()
    }

    /// Notes where it is told what is dealt to a client.
    pub(super) fn tell(&mut self, key: u32, told: Arc<Told>) {
        self.told.insert(key, told);
    }

    pub(super) fn told(&self, key: u32) -> Option<Arc<Told>> {
        self.told.get(&key).cloned()
    }

    /// Notes that the server ends a client from `now` on. The first reason stands.
    pub(super) fn end(&mut self, key: u32, reason: Reason, now: Instant) {
        self.ending.entry(key).or_insert((reason, now));
    }

    /// Since when the server has been ending a client, if it has.
    pub(super) fn ending_since(&self, key: u32) -> Option<Instant> {
        self.ending.get(&key).map(|(_, since)| *since)
    }

    /// Completes what a client came to by what is known of it here, and adds it to the totals. From
    /// then on it is none of the connected, though it has its slot until its socket is closed.
    pub(in crate::server) fn close(&mut self, key: u32, closed: &mut Closed) {
        if let Some((reason, _)) = self.ending.remove(&key) {
            closed.reason = reason;
        }
        if let Some(told) = self.told.remove(&key) {
            closed.faults = told.dealt();
        }
        self.totals.add(closed);
        if let Some(client) = self.clients.get_mut(key as usize) {
            *client = Weak::new();
        }
    }

    /// Notes that a client will be gone before the observer is told.
    pub(super) fn owe_report(&mut self) {
        self.unreported += 1;
    }

    /// Notes that the observer has been told of a client that is gone.
    pub(super) fn note_reported(&mut self) {
        self.unreported -= 1;
    }

    /// How many clients are connected.
    pub(super) fn count(&self) -> usize {
        self.clients.len()
    }

    /// Says whether no client is left, and the observer has been told so.
    pub(super) fn is_done(&self) -> bool {
        self.clients.is_empty() && self.unreported == 0
    }

    /// The clients connected now.
    pub(super) fn all(&self) -> Vec<Arc<C>> {
        self.clients.iter().filter_map(|(_, client)| client.upgrade()).collect()
    }

    /// The clients that have one of `keys` now.
    pub(super) fn of(&self, keys: Range<usize>) -> Vec<Arc<C>> {
        keys.filter_map(|key| self.clients.get(key)?.upgrade()).collect()
    }

    /// All keys that clients have are below this one.
    pub(super) fn keys(&self) -> usize {
        self.clients.capacity()
    }

    /// The number of the last connection.
    pub(super) fn last(&self) -> u64 {
        self.accepted
    }

    /// What the server has done so far, but for the bytes of the clients still connected and the
    /// time.
    pub(super) fn totals(&self) -> Totals {
        self.totals.clone()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::server::outcome::Ending;

    fn peer(ip: &str) -> SocketAddrV6 {
        SocketAddrV6::new(ip.parse().unwrap(), 7, 0, 0)
    }

    /// Gives a slot to a client that is no more than its key and its number.
    fn seat(table: &mut Table<(u32, u64)>) -> Arc<(u32, u64)> {
        table.seat(|key, id| Arc::new((key, id)))
    }

    fn closed(reason: Reason) -> Closed {
        Closed {
            id: 1,
            peer: peer("::1").into(),
            local: peer("::1").into(),
            via: None,
            bytes_in: 5,
            bytes_out: 5,
            duration: Duration::ZERO,
            reason,
            ending: Ending::Drained,
            error: None,
            faults: Vec::new(),
        }
    }

    #[test]
    fn a_key_is_given_again_and_a_number_never() {
        let mut table = Table::new(None);
        let (first, second) = (seat(&mut table), seat(&mut table));
        assert_eq!((*first, *second), ((0, 1), (1, 2)));
        table.free(0, peer("::1"));
        assert_eq!(*seat(&mut table), (0, 3));
        assert_eq!((table.count(), table.last()), (2, 3));
    }

    #[test]
    fn nothing_that_was_known_of_a_client_is_known_of_the_next_with_its_key() {
        let mut table = Table::new(None);
        let before = seat(&mut table);
        table.end(0, Reason::Idle, Instant::now());
        table.tell(0, Arc::default());
        table.expect_introduction(0);
        table.introduce(0, peer("::2")).unwrap();
        drop(before);
        table.free(0, peer("::1"));
        let _after = seat(&mut table);
        assert!(table.ending_since(0).is_none() && table.told(0).is_none());
        assert_eq!(table.announced(0), None);
    }

    #[test]
    fn a_source_gives_back_what_was_counted_for_it() {
        let one = NonZeroUsize::new(1);
        let (balancer, client) = (peer("::ffff:10.0.0.1"), peer("::ffff:192.0.2.7"));
        let refusal = Refusal::TooMany { limit: NonZeroUsize::MIN };
        let mut table: Table<(u32, u64)> = Table::new(one);
        table.grant(client).unwrap();
        let first = seat(&mut table);
        // The balancer's own address is not counted, and goes without being counted back.
        for _ in 0..2 {
            let second = seat(&mut table);
            table.expect_introduction(second.0);
            table.free(second.0, balancer);
        }
        let second = seat(&mut table);
        table.expect_introduction(second.0);
        assert_eq!(table.introduce(second.0, client), Err(Some(refusal)));
        assert_eq!(table.introduce(second.0, client), Err(None), "said once");
        table.free(first.0, client);
        assert_eq!(table.introduce(second.0, client), Ok(()));
        table.free(second.0, balancer);
        assert_eq!(table.grant(client), Ok(()), "by the address that was announced");
        assert_eq!(table.totals().connections, 3);
    }

    #[test]
    fn the_first_reason_to_end_a_client_stands() {
        let mut table = Table::new(None);
        let (idler, leaver) = (seat(&mut table), seat(&mut table));
        let start = Instant::now();
        table.end(idler.0, Reason::Idle, start);
        table.end(idler.0, Reason::TimeLimit, start + Duration::from_secs(1));
        assert_eq!(table.ending_since(idler.0), Some(start));
        let (mut ended, mut left) = (closed(Reason::Shutdown), closed(Reason::EndOfStream));
        table.close(idler.0, &mut ended);
        table.close(leaver.0, &mut left);
        assert_eq!((ended.reason, left.reason), (Reason::Idle, Reason::EndOfStream));
        assert_eq!(table.totals().bytes_in, 10);
        assert!(table.all().is_empty(), "what is in the totals is not counted again");
        assert_eq!(table.count(), 2, "their sockets are open");
    }

    #[test]
    fn all_is_done_when_the_last_client_is_gone_and_reported() {
        let mut table = Table::new(None);
        let client = seat(&mut table);
        table.owe_report();
        assert!(!table.is_done());
        table.free(client.0, peer("::1"));
        assert!(!table.is_done());
        table.note_reported();
        assert!(table.is_done());
    }
}
