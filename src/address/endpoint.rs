//! `HOST:PORT` in, an [`Endpoint`] out, or an error with the place and the likely fix.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

use super::error::{AddressError, AddressErrorKind as Kind, Fault, Subject};
use super::ntop;
use super::pton::{parse4, parse6};

mod fix;

use fix::likely_fix;

/// A host and a port, as a person writes them: `127.0.0.1:7000`, `[::1]:7000`,
/// `[fe80::1%eth0]:7000`, `name:7000` or `:7000`.
///
/// [`Display`](fmt::Display) prints what parses back to the same endpoint.
///
/// # Examples
///
/// ```
/// use echo6::address::{Endpoint, Host};
///
/// let endpoint: Endpoint = "[::1]:7000".parse()?;
/// assert_eq!(endpoint.port(), 7000);
///
/// let error = "::1:7000".parse::<Endpoint>().unwrap_err();
/// assert_eq!(error.help(), "write [::1]:7000");
/// # Ok::<(), echo6::address::AddressError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Endpoint {
    host: Host,
    port: u16,
}

/// The part of an [`Endpoint`] before the port.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Host {
    /// No host: every local address of both families.
    Any,
    /// An IPv4 literal.
    V4(Ipv4Addr),
    /// An IPv6 literal.
    V6(Ipv6Addr),
    /// A link-local IPv6 literal and its zone, the name or the number of an interface (RFC 4007).
    Zoned(Ipv6Addr, String),
    /// A host name (RFC 1123, section 2.1), not looked up yet.
    Name(String),
}

impl Endpoint {
    /// Puts a host and a port together.
    #[must_use]
    pub fn new(host: Host, port: u16) -> Self {
        Self { host, port }
    }

    /// The part before the port.
    #[must_use]
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// The port, 0 to 65535. For a listener, 0 lets the system choose.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let port = self.port;
        match &self.host {
            Host::Any => write!(f, ":{port}"),
            Host::V4(ip) => write!(f, "{}:{port}", ntop(*ip)),
            Host::V6(ip) => write!(f, "[{}]:{port}", ntop(*ip)),
            Host::Zoned(ip, zone) => write!(f, "[{}%{zone}]:{port}", ntop(*ip)),
            Host::Name(name) => write!(f, "{name}:{port}"),
        }
    }
}

impl From<SocketAddr> for Endpoint {
    fn from(address: SocketAddr) -> Self {
        let host = match address {
            SocketAddr::V4(v4) => Host::V4(*v4.ip()),
            SocketAddr::V6(v6) if v6.scope_id() == 0 => Host::V6(*v6.ip()),
            SocketAddr::V6(v6) => Host::Zoned(*v6.ip(), v6.scope_id().to_string()),
        };
        Self::new(host, address.port())
    }
}

impl FromStr for Endpoint {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        parse(text).map_err(|fault| {
            let error = AddressError::new(Subject::Endpoint, fault, text);
            match likely_fix(fault.kind, text) {
                Some(help) => error.with_help(help),
                None => error,
            }
        })
    }
}

fn parse(text: &str) -> Result<Endpoint, Fault> {
    let (host, rest) = match text.strip_prefix('[') {
        Some(_) => bracketed(text)?,
        None => bare(text)?,
    };
    Ok(Endpoint::new(host, port(text, rest)?))
}

