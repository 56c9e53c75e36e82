//! UDP sockets in, echoes out: a task per socket that answers datagrams, and counts those that it
//! does not answer.

use std::cell::RefCell;
use std::collections::HashMap;
use std::future::{self, poll_fn};
use std::io::{self, ErrorKind};
use std::net::{SocketAddr, UdpSocket};
use std::num::NonZeroU32;
use std::pin::pin;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::{Duration, Instant};

use async_io::{Async, Timer};
use async_std::task;
use futures::channel::oneshot;
use futures::future::select;
use futures::task::AtomicWaker;

use super::clients::Clients;
use super::event::{Event, FlowAppeared, FlowQuiet};
use super::tally::{DatagramTotals, FaultTally, Unsent};
use super::ticks::Ticks;
use crate::address::canonical;
use crate::fault::DatagramFaults;
use crate::socket::{Arrival, Control, DatagramSocket, Drops, Inbox, reply};

mod broadcast;
mod dealing;
mod flows;
pub(super) mod judge;
mod rates;

pub use judge::Ignored;

use broadcast::Broadcasts;
use dealing::{Dealing, Faults};
use flows::{Flow, Flows};
use judge::Rules;
use rates::Rates;

/// Which datagrams a server answers.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct DatagramLimits {
    /// How many datagrams a second one source may have answered.
    pub(super) rate: Option<NonZeroU32>,
    pub(super) any_source_port: bool,
    /// How long a flow has been silent when it is reported as gone.
    pub(super) quiet: Option<Duration>,
}

/// As long as a firewall usually remembers a flow, or somewhat longer.
const QUIET: Duration = Duration::from_secs(60);

/// The tasks that answer datagrams. They end when this is dropped.
pub(super) struct Reflectors {
    shared: Arc<Shared>,
    /// Each is ready when its task has ended.
    tasks: Vec<oneshot::Receiver<()>>,
}

/// What is common to the sockets of a server.
struct Shared {
    clients: Arc<Clients>,
    rules: Rules,
    quiet: Duration,
    start: Instant,
    state: Mutex<State>,
    order: AtomicU8,
    /// One for each socket.
    wakers: Vec<AtomicWaker>,
}

#[derive(Default)]
struct State {
    totals: DatagramTotals,
    flows: Flows,
    rates: Option<Rates>,
    broadcasts: Broadcasts,
    /// What was dealt to the flows, if anything was.
    dealt: HashMap<SocketAddr, FaultTally>,
}

// Orders, 0 being none.
const FINISH: u8 = 1;
const CUT: u8 = 2;

impl Reflectors {
    /// Starts a task for each socket.
    pub(super) fn start(
        sockets: Vec<DatagramSocket>,
        limits: DatagramLimits,
        clients: &Arc<Clients>,
        mut served: Vec<u16>,
        faults: DatagramFaults,
    ) -> Self {
        let faults = (!faults.is_empty()).then(|| Faults::new(Mutex::new(faults)));
        served.extend(sockets.iter().map(|socket| socket.address().port()));
        let state = State { rates: limits.rate.map(Rates::new), ..State::default() };
        let shared = Arc::new(Shared {
            clients: Arc::clone(clients),
            rules: Rules { served, any_source_port: limits.any_source_port },
            quiet: limits.quiet.unwrap_or(QUIET),
            start: Instant::now(),
            state: Mutex::new(state),
            order: AtomicU8::new(0),
            wakers: sockets.iter().map(|_| AtomicWaker::new()).collect(),
        });
        let sockets = sockets.into_iter().enumerate();
        let tasks = sockets.map(|(index, socket)| {
            let (ended, has_ended) = oneshot::channel::<()>();
            let dealing = faults.clone().map(|faults| Box::new(Dealing::new(faults, &socket)));
            let reflector = Reflector::new(socket, index, Arc::clone(&shared), dealing);
            clients.spawn(async {
                reflector.run().await;
                drop(ended);
            });
            has_ended
        });
        Self { tasks: tasks.collect(), shared }
    }

    /// Answers what waits in the kernel and closes the sockets.
    pub(super) async fn finish(&mut self) {
        self.shared.give(FINISH);
        for ended in self.tasks.drain(..) {
            let _ = ended.await;
        }
        let flows = self.shared.state().flows.drain();
        self.shared.report_quiet(flows);
    }

