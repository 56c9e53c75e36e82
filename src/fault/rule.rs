//! A fault as somebody asks for it: what, how often, how much, and where.

use std::fmt::{self, Write as _};
use std::num::NonZeroU64;
use std::time::Duration;

use super::kind::FaultKind;

/// A fault to deal on purpose: `[P%][N*]NAME[=VALUE[~JITTER]][@OFFSET]`.
///
/// - `P%` and `N*` are drawn for each connection when it is accepted: P percent of them have the
///   fault, and of these the first N. With datagrams they are drawn for each datagram.
/// - `NAME` is a [`FaultKind`]'s.
/// - `VALUE` is a duration (`100ms`), a size (`64k`) or a text (`HELLO\r\n`); with `~JITTER` each
///   time another one between VALUE - JITTER and VALUE + JITTER, and none below zero.
/// - `OFFSET` counts echoed bytes, so that no timing decides where the fault strikes; 0 unless
///   given. `end` is when the client has half-closed and has everything back. Of a datagram it is
///   the byte at OFFSET, and a datagram without such a byte is spared.
///
/// [`Display`](fmt::Display) prints what parses back to the same fault.
///
/// # Examples
///
/// ```
/// use echo6::fault::{Fault, FaultKind};
///
/// let fault: Fault = "10%flip@1000".parse()?;
/// assert_eq!(fault.kind(), FaultKind::Flip);
/// assert_eq!(fault.to_string(), "10%flip@1000");
/// # Ok::<(), echo6::fault::FaultError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Fault {
    pub(super) chance: Option<Chance>,
    pub(super) first: Option<NonZeroU64>,
    pub(super) kind: FaultKind,
    pub(super) value: Value,
    pub(super) place: Place,
}

/// How many of a million have it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Chance(pub(super) u32);

/// What stands behind the `=`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Value {
    Nothing,
    Time { time: Duration, jitter: Duration },
    Size { size: u64, jitter: u64 },
    Text(Vec<u8>),
}

impl Value {
    /// The size without its jitter.
    pub(super) fn sized(&self) -> Option<u64> {
        match self {
            Self::Size { size, .. } => Some(*size),
            Self::Nothing | Self::Time { .. } | Self::Text(_) => None,
        }
    }
}

/// Where a fault strikes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Place {
    Byte(u64),
    End,
}

impl Fault {
    /// What it does.
    #[must_use]
    pub fn kind(&self) -> FaultKind {
        self.kind
    }

    /// Says whether chance decides anything about it, so that the seed matters.
    #[must_use]
    pub fn is_drawn(&self) -> bool {
        let jitters = match self.value {
            Value::Time { jitter, .. } => !jitter.is_zero(),
            Value::Size { jitter, .. } => jitter > 0,
            Value::Nothing | Value::Text(_) => false,
        };
        self.chance.is_some() || jitters
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(Chance(parts)) = self.chance {
            let (whole, fraction) = (parts / 10_000, parts % 10_000);
            write!(f, "{whole}")?;
            if fraction > 0 {
                f.write_str(format!(".{fraction:04}").trim_end_matches('0'))?;
            }
            f.write_char('%')?;
        }
        if let Some(first) = self.first {
            write!(f, "{first}*")?;
        }
        f.write_str(self.kind.name())?;
        match &self.value {
            Value::Nothing => {}
            Value::Time { time, jitter } => {
                write!(f, "={}", InUnits(*time))?;
                if !jitter.is_zero() {
                    write!(f, "~{}", InUnits(*jitter))?;
                }
            }
            Value::Size { size, jitter } => {
                write!(f, "={}", InPowers(*size))?;
                if *jitter > 0 {
                    write!(f, "~{}", InPowers(*jitter))?;
                }
            }
            Value::Text(text) => {
                f.write_char('=')?;
                write_text(text, f)?;
            }
        }
        match self.place {
            Place::Byte(0) => Ok(()),
            place => write!(f, "@{place}"),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Byte(offset) => write!(f, "{}", InPowers(*offset)),
            Self::End => f.write_str("end"),
        }
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for Fault {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A duration in the largest unit that makes it a whole number.
struct InUnits(Duration);

impl fmt::Display for InUnits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanos = self.0.as_nanos();
        let units = [
            (3_600_000_000_000, "h"),
            (60_000_000_000, "m"),
            (1_000_000_000, "s"),
            (1_000_000, "ms"),
        ];
        match units.into_iter().find(|(unit, _)| nanos > 0 && nanos % unit == 0) {
            Some((unit, name)) => write!(f, "{}{name}", nanos / unit),
            None => write!(f, "{}us", nanos / 1000),
        }
    }
}

/// A number of bytes in the largest power of 1024 that makes it a whole number.
struct InPowers(u64);

impl fmt::Display for InPowers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = [(1 << 30, "G"), (1 << 20, "M"), (1 << 10, "k")];
        match units.into_iter().find(|(unit, _)| self.0 > 0 && self.0 % unit == 0) {
            Some((unit, name)) => write!(f, "{}{name}", self.0 / unit),
            None => write!(f, "{}", self.0),
        }
    }
}

/// Writes a text with escapes, as the grammar reads it.
fn write_text(text: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for chunk in text.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '\r' => f.write_str(r"\r")?,
                '\n' => f.write_str(r"\n")?,
                '\t' => f.write_str(r"\t")?,
                '\0' => f.write_str(r"\0")?,
                '\\' | '@' => write!(f, "\\{c}")?,
                c if c.is_control() => {
                    c.encode_utf8(&mut [0; 4])
                        .bytes()
                        .try_for_each(|byte| write!(f, "\\x{byte:02x}"))?;
                }
                c => f.write_char(c)?,
            }
        }
        chunk.invalid().iter().try_for_each(|byte| write!(f, "\\x{byte:02x}"))?;
    }
    Ok(())
}
