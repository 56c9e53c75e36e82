//! The words of a diagnosis: a stable one for programs, a sentence for people.

use std::fmt;
use std::time::Duration;

use super::Diagnosis;
use crate::client::check::kinds::{HalfClose, Hold};
use crate::client::excerpt::Excerpt;
use crate::client::traffic::Traffic;
use crate::socket::Segments;

impl Diagnosis {
    /// The stable word for programs, in snake_case.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Works => "works",
            Self::Interrupted => "interrupted",
            Self::Refused => "refused",
            Self::NoAnswer { .. } => "no_answer",
            Self::NotConnected { .. } => "not_connected",
            Self::NotConnectedAgain { .. } => "not_connected_again",
            Self::SlowConnect { .. } => "slow_connect",
            Self::Lossy(_) => "lossy",
            Self::Differs { .. } => "differs",
            Self::Surplus { .. } => "surplus",
            Self::Late { .. } => "late",
            Self::UntilHalfClose => "until_half_close",
            Self::Swallows => "swallows",
            Self::Hangs { .. } => "hangs",
            Self::Partial(_) => "partial",
            Self::Silent => "silent",
            Self::WantsHeader { .. } => "wants_header",
            Self::EchoesHeader => "echoes_header",
            Self::ClosesAtOnce => "closes_at_once",
            Self::ClosesEarly(_) => "closes_early",
            Self::Reset => "reset",
            Self::LargeDiffers { .. } => "large_differs",
            Self::LargeHangs { .. } => "large_hangs",
            Self::LargeSilent => "large_silent",
            Self::WholeLines => "whole_lines",
            Self::LargeStops { .. } => "large_stops",
            Self::LargeClosed { .. } => "large_closed",
            Self::LargeLost { .. } => "large_lost",
            Self::HalfClose { kind: HalfClose::Kept, .. } => "half_close_kept",
            Self::HalfClose { kind: HalfClose::Cut, .. } => "half_close_cut",
            Self::HalfClose { kind: HalfClose::Open, .. } => "half_close_open",
            Self::HalfClose { kind: HalfClose::Reset, .. } => "half_close_reset",
            Self::HalfClose { kind: HalfClose::Stuck, .. } => "half_close_stuck",
            Self::Idle { hold: Hold::Alive, .. } => "idle_alive",
            Self::Idle { hold: Hold::Closed, .. } => "idle_closed",
            Self::Idle { hold: Hold::Reset, .. } => "idle_reset",
            Self::Idle { hold: Hold::Dead, .. } => "idle_dead",
            Self::Idle { hold: Hold::Gone, .. } => "idle_gone",
            Self::Idle { hold: Hold::Mismatch, .. } => "idle_mismatch",
            Self::Other { .. } => "other",
        }
    }
}

impl fmt::Display for Diagnosis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Works => f.write_str("works"),
            Self::Interrupted => f.write_str("interrupted before all was checked"),
            Self::Refused => {
                f.write_str("refused: nothing listens there, or a firewall rejects it")
            }
            Self::NoAnswer { answering: None } => f.write_str(
                "no answer to the connect: a firewall, no way back, the host is down, or its accept \
                 queue is full",
            ),
            Self::NoAnswer { answering: Some(family) } => write!(
                f,
                "no answer to the connect, while {family} is answered: a firewall, a missing way \
                 back, or an address of another host"
            ),
            Self::NotConnected { cause: Some(cause), help: Some(help) } => {
                write!(f, "{cause}: {help}")
            }
            Self::NotConnected { cause: Some(cause), help: None } => cause.fmt(f),
            Self::NotConnected { cause: None, .. } => f.write_str("no address to connect to"),
            Self::NotConnectedAgain { cause } => {
                write!(f, "echoes, but not on a second connection: {cause}")
            }
            Self::SlowConnect { took } => write!(
                f,
                "slow to connect, {took:.1?}: the first packet was sent again, because it was lost \
                 or the accept queue was full"
            ),
            Self::Lossy(Segments { sent, resent, received, out_of_order, .. }) => write!(
                f,
                "slow: packets are lost and sent again ({resent} of {sent} sent again, \
                 {out_of_order} of {received} arrived after a gap)"
            ),
            Self::Differs { offset, instead } => match instead {
                Some(instead) => fmt_instead(f, instead),
                None => {
                    write!(f, "what comes back differs at byte {offset}: is it an echo server?")
                }
            },
            Self::Surplus { instead: Some(instead) } if instead.protocol().is_some() => {
                fmt_instead(f, instead)
            }
            Self::Surplus { instead: Some(instead) } => {
                write!(f, "more comes back than was sent, {instead}: is it an echo server?")
            }
            Self::Surplus { instead: None } => {
                f.write_str("more comes back than was sent: is it an echo server?")
            }
            Self::Late { took: Some(took), allowed } => {
                write!(f, "echoes, but late: it took {took:.1?}, the limit is {allowed:?}")
            }
            Self::Late { took: None, allowed } => {
                write!(f, "echoes, but late: the limit is {allowed:?}")
            }
            Self::UntilHalfClose => f.write_str("nothing comes back until we half-close"),
            Self::Swallows => {
                f.write_str("takes what we send, but returns nothing: is it an echo server?")
            }
            Self::Hangs { after } => write!(
                f,
                "takes less than 1 MiB in {after:?}, and returns nothing: it hangs, is slow, or has \
                 reached its limit of clients"
            ),
            Self::Partial(part) => write!(f, "only {} come back", Part(*part)),
            Self::Silent => f.write_str(
                "accepts, but nothing comes back: the server hangs, or only its system accepts",
            ),
            Self::WantsHeader { version } => write!(
                f,
                "wants a PROXY header: it closes on plain bytes, and echoes after one ({version})"
            ),
            Self::EchoesHeader => {
                f.write_str("expects no PROXY header: it echoes it like any other bytes")
            }
            Self::ClosesAtOnce => f.write_str(
                "accepts, then closes without an echo: a limit or a rule of the server, a proxy \
                 whose server is down, or no echo server",
            ),
            Self::ClosesEarly(part) => write!(f, "closes after {} came back", Part(*part)),
            Self::Reset => f.write_str(
                "the connection is reset: a limit or a rule of the server, a proxy whose server is \
                 down, or no echo server",
            ),
            Self::LargeDiffers { offset } => {
                write!(f, "small messages return, 1 MiB differs at byte {offset}")
            }
            Self::LargeHangs { peer, passes } => {
                f.write_str("small messages return, 1 MiB hangs: probably a path MTU black hole")?;
                if let Some(passes) = passes {
                    write!(f, ", packets of up to {passes} bytes pass")?;
                }
                let icmp = if peer.is_ipv6() { "ICMPv6 type 2" } else { "ICMP type 3 code 4" };
                write!(f, ": let {icmp} pass, or clamp the MSS")
            }
            Self::LargeSilent => f.write_str("small messages return, but nothing of 1 MiB does"),
            Self::WholeLines => {
                f.write_str("returns whole lines only: what follows the last newline is kept back")
            }
            Self::LargeStops { returned } => {
                write!(f, "small messages return, 1 MiB stops after {returned} bytes")
            }
            Self::LargeClosed { returned } => {
                write!(f, "small messages return, 1 MiB is closed after {returned} bytes")
            }
            Self::LargeLost { returned, cause } => {
                write!(f, "small messages return, 1 MiB ends after {returned} bytes: {cause}")
            }
            Self::HalfClose { kind, muted, part } => fmt_half_close(f, *kind, *muted, *part),
            Self::Idle { hold, after, heard } => fmt_idle(f, *hold, *after, heard.as_ref()),
            Self::Other { cause } => cause.fmt(f),
        }
    }
}

