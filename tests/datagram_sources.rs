//! How much memory many senders of datagrams take. In a process of its own, because it is measured.

#![cfg(target_os = "linux")]

mod common;

use std::io::IoSlice;
use std::net::{SocketAddr, UdpSocket};
use std::num::NonZeroU32;
use std::os::fd::AsRawFd;
use std::time::Duration;

use common::{TestServer, V4};
use echo6::Server;
use echo6::socket::{ListenOptions, listen_datagrams};
use nix::libc::{in_addr, in_pktinfo};
use nix::sys::socket::{ControlMessage, MsgFlags, SockaddrIn, sendmsg};

fn serve(rate: NonZeroU32) -> TestServer {
    let sockets = listen_datagrams(&["[::]:0".parse().unwrap()], ListenOptions::default()).unwrap();
    TestServer::of(Server::new(Vec::new()).datagrams(sockets).max_rate(rate))
}

/// Sends until something comes back, because a full queue takes no more; says how often.
fn sends_until_answered(server: SocketAddr) -> u64 {
    let client = UdpSocket::bind((V4, 0)).unwrap();
    client.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
    for sends in 1..200 {
        client.send_to(b"there yet?", server).unwrap();
        if client.recv(&mut [0; 16]).is_ok() {
            return sends;
        }
    }
    panic!("nothing comes back");
}

/// The resident memory of this process, in KiB.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap();
    line.split_ascii_whitespace().nth(1).unwrap().parse().unwrap()
}

#[test]
fn a_million_sources_take_no_more_memory_than_a_few() {
    let rate = NonZeroU32::new(5).unwrap();
    let mut server = serve(rate);
    let to = SocketAddr::new(V4, server.address.port());
    let sockets: Vec<UdpSocket> = (0..4).map(|_| UdpSocket::bind("0.0.0.0:0").unwrap()).collect();
    let send = |number: u32| {
        // Each address of 127.0.0.0/8 is one of ours to send from.
        let source = 0x7f00_0000 | (number / 4 + 3);
        let info = in_pktinfo {
            ipi_ifindex: 0,
            ipi_spec_dst: in_addr { s_addr: source.to_be() },
            ipi_addr: in_addr { s_addr: 0 },
        };
        let SocketAddr::V4(to) = to else { unreachable!() };
        sendmsg(
            sockets[number as usize % 4].as_raw_fd(),
            &[IoSlice::new(b"one of many")],
            &[ControlMessage::Ipv4PacketInfo(&info)],
            MsgFlags::empty(),
            Some(&SockaddrIn::from(to)),
        )
        .unwrap();
    };
    let few = 100_000;
    (0..few).for_each(send);
    let mut sent = 1_000_000 + sends_until_answered(to);
    let before = resident();
    (few..1_000_000).for_each(send);
    sent += sends_until_answered(to);
    let grown = resident().saturating_sub(before);
    let totals = server.stop().datagrams.unwrap();
    assert!(grown < 1024, "{grown} KiB more");
    let seen = totals.datagrams_in + totals.dropped_here.unwrap();
    assert_eq!(seen, sent, "{totals:?}");
    assert!(totals.flows < 5000, "{totals:?}");
}
