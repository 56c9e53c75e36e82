//! One exchange of a check: a message there and back.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use futures::io::sink;

use super::settings::Check;
use crate::client::connect::Connection;
use crate::client::error::SendError;
use crate::client::settings::Client;
use crate::socket::Segments;

impl Check {
    /// How long `message` takes to come back.
    pub(super) async fn time(
        &self,
        connection: &Connection,
        message: &[u8],
    ) -> Result<Duration, SendError> {
        let start = Instant::now();
        connection.pass(message, sink(), self.client.timeout, false).await?;
        Ok(start.elapsed())
    }

    /// Sends with the end of stream right behind. Returns also the segments that it took.
    pub(super) async fn shut(
        &self,
        address: SocketAddr,
        message: &[u8],
    ) -> (Result<(), SendError>, Option<Segments>) {
        let connection = match self.client.connect(&[address]).await {
            Ok(connection) => connection,
            Err(error) => return (Err(error.into()), None),
        };
        let passed = connection.pass(message, sink(), self.client.timeout, true).await;
        (passed.map(drop), connection.segments())
    }

    /// Says whether the server echoes what another client sends.
    pub(super) async fn echoes(
        &self,
        client: &Client,
        address: SocketAddr,
        message: &[u8],
    ) -> bool {
        match client.connect(&[address]).await {
            Ok(connection) => self.time(&connection, message).await.is_ok(),
            Err(_) => false,
        }
    }
}
