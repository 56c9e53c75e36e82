//! The server's UDP: what comes back, from where, and what must not.

#![cfg(target_os = "linux")]

mod common;

use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::num::NonZeroU32;
use std::os::fd::AsRawFd;
use std::time::Duration;

use common::{PATIENCE, TestServer, V4, V6, noise};
use echo6::Server;
use echo6::server::{DatagramTotals, Event, Ignored, Unsent};
use echo6::socket::{ListenOptions, listen, listen_both, listen_datagrams};
use futures::FutureExt;
use futures::executor::block_on;
use nix::sys::socket::MsgFlags;
use socket2::{Domain, Protocol, Socket, Type};

/// Serves both transports at an address.
fn serve(address: &str, configure: impl FnOnce(Server) -> Server) -> TestServer {
    serve_with(address, ListenOptions::default(), configure)
}

fn serve_with(
    address: &str,
    options: ListenOptions,
    configure: impl FnOnce(Server) -> Server,
) -> TestServer {
    let (listeners, datagrams) = listen_both(&[address.parse().unwrap()], options).unwrap();
    TestServer::of(configure(Server::new(listeners).datagrams(datagrams)))
}

/// A client's socket, with the patience of a test.
fn client(ip: IpAddr) -> UdpSocket {
    let socket = UdpSocket::bind((ip, 0)).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket
}

/// Sends `message`; returns what comes back and from where.
fn exchange(client: &UdpSocket, to: SocketAddr, message: &[u8]) -> (Vec<u8>, SocketAddr) {
    client.send_to(message, to).unwrap();
    let mut reply = vec![0; 1 << 16];
    let (length, from) = client.recv_from(&mut reply).unwrap();
    reply.truncate(length);
    (reply, from)
}

/// Says whether nothing has come back by the time that a later message has.
fn is_silent(client: &UdpSocket, server: SocketAddr) -> bool {
    exchange(client, server, b"last").0 == b"last"
}

fn stop(mut server: TestServer) -> DatagramTotals {
    server.stop().datagrams.expect("the totals of datagrams")
}

#[test]
fn a_reply_comes_from_the_address_that_was_asked() {
    for (listens, asked) in [
        ("[::]:0", "127.0.0.1"),
        ("[::]:0", "127.0.0.2"),
        ("[::]:0", "::1"),
        ("0.0.0.0:0", "127.0.0.2"),
        ("127.0.0.2:0", "127.0.0.2"),
        ("[::1]:0", "::1"),
    ] {
        let server = serve(listens, |server| server);
        let asked = SocketAddr::new(asked.parse().unwrap(), server.address.port());
        let client = client(if asked.is_ipv4() { V4 } else { V6 });
        let reply = exchange(&client, asked, b"who is there?");
        assert_eq!(reply, (b"who is there?".to_vec(), asked), "{listens}");
        // Now with a client that hears nobody else.
        client.connect(asked).unwrap();
        client.send(b"again").unwrap();
        assert_eq!(client.recv(&mut [0; 16]).unwrap(), 5, "{listens}, {asked}");
    }
}

#[test]
fn every_length_that_udp_carries_comes_back_whole() {
    let server = serve("[::]:0", |server| server);
    for (ip, longest) in [(V4, 65_507), (V6, 65_527)] {
        let (client, address) = (client(ip), SocketAddr::new(ip, server.address.port()));
        for length in [0, 1, 2, 1452, 1472, 4096, 4098, 9000, 65_000, longest] {
            let message = noise(length);
            let (reply, _) = exchange(&client, address, &message);
            assert!(reply == message, "{length} bytes over {ip}: {} came back", reply.len());
        }
    }
    let totals = stop(server);
    assert_eq!((totals.datagrams_in, totals.datagrams_out, totals.flows), (20, 20, 2));
    assert_eq!(totals.bytes_in, totals.bytes_out);
    assert_eq!(totals.dropped_here, Some(0));
}

