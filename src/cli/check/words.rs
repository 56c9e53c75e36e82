//! What was found at an address in, a word for the table and a sentence to act on out.

use echo6::address::Families;
use echo6::client::{Checked, HalfClose, Hold, Mute, SendError, Step};

use crate::cli::text::millis;

/// One word: `ok`, or what is wrong.
pub(crate) fn verdict(checked: &Checked) -> &'static str {
    match (&checked.failure, checked.hold) {
        (Some((Step::HalfClose, _)), _) if checked.half_close == Some(HalfClose::Cut) => "cut",
        (Some(_), _) if checked.mute == Some(Mute::Late) => "late",
        (Some((_, error)), _) => error.cause().code(),
        (None, None | Some(Hold::Alive)) if !checked.finished => "interrupted",
        (None, None | Some(Hold::Alive)) => "ok",
        (None, Some(silent)) => hold(silent),
    }
}

pub(crate) fn half_close(half_close: HalfClose) -> &'static str {
    match half_close {
        HalfClose::Kept => "kept",
        HalfClose::Cut => "cut",
        HalfClose::Open => "open",
        HalfClose::Reset => "reset",
        _ => "stuck",
    }
}

pub(crate) fn mute(mute: Mute) -> &'static str {
    match mute {
        Mute::Late => "late",
        Mute::UntilHalfClose => "until_half_close",
        Mute::Swallows => "swallows",
        _ => "hangs",
    }
}

pub(crate) fn hold(hold: Hold) -> &'static str {
    match hold {
        Hold::Alive => "alive",
        Hold::Closed => "closed",
        Hold::Reset => "reset",
        Hold::Dead => "dead",
        _ => "mismatch",
    }
}

/// `IPv6: refused; IPv4 works`: what is wrong first, each address by its family unless that has
/// several.
pub(crate) fn sentence(all: &[Checked]) -> String {
    let name = |checked: &Checked| {
        let family = Families::of(checked.address);
        let same = all.iter().filter(|other| Families::of(other.address) == family).count();
        if same > 1 { checked.address.to_string() } else { family.to_string() }
    };
    let wrong = all.iter().filter(|checked| !checked.is_well());
    let mut phrases: Vec<String> =
        wrong.map(|checked| format!("{}: {}", name(checked), trouble(checked))).collect();
    let well: Vec<String> = all.iter().filter(|checked| checked.is_well()).map(name).collect();
    match &well[..] {
        [] => {}
        [one] => phrases.push(format!("{one} works")),
        [most @ .., last] => phrases.push(format!("{} and {last} work", most.join(", "))),
    }
    phrases.join("; ")
}

/// What is wrong, and what that probably means.
fn trouble(checked: &Checked) -> String {
    match &checked.failure {
        Some((step, error)) if checked.finished => failed(checked, *step, error),
        Some((step, error)) => format!("{} (interrupted)", failed(checked, *step, error)),
        None => match checked.hold {
            Some(Hold::Alive) | None => "interrupted before all was checked",
            Some(Hold::Closed) => "a silent connection is closed, by the server or on the way",
            Some(Hold::Reset) => "a silent connection is reset: the way forgets idle flows",
            Some(Hold::Dead) => "a silent connection dies unsaid: a NAT or firewall forgot it",
            Some(_) => "after a silence other bytes come than were sent",
        }
        .to_owned(),
    }
}

