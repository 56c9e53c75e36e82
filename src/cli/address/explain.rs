//! A literal in, all that can be said of it without asking the network out, as text or JSON.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use echo6::address::{Block, Endpoint, Host, Prefix, canonical, embedded_ipv4, ntop};
use serde::{Serialize, Serializer};

use super::Literal;
use crate::cli::sink::object;
use crate::cli::text::grouped;

/// What `echo6 address` says of one text. The names of the fields are those of the JSON object;
/// fields that do not apply are left out.
#[derive(Serialize)]
pub(crate) struct Explanation {
    event: &'static str,
    input: String,
    canonical: String,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "lower_case")]
    family: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes: Option<String>,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    purpose: Option<Purpose>,
    #[serde(skip_serializing_if = "Option::is_none")]
    embedded_ipv4: Option<Embedded>,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    endpoint: Option<Use>,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    range: Option<Range>,
    /// What a name resolves to.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    addresses: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
}

#[derive(Serialize)]
struct Purpose {
    purpose: &'static str,
    prefix: String,
    rfc: u16,
}

#[derive(Serialize)]
struct Embedded {
    canonical: String,
    #[serde(flatten)]
    purpose: Purpose,
}

/// What a prefix has that an address has not.
#[derive(Serialize)]
struct Range {
    first: String,
    last: String,
    length: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    netmask: Option<String>,
    /// The blocks that are set apart inside it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    within: Vec<Purpose>,
}

/// What an endpoint has beside its address, and what the other commands would do with it.
#[derive(Serialize)]
struct Use {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    zone: Option<String>,
    port: u16,
    listen: String,
    send: String,
}

impl Explanation {
    pub(crate) fn new(input: &str, literal: &Literal) -> Self {
        let (address, canonical) = match literal {
            Literal::Prefix(prefix) => return Self::of_prefix(input, *prefix),
            Literal::Address(address) => (Some(*address), ntop(*address).to_string()),
            Literal::Scoped(address, zone) => {
                (Some(IpAddr::V6(*address)), format!("{}%{zone}", ntop(*address)))
            }
            Literal::Endpoint(endpoint) => (literal_address(endpoint.host()), endpoint.to_string()),
        };
        let (endpoint, hint) = match literal {
            Literal::Endpoint(endpoint) => (Some(Use::of(endpoint)), None),
            Literal::Prefix(_) => (None, None),
            Literal::Scoped(..) => (None, Some(format!("with a port, write [{canonical}]:PORT"))),
            // To read an address as an endpoint fails, and the error knows what is missing.
            Literal::Address(_) => {
                (None, input.parse::<Endpoint>().err().map(|error| error.help().to_owned()))
            }
        };
        let embedded = match address {
            Some(IpAddr::V6(address)) => embedded_ipv4(address),
            _ => None,
        };
        Self {
            event: "address",
            input: input.to_owned(),
            canonical,
            family: address.map(family),
            bytes: address.map(hexadecimal),
            purpose: address.map(Purpose::of),
            embedded_ipv4: embedded.map(|address| Embedded {
                canonical: ntop(address).to_string(),
                purpose: Purpose::of(address.into()),
            }),
            endpoint,
            range: None,
            addresses: Vec::new(),
            hint,
        }
    }

    pub(crate) fn of_name(input: &str, name: &str, addresses: &[SocketAddr]) -> Self {
        Self {
            event: "address",
            input: input.to_owned(),
            canonical: name.to_owned(),
            family: None,
            bytes: None,
            purpose: None,
            embedded_ipv4: None,
            endpoint: None,
            range: None,
            addresses: addresses.iter().map(|address| ntop(address.ip()).to_string()).collect(),
            hint: Some(format!("with a port, write {name}:PORT")),
        }
    }

    fn of_prefix(input: &str, prefix: Prefix) -> Self {
        Self {
            event: "address",
            input: input.to_owned(),
            canonical: prefix.to_string(),
            family: Some(family(prefix.first())),
            bytes: None,
            purpose: Some(Purpose::from(Block::around(prefix))),
            embedded_ipv4: None,
            endpoint: None,
            range: Some(Range::of(prefix)),
            addresses: Vec::new(),
            hint: None,
        }
    }

    /// The explanation as one line of JSON.
    pub(crate) fn json(&self) -> String {
        object(self)
    }

    fn rows(&self) -> Vec<(&'static str, String)> {
        let mut rows = Vec::new();
        let mut row = |label, text: Option<String>| rows.extend(text.map(|text| (label, text)));
        row("family", self.family.map(str::to_owned));
        row("bytes", self.bytes.clone());
        row("is", self.purpose.as_ref().map(Purpose::to_string));
        if let Some(range) = &self.range {
            row("first", Some(range.first.clone()));
            row("last", Some(range.last.clone()));
            row("size", Some(range.size()));
            row("mask", range.netmask.clone());
            row("within", range.some_within());
        }
        for address in &self.addresses {
            row("address", Some(address.clone()));
        }
        let embedded = self.embedded_ipv4.as_ref();
        row("IPv4", embedded.map(|ipv4| format!("{}, {}", ipv4.canonical, ipv4.purpose)));
        if let Some(endpoint) = &self.endpoint {
            row("name", endpoint.name.clone());
            row("zone", endpoint.zone.clone());
            row("port", Some(endpoint.port.to_string()));
            row("listen", Some(endpoint.listen.clone()));
            row("send", Some(endpoint.send.clone()));
        }
        row("hint", self.hint.clone());
        rows
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.canonical)?;
        self.rows().iter().try_for_each(|(label, text)| writeln!(f, "  {label:7}  {text}"))
    }
}

