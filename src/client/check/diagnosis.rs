//! What was found at an address in, what is wrong there out, and what that probably means.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use super::checked::{Checked, StepFailure};
use super::kinds::{HalfClose, Hold, Mute, Step};
use super::sizes::Passing;
use crate::address::Families;
use crate::client::error::SendError;
use crate::client::excerpt::Excerpt;
use crate::client::traffic::Traffic;
use crate::error::{Cause, CauseKind};
use crate::proxy::Version;
use crate::socket::Segments;

/// What is wrong at an address. Displays as a phrase that a person can act on.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Diagnosis {
    /// Nothing is wrong.
    Works,
    /// The check was stopped before anything was found to be wrong.
    Interrupted,
    /// The connect was refused.
    Refused,
    /// The connect was not answered.
    NoAnswer {
        /// The other family, if the same target answers over that.
        answering: Option<Families>,
    },
    /// The connect failed otherwise.
    NotConnected {
        /// What the system said.
        cause: Option<Cause>,
        /// What that means, where it can be told.
        help: Option<String>,
    },
    /// Everything works, but the connect had to be asked for again.
    SlowConnect {
        /// How long it took.
        took: Duration,
    },
    /// Everything works, but many packets were lost and sent again.
    Lossy(Segments),
    /// A connection was made and used, but not a second one.
    NotConnectedAgain {
        /// What kind of thing went wrong.
        cause: CauseKind,
    },
    /// Other bytes came back.
    Differs {
        /// The number of bytes before the first that differs.
        offset: u64,
        /// What came instead of an echo.
        instead: Option<Excerpt>,
    },
    /// More bytes came back than were sent.
    Surplus {
        /// What came on top of them.
        instead: Option<Excerpt>,
    },
    /// The echo came, but later than allowed.
    Late {
        /// How long it took.
        took: Option<Duration>,
        /// How long it may take.
        allowed: Duration,
    },
    /// Nothing came back before the half-close.
    UntilHalfClose,
    /// The server takes everything and returns nothing.
    Swallows,
    /// The server hardly reads, and returns nothing.
    Hangs {
        /// How long it was given.
        after: Duration,
    },
    /// A small message came back in part.
    Partial(Traffic),
    /// A small message did not come back.
    Silent,
    /// The server closed on plain bytes, and echoes behind a PROXY header.
    WantsHeader {
        /// The version that it took.
        version: Version,
    },
    /// The server returned a PROXY header as if it was a message.
    EchoesHeader,
    /// The server closed without an echo.
    ClosesAtOnce,
    /// The server closed when a part of a small message was back.
    ClosesEarly(Traffic),
    /// The connection was reset.
    Reset,
    /// A large message came back changed.
    LargeDiffers {
        /// The number of bytes before the first that differs.
        offset: u64,
    },
    /// Nothing of a large message came back, over a network.
    LargeHangs {
        /// The address.
        peer: SocketAddr,
        /// The bytes of the largest packet that passes, if it is known.
        passes: Option<u32>,
    },
    /// Nothing of a large message came back, and it is not the size of the packets.
    LargeSilent,
    /// A large message stopped on its way back.
    LargeStops {
        /// Bytes that came back.
        returned: u64,
    },
    /// The server closed before all of a large message was back.
    LargeClosed {
        /// Bytes that came back.
        returned: u64,
    },
    /// The connection was lost before all of a large message was back.
    LargeLost {
        /// Bytes that came back.
        returned: u64,
        /// What kind of thing went wrong.
        cause: CauseKind,
    },
    /// The half-close is not answered as it should.
    HalfClose {
        /// What the server does.
        kind: HalfClose,
        /// Whether it returned nothing before the half-close.
        muted: bool,
        /// The bytes of the message, where it was not returned whole.
        part: Option<Traffic>,
    },
    /// An idle connection did not survive.
    Idle {
        /// How it ended.
        hold: Hold,
        /// After how long.
        after: Duration,
        /// What came instead of an echo.
        heard: Option<Excerpt>,
    },
    /// Something else.
    Other {
        /// What kind of thing went wrong.
        cause: CauseKind,
    },
}

impl Checked {
    /// What is wrong, and what that probably means.
    #[must_use]
    pub fn diagnosis(&self) -> Diagnosis {
        Diagnosis::of(self)
    }
}

