//! The steps of a check, each on a connection: what they find goes into the result as it is found.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use async_io::Timer;
use futures::StreamExt;
use futures::future::{Either, join3, pending};
use futures::io::{AsyncReadExt, AsyncWriteExt, sink};
use futures::stream::FuturesUnordered;
use socket2::SockRef;

use super::checked::{Checked, StepFailure};
use super::kinds::{BULK, HalfClose, Hold, Mute, Step};
use super::settings::Check;
use crate::client::connect::Connection;
use crate::client::error::SendError;
use crate::client::excerpt::Excerpt;
use crate::client::idle::{Silence, Silences};
use crate::client::noise::random;
use crate::client::preface::ProxyHeader;
use crate::client::settings::Client;
use crate::client::wait::first_of;
use crate::error::Cause;
use crate::proxy::Version;
use crate::socket::Segments;

/// Bytes of the small echo: fits in any packet.
const SMALL: usize = 64;

/// Bytes that the system may keep for a server that takes none. With what the server's system keeps
/// (Linux: 64 KiB while nobody reads), far less than [`BULK`].
const SEND_BUFFER: usize = 64 * 1024;

/// The longest turn: what takes longer than this is not measured much worse in company.
const TURN: Duration = Duration::from_secs(1);

/// A small message that did not come back in time, or only the first bytes of it.
struct Unanswered {
    connection: Connection,
    start: Instant,
    returned: usize,
}

impl Check {
    /// Checks one address, until all is known or `stop` is ready. What fails, and what was known by
    /// then, is the result.
    pub async fn run(&self, address: SocketAddr, stop: impl Future<Output = ()>) -> Checked {
        let mut checked = Checked::new(address);
        first_of(self.steps(&mut checked), stop).await;
        checked
    }

    /// All of them, in their order.
    async fn steps(&self, checked: &mut Checked) {
        let small = random(SMALL);
        let unanswered = in_turn(self.turns.read().await, self.echo(checked, &small)).await;
        if let Some(unanswered) = unanswered {
            self.mute(checked, unanswered, &small).await;
        } else if checked.echo.is_some() {
            in_turn(self.turns.write().await, self.bulk(checked, &small)).await;
            if let Err(error) = self.silences(checked).await {
                checked.fail(Step::Hold, error);
            }
        }
        match self.client.proxy_header {
            None if closes_on_plain_bytes(checked) => {
                checked.wants_header = self.wanted_header(checked.address, &small).await;
            }
            Some(_) if returns_other_bytes(checked) => {
                let plain = Client { proxy_header: None, ..self.client.clone() };
                checked.echoes_header = self.echoes(&plain, checked.address, &small).await;
            }
            _ => {}
        }
        checked.finished = true;
    }

    /// Connects, and sends a small message, which may remain unanswered.
    async fn echo(&self, checked: &mut Checked, small: &[u8]) -> Option<Unanswered> {
        let connection = match self.client.connect(&[checked.address]).await {
            Ok(connection) => connection,
            Err(error) => {
                checked.fail(Step::Connect, error.into());
                return None;
            }
        };
        checked.connect = Some(connection.duration);
        checked.connect_resent = connection.segments().map_or(0, |segments| segments.resent);
        let start = Instant::now();
        let echoed = self.time(&connection, small).await;
        checked.note_segments(connection.segments());
        match echoed {
            Ok(time) => checked.echo = Some(time),
            Err(error @ SendError::Timeout { returned, .. }) => {
                checked.fail(Step::Echo, error);
                return Some(Unanswered { connection, start, returned: returned as usize });
            }
            Err(error) => checked.fail(Step::Echo, error),
        }
        None
    }

    /// A large message, and a half-close right behind it, or behind a small one if it failed.
    async fn bulk(&self, checked: &mut Checked, small: &[u8]) {
        let bulk = random(BULK);
        // Not the connection of before: it was silent while others had their turns.
        let returned = match self.client.connect(&[checked.address]).await {
            Ok(connection) => {
                let returned = self.time(&connection, &bulk).await;
                checked.note_segments(connection.segments());
                if is_hanging(&returned) {
                    checked.passing = self.passing(&connection).await;
                }
                returned
            }
            Err(error) => Err(error.into()),
        };
        match returned {
            Ok(time) => checked.bulk = Some(time),
            Err(error) => checked.fail(Step::Bulk, error),
        }
        let message = if checked.bulk.is_some() { &bulk } else { small };
        let (result, segments) = self.shut(checked.address, message).await;
        checked.note_segments(segments);
        checked.half_close = HalfClose::of(&result);
        if let Err(error) = result {
            checked.fail(Step::HalfClose, error);
        }
    }

