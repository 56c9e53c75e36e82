//! A text that is no fault in, what was probably meant out.

use super::Reader;
use crate::fault::error::{FaultErrorKind as Kind, Wrong};
use crate::fault::kind::FaultKind;

/// Writes the whole text as it was probably meant: without blanks, with the name that is nearest to a
/// wrong one, with the sign that is missing before a value or an offset, and with a share in front.
pub(super) fn likely_fix(text: &str, wrong: Wrong) -> Option<String> {
    if text.len() > LONGEST {
        return None;
    }
    let joined: String = text.split_whitespace().collect();
    let reads = |text: &String| Reader::new(text).fault().is_ok();
    if joined != text && reads(&joined) {
        return Some(joined);
    }
    if let Some(share_first) = with_share_first(&joined).filter(reads) {
        return Some(share_first);
    }
    if wrong.kind != Kind::UnknownName {
        return None;
    }
    let (before, behind) = text.split_at_checked(wrong.position)?;
    let name = behind.split(['=', '~', '@']).next()?;
    let rest = &behind[name.len()..];
    let (word, number) = name.split_at(name.find(char::is_numeric).unwrap_or(name.len()));
    let meant = FaultKind::nearest(name).or_else(|| FaultKind::nearest(word))?.name();
    let signs = if number.is_empty() { &[""][..] } else { &["=", "@"] };
    let written = signs.iter().map(|sign| format!("{before}{meant}{sign}{number}{rest}"));
    written.into_iter().find(reads)
}

/// `NAME=P%`, which netem(8) writes, as `P%NAME`.
fn with_share_first(text: &str) -> Option<String> {
    let (head, rest) = text.split_once('%')?;
    let (name, share) = head.split_at(head.find(char::is_numeric)?);
    let kind = FaultKind::nearest(name.trim_end_matches('='))?;
    Some(format!("{share}%{}{rest}", kind.name()))
}

/// No fault that people type is longer.
const LONGEST: usize = 100;
