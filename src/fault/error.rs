//! What is wrong with a text that should have been a fault, and at which byte.

use std::fmt;

use super::kind::{FaultKind, Offset};
use crate::kind::kind;

/// A text that is not a [`Fault`](super::Fault): what is wrong, where, and the likely fix.
///
/// # Examples
///
/// ```
/// use echo6::fault::{Fault, FaultErrorKind};
///
/// let error = "10%flop@1000".parse::<Fault>().unwrap_err();
/// assert_eq!((error.kind(), error.position()), (FaultErrorKind::UnknownName, 3));
/// assert_eq!(error.help(), r#"write "10%flip@1000""#);
/// assert_eq!(error.to_string(), r#"invalid fault "10%flop@1000": unknown name at byte 3"#);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0)]
pub struct FaultError(Box<Details>); // one pointer, so that a Result stays small where all is well

#[derive(Clone, Debug, PartialEq, Eq)]
struct Details {
    wrong: Wrong,
    input: String,
    help: String,
}

/// A kind of error and the byte it stands at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Wrong {
    pub(super) kind: FaultErrorKind,
    pub(super) position: usize,
}

kind! {
    /// The ways in which a text fails to be a fault.
    pub enum FaultErrorKind {
        /// There is no text.
        Empty = "empty", "empty";
        /// `P%` is no number greater than 0 and up to 100.
        Percent = "percent", "not a percentage from 0.0001 to 100";
        /// `N*` is not a number of at least 1.
        Count = "count", "not a number of at least 1";
        /// `P%` or `N*` where nothing can be drawn: nobody is accepted.
        UnexpectedChance = "unexpected_chance", "unexpected P% or N*";
        /// No fault has this name.
        UnknownName = "unknown_name", "unknown name";
        /// The fault needs a value.
        MissingValue = "missing_value", "missing value";
        /// The fault takes no value.
        UnexpectedValue = "unexpected_value", "unexpected value";
        /// The value is no duration.
        Time = "time", "not a duration";
        /// The value is no size, or zero where that would mean nothing.
        Size = "size", "not a size";
        /// More than can be kept.
        TooMuch = "too_much", "more than 16M";
        /// The value is no text, or has an escape that does not exist.
        Text = "text", "not a text";
        /// `~` behind a value that has no jitter.
        UnexpectedJitter = "unexpected_jitter", "unexpected jitter";
        /// `@` behind a fault that has no offset.
        UnexpectedOffset = "unexpected_offset", "unexpected offset";
        /// The offset is no number of bytes.
        Offset = "offset", "not an offset";
    }
}

impl FaultErrorKind {
    /// The rule that the text breaks, as a phrase.
    fn rule(self) -> &'static str {
        match self {
            Self::Empty => "a fault looks like flip@1000 or 10%delay=100ms~20ms",
            Self::Percent => "a percentage looks like 10% or 0.5%",
            Self::Count => "the first two connections are 2*",
            Self::UnexpectedChance => {
                "P% and N* are applied when a connection is accepted: leave them out"
            }
            Self::UnknownName => "a fault is [P%][N*]NAME[=VALUE[~JITTER]][@OFFSET]",
            Self::MissingValue | Self::UnexpectedValue => "see the example of this fault",
            Self::Time => "a duration has a unit or is in seconds: 50us, 100ms, 2s, 5m, 1h",
            Self::Size => "a size is a number of bytes of at least 1, or has a unit: 64k, 1M, 1G",
            Self::TooMuch => "at most 16M are kept, to be sent again",
            Self::Text => r#"a text has one byte at least; \r \n \t \0 \\ \@ and \x7f are escapes"#,
            Self::UnexpectedJitter => "only a duration or a size has a jitter",
            Self::UnexpectedOffset => "this fault concerns the whole connection",
            Self::Offset => "an offset is a number of bytes, such as 1000 or 64k, or \"end\"",
        }
    }
}

impl FaultError {
    #[cold]
    pub(super) fn new(
        wrong: Wrong,
        input: &str,
        named: Option<FaultKind>,
        meant: Option<String>,
    ) -> Self {
        use FaultErrorKind as Kind;
        let help = meant.map(|meant| format!("write {meant:?}"));
        let help = help.unwrap_or_else(|| match (wrong.kind, named) {
            (Kind::UnknownName, Some(nearest)) => format!("write {:?}", nearest.name()),
            (Kind::MissingValue, Some(kind)) => format!("write {}", kind.example()),
            (Kind::UnexpectedValue, Some(kind)) => {
                format!("write {:?} without a value", kind.name())
            }
            (Kind::UnexpectedOffset, Some(kind)) => {
                format!("write {:?} without an offset", kind.name())
            }
            (Kind::Offset, Some(kind)) if kind.form().offset == Offset::Byte => {
                "an offset is a number of bytes, such as 1000 or 64k".to_owned()
            }
            (kind, _) => kind.rule().to_owned(),
        });
        Self(Box::new(Details { wrong, input: input.to_owned(), help }))
    }

    /// What is wrong.
    #[must_use]
    pub fn kind(&self) -> FaultErrorKind {
        self.0.wrong.kind
    }

    /// The index of the byte at which it is wrong, or the length of the text if it ends too early.
    #[must_use]
    pub fn position(&self) -> usize {
        self.0.wrong.position
    }

    /// The text, as it was given.
    #[must_use]
    pub fn input(&self) -> &str {
        &self.0.input
    }

    /// The likely fix, as a phrase: the nearest name or an example where that can be told, else the
    /// rule that the text breaks.
    #[must_use]
    pub fn help(&self) -> &str {
        &self.0.help
    }
}

impl fmt::Display for Details {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "invalid fault {:?}: {}", self.input, self.wrong.kind)?;
        if self.wrong.position < self.input.len() {
            write!(f, " at byte {}", self.wrong.position)
        } else {
            f.write_str(" at the end")
        }
    }
}