    /// What the server does with a message that it still owes: waits once more as long, and tries
    /// meanwhile whether a half-close brings it, and whether anybody reads.
    async fn mute(&self, checked: &mut Checked, unanswered: Unanswered, small: &[u8]) {
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

    /// The version of a PROXY header behind which the server echoes.
    async fn wanted_header(&self, address: SocketAddr, message: &[u8]) -> Option<Version> {
        for &version in Version::ALL {
            let client = self.client.clone().proxy_header(ProxyHeader::own(version));
            if self.echoes(&client, address, message).await {
                return Some(version);
            }
        }
        None
    }

    /// Says whether the server echoes what another client sends.
    async fn echoes(&self, client: &Client, address: SocketAddr, message: &[u8]) -> bool {
        match client.connect(&[address]).await {
            Ok(connection) => self.time(&connection, message).await.is_ok(),
            Err(_) => false,
        }
    }

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
    async fn shut(
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
        let bulk = random(BULK);
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

    /// Connections that are silent for each of the periods, at the same time. What is known of them
    /// goes into the result as it becomes known.
    async fn silences(&self, checked: &mut Checked) -> Result<(), SendError> {
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

    /// Echoes, is silent, and echoes again. Returns what became of the connection, and when.
    async fn silence(&self, address: SocketAddr, period: Duration) -> Result<Silence, SendError> {
        let message = random(SMALL);
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
                Err(error @ (SendError::Mismatch { .. } | SendError::Surplus { .. })) => {
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

/// Says whether nothing at all came back of a message, over a network: the sign of a path that drops
/// large packets.
fn is_hanging(returned: &Result<Duration, SendError>) -> bool {
    match returned {
        Err(SendError::Timeout { returned: 0, peer, .. }) => !peer.ip().is_loopback(),
        _ => false,
    }
}

/// Says whether the server closed or reset the connection when it had got a small message, and
/// returned nothing of it.
fn closes_on_plain_bytes(checked: &Checked) -> bool {
    match &checked.failure {
        Some(StepFailure { step: Step::Echo, error: SendError::Short { returned: 0, .. } }) => true,
        Some(StepFailure {
            step: Step::Echo,
            error: SendError::Lost { returned: 0, source, .. },
        }) => source.is_reset(),
        _ => false,
    }
}

/// Says whether other bytes came back than those of a small message: in their place, or before any of
/// them was sent, as a header does that is sent ahead of them.
fn returns_other_bytes(checked: &Checked) -> bool {
    let failure = checked.failure.as_ref();
    failure.is_some_and(|failure| failure.step == Step::Echo && is_other_bytes(&failure.error))
}

fn is_other_bytes(error: &SendError) -> bool {
    matches!(error, SendError::Mismatch { .. } | SendError::Surplus { .. })
}

/// Does `work`, and keeps the turn for it; but not for long, so that a server that hangs does
/// not keep the other addresses from theirs.
async fn in_turn<T>(turn: impl Sized, work: impl Future<Output = T>) -> T {
    let given_up = async {
        Timer::after(TURN).await;
        drop(turn);
        pending::<Infallible>().await
    };
    match first_of(work, given_up).await {
        Either::Left(done) => done,
        Either::Right(never) => match never {},
    }
}

/// Says whether anything came back before it went wrong.
fn brought_some(error: &SendError) -> bool {
    is_other_bytes(error) || error.traffic().is_some_and(|traffic| traffic.returned > 0)
}

/// What ended a silent connection. A host that has become unreachable is no reset.
fn ended_by(cause: &Cause) -> Hold {
    if cause.is_reset() { Hold::Reset } else { Hold::Dead }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_that_is_echoed_is_other_bytes_however_early_it_comes_back() {
        let peer: SocketAddr = "127.0.0.1:7".parse().unwrap();
        let errors = [
            SendError::Mismatch { peer, offset: 0, expected: 1, got: b'P', instead: None },
            SendError::Surplus { peer, sent: 0, instead: None },
        ];
        for error in errors {
            for (step, expected) in [(Step::Echo, true), (Step::Bulk, false)] {
                let mut checked = Checked::new(peer);
                checked.fail(step, error.clone());
                assert_eq!(returns_other_bytes(&checked), expected, "{step:?}: {error}");
            }
        }
        let mut short = Checked::new(peer);
        short.fail(Step::Echo, SendError::Short { peer, sent: 64, returned: 0 });
        assert!(!returns_other_bytes(&short));
    }
}