#[test]
fn datagrams_of_many_clients_that_come_together_go_back_to_each() {
    for address in ["[::]:0", "0.0.0.0:0", "127.0.0.1:0"] {
        let server = serve(address, |server| server);
        let to = SocketAddr::new(V4, server.address.port());
        let clients: Vec<UdpSocket> = (0..100).map(|_| client(V4)).collect();
        for round in 0..3_u8 {
            for (index, client) in clients.iter().enumerate() {
                client.send_to(&[index as u8, round].repeat(index + 1), to).unwrap();
            }
            for (index, client) in clients.iter().enumerate() {
                let mut reply = [0; 1024];
                let length = client.recv(&mut reply).unwrap();
                assert_eq!(reply[..length], [index as u8, round].repeat(index + 1));
            }
        }
        assert_eq!(stop(server).datagrams_out, 300);
    }
}

#[test]
fn tcp_and_udp_have_the_same_port() {
    let server = serve("[::]:0", |server| server);
    let udp = SocketAddr::new(V6, server.address.port());
    assert_eq!(exchange(&client(V6), udp, b"udp").0, b"udp");
    assert_eq!(common::exchange(server.connect(V6), b"tcp"), b"tcp");
    assert!(matches!(
        server.event(),
        Event::Listening(listening) if listening.transports == echo6::socket::Transports::Both
    ));
}

#[test]
fn a_broadcast_is_not_answered() {
    for address in ["[::]:0", "0.0.0.0:0"] {
        let server = serve(address, |server| server);
        let (client, to) = (client(V4), SocketAddr::new(V4, server.address.port()));
        client.set_broadcast(true).unwrap();
        for _ in 0..3 {
            client.send_to(b"all", ("127.255.255.255", to.port())).unwrap();
        }
        assert!(is_silent(&client, to), "{address}");
        let totals = stop(server);
        assert_eq!(totals.ignored.count(Ignored::Broadcast), 3, "{address}: {totals:?}");
        assert_eq!((totals.datagrams_in, totals.datagrams_out), (4, 1), "{address}");
    }
}

#[test]
fn a_datagram_to_a_multicast_group_is_not_answered() {
    // A group that somebody else on this host has joined: Linux hands it to every wildcard socket
    // of its family.
    let joined = UdpSocket::bind("[::]:0").unwrap();
    let (four, six) = (Ipv4Addr::new(239, 255, 8, 62), "ff15::862".parse().unwrap());
    let lo = nix::net::if_::if_nametoindex("lo").unwrap();
    joined.join_multicast_v6(&six, lo).unwrap();
    let joined = UdpSocket::bind("0.0.0.0:0").unwrap();
    joined.join_multicast_v4(&four, &Ipv4Addr::LOCALHOST).unwrap();
    for (address, ip, group) in
        [("0.0.0.0:0", V4, IpAddr::V4(four)), ("[::]:0", V6, IpAddr::V6(six))]
    {
        let server = serve(address, |server| server);
        let (client, to) = (client(ip), SocketAddr::new(ip, server.address.port()));
        let options = socket2::SockRef::from(&client);
        match ip {
            IpAddr::V4(_) => options.set_multicast_if_v4(&Ipv4Addr::LOCALHOST).unwrap(),
            IpAddr::V6(_) => options.set_multicast_if_v6(lo).unwrap(),
        }
        if let Err(error) = client.send_to(b"all", (group, to.port())) {
            eprintln!("skipped: {group} on the loopback interface: {error}");
            continue;
        }
        assert!(is_silent(&client, to));
        let totals = stop(server);
        if totals.datagrams_in == 1 {
            eprintln!("skipped: {group} does not reach a socket on {address} here");
        } else {
            assert_eq!(totals.ignored.count(Ignored::Multicast), 1);
        }
    }
}

#[test]
fn the_ports_of_servers_are_not_answered_unless_asked_for() {
    for any in [false, true] {
        let server =
            serve("127.0.0.1:0", |server| if any { server.any_source_port() } else { server });
        // As another echo server on the same port of another host would send.
        let other = UdpSocket::bind(("127.0.0.2", server.address.port())).unwrap();
        other.set_read_timeout(Some(PATIENCE)).unwrap();
        other.send_to(b"ping-pong", server.address).unwrap();
        if any {
            assert_eq!(other.recv(&mut [0; 16]).unwrap(), 9);
        } else {
            assert!(is_silent(&client(V4), server.address));
            other.set_nonblocking(true).unwrap();
            let silent = other.recv(&mut [0; 16]).unwrap_err();
            assert_eq!(silent.kind(), ErrorKind::WouldBlock);
            assert_eq!(stop(server).ignored.count(Ignored::OwnPort), 1);
        }
    }
}