    /// Reports the flows that have gone quiet, now and then. Has no end.
    pub(super) async fn watch(&self) {
        if self.tasks.is_empty() {
            return future::pending().await;
        }
        let Shared { quiet, start, .. } = *self.shared;
        let mut ticks = Ticks::every((quiet / LOOKS).max(Duration::from_millis(1)));
        loop {
            ticks.next().await;
            let flows = self.shared.state().flows.expire(start.elapsed(), quiet);
            self.shared.report_quiet(flows);
        }
    }

    /// What became of the datagrams so far; none if the server has no UDP socket.
    pub(super) fn totals(&self) -> Option<DatagramTotals> {
        (!self.shared.wakers.is_empty()).then(|| self.shared.state().totals)
    }
}

/// How many looks there are in the time after which a flow is quiet, so that it is reported up to a
/// tenth late.
const LOOKS: u32 = 10;

impl Drop for Reflectors {
    fn drop(&mut self) {
        self.shared.give(CUT);
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing panics while it holds the lock; if it did, the state would still be whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn give(&self, order: u8) {
        self.order.fetch_max(order, Ordering::SeqCst);
        self.wakers.iter().for_each(AtomicWaker::wake);
    }

    fn order(&self) -> u8 {
        self.order.load(Ordering::SeqCst)
    }

    fn report_quiet(&self, flows: Vec<(SocketAddr, Flow)>) {
        for (peer, flow) in flows {
            let faults = self.state().dealt.remove(&peer).unwrap_or_default();
            let quiet = FlowQuiet {
                peer,
                local: flow.local,
                datagrams_in: flow.datagrams,
                bytes_in: flow.bytes,
                duration: flow.last - flow.first,
                faults,
            };
            self.clients.report(|| Event::FlowQuiet(quiet));
        }
    }
}

/// The task of one socket.
struct Reflector {
    socket: Async<UdpSocket>,
    local: SocketAddr,
    control: Control,
    index: usize,
    shared: Arc<Shared>,
    /// How many datagrams the next call is to receive at most.
    most: usize,
    /// Answers that the system has not taken yet.
    held: Vec<(Arrival, Vec<u8>)>,
    /// Errors of receiving, one after the other.
    failures: u32,
    /// When a server that polls found nothing for the first time.
    idle_since: Option<Instant>,
    /// The answers that have faults. Without faults there is none, and no answer waits.
    dealing: Option<Box<Dealing>>,
}

/// What is to be done after a turn.
enum Turn {
    /// Nothing more waits in the kernel.
    Idle,
    /// More may wait, but others have their turn first.
    Busy,
    /// Receiving fails again and again.
    Failing,
}

/// How many datagrams are answered before the others have a turn: four calls of recvmmsg(2), and a
/// quarter of a millisecond for small ones.
const BURST: usize = 4 * Inbox::ROOM;

/// Datagrams that wait when the server stops are answered, but whoever never stops sending cannot
/// keep it from its end. A receive buffer of 4 MiB holds some 10,000.
const LAST: usize = 1 << 16;

/// How many errors are taken for those of single datagrams, after which receiving waits for a while.
const FAILURES: u32 = 64;

thread_local! {
    /// The buffers, which the sockets of a thread share. Its headers hold pointers, so that it can
    /// not go with a task from one thread to another.
    static INBOX: RefCell<Option<Inbox>> = const { RefCell::new(None) };
}

impl Reflector {
    fn new(
        socket: DatagramSocket,
        index: usize,
        shared: Arc<Shared>,
        dealing: Option<Box<Dealing>>,
    ) -> Self {
        let (local, control) = (canonical(socket.address()), socket.control());
        let socket = Async::new(UdpSocket::from(socket))
            .expect("a socket can be watched while the kernel has memory");
        Self {
            socket,
            local,
            control,
            index,
            shared,
            most: 1,
            held: Vec::new(),
            failures: 0,
            idle_since: None,
            dealing,
        }
    }

