//! One datagram out, the same bytes back in, or why not.

use std::future::poll_fn;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::task::Poll;
use std::time::{Duration, Instant};

use async_io::Timer;

use super::error::DatagramError;
use super::flow::Flow;
use super::loss::{is_too_big, send_past_complaints};
use super::ping::DatagramPing;
use crate::client::error::ConnectError;
use crate::client::settings::Client;
use crate::client::target::Target;
use crate::error::{Cause, Origin};
#[cfg(feature = "serde")]
use crate::schema::{address, micros};
use crate::socket::{CallerOptions, Received, route};

/// A datagram that came back, and how long that took.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "serde", serde(tag = "event", rename = "reply"))]
pub struct DatagramReply {
    /// The bytes that came back, which are those that were sent.
    #[cfg_attr(feature = "serde", serde(skip))]
    pub bytes: Vec<u8>,
    /// The server that answered.
    #[cfg_attr(feature = "serde", serde(flatten, serialize_with = "address"))]
    pub peer: SocketAddr,
    /// Where it was sent from.
    pub local: SocketAddr,
    /// How many bytes were sent.
    pub sent_bytes: usize,
    /// How many came back: as many.
    pub returned_bytes: usize,
    /// Time from the sending until the kernel had the reply.
    #[cfg_attr(feature = "serde", serde(rename = "exchange_us", serialize_with = "micros"))]
    pub exchange: Duration,
}

impl Client {
    /// Sends `message` as one datagram to the first address of `target`, in the resolver's order,
    /// from a port of its own, and waits for it to come back, for as long as the
    /// [`timeout`](Self::timeout). It is not sent again.
    ///
    /// # Errors
    ///
    /// If no datagram is that long, if no way leads to the address, if nothing comes back, or if
    /// what comes back is shorter, not the same, or from another address.
    pub async fn send_datagram(
        &self,
        target: impl Into<Target>,
        message: &[u8],
    ) -> Result<DatagramReply, DatagramError> {
        let addresses = self.look_up(target.into()).await?;
        let source = self.source;
        let Some(&peer) = addresses.first() else {
            return Err(ConnectError::NoneAccepts { attempts: Vec::new(), source }.into());
        };
        if message.len() > DatagramPing::most(peer) {
            return Err(DatagramError::too_large(peer, message.len()));
        }
        let options = CallerOptions { source, ..CallerOptions::default() };
        let (local, flow) = open(peer, options)?;
        let local = SocketAddr::new(local, flow.local_port);
        let back = exchange(&flow, peer, message, self.timeout, Odd::Ends).await?;
        Ok(DatagramReply {
            bytes: message.to_vec(),
            peer,
            local,
            sent_bytes: message.len(),
            returned_bytes: message.len(),
            exchange: back.exchange,
        })
    }
}

/// A port to send from, and the local address that leads to `peer`.
pub(super) fn open(
    peer: SocketAddr,
    options: CallerOptions,
) -> Result<(IpAddr, Flow), ConnectError> {
    let source = options.source;
    let opened = route(peer, source).and_then(|ip| Ok((ip, Flow::open(peer, options)?)));
    opened.map_err(|error| {
        ConnectError::of_one(peer, Cause::from(error).said_by(Origin::Host), source)
    })
}

/// A datagram that is back as it was sent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Back {
    pub(super) exchange: Duration,
    pub(super) received: Received,
}

/// What other bytes than those sent mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Odd {
    /// They are the reply: it is wrong.
    Ends,
    /// They may be the reply to an earlier datagram, unless nothing else comes.
    Waits,
}

/// Room for the longest datagram, and one byte more that shows a longer one.
const ROOM: usize = 1 << 16;

/// Sends `message` and waits for it to come back.
pub(super) async fn exchange(
    flow: &Flow,
    peer: SocketAddr,
    message: &[u8],
    timeout: Duration,
    odd: Odd,
) -> Result<Back, DatagramError> {
    let mut buffer = vec![0; ROOM];
    let mut timer = Timer::after(timeout);
    let start = Instant::now();
    send(flow, peer, message, &mut buffer)?;
    let mut wrong = None;
    loop {
        // Else there is nothing, or the error announces what ICMP said.
        if let Ok(received) = flow.receive(&mut buffer) {
            let bytes = &buffer[..received.length.min(ROOM)];
            match judge(peer, message, &received, bytes) {
                Some(Ok(())) => {
                    let exchange = start.elapsed().saturating_sub(received.age);
                    return Ok(Back { exchange, received });
                }
                Some(Err(error)) if odd == Odd::Ends => return Err(error),
                Some(Err(error @ DatagramError::Foreign { .. })) => return Err(error),
                Some(Err(error)) => wrong = Some(error),
                None => {}
            }
            continue;
        }
        if let Some(error) = undelivered(flow, peer, message, &mut buffer) {
            return Err(error);
        }
        let timed_out = poll_fn(|cx| {
            if flow.poll_readable(cx).is_ready() {
                return Poll::Ready(false);
            }
            Pin::new(&mut timer).poll(cx).map(|_| true)
        });
        if timed_out.await {
            return Err(wrong.unwrap_or(DatagramError::Timeout { peer, after: timeout }));
        }
    }
}

fn send(
    flow: &Flow,
    peer: SocketAddr,
    message: &[u8],
    buffer: &mut [u8],
) -> Result<(), DatagramError> {
    let hear = |buffer: &mut &mut [u8]| {
        let mut heard = false;
        while flow.complaint(buffer).is_ok() {
            heard = true;
        }
        heard
    };
    let sent = send_past_complaints(&mut &mut *buffer, |_| flow.send(message, peer), hear);
    sent.map_err(|error| {
        // What is too large for the interface is in the queue of errors too, with its MTU.
        let queued = is_too_big(&error).then(|| undelivered(flow, peer, message, buffer)).flatten();
        queued.unwrap_or_else(|| DatagramError::Here { peer, source: error.into() })
    })
}

/// Whether a datagram is the reply, or a wrong one, or none at all.
fn judge(
    peer: SocketAddr,
    message: &[u8],
    received: &Received,
    bytes: &[u8],
) -> Option<Result<(), DatagramError>> {
    let (from, sent, returned) = (received.from, message.len(), bytes.len());
    if from != peer {
        let same = bytes == message && !received.cut;
        return same.then_some(Err(DatagramError::Foreign { peer, from }));
    }
    let offset = message.iter().zip(bytes).take_while(|(one, other)| one == other).count();
    Some(if received.cut || offset < returned {
        Err(DatagramError::Mismatch { peer, offset, sent, returned })
    } else if returned < sent {
        Err(DatagramError::Truncated { peer, sent, returned })
    } else {
        Ok(())
    })
}

/// What was said of this datagram. ICMP quotes at least its beginning; an empty one cannot be told
/// from others.
fn undelivered(
    flow: &Flow,
    peer: SocketAddr,
    message: &[u8],
    buffer: &mut [u8],
) -> Option<DatagramError> {
    while let Ok(complaint) = flow.complaint(buffer) {
        let quoted = &buffer[..complaint.length.min(buffer.len())];
        if message.starts_with(quoted) {
            let (by, mtu) = (complaint.by, complaint.mtu);
            let here = by.is_none() && !is_too_big(&complaint.error);
            let source = complaint.error.into();
            return Some(if here {
                DatagramError::Here { peer, source }
            } else {
                DatagramError::Undelivered { peer, by, mtu, source }
            });
        }
    }
    None
}
