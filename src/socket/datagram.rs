//! Endpoints and options in, bound UDP sockets out, which answer from the address that was asked.

use std::fmt;
use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr, UdpSocket};

use socket2::{Domain, Protocol, Socket, Type};

use super::error::ListenError;
use super::listener::{Listener, families_of, listen};
use super::options::{ListenOptions, has_ipv6};
use crate::address::{Endpoint, Families};

#[cfg(target_os = "linux")]
#[path = "datagram/linux.rs"]
mod system;
#[cfg(not(target_os = "linux"))]
#[path = "datagram/portable.rs"]
mod system;

pub(crate) use system::{Drops, Inbox, reply};

/// A bound UDP socket for a server, and the families it serves.
///
/// A socket on `[::]` or `0.0.0.0` has every address of the host, and a reply has to come from the
/// one that was asked (RFC 1122, section 4.1.3.5): whoever asked `192.0.2.9` drops an answer from
/// `192.0.2.7`. On Linux it does (`IP_PKTINFO`, `IPV6_PKTINFO`: RFC 3542, section 6).
/// On other systems the kernel chooses, so that on a host with several addresses a socket should be
/// bound to each one.
#[derive(Debug)]
pub struct DatagramSocket {
    socket: UdpSocket,
    address: SocketAddr,
    families: Families,
    control: Control,
}

/// Which control messages come with each datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Control {
    /// The domain of the socket, which says in which form they come.
    pub(crate) ipv6: bool,
    /// The address that was asked. A socket that is bound to one address needs no such message.
    pub(crate) asked: bool,
    /// The TOS or traffic class.
    pub(crate) marks: bool,
}

impl Control {
    fn of(address: SocketAddr, options: ListenOptions) -> Self {
        Self {
            ipv6: address.is_ipv6(),
            asked: address.ip().is_unspecified(),
            marks: options.copy_marks,
        }
    }
}

/// What came with a datagram.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arrival {
    /// Who sent it, as the socket names it: IPv4 is mapped on a dual-stack socket.
    pub(crate) peer: SocketAddr,
    /// The address that was asked, where the socket has several and the system says which.
    pub(crate) asked: Option<Asked>,
    /// The TOS or traffic class, if it was to be read.
    #[cfg_attr(not(target_os = "linux"), allow(dead_code))] // for the server to copy
    pub(crate) marks: Option<u8>,
    /// How many bytes were received.
    pub(crate) length: usize,
    /// The datagram was longer.
    pub(crate) truncated: bool,
}

/// One of this host's addresses, and the interface it was asked on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Asked {
    /// As the socket names it.
    pub(crate) address: IpAddr,
    pub(crate) interface: u32,
}

/// Room for the longest datagram that UDP can name: 65,535 bytes with its header. IPv4 carries
/// 65,507 and IPv6 65,527, so none is truncated. The 64 bytes above a multiple of the page size keep
/// the first lines of all buffers out of the same set of the processor's cache.
const STRIDE: usize = 65_536 + 64;

/// Binds a UDP socket for each address of each endpoint, with the rules of [`listen`].
///
/// # Errors
///
/// The first endpoint that cannot be bound ends it; what was bound before is closed again.
///
/// # Examples
///
/// ```
/// use echo6::socket::{ListenOptions, listen_datagrams};
///
/// let sockets = listen_datagrams(&["[::]:0".parse()?], ListenOptions::default())?;
/// assert_ne!(sockets[0].address().port(), 0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn listen_datagrams(
    endpoints: &[Endpoint],
    options: ListenOptions,
) -> Result<Vec<DatagramSocket>, ListenError> {
    let plan = options.plan(endpoints)?;
    plan.into_iter().map(|(address, families)| open(address, families, options)).collect()
}

/// How often [`listen_both`] asks the system for another port when the one that it chose for TCP is
/// taken for UDP. The two have some 28,000 each, and a host that has half of them taken fails once
/// in 65,536 times.
const PORTS: u32 = 16;

