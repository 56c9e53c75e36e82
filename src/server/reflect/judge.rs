//! A datagram's addresses in, why it is not answered out.

use std::net::{IpAddr, SocketAddr};

use crate::kind::kind;

kind! {
    /// Why a datagram was not answered.
    pub enum Ignored {
        /// It was sent to a multicast group: everybody in it would answer (RFC 1122, section
        /// 3.2.2.6, says so of ICMP).
        Multicast = "multicast", "sent to a multicast group";
        /// It was sent to a broadcast address.
        Broadcast = "broadcast", "sent to a broadcast address";
        /// Its source is no address of one host: unspecified, multicast or broadcast.
        Source = "source", "from an address that no host has";
        /// Its source port is 0: the sender wants no answer (RFC 768), and none can be sent.
        PortZero = "port_zero", "from port 0";
        /// Its source port is below 1024: to answer the echo, time or name service of another host
        /// may start a conversation that never ends (CVE-2024-2169).
        LowPort = "low_port", "from a port below 1024";
        /// Its source port is one that this server serves: whoever sends from there may be another
        /// echo server.
        OwnPort = "own_port", "from a port served here";
        /// An access rule keeps its source out.
        Denied = "denied", "denied by a rule";
        /// Its source has sent more than it may in a second.
        Rate = "rate", "over the rate limit";
        /// It was longer than the buffer it was received into, so that only a part could be
        /// returned.
        Truncated = "truncated", "truncated";
    }
}

/// From which ports datagrams are not answered.
#[derive(Debug)]
pub(super) struct Rules {
    /// The ports of this server's own sockets.
    pub(super) served: Vec<u16>,
    pub(super) any_source_port: bool,
}

/// The first port that an ordinary program may send from.
const UNPRIVILEGED: u16 = 1024;

impl Rules {
    /// Says why a datagram from `peer` to `asked` is not to be answered, if so. Both are canonical:
    /// no IPv4 address is in its mapped form.
    ///
    /// A broadcast to a part of a network looks like any other address. The system knows it, and
    /// sends no answer from there.
    pub(super) fn judge(&self, peer: SocketAddr, asked: IpAddr) -> Option<Ignored> {
        if asked.is_multicast() {
            return Some(Ignored::Multicast);
        }
        if is_broadcast(asked) {
            return Some(Ignored::Broadcast);
        }
        let (ip, port) = (peer.ip(), peer.port());
        if ip.is_unspecified() || ip.is_multicast() || is_broadcast(ip) {
            return Some(Ignored::Source);
        }
        match port {
            0 => Some(Ignored::PortZero),
            _ if self.any_source_port => None,
            1..UNPRIVILEGED => Some(Ignored::LowPort),
            _ if self.served.contains(&port) => Some(Ignored::OwnPort),
            _ => None,
        }
    }
}

fn is_broadcast(ip: IpAddr) -> bool {
    matches!(ip, IpAddr::V4(ip) if ip.is_broadcast())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_or_must_not_be_answered_is_ignored_for_a_reason() {
        let (strict, lax) = (
            Rules { served: vec![7000, 7], any_source_port: false },
            Rules { served: vec![7000, 7], any_source_port: true },
        );
        for (peer, asked, ignored, even_so) in [
            ("192.0.2.7:41000", "192.0.2.1", None, None),
            ("[2001:db8::7]:41000", "2001:db8::1", None, None),
            ("192.0.2.7:1024", "192.0.2.1", None, None),
            ("192.0.2.7:1023", "192.0.2.1", Some(Ignored::LowPort), None),
            ("192.0.2.7:7", "192.0.2.1", Some(Ignored::LowPort), None),
            ("[2001:db8::7]:7000", "2001:db8::1", Some(Ignored::OwnPort), None),
            ("192.0.2.7:0", "192.0.2.1", Some(Ignored::PortZero), Some(Ignored::PortZero)),
            ("0.0.0.0:41000", "::", Some(Ignored::Source), Some(Ignored::Source)),
            ("[::]:41000", "::", Some(Ignored::Source), Some(Ignored::Source)),
            ("224.0.0.1:41000", "::", Some(Ignored::Source), Some(Ignored::Source)),
            ("[ff02::1]:41000", "::", Some(Ignored::Source), Some(Ignored::Source)),
            ("255.255.255.255:41000", "::", Some(Ignored::Source), Some(Ignored::Source)),
            ("192.0.2.7:41000", "224.0.0.251", Some(Ignored::Multicast), Some(Ignored::Multicast)),
            ("[fe80::7]:41000", "ff02::1", Some(Ignored::Multicast), Some(Ignored::Multicast)),
            (
                "192.0.2.7:41000",
                "255.255.255.255",
                Some(Ignored::Broadcast),
                Some(Ignored::Broadcast),
            ),
        ] {
            let (peer, asked) = (peer.parse().unwrap(), asked.parse().unwrap());
            assert_eq!(strict.judge(peer, asked), ignored, "{peer} to {asked}");
            assert_eq!(lax.judge(peer, asked), even_so, "{peer} to {asked}, from any port");
        }
    }
}
