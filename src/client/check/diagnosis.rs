//! What was found at an address in, what is wrong there out, and what that probably means.

use std::net::SocketAddr;
use std::time::Duration;

use super::checked::{Checked, StepFailure};
use super::kinds::{BULK, HalfClose, Hold, Mute, SMALL, Step};
use super::sizes::Passing;
use crate::address::Families;
use crate::client::error::SendError;
use crate::client::excerpt::Excerpt;
use crate::client::noise::BEHIND_LINES;
use crate::client::traffic::Traffic;
use crate::error::{Cause, CauseKind};
use crate::proxy::Version;
use crate::socket::Segments;

mod words;

/// What is wrong at an address. Displays as a phrase that a person can act on.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Diagnosis {
    /// Nothing is wrong.
    Works,
    /// The check was stopped before anything was found to be wrong.
    Interrupted,
    /// The connect was refused.
    Refused,
    /// The connect was not answered.
    NoAnswer {
        /// The other family, if the same target answers over that.
        answering: Option<Families>,
    },
    /// The connect failed otherwise.
    NotConnected {
        /// What the system said.
        cause: Option<Cause>,
        /// What that means, where it can be told.
        help: Option<String>,
    },
    /// Everything works, but the connect had to be asked for again.
    SlowConnect {
        /// How long it took.
        took: Duration,
    },
    /// Everything works, but many packets were lost and sent again.
    Lossy(Segments),
    /// A connection was made and used, but not a second one.
    NotConnectedAgain {
        /// What kind of thing went wrong.
        cause: CauseKind,
    },
    /// Other bytes came back.
    Differs {
        /// The number of bytes before the first that differs.
        offset: u64,
        /// What came instead of an echo.
        instead: Option<Excerpt>,
    },
    /// More bytes came back than were sent.
    Surplus {
        /// What came on top of them.
        instead: Option<Excerpt>,
    },
    /// The echo came, but later than allowed.
    Late {
        /// How long it took.
        took: Option<Duration>,
        /// How long it may take.
        allowed: Duration,
    },
    /// Nothing came back before the half-close.
    UntilHalfClose,
    /// The server takes everything and returns nothing.
    Swallows,
    /// The server hardly reads, and returns nothing.
    Hangs {
        /// How long it was given.
        after: Duration,
    },
    /// A small message came back in part.
    Partial(Traffic),
    /// A small message did not come back.
    Silent,
    /// The server closed on plain bytes, and echoes behind a PROXY header.
    WantsHeader {
        /// The version that it took.
        version: Version,
    },
    /// The server returned a PROXY header as if it was a message.
    EchoesHeader,
    /// The server closed without an echo.
    ClosesAtOnce,
    /// The server closed when a part of a small message was back.
    ClosesEarly(Traffic),
    /// The connection was reset.
    Reset,
    /// A large message came back changed.
    LargeDiffers {
        /// The number of bytes before the first that differs.
        offset: u64,
    },
    /// Nothing of a large message came back, over a network.
    LargeHangs {
        /// The address.
        peer: SocketAddr,
        /// The bytes of the largest packet that passes, if it is known.
        passes: Option<u32>,
    },
    /// Nothing of a large message came back, and it is not the size of the packets.
    LargeSilent,
    /// Of a large message only what follows its last newline did not come back.
    WholeLines,
    /// A large message stopped on its way back.
    LargeStops {
        /// Bytes that came back.
        returned: u64,
    },
    /// The server closed before all of a large message was back.
    LargeClosed {
        /// Bytes that came back.
        returned: u64,
    },
    /// The connection was lost before all of a large message was back.
    LargeLost {
        /// Bytes that came back.
        returned: u64,
        /// What kind of thing went wrong.
        cause: CauseKind,
    },
    /// The half-close is not answered as it should.
    HalfClose {
        /// What the server does.
        kind: HalfClose,
        /// Whether it returned nothing before the half-close.
        muted: bool,
        /// The bytes of the message, where it was not returned whole.
        part: Option<Traffic>,
    },
    /// An idle connection did not survive.
    Idle {
        /// How it ended.
        hold: Hold,
        /// After how long.
        after: Duration,
        /// What came instead of an echo.
        heard: Option<Excerpt>,
    },
    /// Something else.
    Other {
        /// What kind of thing went wrong.
        cause: CauseKind,
    },
}

impl Checked {
    /// What is wrong, and what that probably means.
    #[must_use]
    pub fn diagnosis(&self) -> Diagnosis {
        Diagnosis::of(self)
    }
}

