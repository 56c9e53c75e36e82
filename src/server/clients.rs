//! Who is connected: a table with a slot for each client, which lives exactly as long as its socket.

use std::future::poll_fn;
use std::io;
use std::net::{SocketAddrV6, TcpStream};
use std::num::NonZeroUsize;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, ready};
use std::time::{Duration, Instant};

use async_io::Async;
use futures::task::AtomicWaker;

mod held;
mod place;
mod table;

use held::Held;
use place::Place;
use table::Table;

use super::event::{Event, Observer};
use super::gate::Keeper;
use super::limits::Limits;
use super::outcome::{Reason, Totals};
use super::spawner::Spawner;
use crate::echo::Flow;
use crate::fault::{StreamFaults, StreamPlan, Told};

/// All clients of a server, and what is common to them.
pub(super) struct Clients {
    pub(super) limits: Limits,
    pub(super) busy_poll: Duration,
    spawner: Spawner,
    pub(super) keeper: Keeper,
    table: Mutex<Table<Client>>,
    /// Wakes whoever waits for a client to go.
    waiter: AtomicWaker,
    observer: Option<Observer>,
    start: Instant,
    /// Each client, also one that comes now, is to be given what it has sent, and end of stream.
    stops: AtomicBool,
    held: Held,
    /// Which faults the next clients get, if any are to be dealt.
    faults: Option<Mutex<StreamFaults>>,
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

/// A client's hold on its place in the table, which is free again when this is dropped.
struct Slot {
    clients: Arc<Clients>,
    place: Place,
}

impl Clients {
    pub(super) fn new(
        limits: Limits,
        busy_poll: Duration,
        keeper: Keeper,
        faults: StreamFaults,
        spawner: Spawner,
        observer: Option<Observer>,
    ) -> Arc<Self> {
        Arc::new(Self {
            limits,
            busy_poll,
            spawner,
            keeper,
            table: Mutex::new(Table::new(limits.max_per_source)),
            waiter: AtomicWaker::new(),
            observer,
            start: Instant::now(),
            stops: AtomicBool::new(false),
            held: Held::default(),
            faults: (!faults.is_empty()).then(|| Mutex::new(faults)),
        })
    }

    /// The faults of the next client, if any are to be dealt to it.
    pub(super) fn draw_faults(&self) -> Option<StreamPlan> {
        let faults = self.faults.as_ref()?;
        faults.lock().unwrap_or_else(PoisonError::into_inner).draw()
    }

    /// Runs a task of a client's beside the others.
    pub(super) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.spawner.spawn(task);
    }

    /// Tells the observer, if there is one.
    pub(super) fn report(&self, event: impl FnOnce() -> Event) {
        if let Some(observer) = &self.observer {
            observer(event());
        }
    }

    /// Gives a slot to a client of `peer`, whose table is locked.
    pub(super) fn seat(
        self: &Arc<Self>,
        table: &mut Table<Client>,
        socket: Async<TcpStream>,
        peer: SocketAddrV6,
    ) -> Arc<Client> {
        let client = table.seat(|key, id| {
            let since = self.start.elapsed().as_micros() as u64;
            let slot = Slot { clients: Arc::clone(self), place: Place::new(key, id, peer) };
            Arc::new(Client { socket, flow: Flow::default(), since, slot })
        });
        if self.stops.load(Ordering::SeqCst) {
            client.flow.finish();
        }
        client
    }

    /// How many clients are connected.
    pub(super) fn count(&self) -> usize {
        self.table().count()
    }

    /// Says whether another client may connect.
    pub(super) fn has_room(&self) -> bool {
        self.count() < self.most()
    }

    /// Ready when another client may connect.
    pub(super) async fn room(&self) {
        let most = self.most();
        self.until(|table| table.count() < most).await;
    }

    /// How many clients may be connected.
    fn most(&self) -> usize {
        self.limits.max_connections.map_or(usize::MAX, NonZeroUsize::get)
    }

    /// Ready when no client is left, and the observer has been told so.
    pub(super) async fn gone(&self) {
        self.until(Table::is_done).await;
    }

