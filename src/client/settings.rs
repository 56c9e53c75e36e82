//! How a client connects and how long it waits.

use std::net::IpAddr;
use std::time::Duration;

use super::preface::ProxyHeader;

/// An echo client (RFC 862): sends bytes and checks that the same bytes come back.
///
/// # Examples
///
/// ```
/// use echo6::{Client, Server};
///
/// # futures::executor::block_on(async {
/// let server = Server::bind("[::1]:0")?.start();
/// let address = server.address();
///
/// let reply = Client::new().send(address, b"hello").await?;
/// assert_eq!((&reply.bytes[..], reply.peer), (&b"hello"[..], address));
/// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
/// ```
#[derive(Clone, Debug)]
#[must_use = "a client does nothing until it sends"]
pub struct Client {
    pub(super) connect_timeout: Duration,
    pub(super) timeout: Duration,
    pub(super) head_start: Duration,
    pub(super) source: Option<IpAddr>,
    pub(super) half_close: bool,
    pub(super) proxy_header: Option<ProxyHeader>,
    /// The longest segment, unless the path or the peer says less.
    pub(super) segment: Option<u32>,
}

/// How long a connect may take, and how long an exchange may stand still, unless set.
const TIMEOUT: Duration = Duration::from_secs(5);

/// How long an attempt to connect has the field to itself, unless set: the recommended value of
/// RFC 8305, section 8. Its bounds are that section's too.
const HEAD_START: Duration = Duration::from_millis(250);
const LEAST_HEAD_START: Duration = Duration::from_millis(10);
const MOST_HEAD_START: Duration = Duration::from_secs(2);

impl Default for Client {
    fn default() -> Self {
        Self {
            connect_timeout: TIMEOUT,
            timeout: TIMEOUT,
            head_start: HEAD_START,
            source: None,
            half_close: true,
            proxy_header: None,
            segment: None,
        }
    }
}

impl Client {
    /// Makes a client with timeouts of 5 seconds and a head start of 250 ms, which half-closes.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets how long to wait for each address to accept a connection, and before that for a name to
    /// be resolved.
    pub fn connect_timeout(self, connect_timeout: Duration) -> Self {
        Self { connect_timeout, ..self }
    }

    /// Sets how long [`send`](Self::send) may go without a byte sent or received while the server
    /// still owes some, as may each step of a check, and how long a probe may take.
    /// [`exchange`](super::Connection::exchange) is told its own.
    pub fn timeout(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    /// Sets how long an attempt to connect goes on before the next address is tried too, from 10 ms
    /// to 2 s (RFC 8305, section 8); a value outside counts as the bound.
    pub fn head_start(self, head_start: Duration) -> Self {
        Self { head_start: head_start.clamp(LEAST_HEAD_START, MOST_HEAD_START), ..self }
    }

    /// Binds the local end of each connection to `source`, on a port that the system chooses.
    pub fn source(self, source: IpAddr) -> Self {
        Self { source: Some(source), ..self }
    }

    /// Sets whether [`send`](Self::send) and [`exchange`](super::Connection::exchange) shut the
    /// sending side when all is sent. Some servers take that for a hang-up and drop what is under
    /// way. Without it the server's end of stream is not waited for, so a reply that goes on after
    /// the last byte passes for a good one.
    pub fn half_close(self, half_close: bool) -> Self {
        Self { half_close, ..self }
    }

    /// Sends a PROXY header before anything else on each connection, as a balancer does. The time to
    /// connect is without it.
    pub fn proxy_header(self, header: impl Into<ProxyHeader>) -> Self {
        Self { proxy_header: Some(header.into()), ..self }
    }
}
