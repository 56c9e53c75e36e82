//! A client's place in the table of clients, in as few bytes as it can have.

use std::net::{Ipv6Addr, SocketAddrV6};

/// A place in the table, and whose it is.
pub(super) struct Place {
    pub(super) key: u32,
    /// The lower half of the connection's number.
    number: u32,
    peer: Peer,
}

/// An address in 24 bytes, IPv4 in its mapped form. A `SocketAddrV6` has 28, of which the flow
/// information is of no use here, and with the number that would be 16 bytes more for each client.
#[derive(Clone, Copy)]
struct Peer {
    ip: [u8; 16],
    scope: u32,
    port: u16,
}

impl Place {
    pub(super) fn new(key: u32, id: u64, peer: SocketAddrV6) -> Self {
        let peer = Peer { ip: peer.ip().octets(), scope: peer.scope_id(), port: peer.port() };
        Self { key, number: id as u32, peer }
    }

    pub(super) fn peer(&self) -> SocketAddrV6 {
        let Peer { ip, scope, port } = self.peer;
        SocketAddrV6::new(Ipv6Addr::from(ip), port, 0, scope)
    }

    /// The number of the connection, when `last` is that of the last one.
    pub(super) fn id(&self, last: u64) -> u64 {
        whole(self.number, last)
    }
}

/// The greatest number up to `last` whose lower half is `number`. A system has fewer than 2^32
/// sockets at a time, so there is no other.
fn whole(number: u32, last: u64) -> u64 {
    let upper = last >> 32 << 32;
    let id = upper | u64::from(number);
    if id > last { id - (1 << 32) } else { id }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_whole_again_from_its_lower_half() {
        let round = 1_u64 << 32;
        for (id, last) in [
            (1, 1),
            (1, 1000),
            (round - 1, round - 1),
            (round - 1, round),
            (round, round),
            (round - 5, 2 * round - 6),
            (3 * round + 7, 3 * round + 7),
            (3 * round + 7, 4 * round),
        ] {
            assert_eq!(whole(id as u32, last), id, "{id} of {last}");
        }
    }
}
