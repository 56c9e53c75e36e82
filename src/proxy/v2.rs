//! Version 2: a signature, a command, a family, a length, addresses, and types with values.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::HeaderErrorKind as Kind;
use super::tlv::{CRC32C, Tlv};
use super::{Addresses, Command, Header, HeaderError, Parsed, Version, fail};
use crate::address::canonical;

/// What no other protocol begins with (proxy-protocol.txt, section 2.2).
pub(super) const SIGNATURE: [u8; 12] = *b"\r\n\r\n\0\r\nQUIT\n";

/// Signature, version and command, family and transport, length.
const FIXED: usize = 16;

/// The longest that may follow, as in nginx: TLVs of a whole certificate chain are longer, but no
/// balancer sends such.
const LONGEST: usize = 4096;

/// A family and transport, and how long its two addresses are.
const FAMILIES: [(u8, usize); 7] = [
    (0x00, 0), // not said
    (TCP4, 12),
    (0x12, 12), // UDP over IPv4
    (TCP6, 36),
    (0x22, 36),  // UDP over IPv6
    (0x31, 216), // Unix streams
    (0x32, 216), // Unix datagrams
];

const TCP4: u8 = 0x11;
const TCP6: u8 = 0x21;

pub(super) fn parse(bytes: &[u8]) -> Result<Parsed, HeaderError> {
    if let Some(odd) = bytes.iter().zip(&SIGNATURE).position(|(byte, wanted)| byte != wanted) {
        return fail(Kind::NoHeader, odd);
    }
    let local = match bytes.get(12) {
        None => return Ok(part(bytes, FIXED)),
        Some(byte) if byte >> 4 != 2 => return fail(Kind::Version, 12),
        Some(0x20) => true,
        Some(0x21) => false,
        Some(_) => return fail(Kind::Command, 12),
    };
    let Some(&family) = bytes.get(13) else { return Ok(part(bytes, FIXED)) };
    let room = FAMILIES.iter().find(|(known, _)| *known == family).map(|(_, room)| *room);
    let room = match room {
        _ if local => 0, // its family and addresses are to be ignored, whatever they are
        Some(room) => room,
        None => return fail(Kind::Family, 13),
    };
    // The upper byte of the length alone may say that it is too long.
    match (bytes.get(14), bytes.get(15)) {
        (Some(&high), _) if usize::from(high) << 8 > LONGEST => fail(Kind::TooLong, 14),
        (Some(&high), Some(&low)) => {
            let length = usize::from(u16::from_be_bytes([high, low]));
            if length > LONGEST {
                return fail(Kind::TooLong, 15);
            }
            if length < room {
                return fail(Kind::TooShort, 15);
            }
            let end = FIXED + length;
            let Some(whole) = bytes.get(..end) else { return Ok(part(bytes, end)) };
            let header = if local { Header::local(Version::V2) } else { header(whole, room)? };
            Ok(Parsed::Whole { header, length: end })
        }
        _ => Ok(part(bytes, FIXED)),
    }
}

fn part(bytes: &[u8], end: usize) -> Parsed {
    Parsed::Part { least: end - bytes.len() }
}

/// Reads a whole header whose addresses take `room` bytes.
fn header(whole: &[u8], room: usize) -> Result<Header, HeaderError> {
    let addresses = match whole[13] {
        TCP4 => Some(ends::<4, Ipv4Addr>(&whole[FIXED..])),
        TCP6 => Some(ends::<16, Ipv6Addr>(&whole[FIXED..])),
        _ => None,
    };
    // Without a family nobody knows where the addresses end, so all is ignored.
    let tlvs = if room == 0 { Vec::new() } else { tlvs(whole, FIXED + room)? };
    let command = if addresses.is_some() { Command::Proxy } else { Command::Unknown };
    Ok(Header { version: Version::V2, command, addresses, tlvs })
}

