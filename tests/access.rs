//! Who may connect: access rules, and balancers that announce their clients.

mod common;

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpStream};
use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

use common::{TestServer, V4, V6, is_silent, round_trip};
use echo6::Client;
use echo6::address::{Prefix, prefix_list};
use echo6::client::ProxyHeader;
use echo6::proxy::{Command, Header, HeaderErrorKind, Tlv, Version};
use echo6::server::{Event, Refusal};
use futures::executor::block_on;

fn list(text: &str) -> Vec<Prefix> {
    prefix_list(text).unwrap()
}

/// Waits for the next client that was refused.
fn refused(server: &TestServer) -> (SocketAddr, Option<SocketAddr>, Refusal) {
    loop {
        if let Event::Refused(refused) = server.event() {
            return (refused.peer, refused.via, refused.refusal);
        }
    }
}

/// Says whether the server has closed or reset the connection.
fn is_closed(mut stream: &TcpStream) -> bool {
    !matches!(stream.read(&mut [0]), Ok(1..))
}

fn header(version: Version, source: &str) -> Header {
    let destination = if source.starts_with('[') { "[2001:db8::7]:7" } else { "198.51.100.1:7" };
    Header::new(version, source.parse().unwrap(), destination.parse().unwrap())
}

fn announce(server: &TestServer, header: &Header) -> TcpStream {
    let mut stream = server.connect(V4);
    stream.write_all(&header.to_bytes().unwrap()).unwrap();
    stream
}

#[test]
fn a_denied_client_is_closed_and_another_served() {
    // An IPv4 client of a dual-stack socket is IPv4.
    let server = TestServer::on("[::]:0", |server| server.deny(list("127.0.0.0/8")));
    let denied = server.connect(V4);
    assert!(is_closed(&denied));
    let (peer, via, refusal) = refused(&server);
    assert_eq!((peer, via), (denied.local_addr().unwrap(), None));
    assert_eq!(refusal, Refusal::Denied { by: Some("127.0.0.0/8".parse().unwrap()) });
    assert_eq!(round_trip(&mut server.connect(V6), b"hello"), b"hello");
}

#[test]
fn once_any_prefix_is_allowed_the_others_are_denied() {
    let mut server = TestServer::on("[::]:0", |server| {
        server.allow(list("127.0.0.0/8")).deny(list("127.0.0.2"))
    });
    let from = |source: Ipv4Addr| {
        let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None);
        let socket = socket.unwrap();
        socket.bind(&SocketAddr::from((source, 0)).into()).unwrap();
        let address = SocketAddr::from((V4, server.address.port()));
        socket.connect(&address.into()).unwrap();
        TcpStream::from(socket)
    };
    assert_eq!(round_trip(&mut from(Ipv4Addr::new(127, 0, 0, 1)), b"hello"), b"hello");
    // Linux has all of 127.0.0.0/8.
    if cfg!(target_os = "linux") {
        assert!(is_closed(&from(Ipv4Addr::new(127, 0, 0, 2))));
        assert_eq!(refused(&server).2, Refusal::Denied { by: Some("127.0.0.2".parse().unwrap()) });
    }
    assert!(is_closed(&server.connect(V6)));
    assert_eq!(refused(&server).2, Refusal::Denied { by: None });
    let totals = server.stop();
    let denied = if cfg!(target_os = "linux") { 2 } else { 1 };
    assert_eq!((totals.connections, totals.refused), (1, denied));
}

#[test]
fn an_announced_client_is_the_peer_and_the_balancer_stands_by() {
    for (version, source) in [
        (Version::V1, "192.0.2.7:41000"),
        (Version::V1, "[2001:db8::1]:41000"),
        (Version::V2, "192.0.2.7:41000"),
        (Version::V2, "[2001:db8::1]:41000"),
    ] {
        let server = TestServer::on("[::]:0", |server| server.accept_proxy(list("loopback")));
        let announced = header(version, source).with_tlv(Tlv::new(2, "echo.example"));
        let mut stream = announce(&server, &announced);
        assert_eq!(round_trip(&mut stream, b"hello"), b"hello", "{source}");
        let via = stream.local_addr().unwrap();
        let connected = server.connected();
        let said = connected.announced.unwrap();
        assert_eq!((connected.peer.to_string().as_str(), connected.via), (source, Some(via)));
        assert_eq!(said.addresses, announced.addresses);
        let tlvs = if version == Version::V2 { &announced.tlvs[..] } else { &[] };
        assert_eq!(said.tlvs, tlvs);
        drop(stream);
        let closed = server.closed();
        assert_eq!((closed.peer.to_string().as_str(), closed.bytes_in), (source, 5));
    }
}

