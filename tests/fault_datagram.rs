//! Faults that the server deals to datagrams on purpose, over both families.

#![cfg(unix)] // elsewhere an answer comes from whichever address the system chooses

mod common;

use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use common::{PATIENCE, TestServer, V4, V6};
use echo6::Server;
use echo6::server::Event;
use echo6::socket::{ListenOptions, listen_datagrams};

/// A server of datagrams with faults, which are drawn by seed 7.
fn faulty(addresses: &[&str], faults: &[&str]) -> TestServer {
    let endpoints: Vec<_> = addresses.iter().map(|address| address.parse().unwrap()).collect();
    let sockets = listen_datagrams(&endpoints, ListenOptions::default()).unwrap();
    let server = Server::new(Vec::new()).datagrams(sockets).fault_seed(7);
    let faults = faults.iter().map(|fault| fault.parse().unwrap());
    TestServer::of(faults.fold(server, Server::fault))
}

fn client(ip: IpAddr) -> UdpSocket {
    let socket = UdpSocket::bind((ip, 0)).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket
}

fn receive(client: &UdpSocket) -> (String, SocketAddr) {
    let mut reply = [0; 100];
    let (length, from) = client.recv_from(&mut reply).unwrap();
    (String::from_utf8_lossy(&reply[..length]).into_owned(), from)
}

/// What comes back of "abc", "defgh", "ij" and then "the end", which is the last that comes back.
fn sent(address: SocketAddr) -> Vec<String> {
    let client = client(if address.is_ipv4() { V4 } else { V6 });
    for datagram in ["abc", "defgh", "ij", "the end"] {
        client.send_to(datagram.as_bytes(), address).unwrap();
    }
    let mut replies = Vec::new();
    while replies.last().is_none_or(|last: &String| !last.starts_with("the end")) {
        replies.push(receive(&client).0);
    }
    replies
}

#[test]
fn each_fault_does_what_its_name_says() {
    for ip in [V4, V6] {
        for (faults, replies, told) in [
            (&["1*drop"][..], &["defgh", "ij", "the end"][..], "1 drop"),
            (&["1*twice"], &["abc", "abc", "defgh", "ij", "the end"], "1 twice"),
            (&["1*reorder=10s"], &["defgh", "abc", "ij", "the end"], "1 reorder"),
            (&["2*flip@1"], &["acc", "ddfgh", "ij", "the end"], "2 flip"),
            (&["1*cut@4"], &["abc", "defg", "ij", "the end"], "1 cut"),
            (&["1*delay=1ms", "1*drop"], &["defgh", "ij", "the end"], "1 delay, 1 drop"),
        ] {
            let mut server = faulty(&[&SocketAddr::new(ip, 0).to_string()], faults);
            assert_eq!(sent(server.address), replies, "{faults:?}");
            let totals = server.stop().datagrams.unwrap();
            assert_eq!(totals.faults.to_string(), told, "{faults:?}");
            assert_eq!(totals.datagrams_out, replies.len() as u64);
        }
    }
}

#[test]
fn datagrams_without_a_byte_at_the_offset_are_spared() {
    let server = faulty(&["[::]:0"], &["drop@4"]);
    let client = client(V4);
    for datagram in ["long enough", "tiny"] {
        client.send_to(datagram.as_bytes(), (V4, server.address.port())).unwrap();
    }
    assert_eq!(receive(&client).0, "tiny");
}

#[test]
fn a_wrong_source_is_the_right_address_with_another_port() {
    for (listens, asked) in
        [("[::]:0", "127.0.0.1"), ("[::]:0", "::1"), ("127.0.0.1:0", "127.0.0.1")]
    {
        let server = faulty(&[listens], &["1*wrong-source"]);
        let asked = SocketAddr::new(asked.parse().unwrap(), server.address.port());
        let client = client(asked.ip());
        client.send_to(b"one", asked).unwrap();
        let (reply, from) = receive(&client);
        assert_eq!((&reply[..], from.ip()), ("one", asked.ip()));
        assert_ne!(from.port(), asked.port());
        client.send_to(b"two", asked).unwrap();
        assert_eq!(receive(&client), ("two".to_owned(), asked));
    }
}

#[test]
fn a_delayed_answer_comes_late_and_is_awaited_when_the_server_stops() {
    let mut server = faulty(&["[::1]:0"], &["delay=300ms"]);
    let client = client(V6);
    let start = Instant::now();
    client.send_to(b"late", server.address).unwrap();
    assert!(matches!(server.event(), Event::Listening(_)));
    assert!(matches!(server.event(), Event::FlowAppeared(_)));
    let totals = server.stop().datagrams.unwrap();
    assert_eq!(receive(&client).0, "late");
    assert!(start.elapsed() >= Duration::from_millis(300));
    assert_eq!((totals.datagrams_out, &totals.faults.to_string()[..]), (1, "1 delay"));
}

#[test]
fn a_flow_that_goes_quiet_is_reported_with_its_faults() {
    let mut server = faulty(&["[::]:0"], &["2*drop", "twice"]);
    let client = client(V4);
    for datagram in ["one", "two", "three"] {
        client.send_to(datagram.as_bytes(), (V4, server.address.port())).unwrap();
    }
    assert_eq!([receive(&client).0, receive(&client).0], ["three", "three"]);
    server.stop();
    let quiet = loop {
        if let Event::FlowQuiet(quiet) = server.event() {
            break quiet;
        }
    };
    assert_eq!((quiet.datagrams_in, &quiet.faults.to_string()[..]), (3, "2 drop, 1 twice"));
}

#[test]
fn the_first_datagrams_are_those_of_all_sockets_together() {
    let server = faulty(&["127.0.0.1:0", "[::1]:0"], &["1*twice"]);
    let Event::Listening(four) = server.event() else { panic!("the first") };
    let Event::Listening(six) = server.event() else { panic!("the second") };
    assert_eq!(four.faults.len(), 1);
    let (one, other) = (client(V4), client(V6));
    one.send_to(b"one", four.address).unwrap();
    assert_eq!([receive(&one).0, receive(&one).0], ["one", "one"]);
    for text in ["two", "three"] {
        other.send_to(text.as_bytes(), six.address).unwrap();
        assert_eq!(receive(&other).0, text);
    }
}
