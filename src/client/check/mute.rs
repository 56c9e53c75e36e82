//! A message that the server still owes in, what it does instead of an echo out.

use std::io;
use std::net::SocketAddr;
use std::time::Instant;

use async_io::Timer;
use futures::future::{Either, join3};
use futures::io::{AsyncReadExt, AsyncWriteExt};
use socket2::SockRef;

use super::checked::{Checked, StepFailure};
use super::kinds::{BULK, HalfClose, Mute, Step};
use super::settings::Check;
use crate::client::connect::Connection;
use crate::client::error::SendError;
use crate::client::noise::large;
use crate::client::wait::first_of;
use crate::error::CauseKind;

/// Bytes that the system may keep for a server that takes none. With what the server's system keeps
/// (Linux: 64 KiB while nobody reads), far less than [`BULK`].
const SEND_BUFFER: usize = 64 * 1024;

/// A small message that did not come back in time, or only the first bytes of it.
pub(super) struct Unanswered {
    pub(super) connection: Connection,
    pub(super) start: Instant,
    pub(super) returned: usize,
}

impl Check {
    /// What the server does with a message that it still owes: waits once more as long, and tries
    /// meanwhile whether a half-close brings it, and whether anybody reads.
    pub(super) async fn mute(&self, checked: &mut Checked, unanswered: Unanswered, small: &[u8]) {
        let Unanswered { connection, start, returned } = unanswered;
        let (address, owed) = (checked.address, &small[returned..]);
        let late = async { self.returns(&connection, owed).await.then(|| start.elapsed()) };
        if returned > 0 {
            checked.echo = late.await;
            checked.mute = checked.echo.map(|_| Mute::Late);
            return;
        }
        let (late, (closed, _), reads) =
            join3(late, self.shut(address, small), self.reads(address)).await;
        checked.echo = late;
        checked.mute = match (late, &closed, reads) {
            (Some(_), ..) => Some(Mute::Late),
            (_, Ok(()), _) => Some(Mute::UntilHalfClose),
            (_, Err(error), _) if brought_some(error) => Some(Mute::UntilHalfClose),
            (.., reads) => reads.map(|reads| if reads { Mute::Swallows } else { Mute::Hangs }),
        };
        if checked.mute == Some(Mute::UntilHalfClose) {
            checked.half_close = HalfClose::of(&closed);
            if let Err(error) = closed {
                // It says more than the timeout.
                checked.failure = Some(StepFailure { step: Step::HalfClose, error });
            }
        }
    }

    /// Says whether what is `owed` comes within another timeout.
    async fn returns(&self, connection: &Connection, owed: &[u8]) -> bool {
        let (mut stream, mut reply) = (&connection.stream, vec![0; owed.len()]);
        let read = stream.read_exact(&mut reply);
        let read = first_of(read, Timer::after(self.client.timeout)).await;
        matches!(read, Either::Left(Ok(()))) && reply == owed
    }

    /// Says whether the server takes [`BULK`] bytes within the timeout; `None` if the connection
    /// breaks.
    async fn reads(&self, address: SocketAddr) -> Option<bool> {
        let connection = self.client.connect(&[address]).await.ok()?;
        let mut stream = &connection.stream;
        SockRef::from(stream.get_ref()).set_send_buffer_size(SEND_BUFFER).ok()?;
        let bulk = large(BULK);
        let sent = async {
            // In pieces, because Windows takes a single write of any size into its buffer.
            for piece in bulk.chunks(SEND_BUFFER / 4) {
                stream.write_all(piece).await?;
            }
            Ok::<(), io::Error>(())
        };
        match first_of(sent, Timer::after(self.client.timeout)).await {
            Either::Left(Ok(())) => Some(true),
            Either::Left(Err(_)) => None,
            Either::Right(_) => Some(false),
        }
    }
}

/// Says whether anything came back before it went wrong.
fn brought_some(error: &SendError) -> bool {
    error.cause() == CauseKind::Mismatch
        || error.traffic().is_some_and(|traffic| traffic.returned > 0)
}
