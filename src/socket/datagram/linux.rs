//! Datagrams with their control messages: which address was asked, and the marks of the IP header.

use std::collections::HashMap;
use std::fs;
use std::io::{self, IoSlice, IoSliceMut};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6, UdpSocket};
use std::os::fd::{AsFd, AsRawFd};

use nix::libc::{in_addr, in_pktinfo, in6_addr, in6_pktinfo};
use nix::sys::socket::{
    ControlMessage, ControlMessageOwned, MsgFlags, MultiHeaders, RecvMsg, SockaddrIn, SockaddrIn6,
    SockaddrStorage, cmsg_space, recvmmsg, recvmsg, sendmsg, setsockopt, sockopt,
};
use rustix::net::sockopt::{Ipv4PathMtuDiscovery, set_ip_mtu_discover};
use socket2::Socket;

use super::{Arrival, Asked, Control, STRIDE};
use crate::address::canonical;

/// Asks for the control messages, and lets routers fragment what is sent over IPv4.
pub(super) fn prepare(socket: &Socket, control: Control) -> io::Result<Control> {
    if control.asked && control.ipv6 {
        setsockopt(socket, sockopt::Ipv6RecvPacketInfo, &true)?;
    } else if control.asked {
        setsockopt(socket, sockopt::Ipv4PacketInfo, &true)?;
    }
    if control.marks {
        // Also for the IPv4 datagrams of a dual-stack socket.
        setsockopt(socket, sockopt::IpRecvTos, &true)?;
        if control.ipv6 {
            setsockopt(socket, sockopt::Ipv6RecvTClass, &true)?;
        }
    }
    // By default Linux sets DF on what fits the interface, and a reply is lost where the path has a
    // smaller MTU and a filter drops the ICMP that says so.
    let _ = set_ip_mtu_discover(socket, Ipv4PathMtuDiscovery::DONT);
    Ok(control)
}

/// Datagrams that came together, with room for up to [`Inbox::ROOM`] of them.
pub(crate) struct Inbox {
    buffers: Box<[u8]>,
    /// The control messages of one datagram.
    messages: Vec<u8>,
    headers: Option<(Control, MultiHeaders<SockaddrStorage>)>,
    arrivals: Vec<Arrival>,
}

impl Inbox {
    /// How many datagrams one call receives at most. With 64 flows of 64 bytes, to receive up to 16
    /// or 64 takes 0.94 of the processor time of C with recvmsg(2), and one at a time 1.13: see
    /// that row of `benches/datagrams.rs`, at `[::]`.
    pub(crate) const ROOM: usize = 32;

    pub(crate) fn new() -> Self {
        Self {
            // Zeroed by the kernel: only the part that was ever filled is resident.
            buffers: vec![0; Self::ROOM * STRIDE].into_boxed_slice(),
            messages: vec![0; space(Control { ipv6: true, asked: true, marks: true })],
            headers: None,
            arrivals: Vec::with_capacity(Self::ROOM),
        }
    }

    /// Receives up to `most` datagrams that wait in the kernel.
    pub(crate) fn receive(
        &mut self,
        socket: &UdpSocket,
        control: Control,
        most: usize,
    ) -> io::Result<()> {
        self.arrivals.clear();
        if most <= 1 {
            self.receive_one(socket, control)
        } else {
            self.receive_some(socket, control, most.min(Self::ROOM))
        }
    }

    /// The datagrams of the last call.
    pub(crate) fn arrivals(&self) -> impl ExactSizeIterator<Item = (&Arrival, &[u8])> {
        let buffers = self.buffers.chunks(STRIDE);
        self.arrivals
            .iter()
            .zip(buffers)
            .map(|(arrival, buffer)| (arrival, &buffer[..arrival.length]))
    }