#[test]
fn a_port_below_1024_is_not_answered() {
    let server = serve("[::]:0", |server| server);
    let to = SocketAddr::new(V6, server.address.port());
    let Some(low) = (512..1024).rev().find_map(|port| UdpSocket::bind((V6, port)).ok()) else {
        return eprintln!("skipped: no port below 1024 can be bound");
    };
    low.send_to(b"services talk", to).unwrap();
    assert!(is_silent(&client(V6), to));
    assert_eq!(stop(server).ignored.count(Ignored::LowPort), 1);
}

/// A raw socket, through which a datagram can have any source; as root.
fn raw() -> Option<Socket> {
    match Socket::new(Domain::IPV4, Type::RAW, Some(Protocol::UDP)) {
        Ok(socket) => Some(socket),
        Err(error) => {
            eprintln!("skipped: no raw socket: {error}");
            None
        }
    }
}

/// A UDP header with these ports, no checksum, and the payload behind it (RFC 768).
fn datagram(from: u16, to: u16, payload: &[u8]) -> Vec<u8> {
    let length = 8 + payload.len() as u16;
    let header = [from, to, length, 0].map(u16::to_be_bytes);
    [header.as_flattened(), payload].concat()
}

/// Sends a datagram of a forged source to an address of this host's loopback interface, if it can.
fn forge(source: Ipv4Addr, to: SocketAddr) -> bool {
    let Some(raw) = raw() else { return false };
    raw.set_header_included_v4(true).unwrap();
    let payload = datagram(40_000, to.port(), b"from afar");
    let length = 20 + payload.len() as u16;
    let mut packet = vec![0x45, 0];
    packet.extend(length.to_be_bytes());
    packet.extend([0, 0, 0, 0, 64, 17, 0, 0]);
    packet.extend([source, Ipv4Addr::LOCALHOST].map(|ip| ip.octets()).as_flattened());
    packet.extend(payload);
    let sent = raw.send_to(&packet, &to.into());
    if sent.is_err() {
        eprintln!("skipped: the system forges no source");
    }
    sent.is_ok()
}

#[test]
fn a_source_that_is_the_broadcast_address_of_a_network_is_not_answered() {
    let server = serve("127.0.0.1:0", |server| server);
    if !forge(Ipv4Addr::new(127, 255, 255, 255), server.address) {
        return;
    }
    assert!(is_silent(&client(V4), server.address));
    let totals = stop(server);
    if totals.datagrams_in == 1 {
        return eprintln!("skipped: the kernel drops that source");
    }
    assert_eq!(totals.ignored.count(Ignored::Source), 1, "{totals:?}");
    assert!(totals.unsent.is_empty(), "{totals:?}");
}

#[test]
fn source_port_0_is_not_answered() {
    let server = serve("[::]:0", |server| server);
    let to = SocketAddr::new(V4, server.address.port());
    let Some(raw) = raw() else { return };
    raw.send_to(&datagram(0, to.port(), b"do not reply"), &to.into()).unwrap();
    assert!(is_silent(&client(V4), to));
    assert_eq!(stop(server).ignored.count(Ignored::PortZero), 1);
}

#[test]
fn one_forged_datagram_between_two_servers_does_not_run_for_ever() {
    let Some(raw) = raw() else { return };
    let one = serve("127.0.0.1:0", |server| server);
    let port = one.address.port();
    let other = serve(&format!("127.0.0.2:{port}"), |server| server);
    raw.bind(&SocketAddr::from(([127, 0, 0, 2], 0)).into()).unwrap();
    raw.send_to(&datagram(port, port, b"over to you"), &one.address.into()).unwrap();
    assert!(is_silent(&client(V4), one.address) && is_silent(&client(V4), other.address));
    assert_eq!(stop(one).ignored.count(Ignored::OwnPort), 1);
    assert_eq!(stop(other).datagrams_in, 1, "the one that asked whether it is there");
}

