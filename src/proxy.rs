//! Bytes in, the address that a balancer speaks for out, and the other way round: the PROXY
//! protocol, versions 1 and 2.
//!
//! A balancer that passes a TCP connection on sends one header first, which names the client that it
//! accepted (HAProxy's `proxy-protocol.txt`). This module knows no sockets: [`Header::parse`] is
//! given what has arrived so far and says how much more may be read, [`Header::to_bytes`] writes
//! what a balancer would.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::net::SocketAddr;

use crate::address::canonical;
use crate::kind::kind;

mod tlv;
mod v1;
mod v2;

pub use tlv::Tlv;

/// What a balancer says of a connection before the first byte of its client.
///
/// # Examples
///
/// ```
/// use echo6::proxy::{Header, Parsed, Version};
///
/// let (client, balancer) = ("192.0.2.7:41000".parse()?, "198.51.100.1:7".parse()?);
/// let header = Header::new(Version::V1, client, balancer);
/// let bytes = header.to_bytes()?;
/// assert_eq!(bytes, b"PROXY TCP4 192.0.2.7 198.51.100.1 41000 7\r\n");
///
/// // Of its beginning it is known that so many bytes at least must follow.
/// assert_eq!(Header::parse(&bytes[..10])?, Parsed::Part { least: 5 });
/// assert_eq!(Header::parse(&bytes)?, Parsed::Whole { header, length: bytes.len() });
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Header {
    /// How it is written.
    pub version: Version,
    /// Whom it speaks for.
    pub command: Command,
    /// The client and where it connected to, if the header says. IPv4-mapped addresses are IPv4.
    pub addresses: Option<Addresses>,
    /// What else version 2 says: type, length, value.
    pub tlvs: Vec<Tlv>,
}

/// The two ends of the connection that a balancer passes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Addresses {
    /// The client.
    pub source: SocketAddr,
    /// Where it connected to.
    pub destination: SocketAddr,
}

kind! {
    /// The two ways to write a header.
    pub enum Version {
        /// A line of text.
        V1 = "v1", "v1";
        /// Binary, with room for more than addresses.
        V2 = "v2", "v2";
    }
}

kind! {
    /// Whom a header speaks for.
    pub enum Command {
        /// A client whose addresses follow.
        Proxy = "proxy", "for a client";
        /// The balancer itself, which checks whether the server is there.
        Local = "local", "for the balancer itself";
        /// A client that is not said, or whose family is not TCP over IP: the addresses of the
        /// connection itself stand.
        Unknown = "unknown", "for a client that it does not name";
    }
}

/// What [`Header::parse`] makes of the bytes so far.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Parsed {
    /// The header is whole.
    Whole {
        /// What it says.
        header: Header,
        /// How many bytes it has. The client's begin behind them.
        length: usize,
    },
    /// The bytes begin a header.
    Part {
        /// How many bytes of it are missing at least, so that to read as many takes none of the
        /// client's.
        least: usize,
    },
}

kind! {
    /// The ways in which bytes fail to be a header.
    pub enum HeaderErrorKind {
        /// Neither version begins like this.
        NoHeader = "no_header", "no PROXY header";
        /// A line of version 1 that is neither for TCP4, for TCP6 nor UNKNOWN.
        Protocol = "protocol", "neither TCP4, TCP6 nor UNKNOWN";
        /// A byte that no address, port or separator has.
        Character = "character", "unexpected character";
        /// CR without LF, or LF without CR.
        LineEnd = "line_end", "line end that is not CR LF";
        /// A line of version 1 has at most 107 bytes, its end included.
        LineTooLong = "line_too_long", "line of more than 107 bytes";
        /// An address that is not written as the protocol says.
        Address = "address", "invalid address";
        /// A port that is not a decimal number from 0 to 65535 without leading zeros.
        Port = "port", "invalid port";
        /// A version other than 2 behind the signature of version 2.
        Version = "version", "unknown version";
        /// A command other than LOCAL and PROXY.
        Command = "command", "unknown command";
        /// A family or a transport that the protocol has not.
        Family = "family", "unknown family or transport";
        /// The length leaves no room for the addresses of the family.
        TooShort = "too_short", "too short for its addresses";
        /// Longer than any that a balancer sends.
        TooLong = "too_long", "longer than 4,112 bytes";
        /// A type, length and value whose end is behind the header's.
        Tlv = "tlv", "TLV that does not end with the header";
        /// The checksum is not that of the header (CRC32C).
        Checksum = "checksum", "wrong CRC32C";
    }
}

