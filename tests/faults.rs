//! What some clients do to the server is not felt by the others.

mod common;

use std::io::{Read, Write};

use common::{TestServer, V4, V6, exchange, fill, noise, reset, round_trip};
use echo6::server::Reason;

#[test]
fn a_client_that_resets_ends_alone() {
    let server = TestServer::start();
    let mut other = server.connect(V4);
    let mut client = server.connect(V6);
    assert_eq!(round_trip(&mut client, b"hello"), b"hello");
    reset(client);
    let closed = server.closed();
    assert_eq!(closed.reason, Reason::Reset, "{closed:?}");
    assert_eq!(round_trip(&mut other, b"still there"), b"still there");
}

#[test]
fn a_client_that_never_reads_costs_one_buffer_and_holds_up_nobody() {
    let server = TestServer::start();
    let client = server.connect(V4);
    fill(&client);

    assert_eq!(exchange(server.connect(V6), b"served"), b"served");
    assert_eq!(server.closed().reason, Reason::EndOfStream);

    reset(client);
    let closed = server.closed();
    let held = closed.bytes_in - closed.bytes_out;
    assert!((1..=512 * 1024).contains(&held), "{held} bytes held of {} read", closed.bytes_in);
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

#[test]
fn a_thousand_resets_in_the_middle_of_an_echo_are_not_felt_by_others() {
    let mut server = TestServer::start();
    let mut other = server.connect(V4);
    for n in 0..1000 {
        let mut client = server.connect(if n % 2 == 0 { V4 } else { V6 });
        client.write_all(&[0; 4096]).unwrap();
        client.read_exact(&mut [0]).unwrap();
        reset(client);
        if n % 100 == 0 {
            assert_eq!(round_trip(&mut other, b"still there"), b"still there");
        }
    }
    assert_eq!(exchange(other, b"to the end"), b"to the end");
    assert_eq!(server.stop().connections, 1001);
}

#[test]
fn a_flood_of_clients_that_leave_at_once_is_not_felt_by_others() {
    let mut server = TestServer::start();
    let mut other = server.connect(V4);
    for _ in 0..2000 {
        drop(server.connect(V6));
    }
    assert_eq!(round_trip(&mut other, b"still there"), b"still there");
    assert_eq!(exchange(other, b"to the end"), b"to the end");
    let totals = server.stop();
    assert_eq!((totals.connections, totals.refused, totals.cut), (2001, 0, 0));
    assert_eq!((totals.bytes_in, totals.bytes_out), (21, 21));
}

#[test]
fn a_client_that_sends_one_byte_at_a_time_gets_each_back() {
    let server = TestServer::start();
    let mut client = server.connect(V6);
    for byte in noise(2000) {
        assert_eq!(round_trip(&mut client, &[byte]), [byte]);
    }
}
