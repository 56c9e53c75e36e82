//! One address that a client tried, and how that ended.

use std::fmt;
use std::net::SocketAddr;

use crate::error::Cause;

/// One address of those that a client was to connect to, and how the attempt ended.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Attempt {
    /// The address.
    pub address: SocketAddr,
    /// How it ended.
    pub outcome: Outcome,
}

/// How an attempt to connect ended.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Outcome {
    /// It was the first to connect.
    Connected,
    /// It failed before another one connected.
    Failed(Cause),
    /// Another one connected while it waited.
    Dropped,
    /// Another one connected before it began.
    Untried,
}

impl Outcome {
    /// The stable word for programs, in snake_case.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Connected => "connected",
            Self::Failed(_) => "failed",
            Self::Dropped => "dropped",
            Self::Untried => "untried",
        }
    }

    /// What the system said, of an attempt that failed.
    #[must_use]
    pub const fn failure(&self) -> Option<&Cause> {
        match self {
            Self::Failed(cause) => Some(cause),
            Self::Connected | Self::Dropped | Self::Untried => None,
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connected => f.write_str("connected"),
            Self::Failed(cause) => cause.fmt(f),
            Self::Dropped => f.write_str("dropped, had not answered yet"),
            Self::Untried => f.write_str("not tried"),
        }
    }
}

/// `[::1]:7000: connection refused`.
impl fmt::Display for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.address, self.outcome)
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for Attempt {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct as _;
        let failure = self.outcome.failure();
        let mut fields =
            serializer.serialize_struct("Attempt", if failure.is_some() { 4 } else { 2 })?;
        fields.serialize_field("address", &self.address)?;
        fields.serialize_field("outcome", self.outcome.code())?;
        if let Some(cause) = failure {
            fields.serialize_field("cause", &cause.cause())?;
            fields.serialize_field("error", &cause.to_string())?;
        }
        fields.end()
    }
}
