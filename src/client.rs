//! Addresses and bytes in, the bytes that come back out, compared one by one.

use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::time::{Duration, Instant};

use async_std::task;
use futures::future::{Either, select};

use crate::address::{Endpoint, Host, ResolveError};

mod check;
mod connect;
mod error;
mod exchange;
mod ping;

pub use check::{BULK, Check, Checked, HalfClose, Hold, Mute, Step};
pub use connect::{Attempt, Connection, Outcome};
pub use error::{ConnectError, SendError};
pub use exchange::Traffic;
pub use ping::{Loss, Ping, PingEvent, Report};

/// An echo client (RFC 862): sends bytes and checks that the same bytes come back.
///
/// # Examples
///
/// ```
/// use echo6::socket::{ListenOptions, listen};
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
    head_start: Duration,
    source: Option<IpAddr>,
    half_close: bool,
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
    /// What became of each address, in the order of the attempts.
    pub attempts: Vec<Attempt>,
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
        }
    }
}

impl Client {
    /// Makes a client with timeouts of 5 seconds and a head start of 250 ms, which half-closes.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets how long to wait for each address to accept a connection.
    pub fn connect_timeout(self, connect_timeout: Duration) -> Self {
        Self { connect_timeout, ..self }
    }

    /// Sets how long [`send`](Self::send) may go without a byte sent or received while the server
    /// still owes some, as may each step of a check, and how long a probe may take.
    /// [`exchange`](Connection::exchange) is told its own.
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

    /// Sets whether [`send`](Self::send) and [`exchange`](Connection::exchange) shut the sending
    /// side when all is sent. Some servers take that for a hang-up and drop what is under way.
    /// Without it the server's end of stream is not waited for, so a reply that goes on after the
    /// last byte passes for a good one.
    pub fn half_close(self, half_close: bool) -> Self {
        Self { half_close, ..self }
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
        let (start, mut bytes) = (Instant::now(), Vec::with_capacity(message.len()));
        connection.pass(message, &mut bytes, self.timeout, self.half_close).await?;
        let Connection { peer, local, duration: connect, attempts, .. } = connection;
        Ok(Reply { bytes, peer, local, connect, exchange: start.elapsed(), attempts })
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

/// Runs both until one ends, and drops the other there and then.
async fn first_of<A: Future, B: Future>(one: A, other: B) -> Either<A::Output, B::Output> {
    match select(pin!(one), pin!(other)).await {
        Either::Left((output, _)) => Either::Left(output),
        Either::Right((output, _)) => Either::Right(output),
    }
}
