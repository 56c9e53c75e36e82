//! What happened to a datagram in, a line for people out.

use std::net::SocketAddr;

use echo6::address::Families;
use echo6::client::{DatagramEvent, DatagramLoss, ProbeArrival};

use crate::cli::ping::Ping;
use crate::cli::ping::lines::Line;
use crate::cli::text::{count, millis};

/// The line for an event, if it has one. Replies are data, the rest is words.
pub(super) fn line(event: &DatagramEvent, arguments: &Ping) -> Option<Line> {
    if arguments.quiet {
        return None;
    }
    Some(match event {
        DatagramEvent::Opened { peer, local, .. } if arguments.verbose => {
            let family = Families::of(*peer);
            Line::Words(format!("sending to {peer} from {local} over {family}, UDP\n"))
        }
        DatagramEvent::Reply { peer, sequence, arrival, .. } => {
            Line::Data(reply(*peer, *sequence, arrival, "", arguments))
        }
        DatagramEvent::Late { peer, sequence, arrival, .. } => {
            Line::Data(reply(*peer, *sequence, arrival, ", late", arguments))
        }
        DatagramEvent::Duplicate { peer, sequence, copy, .. } => {
            Line::Words(format!("duplicate {peer}: seq={sequence}, copy {copy}\n"))
        }
        DatagramEvent::Corrupt { peer, sequence, offset, returned_bytes, .. } => {
            let bytes = count(*returned_bytes as u64, "byte");
            let which = sequence.map(|sequence| format!("seq={sequence}, ")).unwrap_or_default();
            Line::Words(format!(
                "corrupt {peer}: {which}{bytes}, first difference at offset {offset}\n"
            ))
        }
        DatagramEvent::Truncated { peer, sequence, sent_bytes, returned_bytes, .. } => Line::Words(
            format!("truncated {peer}: seq={sequence}, {returned_bytes} of {sent_bytes} bytes\n"),
        ),
        DatagramEvent::Foreign { peer, sequence, from, .. } => Line::Words(format!(
            "foreign {peer}: seq={sequence} came from {from}, which was not asked\n"
        )),
        DatagramEvent::Lost { peer, sequence, loss, by, error, .. } => {
            let by = by.map(|by| format!(", says {by}")).unwrap_or_default();
            Line::Words(match (loss, error) {
                // It may come back yet, and is then late.
                (DatagramLoss::Timeout, _) => {
                    let limit = arguments.timeout;
                    format!("overdue {peer}: seq={sequence}, no reply within {limit:?}\n")
                }
                (DatagramLoss::Here | DatagramLoss::Unreachable, Some(error)) => {
                    format!("lost {peer}: seq={sequence}, {loss}: {error}{by}\n")
                }
                (loss, _) => format!("lost {peer}: seq={sequence}, {loss}{by}\n"),
            })
        }
        DatagramEvent::DroppedHere { datagrams, .. } => {
            let datagrams = count(*datagrams, "datagram");
            Line::Words(format!("dropped here: {datagrams}, the receive buffer was full\n"))
        }
        DatagramEvent::Path { peer, hops_from, hops_to, .. } => Line::Words(format!(
            "path {peer}: replies now pass {hops_to} routers, {hops_from} before\n"
        )),
        _ => return None, // not for people, or one that this version does not know
    })
}

fn reply(
    peer: SocketAddr,
    sequence: u64,
    arrival: &ProbeArrival,
    late: &str,
    arguments: &Ping,
) -> String {
    let (bytes, time) = (arrival.bytes, millis(arrival.rtt));
    let mut text = format!("{bytes} bytes from {peer}: seq={sequence} time={time} ms");
    if let (Some(tos), true) = (arrival.tos, arguments.tos.is_some()) {
        text += &format!(" tos={tos:#04x}");
    }
    if let (Some(hops), true) = (arrival.hops, arguments.verbose) {
        text += &format!(" hops={hops}");
    }
    if arguments.reconnect || arguments.flows.is_some() {
        text += &format!(" port={}", arrival.local_port);
    }
    text += late;
    if let Some(by) = arrival.reordered_by {
        text += &format!(", reordered by {by}");
    }
    text + "\n"
}
