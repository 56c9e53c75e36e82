//! The load on one address over UDP: its flows, and which datagrams go out from them.

use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use mio::Token;
use mio::event::Event;

use super::clock::is_late;
use super::side::{Account, Shared, Side, wait_after};
use crate::client::bench::tally::Style;
use crate::client::datagram::DatagramError;
use crate::client::datagram::loss::send_past_complaints;
use crate::client::error::ConnectError;
use crate::client::ping::probe::HEADER;
use crate::error::{Cause, CauseKind, Origin};
use crate::socket::{Complaint, Drops, complaint};

mod arrivals;
mod flow;

use flow::Flow;

#[derive(Debug)]
pub(super) struct Flows {
    peer: SocketAddr,
    flows: Vec<Flow>,
    /// The token of the first flow.
    base: usize,
    /// In an open loop, the one from which the next message goes out.
    next_flow: usize,
    /// Flows from which more may be read at once.
    unread: Vec<usize>,
    /// Messages that timed out since the drops were asked for.
    silent: u64,
    /// The datagram that is sent.
    outgoing: Vec<u8>,
    account: Account,
}

/// How many datagrams of a flow are read before the others have their turn.
const TURN: usize = 64;

impl Flows {
    pub(super) fn new(peer: SocketAddr, flows: usize, base: usize) -> Self {
        Self {
            peer,
            flows: (0..flows).map(|_| Flow::new()).collect(),
            base,
            next_flow: 0,
            unread: Vec::new(),
            silent: 0,
            outgoing: Vec::new(),
            account: Account::default(),
        }
    }
}

impl Side for Flows {
    fn account(&self) -> &Account {
        &self.account
    }

    fn account_mut(&mut self) -> &mut Account {
        &mut self.account
    }

    fn open(&mut self, index: usize, shared: &Shared) {
        let token = Token(self.base + index);
        let opened = self.flows[index].open(self.peer, shared.source, &shared.registry, token);
        if let Err(error) = opened {
            self.account.tally.sent += 1; // the one that would have gone out
            let cause = Cause::from(error).said_by(Origin::Host);
            let error = ConnectError::of_one(self.peer, cause, shared.source);
            self.note_faults(&error.into(), 1, shared);
        }
    }

    fn opening(&self) -> usize {
        0
    }

    fn is_open(&self) -> bool {
        self.flows.iter().any(|flow| flow.socket.is_some())
    }

    fn fill(&mut self, shared: &Shared) {
        (0..self.flows.len()).for_each(|index| self.fill_flow(index, shared));
    }

    fn queue(&mut self, due: u64, shared: &Shared) {
        let count = self.flows.len();
        let open = |index: &usize| self.flows[*index].socket.is_some();
        let mut from_next = (self.next_flow..count).chain(0..self.next_flow);
        let Some(index) = from_next.find(open) else { return };
        self.next_flow = (index + 1) % count;
        self.account.tally.sent += 1;
        self.flows[index].window.queue(due);
        self.send(index, shared);
    }

    fn send_queued(&mut self, _: &Shared) {} // each is sent when it is due

    fn ready(&mut self, index: usize, event: &Event, shared: &mut Shared) {
        if event.is_error() {
            self.hear_complaints(index, shared);
        }
        if event.is_readable() || event.is_error() {
            self.receive(index, shared);
        }
        if event.is_writable() {
            self.send(index, shared);
        }
    }

    fn resume(&mut self, shared: &mut Shared) -> bool {
        let unread = std::mem::take(&mut self.unread);
        unread.iter().for_each(|&index| self.receive(index, shared));
        !unread.is_empty()
    }

    fn sweep(&mut self, shared: &mut Shared) {
        let now = shared.clock.now();
        let limit = now.saturating_sub(shared.timeout);
        for index in 0..self.flows.len() {
            let flow = &mut self.flows[index];
            let late = flow.window.give_up(limit) as u64;
            let retries = flow.retry_at != 0 && flow.retry_at <= now;
            if retries {
                flow.retry_at = 0;
            }
            self.silent += late;
            self.note_timeouts(late, shared);
            if late > 0 || retries {
                self.fill_flow(index, shared);
            }
        }
    }

    fn is_idle(&self) -> bool {
        self.flows.iter().all(|flow| flow.window.waiting() == 0)
    }

