//! `--hold`: a flag in, how long connections are silent out.

use std::time::Duration;

use echo6::client::IdleTimeout;

use crate::cli::values::parse_timeout;

/// How long connections are to be silent, one each.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Hold(pub(super) Vec<Duration>);

/// Reads `5m`, `auto` or `auto=5m`.
pub(super) fn parse_hold(text: &str) -> Result<Hold, String> {
    Ok(Hold(match text.strip_prefix("auto") {
        Some("") => IdleTimeout::periods(None),
        Some(most) => match most.strip_prefix('=') {
            Some(most) => IdleTimeout::periods(Some(parse_timeout(most)?)),
            None => return Err(format!("must be a duration, auto, or auto=D: {text}")),
        },
        None => vec![parse_timeout(text)?],
    }))
}

/// How far a check is, for the line on stderr.
pub(super) fn progress(seconds: u64, hold: Option<&Hold>) -> String {
    match hold.map(|hold| &hold.0[..]) {
        Some([one]) => format!("checking for {seconds} s, and --hold takes {one:?}"),
        Some([first, .., last]) => format!(
            "checking for {seconds} s, with silences from {first:?} to {last:?}, until a connection does not survive one"
        ),
        Some([]) | None => format!("checking for {seconds} s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_is_a_time_or_several_with_or_without_a_bound() {
        for (text, silences) in [
            ("5m", Some(vec![300])),
            ("auto", Some(vec![10, 25, 35, 65, 125, 185, 305, 605])),
            ("auto=30s", Some(vec![10, 25, 30])),
            ("auto=", None),
            ("auto=0", None),
            ("automatic", None),
            ("0", None),
        ] {
            let expected =
                silences.map(|all| Hold(all.into_iter().map(Duration::from_secs).collect()));
            assert_eq!(parse_hold(text).ok(), expected, "{text}");
        }
    }

    #[test]
    fn progress_says_how_long_it_may_take() {
        for (text, said) in [
            (None, "checking for 3 s"),
            (Some("1m"), "checking for 3 s, and --hold takes 60s"),
            (
                Some("auto=25"),
                "checking for 3 s, with silences from 10s to 25s, until a connection does not survive one",
            ),
        ] {
            let hold = text.map(|text| parse_hold(text).unwrap());
            assert_eq!(progress(3, hold.as_ref()), said);
        }
    }
}
