//! A server that is started beside a test serves it, tells it what it saw, and ends with it.

mod common;

use std::io::Read;
use std::net::TcpStream;
use std::sync::mpsc::channel;
use std::time::Instant;

use common::{PATIENCE, V6, connect, exchange, round_trip};
use echo6::Server;
use echo6::server::{Ending, Event, Reason};

#[test]
fn a_peer_serves_until_it_is_stopped_and_says_what_it_came_to() {
    let peer = Server::bind("[::1]:0").unwrap().start();
    assert_eq!(peer.addresses(), [peer.address()]);
    assert_eq!(exchange(connect(peer.address()), b"hello"), b"hello");
    let mut ids = Vec::new();
    loop {
        match peer.event(PATIENCE).expect("an event in time") {
            Event::Connected(connected) => ids.push(connected.id),
            Event::Closed(closed) => {
                assert_eq!((closed.reason, closed.ending), (Reason::EndOfStream, Ending::Drained));
                assert_eq!((closed.bytes_in, closed.bytes_out), (5, 5));
                ids.push(closed.id);
                break;
            }
            _ => {}
        }
    }
    assert_eq!(ids, [1, 1]);
    let address = peer.address();
    let totals = peer.stop();
    assert_eq!((totals.connections, totals.bytes_in, totals.bytes_out), (1, 5, 5));
    assert!(TcpStream::connect(address).is_err());
}

#[test]
fn a_peer_that_is_dropped_drains_its_clients_first() {
    let mut client = {
        let peer = Server::bind("[::1]:0").unwrap().start();
        let mut client = connect(peer.address());
        assert_eq!(round_trip(&mut client, b"hello"), b"hello");
        client
    };
    assert_eq!(client.read(&mut [0]).unwrap(), 0, "end of stream, not a reset");
}

#[test]
fn a_peer_that_nobody_used_ends_immediately() {
    let peer = Server::bind("[::]:0").unwrap().grace(PATIENCE * 2).start();
    let start = Instant::now();
    drop(peer);
    assert!(start.elapsed() < PATIENCE);
}

#[test]
fn an_observer_is_told_the_same_as_the_one_who_asks() {
    let (sender, observed) = channel();
    let server = Server::bind("[::1]:0").unwrap();
    let server = server.observe(move |event| drop(sender.send(event)));
    let peer = server.start();
    drop(connect((V6, peer.address().port()).into()));
    for _ in 0..3 {
        let event = peer.event(PATIENCE).expect("an event in time");
        assert_eq!(event, observed.recv_timeout(PATIENCE).unwrap());
    }
}

#[test]
fn many_peers_serve_side_by_side() {
    let peers: Vec<_> = (0..20).map(|_| Server::bind("127.0.0.1:0").unwrap().start()).collect();
    for peer in &peers {
        assert_eq!(exchange(connect(peer.address()), b"hello"), b"hello");
    }
    let served: u64 = peers.into_iter().map(|peer| peer.stop().connections).sum();
    assert_eq!(served, 20);
}

#[test]
fn what_cannot_be_bound_is_said() {
    let taken = Server::bind("[::1]:0").unwrap();
    let address = taken.listening()[0].address.to_string();
    for (text, message) in [
        ("::1:7000", "invalid address \"::1:7000\": IPv6 address without brackets at byte 1"),
        (&address, &format!("cannot listen on {address}")),
    ] {
        assert_eq!(Server::bind(text).unwrap_err().to_string(), message);
    }
}
