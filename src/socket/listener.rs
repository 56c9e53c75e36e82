//! Endpoints and options in, bound listeners out: every socket option, and why it is set.

use std::fmt;
use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};

use socket2::{Domain, Protocol, SockRef, Socket, Type};

use super::error::ListenError;
use super::options::{ListenOptions, has_ipv6};
use crate::address::{Block, Endpoint, Families};

/// A bound, listening TCP socket, and the families it serves.
///
/// [`Display`](fmt::Display) says both: `[::]:7000 (IPv6 and IPv4)`.
#[derive(Debug)]
pub struct Listener {
    socket: TcpListener,
    address: SocketAddr,
    families: Families,
}

/// How many connections may wait in the kernel until they are accepted. With 128 or 1,024, a burst
/// of 1,000 connects overflows the queue, and each client left out waits a second until it sends its
/// SYN again: 244 connects a second instead of 40,000. Linux cuts it to `net.core.somaxconn`, which
/// is 4,096 by default; Windows and macOS cut it to limits of their own. See the bursts of
/// `benches/echo.rs`.
const BACKLOG: i32 = 4096;

/// Binds a listener for each address of each endpoint.
///
/// - `[::]:7000` serves IPv6 and IPv4 on one socket: `IPV6_V6ONLY` (RFC 3493, section 5.3) is always
///   set, to whichever value is meant, so that the system's default (`net.ipv6.bindv6only` on
///   Linux, on for Windows) never decides. OpenBSD has no dual-stack sockets: there it fails, and
///   both families take a listener each.
/// - `[::]:7000` beside `0.0.0.0:7000` serves IPv6 only, because otherwise the second could not be
///   bound.
/// - `:7000` is `[::]:7000` or, on a host without IPv6, `0.0.0.0:7000`.
/// - Port 0 lets the system choose; [`Listener::address`] says what it chose.
/// - A name is bound at all its addresses, which are looked up with getaddrinfo(3): this **blocks**.
///
/// # Errors
///
/// The first endpoint that cannot be bound ends it; what was bound before is closed again.
///
/// # Examples
///
/// ```
/// use echo6::socket::{ListenOptions, listen};
///
/// let listeners = listen(&["127.0.0.1:0".parse()?], ListenOptions::default())?;
/// assert_ne!(listeners[0].address().port(), 0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn listen(
    endpoints: &[Endpoint],
    options: ListenOptions,
) -> Result<Vec<Listener>, ListenError> {
    let plan = options.plan(endpoints)?;
    let mut listeners = Vec::with_capacity(plan.len());
    for (address, families) in plan {
        listeners.push(open(address, families, options, &listeners)?);
    }
    Ok(listeners)
}

fn open(
    address: SocketAddr,
    families: Families,
    options: ListenOptions,
    before: &[Listener],
) -> Result<Listener, ListenError> {
    if address.ip().is_multicast() || address.ip() == IpAddr::V4(Ipv4Addr::BROADCAST) {
        let purpose = Block::of(address.ip()).purpose();
        return Err(ListenError::NoClients { address, purpose });
    }
    match bind(address, families, options) {
        Ok(listener) => Ok(listener),
        Err(_) if address.is_ipv6() && !has_ipv6() => Err(ListenError::NoIpv6 { address }),
        Err(error) => {
            let taken = error.kind() == ErrorKind::AddrInUse;
            let covered = before.iter().find(|before| taken && before.overlaps(address));
            Err(match covered {
                Some(by) => ListenError::Covered { address, by: by.address },
                None => ListenError::Bind { address, source: error.into() },
            })
        }
    }
}

fn bind(
    address: SocketAddr,
    families: Families,
    options: ListenOptions,
) -> std::io::Result<Listener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        socket.set_only_v6(families != Families::Both)?;
    }
    // Without it, a port stays taken for a minute after a server with clients has stopped
    // (TIME_WAIT). On Windows the option means something else: to steal the port of another.
    #[cfg(not(windows))]
    socket.set_reuse_address(true)?;
    #[cfg(unix)]
    socket.set_reuse_port(options.reuse_port)?;
    #[cfg(not(unix))]
    if options.reuse_port {
        return Err(ErrorKind::Unsupported.into());
    }
    set_for_clients(&socket)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    let socket = TcpListener::from(socket);
    let address = socket.local_addr()?;
    Ok(Listener { socket, address, families })
}

