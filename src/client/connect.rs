//! Addresses in, one connection out: the first that accepts (RFC 8305, "happy eyeballs").

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::pin::pin;
use std::time::{Duration, Instant};

use async_io::{Async, Timer};
use futures::StreamExt;
use futures::future::{Either, select};
use futures::stream::FuturesUnordered;
use socket2::{Domain, Protocol, SockRef, Socket, Type};

use super::attempt::{Attempt, Outcome};
use super::error::ConnectError;
use super::settings::Client;
use super::target::Target;
use super::wait::first_of;
use super::wire::Wire;
use crate::address::ResolveError;
use crate::error::{Cause, Origin};
use crate::socket::{Segments, route, segments};

/// A connection to an echo server.
#[derive(Debug)]
#[non_exhaustive]
pub struct Connection {
    pub(super) stream: Wire,
    pub(super) half_close: bool,
    /// What was sent before anything else.
    pub(super) header: Vec<u8>,
    /// The server.
    pub peer: SocketAddr,
    /// The local end.
    pub local: SocketAddr,
    /// Time from the first attempt to the connection.
    pub duration: Duration,
    /// How the attempt at each address ended, in the order of the attempts.
    pub attempts: Vec<Attempt>,
}

impl Connection {
    /// How many segments it took so far, and how many of them were sent again (Linux, TCP_INFO).
    /// `None` where the system does not say.
    #[must_use]
    pub fn segments(&self) -> Option<Segments> {
        segments(self.stream.get_ref())
    }
}

impl Client {
    /// Connects to the first address of `target` that accepts, as RFC 8305 says: the families take
    /// turns, the next attempt begins when the one before has failed or had its head start, and the
    /// first to connect wins; the others are then dropped.
    ///
    /// The connect timeout bounds each attempt, so that *n* addresses that do not answer take that
    /// long and *n* - 1 head starts. To drop the future drops all attempts.
    ///
    /// # Errors
    ///
    /// If the target has no address, or none accepts.
    pub async fn connect(&self, target: impl Into<Target>) -> Result<Connection, ConnectError> {
        let addresses = self.look_up(target.into()).await?;
        let start = Instant::now();
        let mut attempts: Vec<Attempt> = interleave(&addresses)
            .map(|address| Attempt { address, outcome: Outcome::Untried })
            .collect();
        let mut running = FuturesUnordered::new();
        let mut newest = 0;
        loop {
            let more = newest + 1 < attempts.len();
            if let Some(attempt) = attempts.get_mut(newest) {
                attempt.outcome = Outcome::Dropped; // unless it ends before another wins
                let address = attempt.address;
                running.push(async move { (newest, self.attempt(address).await) });
            }
            let mut head_start = pin!(async {
                if more {
                    Timer::after(self.head_start).await;
                } else {
                    std::future::pending::<()>().await;
                }
            });
            loop {
                match select(running.next(), head_start.as_mut()).await {
                    Either::Left((Some((index, Ok((stream, local)))), _)) => {
                        let (peer, duration) = (attempts[index].address, start.elapsed());
                        let header = match self.introduce(&stream, local, peer).await {
                            Ok(header) => header,
                            Err(error) => {
                                attempts[index].outcome = Outcome::Failed(error.into());
                                if more && index == newest {
                                    break;
                                }
                                continue;
                            }
                        };
                        attempts[index].outcome = Outcome::Connected;
                        return Ok(Connection {
                            stream,
                            half_close: self.half_close,
                            header,
                            peer,
                            local,
                            duration,
                            attempts,
                        });
                    }
                    Either::Left((Some((index, Err(error))), _)) => {
                        attempts[index].outcome = Outcome::Failed(error);
                        if more && index == newest {
                            break;
                        }
                    }
                    Either::Left((None, _)) => {
                        return Err(ConnectError::NoneAccepts { attempts, source: self.source });
                    }
                    Either::Right(_) => break,
                }
            }
            newest += 1;
        }
    }

    pub(super) async fn look_up(&self, target: Target) -> Result<Vec<SocketAddr>, ConnectError> {
        let name = target.name().map(str::to_owned);
        match first_of(target.addresses(), Timer::after(self.connect_timeout)).await {
            Either::Left(addresses) => addresses,
            Either::Right(_) => {
                Err(ConnectError::Resolve(ResolveError::timed_out(name.unwrap_or_default())))
            }
        }
    }

