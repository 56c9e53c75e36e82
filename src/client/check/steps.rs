//! The steps of a check, each on a connection: what they find goes into the result as it is found.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use async_io::Timer;
use futures::future::{Either, pending};

use super::checked::{Checked, StepFailure};
use super::kinds::{BULK, HalfClose, SMALL, Step};
use super::mute::Unanswered;
use super::settings::Check;
use crate::client::error::SendError;
use crate::client::noise::{large, message};
use crate::client::preface::ProxyHeader;
use crate::client::settings::Client;
use crate::client::wait::first_of;
use crate::error::CauseKind;
use crate::proxy::Version;

/// The longest turn: what takes longer than this is not measured much worse in company.
const TURN: Duration = Duration::from_secs(1);

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
        let small = message(SMALL);
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
        let bulk = large(BULK);
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
    failure.is_some_and(|StepFailure { step, error }| {
        *step == Step::Echo && error.cause() == CauseKind::Mismatch
    })
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
