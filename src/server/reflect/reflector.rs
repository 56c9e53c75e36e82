//! The task of one socket: it receives, answers, and waits.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::poll_fn;
use std::io::{self, ErrorKind};
use std::net::{SocketAddr, UdpSocket};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use async_io::{Async, Timer};
use async_std::task;
use futures::future::select;

use super::dealing::Dealing;
use super::pace::{BURST, Batch, Course, Failures, Next, Turn};
use super::shared::{Order, Shared};
use crate::address::canonical;
use crate::server::busy::Looking;
use crate::socket::{Arrival, Control, DatagramSocket, Drops, Inbox, reply};

pub(super) struct Reflector {
    socket: Async<UdpSocket>,
    local: SocketAddr,
    control: Control,
    /// Which of the server's sockets it is.
    index: usize,
    shared: Arc<Shared>,
    batch: Batch,
    failures: Failures,
    looking: Looking,
    /// Answers that the system has not taken yet.
    held: VecDeque<(Arrival, Vec<u8>)>,
    /// The answers that have faults. Without faults there is none, and no answer waits.
    dealing: Option<Box<Dealing>>,
}

/// How long a socket that cannot receive is left alone.
const PAUSE: Duration = Duration::from_millis(5);

thread_local! {
    /// The buffers, which the sockets of a thread share. Its headers hold pointers, so that it can
    /// not go with a task from one thread to another.
    static INBOX: RefCell<Option<Inbox>> = const { RefCell::new(None) };
}

impl Reflector {
    pub(super) fn new(
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
            batch: Batch::new(),
            failures: Failures::default(),
            looking: Looking::default(),
            held: VecDeque::new(),
            dealing,
        }
    }

    /// Answers until it is told to end. No error ends it.
    pub(super) async fn run(mut self) {
        let mut course = Course::new();
        loop {
            let turn = self.turn();
            self.send_held().await;
            self.send_due();
            match course.next(turn, self.shared.order()) {
                Next::Wait if self.looks_on() => task::yield_now().await,
                Next::Wait => self.readable_or_due().await,
                Next::Yield => task::yield_now().await,
                Next::Pause => task::sleep(PAUSE).await,
                Next::End => break,
                Next::Cut => return,
            }
        }
        self.send_last().await;
        let dropped = Drops::read().of(self.socket.get_ref());
        self.shared.state().note_dropped(dropped);
    }

    /// Answers a burst of what waits.
    fn turn(&mut self) -> Turn {
        INBOX.with_borrow_mut(|inbox| {
            let inbox = inbox.get_or_insert_with(Inbox::new);
            let mut left = BURST;
            while left > 0 {
                match inbox.receive(self.socket.get_ref(), self.control, self.batch.most()) {
                    Ok(()) => {
                        self.failures.end();
                        self.looking.found();
                    }
                    Err(error) if error.kind() == ErrorKind::WouldBlock => {
                        self.batch.note_none();
                        return Turn::Idle;
                    }
                    Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                    // An ICMP error that an answer has met, which Windows reports here.
                    Err(_) => {
                        self.shared.state().totals.receive_errors += 1;
                        if self.failures.note() {
                            return Turn::Failing;
                        }
                        continue;
                    }
                }
                self.answer(inbox);
                let count = inbox.arrivals().len();
                left = left.saturating_sub(count);
                if !self.batch.note(count) {
                    return Turn::Idle;
                }
            }
            Turn::Busy
        })
    }

    /// Answers what has been received, except what is to be ignored.
    fn answer(&mut self, inbox: &Inbox) {
        let answers = self.shared.judge(inbox.arrivals(), self.local);
        let answered = inbox.arrivals().enumerate().filter(|(index, _)| answers & 1 << index != 0);
        let answered = answered.map(|(_, answered)| answered);
        if let Some(dealing) = &mut self.dealing {
            let now = Instant::now();
            let mut state = self.shared.state();
            for (arrival, bytes) in answered {
                let dealt = dealing.take(arrival, bytes, now);
                state.note_dealt(canonical(arrival.peer), &dealt);
            }
            return;
        }
        let mut sent = (0, 0);
        for (arrival, bytes) in answered {
            match reply(self.socket.get_ref(), arrival, bytes) {
                Ok(()) => sent = (sent.0 + 1, sent.1 + bytes.len() as u64),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    self.held.push_back((*arrival, bytes.to_vec()));
                }
                Err(error) => self.shared.state().note_unsent(arrival, &error),
            }
        }
        self.shared.state().note_sent(sent.0, sent.1);
    }

    /// Says whether to look again before waiting.
    fn looks_on(&mut self) -> bool {
        self.looking.goes_on(self.shared.clients.busy_poll, Instant::now)
    }

    /// Ready when a datagram has come, or an order, or when an answer is due.
    async fn readable_or_due(&self) {
        let readable = poll_fn(|cx| match self.shared.poll_order(self.index, cx) {
            Order::Serve => self.socket.poll_readable(cx).map(drop),
            Order::Finish | Order::Hurry | Order::Cut => Poll::Ready(()),
        });
        match self.due() {
            None => readable.await,
            Some(due) => {
                select(readable, Timer::at(due)).await;
            }
        }
    }

    /// Sends what the system did not take at first, when it takes more, until nothing may wait.
    async fn send_held(&mut self) {
        while let Some((arrival, bytes)) = self.held.pop_front() {
            match poll_fn(|cx| self.poll_reply(cx, &arrival, &bytes)).await {
                Ok(()) => self.shared.state().note_sent(1, bytes.len() as u64),
                Err(error) => self.shared.state().note_unsent(&arrival, &error),
            }
        }
    }

    /// Sends an answer as soon as the system takes it. Ready with whatever it says to it once nothing
    /// may wait.
    fn poll_reply(
        &self,
        cx: &mut Context<'_>,
        arrival: &Arrival,
        bytes: &[u8],
    ) -> Poll<io::Result<()>> {
        let waits = self.shared.poll_order(self.index, cx) < Order::Hurry;
        loop {
            match reply(self.socket.get_ref(), arrival, bytes) {
                Err(error) if waits && error.kind() == ErrorKind::WouldBlock => {
                    // It may be ready for what was written before.
                    ready!(self.socket.poll_writable(cx))?;
                }
                sent => return Poll::Ready(sent),
            }
        }
    }

    /// Sends the answers with faults that are due.
    fn send_due(&mut self) {
        let Some(dealing) = &mut self.dealing else { return };
        while let Some((arrival, bytes, sent)) = dealing.send(self.socket.get_ref(), Instant::now())
        {
            match sent {
                Ok(()) => self.shared.state().note_sent(1, bytes.len() as u64),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    self.held.push_back((arrival, bytes));
                }
                Err(error) => self.shared.state().note_unsent(&arrival, &error),
            }
        }
    }

    /// Sends the answers with faults that are due within the grace period, each when it is due.
    async fn send_last(&mut self) {
        let end = Instant::now().checked_add(self.shared.clients.limits.grace);
        while let Some(due) = self.due() {
            if end.is_some_and(|end| due > end) || self.shared.order() >= Order::Hurry {
                return;
            }
            let hurried = poll_fn(|cx| match self.shared.poll_order(self.index, cx) {
                Order::Hurry | Order::Cut => Poll::Ready(()),
                Order::Serve | Order::Finish => Poll::Pending,
            });
            select(pin!(hurried), Timer::at(due)).await;
            self.send_due();
            self.send_held().await;
        }
    }

    /// When the next answer with faults is due.
    fn due(&self) -> Option<Instant> {
        self.dealing.as_ref().and_then(|dealing| dealing.due())
    }
}