impl Diagnosis {
    /// Decides what the result of a check means.
    fn of(checked: &Checked) -> Self {
        let Some(StepFailure { step, error }) = &checked.failure else {
            return match checked.hold {
                Some(Hold::Alive) | None if !checked.finished => Self::Interrupted,
                Some(Hold::Alive) | None => Self::of_well(checked),
                Some(hold) => {
                    let after = checked.held.unwrap_or_default();
                    Self::Idle { hold, after, heard: checked.heard.clone() }
                }
            };
        };
        match (step, error) {
            (Step::Connect, SendError::Connect(error)) => match error.cause() {
                CauseKind::Refused => Self::Refused,
                CauseKind::Timeout => Self::NoAnswer { answering: None },
                _ => Self::NotConnected {
                    cause: error.likeliest().map(|(_, cause)| cause.clone()),
                    help: error.help(),
                },
            },
            (_, SendError::Connect(error)) => Self::NotConnectedAgain { cause: error.cause() },
            (Step::Echo, SendError::Mismatch { .. } | SendError::Surplus { .. })
                if checked.echoes_header =>
            {
                Self::EchoesHeader
            }
            (_, SendError::HeaderReturned { .. }) => Self::EchoesHeader,
            (_, SendError::Mismatch { offset, instead, .. }) => {
                Self::of_other_bytes(*step, *offset, instead.clone())
            }
            // Before all is sent, what comes is in the place of the rest, and only too early for it.
            (_, SendError::Surplus { sent, instead, .. }) if *sent < length(checked, *step) => {
                let instead = instead.clone().filter(|_| *sent == 0);
                Self::of_other_bytes(*step, *sent, instead)
            }
            (_, SendError::Surplus { instead, .. }) => Self::Surplus { instead: instead.clone() },
            (Step::Connect | Step::Echo, error) => Self::of_small(checked, error),
            (Step::Bulk, error) => Self::of_large(checked, error),
            (Step::HalfClose, error) => match checked.half_close {
                Some(kind) => {
                    let (muted, part) = (checked.mute.is_some(), error.traffic());
                    Self::HalfClose { kind, muted, part }
                }
                None => Self::Other { cause: error.cause() },
            },
            (Step::Hold, error) => Self::NotConnectedAgain { cause: error.cause() },
        }
    }

    /// What other bytes mean, from `offset` on.
    fn of_other_bytes(step: Step, offset: u64, instead: Option<Excerpt>) -> Self {
        match step {
            Step::Bulk => Self::LargeDiffers { offset },
            Step::Connect | Step::Echo | Step::HalfClose | Step::Hold => {
                Self::Differs { offset, instead }
            }
        }
    }

    /// What it took, if everything works.
    fn of_well(checked: &Checked) -> Self {
        match (checked.connect, checked.segments) {
            (_, Some(segments)) if segments.are_lossy() => Self::Lossy(segments),
            (Some(took), _) if checked.connect_resent > 0 => Self::SlowConnect { took },
            _ => Self::Works,
        }
    }

    /// The same, of a target that answers over the family `answering`.
    pub(super) fn beside(self, other: Option<Families>) -> Self {
        match self {
            Self::NoAnswer { .. } => Self::NoAnswer { answering: other },
            same => same,
        }
    }

    /// What a small message that did not come back means.
    fn of_small(checked: &Checked, error: &SendError) -> Self {
        if let Some(version) = checked.wants_header {
            return Self::WantsHeader { version };
        }
        match *error {
            SendError::Timeout { sent, returned, after, .. } => match checked.mute {
                Some(Mute::Late) => Self::Late { took: checked.echo, allowed: after },
                Some(Mute::UntilHalfClose) => Self::UntilHalfClose,
                Some(Mute::Swallows) => Self::Swallows,
                Some(Mute::Hangs) => Self::Hangs { after },
                None if returned > 0 => Self::Partial(Traffic { sent, returned }),
                None => Self::Silent,
            },
            SendError::Short { returned: 0, .. } => Self::ClosesAtOnce,
            SendError::Short { sent, returned, .. } => {
                Self::ClosesEarly(Traffic { sent, returned })
            }
            _ if error.cause() == CauseKind::Reset => Self::Reset,
            _ => Self::Other { cause: error.cause() },
        }
    }

    /// What a large message that did not come back means.
    fn of_large(checked: &Checked, error: &SendError) -> Self {
        match *error {
            SendError::Timeout { returned: 0, peer, .. } if peer.ip().is_loopback() => {
                Self::LargeSilent
            }
            SendError::Timeout { returned: 0, peer, .. } => match checked.passing {
                Some(Passing::All | Passing::None) => Self::LargeSilent,
                passing => Self::LargeHangs { peer, passes: passing.and_then(Passing::bytes) },
            },
            SendError::Timeout { returned, .. } if returned == (BULK - BEHIND_LINES) as u64 => {
                Self::WholeLines
            }
            SendError::Timeout { returned, .. } => Self::LargeStops { returned },
            SendError::Short { returned, .. } => Self::LargeClosed { returned },
            SendError::Lost { returned, .. } => Self::LargeLost { returned, cause: error.cause() },
            _ => Self::Other { cause: error.cause() },
        }
    }
}

/// Bytes of the message of a step.
fn length(checked: &Checked, step: Step) -> u64 {
    match step {
        Step::Bulk => BULK as u64,
        Step::HalfClose if checked.bulk.is_some() => BULK as u64,
        Step::Connect | Step::Echo | Step::HalfClose | Step::Hold => SMALL as u64,
    }
}

#[cfg(test)]
mod tests;
