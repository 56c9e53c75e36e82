//! One connection: probes out when they are due, replies in, each known by its sequence number.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use futures::io::{AsyncRead, AsyncWrite};

use super::alarm::Alarm;
use super::event::{Loss, PingEvent, Skip};
use super::ledger::{Fate, Ledger};
use super::probe::{HEADER, number, payload};
use super::schedule::{Due, Schedule};
use crate::client::connect::Connection;
use crate::client::error::SendError;
use crate::client::excerpt::Excerpt;
use crate::client::exchange::tells_more;
use crate::error::Cause;

/// How many bytes, and how many probes, may be waited for on one connection. More than a path holds
/// at any sensible rate; a server that answers none of them counts as gone.
const MOST_BYTES: usize = 1 << 20;
const MOST_PROBES: usize = 16_384;

#[derive(Debug)]
pub(super) struct Session {
    connection: Connection,
    timeout: Duration,
    /// A probe, of which only the sequence number changes.
    payload: Vec<u8>,
    /// Probes that the socket has not taken yet, the first `written` bytes of which it has.
    out: Vec<u8>,
    written: usize,
    /// A reply, the first `filled` bytes of which are here.
    reply: Vec<u8>,
    filled: usize,
    /// What has not come back.
    ledger: Ledger,
    /// Whether the server held up what was due: it owed too many replies, or took no more bytes.
    held_up: bool,
    sent_bytes: u64,
    returned_bytes: u64,
    alarm: Alarm,
    /// Segments that were sent again, as far as it was told, and when that was asked.
    resent: u64,
    asked: Instant,
}

/// How often the system is asked for what was sent again: no probe waits longer for a lost segment to
/// be noticed, and at full speed the question costs nothing that can be measured.
const ASK: Duration = Duration::from_millis(100);

impl Session {
    pub(super) fn new(connection: Connection, size: usize, timeout: Duration) -> Self {
        let payload = payload(size);
        Self {
            connection,
            timeout,
            payload,
            out: Vec::new(),
            written: 0,
            reply: vec![0; size],
            filled: 0,
            ledger: Ledger::new(timeout),
            held_up: false,
            sent_bytes: 0,
            returned_bytes: 0,
            alarm: Alarm::new(),
            resent: 0,
            asked: Instant::now(),
        }
    }

