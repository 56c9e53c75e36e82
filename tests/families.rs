//! Which families a listener serves, and how their clients are named.

mod common;

use std::net::TcpStream;

use common::{PATIENCE, TestServer, V4, V6, exchange, round_trip};
use echo6::Server;
use echo6::address::{Endpoint, Families};
use echo6::server::Event;
use echo6::socket::{ListenOptions, listen};

#[test]
fn one_dual_stack_socket_serves_both_families() {
    let mut server = TestServer::start();
    let listening = server.event();
    assert!(
        matches!(&listening, Event::Listening(listening) if listening.families == Families::Both),
        "{listening:?}"
    );
    assert_eq!(exchange(server.connect(V4), b"four"), b"four");
    assert_eq!(exchange(server.connect(V6), b"six"), b"six");
    assert_eq!(server.stop().connections, 2);
}

#[test]
fn an_ipv4_client_of_a_dual_stack_listener_is_named_by_its_ipv4_address() {
    let server = TestServer::start();
    let client = server.connect(V4);
    assert_eq!(server.connected().peer, client.local_addr().unwrap());
    assert!(client.local_addr().unwrap().is_ipv4());
    drop(client);
    assert_eq!(server.closed().peer.ip(), V4);
}

#[test]
fn an_ipv6_only_listener_refuses_ipv4() {
    let options = ListenOptions::default().families(Families::Ipv6);
    let listeners = listen(&["[::]:0".parse().unwrap()], options).unwrap();
    let server = TestServer::of(Server::new(listeners));
    assert_eq!(exchange(server.connect(V6), b"six"), b"six");
    let four = (V4, server.address.port()).into();
    let error = TcpStream::connect_timeout(&four, PATIENCE).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionRefused);
}

#[test]
fn several_listeners_are_served_side_by_side() {
    let endpoints: Vec<Endpoint> =
        ["127.0.0.1:0", "[::1]:0", "[::]:0"].map(|text| text.parse().unwrap()).into();
    let listeners = listen(&endpoints, ListenOptions::default()).unwrap();
    let addresses: Vec<_> = listeners.iter().map(echo6::socket::Listener::address).collect();
    let mut server = TestServer::of(Server::new(listeners));
    let mut clients = Vec::new();
    for address in addresses {
        let ip = if address.is_ipv4() { V4 } else { V6 };
        let mut client = common::connect((ip, address.port()).into());
        assert_eq!(round_trip(&mut client, b"hello"), b"hello");
        clients.push(client);
    }
    drop(clients);
    assert_eq!(server.stop().connections, 3);
}
