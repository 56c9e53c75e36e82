//! Why a client was closed before anything was echoed, as sentences and as objects.

use std::fmt;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::time::Duration;

use crate::address::Prefix;
use crate::proxy::{HeaderError, HeaderErrorKind};
#[cfg(feature = "serde")]
use crate::schema;

/// A client that was closed before anything was echoed.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Refused {
    /// The client's address.
    #[cfg_attr(feature = "serde", serde(flatten, serialize_with = "schema::peer"))]
    pub peer: SocketAddr,
    /// The balancer that announced it, if one did.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub via: Option<SocketAddr>,
    /// Why.
    #[cfg_attr(feature = "serde", serde(flatten))]
    pub refusal: Refusal,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} refused", self.peer)?;
        if let Some(via) = self.via {
            write!(f, " via {via}")?;
        }
        write!(f, ": {}", self.refusal)
    }
}

/// Why a client was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// Its source has as many connections as it may have. Not said again until that source has had
    /// fewer than half as many.
    TooMany {
        /// How many connections a source may have.
        limit: NonZeroUsize,
    },
    /// An access rule keeps it out.
    Denied {
        /// The longest prefix that it is in; none if only others are allowed.
        by: Option<Prefix>,
    },
    /// A balancer did not begin with a PROXY header.
    Header {
        /// What is wrong with it, and where.
        error: HeaderError,
    },
    /// The PROXY header of a balancer was not whole in time.
    HeaderLate {
        /// How long it was waited for.
        after: Duration,
    },
    /// The connection of a balancer ended, or the server was stopped, before its PROXY header was
    /// whole.
    HeaderCut,
}

impl Refusal {
    /// The stable word for programs, in snake_case.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::TooMany { .. } => "too_many",
            Self::Denied { .. } => "denied",
            Self::Header { .. } => "header",
            Self::HeaderLate { .. } => "header_late",
            Self::HeaderCut => "header_cut",
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooMany { limit } if limit.get() == 1 => {
                f.write_str("its source already has 1 connection")
            }
            Self::TooMany { limit } => write!(f, "its source already has {limit} connections"),
            Self::Denied { by: Some(prefix) } => write!(f, "{prefix} is denied"),
            Self::Denied { by: None } => f.write_str("only other prefixes are allowed"),
            Self::Header { error } if error.kind == HeaderErrorKind::NoHeader => error.kind.fmt(f),
            Self::Header { error } => write!(f, "invalid PROXY header: {error}"),
            Self::HeaderLate { after } => {
                write!(f, "no complete PROXY header within {} s", after.as_secs_f64())
            }
            Self::HeaderCut => f.write_str("ended before its PROXY header was complete"),
        }
    }
}

/// The `reason`, and what it has to tell.
#[cfg(feature = "serde")]
impl serde::Serialize for Refusal {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Default, serde::Serialize)]
        struct Fields {
            reason: &'static str,
            #[serde(skip_serializing_if = "Option::is_none")]
            limit: Option<NonZeroUsize>,
            #[serde(skip_serializing_if = "Option::is_none")]
            prefix: Option<Prefix>,
            #[serde(skip_serializing_if = "Option::is_none")]
            error: Option<HeaderError>,
        }
        let mut fields = Fields { reason: self.code(), ..Fields::default() };
        match *self {
            Self::TooMany { limit } => fields.limit = Some(limit),
            Self::Denied { by } => fields.prefix = by,
            Self::Header { error } => fields.error = Some(error),
            Self::HeaderLate { .. } | Self::HeaderCut => {}
        }
        fields.serialize(serializer)
    }
}
