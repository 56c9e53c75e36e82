//! An address in, what works there with datagrams out: small, empty, long and marked ones, and a flow
//! that is silent for a while.

use std::net::SocketAddr;
use std::time::Duration;

use async_io::Timer;
use futures::future::{Either, join_all};

use super::error::DatagramError;
use super::flow::Flow;
use super::send::{Back, Odd, exchange, open};
use crate::client::noise::message;
use crate::client::settings::Client;
use crate::client::wait::first_of;
use crate::socket::CallerOptions;

mod checked;
mod diagnosis;
mod findings;
mod hold;
mod lengths;
#[cfg(feature = "serde")]
mod object;
mod search;

pub use checked::{DatagramChecked, Marks};
pub use diagnosis::DatagramDiagnosis;

use lengths::is_loss;

/// A test of everything a server owes the senders of datagrams, made by
/// [`Client::datagram_check`].
///
/// # Examples
///
/// ```
/// use echo6::socket::{ListenOptions, listen_datagrams};
/// use echo6::{Client, Server};
///
/// # futures::executor::block_on(async {
/// let sockets = listen_datagrams(&["[::1]:0".parse()?], ListenOptions::default())?;
/// let address = sockets[0].address();
/// let server = Server::new(Vec::new()).datagrams(sockets);
/// async_std::task::spawn(server.run(std::future::pending::<()>()));
///
/// let checked = Client::new().datagram_check().run(address, std::future::pending()).await;
/// assert!(checked.is_well(), "{checked:?}");
/// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
/// ```
#[derive(Clone, Debug)]
#[must_use = "a check does nothing until it runs"]
pub struct DatagramCheck {
    client: Client,
    /// How long flows are silent; none if that is not asked for.
    hold: Vec<Duration>,
}

/// Small enough for every path of IPv6, and of IPv4 in practice.
const SMALL: usize = 64;

/// How often a datagram is sent before it counts as vanished: one in a hundred is lost on an
/// ordinary path, and the first that is too long for an IPv6 path is always lost while the server's
/// kernel learns its MTU.
const TRIES: u32 = 3;

/// How long a reply may take once it is known how long one takes, at the least.
const LEAST_WAIT: Duration = Duration::from_millis(200);

impl Client {
    /// Makes a check of datagrams.
    pub fn datagram_check(&self) -> DatagramCheck {
        DatagramCheck { client: self.clone(), hold: Vec::new() }
    }
}

impl DatagramCheck {
    /// Also keeps a flow silent for `hold` and echoes again.
    pub fn hold(self, hold: Duration) -> Self {
        self.hold_each(&[hold])
    }

    /// The same with a flow for each of `periods`, all silent from the same time on: the longest that
    /// is survived and the shortest that is not bracket the idle timeout of the path
    /// ([`DatagramChecked::idle`]). Before its silence each exchanges datagrams for 2.5 seconds, or as
    /// long as the shortest period, so that Linux' conntrack takes it for a stream.
    pub fn hold_each(self, periods: &[Duration]) -> Self {
        Self { hold: periods.to_vec(), ..self }
    }

    /// Checks one address. When `stop` is ready before all steps are done, it returns what was found
    /// so far.
    ///
    /// First 64 bytes are sent, and again, the last time from a new port; if nothing comes back, a
    /// TCP connection says whether anybody is there. Then come the path MTU (on Linux), datagrams that
    /// have to be fragmented, marked ones, and an empty one. It takes a moment where everything
    /// works, and several seconds where much is lost.
    pub async fn run(
        &self,
        address: SocketAddr,
        stop: impl Future<Output = ()>,
    ) -> DatagramChecked {
        let mut checked = DatagramChecked::new(address);
        let ended = first_of(self.steps(&mut checked), stop).await;
        checked.finished = matches!(ended, Either::Left(()));
        checked
    }

