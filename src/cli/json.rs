//! What happened in, one JSON object a line on stdout out. Field names carry their units.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::Duration;

use echo6::address::Families;
use echo6::client::{Attempt, ConnectError, Outcome, SendError};
use serde::Serialize;

use super::failure::{Failure, chain};
use super::output;
use super::targets::outcome;

/// Prints `object` as a line.
pub(crate) fn print(object: &impl Serialize) -> Result<(), Failure> {
    let mut line = serde_json::to_vec(object)
        .map_err(|error| Failure::usage(format!("cannot write JSON: {error}")))?;
    line.push(b'\n');
    output::data(&line)
}

/// Prints that a name has no address, if `json` is asked for.
pub(crate) fn print_unresolved(json: bool, failure: &Failure) -> Result<(), Failure> {
    if !json {
        return Ok(());
    }
    print(&Failed { event: "failure", why: Why::new("resolve", failure.message().to_owned()) })
}

#[derive(Serialize)]
struct Failed {
    event: &'static str,
    #[serde(flatten)]
    why: Why,
}

/// Microseconds, with a fraction down to the nanosecond.
pub(crate) fn micros(duration: Duration) -> f64 {
    duration.as_nanos() as f64 / 1e3
}

/// `ipv4` or `ipv6`.
pub(crate) fn family(address: SocketAddr) -> &'static str {
    if Families::of(address) == Families::Ipv4 { "ipv4" } else { "ipv6" }
}

/// Why something failed: one word for programs, a sentence for people, and the numbers.
#[derive(Debug, Serialize)]
pub(crate) struct Why {
    cause: &'static str,
    error: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    sent_bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    returned_bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    offset: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expected: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    got: Option<u8>,
}

impl Why {
    fn new(cause: &'static str, error: String) -> Self {
        let (sent_bytes, returned_bytes) = (None, None);
        Self { cause, error, sent_bytes, returned_bytes, offset: None, expected: None, got: None }
    }
}

impl From<&ConnectError> for Why {
    fn from(error: &ConnectError) -> Self {
        let kind = error.attempts().last().map(|(_, cause)| cause.kind());
        Self::new(kind.map_or("unreachable", connect_cause), chain(error))
    }
}

impl From<&SendError> for Why {
    fn from(error: &SendError) -> Self {
        let why = Self::new(cause(error), chain(error));
        match *error {
            SendError::Lost { sent, returned, .. }
            | SendError::Timeout { sent, returned, .. }
            | SendError::Short { sent, returned, .. } => {
                Self { sent_bytes: Some(sent), returned_bytes: Some(returned), ..why }
            }
            SendError::Mismatch { offset, expected, got, .. } => {
                Self { offset: Some(offset), expected: Some(expected), got: Some(got), ..why }
            }
            SendError::Surplus { sent, .. } => Self { sent_bytes: Some(sent), ..why },
            _ => why,
        }
    }
}

/// The word for an error of an exchange.
pub(crate) fn cause(error: &SendError) -> &'static str {
    match error {
        SendError::Connect(error) => {
            let kind = error.attempts().last().map(|(_, cause)| cause.kind());
            kind.map_or("unreachable", connect_cause)
        }
        SendError::Lost { source, .. } if source.kind() == ErrorKind::TimedOut => "timeout",
        SendError::Lost { .. } => "reset",
        SendError::Timeout { .. } => "timeout",
        SendError::Short { .. } => "short",
        SendError::Mismatch { .. } | SendError::Surplus { .. } => "mismatch",
        SendError::Input(_) => "input",
        _ => "output",
    }
}

fn connect_cause(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::ConnectionRefused => "refused",
        ErrorKind::TimedOut => "timeout",
        ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted => "reset",
        _ => "unreachable",
    }
}

/// What became of one address.
#[derive(Debug, Serialize)]
pub(crate) struct Tried {
    address: SocketAddr,
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<&'static str>,
    outcome: String,
}

impl From<&Attempt> for Tried {
    fn from(attempt: &Attempt) -> Self {
        let cause = match &attempt.outcome {
            Outcome::Failed(cause) => Some(connect_cause(cause.kind())),
            _ => None,
        };
        let outcome = outcome(&attempt.outcome).unwrap_or_else(|| "connected".to_owned());
        Self { address: attempt.address, cause, outcome }
    }
}
