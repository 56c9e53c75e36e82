//! One address in, out what works there: connecting, a small echo, a large one, the half-close, and
//! a connection that is silent for a while.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::Pin;
use std::time::{Duration, Instant};

use async_io::Timer;
use futures::future::{Either, join};
use futures::io::{AsyncRead, sink};

use super::connect::Connection;
use super::error::SendError;
use super::{Client, first_of};

/// A test of everything an echo server owes its clients, made by [`Client::check`].
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
/// let checked = Client::new().check().run(address).await;
/// assert!(checked.is_well(), "{checked:?}");
/// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
/// ```
#[derive(Clone, Debug)]
#[must_use = "a check does nothing until it runs"]
pub struct Check {
    client: Client,
    hold: Option<Duration>,
}

/// What works at an address. What was not reached is `None`.
#[derive(Debug)]
#[non_exhaustive]
pub struct Checked {
    /// The address.
    pub address: SocketAddr,
    /// Time to connect.
    pub connect: Option<Duration>,
    /// Time until a small message was back.
    pub echo: Option<Duration>,
    /// Time until [`BULK`] random bytes were back.
    pub bulk: Option<Duration>,
    /// What the server does when the client shuts its sending side.
    pub half_close: Option<HalfClose>,
    /// What became of a silent connection, if one was asked for.
    pub hold: Option<Hold>,
    /// The first step that failed, and how.
    pub failure: Option<(Step, SendError)>,
}

/// A step of a check, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Step {
    /// Connecting.
    Connect,
    /// A small message.
    Echo,
    /// [`BULK`] bytes.
    Bulk,
    /// A message with the end of stream right behind it.
    HalfClose,
}

/// What a server does when the client shuts its sending side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HalfClose {
    /// It returns all that is under way, and then closes.
    Kept,
    /// It takes that for a hang-up and drops what is under way.
    Cut,
    /// It returns all, but does not close.
    Open,
}

/// What became of a connection that was silent for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Hold {
    /// It echoed again.
    Alive,
    /// It was closed.
    Closed,
    /// It was reset.
    Reset,
    /// Nothing came back, and nobody said why.
    Dead,
}

/// Bytes of the large echo: more than the buffers on the way hold, so that full-sized packets pass.
pub const BULK: usize = 1 << 20;

/// Bytes of the small echo: fits in any packet.
const SMALL: usize = 64;

impl Client {
    /// Makes a check without a silent connection.
    pub fn check(&self) -> Check {
        Check { client: self.clone(), hold: None }
    }
}

impl Check {
    /// Also keeps a connection silent for `hold` and echoes again, which shows what a NAT or a load
    /// balancer on the way does to idle flows.
    pub fn hold(self, hold: Duration) -> Self {
        Self { hold: Some(hold), ..self }
    }

    /// Checks one address. What fails is part of the result.
    pub async fn run(&self, address: SocketAddr) -> Checked {
        let (mut checked, hold) = join(self.steps(address), self.silence(address)).await;
        checked.hold = hold;
        checked
    }

    async fn steps(&self, address: SocketAddr) -> Checked {
        let mut checked = Checked {
            address,
            connect: None,
            echo: None,
            bulk: None,
            half_close: None,
            hold: None,
            failure: None,
        };
        let connection = match self.client.connect(&[address]).await {
            Ok(connection) => connection,
            Err(error) => {
                checked.failure = Some((Step::Connect, error.into()));
                return checked;
            }
        };
        checked.connect = Some(connection.duration);
        let (small, bulk) = (random(SMALL), random(BULK));
        match self.time(&connection, &small).await {
            Ok(time) => checked.echo = Some(time),
            Err(error) => checked.failure = Some((Step::Echo, error)),
        }
        if checked.failure.is_none() {
            match self.time(&connection, &bulk).await {
                Ok(time) => checked.bulk = Some(time),
                Err(error) => checked.failure = Some((Step::Bulk, error)),
            }
        }
        drop(connection);
        let silent = matches!(checked.failure, Some((Step::Echo, SendError::Timeout { .. })));
        if checked.echo.is_some() || silent {
            // What does not come back at all says nothing about the half-close.
            let message = if checked.bulk.is_some() { &bulk } else { &small };
            let (half_close, error) = self.half_close(address, message).await;
            checked.half_close = half_close;
            // A server that answers at the end of stream only has more to say now.
            let told_more = !matches!(error, None | Some(SendError::Timeout { .. }));
            if checked.failure.is_none() || (silent && told_more) {
                checked.failure = error.map(|error| (Step::HalfClose, error));
            }
        }
        checked
    }

    /// How long `message` takes to come back.
    async fn time(&self, connection: &Connection, message: &[u8]) -> Result<Duration, SendError> {
        let start = Instant::now();
        connection.pass(message, sink(), self.client.timeout, false).await?;
        Ok(start.elapsed())
    }

    async fn half_close(
        &self,
        address: SocketAddr,
        message: &[u8],
    ) -> (Option<HalfClose>, Option<SendError>) {
        let echoed = async {
            let connection = self.client.connect(&[address]).await?;
            connection.pass(message, sink(), self.client.timeout, true).await
        };
        match echoed.await {
            Ok(_) => (Some(HalfClose::Kept), None),
            Err(error @ (SendError::Short { .. } | SendError::Lost { .. })) => {
                (Some(HalfClose::Cut), Some(error))
            }
            Err(error @ SendError::Timeout { sent, returned, .. }) if sent == returned => {
                (Some(HalfClose::Open), Some(error))
            }
            Err(error) => (None, Some(error)),
        }
    }

    /// Echoes, is silent, and echoes again; `None` without a first echo.
    async fn silence(&self, address: SocketAddr) -> Option<Hold> {
        let hold = self.hold?;
        let message = random(SMALL);
        let connection = self.client.connect(&[address]).await.ok()?;
        self.time(&connection, &message).await.ok()?;
        let (mut stream, mut byte) = (&connection.stream, [0]);
        let spoken = poll_fn(|cx| Pin::new(&mut stream).poll_read(cx, &mut byte));
        match first_of(spoken, Timer::after(hold)).await {
            Either::Left(Ok(0)) => return Some(Hold::Closed),
            Either::Left(Err(_)) => return Some(Hold::Reset),
            // A byte that nobody asked for: what follows would be compared with the wrong ones.
            Either::Left(Ok(_)) => return Some(Hold::Dead),
            Either::Right(_) => {}
        }
        Some(match self.time(&connection, &message).await {
            Ok(_) => Hold::Alive,
            Err(SendError::Short { .. }) => Hold::Closed,
            Err(SendError::Lost { .. }) => Hold::Reset,
            Err(_) => Hold::Dead,
        })
    }
}

impl Checked {
    /// Says whether everything that was tried works.
    #[must_use]
    pub fn is_well(&self) -> bool {
        self.failure.is_none() && matches!(self.hold, None | Some(Hold::Alive))
    }

    /// How fast the large echo was, in MiB a second each way.
    #[must_use]
    pub fn mib_per_second(&self) -> Option<f64> {
        let seconds = self.bulk?.as_secs_f64();
        (seconds > 0.0).then(|| BULK as f64 / f64::from(1 << 20) / seconds)
    }
}

/// Random, so that nothing on the way can compress them or know them.
fn random(length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    fastrand::fill(&mut bytes);
    bytes
}
