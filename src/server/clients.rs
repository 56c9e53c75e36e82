//! Who is connected: a table with a slot for each client, which lives exactly as long as its socket.

use std::future::poll_fn;
use std::net::{SocketAddr, SocketAddrV6, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::Poll;
use std::time::{Duration, Instant};

use async_io::Async;
use futures::task::AtomicWaker;
use slab::Slab;

use super::Observer;
use crate::address::canonical;
use crate::echo::Flow;
use crate::event::{Event, Reason, Totals};

/// All clients of a server, and what is common to them.
pub(super) struct Clients {
    table: Mutex<Table>,
    /// Wakes whoever waits for the table to empty.
    waiter: AtomicWaker,
    observer: Option<Observer>,
    start: Instant,
}

#[derive(Default)]
struct Table {
    clients: Slab<Weak<Client>>,
    totals: Totals,
}

/// One connected client. Its task owns it; the table only knows where it is.
///
/// With a socket of async-std's, which is this one in an `Arc` of its own, each would cost 48 bytes
/// more.
pub(super) struct Client {
    pub(super) socket: Async<TcpStream>,
    pub(super) flow: Flow,
    since: u64, // microseconds from the start of the server: half of an Instant
    slot: Slot, // behind the socket, so that it is dropped when that is closed
}

/// A place in the table and whose it is. It is free again when this is dropped.
struct Slot {
    clients: Arc<Clients>,
    peer: SocketAddrV6, // 28 bytes, IPv4 in its mapped form; a SocketAddr would take the key's too
    key: u32,
}

impl Clients {
    pub(super) fn new(observer: Option<Observer>) -> Arc<Self> {
        let (table, waiter, start) = (Mutex::default(), AtomicWaker::new(), Instant::now());
        Arc::new(Self { table, waiter, observer, start })
    }

    /// Tells the observer, if there is one.
    pub(super) fn report(&self, event: impl FnOnce() -> Event) {
        if let Some(observer) = &self.observer {
            observer(event());
        }
    }

    /// Gives an accepted client its slot.
    pub(super) fn admit(
        self: &Arc<Self>,
        socket: Async<TcpStream>,
        peer: SocketAddr,
    ) -> Arc<Client> {
        let since = self.age().as_micros() as u64;
        let mut table = self.table();
        table.totals.connections += 1;
        let entry = table.clients.vacant_entry();
        let key = u32::try_from(entry.key()).expect("a system has fewer sockets than 2^32");
        let slot = Slot { clients: Arc::clone(self), peer: mapped(peer), key };
        let client = Arc::new(Client { socket, flow: Flow::default(), since, slot });
        entry.insert(Arc::downgrade(&client));
        drop(table);
        self.report(|| Event::Connected { peer: canonical(peer) });
        client
    }

    /// Has every client's pump take what is ready and end.
    pub(super) fn finish_all(&self) {
        self.all().iter().for_each(|client| client.flow.finish());
    }

    /// Has every client's pump end at once.
    pub(super) fn cut_all(&self) {
        self.all().iter().for_each(|client| client.flow.cut());
    }

    /// The clients connected now. The table is not locked when they are let go, because the last
    /// to let go of a client frees its slot.
    fn all(&self) -> Vec<Arc<Client>> {
        self.table().clients.iter().filter_map(|(_, client)| client.upgrade()).collect()
    }

    fn age(&self) -> Duration {
        self.start.elapsed()
    }

    /// Ready when no client is left.
    pub(super) async fn gone(&self) {
        poll_fn(|cx| {
            self.waiter.register(cx.waker());
            if self.table().clients.is_empty() { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }

    /// What the server has done so far, but for the clients still connected.
    pub(super) fn totals(&self) -> Totals {
        self.table().totals
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        // Nothing panics while it holds the lock; if it did, the table would still be whole.
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Client {
    /// Adds what the client has done to the totals, and tells the observer.
    pub(super) fn close(&self, reason: Reason) {
        let Slot { clients, peer, .. } = &self.slot;
        let (received, returned) = (self.flow.received(), self.flow.returned());
        {
            let totals = &mut clients.table().totals;
            totals.received += received;
            totals.returned += returned;
            totals.cut += u64::from(matches!(reason, Reason::Cut));
        }
        clients.report(|| {
            let duration = clients.age().saturating_sub(Duration::from_micros(self.since));
            let peer = canonical((*peer).into());
            Event::Closed { peer, received, returned, duration, reason }
        });
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.clients.table().clients.remove(self.key as usize);
        self.clients.waiter.wake();
    }
}

/// The form in which an address of either family is an IPv6 one; [`canonical`] turns it back.
fn mapped(address: SocketAddr) -> SocketAddrV6 {
    match address {
        SocketAddr::V4(v4) => SocketAddrV6::new(v4.ip().to_ipv6_mapped(), v4.port(), 0, 0),
        SocketAddr::V6(v6) => v6,
    }
}