impl Purpose {
    fn of(address: IpAddr) -> Self {
        Block::of(address).into()
    }
}

impl From<&Block> for Purpose {
    fn from(block: &Block) -> Self {
        Self { purpose: block.purpose(), prefix: block.to_string(), rfc: block.rfc() }
    }
}

impl fmt::Display for Purpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} (RFC {})", self.purpose, self.prefix, self.rfc)
    }
}

/// How many of the blocks inside a prefix are shown to a person.
const SHOWN: usize = 3;

impl Range {
    fn of(prefix: Prefix) -> Self {
        let mask = u32::MAX.checked_shl(32 - u32::from(prefix.length().min(32))).unwrap_or(0);
        Self {
            first: ntop(prefix.first()).to_string(),
            last: ntop(prefix.last()).to_string(),
            length: prefix.length(),
            netmask: prefix.first().is_ipv4().then(|| ntop(Ipv4Addr::from(mask)).to_string()),
            within: Block::within(prefix).map(Purpose::from).collect(),
        }
    }

    /// How many addresses there are: as a number while a person can read it.
    fn size(&self) -> String {
        match if self.netmask.is_some() { 32 } else { 128 } - self.length {
            0 => "1 address".to_owned(),
            bits @ 1..=32 => format!("{} addresses", grouped(&(1_u64 << bits).to_string())),
            bits => format!("2^{bits} addresses"),
        }
    }

    fn some_within(&self) -> Option<String> {
        let shown: Vec<_> = self.within.iter().take(SHOWN).map(Purpose::to_string).collect();
        match self.within.len() {
            0 => None,
            all if all > SHOWN => Some(format!("{}, and {} more", shown.join(", "), all - SHOWN)),
            _ => Some(shown.join(", ")),
        }
    }
}

impl Use {
    /// Says what would be done short of asking the system or the network, so of a name that it
    /// would be looked up, and of an address that it would be bound if the host has it.
    fn of(endpoint: &Endpoint) -> Self {
        let port = endpoint.port();
        let (listen, send) = match endpoint.host() {
            Host::Any => (
                format!("serves IPv6 and IPv4 on every local address, {}", at_port(port)),
                "fails: there is no host to connect to".to_owned(),
            ),
            Host::Name(name) => (
                format!("looks up {name} and serves each of its addresses, {}", at_port(port)),
                format!("looks up {name} and connects to the first address that accepts"),
            ),
            host => {
                literal_address(host).map(|ip| literal_uses(host, ip, port)).unwrap_or_default()
            }
        };
        let send = if port == 0 { "fails: port 0 is only for listening".to_owned() } else { send };
        let (name, zone) = match endpoint.host() {
            Host::Name(name) => (Some(name.clone()), None),
            Host::Zoned(_, zone) => (None, Some(zone.clone())),
            _ => (None, None),
        };
        Self { name, zone, port, listen, send }
    }
}

fn literal_uses(host: &Host, ip: IpAddr, port: u16) -> (String, String) {
    let ip = canonical(SocketAddr::new(ip, port)).ip();
    let family = family(ip);
    let purpose = Block::of(ip).purpose();
    let fails = match (host, ip) {
        (_, ip) if ip.is_multicast() || ip == IpAddr::V4(Ipv4Addr::BROADCAST) => {
            Some(format!("fails: TCP has no {purpose} connections"))
        }
        (Host::V6(_), IpAddr::V6(v6)) if v6.is_unicast_link_local() => {
            Some(format!("fails: add the zone, as in [{}%eth0]:{port}", ntop(ip)))
        }
        _ => None,
    };
    if let Some(fails) = fails {
        return (fails.clone(), fails);
    }
    if ip.is_unspecified() {
        let both = if ip.is_ipv6() { "IPv6 and IPv4" } else { "IPv4" };
        return (
            format!("serves {both} on every local address, {}", at_port(port)),
            format!("connects to this host itself over {family}, where the system allows it"),
        );
    }
    let endpoint = Endpoint::new(
        match (host, ip) {
            (Host::Zoned(..), _) => host.clone(),
            (_, IpAddr::V4(ip)) => Host::V4(ip),
            (_, IpAddr::V6(ip)) => Host::V6(ip),
        },
        port,
    );
    (
        format!("serves {family} on {}, {}, if this host has it", ntop(ip), at_port(port)),
        format!("connects to {endpoint} over {family}"),
    )
}

fn at_port(port: u16) -> String {
    match port {
        0 => "at a port that the system chooses".to_owned(),
        port => format!("port {port}"),
    }
}

fn family(address: IpAddr) -> &'static str {
    if address.is_ipv4() { "IPv4" } else { "IPv6" }
}

fn lower_case<S: Serializer>(text: &Option<&str>, serializer: S) -> Result<S::Ok, S::Error> {
    text.map(str::to_lowercase).serialize(serializer)
}

/// The address of a host that is written as one.
fn literal_address(host: &Host) -> Option<IpAddr> {
    match host {
        Host::V4(ip) => Some((*ip).into()),
        Host::V6(ip) | Host::Zoned(ip, _) => Some((*ip).into()),
        _ => None,
    }
}

/// The bytes in network order, two digits each.
fn hexadecimal(address: IpAddr) -> String {
    let digits = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    match address {
        IpAddr::V4(address) => digits(&address.octets()),
        IpAddr::V6(address) => digits(&address.octets()),
    }
}