#[test]
fn a_header_that_arrives_byte_by_byte_is_read_and_nothing_behind_it() {
    for version in [Version::V1, Version::V2] {
        let server = TestServer::on("[::]:0", |server| server.accept_proxy(list("any")));
        let mut stream = server.connect(V6);
        stream.set_nodelay(true).unwrap();
        for byte in header(version, "192.0.2.7:1").to_bytes().unwrap() {
            stream.write_all(&[byte]).unwrap();
        }
        // What looks like a second header is the client's.
        let message = header(version, "192.0.2.8:1").to_bytes().unwrap();
        assert_eq!(round_trip(&mut stream, &message), message);
        assert_eq!(server.connected().peer.to_string(), "192.0.2.7:1");
    }
}

#[test]
fn a_balancer_that_speaks_for_itself_is_served_as_it_is() {
    let server = TestServer::on("[::]:0", |server| {
        server.accept_proxy(list("loopback")).allow(list("192.0.2.0/24"))
    });
    let mut local = Header::local(Version::V2);
    let bare = local.clone();
    // Some load balancers check with addresses that are to be ignored.
    local.addresses = header(Version::V2, "192.0.2.7:1").addresses;
    for local in [bare, local] {
        let mut stream = announce(&server, &local);
        assert_eq!(round_trip(&mut stream, b"hello"), b"hello");
        assert_eq!(server.connected().peer, stream.local_addr().unwrap());
    }
    // A client that nobody names is judged as the balancer, which is not on the list.
    let unknown = announce(&server, &Header::local(Version::V1));
    assert!(is_closed(&unknown));
    let (peer, via, refusal) = refused(&server);
    assert_eq!((peer, via), (unknown.local_addr().unwrap(), None));
    assert_eq!(refusal, Refusal::Denied { by: None });
}

#[test]
fn no_header_is_read_from_others() {
    let server = TestServer::on("[::]:0", |server| server.accept_proxy(list("192.0.2.0/24")));
    for bytes in [&b"PROXY TCP4 192.0.2.7 198.51.100.1 1 2\r\n"[..], b"\r\n\r\n\0\r\nQUIT\n"] {
        let mut stream = server.connect(V4);
        assert_eq!(round_trip(&mut stream, bytes), bytes);
        assert_eq!(server.connected().peer, stream.local_addr().unwrap());
    }
}

#[test]
fn the_rules_and_the_limit_of_a_source_see_whom_a_balancer_announces() {
    let mut server = TestServer::on("[::]:0", |server| {
        server
            .accept_proxy(list("loopback"))
            .deny(list("192.0.2.13,2001:db8::/32"))
            .max_per_source(NonZeroUsize::new(2).unwrap())
    });
    for denied in ["192.0.2.13:1", "[::ffff:192.0.2.13]:1", "[2001:db8::1]:1"] {
        let stream = announce(&server, &header(Version::V1, denied));
        assert!(is_closed(&stream));
        let (_, via, refusal) = refused(&server);
        assert_eq!(via, stream.local_addr().ok(), "{denied}");
        assert!(matches!(refusal, Refusal::Denied { by: Some(_) }), "{refusal:?}");
    }
    let mut served = Vec::new();
    for port in 1..=2 {
        let mut stream = announce(&server, &header(Version::V2, &format!("192.0.2.7:{port}")));
        assert_eq!(round_trip(&mut stream, b"hello"), b"hello");
        served.push(stream);
    }
    let third = header(Version::V2, "192.0.2.7:3");
    assert!(is_closed(&announce(&server, &third)));
    let (peer, via, refusal) = refused(&server);
    assert_eq!((peer.to_string().as_str(), via.is_some()), ("192.0.2.7:3", true));
    assert!(matches!(refusal, Refusal::TooMany { limit } if limit.get() == 2));
    // Another source has room, although its balancer is the same; and so has this one again.
    let mut other = announce(&server, &header(Version::V2, "192.0.2.8:1"));
    assert_eq!(round_trip(&mut other, b"hello"), b"hello");
    drop(served);
    server.closed();
    server.closed();
    assert_eq!(round_trip(&mut announce(&server, &third), b"hello"), b"hello");
    let totals = server.stop();
    assert_eq!((totals.connections, totals.refused), (4, 4));
}