    /// Answers until it is told to end. No error ends it.
    async fn run(mut self) {
        let mut last = LAST;
        loop {
            let turn = self.turn();
            self.send_held().await;
            self.send_due();
            match (turn, self.shared.order()) {
                (_, CUT) => return,
                (Turn::Idle | Turn::Failing, FINISH) => break,
                (Turn::Idle, _) if self.polls_on() => task::yield_now().await,
                (Turn::Idle, _) => self.readable_or_due().await,
                (Turn::Busy, FINISH) if last == 0 => break,
                (Turn::Busy, order) => {
                    if order == FINISH {
                        last = last.saturating_sub(BURST);
                    }
                    task::yield_now().await;
                }
                (Turn::Failing, _) => task::sleep(Duration::from_millis(5)).await,
            }
        }
        self.send_last().await;
        let dropped = Drops::read().of(self.socket.get_ref());
        let mut state = self.shared.state();
        let before = &mut state.totals.dropped_here;
        *before = dropped.map(|dropped| before.unwrap_or(0) + dropped).or(*before);
    }

    /// Says whether to look again before waiting: for a while after each datagram, if the server
    /// polls.
    fn polls_on(&mut self) -> bool {
        let busy_poll = self.shared.clients.busy_poll;
        if busy_poll.is_zero() {
            return false;
        }
        let since = *self.idle_since.get_or_insert_with(Instant::now);
        let polls = since.elapsed() < busy_poll;
        if !polls {
            self.idle_since = None;
        }
        polls
    }

    /// Ready when a datagram has come, or an order.
    async fn readable(&self) {
        poll_fn(|cx| {
            self.shared.wakers[self.index].register(cx.waker());
            match self.shared.order() {
                0 => self.socket.poll_readable(cx).map(drop),
                _ => Poll::Ready(()),
            }
        })
        .await;
    }

    /// Ready when a datagram has come, or an order, or when an answer is due.
    async fn readable_or_due(&self) {
        match self.dealing.as_ref().and_then(|dealing| dealing.due()) {
            None => self.readable().await,
            Some(due) => {
                select(pin!(self.readable()), Timer::at(due)).await;
            }
        }
    }

    /// Sends the answers with faults that are due.
    fn send_due(&mut self) {
        let Some(dealing) = &mut self.dealing else { return };
        let mut sent = Vec::new();
        while let Some(one) = dealing.send(self.socket.get_ref(), Instant::now()) {
            sent.push(one);
        }
        for (arrival, bytes, result) in sent {
            match result {
                Ok(()) => {
                    let totals = &mut self.shared.state().totals;
                    totals.datagrams_out += 1;
                    totals.bytes_out += bytes.len() as u64;
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    self.held.push((arrival, bytes));
                }
                Err(error) => self.note_unsent(&arrival, &error),
            }
        }
    }

    /// Sends the answers with faults that are due within the grace period, each when it is due.
    async fn send_last(&mut self) {
        let end = Instant::now() + self.shared.clients.limits.grace;
        while let Some(due) = self.dealing.as_ref().and_then(|dealing| dealing.due()) {
            if due > end || self.shared.order() == CUT {
                return;
            }
            select(pin!(self.cut()), Timer::at(due)).await;
            self.send_due();
            self.send_held().await;
        }
    }

