//! What happened to a probe in, a line for people out.

use std::io::{self, IsTerminal};
use std::time::Duration;

use echo6::address::Families;
use echo6::client::{Loss, PingEvent, SendError};
use echo6::error::chain;

use crate::cli::failure::Failure;
use crate::cli::targets::others;
use crate::cli::text::{count, millis};

/// Where a line goes.
#[derive(Debug, PartialEq)]
pub(super) enum Line {
    /// A reply: to stdout.
    Data(String),
    /// Anything else: to stderr.
    Words(String),
}

/// How much is said, and what was said before.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tone {
    pub(super) quiet: bool,
    pub(super) verbose: bool,
    /// After how long a probe counts as lost.
    pub(super) timeout: Duration,
    /// Whether there was a connection before.
    pub(super) connected: bool,
    /// Whether a failed attempt was reported before.
    pub(super) reported: bool,
    /// Whether what is said of the connection was said already, and nothing came back since.
    pub(super) repeats: bool,
}

/// Why there is no connection, or none any more: said once, and again when it changes.
pub(super) fn reason(event: &PingEvent) -> Option<String> {
    match event {
        PingEvent::Unreachable { error, .. } => Some(chain(error)),
        PingEvent::Disconnected { error, .. } => Some(chain(error)),
        _ => None,
    }
}

/// The line for an event, if it has one.
pub(super) fn line(event: &PingEvent, tone: Tone) -> Option<Line> {
    let Tone { quiet, verbose, timeout, .. } = tone;
    Some(match event {
        PingEvent::Connected { peer, local, connect, attempts, .. } if verbose => {
            let (family, millis) = (Families::of(*peer), millis(*connect));
            let mut text =
                format!("connected to {peer} from {local} over {family} in {millis} ms\n");
            for other in others(attempts) {
                text += &format!("  {other}\n");
            }
            Line::Words(text)
        }
        PingEvent::Connected { .. } if tone.repeats => return None,
        PingEvent::Connected { peer, .. } if !quiet && tone.connected => {
            Line::Words(format!("connected to {peer} again\n"))
        }
        PingEvent::Connected { peer, .. } if !quiet && tone.reported => {
            Line::Words(format!("connected to {peer}\n"))
        }
        PingEvent::Reply { peer, sequence, bytes, rtt, connect, .. } if !quiet => {
            let connect =
                connect.map_or_else(String::new, |time| format!(" connect={} ms", millis(time)));
            let time = millis(*rtt);
            Line::Data(format!(
                "{bytes} bytes from {peer}: seq={sequence} time={time} ms{connect}\n"
            ))
        }
        PingEvent::Late { peer, sequence, bytes, rtt, .. } if !quiet => {
            let time = millis(*rtt);
            Line::Data(format!("{bytes} bytes from {peer}: seq={sequence} time={time} ms, late\n"))
        }
        PingEvent::Lost { peer, sequence, loss, .. } if !quiet => {
            Line::Words(match loss {
                // It may come back yet, and is then late.
                Loss::Timeout => {
                    format!("overdue {peer}: seq={sequence}, no reply within {timeout:?}\n")
                }
                loss => format!("lost {peer}: seq={sequence}, {loss}\n"),
            })
        }
        PingEvent::Skipped { peer, count: number, skip, .. } if !quiet => {
            Line::Words(format!("skipped {peer}: {}, {skip}\n", count(*number, "probe")))
        }
        PingEvent::Resent { peer, count: number, .. } if !quiet => {
            let segments = count(*number, "segment");
            Line::Words(format!("resent {peer}: {segments}, lost or not acknowledged in time\n"))
        }
        // The first time with the likely fix, also if all else is quiet.
        PingEvent::Unreachable { error, .. } if !tone.connected && !tone.reported => {
            Line::Words(Failure::from(error.clone()).words(io::stderr().is_terminal()))
        }
        PingEvent::Unreachable { error, retry_in, .. } if verbose => {
            Line::Words(format!("{}; again in {retry_in:?}\n", chain(error)))
        }
        PingEvent::Unreachable { .. } | PingEvent::Disconnected { .. }
            if tone.repeats && !verbose =>
        {
            return None;
        }
        PingEvent::Unreachable { error, .. } if !quiet => {
            Line::Words(format!("{}\n", chain(error)))
        }
        // With --reconnect; without, it would be told as unreachable, which is quiet too.
        PingEvent::Disconnected { error: SendError::Connect(_), .. } if quiet => return None,
        PingEvent::Disconnected { error, .. } => Line::Words(format!("{}\n", chain(error))),
        _ => return None, // not for people, or not with --quiet
    })
}