    /// Sends what is due, until the schedule is over and every probe is back or lost, or the
    /// connection is lost. `true` if it was.
    pub(super) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        schedule: &mut Schedule,
        events: &mut VecDeque<PingEvent>,
    ) -> Poll<bool> {
        let polled = self.poll_probes(cx, schedule, events);
        let now = Instant::now();
        if polled.is_ready() || now.duration_since(self.asked) >= ASK {
            self.note_resent(now, events);
        }
        let Err(error) = ready!(polled) else {
            return Poll::Ready(false);
        };
        let peer = self.connection.peer;
        let error = error.or_header(&self.connection.header);
        let mut loss = Loss::by(&error); // of the first, in whose place it came
        events.push_back(PingEvent::Disconnected { peer, error });
        for sequence in self.ledger.forget() {
            events.push_back(PingEvent::Lost { peer, sequence, loss });
            loss = Loss::Disconnected;
        }
        Poll::Ready(true)
    }

    fn poll_probes(
        &mut self,
        cx: &mut Context<'_>,
        schedule: &mut Schedule,
        events: &mut VecDeque<PingEvent>,
    ) -> Poll<Result<(), SendError>> {
        let peer = self.connection.peer;
        let mut had_turn = false;
        loop {
            self.take_replies(cx, schedule, events)?;
            let now = Instant::now();
            self.expire(now, events)?;
            if schedule.is_over() && self.ledger.is_idle() {
                return Poll::Ready(Ok(()));
            }
            if had_turn && self.ledger.is_idle() && schedule.is_due(now) {
                // Whatever else this thread has to do has its turn between two probes, not within
                // one, however fast they come back.
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            let skipped = if self.held_up { 0 } else { schedule.skip_a_pause(now) };
            if skipped > 0 {
                let skip = Skip::Paused;
                events.push_back(PingEvent::Skipped { peer, count: skipped, skip });
            }
            let mut queued = false;
            while self.has_room() {
                let idle = self.ledger.is_idle();
                let Some(Due { sequence, due }) = schedule.take(now, idle) else { break };
                // A timer of ours that was late is no fault of the server's.
                self.queue(sequence, if self.held_up { due } else { now });
                events.push_back(PingEvent::Sent { peer, sequence });
                queued = true;
            }
            had_turn |= queued;
            let written = self.poll_write(cx);
            self.held_up = written.is_pending() || !self.has_room();
            if let Poll::Ready(Err(error)) = written {
                return Poll::Ready(Err(self.unwritten(cx, error, events)));
            }
            if queued && schedule.is_back_to_back() {
                // Lets a server on the same core answer before the socket is asked: a median of
                // 15 us instead of 17, a mean of 120 instead of 200 (six runs in turns).
                std::thread::yield_now();
            }
            // Asked again after a probe has gone: its reply may be here by now.
            if !queued && self.poll_alarm(cx, schedule).is_pending() {
                return Poll::Pending;
            }
        }
    }

    /// Takes the replies that are here, until the next probe can go before the socket is asked for more.
    fn take_replies(
        &mut self,
        cx: &mut Context<'_>,
        schedule: &Schedule,
        events: &mut VecDeque<PingEvent>,
    ) -> Result<(), SendError> {
        // A server that speaks first does so in the place of the first probe, however fast it is.
        let mut begins = self.sent_bytes == 0;
        while !(begins && schedule.is_due(Instant::now())) {
            let Poll::Ready(replied) = self.poll_replies(cx, events) else { break };
            replied?;
            begins = self.ledger.len() == 0;
        }
        Ok(())
    }

    /// Reads what is there and tells the replies in it.
    fn poll_replies(
        &mut self,
        cx: &mut Context<'_>,
        events: &mut VecDeque<PingEvent>,
    ) -> Poll<Result<(), SendError>> {
        let peer = self.connection.peer;
        let mut stream = &self.connection.stream;
        let read = Pin::new(&mut stream).poll_read(cx, &mut self.reply[self.filled..]);
        let length = match ready!(read) {
            Ok(length) => length,
            Err(error) => {
                let error = self.lost_by(error);
                return Poll::Ready(Err(self.mismatch().unwrap_or(error)));
            }
        };
        let (sent, returned) = (self.sent_bytes, self.returned_bytes);
        if length == 0 {
            let error = SendError::Short { peer, sent, returned };
            return Poll::Ready(Err(self.mismatch().unwrap_or(error)));
        }
        self.filled += length;
        self.returned_bytes += length as u64;
        if self.ledger.len() == 0 {
            let instead = Excerpt::of(&self.reply[..self.filled]);
            return Poll::Ready(Err(SendError::Surplus { peer, sent, instead }));
        }
        let full = self.filled == self.reply.len();
        // The number is there by now, or the whole of it.
        let telling = full || (self.filled >= HEADER && self.filled - length < HEADER);
        if let Some(error) = telling.then(|| self.mismatch()).flatten() {
            return Poll::Ready(Err(error));
        }
        if full {
            self.filled = 0;
            self.note_reply(Instant::now(), events);
        }
        Poll::Ready(Ok(()))
    }

    /// Tells whose reply has come.
    fn note_reply(&mut self, now: Instant, events: &mut VecDeque<PingEvent>) {
        let peer = self.connection.peer;
        let bytes = self.reply.len();
        let Some(sequence) = self.named() else { return };
        events.extend(self.ledger.back_in_order(sequence, now).map(
            |(sequence, fate)| match fate {
                Fate::Back(rtt) => PingEvent::Reply { peer, sequence, bytes, rtt, connect: None },
                Fate::Late(rtt) => PingEvent::Late { peer, sequence, bytes, rtt },
                Fate::Lost(loss) => PingEvent::Lost { peer, sequence, loss },
            },
        ));
    }

    /// Tells how many segments TCP has sent again since it was asked.
    fn note_resent(&mut self, now: Instant, events: &mut VecDeque<PingEvent>) {
        self.asked = now;
        let resent = self.connection.segments().map_or(0, |segments| segments.resent);
        let count = resent.saturating_sub(self.resent);
        if count > 0 {
            self.resent = resent;
            events.push_back(PingEvent::Resent { peer: self.connection.peer, count });
        }
    }

    /// The probe whose number is in the reply, if it is waited for.
    fn named(&self) -> Option<u64> {
        let (number, _) = self.reply.split_first_chunk()?;
        let sequence = u64::from_be_bytes(*number);
        self.ledger.knows(sequence).then_some(sequence)
    }

    /// The first byte, of those that are here, that differs from the probe whose number they have,
    /// or else from that which was to come next.
    fn mismatch(&mut self) -> Option<SendError> {
        let named = if self.filled >= HEADER { self.named() } else { None };
        let next = named.or_else(|| self.ledger.first())?;
        number(&mut self.payload, next);
        let mut pairs = self.payload.iter().zip(&self.reply[..self.filled]);
        let at = pairs.position(|(expected, got)| expected != got)?;
        Some(SendError::Mismatch {
            peer: self.connection.peer,
            offset: self.returned_bytes - self.filled as u64 + at as u64,
            expected: self.payload[at],
            got: self.reply[at],
            instead: Excerpt::of_reply(&self.reply[..self.filled], at as u64),
        })
    }

    /// Tells lost what is waited for longer than the timeout.
    fn expire(&mut self, now: Instant, events: &mut VecDeque<PingEvent>) -> Result<(), SendError> {
        let peer = self.connection.peer;
        while let Some(sequence) = self.ledger.expire(now) {
            events.push_back(PingEvent::Lost { peer, sequence, loss: Loss::Timeout });
        }
        if self.has_room() || !self.ledger.is_idle() {
            return Ok(());
        }
        let (sent, returned, after) = (self.sent_bytes, self.returned_bytes, self.timeout);
        Err(SendError::Timeout { peer, sent, returned, after })
    }

    fn has_room(&self) -> bool {
        let most = (MOST_BYTES / self.payload.len()).clamp(2, MOST_PROBES);
        self.ledger.len() < most
    }

    fn queue(&mut self, sequence: u64, since: Instant) {
        number(&mut self.payload, sequence);
        self.out.extend_from_slice(&self.payload);
        self.sent_bytes += self.payload.len() as u64;
        self.ledger.send(sequence, since);
    }

    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut stream = &self.connection.stream;
        while self.written < self.out.len() {
            self.written +=
                ready!(Pin::new(&mut stream).poll_write(cx, &self.out[self.written..]))?;
        }
        self.out.clear();
        self.written = 0;
        Poll::Ready(Ok(()))
    }

    /// Ready when a probe may be due or lost.
    fn poll_alarm(&mut self, cx: &mut Context<'_>, schedule: &Schedule) -> Poll<()> {
        let next_due = schedule.next_due().filter(|_| self.has_room());
        self.alarm.poll(cx, self.ledger.next_loss().into_iter().chain(next_due))
    }

    /// What ended the connection, if it takes no more: what the server still said, or that it had
    /// closed, tells more.
    fn unwritten(
        &mut self,
        cx: &mut Context<'_>,
        error: io::Error,
        events: &mut VecDeque<PingEvent>,
    ) -> SendError {
        let lost = Cause::from(error);
        let told = loop {
            match self.poll_replies(cx, events) {
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(error)) => break Some(error),
                Poll::Pending => break None,
            }
        };
        told.filter(|error| tells_more(error, &lost)).unwrap_or_else(|| self.lost(lost))
    }

    fn lost_by(&self, error: io::Error) -> SendError {
        self.lost(error.into())
    }

    fn lost(&self, source: Cause) -> SendError {
        let (sent, returned) = (self.sent_bytes, self.returned_bytes);
        let peer: SocketAddr = self.connection.peer;
        SendError::Lost { peer, sent, returned, source }
    }
}
