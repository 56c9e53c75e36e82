//! Failures of a load in, the one that tells most out.

use crate::client::datagram::DatagramError;
use crate::client::error::SendError;
use crate::client::excerpt::Excerpt;
use crate::error::CauseKind;

/// The failure of a load that tells most: the first one, or the first that shows which protocol
/// another service speaks.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "serde", serde(untagged))]
#[non_exhaustive]
pub enum BenchFailure {
    /// Of a connection.
    #[error(transparent)]
    Stream(#[from] SendError),
    /// Of a datagram.
    #[error(transparent)]
    Datagram(#[from] DatagramError),
}

impl BenchFailure {
    /// What kind of thing went wrong.
    #[must_use]
    pub fn cause(&self) -> CauseKind {
        match self {
            Self::Stream(error) => error.cause(),
            Self::Datagram(error) => error.cause(),
        }
    }

    /// What came instead of an echo, if something did.
    #[must_use]
    pub fn instead(&self) -> Option<&Excerpt> {
        match self {
            Self::Stream(error) => error.instead(),
            Self::Datagram(_) => None,
        }
    }

    /// The likely fix, as a phrase, where one can be told.
    #[must_use]
    pub fn help(&self) -> Option<String> {
        match self {
            Self::Stream(error) => error.help(),
            Self::Datagram(error) => error.help(),
        }
    }

    /// Whether it shows who answers instead of an echo server.
    pub(super) fn names_a_protocol(&self) -> bool {
        self.instead().is_some_and(|instead| instead.protocol().is_some())
    }
}
