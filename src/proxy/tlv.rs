//! Types, lengths and values in, names and texts out.

use std::str;

/// What version 2 says beside addresses: a type and a value (proxy-protocol.txt, section 2.2).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Tlv {
    /// Its type.
    pub kind: u8,
    /// Its value.
    pub value: Vec<u8>,
}

/// The type of a checksum over the whole header.
pub(super) const CRC32C: u8 = 0x03;
const NOOP: u8 = 0x04;
const SSL: u8 = 0x20;
const AWS: u8 = 0xea;
const AZURE: u8 = 0xee;
const GCP: u8 = 0xe0;

/// The types whose value is one thing, in the protocol and in use.
const NAMES: &[(u8, &str)] = &[
    (0x01, "alpn"),
    (0x02, "authority"),
    (CRC32C, "crc32c"),
    (0x05, "unique_id"),
    (0x21, "ssl_version"),
    (0x22, "ssl_cn"),
    (0x23, "ssl_cipher"),
    (0x24, "ssl_sig_alg"),
    (0x25, "ssl_key_alg"),
    (0x26, "ssl_group"),
    (0x27, "ssl_sig_scheme"),
    (0x28, "ssl_client_cert"),
    (0x30, "netns"),
    (GCP, "gcp_psc_connection_id"),
];

impl Tlv {
    /// Makes one of a type and a value.
    #[must_use]
    pub fn new(kind: u8, value: impl Into<Vec<u8>>) -> Self {
        Self { kind, value: value.into() }
    }

    /// The names and texts of what it says: one, for padding none, and for a type that has others
    /// inside one each. A value that is not printable text is written in hexadecimal, `0x…`, as is
    /// the name of a type that is not known.
    #[must_use]
    pub fn fields(&self) -> Vec<(String, String)> {
        let value = &self.value[..];
        match (self.kind, value) {
            (NOOP, _) => Vec::new(),
            (SSL, [client, verify @ ..]) if verify.len() >= 4 => ssl(*client, verify),
            (AWS, [1, id @ ..]) => field("aws_vpce_id", text(id)),
            (AZURE, &[1, a, b, c, d]) => {
                field("azure_private_endpoint", u32::from_le_bytes([a, b, c, d]).to_string())
            }
            (GCP, &[a, b, c, d, e, f, g, h]) => {
                let id = u64::from_be_bytes([a, b, c, d, e, f, g, h]);
                field("gcp_psc_connection_id", id.to_string())
            }
            (CRC32C, value) => field("crc32c", hexadecimal(value)),
            (kind, value) => match NAMES.iter().find(|(known, _)| *known == kind) {
                Some((_, name)) => field(name, text(value)),
                None => field(&format!("0x{kind:02x}"), hexadecimal(value)),
            },
        }
    }

    /// Splits the first type and value off, if there is room for both.
    pub(super) fn split(bytes: &[u8]) -> Option<(u8, &[u8])> {
        let (&[kind, high, low], rest) = bytes.split_first_chunk()?;
        let value = rest.get(..usize::from(u16::from_be_bytes([high, low])))?;
        Some((kind, value))
    }
}

/// What the client's side of TLS was: flags, the result of the verification, and types inside.
fn ssl(client: u8, rest: &[u8]) -> Vec<(String, String)> {
    let flags = [(1, "tls"), (2, "certificate"), (4, "certificate in this session")];
    let flags = flags.iter().filter(|(bit, _)| client & bit != 0).map(|(_, name)| *name);
    let mut fields = field("ssl", flags.collect::<Vec<_>>().join(", "));
    let (verify, mut rest) = rest.split_at(4);
    let verified = verify.iter().all(|&byte| byte == 0);
    fields.extend(field("ssl_verified", if verified { "yes" } else { "no" }.to_owned()));
    while let Some((kind, value)) = Tlv::split(rest) {
        fields.extend(Tlv::new(kind, value).fields());
        rest = &rest[3 + value.len()..];
    }
    fields
}

fn field(name: &str, text: String) -> Vec<(String, String)> {
    vec![(name.to_owned(), text)]
}

/// The value as it is if it is printable, else in hexadecimal.
fn text(value: &[u8]) -> String {
    match str::from_utf8(value) {
        Ok(text) if !text.is_empty() && !text.contains(char::is_control) => text.to_owned(),
        _ => hexadecimal(value),
    }
}

fn hexadecimal(value: &[u8]) -> String {
    value.iter().fold("0x".to_owned(), |text, byte| text + &format!("{byte:02x}"))
}
