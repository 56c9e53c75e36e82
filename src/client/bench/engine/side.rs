//! What an engine asks of the load on one address, over whichever transport.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use mio::Registry;
use mio::event::Event;

use super::clock::Clock;
use crate::client::bench::payload::Payload;
use crate::client::bench::schedule::Pace;
use crate::client::bench::tally::{Style, Tally};
use crate::client::preface::ProxyHeader;

/// What all sides of a load use.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) registry: Registry,
    pub(super) clock: Clock,
    pub(super) payload: Payload,
    /// Where each read goes, and whatever was there before is overwritten.
    pub(super) scratch: Vec<u8>,
    pub(super) source: Option<IpAddr>,
    pub(super) timeout: u64,
    pub(super) connect_timeout: u64,
    pub(super) header: Option<ProxyHeader>,
    pub(super) style: Style,
}

/// What may go out to one address, and what has come of it.
#[derive(Debug, Default)]
pub(super) struct Account {
    /// How many messages may still go out in a closed loop; zero once it only waits.
    pub(super) budget: u64,
    /// How many messages must have come back or failed for the turn to end.
    pub(super) target: u64,
    /// Whether the first sockets are being opened, which are not opened again.
    pub(super) starts: bool,
    pub(super) tally: Tally,
}

/// How many messages of an open loop are taken before the sockets have their turn.
const AT_ONCE: usize = 256;

/// The load on one address: its sockets, each known by its index, and what comes of them.
pub(super) trait Side: fmt::Debug {
    fn account(&self) -> &Account;

    fn account_mut(&mut self) -> &mut Account;

    /// Begins to open a socket, or counts the fault.
    fn open(&mut self, index: usize, shared: &Shared);

    /// How many sockets are neither open nor given up.
    fn opening(&self) -> usize;

    /// Whether any socket is open.
    fn is_open(&self) -> bool;

    /// Sends as much as a closed loop may.
    fn fill(&mut self, shared: &Shared);

    /// A message of an open loop is due.
    fn queue(&mut self, due: u64, shared: &Shared);

    /// Sends what was queued.
    fn send_queued(&mut self, shared: &Shared);

    /// The system says that something can be done with a socket.
    fn ready(&mut self, index: usize, event: &Event, shared: &mut Shared);

    /// Goes on with what was put off until the other sockets have had their turn; says whether there
    /// was anything.
    fn resume(&mut self, shared: &mut Shared) -> bool;

    /// Looks through all sockets for what is late, and for what is to be tried again. One look for
    /// all instead of a timer for each message.
    fn sweep(&mut self, shared: &mut Shared);

    /// Whether no message is waited for.
    fn is_idle(&self) -> bool;

    /// A turn is over: what can be said of its faults only then is said.
    fn end_turn(&mut self) {}

    /// Whether more may come when no message is waited for.
    fn may_have_more(&self) -> bool {
        false
    }

    /// Reads what has come.
    fn read_rest(&mut self, _: &mut Shared) {}

    /// Of connections: sends one message on each that is open.
    fn send_each(&mut self, _: &Shared) {}

    /// Of connections: lets all times of a burst run from now.
    fn mark_moment(&mut self, _now: u64) {}

    /// Of connections: closes all.
    fn close(&mut self, _hard: bool) {}

    /// Takes what is due by now, at most some; says when the next is due.
    fn take_due(&mut self, pace: &mut Pace, end: u64, shared: &Shared) -> u64 {
        let now = shared.clock.now();
        for _ in 0..AT_ONCE {
            let Some(due) = pace.take(now, end) else { break };
            let late = Duration::from_nanos(now - due);
            self.account_mut().tally.lateness.note(late);
            self.queue(due, shared);
        }
        self.send_queued(shared);
        pace.next_due()
    }
}

/// How long to wait before a socket that failed is tried again, doubled from the first to the last
/// value.
const FIRST_WAIT: u64 = 10_000_000;
const LAST_WAIT: u64 = 1_000_000_000;

/// How long to wait after so many failures in a row.
pub(super) fn wait_after(failures: u32) -> u64 {
    match failures {
        0 => 0,
        failures => (FIRST_WAIT << (failures - 1).min(10)).min(LAST_WAIT),
    }
}
