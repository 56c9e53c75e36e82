//! What the sockets of a server have in common: the rules, the flows, the totals, and the order to
//! end.

use std::collections::HashMap;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use futures::task::AtomicWaker;

use super::broadcast::Broadcasts;
use super::flows::{Flow, Flows};
use super::judge::{Ignored, Rules};
use super::rates::Rates;
use crate::address::canonical;
use crate::fault::Dealt;
use crate::server::clients::Clients;
use crate::server::event::{Event, FlowAppeared, FlowQuiet};
use crate::server::tally::{DatagramTotals, FaultTally, Unsent};
use crate::socket::Arrival;

pub(super) struct Shared {
    pub(super) clients: Arc<Clients>,
    /// How long a flow has been silent when it is reported as gone.
    pub(super) quiet: Duration,
    rules: Rules,
    start: Instant,
    state: Mutex<State>,
    order: AtomicU8,
    /// One for each socket.
    wakers: Vec<AtomicWaker>,
    /// How many tasks have not ended.
    tasks: AtomicUsize,
    /// Wakes whoever waits for their end.
    waiter: AtomicWaker,
}

/// Counts a task until this is dropped.
pub(super) struct Hold(Arc<Shared>);

impl Drop for Hold {
    fn drop(&mut self) {
        self.0.tasks.fetch_sub(1, Ordering::SeqCst);
        self.0.waiter.wake();
    }
}

#[derive(Default)]
pub(super) struct State {
    pub(super) totals: DatagramTotals,
    flows: Flows,
    rates: Option<Rates>,
    /// Among the addresses that were asked.
    broadcasts: Broadcasts,
    /// Among the addresses that datagrams came from.
    forged: Broadcasts,
    /// What was dealt to the flows, if anything was.
    dealt: HashMap<SocketAddr, FaultTally>,
}

/// What the tasks are to do. A later one may be stronger, never weaker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Order {
    Serve,
    /// To answer what waits in the kernel, and end.
    Finish,
    /// The same, but to give up what would have to wait: the grace period is over.
    Hurry,
    /// To end at once.
    Cut,
}

/// As long as a firewall usually remembers a flow, or somewhat longer.
const QUIET: Duration = Duration::from_secs(60);

impl Shared {
    /// For so many sockets. A flow is quiet after that long, or the usual time.
    pub(super) fn new(
        clients: &Arc<Clients>,
        rules: Rules,
        rates: Option<Rates>,
        quiet: Option<Duration>,
        sockets: usize,
    ) -> Arc<Self> {
        Arc::new(Self {
            clients: Arc::clone(clients),
            quiet: quiet.unwrap_or(QUIET),
            rules,
            start: Instant::now(),
            state: Mutex::new(State { rates, ..State::default() }),
            order: AtomicU8::new(Order::Serve as u8),
            wakers: (0..sockets).map(|_| AtomicWaker::new()).collect(),
            tasks: AtomicUsize::new(0),
            waiter: AtomicWaker::new(),
        })
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        // Nothing panics while it holds the lock; if it did, the state would still be whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn has_sockets(&self) -> bool {
        !self.wakers.is_empty()
    }

    pub(super) fn give(&self, order: Order) {
        self.order.fetch_max(order as u8, Ordering::SeqCst);
        self.wakers.iter().for_each(AtomicWaker::wake);
    }

    pub(super) fn order(&self) -> Order {
        let order = self.order.load(Ordering::SeqCst);
        [Order::Cut, Order::Hurry, Order::Finish]
            .into_iter()
            .find(|&given| order >= given as u8)
            .unwrap_or(Order::Serve)
    }

    /// The order now. A later one wakes the task of the socket with that index.
    pub(super) fn poll_order(&self, index: usize, cx: &mut Context<'_>) -> Order {
        self.wakers[index].register(cx.waker());
        self.order()
    }

    /// Counts a task, as long as it holds what this returns.
    pub(super) fn hold(this: &Arc<Self>) -> Hold {
        this.tasks.fetch_add(1, Ordering::SeqCst);
        Hold(Arc::clone(this))
    }

