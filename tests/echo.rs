//! What a client sends comes back, unchanged, over IPv4 and over IPv6.

mod common;

use std::io::{Read, Write};
use std::net::Shutdown;

use common::{TestServer, V4, V6, exchange, noise, round_trip};
use echo6::Client;
use echo6::server::Reason;
use futures::executor::block_on;

#[test]
fn messages_of_any_size_come_back_over_both_families() {
    let server = TestServer::start();
    for ip in [V4, V6] {
        for length in [0, 1, 65_535, 65_536, 65_537, 16 << 20] {
            let message = noise(length);
            let reply = exchange(server.connect(ip), &message);
            assert!(reply == message, "{length} bytes over {ip}");
            let closed = server.closed();
            assert_eq!(closed.reason, Reason::EndOfStream, "{closed:?}");
            assert_eq!((closed.bytes_in, closed.bytes_out), (length as u64, length as u64));
        }
    }
}

#[test]
fn the_client_of_the_library_gets_its_message_back() {
    let server = TestServer::start();
    for ip in [V4, V6] {
        let peer = (ip, server.address.port()).into();
        for message in [&b""[..], b"hello", &noise(3 << 20)] {
            let reply = block_on(Client::new().send(&[peer], message)).unwrap();
            assert!(reply.bytes == message && reply.peer == peer && reply.local.ip() == ip);
        }
    }
}

#[test]
fn a_half_closed_client_gets_everything_and_then_end_of_stream() {
    let server = TestServer::start();
    let message = noise(1 << 20);
    let mut stream = server.connect(V6);
    let mut writer = stream.try_clone().unwrap();
    let sender = std::thread::spawn({
        let message = message.clone();
        move || {
            writer.write_all(&message).unwrap();
            writer.shutdown(Shutdown::Write).unwrap();
        }
    });
    // Nothing is read until the client has shut its side, so the server still holds the bytes.
    let mut first = [0];
    stream.read_exact(&mut first).unwrap();
    sender.join().unwrap();
    let mut reply = first.to_vec();
    stream.read_to_end(&mut reply).unwrap();
    assert!(reply == message);
}

#[test]
fn a_connection_serves_many_messages_in_turn() {
    let server = TestServer::start();
    let mut stream = server.connect(V4);
    for n in 0..1000_u32 {
        let message = format!("message {n}");
        assert_eq!(round_trip(&mut stream, message.as_bytes()), message.as_bytes());
    }
}

#[test]
fn two_hundred_clients_are_served_at_the_same_time() {
    let server = TestServer::start();
    let mut clients: Vec<_> =
        (0..200).map(|n| server.connect(if n % 2 == 0 { V4 } else { V6 })).collect();
    // All are connected before the first is served, and each is served before any leaves.
    for (n, client) in clients.iter_mut().enumerate() {
        client.write_all(format!("client {n:03}").as_bytes()).unwrap();
    }
    for (n, client) in clients.iter_mut().enumerate() {
        let mut reply = [0; 10];
        client.read_exact(&mut reply).unwrap();
        assert_eq!(reply, *format!("client {n:03}").as_bytes());
    }
}
