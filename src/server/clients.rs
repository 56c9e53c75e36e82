//! Who is connected: a table with a slot for each client, which lives exactly as long as its socket.

use std::collections::HashMap;
use std::future::poll_fn;
use std::io;
use std::net::{SocketAddr, SocketAddrV6, TcpStream};
use std::num::NonZeroUsize;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Poll, ready};
use std::time::{Duration, Instant};

use async_executor::Executor;
use async_io::Async;
use async_std::task;
use futures::task::AtomicWaker;
use slab::Slab;

use super::Observer;
use super::event::{Connected, Event, Refusal, Refused};
use super::gate::{Keeper, Knock};
use super::limits::Limits;
use super::outcome::{Closed, Ending, Reason, Totals};
use super::slot::Slot;
use super::sources::{Admission, Sources};
use crate::address::canonical;
use crate::echo::Flow;
use crate::error::Cause;
use crate::fault::{StreamFaults, StreamPlan, Told};
use crate::proxy::Header;

/// All clients of a server, and what is common to them.
pub(super) struct Clients {
    pub(super) limits: Limits,
    pub(super) busy_poll: Duration,
    spawner: Spawner,
    pub(super) keeper: Keeper,
    table: Mutex<Table>,
    /// Wakes whoever waits for a client to go.
    waiter: AtomicWaker,
    observer: Option<Observer>,
    start: Instant,
    /// Each client, also one that comes now, is to be given what it has sent, and end of stream.
    stops: AtomicBool,
    /// Bytes of all clients that were read and not yet written.
    held: AtomicU64,
    /// Which faults the next clients get, if any are to be dealt.
    faults: Option<Mutex<StreamFaults>>,
}

/// How many bytes all clients together may have in memory, read and not yet taken. Where nobody
/// attacks there are next to none: each is what one client's kernel did not take at once.
const HELD: u64 = 64 * 1024 * 1024;

/// How much a client may send at a time once there are so many. A client that never reads then costs
/// 4 KiB in place of 512, and one that does is served a quarter slower.
const LITTLE: usize = 4 * 1024;

/// Where the tasks of the clients run.
pub(super) enum Spawner {
    /// async-std's executor.
    Global,
    /// One of the server's own.
    Own(Arc<Executor<'static>>),
}

#[derive(Default)]
struct Table {
    clients: Slab<Weak<Client>>,
    /// Why and since when the server has been ending a client.
    ending: HashMap<u32, (Reason, Instant)>,
    /// The balancers among the clients: whom they speak for, once they have said so.
    introduced: HashMap<u32, Option<SocketAddrV6>>,
    sources: Sources,
    /// What is dealt to the clients that have faults.
    told: HashMap<u32, Arc<Told>>,
    /// Connections that got a slot so far, which is the number of the last one.
    accepted: u64,
    totals: Totals,
    /// Clients that are gone, of which the observer has not been told.
    unreported: usize,
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

/// What an accepted connection is.
pub(super) enum Admitted {
    Client(Arc<Client>),
    /// Who is to send a PROXY header first.
    Balancer(Arc<Client>),
    Refused,
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
            table: Mutex::default(),
            waiter: AtomicWaker::new(),
            observer,
            start: Instant::now(),
            stops: AtomicBool::new(false),
            held: AtomicU64::new(0),
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
        match &self.spawner {
            Spawner::Global => drop(task::spawn(task)),
            Spawner::Own(executor) => executor.spawn(task).detach(),
        }
    }

    /// Tells the observer, if there is one.
    pub(super) fn report(&self, event: impl FnOnce() -> Event) {
        if let Some(observer) = &self.observer {
            observer(event());
        }
    }