/// Reads two addresses and two ports. There is room for them.
fn ends<const N: usize, I: From<[u8; N]> + Into<IpAddr>>(bytes: &[u8]) -> Addresses {
    let octets = |at: usize| -> [u8; N] { std::array::from_fn(|index| bytes[at + index]) };
    let port = |at: usize| u16::from_be_bytes([bytes[at], bytes[at + 1]]);
    let end = |ip: I, port| canonical(SocketAddr::new(ip.into(), port));
    Addresses {
        source: end(octets(0).into(), port(2 * N)),
        destination: end(octets(N).into(), port(2 * N + 2)),
    }
}

/// Reads types, lengths and values from `at` to the end, and checks the checksum if there is one.
fn tlvs(whole: &[u8], mut at: usize) -> Result<Vec<Tlv>, HeaderError> {
    let mut tlvs = Vec::new();
    while at < whole.len() {
        let Some((kind, value)) = Tlv::split(&whole[at..]) else { return fail(Kind::Tlv, at) };
        let start = at + 3;
        if kind == CRC32C {
            let zeroed = [&whole[..start], &vec![0; value.len()], &whole[start + value.len()..]];
            if value != crc32c(&zeroed).to_be_bytes() {
                return fail(Kind::Checksum, start);
            }
        }
        tlvs.push(Tlv { kind, value: value.to_vec() });
        at = start + value.len();
    }
    Ok(tlvs)
}

pub(super) fn write(header: &Header) -> Result<Vec<u8>, HeaderError> {
    let mut body = Vec::new();
    let family = match header.addresses {
        None => 0,
        Some(Addresses { source, destination }) => {
            let family = match (source.ip(), destination.ip()) {
                (IpAddr::V4(from), IpAddr::V4(to)) => {
                    body.extend(from.octets());
                    body.extend(to.octets());
                    TCP4
                }
                (from, to) => {
                    body.extend(in_ipv6(from).octets());
                    body.extend(in_ipv6(to).octets());
                    TCP6
                }
            };
            body.extend(source.port().to_be_bytes());
            body.extend(destination.port().to_be_bytes());
            family
        }
    };
    let mut checksum = None;
    // Without addresses the rest is ignored, so nothing is written.
    for tlv in header.tlvs.iter().filter(|_| family != 0) {
        if tlv.kind == CRC32C && checksum.is_some() {
            continue; // neither of two could be that of the other
        }
        let value = if tlv.kind == CRC32C { &[0; 4] } else { &tlv.value[..] };
        let length = u16::try_from(value.len()).or_else(|_| fail(Kind::TooLong, 14))?;
        body.push(tlv.kind);
        body.extend(length.to_be_bytes());
        if tlv.kind == CRC32C {
            checksum = Some(FIXED + body.len());
        }
        body.extend(value);
    }
    if body.len() > LONGEST {
        return fail(Kind::TooLong, 14);
    }
    let command = match header.command {
        Command::Local => 0x20,
        Command::Proxy | Command::Unknown => 0x21,
    };
    let mut bytes =
        [&SIGNATURE[..], &[command, family], &(body.len() as u16).to_be_bytes()].concat();
    bytes.extend(body);
    if let Some(at) = checksum {
        let sum = crc32c(&[&bytes]).to_be_bytes();
        bytes[at..at + 4].copy_from_slice(&sum);
    }
    Ok(bytes)
}

fn in_ipv6(ip: IpAddr) -> Ipv6Addr {
    match ip {
        IpAddr::V4(v4) => v4.to_ipv6_mapped(),
        IpAddr::V6(v6) => v6,
    }
}

/// The checksum of iSCSI (RFC 3720, section 12.1, appendix B.4) over all pieces. A bit at a time:
/// headers are short, and one comes once a connection.
pub(super) fn crc32c(pieces: &[&[u8]]) -> u32 {
    let bytes = pieces.iter().flat_map(|piece| piece.iter());
    !bytes.fold(u32::MAX, |sum, &byte| {
        (0..8).fold(sum ^ u32::from(byte), |sum, _| {
            let carry = 0x82f6_3b78 & (sum & 1).wrapping_neg(); // the polynomial, bits turned over
            sum >> 1 ^ carry
        })
    })
}
