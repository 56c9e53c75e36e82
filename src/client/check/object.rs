//! What was found at an address in, the fields of its JSON line out.

use std::net::SocketAddr;
use std::time::Duration;

use serde::{Serialize, Serializer};

use super::checked::{Checked, StepFailure};
use super::kinds::{BULK, HalfClose, Hold, Mute, Step};
use super::sizes::Passing;
use crate::address::Endpoint;
use crate::client::error::SendError;
use crate::client::excerpt::Excerpt;
use crate::proxy::Version;
use crate::schema::{address, some_micros, some_thousandths};
use crate::socket::Segments;

impl Serialize for Checked {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        #[serde(tag = "event", rename = "check")]
        struct Check<'a> {
            #[serde(skip_serializing_if = "Option::is_none")]
            target: Option<String>,
            #[serde(flatten, serialize_with = "address")]
            address: SocketAddr,
            #[serde(serialize_with = "some_micros", skip_serializing_if = "Option::is_none")]
            connect_us: Option<Duration>,
            #[serde(serialize_with = "some_micros", skip_serializing_if = "Option::is_none")]
            echo_us: Option<Duration>,
            #[serde(skip_serializing_if = "Option::is_none")]
            bulk_bytes: Option<usize>,
            #[serde(serialize_with = "some_micros", skip_serializing_if = "Option::is_none")]
            bulk_us: Option<Duration>,
            #[serde(serialize_with = "some_thousandths", skip_serializing_if = "Option::is_none")]
            mib_per_s: Option<f64>,
            #[serde(skip_serializing_if = "Option::is_none")]
            half_close: Option<HalfClose>,
            #[serde(skip_serializing_if = "Option::is_none")]
            mute: Option<Mute>,
            #[serde(skip_serializing_if = "Option::is_none")]
            hold: Option<Hold>,
            #[serde(serialize_with = "some_micros", skip_serializing_if = "Option::is_none")]
            held_us: Option<Duration>,
            #[serde(serialize_with = "some_micros", skip_serializing_if = "Option::is_none")]
            hold_alive_us: Option<Duration>,
            #[serde(serialize_with = "some_micros", skip_serializing_if = "Option::is_none")]
            hold_ended_us: Option<Duration>,
            #[serde(skip_serializing_if = "Option::is_none")]
            heard: Option<String>,
            #[serde(flatten)]
            segments: Option<Segments>,
            #[serde(skip_serializing_if = "Option::is_none")]
            passing_bytes: Option<u32>,
            #[serde(skip_serializing_if = "Option::is_none")]
            wants_header: Option<Version>,
            #[serde(skip_serializing_if = "Option::is_none")]
            echoes_header: Option<bool>,
            verdict: &'static str,
            ok: bool,
            diagnosis: &'static str,
            #[serde(flatten)]
            failure: Option<&'a StepFailure>,
        }
        Check {
            target: self.target.as_ref().map(Endpoint::to_string),
            address: self.address,
            connect_us: self.connect,
            echo_us: self.echo,
            bulk_bytes: self.has_sent_bulk().then_some(BULK),
            bulk_us: self.bulk,
            mib_per_s: self.mib_per_second(),
            half_close: self.half_close,
            mute: self.mute,
            hold: self.hold,
            held_us: self.held,
            hold_alive_us: self.idle.and_then(|idle| idle.alive),
            hold_ended_us: self.idle.and_then(|idle| idle.ended),
            heard: self.heard.as_ref().map(Excerpt::escaped),
            segments: self.segments,
            passing_bytes: self.passing.and_then(Passing::bytes),
            wants_header: self.wants_header,
            echoes_header: self.echoes_header.then_some(true),
            verdict: self.verdict(),
            ok: self.is_well(),
            diagnosis: self.diagnosis().code(),
            failure: self.failure.as_ref(),
        }
        .serialize(serializer)
    }
}

impl Checked {
    /// Says whether a large message was sent, or began to be.
    fn has_sent_bulk(&self) -> bool {
        let failed = match &self.failure {
            Some(StepFailure { step: Step::Bulk, error }) => {
                !matches!(error, SendError::Connect(_))
            }
            _ => false,
        };
        self.bulk.is_some() || failed
    }
}