    /// Gives an accepted client its slot, or closes it at once if it may not connect.
    pub(super) fn admit(self: &Arc<Self>, socket: Async<TcpStream>, peer: SocketAddr) -> Admitted {
        let balancer = match self.keeper.knock(peer.ip()) {
            Knock::Client => false,
            Knock::Balancer => true,
            Knock::Denied(denied) => {
                self.table().totals.refused += 1;
                let (peer, refusal) = (canonical(peer), Refusal::Denied { by: denied.by });
                self.report(|| Event::Refused(Refused { peer, via: None, refusal }));
                return Admitted::Refused;
            }
        };
        let peer = mapped(peer);
        let mut table = self.table();
        if !balancer {
            if let Err(refusal) = self.grant(&mut table, peer) {
                table.totals.refused += 1;
                drop(table);
                if let Some(refusal) = refusal {
                    let peer = canonical(peer.into());
                    self.report(|| Event::Refused(Refused { peer, via: None, refusal }));
                }
                return Admitted::Refused;
            }
        }
        table.accepted += 1;
        let id = table.accepted;
        let entry = table.clients.vacant_entry();
        let key = u32::try_from(entry.key()).expect("a system has fewer sockets than 2^32");
        let slot = Slot::new(Arc::clone(self), key, id, peer);
        let since = self.start.elapsed().as_micros() as u64;
        let client = Arc::new(Client { socket, flow: Flow::default(), since, slot });
        entry.insert(Arc::downgrade(&client));
        if self.stops.load(Ordering::SeqCst) {
            client.flow.finish();
        }
        if balancer {
            table.introduced.insert(key, None);
            return Admitted::Balancer(client);
        }
        drop(table);
        self.report(|| {
            let Ends { peer, local, via } = client.ends();
            Event::Connected(Connected { id, peer, local, via, announced: None })
        });
        Admitted::Client(client)
    }

    /// Counts a client of `peer`, unless its source has too many: then the refusal is to be said if
    /// it was not before.
    fn grant(&self, table: &mut Table, peer: SocketAddrV6) -> Result<(), Option<Refusal>> {
        if let Some(limit) = self.limits.max_per_source {
            let admission = table.sources.admit(peer, limit);
            if admission != Admission::Granted {
                let first = admission == Admission::FirstRefused;
                return Err(first.then_some(Refusal::TooMany { limit }));
            }
        }
        table.totals.connections += 1;
        Ok(())
    }

    /// Frees a client's slot.
    pub(super) fn release(&self, key: u32, peer: SocketAddrV6) {
        let mut table = self.table();
        table.clients.remove(key as usize);
        table.ending.remove(&key);
        table.told.remove(&key);
        // Of a balancer that has not said whom it speaks for, nothing was counted.
        let introduced = table.introduced.remove(&key);
        let counted = introduced.unwrap_or(Some(peer));
        if let (Some(peer), Some(_)) = (counted, self.limits.max_per_source) {
            table.sources.release(peer);
        }
        drop(table);
        self.waiter.wake();
    }

    /// How many clients are connected.
    pub(super) fn count(&self) -> usize {
        self.table().clients.len()
    }

    /// Says whether another client may connect.
    pub(super) fn has_room(&self) -> bool {
        let limit = self.limits.max_connections.map_or(usize::MAX, NonZeroUsize::get);
        self.count() < limit
    }

    /// Ready when another client may connect.
    pub(super) async fn room(&self) {
        let limit = self.limits.max_connections.map_or(usize::MAX, NonZeroUsize::get);
        self.until(|table| table.clients.len() < limit).await;
    }

    /// Ready when no client is left, and the observer has been told so.
    pub(super) async fn gone(&self) {
        self.until(|table| table.clients.is_empty() && table.unreported == 0).await;
    }

    async fn until(&self, holds: impl Fn(&Table) -> bool) {
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
        self.table().clients.iter().filter_map(|(_, client)| client.upgrade()).collect()
    }

    /// The clients that have one of `keys` now, to be let go before the caller waits for anything:
    /// until then their sockets stay open.
    pub(super) fn of(&self, keys: Range<usize>) -> Vec<Arc<Client>> {
        let table = self.table();
        keys.filter_map(|key| table.clients.get(key)?.upgrade()).collect()
    }

