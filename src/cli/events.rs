//! A server's event in, a line out: words for a person, or a JSON object for a program.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::time::Duration;

use echo6::address::{Families, Prefix};
use echo6::error::Cause;
use echo6::proxy::{Header, HeaderError};
use echo6::server::{DatagramTotals, Event, Introduction, Obstacle, Reason, Refusal, Totals};
use echo6::socket::Transports;
use serde::Serialize;

use super::json::family;
use super::sink::object;
use super::stdio::Stream;
use super::text::count;

/// How events are written, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// Words, on stderr.
    Text,
    /// One JSON object a line, on stdout.
    Json,
}

impl Format {
    /// Writes an event as one line.
    pub(crate) fn line(self, event: &Event) -> String {
        match self {
            Self::Text => format!("{}\n", describe(event)),
            Self::Json => object(&Record::from(event)),
        }
    }

    /// Says that lines are missing here.
    pub(crate) fn dropped(self, lines: u64) -> String {
        match self {
            Self::Text => format!("{} dropped here\n", count(lines, "log line")),
            Self::Json => object(&Record::Dropped { lines }),
        }
    }

    /// Where the lines go.
    pub(crate) fn stream(self) -> Stream {
        match self {
            Self::Text => Stream::Stderr,
            Self::Json => Stream::Stdout,
        }
    }
}

fn describe(event: &Event) -> String {
    match event {
        Event::Listening { address, families, transports: Transports::Tcp } => {
            format!("listening on {address} ({families})")
        }
        Event::Listening { address, families, transports } => {
            format!("listening on {address} ({families}, {transports})")
        }
        Event::Connected { peer, introduction: None, .. } => format!("{peer} connected"),
        Event::Connected { peer, introduction: Some(introduction), .. } => {
            let Introduction { via, header, .. } = &**introduction;
            if via == peer {
                format!("{peer} connected ({header})")
            } else {
                format!("{peer} connected via {via} ({header})")
            }
        }
        Event::Refused { peer, via: None, refusal } => format!("{peer} refused: {refusal}"),
        Event::Refused { peer, via: Some(via), refusal } => {
            format!("{peer} refused via {via}: {refusal}")
        }
        Event::Closed { peer, returned, duration, reason, .. } => {
            let (seconds, bytes) = (duration.as_secs_f64(), count(*returned, "byte"));
            let (why, _) = explain(reason);
            let cause = if let Reason::Error(cause) = reason {
                format!(": {cause}")
            } else {
                String::new()
            };
            format!("{peer} closed after {seconds:.3} s, {bytes} echoed: {why}{cause}")
        }
        Event::FlowAppeared { peer, .. } => format!("{peer} appeared (UDP)"),
        Event::FlowQuiet { peer, datagrams_in, bytes_in, duration, .. } => {
            let (datagrams, bytes) = (count(*datagrams_in, "datagram"), count(*bytes_in, "byte"));
            let seconds = duration.as_secs_f64();
            format!("{peer} quiet after {seconds:.3} s: {datagrams}, {bytes} (UDP)")
        }
        Event::Paused { obstacle: Obstacle::Full { limit } } => {
            format!("full: {}, more wait in the kernel", count_all(*limit, "client"))
        }
        Event::Paused { obstacle: Obstacle::Shortage { cause } } => {
            format!("cannot accept for now: {cause}{}", way_out(cause))
        }
        Event::Resumed => "accepting clients again".to_owned(),
        Event::Stopped {
            totals: Totals { connections, refused, cut, returned, duration, datagrams, .. },
        } => {
            let (clients, bytes) = (count(*connections, "client"), count(*returned, "byte"));
            let some = |number: u64, what| match number {
                0 => String::new(),
                number => format!(", {number} {what}"),
            };
            let (refused, cut) = (some(*refused, "refused"), some(*cut, "cut off"));
            let seconds = duration.as_secs_f64();
            let datagrams = datagrams.as_ref().map(describe_datagrams).unwrap_or_default();
            format!(
                "stopped after {seconds:.3} s: {clients}{refused}{cut}, {bytes} echoed{datagrams}"
            )
        }
        other => format!("{other:?}"),
    }
}

/// What can be done about a failure of accept(2), where this process can be helped.
fn way_out(cause: &Cause) -> &'static str {
    #[cfg(unix)]
    match cause.raw_os_error().map(rustix::io::Errno::from_raw_os_error) {
        Some(rustix::io::Errno::MFILE) => {
            return " (raise the limit with \"ulimit -n\", or lower --max-conns)";
        }
        Some(rustix::io::Errno::NFILE) => {
            return " (all processes together have too many: raise fs.file-max)";
        }
        _ => {}
    }
    ""
}

fn describe_datagrams(totals: &DatagramTotals) -> String {
    let (datagrams, bytes) =
        (count(totals.datagrams_out, "datagram"), count(totals.bytes_out, "byte"));
    let mut text = format!("; {datagrams}, {bytes} echoed");
    let mut add = |number: u64, what: &str| {
        if number > 0 {
            text.push_str(&format!(", {number} {what}"));
        }
    };
    for (ignored, number) in totals.ignored.iter() {
        add(number, &format!("ignored ({ignored})"));
    }
    for (unsent, number) in totals.unsent.iter() {
        add(number, &format!("not sent ({unsent})"));
    }
    add(totals.receive_errors, "receive errors");
    add(totals.dropped_here.unwrap_or(0), "dropped here (receive buffer full)");
    text
}

fn count_all(number: NonZeroUsize, noun: &str) -> String {
    count(number.get() as u64, noun)
}

