//! What works at one address.

use std::net::SocketAddr;
use std::time::Duration;

use super::kinds::{BULK, HalfClose, Hold, Mute, Step};
use super::sizes::Passing;
use crate::address::Endpoint;
use crate::client::error::SendError;
use crate::client::excerpt::Excerpt;
use crate::client::idle::{IdleTimeout, Silences};
use crate::proxy::Version;
use crate::socket::Segments;

/// What works at an address. What was not reached is `None`.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Checked {
    /// The name that the address was looked up for, or whatever else it was given as. The caller may
    /// note it.
    pub target: Option<Endpoint>,
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
    /// How a silent connection ended, if one was asked for; of several, the shortest that did not
    /// survive, or else the longest.
    pub hold: Option<Hold>,
    /// How long the silent connection lasted: until it was closed or reset, or all of the time that
    /// it was to be silent and until it was known to be dead.
    pub held: Option<Duration>,
    /// Between which silences the idle timeout lies.
    pub idle: Option<IdleTimeout>,
    /// What came instead of an echo when the time was over, or before.
    pub heard: Option<Excerpt>,
    /// The segments that it all took, where the system counts them.
    pub segments: Option<Segments>,
    /// How often the first packet of the first connection was sent again.
    pub connect_resent: u64,
    /// Which packets pass, if a large message did not return and it was tried.
    pub passing: Option<Passing>,
    /// The version of the PROXY header behind which a server echoes that closes on plain bytes.
    pub wants_header: Option<Version>,
    /// Whether a server that returned other bytes than those behind a PROXY header echoes plain ones,
    /// so that it took the header for a message.
    pub echoes_header: bool,
    /// The first step that failed, and how.
    pub failure: Option<StepFailure>,
    /// Whether the check came to its end, that is, was not stopped.
    pub finished: bool,
}

/// A step of a check that failed.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct StepFailure {
    /// The step.
    #[cfg_attr(feature = "serde", serde(rename = "failed_step"))]
    pub step: Step,
    /// How it failed.
    #[cfg_attr(feature = "serde", serde(flatten))]
    pub error: SendError,
}

impl Checked {
    pub(in crate::client) fn new(address: SocketAddr) -> Self {
        Self {
            target: None,
            address,
            connect: None,
            echo: None,
            bulk: None,
            half_close: None,
            mute: None,
            hold: None,
            held: None,
            idle: None,
            heard: None,
            segments: None,
            connect_resent: 0,
            passing: None,
            wants_header: None,
            echoes_header: false,
            failure: None,
            finished: false,
        }
    }

    /// Takes note of the segments that a connection took.
    pub(super) fn note_segments(&mut self, segments: Option<Segments>) {
        if let Some(segments) = segments {
            self.segments.get_or_insert_default().add(segments);
        }
    }

    /// Takes note of what is known of silent connections.
    pub(super) fn note_silences(&mut self, silences: &Silences) {
        if let Some(silence) = silences.decisive() {
            self.hold = Some(silence.hold);
            self.held = Some(silence.held);
            self.heard.clone_from(&silence.heard);
            self.idle = silences.timeout();
        }
    }

    /// Says whether everything works, but many packets had to be sent again.
    #[must_use]
    pub fn is_lossy(&self) -> bool {
        self.connect_resent > 0 || self.segments.is_some_and(|segments| segments.are_lossy())
    }

    /// Takes note of a step that failed, unless one before it did.
    pub(super) fn fail(&mut self, step: Step, error: SendError) {
        self.failure.get_or_insert(StepFailure { step, error });
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

    /// One word for a table: `ok`, `slow` if packets were lost, `interrupted`, `late`, `cut`, the code of the [`Hold`], or else
    /// of the error's [cause](SendError::cause).
    #[must_use]
    pub fn verdict(&self) -> &'static str {
        match (&self.failure, self.hold) {
            (Some(StepFailure { step: Step::HalfClose, .. }), _)
                if self.half_close == Some(HalfClose::Cut) =>
            {
                HalfClose::Cut.code()
            }
            (Some(_), _) if self.mute == Some(Mute::Late) => Mute::Late.code(),
            (Some(failure), _) => failure.error.cause().code(),
            (None, None | Some(Hold::Alive)) if !self.finished => "interrupted",
            (None, None | Some(Hold::Alive)) if self.is_lossy() => "slow",
            (None, None | Some(Hold::Alive)) => "ok",
            (None, Some(hold)) => hold.code(),
        }
    }
}
