//! What is checked.

use std::sync::Arc;
use std::time::Duration;

use async_std::sync::RwLock;

use crate::client::settings::Client;

/// A test of everything an echo server owes its clients, made by [`Client::check`].
///
/// One check can run at several addresses at the same time. Their large messages then take turns,
/// and no small one is timed meanwhile, so that the times are those of the addresses and not those
/// of a busy client.
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
/// let checked = Client::new().check().run(address, std::future::pending()).await;
/// assert!(checked.is_well(), "{checked:?}");
/// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
/// ```
#[derive(Clone, Debug)]
#[must_use = "a check does nothing until it runs"]
pub struct Check {
    pub(super) client: Client,
    /// How long connections are silent; none if that is not asked for.
    pub(super) hold: Vec<Duration>,
    /// Read by who times a small message, written by who sends a large one.
    pub(super) turns: Arc<RwLock<()>>,
}

impl Client {
    /// Makes a check without a silent connection.
    pub fn check(&self) -> Check {
        Check { client: self.clone(), hold: Vec::new(), turns: Arc::default() }
    }
}

impl Check {
    /// Also keeps a connection silent for `hold` and echoes again, which shows what a NAT or a load
    /// balancer on the way does to idle flows.
    pub fn hold(self, hold: Duration) -> Self {
        self.hold_each(&[hold])
    }

    /// The same with a connection for each of `periods`, all silent from the same time on: the
    /// longest that is survived and the shortest that is not bracket the idle timeout of the path
    /// ([`Checked::idle`](super::Checked::idle)). The check waits no longer than until both are known.
    /// [`IdleTimeout::periods`](crate::client::IdleTimeout::periods) are a good choice.
    pub fn hold_each(self, periods: &[Duration]) -> Self {
        Self { hold: periods.to_vec(), ..self }
    }
}