/// The families that a bound socket serves.
pub(super) fn families_of(socket: &Socket, address: SocketAddr) -> std::io::Result<Families> {
    Ok(match Families::of(address) {
        Families::Ipv6 if address.ip().is_unspecified() && !socket.only_v6()? => Families::Both,
        families => families,
    })
}

/// Sets what accepted sockets have from their listener.
fn set_for_clients(socket: &Socket) -> std::io::Result<()> {
    // A client that vanished would stay for ever. The system decides when to ask after one that is
    // silent, 2 hours on Linux: a server that asked sooner would keep alive what a NAT on the way
    // forgets, and nobody could find out that it does.
    socket.set_keepalive(true)?;
    // Urgent data is an octet of the stream like any other (RFC 6093, section 4), so it comes back.
    #[cfg(not(target_os = "redox"))]
    socket.set_out_of_band_inline(true)?;
    Ok(())
}

impl Listener {
    /// The socket, for what no method here does.
    pub(crate) fn socket(&self) -> SockRef<'_> {
        SockRef::from(&self.socket)
    }

    /// Takes over a listening socket that somebody else bound: a service manager, or a test that
    /// needed options of its own. Its families are read from `IPV6_V6ONLY`, and what its clients
    /// inherit from it is set.
    ///
    /// # Errors
    ///
    /// If it is no socket, or if it does not listen where the system says so (`SO_ACCEPTCONN` on Linux
    /// and FreeBSD).
    ///
    /// # Examples
    ///
    /// ```
    /// use std::net::TcpListener;
    ///
    /// use echo6::socket::Listener;
    ///
    /// let listener = Listener::adopt(TcpListener::bind("127.0.0.1:0")?)?;
    /// assert!(listener.to_string().ends_with(" (IPv4)"));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn adopt(socket: TcpListener) -> std::io::Result<Self> {
        let address = socket.local_addr()?;
        let options = SockRef::from(&socket);
        #[cfg(any(target_os = "android", target_os = "freebsd", target_os = "linux"))]
        if !options.is_listener()? {
            return Err(ErrorKind::InvalidInput.into());
        }
        set_for_clients(&options)?;
        let families = families_of(&options, address)?;
        Ok(Self { socket, address, families })
    }

    /// The bound address, with the port that the system chose where 0 was asked for.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The families of the clients that can connect.
    #[must_use]
    pub fn families(&self) -> Families {
        self.families
    }

    /// Says whether this listener has the port of `address` for every address of a family, or
    /// `address` would have it for this one's.
    fn overlaps(&self, address: SocketAddr) -> bool {
        let unspecified = self.address.ip().is_unspecified() || address.ip().is_unspecified();
        unspecified && self.address.port() == address.port()
    }
}

impl fmt::Display for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.address, self.families)
    }
}

impl From<Listener> for TcpListener {
    fn from(listener: Listener) -> Self {
        listener.socket
    }
}

#[cfg(test)]
mod tests {
    #[cfg(target_os = "linux")]
    use std::net::Ipv6Addr;

    use super::*;

    fn bound(texts: &[&str], options: ListenOptions) -> Result<Vec<Listener>, ListenError> {
        let endpoints: Vec<Endpoint> = texts.iter().map(|text| text.parse().unwrap()).collect();
        listen(&endpoints, options)
    }