/// What was heard from somebody who does not echo.
fn fmt_instead(f: &mut fmt::Formatter<'_>, instead: &Excerpt) -> fmt::Result {
    match instead.protocol() {
        Some(protocol) => {
            write!(f, "not an echo server: it speaks {protocol}, \"{}\"", instead.escaped())
        }
        None => write!(f, "what comes back differs at byte 0, {instead}: is it an echo server?"),
    }
}

fn fmt_idle(
    f: &mut fmt::Formatter<'_>,
    hold: Hold,
    after: Duration,
    heard: Option<&Excerpt>,
) -> fmt::Result {
    let after = rounded(after);
    match hold {
        Hold::Alive => write!(f, "an idle connection is alive after {after}"),
        Hold::Closed => {
            write!(f, "an idle connection is closed after {after}, by the server or on the way")
        }
        Hold::Reset => write!(
            f,
            "an idle connection is reset after {after}, while a new one echoes: the server, or a \
             NAT, balancer or firewall on the way, dropped its state"
        ),
        Hold::Dead => write!(
            f,
            "an idle connection stops working without a reset, known after {after}, while a new \
             one echoes: a NAT or firewall dropped its state"
        ),
        Hold::Gone => write!(
            f,
            "after {after} an idle connection does not work, and a new one neither: the server or \
             the way to it is gone"
        ),
        Hold::Mismatch => {
            write!(f, "after {after} an idle connection returns other bytes than were sent")?;
            heard.map_or(Ok(()), |heard| write!(f, ": {heard}"))
        }
    }
}

/// A time as a person would write it into a configuration: tenths of a second, without if there are
/// none.
fn rounded(time: Duration) -> String {
    let tenths = (time.as_secs_f64() * 10.0).round() / 10.0;
    if tenths.fract() == 0.0 { format!("{tenths:.0}s") } else { format!("{tenths:.1}s") }
}

fn fmt_half_close(
    f: &mut fmt::Formatter<'_>,
    kind: HalfClose,
    muted: bool,
    part: Option<Traffic>,
) -> fmt::Result {
    let part = part.map_or_else(|| "something else".to_owned(), |part| Part(part).to_string());
    match (kind, muted) {
        (HalfClose::Kept, false) => f.write_str("the half-close works"),
        (HalfClose::Open, false) => {
            f.write_str("everything returns, but the far end never closes when we half-close")
        }
        (HalfClose::Open, true) => {
            f.write_str("nothing comes back until we half-close, then everything, but the far end does not close")
        }
        (HalfClose::Reset, false) => {
            f.write_str("everything returns, but the far end resets when we half-close")
        }
        (HalfClose::Reset, true) => {
            f.write_str("nothing comes back until we half-close, then everything and a reset")
        }
        (HalfClose::Stuck, false) => {
            write!(f, "only {part} return when we half-close, and the far end does not close")
        }
        (HalfClose::Cut, false) => f.write_str("the far end cuts the reply when we half-close"),
        (HalfClose::Kept | HalfClose::Cut | HalfClose::Stuck, true) => {
            write!(f, "nothing comes back until we half-close, then {part}")
        }
    }
}

/// `3 of 64 bytes`.
struct Part(Traffic);

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {} bytes", self.0.returned, self.0.sent)
    }
}