#[test]
fn a_source_over_its_rate_is_not_answered() {
    let rate = NonZeroU32::new(10).unwrap();
    let server = serve("[::]:0", |server| server.max_rate(rate));
    let to = SocketAddr::new(V4, server.address.port());
    let flood = client(V4);
    for _ in 0..1000 {
        flood.send_to(b"more", to).unwrap();
    }
    // Another source has its own allowance. What finds no room in the kernel is sent again.
    let other = client("127.0.0.9".parse().unwrap());
    other.set_read_timeout(Some(Duration::from_secs(1))).unwrap();
    let asked = (1..=20).find(|_| {
        other.send_to(b"last", to).unwrap();
        other.recv(&mut [0; 16]).is_ok()
    });
    let asked = asked.expect("another source is answered");
    let totals = stop(server);
    let dropped = totals.dropped_here.unwrap_or(0);
    assert_eq!(totals.datagrams_in + dropped, 1000 + asked, "{totals:?}");
    let answered = totals.datagrams_in - totals.ignored.count(Ignored::Rate);
    assert_eq!(totals.datagrams_out, answered);
    assert!((11..50).contains(&answered), "{answered} of 1000 answered at 10 a second");
}

#[test]
fn the_access_rules_hold_for_datagrams_too() {
    let denied = "127.0.0.8".parse().unwrap();
    let server = serve("[::]:0", |server| server.deny(["127.0.0.8/32".parse().unwrap()]));
    let to = SocketAddr::new(V4, server.address.port());
    client(denied).send_to(b"let me in", to).unwrap();
    assert!(is_silent(&client(V4), to));
    assert_eq!(stop(server).ignored.count(Ignored::Denied), 1);
}

#[test]
fn an_answer_that_cannot_be_sent_is_counted_and_ends_nothing() {
    let server = serve("127.0.0.1:0", |server| server);
    // From an address that is reached by another way than the loopback interface, or by none.
    if !forge(Ipv4Addr::new(240, 0, 0, 1), server.address) {
        return;
    }
    assert!(is_silent(&client(V4), server.address));
    let totals = stop(server);
    let unsent: u64 = Unsent::ALL.iter().map(|&kind| totals.unsent.count(kind)).sum();
    if totals.datagrams_in == 1 {
        return eprintln!("skipped: the kernel drops that source");
    }
    assert_eq!((unsent, totals.datagrams_out), (1, 1), "{totals:?}");
}

#[test]
fn what_finds_no_room_in_the_kernel_is_counted() {
    let options = ListenOptions::default().receive_buffer(4096);
    let sockets = listen_datagrams(&["127.0.0.1:0".parse().unwrap()], options).unwrap();
    let to = sockets[0].address();
    assert!(sockets[0].receive_buffer().unwrap() <= 16_384);
    let client = client(V4);
    for _ in 0..1000 {
        client.send_to(&[7; 512], to).unwrap();
    }
    let totals = block_on(Server::new(Vec::new()).datagrams(sockets).run(async {}));
    let totals = totals.datagrams.unwrap();
    let dropped = totals.dropped_here.expect("Linux counts them");
    assert!(dropped > 900, "{totals:?}");
    assert_eq!(totals.datagrams_out + dropped, 1000);
}

#[test]
fn a_server_that_stops_answers_what_is_queued() {
    let sockets = listen_datagrams(&["[::]:0".parse().unwrap()], ListenOptions::default()).unwrap();
    let to = SocketAddr::new(V6, sockets[0].address().port());
    let client = client(V6);
    for number in 0..200_u8 {
        client.send_to(&[number], to).unwrap();
    }
    let totals = block_on(Server::new(Vec::new()).datagrams(sockets).run(async {}));
    assert_eq!(totals.datagrams.unwrap().datagrams_out, 200);
    for number in 0..200_u8 {
        let mut reply = [0];
        client.recv(&mut reply).unwrap();
        assert_eq!(reply, [number]);
    }
    assert!(UdpSocket::bind(to).is_ok(), "the socket is closed");
}