/// Bytes that are no header: why, and at which byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
#[error("{kind} at byte {position}")]
pub struct HeaderError {
    /// What is wrong.
    pub kind: HeaderErrorKind,
    /// The byte at which it is.
    pub position: usize,
}

impl Header {
    /// Speaks for a client at `source` that connected to `destination`. Should they be of different
    /// families, the IPv4 one is written in its mapped form.
    #[must_use]
    pub fn new(version: Version, source: SocketAddr, destination: SocketAddr) -> Self {
        let (source, destination) = (canonical(source), canonical(destination));
        let addresses = Some(Addresses { source, destination });
        Self { version, command: Command::Proxy, addresses, tlvs: Vec::new() }
    }

    /// Speaks for the balancer itself: LOCAL in version 2, and in version 1, which has no word for
    /// that, UNKNOWN.
    #[must_use]
    pub fn local(version: Version) -> Self {
        let command = match version {
            Version::V1 => Command::Unknown,
            Version::V2 => Command::Local,
        };
        Self { version, command, addresses: None, tlvs: Vec::new() }
    }

    /// Adds a type, length and value, which version 1 leaves out. The value of a CRC32C is worked
    /// out when it is written; of several the first is.
    #[must_use]
    pub fn with_tlv(mut self, tlv: Tlv) -> Self {
        self.tlvs.push(tlv);
        self
    }

    /// The names and texts of all [`Tlv`]s, as [`Tlv::fields`] gives them. A name that comes again
    /// has its number behind it: `authority_2`.
    #[must_use]
    pub fn fields(&self) -> Vec<(String, String)> {
        // A header may have over a thousand of one name.
        let mut last_numbers: HashMap<String, usize> = HashMap::new();
        let mut taken: HashSet<String> = HashSet::new();
        let number_again = |(name, text): (String, String)| {
            let last = last_numbers.entry(name.clone()).or_insert(1);
            let mut numbered = name.clone();
            while !taken.insert(numbered.clone()) {
                *last += 1;
                numbered = format!("{name}_{last}");
            }
            (numbered, text)
        };
        self.tlvs.iter().flat_map(Tlv::fields).map(number_again).collect()
    }

    /// Reads a header from the first bytes of a connection, as many as have arrived.
    ///
    /// What it says of some bytes it also says of any that begin with them: it never changes its
    /// mind with the way in which they were split.
    ///
    /// # Errors
    ///
    /// As soon as nothing that follows could make the bytes a header.
    pub fn parse(bytes: &[u8]) -> Result<Parsed, HeaderError> {
        match bytes.first() {
            None => Ok(Parsed::Part { least: v1::SHORTEST }),
            Some(&first) if first == v2::SIGNATURE[0] => v2::parse(bytes),
            Some(_) => v1::parse(bytes),
        }
    }

    /// Writes the header as a balancer sends it.
    ///
    /// # Errors
    ///
    /// If it would be longer than [`Header::parse`] takes.
    pub fn to_bytes(&self) -> Result<Vec<u8>, HeaderError> {
        match self.version {
            Version::V1 => Ok(v1::write(self)),
            Version::V2 => v2::write(self),
        }
    }
}

impl fmt::Display for Header {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.command {
            Command::Proxy => write!(f, "PROXY {}", self.version),
            command => write!(f, "PROXY {}, {command}", self.version),
        }
    }
}

/// `{"version":"v2","command":"proxy","source":…,"destination":…,"tlvs":{"alpn":"h2"}}`; a name that
/// comes again has its number behind it.
#[cfg(feature = "serde")]
impl serde::Serialize for Header {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeMap as _;

        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("version", &self.version)?;
        map.serialize_entry("command", &self.command)?;
        if let Some(Addresses { source, destination }) = &self.addresses {
            map.serialize_entry("source", source)?;
            map.serialize_entry("destination", destination)?;
        }
        if !self.tlvs.is_empty() {
            map.serialize_entry("tlvs", &Fields(self.fields()))?;
        }
        map.end()
    }
}

#[cfg(feature = "serde")]
struct Fields(Vec<(String, String)>);

#[cfg(feature = "serde")]
impl serde::Serialize for Fields {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, text)| (name, text)))
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for HeaderError {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

fn fail<T>(kind: HeaderErrorKind, position: usize) -> Result<T, HeaderError> {
    Err(HeaderError { kind, position })
}

#[cfg(test)]
mod tests;