    /// A port that the system gives to nobody else while the socket lives: bound, not listening.
    /// Other systems than Linux would not give it to us either.
    #[cfg(target_os = "linux")]
    fn reserve() -> (Socket, u16) {
        let socket = Socket::new(Domain::IPV6, Type::STREAM, Some(Protocol::TCP)).unwrap();
        socket.set_reuse_address(true).unwrap();
        socket.bind(&SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0)).into()).unwrap();
        let port = socket.local_addr().unwrap().as_socket().unwrap().port();
        (socket, port)
    }

    #[test]
    fn a_socket_of_somebody_else_is_read_for_its_families() {
        for (domain, only_v6, address, said) in [
            (Domain::IPV6, false, "[::]:0", "(IPv6 and IPv4)"),
            (Domain::IPV6, true, "[::]:0", "(IPv6)"),
            (Domain::IPV6, false, "[::1]:0", "(IPv6)"),
            (Domain::IPV6, false, "[::ffff:127.0.0.1]:0", "(IPv4)"),
            (Domain::IPV4, false, "0.0.0.0:0", "(IPv4)"),
        ] {
            let socket = Socket::new(domain, Type::STREAM, Some(Protocol::TCP)).unwrap();
            if domain == Domain::IPV6 {
                socket.set_only_v6(only_v6).unwrap();
            }
            let address: SocketAddr = address.parse().unwrap();
            socket.bind(&address.into()).unwrap();
            socket.listen(1).unwrap();
            let line = Listener::adopt(socket.into()).unwrap().to_string();
            assert!(line.ends_with(said), "{address} {only_v6}: {line}");
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_socket_that_does_not_listen_is_not_adopted() {
        let (reserved, _) = reserve();
        let error = Listener::adopt(reserved.into()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
    }

    #[test]
    fn the_unspecified_ipv6_address_serves_both_families() {
        for (text, families, said) in [
            ("[::]:0", Families::Both, "(IPv6 and IPv4)"),
            (":0", Families::Both, "(IPv6 and IPv4)"),
            ("[::]:0", Families::Ipv6, "(IPv6)"),
            (":0", Families::Ipv6, "(IPv6)"),
            (":0", Families::Ipv4, "(IPv4)"),
            ("[::1]:0", Families::Both, "(IPv6)"),
            ("127.0.0.1:0", Families::Both, "(IPv4)"),
            ("[::ffff:127.0.0.1]:0", Families::Both, "(IPv4)"),
        ] {
            let listeners = bound(&[text], ListenOptions::default().families(families)).unwrap();
            let line = listeners[0].to_string();
            assert!(line.ends_with(said), "{text} with {families:?}: {line}");
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn both_unspecified_addresses_can_share_a_port_in_either_order() {
        let (_reserved, port) = reserve();
        let (six, four) = (format!("[::]:{port}"), format!("0.0.0.0:{port}"));
        for texts in [[&six[..], &four], [&four, &six]] {
            let listeners = bound(&texts, ListenOptions::default()).unwrap();
            assert!(listeners.iter().all(|listener| listener.families() != Families::Both));
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn an_address_given_twice_is_bound_once() {
        let (_reserved, port) = reserve();
        let text = &format!("127.0.0.1:{port}")[..];
        assert_eq!(bound(&[text, text], ListenOptions::default()).unwrap().len(), 1);
        assert_eq!(bound(&["127.0.0.1:0"; 2], ListenOptions::default()).unwrap().len(), 2);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn what_cannot_be_bound_is_said_with_the_likely_fix() {
        let taken = bound(&["[::]:0"], ListenOptions::default()).unwrap();
        let port = taken[0].address().port();
        let (_reserved, free) = reserve();
        let ipv6 = ListenOptions::default().families(Families::Ipv6);
        let ipv4 = ListenOptions::default().families(Families::Ipv4);
        let both = ListenOptions::default();
        for (texts, options, message, help) in [
            (
                vec![format!("[::]:{port}")],
                both,
                format!("cannot listen on [::]:{port}"),
                "stop it",
            ),
            (
                vec![format!("[::]:{free}"), format!("127.0.0.1:{free}")],
                both,
                format!("cannot listen on 127.0.0.1:{free}: [::]:{free} has that port already"),
                "leave one of the two out",
            ),
            (
                vec![format!("[::1]:{free}"), format!("[::]:{free}")],
                both,
                format!("cannot listen on [::]:{free}: [::1]:{free} has that port already"),
                "leave one of the two out",
            ),
            (
                vec!["127.0.0.1:0".to_owned()],
                ipv6,
                "cannot listen on 127.0.0.1:0: not an IPv6 address".to_owned(),
                "give an IPv6 address",
            ),
            (
                vec!["[::]:0".to_owned()],
                ipv4,
                "cannot listen on [::]:0: not an IPv4 address".to_owned(),
                "give an IPv4 address",
            ),
            (
                vec!["[2001:db8::1]:7000".to_owned()],
                both,
                "cannot listen on [2001:db8::1]:7000".to_owned(),
                "no interface has the address, or it is new",
            ),
            (
                vec!["nosuch.invalid:7000".to_owned()],
                both,
                "cannot listen on nosuch.invalid:7000".to_owned(),
                "check the spelling",
            ),
        ] {
            let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
            let error = bound(&texts, options).unwrap_err();
            assert_eq!(error.to_string(), message);
            let said = error.help().unwrap_or_default();
            assert!(said.contains(help), "{message}: {said}");
        }
    }
}
