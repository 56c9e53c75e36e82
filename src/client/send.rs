//! A message in, the same bytes back out, and how that went.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::attempt::Attempt;
use super::connect::Connection;
use super::error::SendError;
use super::settings::Client;
use super::target::Target;

/// What came back, and how it went.
#[derive(Clone, Debug, PartialEq)]
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
    /// How the attempt at each address ended, in the order of the attempts.
    pub attempts: Vec<Attempt>,
}

impl Client {
    /// Connects to the first address of `target` that accepts, sends `message`, half-closes, and
    /// reads until the server closes.
    ///
    /// # Errors
    ///
    /// If no address accepts, the connection breaks or stands still, or what comes back is shorter,
    /// longer, or not the same.
    pub async fn send(
        &self,
        target: impl Into<Target>,
        message: &[u8],
    ) -> Result<Reply, SendError> {
        let connection = self.connect(target).await?;
        let start = Instant::now();
        let mut bytes = Vec::with_capacity(message.len());
        connection.pass(message, &mut bytes, self.timeout, self.half_close).await?;
        let Connection { peer, local, duration: connect, attempts, .. } = connection;
        Ok(Reply { bytes, peer, local, connect, exchange: start.elapsed(), attempts })
    }
}