    /// Tells messages that were lost in this host's receive buffers from those lost on the way.
    fn end_turn(&mut self) {
        let silent = std::mem::take(&mut self.silent);
        if silent == 0 {
            return;
        }
        let drops = Drops::read();
        let mut dropped_here = 0;
        for flow in &mut self.flows {
            let dropped = flow.socket.as_ref().and_then(|socket| drops.of(socket));
            let dropped = dropped.unwrap_or(flow.dropped);
            dropped_here += dropped.saturating_sub(flow.dropped);
            flow.dropped = dropped;
        }
        let tally = &mut self.account.tally;
        tally.datagrams.dropped_here += dropped_here;
        tally.faults.shift(CauseKind::Timeout, CauseKind::Here, dropped_here.min(silent));
    }

    fn may_have_more(&self) -> bool {
        true
    }

    fn read_rest(&mut self, shared: &mut Shared) {
        for index in 0..self.flows.len() {
            while self.receive_one(index, shared) {}
        }
    }
}

impl Flows {
    fn fill_flow(&mut self, index: usize, shared: &Shared) {
        let Style::Closed { in_flight } = shared.style else { return };
        loop {
            let flow = &mut self.flows[index];
            let may_send = flow.socket.is_some() && flow.retry_at == 0 && self.account.budget > 0;
            if !may_send || flow.window.waiting() >= in_flight {
                return;
            }
            self.account.budget -= 1;
            self.account.tally.sent += 1;
            flow.window.queue(shared.clock.now());
            self.send(index, shared);
        }
    }

