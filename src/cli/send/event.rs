//! What came back in, words for stderr and JSON objects for stdout out.

use std::net::SocketAddr;
use std::time::Duration;

use echo6::address::Families;
use echo6::client::Attempt;
use serde::Serialize;

use crate::cli::json::{self, micros};
use crate::cli::targets::others;
use crate::cli::text::count;

/// How many messages or streams came back, and how many did not.
#[derive(Clone, Copy, Default)]
pub(super) struct Tally {
    pub(super) returned: u64,
    pub(super) failed: u64,
}

/// One message or stream that came back.
pub(super) struct Sent<'a> {
    pub(super) peer: SocketAddr,
    pub(super) local: SocketAddr,
    pub(super) bytes: u64,
    pub(super) connect: Duration,
    pub(super) exchange: Duration,
    pub(super) attempts: &'a [Attempt],
}

impl Sent<'_> {
    pub(super) fn words(&self) -> String {
        let mut text = format!(
            "{} answered {} over {}: {}, connected in {:.3} ms, echoed in {:.3} ms\n",
            self.peer,
            self.local,
            Families::of(self.peer),
            count(self.bytes, "byte"),
            self.connect.as_secs_f64() * 1e3,
            self.exchange.as_secs_f64() * 1e3,
        );
        for other in others(self.attempts) {
            text += &format!("  {other}\n");
        }
        text
    }

    pub(super) fn event(&self) -> Event {
        Event::Reply {
            address: self.peer,
            family: json::family(self.peer),
            local: self.local,
            bytes: self.bytes,
            connect_us: micros(self.connect),
            exchange_us: micros(self.exchange),
            attempts: self.attempts.to_vec(),
        }
    }
}

#[derive(Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub(super) enum Event {
    Reply {
        address: SocketAddr,
        family: &'static str,
        local: SocketAddr,
        bytes: u64,
        connect_us: f64,
        exchange_us: f64,
        attempts: Vec<Attempt>,
    },
    Summary {
        returned: u64,
        failed: u64,
        bytes: u64,
        duration_us: f64,
        interrupted: bool,
    },
}