impl Diagnosis {
    /// Decides what the result of a check means.
    fn of(checked: &Checked) -> Self {
        let Some(StepFailure { step, error }) = &checked.failure else {
            return match checked.hold {
                Some(Hold::Alive) | None if !checked.finished => Self::Interrupted,
                Some(Hold::Alive) | None => Self::of_well(checked),
                Some(hold) => {
                    let after = checked.held.unwrap_or_default();
                    Self::Idle { hold, after, heard: checked.heard.clone() }
                }
            };
        };
        match (step, error) {
            (Step::Connect, SendError::Connect(error)) => match error.cause() {
                CauseKind::Refused => Self::Refused,
                CauseKind::Timeout => Self::NoAnswer { answering: None },
                _ => Self::NotConnected {
                    cause: error.likeliest().map(|(_, cause)| cause.clone()),
                    help: error.help(),
                },
            },
            (_, SendError::Connect(error)) => Self::NotConnectedAgain { cause: error.cause() },
            (Step::Echo, SendError::Mismatch { .. } | SendError::Surplus { .. })
                if checked.echoes_header =>
            {
                Self::EchoesHeader
            }
            (Step::Bulk, &SendError::Mismatch { offset, .. }) => Self::LargeDiffers { offset },
            (_, SendError::Mismatch { offset, instead, .. }) => {
                Self::Differs { offset: *offset, instead: instead.clone() }
            }
            (_, SendError::Surplus { instead, .. }) => Self::Surplus { instead: instead.clone() },
            (Step::Connect | Step::Echo, error) => Self::of_small(checked, error),
            (Step::Bulk, error) => Self::of_large(checked, error),
            (Step::HalfClose, error) => match checked.half_close {
                Some(kind) => {
                    let (muted, part) = (checked.mute.is_some(), error.traffic());
                    Self::HalfClose { kind, muted, part }
                }
                None => Self::Other { cause: error.cause() },
            },
            (Step::Hold, error) => Self::NotConnectedAgain { cause: error.cause() },
        }
    }

    /// What it took, if everything works.
    fn of_well(checked: &Checked) -> Self {
        match (checked.connect, checked.segments) {
            (_, Some(segments)) if segments.are_lossy() => Self::Lossy(segments),
            (Some(took), _) if checked.connect_resent > 0 => Self::SlowConnect { took },
            _ => Self::Works,
        }
    }

    /// The same, of a target that answers over the family `answering`.
    pub(super) fn beside(self, other: Option<Families>) -> Self {
        match self {
            Self::NoAnswer { .. } => Self::NoAnswer { answering: other },
            same => same,
        }
    }

    /// What a small message that did not come back means.
    fn of_small(checked: &Checked, error: &SendError) -> Self {
        if let Some(version) = checked.wants_header {
            return Self::WantsHeader { version };
        }
        match *error {
            SendError::Timeout { sent, returned, after, .. } => match checked.mute {
                Some(Mute::Late) => Self::Late { took: checked.echo, allowed: after },
                Some(Mute::UntilHalfClose) => Self::UntilHalfClose,
                Some(Mute::Swallows) => Self::Swallows,
                Some(Mute::Hangs) => Self::Hangs { after },
                None if returned > 0 => Self::Partial(Traffic { sent, returned }),
                None => Self::Silent,
            },
            SendError::Short { returned: 0, .. } => Self::ClosesAtOnce,
            SendError::Short { sent, returned, .. } => {
                Self::ClosesEarly(Traffic { sent, returned })
            }
            _ if error.cause() == CauseKind::Reset => Self::Reset,
            _ => Self::Other { cause: error.cause() },
        }
    }