    /// recvfrom(2), or recvmsg(2) where there are control messages: for a single flow, recvmmsg(2)
    /// takes a sixth more processor time than that.
    fn receive_one(&mut self, socket: &UdpSocket, control: Control) -> io::Result<()> {
        if !control.asked && !control.marks {
            let (length, peer) = socket.recv_from(&mut self.buffers[..STRIDE])?;
            let (asked, marks, truncated) = (None, None, false); // none is longer than the buffer
            self.arrivals.push(Arrival { peer, asked, marks, length, truncated });
            return Ok(());
        }
        let room = &mut self.messages[..space(control)];
        let mut buffer = [IoSliceMut::new(&mut self.buffers[..STRIDE])];
        let message = recvmsg(socket.as_raw_fd(), &mut buffer, Some(room), MsgFlags::empty())?;
        self.arrivals.push(arrival(&message));
        Ok(())
    }

    fn receive_some(
        &mut self,
        socket: &UdpSocket,
        control: Control,
        most: usize,
    ) -> io::Result<()> {
        let (_, headers) = match &mut self.headers {
            Some(headers) if headers.0 == control => headers,
            other => other.insert((control, headers(control))),
        };
        let mut chunks = self.buffers.chunks_mut(STRIDE);
        let mut buffers: [_; Self::ROOM] =
            std::array::from_fn(|_| [IoSliceMut::new(chunks.next().unwrap_or_default())]);
        let buffers = buffers.iter_mut().take(most);
        let mut whole = true;
        for message in recvmmsg(socket.as_raw_fd(), headers, buffers, MsgFlags::empty(), None)? {
            whole &= message.cmsgs().is_ok();
            self.arrivals.push(arrival(&message));
        }
        // A header that was used has room for the control messages that came with it, and no more.
        // Every datagram of a socket has as many; if one ever has not, the headers are made again.
        if !whole {
            self.headers = None;
        }
        Ok(())
    }
}

fn headers(control: Control) -> MultiHeaders<SockaddrStorage> {
    let space = space(control);
    MultiHeaders::preallocate(Inbox::ROOM, (space > 0).then(|| vec![0; space]))
}

/// How many bytes the control messages of one datagram take (CMSG_SPACE(3)).
const fn space(control: Control) -> usize {
    let asked = match control {
        Control { asked: false, .. } => 0,
        Control { ipv6: true, .. } => cmsg_space::<in6_pktinfo>(),
        Control { ipv6: false, .. } => cmsg_space::<in_pktinfo>(),
    };
    asked + if control.marks { cmsg_space::<i32>() } else { 0 }
}

fn arrival(message: &RecvMsg<'_, '_, SockaddrStorage>) -> Arrival {
    let mut arrival = Arrival {
        peer: message.address.as_ref().and_then(socket_address).unwrap_or(NOBODY),
        asked: None,
        marks: None,
        length: message.bytes.min(STRIDE),
        truncated: message.flags.contains(MsgFlags::MSG_TRUNC),
    };
    for message in message.cmsgs().into_iter().flatten() {
        match message {
            ControlMessageOwned::Ipv6PacketInfo(info) => {
                let address = Ipv6Addr::from(info.ipi6_addr.s6_addr);
                let interface = info.ipi6_ifindex;
                arrival.asked = Some(Asked { address: address.into(), interface });
            }
            ControlMessageOwned::Ipv4PacketInfo(info) => {
                let address = Ipv4Addr::from(info.ipi_addr.s_addr.to_ne_bytes());
                let interface = info.ipi_ifindex as u32;
                arrival.asked = Some(Asked { address: address.into(), interface });
            }
            ControlMessageOwned::Ipv4Tos(marks) => arrival.marks = Some(marks),
            ControlMessageOwned::Ipv6TClass(marks) => arrival.marks = Some(marks as u8),
            _ => {}
        }
    }
    arrival
}

/// Nobody can be reached at port 0, and nobody who sends from there is answered.
const NOBODY: SocketAddr = SocketAddr::new(IpAddr::V6(Ipv6Addr::UNSPECIFIED), 0);

fn socket_address(address: &SockaddrStorage) -> Option<SocketAddr> {
    let ipv6 = address.as_sockaddr_in6().map(|&ipv6| SocketAddrV6::from(ipv6).into());
    ipv6.or_else(|| address.as_sockaddr_in().map(|&ipv4| SocketAddrV4::from(ipv4).into()))
}

