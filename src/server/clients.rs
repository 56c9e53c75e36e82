//! Who is connected: a table with a slot for each client, which lives exactly as long as its socket.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::Instant;

use async_std::net::TcpStream;
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
}

#[derive(Default)]
struct Table {
    clients: Slab<Arc<Client>>,
    totals: Totals,
}

/// One connected client.
pub(super) struct Client {
    pub(super) stream: TcpStream,
    pub(super) flow: Flow,
    peer: SocketAddr,
    since: Instant,
}

/// A client and its place in the table, which it leaves when this is dropped.
pub(super) struct Slot {
    pub(super) client: Arc<Client>,
    clients: Arc<Clients>,
    key: usize,
}

impl Clients {
    pub(super) fn new(observer: Option<Observer>) -> Arc<Self> {
        Arc::new(Self { table: Mutex::default(), waiter: AtomicWaker::new(), observer })
    }

    /// Tells the observer, if there is one.
    pub(super) fn report(&self, event: impl FnOnce() -> Event) {
        if let Some(observer) = &self.observer {
            observer(event());
        }
    }

    /// Gives an accepted client its slot.
    pub(super) fn admit(self: &Arc<Self>, stream: TcpStream, peer: SocketAddr) -> Slot {
        let (peer, since) = (canonical(peer), Instant::now());
        let client = Arc::new(Client { stream, flow: Flow::default(), peer, since });
        let key = {
            let mut table = self.table();
            table.totals.connections += 1;
            table.clients.insert(Arc::clone(&client))
        };
        self.report(|| Event::Connected { peer });
        Slot { client, clients: Arc::clone(self), key }
    }

    /// Has every client's pump take what is ready and end.
    pub(super) fn finish_all(&self) {
        self.table().clients.iter().for_each(|(_, client)| client.flow.finish());
    }

    /// Has every client's pump end at once.
    pub(super) fn cut_all(&self) {
        self.table().clients.iter().for_each(|(_, client)| client.flow.cut());
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

impl Slot {
    /// Adds what the client has done to the totals, tells the observer, and frees the slot.
    pub(super) fn close(self, reason: Reason) {
        let Client { flow, peer, since, .. } = &*self.client;
        let (received, returned) = (flow.received(), flow.returned());
        {
            let totals = &mut self.clients.table().totals;
            totals.received += received;
            totals.returned += returned;
            totals.cut += u64::from(matches!(reason, Reason::Cut));
        }
        let (peer, duration) = (*peer, since.elapsed());
        self.clients.report(|| Event::Closed { peer, received, returned, duration, reason });
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.clients.table().clients.remove(self.key);
        self.clients.waiter.wake();
    }
}
