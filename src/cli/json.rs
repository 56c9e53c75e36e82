//! What happened in, one JSON object a line on stdout out. Field names carry their units.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::Duration;

use echo6::address::Families;
use echo6::client::{Attempt, ConnectError, Outcome, SendError};
use echo6::error::Cause;
use serde::Serialize;
use serde_json::{Map, Value};

use super::text::chain;

/// Microseconds, with a fraction down to the nanosecond.
pub(crate) fn micros(duration: Duration) -> f64 {
    duration.as_nanos() as f64 / 1e3
}

/// `ipv4` or `ipv6`.
pub(crate) fn family(address: SocketAddr) -> &'static str {
    if Families::of(address) == Families::Ipv4 { "ipv4" } else { "ipv6" }
}

/// What an error has beside its words.
pub(crate) fn numbers(error: &SendError) -> Map<String, Value> {
    #[derive(Serialize)]
    struct Numbers {
        #[serde(skip_serializing_if = "Option::is_none")]
        address: Option<SocketAddr>,
        #[serde(skip_serializing_if = "Option::is_none")]
        family: Option<&'static str>,
        #[serde(flatten)]
        why: Why,
    }
    let address = error.peer();
    let numbers = Numbers { address, family: address.map(family), why: error.into() };
    let Ok(Value::Object(mut numbers)) = serde_json::to_value(numbers) else { return Map::new() };
    numbers.retain(|name, _| name != "cause" && name != "error");
    numbers
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
        Self::new(connect_cause(error), chain(error))
    }
}

impl From<&SendError> for Why {
    fn from(error: &SendError) -> Self {
        let why = Self::new(cause(error), chain(error));
        match *error {
            SendError::Mismatch { offset, expected, got, .. } => {
                Self { offset: Some(offset), expected: Some(expected), got: Some(got), ..why }
            }
            SendError::Surplus { sent, .. } => Self { sent_bytes: Some(sent), ..why },
            _ => {
                let traffic = error.traffic();
                let sent_bytes = traffic.map(|traffic| traffic.sent);
                Self { sent_bytes, returned_bytes: traffic.map(|traffic| traffic.returned), ..why }
            }
        }
    }
}

/// The word for an error of an exchange.
pub(crate) fn cause(error: &SendError) -> &'static str {
    match error {
        SendError::Connect(error) => connect_cause(error),
        SendError::Lost { source, .. } => system_cause(source),
        SendError::Timeout { .. } => "timeout",
        SendError::Short { .. } => "short",
        SendError::Mismatch { .. } | SendError::Surplus { .. } => "mismatch",
        SendError::Input(_) => "input",
        _ => "output",
    }
}

fn connect_cause(error: &ConnectError) -> &'static str {
    error.likeliest().map_or("unreachable", |(_, cause)| system_cause(cause))
}

fn system_cause(cause: &Cause) -> &'static str {
    match cause.kind() {
        _ if cause.is_reset() => "reset",
        ErrorKind::ConnectionRefused => "refused",
        ErrorKind::TimedOut => "timeout",
        _ => "unreachable",
    }
}

/// What became of one address.
#[derive(Debug, Serialize)]
pub(crate) struct Tried {
    address: SocketAddr,
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

impl From<&Attempt> for Tried {
    fn from(attempt: &Attempt) -> Self {
        let (outcome, failed) = match &attempt.outcome {
            Outcome::Connected => ("connected", None),
            Outcome::Failed(cause) => ("failed", Some(cause)),
            Outcome::Dropped => ("dropped", None),
            _ => ("untried", None),
        };
        let (cause, error) = (failed.map(system_cause), failed.map(Cause::to_string));
        Self { address: attempt.address, outcome, cause, error }
    }
}
