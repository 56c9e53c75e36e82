//! An address that no answer can be sent from in, whether it is a broadcast address out.

use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, UdpSocket};

/// Tells broadcast addresses from others. Which addresses those are depends on the networks that
/// the host is in, so the system is asked: without `SO_BROADCAST`, connect(2) to one is refused, and
/// with it, it is not. To one that a route prohibits it is always refused.
#[derive(Debug, Default)]
pub(super) struct Broadcasts {
    /// The last that was asked about, because broadcasts come in floods.
    last: Option<(Ipv4Addr, bool)>,
}

impl Broadcasts {
    pub(super) fn contain(&mut self, ip: IpAddr) -> bool {
        let IpAddr::V4(ip) = ip else { return false };
        match self.last {
            Some((last, is)) if last == ip => is,
            _ => {
                let is = is_broadcast(ip);
                self.last = Some((ip, is));
                is
            }
        }
    }
}

/// The discard port (RFC 863). Nothing is sent to it.
const DISCARD: u16 = 9;

fn is_broadcast(ip: Ipv4Addr) -> bool {
    let Ok(socket) = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)) else { return false };
    let connect = || socket.connect((ip, DISCARD));
    connect().is_err_and(|error| error.kind() == ErrorKind::PermissionDenied)
        && socket.set_broadcast(true).and_then(|()| connect()).is_ok()
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn the_system_knows_broadcast_addresses() {
        let mut broadcasts = Broadcasts::default();
        for (ip, is) in [
            ("127.255.255.255", true),
            ("127.255.255.255", true),
            ("127.0.0.1", false),
            ("::1", false),
        ] {
            assert_eq!(broadcasts.contain(ip.parse().unwrap()), is, "{ip}");
        }
    }
}