/// Reads `[ADDRESS]` or `[ADDRESS%ZONE]`; says where the port's colon should be.
fn bracketed(text: &str) -> Result<(Host, usize), Fault> {
    let close = text.find(']').unwrap_or(text.len());
    let percent = text[..close].find('%').unwrap_or(close);
    let ip = parse6(&text.as_bytes()[1..percent]).map_err(|fault| {
        let kind = match fault.kind {
            _ if fault.position + 1 == text.len() => Kind::UnmatchedBracket,
            Kind::MisplacedIpv4Tail if starts_with_ipv4(&text[1..percent]) => Kind::BracketedIpv4,
            kind => kind,
        };
        Fault { kind, position: fault.position + 1 }
    })?;
    if percent == close {
        if close == text.len() {
            return fault(Kind::UnmatchedBracket, close);
        }
        return Ok((Host::V6(ip), close + 1));
    }
    if !ip.is_unicast_link_local() {
        return fault(Kind::MisplacedZone, percent);
    }
    let zone = &text[percent + 1..close];
    if let Some(odd) = zone.find(|c: char| !c.is_ascii_graphic() || matches!(c, '%' | '/' | '[')) {
        return fault(Kind::UnexpectedCharacter, percent + 1 + odd);
    }
    if close == text.len() {
        return fault(Kind::UnmatchedBracket, close);
    }
    match zone.strip_prefix("25") {
        _ if zone.is_empty() => fault(Kind::EmptyZone, close),
        // "%2512" may be interface 2512; no interface is called "25eth0".
        Some(name) if name.starts_with(|c: char| !c.is_ascii_digit()) => {
            fault(Kind::EscapedZone, percent + 3)
        }
        _ => Ok((Host::Zoned(ip, zone.to_owned()), close + 1)),
    }
}

fn starts_with_ipv4(text: &str) -> bool {
    text.split(':').next().is_some_and(|ip| parse4(ip.as_bytes()).is_ok())
}

/// Reads what stands before the first colon; says where that is.
fn bare(text: &str) -> Result<(Host, usize), Fault> {
    if text.is_empty() {
        return fault(Kind::Empty, 0);
    }
    let colon = text.find(':').unwrap_or(text.len());
    let (host, rest) = text.split_at(colon);
    if rest.starts_with("://") {
        return fault(Kind::Url, colon + 1);
    }
    if let Some(second) = rest.get(1..).and_then(|rest| rest.find([':', '%'])) {
        let between = &rest[1..1 + second];
        if format!("{host}{between}").bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return fault(Kind::MissingBrackets, colon + 1 + second);
        }
    }
    if host.is_empty() {
        return Ok((Host::Any, colon));
    }
    let last = host.strip_suffix('.').unwrap_or(host).rsplit('.').next().unwrap_or(host);
    if is_number(last) {
        // What ends in a number is an IPv4 address or nothing, as in the URL standard: 256.1.1.1
        // is a mistake and must not be looked up as a name, nor 0x7f000001, which getaddrinfo(3)
        // would take for 127.0.0.1.
        return Ok((Host::V4(parse4(host.as_bytes())?), colon));
    }
    name(host)?;
    Ok((Host::Name(host.to_owned()), colon))
}

/// Decimal or, with 0x, hexadecimal digits.
fn is_number(label: &str) -> bool {
    match label.strip_prefix("0x").or_else(|| label.strip_prefix("0X")) {
        Some(digits) => digits.bytes().all(|byte| byte.is_ascii_hexdigit()),
        None => !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_digit()),
    }
}

/// Checks a host name: labels of letters, digits, hyphens and underscores, a dot at the end allowed.
/// Underscores are not for registered names (RFC 1123, section 2.1), but the DNS takes them (RFC 2181,
/// section 11), and Docker Compose and Swarm make names with them.
fn name(host: &str) -> Result<(), Fault> {
    if let Some(odd) =
        host.find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_')))
    {
        let zone = host.as_bytes()[odd] == b'%' && parse4(&host.as_bytes()[..odd]).is_ok();
        return fault(if zone { Kind::MisplacedZone } else { Kind::UnexpectedCharacter }, odd);
    }
    let host = host.strip_suffix('.').unwrap_or(host);
    if host.len() > 253 {
        return fault(Kind::NameTooLong, 253);
    }
    let mut start = 0;
    for label in host.split('.') {
        let end = start + label.len();
        if label.is_empty() || label.starts_with('-') {
            return fault(Kind::InvalidLabel, start);
        }
        if label.ends_with('-') {
            return fault(Kind::InvalidLabel, end);
        }
        if label.len() > 63 {
            return fault(Kind::LabelTooLong, start + 63);
        }
        start = end + 1;
    }
    Ok(())
}

