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
    pub(super) hold: Option<Duration>,
    /// Read by who times a small message, written by who sends a large one.
    pub(super) turns: Arc<RwLock<()>>,
}

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
}