    async fn steps(&self, checked: &mut DatagramChecked) {
        let peer = checked.address;
        let flow = match self.small(checked).await {
            Ok(flow) => flow,
            Err(error) => {
                if matches!(error, DatagramError::Timeout { .. }) {
                    checked.tcp_connects = Some(self.client.connect(peer).await.is_ok());
                }
                if let DatagramError::Truncated { returned, .. } = error {
                    checked.truncates_at = Some(returned);
                }
                checked.failure = Some(error);
                return;
            }
        };
        let wait = checked.echo.unwrap_or_default() * 4;
        let wait = wait.max(LEAST_WAIT).min(self.client.timeout);
        self.path_mtu(checked, wait).await;
        self.lengths(checked, &flow, wait).await;
        self.marks(checked, wait).await;
        self.silences(checked, wait).await;
        // The last, because some servers do not serve anybody for a while after one (socat).
        // From a new port, because the other may be forgotten by now.
        let flow = self.open(peer, |options| options).unwrap_or(flow);
        checked.empty = Some(self.comes_back(&flow, peer, 0, wait).await.is_ok());
    }

    /// Sends 64 bytes: twice from one port, and then from another.
    async fn small(&self, checked: &mut DatagramChecked) -> Result<Flow, DatagramError> {
        let peer = checked.address;
        let wait = self.client.timeout / TRIES;
        let mut last = DatagramError::Timeout { peer, after: self.client.timeout };
        let message = message(SMALL); // the same each time, as in comes_back
        for new_port in [false, true] {
            let flow = self.open(peer, |options| options)?;
            for _ in 0..if new_port { 1 } else { TRIES - 1 } {
                match exchange(&flow, peer, &message, wait, Odd::Waits).await {
                    Ok(Back { exchange, .. }) => {
                        checked.echo = Some(exchange);
                        checked.new_port_only = new_port;
                        return Ok(flow);
                    }
                    Err(DatagramError::Timeout { .. }) => {}
                    Err(error) => {
                        last = error;
                        if !matches!(last, DatagramError::Undelivered { .. }) {
                            return Err(last);
                        }
                    }
                }
            }
        }
        Err(last)
    }

    /// Sends datagrams with ECT(0), ECT(1) and EF.
    async fn marks(&self, checked: &mut DatagramChecked, wait: Duration) {
        let peer = checked.address;
        let tries = [2, 1, 46 << 2].map(|tos| async move {
            let options = |options| CallerOptions { marks: Some(tos), ..options };
            let flow = self.open(peer, options).ok()?;
            let back = self.comes_back(&flow, peer, SMALL, wait).await;
            Some((tos, back.ok().map(|back| back.received.marks)))
        });
        let outcomes: Vec<_> = join_all(tries).await.into_iter().flatten().collect();
        // None is known where the system does not tell the marks of what comes.
        checked.marks = if outcomes.iter().any(|(_, back)| back.is_none()) {
            Some(Marks::Dropped)
        } else if outcomes.iter().any(|(_, back)| *back == Some(None)) || outcomes.is_empty() {
            None
        } else if outcomes.iter().all(|(tos, back)| *back == Some(Some(*tos))) {
            Some(Marks::Kept)
        } else if outcomes.iter().all(|(_, back)| *back == Some(Some(0))) {
            Some(Marks::NotReflected)
        } else {
            Some(Marks::Changed)
        };
    }

    /// Sends up to three datagrams of a size, until one comes back.
    async fn comes_back(
        &self,
        flow: &Flow,
        peer: SocketAddr,
        size: usize,
        wait: Duration,
    ) -> Result<Back, DatagramError> {
        let mut last = DatagramError::Timeout { peer, after: wait };
        // The same each time, so that a late reply to the first is no other bytes than the second's.
        let message = message(size);
        for attempt in 0..TRIES {
            if attempt > 0 {
                Timer::after(LEAST_WAIT / 2).await;
            }
            match exchange(flow, peer, &message, wait, Odd::Waits).await {
                Ok(back) => return Ok(back),
                Err(error) if is_loss(&error) => last = error,
                Err(error) => return Err(error),
            }
        }
        Err(last)
    }

    fn open(
        &self,
        peer: SocketAddr,
        change: impl FnOnce(CallerOptions) -> CallerOptions,
    ) -> Result<Flow, DatagramError> {
        let options = CallerOptions { source: self.client.source, ..CallerOptions::default() };
        Ok(open(peer, change(options))?.1)
    }
}