fn failed(checked: &Checked, step: Step, error: &SendError) -> String {
    match (step, error) {
        (Step::Connect, SendError::Connect(connect)) => match error.cause().code() {
            "timeout" => "no answer to the connect: a firewall, or the host is down".to_owned(),
            "refused" => "refused".to_owned(),
            _ => connect.likeliest().map_or_else(String::new, |(_, cause)| cause.to_string()),
        },
        (Step::Bulk, SendError::Mismatch { offset, .. }) => {
            format!("small messages return, 1 MiB differs at byte {offset}")
        }
        (_, SendError::Mismatch { offset, .. }) => {
            format!("what comes back differs at byte {offset}: is it an echo server?")
        }
        (_, SendError::Surplus { .. }) => {
            "more comes back than was sent: is it an echo server?".to_owned()
        }
        (Step::Echo, SendError::Timeout { sent, returned, after, .. }) => match checked.mute {
            Some(Mute::Late) => {
                let late = checked.echo.map_or_else(|| "longer".to_owned(), |t| millis(t) + " ms");
                format!("echoes, but late: that took {late}, and {after:?} are allowed")
            }
            Some(Mute::UntilHalfClose) => "nothing comes back until we half-close".to_owned(),
            Some(Mute::Swallows) => {
                "takes what we send, but returns nothing: is it an echo server?".to_owned()
            }
            Some(Mute::Hangs) => {
                format!(
                    "takes less than 1 MiB in {after:?}, and returns nothing: it hangs or is slow"
                )
            }
            _ if *returned > 0 => format!("only {returned} of {sent} bytes come back"),
            _ => "accepts, but nothing comes back".to_owned(),
        },
        (Step::Echo, SendError::Short { returned: 0, .. }) => {
            "accepts, then closes without an echo".to_owned()
        }
        (Step::Echo, SendError::Short { sent, returned, .. }) => {
            format!("closes when {returned} of {sent} bytes are back")
        }
        (Step::Bulk, SendError::Timeout { returned: 0, peer, .. }) if peer.ip().is_loopback() => {
            "small messages return, of 1 MiB nothing does".to_owned()
        }
        (Step::Bulk, SendError::Timeout { returned: 0, .. }) => {
            "small messages return, 1 MiB hangs: probably a path MTU black hole".to_owned()
        }
        (Step::Bulk, SendError::Timeout { returned, .. }) => {
            format!("small messages return, 1 MiB stops after {returned} bytes")
        }
        (Step::Bulk, SendError::Short { returned, .. }) => {
            format!("small messages return, 1 MiB is closed after {returned} bytes")
        }
        (Step::Bulk, SendError::Lost { returned, .. }) => {
            format!(
                "small messages return, 1 MiB ends after {returned} bytes: {}",
                error.cause().code()
            )
        }
        (_, SendError::Connect(_)) => {
            format!("echoes, but a second connection fails: {}", error.cause().code())
        }
        (Step::HalfClose, _) => half_closed(checked, error),
        (Step::Hold, _) => {
            format!("echoes, but not on a second connection: {}", error.cause().code())
        }
        (_, SendError::Lost { source, .. }) if source.is_reset() => {
            "the connection is reset".to_owned()
        }
        (_, error) => error.cause().code().to_owned(),
    }
}

/// What is wrong with the half-close.
fn half_closed(checked: &Checked, error: &SendError) -> String {
    let part = error.traffic().map_or_else(
        || "something else".to_owned(),
        |traffic| format!("{} of {} bytes", traffic.returned, traffic.sent),
    );
    match (checked.half_close, checked.mute.is_some()) {
        (None, _) => error.cause().code().to_owned(),
        (Some(HalfClose::Open), false) => {
            "everything returns, but the far end never closes when we half-close".to_owned()
        }
        (Some(HalfClose::Open), true) => {
            "nothing comes back until we half-close, and then everything, but no end".to_owned()
        }
        (Some(HalfClose::Reset), false) => {
            "everything returns, but the far end resets when we half-close".to_owned()
        }
        (Some(HalfClose::Reset), true) => {
            "nothing comes back until we half-close, and then everything, and a reset".to_owned()
        }
        (Some(HalfClose::Stuck), false) => {
            format!("only {part} return when we half-close, and the far end does not close")
        }
        (Some(_), false) => "the far end cuts the reply when we half-close".to_owned(),
        (Some(_), true) => format!("nothing comes back until we half-close, and then {part}"),
    }
}