/// Sends `bytes` back to where they came from, from the address that was asked and with the marks
/// that came with them, where these are known (sendmsg(2)).
pub(crate) fn reply(socket: &UdpSocket, arrival: &Arrival, bytes: &[u8]) -> io::Result<()> {
    if arrival.asked.is_none() && arrival.marks.is_none() {
        // sendto(2) has no message header for the kernel to copy.
        return socket.send_to(bytes, arrival.peer).map(drop);
    }
    let (marks4, marks6);
    let (asked4, asked6);
    let nothing = ControlMessage::Ipv6TClass(&0);
    let mut messages = [nothing; 2];
    let mut count = 0;
    match arrival.asked {
        Some(Asked { address: IpAddr::V6(address), interface }) => {
            // A link-local address is one only on its interface. Any other may answer on whichever
            // interface the route to the peer leads through.
            let interface = if address.is_unicast_link_local() { interface } else { 0 };
            let ipi6_addr = in6_addr { s6_addr: address.octets() };
            asked6 = in6_pktinfo { ipi6_addr, ipi6_ifindex: interface };
            messages[count] = ControlMessage::Ipv6PacketInfo(&asked6);
            count += 1;
        }
        Some(Asked { address: IpAddr::V4(address), .. }) => {
            let source = in_addr { s_addr: u32::from_ne_bytes(address.octets()) };
            asked4 = in_pktinfo {
                ipi_ifindex: 0,
                ipi_spec_dst: source,
                ipi_addr: in_addr { s_addr: 0 },
            };
            messages[count] = ControlMessage::Ipv4PacketInfo(&asked4);
            count += 1;
        }
        None => {}
    }
    if let Some(marks) = arrival.marks {
        messages[count] = if canonical(arrival.peer).is_ipv4() {
            marks4 = marks;
            ControlMessage::Ipv4Tos(&marks4)
        } else {
            marks6 = i32::from(marks);
            ControlMessage::Ipv6TClass(&marks6)
        };
        count += 1;
    }
    let (fd, bytes, messages) = (socket.as_raw_fd(), [IoSlice::new(bytes)], &messages[..count]);
    let sent = match arrival.peer {
        SocketAddr::V4(peer) => {
            sendmsg(fd, &bytes, messages, MsgFlags::empty(), Some(&SockaddrIn::from(peer)))
        }
        SocketAddr::V6(peer) => {
            sendmsg(fd, &bytes, messages, MsgFlags::empty(), Some(&SockaddrIn6::from(peer)))
        }
    };
    sent?;
    Ok(())
}

/// How many datagrams the kernel dropped of each UDP socket, because they found no room in its
/// receive buffer: the last column of `/proc/net/udp`. `SO_RXQ_OVFL` would say the same with a
/// control message on each datagram, but costs as much as reading the marks.
pub(crate) struct Drops {
    by_inode: HashMap<u64, u64>,
}

impl Drops {
    /// Reads the tables of all sockets.
    pub(crate) fn read() -> Self {
        let tables = ["/proc/net/udp6", "/proc/net/udp"].map(fs::read_to_string);
        Self { by_inode: tables.iter().flatten().flat_map(|table| drops(table)).collect() }
    }

    /// How many there were of this socket, where that can be told.
    pub(crate) fn of(&self, socket: &impl AsFd) -> Option<u64> {
        let inode = rustix::fs::fstat(socket).ok()?.st_ino;
        self.by_inode.get(&inode).copied()
    }
}

/// The inode of each socket in a table, and its drops.
fn drops(table: &str) -> impl Iterator<Item = (u64, u64)> {
    table.lines().skip(1).filter_map(|line| {
        let mut columns = line.split_ascii_whitespace();
        let inode = columns.nth(9)?.parse().ok()?;
        Some((inode, columns.next_back()?.parse().ok()?))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_drops_of_a_socket_stand_in_the_last_column_of_its_row() {
        let table = "   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   \
                     uid  timeout inode ref pointer drops\n \
                     1000: 0100007F:1B58 00000000:0000 07 00000000:00000000 00:00000000 00000000     \
                     0        0 4711 2 0000000000000000 12\n";
        assert_eq!(drops(table).collect::<Vec<_>>(), [(4711, 12)]);
    }
}
