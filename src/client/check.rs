//! One address in, out what works there: connecting, a small echo, a large one, the half-close, and
//! a connection that is silent for a while.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use async_std::sync::RwLock;

use super::error::SendError;
use super::settings::Client;
use super::wait::first_of;
use crate::kind::kind;

mod steps;

/// A test of everything an echo server owes its clients, made by [`Client::check`].
///
/// One check can run at several addresses at the same time. Their large messages then take turns,
/// and no small one is timed meanwhile, so that the times are those of the addresses and not those
/// of a busy client.
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
/// let checked = Client::new().check().run(address, std::future::pending()).await;
/// assert!(checked.is_well(), "{checked:?}");
/// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
/// ```
#[derive(Clone, Debug)]
#[must_use = "a check does nothing until it runs"]
pub struct Check {
    client: Client,
    hold: Option<Duration>,
    /// Read by who times a small message, written by who sends a large one.
    turns: Arc<RwLock<()>>,
}

/// What works at an address. What was not reached is `None`.
#[derive(Debug)]
#[non_exhaustive]
pub struct Checked {
    /// The address.
    pub address: SocketAddr,
    /// Time to connect.
    pub connect: Option<Duration>,
    /// Time until a small message was back, even if that was later than the timeout.
    pub echo: Option<Duration>,
    /// Time until [`BULK`] random bytes were back.
    pub bulk: Option<Duration>,
    /// What the server does when the client shuts its sending side.
    pub half_close: Option<HalfClose>,
    /// What the server does instead, if a small message did not return in time.
    pub mute: Option<Mute>,
    /// What became of a silent connection, if one was asked for.
    pub hold: Option<Hold>,
    /// The first step that failed, and how.
    pub failure: Option<(Step, SendError)>,
    /// Whether the check came to its end, that is, was not stopped.
    pub finished: bool,
}

kind! {
    /// A step of a check, in their order.
    pub enum Step {
        /// Connecting.
        Connect = "connect", "connecting";
        /// A small message.
        Echo = "echo", "a small message";
        /// [`BULK`] bytes.
        Bulk = "bulk", "a large message";
        /// A message with the end of stream right behind it.
        HalfClose = "half_close", "the half-close";
        /// The connection that is to be silent, and its first echo.
        Hold = "hold", "the silent connection";
    }
}

kind! {
    /// What a server does when the client shuts its sending side.
    pub enum HalfClose {
        /// It returns all that is under way, and then closes.
        Kept = "kept", "returns all, then closes";
        /// It takes that for a hang-up and drops what is under way.
        Cut = "cut", "drops what is under way";
        /// It returns all, but does not close.
        Open = "open", "returns all, does not close";
        /// It returns all, and then resets the connection.
        Reset = "reset", "returns all, then resets";
        /// It neither returns all nor closes.
        Stuck = "stuck", "neither returns all nor closes";
    }
}

kind! {
    /// What a server does with a message that it does not return in time.
    pub enum Mute {
        /// It returns it later: within twice the timeout.
        Late = "late", "returns it later";
        /// It returns it when the client shuts its sending side.
        UntilHalfClose = "until_half_close", "returns it at the half-close";
        /// It takes [`BULK`] bytes within the timeout, and returns nothing.
        Swallows = "swallows", "takes all, returns nothing";
        /// It takes fewer than that, and returns nothing: it does not read, or slowly.
        Hangs = "hangs", "stops reading, returns nothing";
    }
}

kind! {
    /// What became of a connection that was silent for a while.
    pub enum Hold {
        /// It echoed again.
        Alive = "alive", "alive";
        /// It was closed.
        Closed = "closed", "closed";
        /// It was reset.
        Reset = "reset", "reset";
        /// Nothing came back, and nobody said why.
        Dead = "dead", "dead";
        /// Bytes came that were not asked for, or not those that were sent.
        Mismatch = "mismatch", "answers with other bytes";
    }
}

/// Bytes of the large echo: more than the buffers on the way hold, so that full-sized packets pass.
pub const BULK: usize = 1 << 20;

impl Client {
    /// Makes a check without a silent connection.
    pub fn check(&self) -> Check {
        Check { client: self.clone(), hold: None, turns: Arc::default() }
    }
}

impl Check {
    /// Also keeps a connection silent for `hold` and echoes again, which shows what a NAT or a load
    /// balancer on the way does to idle flows.
    pub fn hold(self, hold: Duration) -> Self {
        Self { hold: Some(hold), ..self }
    }

    /// Checks one address, until all is known or `stop` is ready. What fails, and what was known by
    /// then, is the result.
    pub async fn run(&self, address: SocketAddr, stop: impl Future<Output = ()>) -> Checked {
        let mut checked = Checked::new(address);
        first_of(self.steps(&mut checked), stop).await;
        checked
    }
}

impl Checked {
    fn new(address: SocketAddr) -> Self {
        Self {
            address,
            connect: None,
            echo: None,
            bulk: None,
            half_close: None,
            mute: None,
            hold: None,
            failure: None,
            finished: false,
        }
    }

    /// Takes note of a step that failed, unless one before it did.
    fn fail(&mut self, step: Step, error: SendError) {
        self.failure.get_or_insert((step, error));
    }

    /// Says whether the check came to its end, and everything works.
    #[must_use]
    pub fn is_well(&self) -> bool {
        self.finished && self.failure.is_none() && matches!(self.hold, None | Some(Hold::Alive))
    }

    /// How fast the large echo was, in MiB a second each way.
    #[must_use]
    pub fn mib_per_second(&self) -> Option<f64> {
        let seconds = self.bulk?.as_secs_f64();
        (seconds > 0.0).then(|| BULK as f64 / f64::from(1 << 20) / seconds)
    }
}
