//! A message or a stream in, the same bytes back out, and how that went.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use futures::io::{AsyncRead, AsyncWrite};

use super::attempt::Attempt;
use super::error::SendError;
use super::settings::Client;
use super::target::Target;
use super::traffic::Traffic;
#[cfg(feature = "serde")]
use crate::schema::{address, micros};

/// What came back, and how it went.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "serde", serde(tag = "event", rename = "reply"))]
pub struct Reply {
    /// The bytes that came back, which are those that were sent. Empty for a
    /// [`stream`](Client::stream), whose bytes went to the output.
    #[cfg_attr(feature = "serde", serde(skip))]
    pub bytes: Vec<u8>,
    /// The server that answered.
    #[cfg_attr(feature = "serde", serde(flatten, serialize_with = "address"))]
    pub peer: SocketAddr,
    /// The local end of the connection.
    pub local: SocketAddr,
    /// How many bytes went each way.
    #[cfg_attr(feature = "serde", serde(flatten))]
    pub traffic: Traffic,
    /// Time to connect.
    #[cfg_attr(feature = "serde", serde(rename = "connect_us", serialize_with = "micros"))]
    pub connect: Duration,
    /// Time from the first byte sent to the server's end of stream.
    #[cfg_attr(feature = "serde", serde(rename = "exchange_us", serialize_with = "micros"))]
    pub exchange: Duration,
    /// How the attempt at each address ended, in the order of the attempts.
    pub attempts: Vec<Attempt>,
}

/// What a series of exchanges came to.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "serde", serde(tag = "event", rename = "summary"))]
pub struct Tally {
    /// Messages or streams that came back.
    pub returned: u64,
    /// Messages or streams that did not.
    pub failed: u64,
    /// Bytes that came back.
    pub returned_bytes: u64,
    /// Time from the first to the end of the last.
    #[cfg_attr(feature = "serde", serde(rename = "duration_us", serialize_with = "micros"))]
    pub duration: Duration,
    /// Whether they were stopped before all was done.
    pub interrupted: bool,
}

impl Client {
    /// Connects to the first address of `target` that accepts, sends `message`, half-closes, and
    /// reads until the server closes. To drop the future closes the connection.
    ///
    /// # Errors
    ///
    /// If no address accepts, the connection breaks or stands still, or what comes back is shorter,
    /// longer, or not the same.
    pub async fn send(
        &self,
        target: impl Into<Target>,
        message: &[u8],
    ) -> Result<Reply, SendError> {
        let mut bytes = Vec::with_capacity(message.len());
        let reply = self.stream(target, message, &mut bytes).await?;
        Ok(Reply { bytes, ..reply })
    }

    /// [`send`](Self::send) of a stream of any length: `input` goes to the server to its end, and
    /// what comes back goes to `output` as it comes, as
    /// [`Connection::exchange`](super::Connection::exchange) does it.
    ///
    /// # Errors
    ///
    /// As for [`send`](Self::send), and if the input cannot be read or the output not written.
    pub async fn stream(
        &self,
        target: impl Into<Target>,
        input: impl AsyncRead + Unpin,
        output: impl AsyncWrite + Unpin,
    ) -> Result<Reply, SendError> {
        let mut connection = self.connect(target).await?;
        let start = Instant::now();
        let traffic = connection.pass(input, output, self.timeout, self.half_close).await?;
        Ok(Reply {
            bytes: Vec::new(),
            peer: connection.peer,
            local: connection.local,
            traffic,
            connect: connection.duration,
            exchange: start.elapsed(),
            attempts: std::mem::take(&mut connection.attempts),
        })
    }
}