    /// Ready when the server is dropped.
    async fn cut(&self) {
        poll_fn(|cx| {
            self.shared.wakers[self.index].register(cx.waker());
            if self.shared.order() == CUT { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }

    /// Answers a burst of what waits.
    fn turn(&mut self) -> Turn {
        INBOX.with_borrow_mut(|inbox| {
            let inbox = inbox.get_or_insert_with(Inbox::new);
            let mut left = BURST;
            while left > 0 {
                match inbox.receive(self.socket.get_ref(), self.control, self.most) {
                    Ok(()) => {
                        self.failures = 0;
                        self.idle_since = None;
                    }
                    Err(error) if error.kind() == ErrorKind::WouldBlock => {
                        self.most = 1;
                        return Turn::Idle;
                    }
                    Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                    // An ICMP error that an answer has met, which Windows reports here.
                    Err(_) => {
                        self.shared.state().totals.receive_errors += 1;
                        self.failures += 1;
                        if self.failures > FAILURES {
                            return Turn::Failing;
                        }
                        continue;
                    }
                }
                let count = inbox.arrivals().len();
                self.answer(inbox);
                left = left.saturating_sub(count);
                let short = self.most > 1 && count < self.most;
                // A single flow is received one at a time; more than one, as many as there are.
                self.most = if short && count == 1 { 1 } else { Inbox::ROOM };
                if short {
                    return Turn::Idle;
                }
            }
            Turn::Busy
        })
    }

    /// Answers what has been received, except what is to be ignored.
    fn answer(&mut self, inbox: &Inbox) {
        let mut appeared = Vec::new();
        let answers = self.judge(inbox, &mut appeared);
        for (peer, local) in appeared {
            self.shared.clients.report(|| Event::FlowAppeared(FlowAppeared { peer, local }));
        }
        if self.dealing.is_some() {
            return self.deal(inbox, answers);
        }
        let mut sent = (0, 0);
        for (index, (arrival, bytes)) in inbox.arrivals().enumerate() {
            if answers & 1 << index == 0 {
                continue;
            }
            match reply(self.socket.get_ref(), arrival, bytes) {
                Ok(()) => sent = (sent.0 + 1, sent.1 + bytes.len() as u64),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    self.held.push((*arrival, bytes.to_vec()));
                }
                Err(error) => self.note_unsent(arrival, &error),
            }
        }
        let totals = &mut self.shared.state().totals;
        totals.datagrams_out += sent.0;
        totals.bytes_out += sent.1;
    }

    /// Hands the answers over to be dealt faults.
    fn deal(&mut self, inbox: &Inbox, answers: u32) {
        let Some(dealing) = &mut self.dealing else { return };
        let (now, state) = (Instant::now(), &mut *self.shared.state());
        for (index, (arrival, bytes)) in inbox.arrivals().enumerate() {
            if answers & 1 << index == 0 {
                continue;
            }
            let dealt = dealing.take(arrival, bytes, now);
            if dealt.is_empty() {
                continue;
            }
            let peer = canonical(arrival.peer);
            let followed = state.flows.follow(peer);
            for fault in dealt {
                state.totals.faults.note(fault.kind());
                if followed {
                    state.dealt.entry(peer).or_default().note(fault.kind());
                }
            }
        }
    }

    /// Which of the datagrams received are to be answered, as bits; and the flows that began with
    /// one of them.
    fn judge(&self, inbox: &Inbox, appeared: &mut Vec<(SocketAddr, SocketAddr)>) -> u32 {
        let now = self.shared.start.elapsed();
        let mut answers = 0;
        let state = &mut *self.shared.state();
        for (index, (arrival, bytes)) in inbox.arrivals().enumerate() {
            state.totals.datagrams_in += 1;
            state.totals.bytes_in += bytes.len() as u64;
            let peer = canonical(arrival.peer);
            let local = match arrival.asked {
                Some(asked) => canonical((asked.address, self.local.port()).into()),
                None => self.local,
            };
            let mut ignored = self.shared.rules.judge(peer, local.ip());
            if self.shared.clients.keeper.judge(peer.ip()).is_err() {
                ignored = Some(Ignored::Denied);
            }
            if arrival.truncated {
                ignored = Some(Ignored::Truncated);
            }
            if ignored.is_none() {
                if state.flows.note(peer, local, bytes.len(), now) {
                    state.totals.flows += 1;
                    appeared.push((peer, local));
                }
                if state.rates.as_mut().is_some_and(|rates| !rates.take(peer.ip(), now)) {
                    ignored = Some(Ignored::Rate);
                }
            }
            match ignored {
                Some(ignored) => state.totals.ignored.note(ignored),
                None => answers |= 1 << index,
            }
        }
        answers
    }

    /// Sends what the system did not take at first, when it takes more.
    async fn send_held(&mut self) {
        for (arrival, bytes) in std::mem::take(&mut self.held) {
            self.writable().await;
            match reply(self.socket.get_ref(), &arrival, &bytes) {
                Ok(()) => {
                    let totals = &mut self.shared.state().totals;
                    totals.datagrams_out += 1;
                    totals.bytes_out += bytes.len() as u64;
                }
                Err(error) => self.note_unsent(&arrival, &error),
            }
        }
    }

    /// Ready when the system takes answers again, or the server is dropped.
    async fn writable(&self) {
        poll_fn(|cx| {
            self.shared.wakers[self.index].register(cx.waker());
            match self.shared.order() {
                CUT => Poll::Ready(()),
                _ => self.socket.poll_writable(cx).map(drop),
            }
        })
        .await;
    }

    fn note_unsent(&self, arrival: &Arrival, error: &io::Error) {
        let state = &mut *self.shared.state();
        let asked = arrival.asked.map(|asked| asked.address.to_canonical());
        // The kernel sends nothing from a broadcast address.
        if asked.is_some_and(|asked| state.broadcasts.contain(asked)) {
            state.totals.ignored.note(Ignored::Broadcast);
        } else {
            state.totals.unsent.note(Unsent::of(error));
        }
    }
}