    /// What a large message that did not come back means.
    fn of_large(checked: &Checked, error: &SendError) -> Self {
        match *error {
            SendError::Timeout { returned: 0, peer, .. } if peer.ip().is_loopback() => {
                Self::LargeSilent
            }
            SendError::Timeout { returned: 0, peer, .. } => match checked.passing {
                Some(Passing::All | Passing::None) => Self::LargeSilent,
                passing => Self::LargeHangs { peer, passes: passing.and_then(Passing::bytes) },
            },
            SendError::Timeout { returned, .. } => Self::LargeStops { returned },
            SendError::Short { returned, .. } => Self::LargeClosed { returned },
            SendError::Lost { returned, .. } => Self::LargeLost { returned, cause: error.cause() },
            _ => Self::Other { cause: error.cause() },
        }
    }

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
                 {out_of_order} of {received} came behind a gap)"
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
                write!(f, "echoes, but late: that took {took:.1?}, and {allowed:?} are allowed")
            }
            Self::Late { took: None, allowed } => {
                write!(f, "echoes, but late: {allowed:?} are allowed")
            }
            Self::UntilHalfClose => f.write_str("nothing comes back until we half-close"),
            Self::Swallows => {
                f.write_str("takes what we send, but returns nothing: is it an echo server?")
            }
            Self::Hangs { after } => write!(
                f,
                "takes less than 1 MiB in {after:?}, and returns nothing: it hangs, is slow, or has as \
                 many clients as it takes"
            ),
            Self::Partial(part) => write!(f, "only {} come back", Part(*part)),
            Self::Silent => f.write_str(
                "accepts, but nothing comes back: the server hangs, or only its system accepts",
            ),
            Self::WantsHeader { version } => write!(
                f,
                "wants a PROXY header: it closes on plain bytes, and echoes behind one ({version})"
            ),
            Self::EchoesHeader => {
                f.write_str("expects no PROXY header: it echoes it like any other bytes")
            }
            Self::ClosesAtOnce => f.write_str(
                "accepts, then closes without an echo: a limit or a rule of the server, a proxy \
                 without one behind it, or no echo server",
            ),
            Self::ClosesEarly(part) => write!(f, "closes when {} are back", Part(*part)),
            Self::Reset => f.write_str(
                "the connection is reset: a limit of the server, or a proxy without one behind it",
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
            Self::LargeSilent => f.write_str("small messages return, of 1 MiB nothing does"),
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
            write!(f, "no echo server: it speaks {protocol}, \"{}\"", instead.escaped())
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
            write!(f, "an idle connection brings other bytes than were sent after {after}")?;
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
            f.write_str("nothing comes back until we half-close, and then everything, but no end")
        }
        (HalfClose::Reset, false) => {
            f.write_str("everything returns, but the far end resets when we half-close")
        }
        (HalfClose::Reset, true) => {
            f.write_str("nothing comes back until we half-close, and then everything, and a reset")
        }
        (HalfClose::Stuck, false) => {
            write!(f, "only {part} return when we half-close, and the far end does not close")
        }
        (HalfClose::Cut, false) => f.write_str("the far end cuts the reply when we half-close"),
        (HalfClose::Kept | HalfClose::Cut | HalfClose::Stuck, true) => {
            write!(f, "nothing comes back until we half-close, and then {part}")
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

#[cfg(test)]
mod tests {
    use std::io;
    use std::net::SocketAddr;

    use super::*;
    use crate::client::attempt::{Attempt, Outcome};
    use crate::client::error::ConnectError;

    const SECOND: Duration = Duration::from_secs(1);

    fn far() -> SocketAddr {
        "[2001:db8::7]:7".parse().unwrap()
    }

    fn near() -> SocketAddr {
        "127.0.0.1:7".parse().unwrap()
    }

    fn timeout(peer: SocketAddr, sent: u64, returned: u64) -> SendError {
        SendError::Timeout { peer, sent, returned, after: SECOND }
    }

    fn short(sent: u64, returned: u64) -> SendError {
        SendError::Short { peer: far(), sent, returned }
    }

    fn lost(kind: io::ErrorKind, sent: u64, returned: u64) -> SendError {
        SendError::Lost { peer: far(), sent, returned, source: io::Error::from(kind).into() }
    }

    fn unconnected(kind: io::ErrorKind) -> SendError {
        let outcome = Outcome::Failed(io::Error::from(kind).into());
        let attempts = vec![Attempt { address: far(), outcome }];
        SendError::Connect(ConnectError::NoneAccepts { attempts, source: None })
    }

    /// A finished check in which a step failed.
    fn failed(step: Step, error: SendError) -> Checked {
        let mut checked = Checked::new(far());
        checked.finished = true;
        checked.fail(step, error);
        checked
    }

    fn muted(mute: Mute) -> Checked {
        let mut checked = failed(Step::Echo, timeout(far(), 64, 0));
        checked.mute = Some(mute);
        checked.echo = Some(Duration::from_millis(1400));
        checked
    }

    fn half_closed(kind: HalfClose, mute: Option<Mute>, error: SendError) -> Checked {
        let mut checked = failed(Step::HalfClose, error);
        (checked.half_close, checked.mute) = (Some(kind), mute);
        checked
    }

    fn wanting(error: SendError) -> Checked {
        let mut checked = failed(Step::Echo, error);
        checked.wants_header = Some(Version::V1);
        checked
    }

    fn echoing(error: SendError) -> Checked {
        let mut checked = failed(Step::Echo, error);
        checked.echoes_header = true;
        checked
    }

    fn held(hold: Hold) -> Checked {
        let mut checked = Checked::new(far());
        (checked.finished, checked.hold) = (true, Some(hold));
        checked.held = Some(Duration::from_millis(61_020));
        checked
    }

    fn heard(bytes: &[u8]) -> Checked {
        let mut checked = held(Hold::Mismatch);
        checked.heard = Excerpt::of(bytes);
        checked
    }

    fn instead(bytes: &[u8]) -> Checked {
        let instead = Excerpt::of(bytes);
        let got = bytes[0];
        failed(
            Step::Echo,
            SendError::Mismatch { peer: far(), offset: 0, expected: 1, got, instead },
        )
    }

    fn passing(passing: Passing) -> Checked {
        let mut checked = failed(Step::Bulk, timeout(far(), 1 << 20, 0));
        checked.passing = Some(passing);
        checked
    }

    /// Everything works, and took so many segments.
    fn slow(resent: u64, connect_resent: u64) -> Checked {
        let mut checked = Checked::new(far());
        checked.finished = true;
        checked.connect = Some(SECOND);
        checked.connect_resent = connect_resent;
        let segments = checked.segments.get_or_insert_default();
        (segments.sent, segments.resent) = (1000, resent);
        checked
    }

    #[test]
    fn each_result_has_its_diagnosis() {
        use io::ErrorKind::{ConnectionRefused, ConnectionReset, HostUnreachable, TimedOut};
        let reset = ConnectionReset;
        let mismatch =
            || SendError::Mismatch { peer: far(), offset: 9, expected: 1, got: 2, instead: None };
        let surplus = || SendError::Surplus { peer: far(), sent: 64, instead: None };
        let wait = Some(Mute::UntilHalfClose);
        for (checked, code, verdict, phrase) in [
            (held(Hold::Alive), "works", "ok", "works"),
            (Checked::new(far()), "interrupted", "interrupted", "interrupted before"),
            (
                held(Hold::Closed),
                "idle_closed",
                "closed",
                "an idle connection is closed after 61s, by the server or on the way",
            ),
            (held(Hold::Reset), "idle_reset", "reset", "an idle connection is reset"),
            (held(Hold::Dead), "idle_dead", "dead", "without a reset"),
            (held(Hold::Gone), "idle_gone", "gone", "and a new one neither"),
            (
                held(Hold::Mismatch),
                "idle_mismatch",
                "mismatch",
                "brings other bytes than were sent",
            ),
            (
                heard(b"HTTP/1.1 408 Request Timeout"),
                "idle_mismatch",
                "mismatch",
                "after 61s: HTTP: \"HTTP/1.1 408",
            ),
            (slow(9, 0), "works", "ok", "works"),
            (
                slow(10, 0),
                "lossy",
                "slow",
                "packets are lost and sent again (10 of 1000 sent again",
            ),
            (slow(1, 1), "slow_connect", "slow", "slow to connect, 1.0s: the first packet"),
            (
                instead(b"SSH-2.0-OpenSSH_9.2"),
                "differs",
                "mismatch",
                "no echo server: it speaks SSH, \"SSH-2.0-OpenSSH_9.2\"",
            ),
            (instead(b"hi!"), "differs", "mismatch", "differs at byte 0, \"hi!\": is it"),
            (
                failed(Step::Connect, unconnected(ConnectionRefused)),
                "refused",
                "refused",
                "refused: nothing listens there, or a firewall rejects it",
            ),
            (failed(Step::Connect, unconnected(TimedOut)), "no_answer", "timeout", "no answer"),
            (
                failed(Step::Connect, unconnected(HostUnreachable)),
                "not_connected",
                "unreachable",
                "host unreachable: the host does not answer on its own network",
            ),
            (
                failed(Step::Bulk, unconnected(ConnectionRefused)),
                "not_connected_again",
                "refused",
                "not on a second connection: connection refused",
            ),
            (
                failed(Step::Hold, timeout(far(), 64, 0)),
                "not_connected_again",
                "timeout",
                "not on a second connection: timed out",
            ),
            (failed(Step::Echo, mismatch()), "differs", "mismatch", "differs at byte 9: is it"),
            (failed(Step::HalfClose, mismatch()), "differs", "mismatch", "differs at byte 9"),
            (
                failed(Step::Bulk, mismatch()),
                "large_differs",
                "mismatch",
                "1 MiB differs at byte 9",
            ),
            (failed(Step::Echo, surplus()), "surplus", "mismatch", "more comes back"),
            (muted(Mute::Late), "late", "late", "that took 1.4s, and 1s are allowed"),
            (muted(Mute::UntilHalfClose), "until_half_close", "timeout", "until we half-close"),
            (muted(Mute::Swallows), "swallows", "timeout", "takes what we send"),
            (muted(Mute::Hangs), "hangs", "timeout", "takes less than 1 MiB in 1s"),
            (
                failed(Step::Echo, timeout(far(), 64, 3)),
                "partial",
                "timeout",
                "only 3 of 64 bytes come back",
            ),
            (
                failed(Step::Echo, timeout(far(), 64, 0)),
                "silent",
                "timeout",
                "accepts, but nothing",
            ),
            (
                wanting(short(64, 0)),
                "wants_header",
                "short",
                "wants a PROXY header: it closes on plain bytes, and echoes behind one (v1)",
            ),
            (echoing(mismatch()), "echoes_header", "mismatch", "expects no PROXY header"),
            // The header comes back before the message is sent.
            (echoing(surplus()), "echoes_header", "mismatch", "expects no PROXY header"),
            (wanting(lost(reset, 64, 0)), "wants_header", "reset", "wants a PROXY header"),
            (failed(Step::Echo, short(64, 0)), "closes_at_once", "short", "accepts, then closes"),
            (
                failed(Step::Echo, short(64, 3)),
                "closes_early",
                "short",
                "closes when 3 of 64 bytes are back",
            ),
            (failed(Step::Echo, lost(reset, 64, 0)), "reset", "reset", "the connection is reset"),
            (
                failed(Step::Echo, lost(HostUnreachable, 64, 0)),
                "other",
                "unreachable",
                "unreachable",
            ),
            (
                failed(Step::Bulk, timeout(far(), 1 << 20, 0)),
                "large_hangs",
                "timeout",
                "probably a path MTU black hole: let ICMPv6 type 2 pass, or clamp the MSS",
            ),
            (
                passing(Passing::UpTo(1300)),
                "large_hangs",
                "timeout",
                "black hole, packets of up to 1300 bytes pass: let ICMPv6",
            ),
            (passing(Passing::All), "large_silent", "timeout", "of 1 MiB nothing does"),
            (
                failed(Step::Bulk, timeout(near(), 1 << 20, 0)),
                "large_silent",
                "timeout",
                "of 1 MiB nothing does",
            ),
            (
                failed(Step::Bulk, timeout(far(), 1 << 20, 5)),
                "large_stops",
                "timeout",
                "1 MiB stops after 5 bytes",
            ),
            (
                failed(Step::Bulk, short(1 << 20, 5)),
                "large_closed",
                "short",
                "closed after 5 bytes",
            ),
            (
                failed(Step::Bulk, lost(reset, 1 << 20, 5)),
                "large_lost",
                "reset",
                "1 MiB ends after 5 bytes: connection reset",
            ),
            (
                half_closed(HalfClose::Cut, None, short(64, 0)),
                "half_close_cut",
                "cut",
                "cuts the reply when we half-close",
            ),
            (
                half_closed(HalfClose::Cut, wait, short(64, 63)),
                "half_close_cut",
                "cut",
                "until we half-close, and then 63 of 64 bytes",
            ),
            (
                half_closed(HalfClose::Open, None, timeout(far(), 64, 64)),
                "half_close_open",
                "timeout",
                "never closes when we half-close",
            ),
            (
                half_closed(HalfClose::Open, wait, timeout(far(), 64, 64)),
                "half_close_open",
                "timeout",
                "and then everything, but no end",
            ),
            (
                half_closed(HalfClose::Reset, None, lost(reset, 64, 64)),
                "half_close_reset",
                "reset",
                "resets when we half-close",
            ),
            (
                half_closed(HalfClose::Reset, wait, lost(reset, 64, 64)),
                "half_close_reset",
                "reset",
                "and then everything, and a reset",
            ),
            (
                half_closed(HalfClose::Stuck, None, timeout(far(), 64, 5)),
                "half_close_stuck",
                "timeout",
                "only 5 of 64 bytes return when we half-close",
            ),
            (failed(Step::HalfClose, lost(HostUnreachable, 64, 0)), "other", "unreachable", ""),
        ] {
            let diagnosis = checked.diagnosis();
            assert_eq!((diagnosis.code(), checked.verdict()), (code, verdict), "{checked:?}");
            let said = diagnosis.to_string();
            assert!(said.contains(phrase), "{phrase}: {said}");
        }
    }
}