/// A reason in words, and as a stable name.
fn explain(reason: &Reason) -> (&'static str, &'static str) {
    match reason {
        Reason::EndOfStream => ("end of stream", "end_of_stream"),
        Reason::Reset => ("reset by the client", "reset"),
        Reason::Idle => ("idle", "idle"),
        Reason::ByteLimit => ("byte limit reached", "byte_limit"),
        Reason::TimeLimit => ("time limit reached", "time_limit"),
        Reason::Shutdown => ("server stopped", "shutdown"),
        Reason::Cut => ("server stopped, bytes not taken in time", "cut"),
        _ => ("error", "error"),
    }
}

/// The fields of each event, which programs rely on.
#[derive(Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
enum Record {
    Listening {
        address: SocketAddr,
        families: &'static [&'static str],
        transports: Transports,
    },
    FlowAppeared {
        peer: SocketAddr,
        local: SocketAddr,
        family: &'static str,
    },
    FlowQuiet {
        peer: SocketAddr,
        local: SocketAddr,
        family: &'static str,
        datagrams_in: u64,
        bytes_in: u64,
        duration_us: u64,
    },
    Connected {
        peer: SocketAddr,
        local: SocketAddr,
        family: &'static str,
        #[serde(skip_serializing_if = "Option::is_none")]
        via: Option<SocketAddr>,
        #[serde(skip_serializing_if = "Option::is_none")]
        announced: Option<Header>,
    },
    Refused {
        peer: SocketAddr,
        family: &'static str,
        #[serde(skip_serializing_if = "Option::is_none")]
        via: Option<SocketAddr>,
        reason: &'static str,
        #[serde(skip_serializing_if = "Option::is_none")]
        limit: Option<NonZeroUsize>,
        #[serde(skip_serializing_if = "Option::is_none")]
        prefix: Option<Prefix>,
        #[serde(skip_serializing_if = "Option::is_none")]
        error: Option<HeaderError>,
    },
    Closed {
        peer: SocketAddr,
        local: SocketAddr,
        family: &'static str,
        #[serde(skip_serializing_if = "Option::is_none")]
        via: Option<SocketAddr>,
        bytes_in: u64,
        bytes_out: u64,
        duration_us: u64,
        reason: &'static str,
        #[serde(skip_serializing_if = "Option::is_none")]
        error: Option<String>,
    },
    Paused {
        reason: &'static str,
        #[serde(skip_serializing_if = "Option::is_none")]
        limit: Option<NonZeroUsize>,
        #[serde(skip_serializing_if = "Option::is_none")]
        error: Option<String>,
    },
    Resumed,
    Stopped {
        connections: u64,
        refused: u64,
        cut: u64,
        bytes_in: u64,
        bytes_out: u64,
        duration_us: u64,
        #[serde(skip_serializing_if = "Option::is_none")]
        datagrams: Option<DatagramTotals>,
    },
    Dropped {
        lines: u64,
    },
    Unknown,
}

impl From<&Event> for Record {
    fn from(event: &Event) -> Self {
        match event {
            Event::Listening { address, families, transports } => Self::Listening {
                address: *address,
                families: names(*families),
                transports: *transports,
            },
            Event::FlowAppeared { peer, local } => {
                Self::FlowAppeared { peer: *peer, local: *local, family: family(*peer) }
            }
            Event::FlowQuiet { peer, local, datagrams_in, bytes_in, duration } => Self::FlowQuiet {
                peer: *peer,
                local: *local,
                family: family(*peer),
                datagrams_in: *datagrams_in,
                bytes_in: *bytes_in,
                duration_us: micros(*duration),
            },
            Event::Connected { peer, local, introduction } => {
                let via = introduction.as_ref().map(|introduction| introduction.via);
                Self::Connected {
                    peer: *peer,
                    local: *local,
                    family: family(*peer),
                    via: via.filter(|via| via != peer),
                    announced: introduction.as_ref().map(|it| it.header.clone()),
                }
            }
            Event::Refused { peer, via, refusal } => Self::Refused {
                peer: *peer,
                family: family(*peer),
                via: *via,
                reason: refusal.code(),
                limit: match refusal {
                    Refusal::TooMany { limit } => Some(*limit),
                    _ => None,
                },
                prefix: match refusal {
                    Refusal::Denied { by } => *by,
                    _ => None,
                },
                error: match refusal {
                    Refusal::Header { error } => Some(*error),
                    _ => None,
                },
            },
            Event::Closed { peer, local, via, received, returned, duration, reason } => {
                Self::Closed {
                    via: *via,
                    peer: *peer,
                    local: *local,
                    family: family(*peer),
                    bytes_in: *received,
                    bytes_out: *returned,
                    duration_us: micros(*duration),
                    reason: explain(reason).1,
                    error: match reason {
                        Reason::Error(cause) => Some(cause.to_string()),
                        _ => None,
                    },
                }
            }
            Event::Paused { obstacle: Obstacle::Full { limit } } => {
                Self::Paused { reason: "full", limit: Some(*limit), error: None }
            }
            Event::Paused { obstacle: Obstacle::Shortage { cause } } => {
                Self::Paused { reason: "shortage", limit: None, error: Some(cause.to_string()) }
            }
            Event::Resumed => Self::Resumed,
            Event::Stopped { totals } => Self::Stopped {
                connections: totals.connections,
                refused: totals.refused,
                cut: totals.cut,
                bytes_in: totals.received,
                bytes_out: totals.returned,
                duration_us: micros(totals.duration),
                datagrams: totals.datagrams,
            },
            _ => Self::Unknown,
        }
    }
}

fn names(families: Families) -> &'static [&'static str] {
    match families {
        Families::Both => &["ipv6", "ipv4"],
        Families::Ipv4 => &["ipv4"],
        Families::Ipv6 => &["ipv6"],
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
