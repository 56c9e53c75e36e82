//! Addresses and bytes in, the bytes that come back out, compared one by one.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use async_std::task;

use crate::address::{Endpoint, Host, ResolveError};

mod connect;
mod error;
mod exchange;

pub use connect::Connection;
pub use error::{ConnectError, SendError};
pub use exchange::Traffic;

/// An echo client (RFC 862): sends bytes and checks that the same bytes come back.
///
/// # Examples
///
/// ```
/// use echo6::address::{ListenOptions, listen};
/// use echo6::{Client, Server};
///
/// # futures::executor::block_on(async {
/// let listeners = listen(&["[::1]:0".parse()?], ListenOptions::default())?;
/// let address = listeners[0].address();
/// async_std::task::spawn(Server::new(listeners).run(std::future::pending()));
///
/// let reply = Client::new().send(&[address], b"hello").await?;
/// assert_eq!((&reply.bytes[..], reply.peer), (&b"hello"[..], address));
/// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
/// ```
#[derive(Clone, Debug)]
#[must_use = "a client does nothing until it sends"]
pub struct Client {
    connect_timeout: Duration,
    timeout: Duration,
}

/// What came back, and how it went.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Reply {
    /// The bytes that came back, which are those that were sent.
    pub bytes: Vec<u8>,
    /// The server that answered.
    pub peer: SocketAddr,
    /// The local end of the connection.
    pub local: SocketAddr,
    /// Time to connect.
    pub connect: Duration,
    /// Time from the first byte sent to the server's end of stream.
    pub exchange: Duration,
}

/// How long a connect may take, and how long an exchange may stand still, unless set.
const TIMEOUT: Duration = Duration::from_secs(5);

impl Default for Client {
    fn default() -> Self {
        Self { connect_timeout: TIMEOUT, timeout: TIMEOUT }
    }
}

impl Client {
    /// Makes a client with timeouts of 5 seconds.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets how long to wait for each address to accept a connection.
    pub fn connect_timeout(self, connect_timeout: Duration) -> Self {
        Self { connect_timeout, ..self }
    }

    /// Sets how long an exchange may go without a byte sent or received while the server still owes
    /// some.
    pub fn timeout(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    /// Connects to the first of `addresses` that accepts, sends `message`, half-closes, and reads
    /// until the server closes.
    ///
    /// # Errors
    ///
    /// If no address accepts, the connection breaks or stands still, or what comes back is shorter,
    /// longer, or not the same.
    pub async fn send(&self, addresses: &[SocketAddr], message: &[u8]) -> Result<Reply, SendError> {
        let connection = self.connect(addresses).await?;
        let Connection { peer, local, duration, .. } = connection;
        let (start, mut bytes) = (Instant::now(), Vec::with_capacity(message.len()));
        connection.exchange(message, &mut bytes, self.timeout).await?;
        Ok(Reply { bytes, peer, local, connect: duration, exchange: start.elapsed() })
    }
}

/// Looks up the addresses of `endpoint` as [`Endpoint::resolve`] does, but off the executor's
/// threads.
///
/// # Errors
///
/// As for [`Endpoint::resolve`].
pub async fn resolve(endpoint: &Endpoint) -> Result<Vec<SocketAddr>, ResolveError> {
    match endpoint.host() {
        Host::Name(_) | Host::Zoned(..) => {
            let endpoint = endpoint.clone();
            task::spawn_blocking(move || endpoint.resolve()).await
        }
        _ => endpoint.resolve(),
    }
}
