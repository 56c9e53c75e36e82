//! `[P%][N*]NAME[=VALUE[~JITTER]][@OFFSET]` in, a fault out, or an error with its place.

use std::num::NonZeroU64;
use std::str::FromStr;
use std::time::Duration;

use super::error::{FaultError, FaultErrorKind as Kind, Wrong};
use super::kind::{FaultKind, Offset, Takes};
use super::rule::{Chance, Fault, Place, Value};

mod fix;

use fix::likely_fix;

/// How much of a stream can be kept to be sent again.
const REPEATED: u64 = 16 << 20;

impl FromStr for Fault {
    type Err = FaultError;

    fn from_str(text: &str) -> Result<Self, FaultError> {
        parse(text)
    }
}

/// Reads a fault.
fn parse(text: &str) -> Result<Fault, FaultError> {
    let mut reader = Reader::new(text);
    reader.fault().map_err(|wrong| {
        let meant = likely_fix(text, wrong);
        FaultError::new(wrong, text, reader.named, meant)
    })
}

struct Reader<'a> {
    text: &'a str,
    /// Everything before this byte was read.
    at: usize,
    /// The kind whose name was read, or the one that a wrong name most likely stands for.
    named: Option<FaultKind>,
}

impl<'a> Reader<'a> {
    fn new(text: &'a str) -> Self {
        Self { text, at: 0, named: None }
    }

    fn fault(&mut self) -> Result<Fault, Wrong> {
        if self.text.is_empty() {
            return wrong(Kind::Empty, 0);
        }
        let chance = self.chance()?;
        let first = self.first()?;
        let drawn = self.at;
        let kind = self.name()?;
        if kind == FaultKind::NoAccept && drawn > 0 {
            return wrong(Kind::UnexpectedChance, 0);
        }
        let value = self.value(kind)?;
        let place = self.place(kind)?;
        Ok(Fault { chance, first, kind, value, place })
    }

    fn chance(&mut self) -> Result<Option<Chance>, Wrong> {
        let start = self.at;
        let number = self.peek(|byte| byte.is_ascii_digit() || byte == b'.');
        if self.text.as_bytes().get(start + number.len()) != Some(&b'%') {
            return Ok(None);
        }
        self.at += number.len() + 1;
        match per_million(number) {
            Some(parts @ 1..=1_000_000) => Ok(Some(Chance(parts))),
            _ => wrong(Kind::Percent, start),
        }
    }

    fn first(&mut self) -> Result<Option<NonZeroU64>, Wrong> {
        let start = self.at;
        let number = self.peek(|byte| byte.is_ascii_digit());
        match self.text.as_bytes().get(start + number.len()) {
            Some(b'*') => {}
            Some(b'x') if !number.is_empty() => {} // a shell does not expand it
            _ if number.is_empty() => return Ok(None),
            _ => return wrong(Kind::Count, start + number.len()),
        }
        self.at += number.len() + 1;
        match number.parse() {
            Ok(count) => Ok(Some(count)),
            Err(_) => wrong(Kind::Count, start),
        }
    }

    fn name(&mut self) -> Result<FaultKind, Wrong> {
        let start = self.at;
        let name = self.peek(|byte| !matches!(byte, b'=' | b'~' | b'@'));
        self.at += name.len();
        match FaultKind::named(name) {
            Some(kind) => {
                self.named = Some(kind);
                Ok(kind)
            }
            None => {
                self.named = FaultKind::nearest(name);
                wrong(Kind::UnknownName, start)
            }
        }
    }

    fn value(&mut self, kind: FaultKind) -> Result<Value, Wrong> {
        let form = kind.form();
        if !self.rest().starts_with('=') {
            return match (form.takes, self.rest().starts_with('~')) {
                (Takes::Time | Takes::Size | Takes::Text, _) => wrong(Kind::MissingValue, self.at),
                (_, true) => wrong(Kind::UnexpectedJitter, self.at),
                (_, false) => Ok(Value::Nothing),
            };
        }
        if form.takes == Takes::Nothing {
            return wrong(Kind::UnexpectedValue, self.at);
        }
        self.at += 1;
        match form.takes {
            Takes::Text | Takes::TextOrNothing => self.text(form.offset != Offset::Nothing),
            Takes::Time | Takes::TimeOrNothing => {
                let time = self.number(Kind::Time, parse_time)?;
                let jitter = self.jitter(Kind::Time, parse_time)?;
                Ok(Value::Time { time, jitter: jitter.unwrap_or_default() })
            }
            Takes::Nothing | Takes::Size | Takes::SizeOrNothing => {
                let start = self.at;
                let size =
                    self.number(Kind::Size, |text| parse_size(text).filter(|&size| size > 0))?;
                if kind == FaultKind::Twice && size > REPEATED {
                    return wrong(Kind::TooMuch, start);
                }
                let jitter = self.jitter(Kind::Size, parse_size)?;
                Ok(Value::Size { size, jitter: jitter.unwrap_or_default() })
            }
        }
    }

