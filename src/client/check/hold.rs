//! Connections that are silent for a while: whether they live, and what ended them if not.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use async_io::Timer;
use futures::StreamExt;
use futures::future::Either;
use futures::io::AsyncReadExt;
use futures::stream::FuturesUnordered;

use super::checked::Checked;
use super::kinds::{Hold, SMALL};
use super::settings::Check;
use crate::client::connect::Connection;
use crate::client::error::SendError;
use crate::client::excerpt::Excerpt;
use crate::client::idle::{Silence, Silences};
use crate::client::noise::message;
use crate::client::wait::first_of;
use crate::error::Cause;

impl Check {
    /// Connections that are silent for each of the periods, at the same time. What is known of them
    /// goes into the result as it becomes known.
    pub(super) async fn silences(&self, checked: &mut Checked) -> Result<(), SendError> {
        let mut silences = Silences::new(&self.hold);
        let address = checked.address;
        let silent = silences.periods().iter().map(|&period| self.silence(address, period));
        let mut silent: FuturesUnordered<_> = silent.collect();
        while let Some(silence) = silent.next().await {
            silences.note(silence?);
            checked.note_silences(&silences);
            if silences.is_decided() {
                break;
            }
        }
        Ok(())
    }

    /// Echoes, is silent, and echoes again. Returns how the connection fared, and when that was known.
    async fn silence(&self, address: SocketAddr, period: Duration) -> Result<Silence, SendError> {
        let message = message(SMALL);
        let connection = self.client.connect(&[address]).await?;
        self.time(&connection, &message).await?;
        let start = Instant::now();
        let (mut hold, mut heard) = self.listen(&connection, period).await;
        let lasted = start.elapsed().min(period);
        if hold == Hold::Alive {
            hold = match self.time(&connection, &message).await {
                Ok(_) => Hold::Alive,
                Err(SendError::Short { .. }) => Hold::Closed,
                Err(SendError::Lost { source, .. }) => ended_by(&source),
                Err(
                    error @ (SendError::Mismatch { .. }
                    | SendError::Surplus { .. }
                    | SendError::HeaderReturned { .. }),
                ) => {
                    heard = error.instead().cloned();
                    Hold::Mismatch
                }
                Err(
                    SendError::Timeout { .. }
                    | SendError::Connect(_)
                    | SendError::Input(_)
                    | SendError::Output(_),
                ) => Hold::Dead,
            };
        }
        let held = start.elapsed();
        // A connection that is forgotten is told from a path or a server that is gone by another one.
        if matches!(hold, Hold::Dead | Hold::Reset)
            && !self.echoes(&self.client, address, &message).await
        {
            hold = Hold::Gone;
        }
        Ok(Silence { period, hold, lasted, held, heard })
    }

    /// What comes on a connection that is silent for `period`: nothing, if it is alive.
    async fn listen(&self, connection: &Connection, period: Duration) -> (Hold, Option<Excerpt>) {
        let (mut stream, mut bytes) = (&connection.stream, [0; Excerpt::MOST]);
        match first_of(stream.read(&mut bytes), Timer::after(period)).await {
            Either::Left(Ok(0)) => (Hold::Closed, None),
            Either::Left(Ok(length)) => (Hold::Mismatch, Excerpt::of(&bytes[..length])),
            Either::Left(Err(error)) => (ended_by(&Cause::from(error)), None),
            Either::Right(_) => (Hold::Alive, None),
        }
    }
}

/// What ended a silent connection. A host that has become unreachable is no reset.
fn ended_by(cause: &Cause) -> Hold {
    if cause.is_reset() { Hold::Reset } else { Hold::Dead }
}