#[test]
fn a_balancer_without_a_header_is_refused_with_the_reason() {
    for (bytes, kind, position) in [
        (&b"hello"[..], HeaderErrorKind::NoHeader, 0),
        (b"PROXY TCP4 192.0.2.07 ", HeaderErrorKind::LineEnd, 22),
        (b"\r\n\r\n\0\r\nQUIT\n\x11", HeaderErrorKind::Version, 12),
    ] {
        let mut server = TestServer::on("[::]:0", |server| server.accept_proxy(list("any")));
        let mut stream = server.connect(V6);
        stream.write_all(bytes).unwrap();
        stream.write_all(b"\n").unwrap();
        assert!(is_closed(&stream));
        let (peer, via, refusal) = refused(&server);
        assert_eq!((peer, via), (stream.local_addr().unwrap(), None));
        let Refusal::Header { error } = refusal else { panic!("{refusal:?}") };
        assert_eq!((error.kind, error.position), (kind, position));
        let totals = server.stop();
        assert_eq!((totals.connections, totals.refused, totals.bytes_in), (0, 1, 0));
    }
}

#[test]
fn a_balancer_that_ends_before_its_header_is_whole_is_refused() {
    let server = TestServer::on("[::]:0", |server| server.accept_proxy(list("any")));
    let mut stream = server.connect(V6);
    stream.write_all(b"PROXY ").unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    assert!(is_closed(&stream));
    assert_eq!(refused(&server).2, Refusal::HeaderCut);
}

#[test]
fn a_header_has_five_seconds_and_counts_as_a_client_meanwhile() {
    let server = TestServer::on("[::]:0", |server| {
        server.accept_proxy(list("127.0.0.1")).max_connections(NonZeroUsize::MIN)
    });
    let start = Instant::now();
    let mut slow = server.connect(V4);
    slow.write_all(b"PROXY TCP4").unwrap();
    // Nobody else is accepted while the header is waited for.
    let mut next = server.connect(V6);
    next.write_all(b"hello").unwrap();
    assert!(is_silent(&next));
    assert!(is_closed(&slow));
    assert!(start.elapsed() >= Duration::from_secs(5));
    assert!(matches!(refused(&server).2, Refusal::HeaderLate { .. }));
    let mut reply = [0; 5];
    next.read_exact(&mut reply).unwrap();
    assert_eq!(&reply, b"hello");
}

#[test]
fn a_stop_does_not_wait_for_a_header() {
    let mut server = TestServer::on("[::]:0", |server| {
        server.accept_proxy(list("any")).grace(Duration::from_secs(60))
    });
    let mut stream = server.connect(V6);
    stream.write_all(b"PROXY ").unwrap();
    let mut whole = announce(&server, &header(Version::V2, "192.0.2.7:1"));
    assert_eq!(round_trip(&mut whole, b"hello"), b"hello");
    drop(whole);
    let totals = server.stop();
    assert!(is_closed(&stream));
    let refusal = refused(&server).2;
    assert!(!matches!(refusal, Refusal::HeaderLate { .. }), "{refusal:?}");
    assert_eq!((totals.connections, totals.refused), (1, 1));
}

#[test]
fn a_check_says_that_a_server_wants_a_header() {
    for (ip, prefix) in [(V4, "127.0.0.1"), (V6, "::1")] {
        let server = TestServer::on("[::]:0", |server| server.accept_proxy(list(prefix)));
        let address = SocketAddr::new(ip, server.address.port());
        let check = |client: Client| block_on(client.check().run(address, std::future::pending()));
        let checked = check(Client::new());
        assert_eq!(checked.wants_header, Some(Version::V1));
        assert!(!checked.is_well());
        assert!(checked.diagnosis().to_string().starts_with("wants a PROXY header"), "{checked:?}");
        assert!(check(Client::new().proxy_header(ProxyHeader::own(Version::V2))).is_well());
    }
    // Who does not know of headers echoes them.
    let server = TestServer::on("[::]:0", |server| server);
    let address = SocketAddr::new(V4, server.address.port());
    for version in [Version::V1, Version::V2] {
        let client = Client::new().proxy_header(ProxyHeader::own(version));
        let checked = block_on(client.check().run(address, std::future::pending()));
        assert!(checked.echoes_header && !checked.is_well());
        assert!(checked.diagnosis().to_string().starts_with("expects no PROXY header"));
    }
    // Who denies all wants none.
    let server = TestServer::on("[::]:0", |server| server.deny(list("any")));
    let address = SocketAddr::new(V6, server.address.port());
    let checked = block_on(Client::new().check().run(address, std::future::pending()));
    assert_eq!(checked.wants_header, None);
}

#[test]
fn an_unnamed_client_keeps_the_address_of_its_balancer() {
    let server = TestServer::on("[::]:0", |server| server.accept_proxy(list("any")));
    let mut stream = announce(&server, &Header::local(Version::V1));
    assert_eq!(round_trip(&mut stream, b"hello"), b"hello");
    let connected = server.connected();
    assert_eq!((connected.peer, connected.via), (stream.local_addr().unwrap(), None));
    assert_eq!(connected.announced.unwrap().command, Command::Unknown);
}