    /// Sends the PROXY header, if there is to be one, on a connection that won. Returns it.
    async fn introduce(
        &self,
        stream: &Wire,
        local: SocketAddr,
        peer: SocketAddr,
    ) -> io::Result<Vec<u8>> {
        let Some(header) = &self.proxy_header else { return Ok(Vec::new()) };
        let bytes = header.bytes(local, peer)?;
        let sending = header.send(stream, &bytes);
        match first_of(sending, Timer::after(self.connect_timeout)).await {
            Either::Left(sent) => sent.map(|()| bytes),
            Either::Right(_) => Err(io::ErrorKind::TimedOut.into()),
        }
    }

    async fn attempt(&self, peer: SocketAddr) -> Result<(Wire, SocketAddr), Cause> {
        let opening = open_to_another(peer, self.source, self.segment);
        match first_of(opening, Timer::after(self.connect_timeout)).await {
            Either::Left(Ok((stream, local))) => Ok((Wire::new(stream), local)),
            Either::Left(Err(cause)) if is_no_way(&cause) => {
                let has_route = route(peer, self.source).is_ok() && is_one_host(peer.ip());
                Err(cause.said_by(if has_route { Origin::Network } else { Origin::Host }))
            }
            Either::Left(Err(cause)) => Err(cause),
            Either::Right(_) => Err(io::Error::from(io::ErrorKind::TimedOut).into()),
        }
    }
}

/// Puts the families in turns, beginning with that of the first address, each in the order that the
/// resolver gave (RFC 8305, section 4).
fn interleave(addresses: &[SocketAddr]) -> impl Iterator<Item = SocketAddr> {
    let ipv6_first = addresses.first().is_some_and(SocketAddr::is_ipv6);
    let (mut first, mut second): (Vec<_>, Vec<_>) =
        addresses.iter().copied().partition(|address| address.is_ipv6() == ipv6_first);
    let longer = first.len().max(second.len());
    first.reverse();
    second.reverse();
    (0..longer).flat_map(move |_| [first.pop(), second.pop()]).flatten()
}

/// Connects to a server, not to itself: a socket that is given the very port it calls, of its own
/// host, meets its own SYN, and TCP takes that for a simultaneous open (RFC 9293, section 3.5). While
/// it is held, the next attempt is given another port, and hears what is true.
async fn open_to_another(
    peer: SocketAddr,
    source: Option<IpAddr>,
    segment: Option<u32>,
) -> Result<(Async<TcpStream>, SocketAddr), Cause> {
    let stream = open(peer, source, segment).await?;
    let local = stream.get_ref().local_addr()?;
    if local != peer {
        return Ok((stream, local));
    }
    // A reset leaves no TIME_WAIT, which would keep a server from the port.
    SockRef::from(stream.get_ref()).set_linger(Some(Duration::ZERO))?;
    let other = open(peer, source, segment).await?;
    let local = other.get_ref().local_addr()?;
    Ok((other, local))
}

/// Connects without blocking: waits until the socket can be written, then reads SO_ERROR, which says how
/// it went.
async fn open(
    peer: SocketAddr,
    source: Option<IpAddr>,
    segment: Option<u32>,
) -> io::Result<Async<TcpStream>> {
    let stream = Async::new_nonblocking(begin(peer, source, segment)?)?;
    stream.writable().await?;
    match stream.get_ref().take_error()? {
        Some(error) => Err(error),
        None => Ok(stream),
    }
}

