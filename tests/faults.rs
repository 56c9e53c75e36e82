//! What some clients do to the server is not felt by the others.

mod common;

use std::io::{ErrorKind, Read, Write};
use std::time::Duration;

use common::{TestServer, V4, V6, exchange, noise, reset, round_trip};
use echo6::event::Reason;

#[test]
fn a_client_that_resets_ends_alone() {
    let server = TestServer::start();
    let mut other = server.connect(V4);
    let mut client = server.connect(V6);
    assert_eq!(round_trip(&mut client, b"hello"), b"hello");
    reset(client);
    let closed = server.closed();
    assert!(matches!(closed.reason, Reason::Reset), "{closed:?}");
    assert_eq!(round_trip(&mut other, b"still there"), b"still there");
}

#[test]
fn a_client_that_never_reads_costs_one_buffer_and_holds_up_nobody() {
    let server = TestServer::start();
    let mut client = server.connect(V4);
    client.set_write_timeout(Some(Duration::from_millis(300))).unwrap();
    let chunk = noise(1 << 20);
    let mut sent = 0_u64;
    let error = loop {
        match client.write(&chunk) {
            Ok(length) => sent += length as u64,
            Err(error) => break error,
        }
        assert!(sent < 1 << 30, "the server takes bytes without end");
    };
    assert!(matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut), "{error}");

    assert_eq!(exchange(server.connect(V6), b"served"), b"served");
    assert!(matches!(server.closed().reason, Reason::EndOfStream));

    reset(client);
    let closed = server.closed();
    let held = closed.received - closed.returned;
    assert!((1..=256 * 1024).contains(&held), "{held} bytes held of {} read", closed.received);
}

#[test]
fn a_client_that_reads_late_still_gets_every_byte() {
    let server = TestServer::start();
    let message = noise(8 << 20);
    let mut stream = server.connect(V4);
    let mut writer = stream.try_clone().unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            writer.write_all(&message).unwrap();
            writer.shutdown(std::net::Shutdown::Write).unwrap();
        });
        let mut other = server.connect(V6);
        for _ in 0..100 {
            assert_eq!(round_trip(&mut other, b"between"), b"between");
        }
        let mut reply = Vec::new();
        stream.read_to_end(&mut reply).unwrap();
        assert!(reply == message);
    });
}