/// Reads `:PORT` from `at` to the end of the text.
fn port(text: &str, at: usize) -> Result<u16, Fault> {
    match text.as_bytes().get(at) {
        Some(b':') => {}
        Some(_) => return fault(Kind::UnexpectedCharacter, at),
        None => return fault(Kind::MissingPort, at),
    }
    let mut value = 0_u32;
    let digits = &text.as_bytes()[at + 1..];
    for (index, byte) in digits.iter().enumerate() {
        if !byte.is_ascii_digit() {
            return fault(Kind::UnexpectedCharacter, at + 1 + index);
        }
        value = value * 10 + u32::from(byte - b'0');
        if value > u32::from(u16::MAX) || index == 5 {
            return fault(Kind::PortOutOfRange, at + 1 + index);
        }
    }
    if digits.is_empty() { fault(Kind::MissingPort, text.len()) } else { Ok(value as u16) }
}

fn fault<T>(kind: Kind, position: usize) -> Result<T, Fault> {
    Err(Fault { kind, position })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(text: &str) -> Endpoint {
        text.parse().unwrap_or_else(|error| panic!("{error}"))
    }

    #[test]
    fn an_endpoint_prints_what_parses_back() {
        for text in [
            ":7000",
            "127.0.0.1:0",
            "[::1]:65535",
            "[fe80::1%eth0]:7000",
            "[fe80::1%2]:7000",
            "[fe80::1%25]:7000",
            "localhost:7000",
            "a-1.example.:80",
            "redis_1:6379",
            "_dns._tcp.example:53",
            "1.2.3.4x:80",
        ] {
            assert_eq!(endpoint(text).to_string(), text);
        }
        assert_eq!(endpoint("[2001:DB8:0::1]:080").to_string(), "[2001:db8::1]:80");
    }

    #[test]
    fn what_is_no_endpoint_is_refused_with_the_place_and_the_likely_fix() {
        for (text, kind, position, help) in [
            ("", Kind::Empty, 0, "write an address such as 127.0.0.1:7000 or [::1]:7000"),
            ("::1:7000", Kind::MissingBrackets, 1, "write [::1]:7000"),
            ("fe80::1", Kind::MissingBrackets, 5, "write [fe80::1]:PORT"),
            ("2001:db8::g", Kind::MissingBrackets, 8, "write [ADDRESS]:PORT"),
            ("1:2:3:4:5:6:7:8", Kind::MissingBrackets, 3, "write [1:2:3:4:5:6:7:8]:PORT"),
            ("fe80::1%eth0:80", Kind::MissingBrackets, 5, "write [fe80::1%eth0]:80"),
            ("fe80::1%eth0", Kind::MissingBrackets, 5, "write [fe80::1%eth0]:PORT"),
            ("[::1]", Kind::MissingPort, 5, "add a port: [::1]:7000"),
            ("[::1]:", Kind::MissingPort, 6, "add a port: [::1]:7000"),
            ("127.0.0.1", Kind::MissingPort, 9, "add a port: 127.0.0.1:7000"),
            ("name", Kind::MissingPort, 4, "add a port: name:7000"),
            ("[::1:7000", Kind::UnmatchedBracket, 9, "write [::1]:7000"),
            ("[", Kind::UnmatchedBracket, 1, "close the bracket before the port: [::1]:7000"),
            ("[127.0.0.1]:80", Kind::BracketedIpv4, 4, "write 127.0.0.1:80"),
            ("[127.0.0.1]", Kind::BracketedIpv4, 4, "write 127.0.0.1:PORT"),
            ("[127.0.0.1", Kind::BracketedIpv4, 4, "write 127.0.0.1:PORT"),
            ("[127.0.0.1:80", Kind::BracketedIpv4, 4, "write 127.0.0.1:80"),
            ("http://[::1]:80/x", Kind::Url, 5, "write [::1]:80"),
            ("http://name/", Kind::Url, 5, "write HOST:PORT without a scheme"),
            ("[::1]80", Kind::UnexpectedCharacter, 5, ""),
            ("[::1%eth0]:80", Kind::MisplacedZone, 4, ""),
            ("127.0.0.1%lo:80", Kind::MisplacedZone, 9, ""),
            ("[fe80::1%]:80", Kind::EmptyZone, 9, ""),
            ("[fe80::1%25eth0]:80", Kind::EscapedZone, 11, "write [fe80::1%eth0]:80"),
            ("[fe80::1%25eth0]:x", Kind::EscapedZone, 11, "follows a plain \"%\""),
            ("[fe80::1%a b]:80", Kind::UnexpectedCharacter, 10, ""),
            ("[1::2::3]:80", Kind::SecondDoubleColon, 6, ""),
            ("256.1.1.1:80", Kind::OctetOutOfRange, 2, ""),
            ("0x7f000001:80", Kind::UnexpectedCharacter, 1, ""),
            ("host.0X7:80", Kind::UnexpectedCharacter, 0, ""),
            ("1.2.3.4.5:80", Kind::TooManyOctets, 7, ""),
            ("1.2.3.:80", Kind::TooFewOctets, 6, ""),
            ("7000:80", Kind::OctetOutOfRange, 2, ""),
            ("7000", Kind::OctetOutOfRange, 2, "write :7000 to listen, or HOST:7000 to connect"),
            ("80", Kind::TooFewOctets, 2, "write :80 to listen"),
            ("*:7000", Kind::UnexpectedCharacter, 0, "write :7000"),
            ("127.0.0.1.7000", Kind::TooManyOctets, 9, "write 127.0.0.1:7000"),
            ("name:echo", Kind::UnexpectedCharacter, 5, "a port is a number: echo is 7"),
            ("[::1]:http", Kind::UnexpectedCharacter, 6, "a port is a number"),
            (
                "10.0.0.1/24",
                Kind::UnexpectedCharacter,
                8,
                "/24 is a prefix length: write 10.0.0.1:PORT",
            ),
            (
                "fe80::1/64",
                Kind::MissingBrackets,
                5,
                "/64 is a prefix length: write [fe80::1]:PORT",
            ),
            ("localhost:7000/", Kind::UnexpectedCharacter, 14, "write localhost:7000"),
            ("127.0.0.1:70000", Kind::PortOutOfRange, 14, "a port is 0 to 65535"),
            ("127.0.0.1:000080", Kind::PortOutOfRange, 15, ""),
            ("127.0.0.1:+80", Kind::UnexpectedCharacter, 10, ""),
            ("name:80:90", Kind::UnexpectedCharacter, 7, ""),
            ("n\u{e4}me:80", Kind::UnexpectedCharacter, 1, ""),
            ("-a:80", Kind::InvalidLabel, 0, ""),
            ("a-.b:80", Kind::InvalidLabel, 2, ""),
            ("a..b:80", Kind::InvalidLabel, 2, ""),
            (".:80", Kind::InvalidLabel, 0, ""),
        ] {
            let error = text.parse::<Endpoint>().unwrap_err();
            assert_eq!((error.kind(), error.position()), (kind, position), "{text:?}");
            assert!(error.help().contains(help), "{text:?}: {}", error.help());
            if let Some(fix) = error.help().strip_prefix("write ").filter(|fix| !fix.contains(' '))
            {
                let fix = fix.replace("PORT", "7000").replace("ADDRESS", "::1");
                assert!(fix.parse::<Endpoint>().is_ok(), "{text:?}: {fix}");
            }
        }
    }

    #[test]
    fn names_have_the_lengths_of_rfc_1035() {
        let (label, long) = ("a".repeat(63), "a".repeat(64));
        let name = [&label[..], &label, &label, &label[..61]].join(".");
        assert_eq!(name.len(), 253);
        endpoint(&format!("{name}:80"));
        let kind = |text: String| text.parse::<Endpoint>().unwrap_err().kind();
        assert_eq!(kind(format!("{name}a:80")), Kind::NameTooLong);
        assert_eq!(kind(format!("{long}:80")), Kind::LabelTooLong);
    }
}