    /// Reads `~JITTER`, if there is one.
    fn jitter<T>(
        &mut self,
        kind: Kind,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<T>, Wrong> {
        if !self.rest().starts_with('~') {
            return Ok(None);
        }
        self.at += 1;
        self.number(kind, parse).map(Some)
    }

    fn number<T>(&mut self, kind: Kind, parse: impl Fn(&str) -> Option<T>) -> Result<T, Wrong> {
        let start = self.at;
        let text = self.peek(|byte| !matches!(byte, b'~' | b'@'));
        self.at += text.len();
        parse(text).map_or_else(|| wrong(kind, start), Ok)
    }

    /// Reads a text to the end, or to the `@` of an offset if there can be one.
    fn text(&mut self, offset: bool) -> Result<Value, Wrong> {
        let start = self.at;
        let mut text = Vec::new();
        let mut chars = self.rest().char_indices();
        let mut end = self.text.len();
        while let Some((at, c)) = chars.next() {
            match c {
                '@' if offset => {
                    end = start + at;
                    break;
                }
                '\\' => match escaped(&mut chars) {
                    Some(byte) => text.push(byte),
                    None => return wrong(Kind::Text, start + at),
                },
                c => text.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
            }
        }
        if text.is_empty() {
            return wrong(Kind::Text, start);
        }
        self.at = end;
        Ok(Value::Text(text))
    }

    fn place(&mut self, kind: FaultKind) -> Result<Place, Wrong> {
        let offset = kind.form().offset;
        if self.rest().is_empty() {
            return Ok(Place::Byte(0));
        }
        if self.rest().starts_with('~') {
            return wrong(Kind::UnexpectedJitter, self.at);
        }
        if offset == Offset::Nothing {
            return wrong(Kind::UnexpectedOffset, self.at);
        }
        let text = &self.rest()[1..];
        match parse_size(text) {
            Some(at) => Ok(Place::Byte(at)),
            None if text == "end" && offset == Offset::ByteOrEnd => Ok(Place::End),
            None => wrong(Kind::Offset, self.at + 1),
        }
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    /// The ASCII-delimited run from here on whose bytes all hold.
    fn peek(&self, holds: impl Fn(u8) -> bool) -> &'a str {
        let rest = self.rest();
        let length = rest.bytes().position(|byte| !holds(byte)).unwrap_or(rest.len());
        &rest[..length]
    }
}

/// Reads what follows a backslash.
fn escaped(chars: &mut std::str::CharIndices<'_>) -> Option<u8> {
    let (_, c) = chars.next()?;
    match c {
        'r' => Some(b'\r'),
        'n' => Some(b'\n'),
        't' => Some(b'\t'),
        '0' => Some(0),
        '\\' | '@' => Some(c as u8),
        'x' => {
            let mut digit = || chars.next()?.1.to_digit(16);
            Some((digit()? * 16 + digit()?) as u8)
        }
        _ => None,
    }
}

/// Reads a percentage with up to four decimals as parts of a million.
fn per_million(text: &str) -> Option<u32> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if fraction.len() > 4 || fraction.contains('.') || (whole.is_empty() && fraction.is_empty()) {
        return None;
    }
    let parse = |digits: &str| if digits.is_empty() { Some(0) } else { digits.parse::<u32>().ok() };
    let padded = parse(fraction)? * 10_u32.pow(4 - fraction.len() as u32);
    parse(whole)?.checked_mul(10_000)?.checked_add(padded)
}

/// Reads a duration: a number of seconds, or a number with a unit, to the microsecond.
fn parse_time(text: &str) -> Option<Duration> {
    let units = [("us", 1e-6), ("ms", 1e-3), ("s", 1.0), ("m", 60.0), ("h", 3600.0)];
    let found = units.iter().find_map(|&(unit, seconds)| Some((text.strip_suffix(unit)?, seconds)));
    let (number, seconds) = found.unwrap_or((text, 1.0));
    // Digits and a point only: f64 would also read "inf", "1e3" and "+1".
    if !number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
        return None;
    }
    let micros = (number.parse::<f64>().ok()? * seconds * 1e6).round();
    // Within 2^53 microseconds, 285 years, every one of them can be told.
    (micros < (1_u64 << 53) as f64).then(|| Duration::from_micros(micros as u64))
}

/// Reads a number of bytes: a whole number, or one with `k`, `M` or `G` behind it, powers of 1024.
fn parse_size(text: &str) -> Option<u64> {
    let (digits, factor) = match text.as_bytes().last()? {
        b'k' | b'K' => (&text[..text.len() - 1], 1 << 10),
        b'm' | b'M' => (&text[..text.len() - 1], 1 << 20),
        b'g' | b'G' => (&text[..text.len() - 1], 1 << 30),
        _ => (text, 1),
    };
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None; // u64 would also read "+1"
    }
    digits.parse::<u64>().ok()?.checked_mul(factor)
}

fn wrong<T>(kind: Kind, position: usize) -> Result<T, Wrong> {
    Err(Wrong { kind, position })
}

#[cfg(test)]
mod tests;
