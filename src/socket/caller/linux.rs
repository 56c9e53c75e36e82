//! Control messages in and out, and the queue of errors (ip(7), ipv6(7), IP_RECVERR).

use std::io::{self, IoSliceMut};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6, UdpSocket};
use std::os::fd::AsRawFd;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use nix::errno::Errno;
use nix::sys::socket::{
    ControlMessageOwned, MsgFlags, RecvMsg, SockaddrStorage, recvmsg, setsockopt, sockopt,
};
use rustix::net::sockopt::{
    Ipv4PathMtuDiscovery, Ipv6PathMtuDiscovery, set_ip_mtu_discover, set_ipv6_mtu_discover,
};
use socket2::Socket;

use super::{CallerOptions, Complaint, Received};

/// Has everything told about what comes, and about what does not.
pub(super) fn prepare(socket: &Socket, peer: SocketAddr, options: CallerOptions) -> io::Result<()> {
    let CallerOptions { whole, plain, .. } = options;
    if !plain {
        setsockopt(socket, sockopt::ReceiveTimestampns, &true)?;
        setsockopt(socket, sockopt::RxqOvfl, &1)?;
        if peer.is_ipv4() {
            setsockopt(socket, sockopt::Ipv4RecvTtl, &true)?;
            setsockopt(socket, sockopt::IpRecvTos, &true)?;
        } else {
            setsockopt(socket, sockopt::Ipv6RecvHopLimit, &true)?;
            setsockopt(socket, sockopt::Ipv6RecvTClass, &true)?;
        }
    }
    if peer.is_ipv4() {
        setsockopt(socket, sockopt::Ipv4RecvErr, &true)?;
        // PROBE sends whole what fits the interface, whatever the kernel believes of the path.
        let discovery =
            if whole { Ipv4PathMtuDiscovery::PROBE } else { Ipv4PathMtuDiscovery::DONT };
        set_ip_mtu_discover(socket, discovery)?;
    } else {
        setsockopt(socket, sockopt::Ipv6RecvErr, &true)?;
        if whole {
            set_ipv6_mtu_discover(socket, Ipv6PathMtuDiscovery::PROBE)?;
            setsockopt(socket, sockopt::Ipv6DontFrag, &true)?;
        }
    }
    Ok(())
}

/// Sets the TOS or traffic class of what is sent.
pub(super) fn mark(socket: &Socket, peer: SocketAddr, marks: u8) -> io::Result<()> {
    match peer {
        SocketAddr::V4(_) => socket.set_tos_v4(marks.into()),
        SocketAddr::V6(_) => socket.set_tclass_v6(marks.into()),
    }
}

/// Room for the control messages of one datagram: a time stamp, drops, TTL, TOS, and for an error
/// its description and the address of who reports it.
/// It is aligned as its headers have to be.
#[repr(align(8))]
struct Room([u8; 256]);

/// Receives a datagram that is here (recvmsg(2)).
pub(crate) fn receive(socket: &UdpSocket, buffer: &mut [u8]) -> io::Result<Received> {
    let mut room = Room([0; 256]);
    let mut buffers = [IoSliceMut::new(buffer)];
    let message = message(socket, &mut buffers, &mut room, MsgFlags::empty())?;
    let from = message.address.as_ref().and_then(socket_address);
    let mut received = Received {
        from: from.ok_or(Errno::EAFNOSUPPORT)?,
        length: message.bytes,
        cut: message.flags.contains(MsgFlags::MSG_TRUNC),
        marks: None,
        ttl: None,
        age: Duration::ZERO,
        dropped: None,
    };
    for message in message.cmsgs().into_iter().flatten() {
        match message {
            ControlMessageOwned::Ipv4Tos(marks) => received.marks = Some(marks),
            ControlMessageOwned::Ipv6TClass(marks) => received.marks = Some(marks as u8),
            ControlMessageOwned::Ipv4Ttl(ttl) => received.ttl = Some(ttl as u8),
            ControlMessageOwned::Ipv6HopLimit(ttl) => received.ttl = Some(ttl as u8),
            ControlMessageOwned::RxqOvfl(dropped) => received.dropped = Some(dropped),
            ControlMessageOwned::ScmTimestampns(at) => {
                let at = Duration::new(at.tv_sec() as u64, at.tv_nsec() as u32);
                let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                received.age = now.saturating_sub(at);
            }
            _ => {}
        }
    }
    Ok(received)
}

/// Takes an error from the queue; the start of the datagram that it is about goes to `buffer`.
pub(crate) fn complaint(socket: &impl AsRawFd, buffer: &mut [u8]) -> io::Result<Complaint> {
    let mut room = Room([0; 256]);
    let mut buffers = [IoSliceMut::new(buffer)];
    let message = message(socket, &mut buffers, &mut room, MsgFlags::MSG_ERRQUEUE)?;
    for control in message.cmsgs().into_iter().flatten() {
        let (error, by) = match control {
            ControlMessageOwned::Ipv4RecvErr(error, by) => {
                let by = by.map(|by| Ipv4Addr::from(by.sin_addr.s_addr.to_ne_bytes()).into());
                (error, by)
            }
            ControlMessageOwned::Ipv6RecvErr(error, by) => {
                let by = by.map(|by| IpAddr::from(Ipv6Addr::from(by.sin6_addr.s6_addr)));
                (error, by.map(|by| by.to_canonical()))
            }
            _ => continue,
        };
        let origin = error.ee_origin;
        let errno = error.ee_errno as i32;
        return Ok(Complaint {
            error: io::Error::from_raw_os_error(errno),
            by: by.filter(|by: &IpAddr| origin != LOCAL && !by.is_unspecified()),
            mtu: (errno == Errno::EMSGSIZE as i32).then_some(error.ee_info),
            length: message.bytes,
        });
    }
    Err(Errno::ENOMSG.into())
}

/// SO_EE_ORIGIN_LOCAL: the error is this host's own.
const LOCAL: u8 = 1;

fn message<'a, 'b>(
    socket: &impl AsRawFd,
    buffers: &'b mut [IoSliceMut<'_>],
    room: &'a mut Room,
    flags: MsgFlags,
) -> io::Result<RecvMsg<'a, 'b, SockaddrStorage>> {
    Ok(recvmsg(socket.as_raw_fd(), buffers, Some(&mut room.0), flags)?)
}

fn socket_address(address: &SockaddrStorage) -> Option<SocketAddr> {
    let ipv6 = address.as_sockaddr_in6().map(|&ipv6| SocketAddrV6::from(ipv6).into());
    ipv6.or_else(|| address.as_sockaddr_in().map(|&ipv4| SocketAddrV4::from(ipv4).into()))
}