#[test]
fn a_flow_appears_and_goes_quiet() {
    let idle = Duration::from_secs(2);
    let server = serve("[::]:0", |server| server.idle_timeout(idle));
    let (client, asked) = (client(V4), SocketAddr::new(V4, server.address.port()));
    exchange(&client, asked, b"one");
    exchange(&client, asked, b"three");
    let flow = client.local_addr().unwrap();
    server.event();
    let Event::FlowAppeared(appeared) = server.event() else { panic!("no flow appeared") };
    assert_eq!((appeared.peer, appeared.local), (flow, asked));
    let Event::FlowQuiet(quiet) = server.event() else { panic!("the flow is not quiet") };
    assert_eq!((quiet.peer, quiet.local), (flow, asked));
    assert_eq!((quiet.datagrams_in, quiet.bytes_in), (2, 8));
}

#[test]
fn the_traffic_class_is_copied_if_it_was_asked_for() {
    for (copy, listens, ip) in [
        (true, "[::]:0", V4),
        (true, "[::]:0", V6),
        (true, "127.0.0.1:0", V4),
        (true, "[::1]:0", V6),
        (false, "[::]:0", V4),
        (false, "[::]:0", V6),
    ] {
        let server =
            serve_with(listens, ListenOptions::default().copy_marks(copy), |server| server);
        let client = client(ip);
        let options = socket2::SockRef::from(&client);
        let marked = 0b1011_1001; // EF and ECT(1)
        if ip.is_ipv4() {
            options.set_tos_v4(marked).unwrap();
            options.set_recv_tos_v4(true).unwrap();
        } else {
            options.set_tclass_v6(marked).unwrap();
            options.set_recv_tclass_v6(true).unwrap();
        }
        client.send_to(b"marked", (ip, server.address.port())).unwrap();
        let mut messages = vec![0; 64];
        let mut reply = [0; 16];
        let mut buffer = [std::io::IoSliceMut::new(&mut reply)];
        let message = nix::sys::socket::recvmsg::<()>(
            client.as_raw_fd(),
            &mut buffer,
            Some(&mut messages),
            MsgFlags::empty(),
        )
        .unwrap();
        let marks = message.cmsgs().unwrap().find_map(|message| match message {
            nix::sys::socket::ControlMessageOwned::Ipv4Tos(tos) => Some(u32::from(tos)),
            nix::sys::socket::ControlMessageOwned::Ipv6TClass(class) => Some(class as u32),
            _ => None,
        });
        assert_eq!(marks, Some(if copy { marked } else { 0 }), "{listens} over {ip}");
        // Also when many come together.
        for _ in 0..50 {
            client.send_to(b"marked", (ip, server.address.port())).unwrap();
        }
        for _ in 0..50 {
            client.recv(&mut [0; 16]).unwrap();
        }
    }
}

#[test]
fn a_port_taken_for_udp_is_an_error_and_a_chosen_one_is_free_for_both() {
    let taken = UdpSocket::bind("127.0.0.1:0").unwrap();
    let endpoint = taken.local_addr().unwrap().into();
    let error = listen_both(&[endpoint], ListenOptions::default()).unwrap_err();
    let said = error.to_string();
    assert_eq!(said, format!("cannot listen on {}", taken.local_addr().unwrap()));
    for _ in 0..50 {
        let any = "[::]:0".parse().unwrap();
        let (tcp, udp) = listen_both(&[any], ListenOptions::default()).unwrap();
        assert_eq!(tcp[0].address(), udp[0].address());
        assert_eq!(tcp[0].families(), udp[0].families());
    }
}

#[test]
fn a_server_that_is_dropped_closes_its_sockets() {
    let any = ["127.0.0.1:0".parse().unwrap()];
    let sockets = listen_datagrams(&any, ListenOptions::default()).unwrap();
    let address = sockets[0].address();
    let listeners = listen(&any, ListenOptions::default()).unwrap();
    let mut running =
        Box::pin(Server::new(listeners).datagrams(sockets).run(futures::future::pending::<()>()));
    assert!((&mut running).now_or_never().is_none());
    assert_eq!(exchange(&client(V4), address, b"here").0, b"here");
    drop(running);
    let start = std::time::Instant::now();
    while UdpSocket::bind(address).is_err() {
        assert!(start.elapsed() < PATIENCE, "the port is still taken");
        std::thread::yield_now();
    }
}