    async fn until(&self, holds: impl Fn(&Table<Client>) -> bool) {
        poll_fn(|cx| {
            self.waiter.register(cx.waker());
            if holds(&self.table()) { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }

    /// Has every client's pump take what is ready and end. All in one turn: if the pumps had turns in
    /// between, those that are told last would serve on.
    pub(super) fn finish_all(&self) {
        self.stops.store(true, Ordering::SeqCst);
        self.all().iter().for_each(|client| client.flow.finish());
    }

    /// Has every client's pump end at once.
    pub(super) fn cut_all(&self) {
        self.all().iter().for_each(|client| client.flow.cut());
    }

    /// The clients connected now. The table is not locked when they are let go, because the last
    /// to let go of a client frees its slot.
    fn all(&self) -> Vec<Arc<Client>> {
        self.table().all()
    }

    /// The clients that have one of `keys` now, to be let go before the caller waits for anything:
    /// until then their sockets stay open.
    pub(super) fn of(&self, keys: Range<usize>) -> Vec<Arc<Client>> {
        self.table().of(keys)
    }

    /// All keys that clients have are below this one.
    pub(super) fn keys(&self) -> usize {
        self.table().keys()
    }

    /// What the server has done so far, but for the bytes of the clients still connected.
    pub(super) fn totals(&self) -> Totals {
        Totals { duration: self.start.elapsed(), ..self.table().totals() }
    }

    /// What the server has done so far, with what the clients still connected have come to.
    pub(super) fn totals_so_far(&self) -> Totals {
        // In one look, so that each client is either among those gone or among the connected.
        let (mut totals, clients) = {
            let table = self.table();
            (table.totals(), table.all())
        };
        for client in clients {
            totals.bytes_in += client.flow.received();
            totals.bytes_out += client.returned();
            totals.faults += client.told().map_or(0, |told| told.count());
        }
        totals.duration = self.start.elapsed();
        totals
    }

    /// The table, locked: nobody may be let go of meanwhile.
    pub(super) fn table(&self) -> MutexGuard<'_, Table<Client>> {
        // Nothing panics while it holds the lock; if it did, the table would still be whole.
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Client {
    /// How many bytes the client may still send.
    pub(super) fn bytes_left(&self) -> u64 {
        let most = self.limits().max_bytes.unwrap_or(u64::MAX);
        most.saturating_sub(self.flow.received())
    }

    /// Reads with `read` into as much of `buffer` as the client may fill now. Ready with 0, as at
    /// the end of the stream, when it may send no more. The client is being ended from the read on
    /// that brings the last byte it may send: the next one does not come as long as it takes nothing.
    /// With faults it is ended by the next one, because they may hold its bytes back.
    pub(super) fn read(
        &self,
        buffer: &mut [u8],
        read: impl FnOnce(&mut [u8]) -> Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        let held = &self.slot.clients.held;
        let left = self.bytes_left();
        let most = left.min(held.allow(buffer.len()) as u64) as usize;
        if most == 0 {
            return Poll::Ready(Ok(0));
        }
        let length = ready!(read(&mut buffer[..most]))?;
        held.add(length as u64);
        if length as u64 == left && self.slot.clients.faults.is_none() {
            self.end(Reason::ByteLimit);
        }
        Poll::Ready(Ok(length))
    }

    /// Notes that the kernel took bytes for the client.
    pub(super) fn note_taken(&self, length: usize) {
        self.slot.clients.held.remove(length as u64);
    }

    /// Notes where it is told what is dealt to the client.
    pub(super) fn tell(&self, told: Arc<Told>) {
        self.slot.clients.table().tell(self.slot.place.key, told);
    }

    /// Bytes that the system took for the way back.
    pub(super) fn returned(&self) -> u64 {
        self.told().map_or_else(|| self.flow.returned(), |told| told.written())
    }

    /// What is dealt to the client, if it has faults.
    fn told(&self) -> Option<Arc<Told>> {
        let clients = &self.slot.clients;
        clients.faults.as_ref()?;
        clients.table().told(self.slot.place.key)
    }

    /// The clients that it is one of.
    pub(super) fn clients(&self) -> &Arc<Clients> {
        &self.slot.clients
    }

    /// The limits of its server.
    pub(super) fn limits(&self) -> &Limits {
        &self.slot.clients.limits
    }

    /// For how long its task looks again and again before it waits.
    pub(super) fn busy_poll(&self) -> Duration {
        self.slot.clients.busy_poll
    }

    /// Its place in the table, which another client has after it.
    pub(super) fn key(&self) -> u32 {
        self.slot.place.key
    }

    /// The number of the connection.
    pub(super) fn id(&self) -> u64 {
        let last = self.slot.clients.table().last();
        self.slot.place.id(last)
    }

    /// The address at the other end of the connection, IPv4 in its mapped form.
    pub(super) fn peer(&self) -> SocketAddrV6 {
        self.slot.place.peer()
    }

    /// Whom it speaks for, if it is a balancer that has said so.
    pub(super) fn announced(&self) -> Option<SocketAddrV6> {
        let clients = &self.slot.clients;
        if !clients.keeper.expects_headers() {
            return None;
        }
        clients.table().announced(self.slot.place.key)
    }

    /// When it was accepted.
    pub(super) fn since(&self) -> Instant {
        self.slot.clients.start + Duration::from_micros(self.since)
    }

    /// Has the pump take what is ready and end, for a reason that is given when the client closes.
    /// The first reason stands.
    pub(super) fn end(&self, reason: Reason) {
        self.slot.clients.table().end(self.slot.place.key, reason, Instant::now());
        self.flow.finish();
    }

    /// Since when the server has been ending the client, if it has.
    pub(super) fn ending_since(&self) -> Option<Instant> {
        self.slot.clients.table().ending_since(self.slot.place.key)
    }

    /// Closes the socket and frees the slot, then reports the event that `note` makes of what is
    /// known of the client, if it makes one.
    ///
    /// The socket is closed when the last one lets go of the client: that is this one, or the sweep
    /// a moment later, if it happens to look at the client right now.
    pub(super) fn leave(self: Arc<Self>, note: impl FnOnce(&mut Table<Self>) -> Option<Event>) {
        let clients = Arc::clone(&self.slot.clients);
        let event = {
            let mut table = clients.table();
            table.owe_report();
            note(&mut table)
        };
        drop(self);
        if let Some(event) = event {
            clients.report(|| event);
        }
        clients.table().note_reported();
        clients.waiter.wake();
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.slot.clients.held.remove(self.flow.held());
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.clients.table().free(self.place.key, self.place.peer());
        self.clients.waiter.wake();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_has_40_bytes() {
        assert_eq!(size_of::<Slot>(), 40);
    }
}
