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
    is_shared: bool,
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
    Ok(Listener { socket, address, families, is_shared: false })
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
        Ok(Self { socket, address, families, is_shared: false })
    }

    /// Says that somebody else holds the socket too and has it served again, as a service manager does.
    /// A server that stops leaves the clients in its backlog to the next one; of a socket of its own it
    /// accepts and drains them, because to close that would be to reset them.
    #[must_use]
    pub fn shared(mut self) -> Self {
        self.is_shared = true;
        self
    }

    pub(crate) fn is_shared(&self) -> bool {
        self.is_shared
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
mod tests;
