//! When datagrams are sent, from how many ports, and with which marks.

use std::net::SocketAddr;
use std::num::NonZeroU16;
use std::time::Duration;

use crate::address::Families;
use crate::client::ping::probe::HEADER;
use crate::client::settings::Client;

/// Round trips of datagrams with an echo server, made by [`Client::datagram_ping`]: when probes are
/// sent, how many, and how.
///
/// Each probe has a sequence number and bytes that nobody can guess, and is compared byte by byte.
///
/// # Examples
///
/// ```
/// use echo6::client::DatagramReport;
/// use echo6::socket::{ListenOptions, listen_datagrams};
/// use echo6::{Client, Server};
/// use futures::StreamExt;
///
/// # futures::executor::block_on(async {
/// let sockets = listen_datagrams(&["[::1]:0".parse()?], ListenOptions::default())?;
/// let address = sockets[0].address();
/// let server = Server::new(Vec::new()).datagrams(sockets);
/// async_std::task::spawn(server.run(std::future::pending::<()>()));
///
/// let mut report = DatagramReport::default();
/// let ping = Client::new().datagram_ping().interval(std::time::Duration::ZERO).count(100);
/// let mut probes = ping.start(address).await?;
/// while let Some(event) = probes.next().await {
///     report.note(&event);
/// }
/// assert_eq!((report.sent, report.received, report.lost), (100, 100, 0));
/// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
/// ```
#[derive(Clone, Debug)]
#[must_use = "a ping does nothing until it runs"]
pub struct DatagramPing {
    pub(super) client: Client,
    pub(super) interval: Duration,
    pub(super) count: Option<u64>,
    pub(super) size: usize,
    pub(super) flows: NonZeroU16,
    pub(super) reconnect: bool,
    pub(super) tos: Option<u8>,
}

/// Bytes of a probe unless set, as of ping(8): 56 and a header of 8.
const SIZE: usize = 64;

impl Client {
    /// Makes a ping of datagrams: 64 bytes each second, without end, from one port.
    pub fn datagram_ping(&self) -> DatagramPing {
        DatagramPing {
            client: self.clone(),
            interval: Duration::from_secs(1),
            count: None,
            size: SIZE,
            flows: NonZeroU16::MIN,
            reconnect: false,
            tos: None,
        }
    }
}

impl DatagramPing {
    /// How many bytes a datagram to `peer` can have: 65,507 over IPv4, 65,527 over IPv6 (RFC 768).
    #[must_use]
    pub fn most(peer: SocketAddr) -> usize {
        match Families::of(peer) {
            Families::Ipv4 => 65_507,
            Families::Ipv6 | Families::Both => 65_527,
        }
    }

    /// Sets the time between two probes. Zero sends the next one as soon as the one before is back
    /// or lost.
    pub fn interval(self, interval: Duration) -> Self {
        Self { interval, ..self }
    }

    /// Sets how many probes to send.
    pub fn count(self, count: u64) -> Self {
        Self { count: Some(count), ..self }
    }

    /// Sets the bytes of a probe, at least 8. With fewer than 16, a reply from another address than
    /// the one that was asked cannot be told from a stranger's datagram.
    pub fn size(self, size: usize) -> Self {
        Self { size: size.max(HEADER), ..self }
    }

    /// Sends from that many ports in turn. Routers and balancers choose among several paths by the
    /// ports, so that one broken path shows as a port that loses all.
    pub fn flows(self, flows: NonZeroU16) -> Self {
        Self { flows, ..self }
    }

    /// Sets whether each probe is sent from a port of its own.
    pub fn reconnect(self, reconnect: bool) -> Self {
        Self { reconnect, ..self }
    }

    /// Sets the TOS or traffic class of the probes: the DSCP (RFC 2474) in its upper six bits, ECN
    /// (RFC 3168) in the lower two.
    pub fn tos(self, tos: u8) -> Self {
        Self { tos: Some(tos), ..self }
    }
}
