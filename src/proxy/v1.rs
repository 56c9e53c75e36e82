//! Version 1: a line such as `PROXY TCP4 192.0.2.7 198.51.100.1 41000 7`, and CR LF.

use std::net::{IpAddr, SocketAddr};
use std::str;

use super::HeaderErrorKind as Kind;
use super::{Addresses, Command, Header, HeaderError, Parsed, Version, fail};
use crate::address::{canonical, ntop, pton4, pton6};

/// The shortest line is `PROXY UNKNOWN` and its end.
pub(super) const SHORTEST: usize = 15;

/// The longest line, its end included (proxy-protocol.txt, section 2.1).
const LONGEST: usize = 107;

const BEGINNING: &[u8] = b"PROXY ";

/// What follows the beginning, and what may stand between it and the end of the line.
const PROTOCOLS: [(&[u8], Protocol); 3] =
    [(b"TCP4 ", Protocol::Tcp4), (b"TCP6 ", Protocol::Tcp6), (b"UNKNOWN", Protocol::Unknown)];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Protocol {
    Tcp4,
    Tcp6,
    Unknown,
}

impl Protocol {
    fn takes(self, byte: u8) -> bool {
        match self {
            Self::Tcp4 => byte.is_ascii_digit() || matches!(byte, b'.' | b' '),
            Self::Tcp6 => byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.' | b' '),
            Self::Unknown => true, // whatever it is, it is to be ignored
        }
    }
}

pub(super) fn parse(bytes: &[u8]) -> Result<Parsed, HeaderError> {
    if let Some(odd) = first_difference(bytes, BEGINNING) {
        return fail(Kind::NoHeader, odd);
    }
    let rest = bytes.get(BEGINNING.len()..).unwrap_or_default();
    let Some((word, protocol)) = protocol(rest)? else { return Ok(part(bytes)) };
    let start = BEGINNING.len() + word.len();
    if let (Protocol::Unknown, Some(next)) = (protocol, bytes.get(start)) {
        if !matches!(next, b' ' | b'\r') {
            return fail(Kind::Protocol, start);
        }
    }
    // Addresses and ports are read when the line is whole; what cannot be in one ends it at once.
    for (at, &byte) in bytes.iter().enumerate().skip(start) {
        match byte {
            b'\r' if at < LONGEST - 1 => match bytes.get(at + 1) {
                None => return Ok(part(bytes)),
                Some(b'\n') => {
                    let header = header(&bytes[..at], start, protocol)?;
                    return Ok(Parsed::Whole { header, length: at + 2 });
                }
                Some(_) => return fail(Kind::LineEnd, at + 1),
            },
            b'\n' => return fail(Kind::LineEnd, at),
            _ if at >= LONGEST - 2 => return fail(Kind::LineTooLong, at),
            byte if !protocol.takes(byte) => return fail(Kind::Character, at),
            _ => {}
        }
    }
    Ok(part(bytes))
}

pub(super) fn write(header: &Header) -> Vec<u8> {
    let Some(Addresses { source, destination }) = header.addresses else {
        return b"PROXY UNKNOWN\r\n".to_vec();
    };
    let (from, to) = (source.ip(), destination.ip());
    let (protocol, from, to) = match (from, to) {
        (IpAddr::V4(_), IpAddr::V4(_)) => ("TCP4", from, to),
        _ => ("TCP6", mapped(from), mapped(to)),
    };
    let (from, to, [out, into]) = (ntop(from), ntop(to), [source.port(), destination.port()]);
    format!("PROXY {protocol} {from} {to} {out} {into}\r\n").into_bytes()
}

fn mapped(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().into(),
        v6 => v6,
    }
}

/// What is missing of a line that has no end yet.
fn part(bytes: &[u8]) -> Parsed {
    let end = if bytes.last() == Some(&b'\r') { 1 } else { 2 };
    Parsed::Part { least: SHORTEST.saturating_sub(bytes.len()).max(end) }
}

/// The first byte that is not as in `wanted`.
fn first_difference(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.iter().zip(wanted).position(|(byte, wanted)| byte != wanted)
}

/// Which protocol the rest begins with; none if it is too short to say.
fn protocol(rest: &[u8]) -> Result<Option<(&'static [u8], Protocol)>, HeaderError> {
    let mut furthest = 0;
    for (word, protocol) in PROTOCOLS {
        match first_difference(rest, word) {
            None if rest.len() >= word.len() => return Ok(Some((word, protocol))),
            None => return Ok(None),
            Some(odd) => furthest = furthest.max(odd),
        }
    }
    fail(Kind::Protocol, BEGINNING.len() + furthest)
}

/// Reads what a line without its end says from `start` on.
fn header(line: &[u8], start: usize, protocol: Protocol) -> Result<Header, HeaderError> {
    let version = Version::V1;
    if protocol == Protocol::Unknown {
        return Ok(Header::local(version));
    }
    let mut fields = Fields { line, at: start };
    let (from, to) = (fields.address(protocol)?, fields.address(protocol)?);
    let (out, into) = (fields.port(false)?, fields.port(true)?);
    let (source, destination) = (SocketAddr::new(from, out), SocketAddr::new(to, into));
    let addresses =
        Some(Addresses { source: canonical(source), destination: canonical(destination) });
    Ok(Header { version, command: Command::Proxy, addresses, tlvs: Vec::new() })
}

/// The fields of a line, each with a single space behind it but for the last.
struct Fields<'a> {
    line: &'a [u8],
    at: usize,
}

impl<'a> Fields<'a> {
    fn address(&mut self, protocol: Protocol) -> Result<IpAddr, HeaderError> {
        let (start, field) = self.until_space(Kind::Address)?;
        // The line has ASCII only, or it would have been refused.
        let text = str::from_utf8(field).unwrap_or_default();
        let read = match protocol {
            Protocol::Tcp4 => pton4(text).map(IpAddr::V4),
            Protocol::Tcp6 | Protocol::Unknown => pton6(text).map(IpAddr::V6),
        };
        read.or_else(|error| fail(Kind::Address, start + error.position()))
    }

    fn port(&mut self, last: bool) -> Result<u16, HeaderError> {
        let (start, field) =
            if last { (self.at, &self.line[self.at..]) } else { self.until_space(Kind::Port)? };
        let mut value = 0_u32;
        for (index, byte) in field.iter().enumerate() {
            value = value * 10 + u32::from(byte.wrapping_sub(b'0'));
            let leading_zero = index == 1 && field[0] == b'0';
            if !byte.is_ascii_digit() || leading_zero || value > u16::MAX.into() {
                return fail(Kind::Port, start + index);
            }
        }
        if field.is_empty() { fail(Kind::Port, start) } else { Ok(value as u16) }
    }

    /// The bytes up to the next space, which is passed over; a fault of this `kind` if there is no
    /// space.
    fn until_space(&mut self, kind: Kind) -> Result<(usize, &'a [u8]), HeaderError> {
        let (start, rest) = (self.at, &self.line[self.at..]);
        let Some(length) = rest.iter().position(|&byte| byte == b' ') else {
            return fail(kind, self.line.len());
        };
        self.at += length + 1;
        Ok((start, &rest[..length]))
    }
}
