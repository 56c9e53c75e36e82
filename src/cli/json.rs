//! Units in, numbers and words of the JSON lines out.

use std::net::SocketAddr;
use std::time::Duration;

use echo6::address::Families;

/// Microseconds, with a fraction down to the nanosecond.
pub(crate) fn micros(duration: Duration) -> f64 {
    duration.as_nanos() as f64 / 1e3
}

/// `ipv4` or `ipv6`.
pub(crate) fn family(address: SocketAddr) -> &'static str {
    if Families::of(address) == Families::Ipv4 { "ipv4" } else { "ipv6" }
}