/// Binds a TCP listener and a UDP socket for each address of each endpoint, both on the same port,
/// also where port 0 lets the system choose. The two lists have the same order.
///
/// # Errors
///
/// The first endpoint that cannot be bound ends it; what was bound before is closed again.
///
/// # Examples
///
/// ```
/// use echo6::socket::{ListenOptions, listen_both};
///
/// let (tcp, udp) = listen_both(&["[::1]:0".parse()?], ListenOptions::default())?;
/// assert_eq!(tcp[0].address(), udp[0].address());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn listen_both(
    endpoints: &[Endpoint],
    options: ListenOptions,
) -> Result<(Vec<Listener>, Vec<DatagramSocket>), ListenError> {
    let chosen = endpoints.iter().any(|endpoint| endpoint.port() == 0);
    let mut left = PORTS;
    loop {
        let listeners = listen(endpoints, options)?;
        let beside = |listener: &Listener| open(listener.address(), listener.families(), options);
        match listeners.iter().map(beside).collect() {
            Ok(sockets) => return Ok((listeners, sockets)),
            Err(ListenError::Bind { source, .. })
                if chosen && left > 0 && source.kind() == ErrorKind::AddrInUse =>
            {
                left -= 1;
            }
            Err(error) => return Err(error),
        }
    }
}

fn open(
    address: SocketAddr,
    families: Families,
    options: ListenOptions,
) -> Result<DatagramSocket, ListenError> {
    bind(address, families, options).map_err(|error| {
        if address.is_ipv6() && !has_ipv6() {
            ListenError::NoIpv6 { address }
        } else {
            ListenError::Bind { address, source: error.into() }
        }
    })
}

fn bind(
    address: SocketAddr,
    families: Families,
    options: ListenOptions,
) -> io::Result<DatagramSocket> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    if address.is_ipv6() {
        socket.set_only_v6(families != Families::Both)?;
    }
    // SO_REUSEADDR stays off: for UDP it would let another program take over the port.
    #[cfg(unix)]
    socket.set_reuse_port(options.reuse_port)?;
    #[cfg(not(unix))]
    if options.reuse_port {
        return Err(ErrorKind::Unsupported.into());
    }
    // Linux cuts it to net.core.rmem_max without a word; other systems refuse what is too much.
    let _ = socket.set_recv_buffer_size(options.receive_buffer);
    let control = Control::of(address, options);
    // Before bind(2), so that the first datagram has its control messages too.
    let control = system::prepare(&socket, control)?;
    socket.bind(&address.into())?;
    let socket = UdpSocket::from(socket);
    let address = socket.local_addr()?;
    Ok(DatagramSocket { socket, address, families, control })
}

impl DatagramSocket {
    /// Takes over a bound socket of somebody else: a service manager, or a test that needed options of
    /// its own. Its families are read from `IPV6_V6ONLY`. Of the options only
    /// [`copy_marks`](ListenOptions::copy_marks) counts, because all others come before bind(2).
    ///
    /// The datagrams that wait already do not tell which address they asked: on a socket with every
    /// address of the host, the system chooses the one that they are answered from.
    ///
    /// # Errors
    ///
    /// If it is no bound UDP socket.
    pub fn adopt(socket: UdpSocket, options: ListenOptions) -> io::Result<Self> {
        let address = socket.local_addr()?;
        let bound = socket2::SockRef::from(&socket);
        let families = families_of(&bound, address)?;
        let control = system::prepare(&bound, Control::of(address, options))?;
        Ok(Self { socket, address, families, control })
    }

    /// The bound address, with the port that the system chose where 0 was asked for.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The families of the clients that it can hear.
    #[must_use]
    pub fn families(&self) -> Families {
        self.families
    }

    /// How many bytes of datagrams may wait in the kernel (`SO_RCVBUF`), by the kernel's own count,
    /// which on Linux includes its bookkeeping: 4 MiB hold some 10,000 datagrams of 64 bytes.
    ///
    /// # Errors
    ///
    /// Only if getsockopt(2) fails.
    pub fn receive_buffer(&self) -> io::Result<usize> {
        socket2::SockRef::from(&self.socket).recv_buffer_size()
    }

    /// Which control messages come with each datagram.
    pub(crate) fn control(&self) -> Control {
        self.control
    }
}

impl fmt::Display for DatagramSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}, UDP)", self.address, self.families)
    }
}

impl From<DatagramSocket> for UdpSocket {
    fn from(socket: DatagramSocket) -> Self {
        socket.socket
    }
}