/// Begins to connect: connect(2) on a non-blocking socket.
pub(super) fn begin(
    peer: SocketAddr,
    source: Option<IpAddr>,
    segment: Option<u32>,
) -> io::Result<TcpStream> {
    let socket = Socket::new(Domain::for_address(peer), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_nonblocking(true)?;
    // A message must not wait for the acknowledgement of the one before (Nagle's algorithm).
    socket.set_tcp_nodelay(true)?;
    if let Some(segment) = segment {
        limit_segments(&socket, segment)?;
    }
    if let Some(source) = source {
        socket.bind(&local_end(source, peer)?.into())?;
    }
    match socket.connect(&peer.into()) {
        Err(error) if !is_under_way(&error) => Err(error),
        _ => Ok(socket.into()),
    }
}

/// Limits the segments of both ends: TCP_MAXSEG bounds what is sent, and is announced to the peer.
#[cfg(unix)]
fn limit_segments(socket: &Socket, segment: u32) -> io::Result<()> {
    socket.set_tcp_mss(segment)
}

#[cfg(not(unix))]
fn limit_segments(_: &Socket, _: u32) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Says whether a connect failed because there is no way to the peer, or none that is allowed:
/// ENETUNREACH, EHOSTUNREACH, EACCES. This host may say so, or a router, or a firewall.
fn is_no_way(cause: &Cause) -> bool {
    use io::ErrorKind::{HostUnreachable, NetworkUnreachable, PermissionDenied};
    matches!(cause.kind(), NetworkUnreachable | HostUnreachable | PermissionDenied)
}

/// Says whether TCP can connect to such an address at all: it connects to one host.
fn is_one_host(ip: IpAddr) -> bool {
    !ip.is_multicast() && ip != IpAddr::V4(Ipv4Addr::BROADCAST)
}

/// Where to bind for `peer`: a link-local source is in the peer's zone.
fn local_end(source: IpAddr, peer: SocketAddr) -> io::Result<SocketAddr> {
    let mut local = SocketAddr::new(source, 0);
    match (&mut local, peer) {
        (SocketAddr::V6(local), SocketAddr::V6(peer)) => {
            if local.ip().is_unicast_link_local() {
                local.set_scope_id(peer.scope_id());
            }
        }
        (SocketAddr::V4(_), SocketAddr::V4(_)) => {}
        _ => {
            let words = "the source address is of the other family";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, words));
        }
    }
    Ok(local)
}

/// Says whether connect(2) means "not yet": EINPROGRESS, or EINTR, after which it goes on by itself.
/// EAGAIN means that there is no room for it.
#[cfg(unix)]
fn is_under_way(error: &io::Error) -> bool {
    use rustix::io::Errno;
    [Errno::INPROGRESS, Errno::INTR]
        .map(|errno| Some(errno.raw_os_error()))
        .contains(&error.raw_os_error())
}

/// Says whether connect means "not yet": WSAEWOULDBLOCK.
#[cfg(not(unix))]
fn is_under_way(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::WouldBlock
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_families_take_turns_and_the_first_keeps_the_lead() {
        for (given, tried) in [
            ("", ""),
            ("::1", "::1"),
            ("::1 ::2 ::3 127.0.0.1 127.0.0.2", "::1 127.0.0.1 ::2 127.0.0.2 ::3"),
            ("127.0.0.1 ::1 ::2", "127.0.0.1 ::1 ::2"),
            ("127.0.0.1 127.0.0.2 ::1", "127.0.0.1 ::1 127.0.0.2"),
            ("127.0.0.2 127.0.0.1", "127.0.0.2 127.0.0.1"),
        ] {
            let parse = |text: &str| -> Vec<SocketAddr> {
                text.split_whitespace().map(|ip| SocketAddr::new(ip.parse().unwrap(), 7)).collect()
            };
            assert_eq!(interleave(&parse(given)).collect::<Vec<_>>(), parse(tried), "{given}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_connect_without_room_is_not_under_way() {
        use rustix::io::Errno;
        for (errno, under_way) in [
            (Errno::INPROGRESS, true),
            (Errno::INTR, true),
            (Errno::AGAIN, false),
            (Errno::CONNREFUSED, false),
        ] {
            assert_eq!(is_under_way(&errno.into()), under_way, "{errno}");
        }
    }

    #[test]
    fn a_link_local_source_is_in_the_zone_of_its_peer() {
        let end = |source: &str, peer: &str| {
            local_end(source.parse().unwrap(), peer.parse().unwrap()).map(|end| end.to_string())
        };
        assert_eq!(end("fe80::2", "[fe80::1%3]:7").unwrap(), "[fe80::2%3]:0");
        assert_eq!(end("::1", "[fe80::1%3]:7").unwrap(), "[::1]:0");
        assert_eq!(end("127.0.0.2", "127.0.0.1:7").unwrap(), "127.0.0.2:0");
        assert!(end("127.0.0.2", "[::1]:7").is_err() && end("::1", "127.0.0.1:7").is_err());
    }
}
