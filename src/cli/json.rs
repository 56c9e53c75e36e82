//! Addresses in, the words of the JSON lines out.

use std::net::SocketAddr;

use echo6::address::Families;

/// `ipv4` or `ipv6`.
pub(crate) fn family(address: SocketAddr) -> &'static str {
    if Families::of(address) == Families::Ipv4 { "ipv4" } else { "ipv6" }
}