    /// Sends what is queued on a flow, as much as the socket takes.
    fn send(&mut self, index: usize, shared: &Shared) {
        self.outgoing.resize(shared.payload.size, 0);
        while let Some(number) = self.flows[index].window.next_unsent() {
            let sent = send_past_complaints(
                self,
                |this| this.send_one(index, number, shared),
                |this| this.hear_complaints(index, shared),
            );
            match sent {
                Ok(()) => self.account.tally.sent_bytes += shared.payload.size as u64,
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    return self.ask_for_room(index, true, shared);
                }
                Err(error) => {
                    self.lose(index, number, &self.undelivered(error, None, None), shared);
                }
            }
            self.flows[index].window.note_sent(number);
        }
        self.ask_for_room(index, false, shared);
    }

    fn send_one(&mut self, index: usize, number: u64, shared: &Shared) -> io::Result<()> {
        self.flows[index].send(number, self.peer, &mut self.outgoing, &shared.payload)
    }

    fn ask_for_room(&mut self, index: usize, asks: bool, shared: &Shared) {
        let token = Token(self.base + index);
        if let Err(error) = self.flows[index].ask_for_room(asks, &shared.registry, token) {
            self.account.tally.note_surplus(Cause::from(error).cause(), || shared.clock.now());
        }
    }

    /// Counts as lost what ICMP, or this host, says will not arrive; says whether there was any word
    /// of it.
    fn hear_complaints(&mut self, index: usize, shared: &Shared) -> bool {
        let mut quoted = [0; HEADER];
        let mut heard = false;
        while let Some(socket) = &self.flows[index].socket {
            let Ok(complaint) = complaint(socket, &mut quoted) else { break };
            heard = true;
            if complaint.length >= HEADER {
                let number = u64::from_be_bytes(quoted);
                let Complaint { error, by, mtu, .. } = complaint;
                self.lose(index, number, &self.undelivered(error, by, mtu), shared);
            }
        }
        heard
    }

    /// A message will not come back. A closed loop goes on from that flow a little later.
    fn lose(&mut self, index: usize, number: u64, error: &DatagramError, shared: &Shared) {
        let flow = &mut self.flows[index];
        if flow.window.lose(number) {
            flow.failures += 1;
            flow.retry_at = shared.clock.now() + wait_after(flow.failures);
            self.note_faults(error, 1, shared);
        }
    }

    /// What the system says of a datagram, for itself or for whoever sent ICMP.
    fn undelivered(&self, error: io::Error, by: Option<IpAddr>, mtu: Option<u32>) -> DatagramError {
        let (peer, source) = (self.peer, Cause::from(error));
        if by.is_none() && source.cause() == CauseKind::Here {
            DatagramError::Here { peer, source }
        } else {
            DatagramError::Undelivered { peer, by, mtu, source }
        }
    }

    fn note_faults(&mut self, error: &DatagramError, count: u64, shared: &Shared) {
        self.account.tally.note_faults(error.cause(), count, || shared.clock.now());
        if count > 0 {
            self.account.tally.note_failure(error.clone());
        }
    }

    fn note_timeouts(&mut self, count: u64, shared: &Shared) {
        let after = Duration::from_nanos(shared.timeout);
        self.note_faults(&DatagramError::Timeout { peer: self.peer, after }, count, shared);
    }

    fn receive(&mut self, index: usize, shared: &mut Shared) {
        for _ in 0..TURN {
            if !self.receive_one(index, shared) {
                return;
            }
            let window = &self.flows[index].window;
            let expects = window.waiting() > 0 || window.blames();
            self.fill_flow(index, shared);
            // The read that finds nothing is spared if there is nothing to come: whatever comes
            // unasked is read with the next datagram.
            if !expects && cfg!(unix) {
                return;
            }
        }
        self.unread.push(index);
    }

    /// Reads a datagram; says whether there may be more.
    fn receive_one(&mut self, index: usize, shared: &mut Shared) -> bool {
        let Some(socket) = &self.flows[index].socket else { return false };
        match socket.recv_from(&mut shared.scratch) {
            Ok((length, from)) => self.take(index, from, length, shared),
            Err(error) if error.kind() == ErrorKind::WouldBlock => return false,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            // It announces what ICMP said, or this host cannot receive: then it is not asked again
            // at once, and what is waited for longest is lost.
            Err(error) => {
                if !self.hear_complaints(index, shared) {
                    // Windows announces a refusal in this way, without saying of which datagram.
                    let announces = cfg!(windows) && error.kind() == ErrorKind::ConnectionReset;
                    if let Some(number) = self.flows[index].window.oldest() {
                        self.lose(index, number, &self.undelivered(error, None, None), shared);
                    }
                    return announces;
                }
            }
        }
        true
    }

    /// A message is back that was waited for: an echo if it is in time, and else a fault, as if it
    /// had been given up before.
    fn note_echo(&mut self, index: usize, since: u64, shared: &Shared) {
        let now = shared.clock.now();
        if is_late(since, now, shared.timeout) {
            self.account.tally.datagrams.late += 1;
            return self.note_timeouts(1, shared);
        }
        let flow = &mut self.flows[index];
        flow.failures = 0;
        flow.retry_at = 0;
        let tally = &mut self.account.tally;
        tally.echoes += 1;
        if let Some(time) = shared.clock.since(since, now) {
            tally.slice.note(time);
        }
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::net::UdpSocket;

    use super::super::clock::Clock;
    use super::*;
    use crate::client::bench::payload::Payload;

    #[test]
    fn what_finds_no_room_here_is_told_from_what_is_lost_on_the_way() {
        let server = UdpSocket::bind("127.0.0.1:0").unwrap();
        let poll = mio::Poll::new().unwrap();
        let mut shared = Shared {
            registry: poll.registry().try_clone().unwrap(),
            clock: Clock::start(),
            payload: Payload::new(64),
            scratch: vec![0; 1 << 16],
            source: None,
            timeout: 0,
            connect_timeout: 0,
            header: None,
            style: Style::Closed { in_flight: 3 },
        };
        let mut flows = Flows::new(server.local_addr().unwrap(), 1, 0);
        flows.open(0, &shared);
        let socket = flows.flows[0].socket.as_ref().unwrap();
        socket2::SockRef::from(socket).set_recv_buffer_size(4096).unwrap();
        flows.account.budget = 3;
        flows.fill(&shared);
        assert_eq!((flows.account.tally.sent, flows.is_idle()), (3, false));
        // One is lost on the way; the others come when a stranger has filled the buffer.
        let mut buffer = [0; 64];
        server.recv_from(&mut buffer).unwrap();
        let (_, client) = server.recv_from(&mut buffer).unwrap();
        let stranger = UdpSocket::bind("127.0.0.1:0").unwrap();
        for _ in 0..50 {
            stranger.send_to(&[0; 500], client).unwrap();
        }
        let before = Drops::read().of(flows.flows[0].socket.as_ref().unwrap()).unwrap();
        flows.flows[0].dropped = before;
        server.send_to(&buffer, client).unwrap();
        let (length, _) = server.recv_from(&mut buffer).unwrap();
        server.send_to(&buffer[..length], client).unwrap();
        flows.sweep(&mut shared);
        assert!(flows.is_idle());
        flows.end_turn();
        let tally = &flows.account.tally;
        let counted = [CauseKind::Timeout, CauseKind::Here].map(|kind| tally.faults.of(kind));
        assert_eq!((counted, tally.datagrams.dropped_here), ([1, 2], 2), "{tally:?}");
        // What is in the buffer is a stranger's.
        flows.read_rest(&mut shared);
        assert_eq!((flows.account.tally.failed, flows.account.tally.surplus), (3, 0));
    }
}