    /// Ready when all tasks have ended.
    pub(super) async fn gone(&self) {
        poll_fn(|cx| {
            self.waiter.register(cx.waker());
            if self.tasks.load(Ordering::SeqCst) == 0 { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }

    /// Says which of the datagrams that came to `local` are to be answered, as bits, and reports the
    /// flows that begin with one of them.
    pub(super) fn judge<'a>(
        &self,
        arrivals: impl Iterator<Item = (&'a Arrival, &'a [u8])>,
        local: SocketAddr,
    ) -> u32 {
        let now = self.start.elapsed();
        let mut answers = 0;
        let mut appeared = Vec::new();
        let mut state = self.state();
        for (index, (arrival, bytes)) in arrivals.enumerate() {
            let peer = canonical(arrival.peer);
            let local = match arrival.asked {
                Some(asked) => canonical((asked.address, local.port()).into()),
                None => local,
            };
            let ignored =
                if arrival.truncated { Some(Ignored::Truncated) } else { self.ignore(peer, local) };
            let judged = state.judge((peer, local), bytes.len(), ignored, now);
            answers |= u32::from(judged.is_answered) << index;
            if judged.appears {
                appeared.push(FlowAppeared { peer, local });
            }
        }
        drop(state);
        for flow in appeared {
            self.clients.report(|| Event::FlowAppeared(flow));
        }
        answers
    }

    /// Says why nothing that comes from `peer` to `local` is answered, if so.
    fn ignore(&self, peer: SocketAddr, local: SocketAddr) -> Option<Ignored> {
        if self.clients.keeper.judge(peer.ip()).is_err() {
            return Some(Ignored::Denied);
        }
        self.rules.judge(peer, local.ip())
    }

    /// Reports the flows that have gone quiet.
    pub(super) fn expire(&self) {
        let flows = self.state().flows.expire(self.start.elapsed(), self.quiet);
        self.report_quiet(flows);
    }

    /// Reports all flows as gone.
    pub(super) fn expire_all(&self) {
        let flows = self.state().flows.drain();
        self.report_quiet(flows);
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

/// What comes of a datagram.
#[derive(Debug, PartialEq, Eq)]
struct Judged {
    is_answered: bool,
    /// A flow begins with it.
    appears: bool,
}

impl State {
    /// Counts a datagram of a flow, a peer and the address it asked, which is not to be answered if
    /// there is a reason. `now` is the time since the start.
    fn judge(
        &mut self,
        (peer, local): (SocketAddr, SocketAddr),
        bytes: usize,
        mut ignored: Option<Ignored>,
        now: Duration,
    ) -> Judged {
        self.totals.datagrams_in += 1;
        self.totals.bytes_in += bytes as u64;
        let mut appears = false;
        if ignored.is_none() {
            appears = self.flows.note(peer, local, bytes, now);
            self.totals.flows += u64::from(appears);
            if self.rates.as_mut().is_some_and(|rates| !rates.take(peer.ip(), now)) {
                ignored = Some(Ignored::Rate);
            }
        }
        if let Some(ignored) = ignored {
            self.totals.ignored.note(ignored);
        }
        Judged { is_answered: ignored.is_none(), appears }
    }

    /// Counts answers that the system took.
    pub(super) fn note_sent(&mut self, datagrams: u64, bytes: u64) {
        self.totals.datagrams_out += datagrams;
        self.totals.bytes_out += bytes;
    }

    /// Counts an answer that the system refused.
    pub(super) fn note_unsent(&mut self, arrival: &Arrival, error: &io::Error) {
        let asked = arrival.asked.map(|asked| asked.address.to_canonical());
        // The kernel sends nothing from a broadcast address.
        if asked.is_some_and(|asked| self.broadcasts.contain(asked)) {
            self.totals.ignored.note(Ignored::Broadcast);
            return;
        }
        let unsent = Unsent::of(error);
        // Nor to one, unless that is asked for (SO_BROADCAST): the source is forged.
        if unsent == Unsent::Denied && self.forged.contain(canonical(arrival.peer).ip()) {
            self.totals.ignored.note(Ignored::Source);
        } else {
            self.totals.unsent.note(unsent);
        }
    }

    /// Counts the faults that were dealt to an answer.
    pub(super) fn note_dealt(&mut self, peer: SocketAddr, dealt: &[Dealt]) {
        let followed = self.flows.follow(peer);
        for fault in dealt {
            self.totals.faults.note(fault.kind());
            if followed {
                self.dealt.entry(peer).or_default().note(fault.kind());
            }
        }
    }

    /// Counts what the kernel dropped of a socket, where that can be told.
    pub(super) fn note_dropped(&mut self, dropped: Option<u64>) {
        let before = &mut self.totals.dropped_here;
        *before = dropped.map(|dropped| before.unwrap_or(0) + dropped).or(*before);
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::*;

    #[test]
    fn a_datagram_is_counted_once_and_its_flow_even_where_it_is_not_answered() {
        let local: SocketAddr = "192.0.2.1:7000".parse().unwrap();
        let mut state = State { rates: NonZeroU32::new(1).map(Rates::new), ..State::default() };
        for (second, peer, ignored, is_answered, appears) in [
            (0, "192.0.2.7:41000", None, true, true),
            (0, "192.0.2.7:41000", None, false, false), // over the rate
            (0, "192.0.2.7:41001", None, false, true),  // of the same source
            (0, "192.0.2.8:41000", None, true, true),
            (0, "192.0.2.9:7", Some(Ignored::LowPort), false, false),
            (2, "192.0.2.7:41000", None, true, false),
        ] {
            let flow = (peer.parse().unwrap(), local);
            let judged = state.judge(flow, 10, ignored, Duration::from_secs(second));
            assert_eq!(judged, Judged { is_answered, appears }, "{peer} after {second} s");
        }
        let totals = &state.totals;
        assert_eq!((totals.datagrams_in, totals.bytes_in, totals.flows), (6, 60, 3));
        let ignored = &totals.ignored;
        assert_eq!((ignored.count(Ignored::Rate), ignored.count(Ignored::LowPort)), (2, 1));
    }

    #[test]
    fn what_the_kernel_dropped_adds_up_and_is_unknown_until_one_socket_knows() {
        let mut state = State::default();
        for (dropped, sum) in [
            (None, None),
            (Some(0), Some(0)),
            (Some(3), Some(3)),
            (None, Some(3)),
            (Some(4), Some(7)),
        ] {
            state.note_dropped(dropped);
            assert_eq!(state.totals.dropped_here, sum);
        }
    }
}