    /// All keys that clients have are below this one.
    pub(super) fn keys(&self) -> usize {
        self.table().clients.capacity()
    }

    /// What the server has done so far, but for the bytes of the clients still connected.
    pub(super) fn totals(&self) -> Totals {
        Totals { duration: self.start.elapsed(), ..self.table().totals.clone() }
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        // Nothing panics while it holds the lock; if it did, the table would still be whole.
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Client {
    /// How many bytes the client may still send.
    pub(super) fn bytes_left(&self) -> u64 {
        let most = self.slot.clients.limits.max_bytes.unwrap_or(u64::MAX);
        most.saturating_sub(self.flow.received())
    }

    /// Reads with `read` into as much of `buffer` as the client may fill now. Ready with 0, as at
    /// the end of the stream, when it may send no more.
    pub(super) fn read(
        &self,
        buffer: &mut [u8],
        read: impl FnOnce(&mut [u8]) -> Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        let held = &self.slot.clients.held;
        let crowded = held.load(Ordering::Relaxed) >= HELD;
        let most = if crowded { LITTLE.min(buffer.len()) } else { buffer.len() };
        let most = self.bytes_left().min(most as u64) as usize;
        if most == 0 {
            return Poll::Ready(Ok(0));
        }
        let length = ready!(read(&mut buffer[..most]))?;
        held.fetch_add(length as u64, Ordering::Relaxed);
        Poll::Ready(Ok(length))
    }

    /// Notes that the kernel took bytes for the client.
    pub(super) fn note_taken(&self, length: usize) {
        self.slot.clients.held.fetch_sub(length as u64, Ordering::Relaxed);
    }

    /// Notes where it is told what is dealt to the client.
    pub(super) fn tell(&self, told: Arc<Told>) {
        self.slot.clients.table().told.insert(self.slot.key, told);
    }

    /// Bytes that the system took for the way back.
    pub(super) fn returned(&self) -> u64 {
        let clients = &self.slot.clients;
        let told = match clients.faults {
            Some(_) => clients.table().told.get(&self.slot.key).cloned(),
            None => None,
        };
        told.map_or_else(|| self.flow.returned(), |told| told.written())
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
    pub(super) fn key(&self) -> usize {
        self.slot.key as usize
    }

    /// The number of the connection.
    fn id(&self) -> u64 {
        let last = self.slot.clients.table().accepted;
        self.slot.id(last)
    }

    /// When it was accepted.
    pub(super) fn since(&self) -> Instant {
        self.slot.clients.start + Duration::from_micros(self.since)
    }

    /// Has the pump take what is ready and end, for a reason that is given when the client closes.
    /// The first reason stands.
    pub(super) fn end(&self, reason: Reason) {
        let ending = (reason, Instant::now());
        self.slot.clients.table().ending.entry(self.slot.key).or_insert(ending);
        self.flow.finish();
    }

    /// Since when the server has been ending the client, if it has.
    pub(super) fn ending_since(&self) -> Option<Instant> {
        self.slot.clients.table().ending.get(&self.slot.key).map(|(_, since)| *since)
    }

    /// Closes the socket and frees the slot, then reports what the connection came to. If the server
    /// has been ending the client, the reason is the one given then, else it is `reason`.
    ///
    /// The socket is closed when the last one lets go of the client: that is this one, or the sweep
    /// a moment later, if it happens to look at the client right now.
    pub(super) fn close(self: Arc<Self>, reason: Reason, ending: Ending, error: Option<Cause>) {
        let clients = Arc::clone(&self.slot.clients);
        let Ends { peer, local, via } = self.ends();
        let mut closed = Closed {
            id: self.id(),
            peer,
            local,
            via,
            bytes_in: self.flow.received(),
            bytes_out: self.returned(),
            duration: self.since().elapsed(),
            reason,
            ending,
            error,
            faults: Vec::new(),
        };
        {
            let mut table = clients.table();
            if let Some((reason, _)) = table.ending.remove(&self.slot.key) {
                closed.reason = reason;
            }
            if let Some(told) = table.told.remove(&self.slot.key) {
                closed.faults = told.dealt();
            }
            table.totals.add(&closed);
            table.unreported += 1;
        }
        drop(self);
        clients.report(|| Event::Closed(closed));
        clients.table().unreported -= 1;
        clients.waiter.wake();
    }

    /// Takes note of whom a balancer speaks for, and tells the observer of that client; closes the
    /// connection if it may not connect.
    pub(super) fn introduce(self: Arc<Self>, header: Header) -> Option<Arc<Self>> {
        let clients = Arc::clone(&self.slot.clients);
        let announced = match header.addresses {
            Some(addresses) => mapped(addresses.source),
            None => self.slot.peer(),
        };
        if let Err(denied) = clients.keeper.introduce((*self.slot.peer().ip()).into(), &header) {
            self.refuse(announced, Some(Refusal::Denied { by: denied.by }));
            return None;
        }
        let granted = {
            let mut table = clients.table();
            let granted = clients.grant(&mut table, announced);
            if granted.is_ok() {
                table.introduced.insert(self.slot.key, Some(announced));
            }
            granted
        };
        if let Err(refusal) = granted {
            self.refuse(announced, refusal);
            return None;
        }
        clients.report(|| {
            let (id, Ends { peer, local, via }) = (self.id(), self.ends());
            let announced = Some(Box::new(header));
            Event::Connected(Connected { id, peer, local, via, announced })
        });
        Some(self)
    }

    /// Closes a balancer that has not said whom it speaks for.
    pub(super) fn dismiss(self: Arc<Self>, refusal: Refusal) {
        let peer = self.slot.peer();
        self.refuse(peer, Some(refusal));
    }

    /// Closes a balancer that spoke for `peer`, frees its slot, and then tells the observer, if
    /// there is anything to tell.
    fn refuse(self: Arc<Self>, peer: SocketAddrV6, refusal: Option<Refusal>) {
        let clients = Arc::clone(&self.slot.clients);
        let real = canonical(self.slot.peer().into());
        {
            let mut table = clients.table();
            table.totals.refused += 1;
            table.unreported += 1;
        }
        drop(self);
        if let Some(refusal) = refusal {
            clients.report(|| {
                let peer = canonical(peer.into());
                Event::Refused(Refused { peer, via: (peer != real).then_some(real), refusal })
            });
        }
        clients.table().unreported -= 1;
        clients.waiter.wake();
    }

    /// Its addresses.
    fn ends(&self) -> Ends {
        let real = canonical(self.slot.peer().into());
        // getsockname(2) fails for sockets that are not bound, and this one is.
        let local = self.socket.get_ref().local_addr().map_or(real, canonical);
        let clients = &self.slot.clients;
        let announced = if clients.keeper.expects_headers() {
            clients.table().introduced.get(&self.slot.key).copied().flatten()
        } else {
            None
        };
        match announced.map(|peer| canonical(peer.into())) {
            Some(peer) if peer != real => Ends { peer, local, via: Some(real) },
            _ => Ends { peer: real, local, via: None },
        }
    }
}

/// Both ends of a client's connection, and the balancer between, if there is one.
struct Ends {
    peer: SocketAddr,
    local: SocketAddr,
    via: Option<SocketAddr>,
}

impl Drop for Client {
    fn drop(&mut self) {
        self.slot.clients.held.fetch_sub(self.flow.held(), Ordering::Relaxed);
    }
}

/// The form in which an address of either family is an IPv6 one; [`canonical`] turns it back.
fn mapped(address: SocketAddr) -> SocketAddrV6 {
    match address {
        SocketAddr::V4(v4) => SocketAddrV6::new(v4.ip().to_ipv6_mapped(), v4.port(), 0, 0),
        SocketAddr::V6(v6) => v6,
    }
}
