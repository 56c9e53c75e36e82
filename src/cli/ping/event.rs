//! The events of a ping and its report in, JSON objects out.

use std::net::SocketAddr;

use echo6::client::Report;
use echo6::client::{Attempt, ConnectError, Loss, PingEvent, SendError};
use echo6::times::Times;
use serde::Serialize;

use crate::cli::failure::Stop;
use crate::cli::json::{family, micros};
use crate::cli::sink::Sink;

/// Prints one event, or with `quiet` nothing: the summary follows.
pub(super) fn print(event: &PingEvent, quiet: bool, sink: Sink) -> Result<(), Stop> {
    if quiet {
        return Ok(());
    }
    sink.object(&match *event {
        PingEvent::Connected { peer, local, connect, ref attempts, .. } => Event::Connected {
            address: peer,
            family: family(peer),
            local,
            connect_us: micros(connect),
            attempts: attempts.clone(),
        },
        PingEvent::Reply { peer, sequence, bytes, rtt, connect } => Event::Reply {
            address: peer,
            family: family(peer),
            seq: sequence,
            bytes,
            rtt_us: micros(rtt),
            connect_us: connect.map(micros),
        },
        PingEvent::Late { peer, sequence, bytes, rtt } => Event::Late {
            address: peer,
            family: family(peer),
            seq: sequence,
            bytes,
            rtt_us: micros(rtt),
        },
        PingEvent::Lost { peer, sequence, loss } => Event::Lost {
            address: peer,
            family: family(peer),
            seq: sequence,
            cause: match loss {
                Loss::Timeout => "timeout",
                Loss::Skipped => "skipped",
                Loss::Mismatch => "mismatch",
                _ => "disconnected",
            },
        },
        PingEvent::Disconnected { peer, ref error } => {
            Event::Disconnected { address: peer, family: family(peer), why: error.clone() }
        }
        PingEvent::Unreachable { peer, ref error, retry_in } => Event::Unreachable {
            address: peer,
            family: family(peer),
            retry_in_us: micros(retry_in),
            why: error.clone(),
        },
        _ => return Ok(()),
    })
}

pub(super) fn print_summary(address: SocketAddr, report: &Report, sink: Sink) -> Result<(), Stop> {
    sink.object(&Event::Summary {
        address,
        family: family(address),
        sent: report.sent,
        received: report.received,
        lost: report.lost,
        late: report.late,
        unanswered: report.unanswered(),
        bytes: report.bytes,
        rtt_us: Figures::of(&report.rtt),
        connect_us: Figures::of(&report.connect),
    })
}

#[derive(Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
enum Event {
    Connected {
        address: SocketAddr,
        family: &'static str,
        local: SocketAddr,
        connect_us: f64,
        attempts: Vec<Attempt>,
    },
    Reply {
        address: SocketAddr,
        family: &'static str,
        seq: u64,
        bytes: usize,
        rtt_us: f64,
        #[serde(skip_serializing_if = "Option::is_none")]
        connect_us: Option<f64>,
    },
    Late {
        address: SocketAddr,
        family: &'static str,
        seq: u64,
        bytes: usize,
        rtt_us: f64,
    },
    Lost {
        address: SocketAddr,
        family: &'static str,
        seq: u64,
        cause: &'static str,
    },
    Disconnected {
        address: SocketAddr,
        family: &'static str,
        #[serde(flatten)]
        why: SendError,
    },
    Unreachable {
        address: SocketAddr,
        family: &'static str,
        retry_in_us: f64,
        #[serde(flatten)]
        why: ConnectError,
    },
    Summary {
        address: SocketAddr,
        family: &'static str,
        sent: u64,
        received: u64,
        lost: u64,
        late: u64,
        unanswered: u64,
        bytes: u64,
        #[serde(skip_serializing_if = "Option::is_none")]
        rtt_us: Option<Figures>,
        #[serde(skip_serializing_if = "Option::is_none")]
        connect_us: Option<Figures>,
    },
}

/// What a series of times comes to.
#[derive(Serialize)]
struct Figures {
    min: f64,
    avg: f64,
    p50: f64,
    p90: f64,
    p99: f64,
    p99_9: f64,
    max: f64,
    stddev: f64,
}

impl Figures {
    fn of(times: &Times) -> Option<Self> {
        (times.count() > 0).then(|| Self {
            min: micros(times.min()),
            avg: micros(times.mean()),
            p50: micros(times.quantile(0.5)),
            p90: micros(times.quantile(0.9)),
            p99: micros(times.quantile(0.99)),
            p99_9: micros(times.quantile(0.999)),
            max: micros(times.max()),
            stddev: micros(times.stddev()),
        })
    }
}
