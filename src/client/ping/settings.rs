//! When probes are sent, and how many.

use std::time::Duration;

use super::probe::HEADER;
use crate::client::settings::Client;

/// Round trips with an echo server, made by [`Client::ping`]: when probes are sent, and how many.
///
/// Each probe has a sequence number and is compared byte by byte. Its time is measured from when it
/// was due, so that one that had to wait because the server was slow with those before is not taken
/// for a fast one. What it had to wait for a timer of this host does not count: that is no fault of
/// the server's, and often longer than the round trip.
///
/// # Examples
///
/// ```
/// use echo6::client::Report;
/// use echo6::{Client, Server};
/// use futures::StreamExt;
///
/// # futures::executor::block_on(async {
/// let server = Server::bind("[::1]:0")?.start();
/// let address = server.address();
///
/// let mut report = Report::default();
/// let ping = Client::new().ping().interval(std::time::Duration::ZERO).count(100);
/// let mut probes = ping.start(address).await?;
/// while let Some(event) = probes.next().await {
///     report.note(&event);
/// }
/// assert_eq!((report.sent, report.received, report.lost), (100, 100, 0));
/// assert!(report.rtt.min() <= report.rtt.quantile(0.99));
/// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
/// ```
#[derive(Clone, Debug)]
#[must_use = "a ping does nothing until it runs"]
pub struct Ping {
    pub(super) client: Client,
    pub(super) interval: Duration,
    pub(super) count: Option<u64>,
    pub(super) size: usize,
    pub(super) reconnect: bool,
}

/// Bytes of a probe unless set, as of ping(8): 56 and a header of 8.
const SIZE: usize = 64;

impl Client {
    /// Makes a ping of 64 bytes each second, without end, over one connection.
    pub fn ping(&self) -> Ping {
        let (client, interval) = (self.clone(), Duration::from_secs(1));
        Ping { client, interval, count: None, size: SIZE, reconnect: false }
    }
}

impl Ping {
    /// Sets the time between two probes. Zero sends the next one as soon as the one before is back
    /// or lost.
    pub fn interval(self, interval: Duration) -> Self {
        Self { interval, ..self }
    }

    /// Sets how many probes to send.
    pub fn count(self, count: u64) -> Self {
        Self { count: Some(count), ..self }
    }

    /// Sets the bytes of a probe, at least 8.
    pub fn size(self, size: usize) -> Self {
        Self { size: size.max(HEADER), ..self }
    }

    /// Sets whether each probe has a connection of its own.
    pub fn reconnect(self, reconnect: bool) -> Self {
        Self { reconnect, ..self }
    }
}
