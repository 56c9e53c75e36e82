//! What an address is: text in, `Ipv4Addr`, `Ipv6Addr`, [`Endpoint`] or socket addresses out.
//!
//! | from | to | by |
//! |---|---|---|
//! | `"2001:db8::1"` | `Ipv6Addr` | [`pton()`], [`pton4`], [`pton6`] |
//! | `IpAddr` | `"2001:db8::1"` | [`ntop()`] |
//! | `IpAddr` | its [`Block`]: `fe80::/10`, link-local, RFC 4291 | [`Block::of`] |
//! | `"10.0.0.0/8"`, `"2001:db8::/32"` | [`Prefix`] | `str::parse` |
//! | `"10.0.0.0/8,loopback"`, a file of them | `Vec<Prefix>` | [`prefix_list`], [`prefix_lines`] |
//! | `"[::1]:7000"`, `"name:7000"` | [`Endpoint`] | `str::parse` |
//! | [`Endpoint`] | `Vec<SocketAddr>` | [`Endpoint::resolve`] |

use std::fmt;
use std::net::SocketAddr;

mod endpoint;
mod error;
mod ntop;
mod prefix;
mod pton;
mod registry;
mod resolve;

pub use endpoint::{Endpoint, Host};
pub use error::{AddressError, AddressErrorKind};
pub use ntop::{AddressText, ntop};
pub use prefix::{Prefix, PrefixListError, prefix_lines, prefix_list};
pub use pton::{pton, pton4, pton6};
pub use registry::{Block, embedded_ipv4};
pub use resolve::ResolveError;

/// The address families that a socket serves or that a caller wants.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Families {
    /// IPv6 and IPv4: for a listener, one dual-stack socket.
    #[default]
    Both,
    /// IPv4 only.
    Ipv4,
    /// IPv6 only.
    Ipv6,
}

impl Families {
    /// Says whether `address` is of these families. An IPv4-mapped IPv6 address counts as IPv4.
    #[must_use]
    pub fn contain(self, address: SocketAddr) -> bool {
        match self {
            Self::Both => true,
            Self::Ipv4 => canonical(address).is_ipv4(),
            Self::Ipv6 => canonical(address).is_ipv6(),
        }
    }

    /// The family of one address, an IPv4-mapped IPv6 address being IPv4.
    #[must_use]
    pub fn of(address: SocketAddr) -> Self {
        if canonical(address).is_ipv4() { Self::Ipv4 } else { Self::Ipv6 }
    }

    /// The stable word for programs: `ipv4`, `ipv6`, or `both`, for which JSON lists the two.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Both => "both",
            Self::Ipv4 => "ipv4",
            Self::Ipv6 => "ipv6",
        }
    }
}

impl fmt::Display for Families {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Both => "IPv6 and IPv4",
            Self::Ipv4 => "IPv4",
            Self::Ipv6 => "IPv6",
        })
    }
}

/// Turns the IPv4-mapped form `[::ffff:192.0.2.7]:41000` (RFC 4291, section 2.5.5.2), which is how
/// a dual-stack socket names its IPv4 peers, into `192.0.2.7:41000`. Any other address comes back
/// as it is.
#[must_use]
pub fn canonical(address: SocketAddr) -> SocketAddr {
    match address {
        SocketAddr::V6(v6) => match v6.ip().to_ipv4_mapped() {
            Some(v4) => SocketAddr::new(v4.into(), v6.port()),
            None => address,
        },
        SocketAddr::V4(_) => address,
    }
}

/// Says whether the address is in fe80::/10 and lacks the zone without which it is no destination
/// (RFC 4007, section 6).
pub(crate) fn is_unzoned_link_local(address: SocketAddr) -> bool {
    matches!(address, SocketAddr::V6(v6) if v6.ip().is_unicast_link_local() && v6.scope_id() == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ipv4_mapped_peer_is_an_ipv4_peer() {
        let mapped: SocketAddr = "[::ffff:192.0.2.7]:41000".parse().unwrap();
        assert_eq!(canonical(mapped).to_string(), "192.0.2.7:41000");
        assert!(Families::Ipv4.contain(mapped) && !Families::Ipv6.contain(mapped));
        assert_eq!(Families::of(mapped), Families::Ipv4);
    }

    #[test]
    fn other_addresses_stay_as_they_are() {
        // ::192.0.2.7 is the deprecated IPv4-compatible form: not mapped, so not IPv4.
        for text in ["[::1]:1", "[::192.0.2.7]:1", "[fe80::1%3]:1", "127.0.0.1:1"] {
            let address: SocketAddr = text.parse().unwrap();
            assert_eq!(canonical(address), address);
        }
    }
}
