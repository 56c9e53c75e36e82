//! Faults that the server deals on purpose: who has them, what they do to a socket, and what is
//! reported of them.

mod common;

use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, Shutdown, TcpStream};
use std::thread;
use std::time::Duration;

use common::{TestServer, V4, V6, exchange, is_silent, noise, reset, round_trip};
use echo6::server::{Event, Reason};

/// A server of both families with faults, which are drawn by seed 7.
fn faulty(faults: &[&str]) -> TestServer {
    TestServer::on("[::]:0", |mut server| {
        for fault in faults {
            server = server.fault(fault.parse().unwrap());
        }
        server.fault_seed(7)
    })
}

/// Waits until a connection has ended; returns what was dealt to it, as a text.
fn dealt(server: &TestServer) -> String {
    let faults = server.closed().faults;
    faults.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

fn read_to_end(mut stream: TcpStream) -> (Vec<u8>, Option<ErrorKind>) {
    let mut bytes = Vec::new();
    let error = stream.read_to_end(&mut bytes).err();
    (bytes, error.map(|error| error.kind()))
}

#[test]
fn the_first_connections_have_a_fault_and_the_next_are_served_honestly() {
    let mut server = faulty(&["2*flip@1", "1*add"]);
    for (reply, told) in
        [(&b"!hdllo"[..], "add@0 flip@1"), (b"hdllo", "flip@1"), (b"hello", ""), (b"hello", "")]
    {
        assert_eq!(exchange(server.connect(V4), b"hello"), reply);
        assert_eq!(dealt(&server), told);
    }
    let totals = server.stop();
    assert_eq!((totals.connections, totals.faults), (4, 3));
}

#[test]
fn a_seed_makes_a_run_reproducible() {
    let run = || -> Vec<String> {
        let server = faulty(&["50%flip", "30%drop@2"]);
        (0..40)
            .map(|_| {
                exchange(server.connect(V6), b"hello");
                dealt(&server)
            })
            .collect()
    };
    let first = run();
    assert_eq!(first, run());
    for told in ["", "flip@0", "drop@2", "flip@0 drop@2"] {
        assert!(first.iter().any(|dealt| dealt == told), "{told}: {first:?}");
    }
}

#[test]
fn the_bytes_of_a_closed_connection_are_those_that_passed() {
    for (fault, bytes_out) in [("drop=5@2", 95_u64), ("add=12345", 105), ("twice=100", 200)] {
        let server = faulty(&[fault]);
        exchange(server.connect(V4), &noise(100));
        let closed = server.closed();
        assert_eq!((closed.bytes_in, closed.bytes_out), (100, bytes_out), "{fault}");
    }
}

#[test]
fn more_bytes_than_came_do_not_confuse_the_account_of_memory() {
    // What is added would be taken off what all clients hold, and 64 MiB less than nothing is much.
    let mut server = faulty(&["1*twice=8M"]);
    assert_eq!(exchange(server.connect(V4), &noise(8 << 20)).len(), 16 << 20);
    let message = noise(4 << 20);
    assert!(exchange(server.connect(V6), &message) == message);
    assert_eq!(server.stop().cut, 0);
}

#[test]
fn a_close_is_an_end_of_stream_also_when_bytes_were_left_unread() {
    for ip in [V4, V6] {
        let server = faulty(&["close@5"]);
        let mut client = server.connect(ip);
        client.write_all(&noise(100_000)).unwrap();
        assert_eq!(read_to_end(client), (noise(5), None));
        let closed = server.closed();
        assert!(closed.reason == Reason::Fault, "{closed:?}");
    }
}

#[test]
fn a_half_close_goes_on_reading_and_a_reset_does_not() {
    for ip in [V4, V6] {
        let server = faulty(&["half-close@5"]);
        let mut client = server.connect(ip);
        client.write_all(b"hello").unwrap();
        assert_eq!(read_to_end(client.try_clone().unwrap()), (b"hello".to_vec(), None));
        client.write_all(&noise(1 << 20)).unwrap();
        drop(client);
        let closed = server.closed();
        assert_eq!((closed.bytes_in, closed.bytes_out), ((1 << 20) + 5, 5), "{closed:?}");

        let server = faulty(&["reset@5"]);
        let mut client = server.connect(ip);
        client.write_all(b"hello world").unwrap();
        let (bytes, error) = read_to_end(client);
        assert_eq!(error, Some(ErrorKind::ConnectionReset));
        assert!(b"hello".starts_with(&bytes[..]), "{bytes:?}");
        assert_eq!(dealt(&server), "reset@5");
    }
}

#[test]
fn a_stall_goes_on_reading_and_a_hang_does_not() {
    let server = faulty(&["stall@5"]);
    let mut client = server.connect(V4);
    assert_eq!(round_trip(&mut client, b"hello"), b"hello");
    client.write_all(&noise(16 << 20)).unwrap(); // more than the kernel holds
    client.shutdown(Shutdown::Write).unwrap();
    assert!(is_silent(&client), "it stays open behind the end of stream");

    let server = faulty(&["hang@5"]);
    let mut client = server.connect(V6);
    assert_eq!(round_trip(&mut client, b"hello"), b"hello");
    let taken = common::fill(&client);
    assert!(taken < 16 << 20, "{taken}");
    assert!(is_silent(&client));
}

#[test]
fn a_held_connection_ends_with_the_server_or_when_the_client_is_gone() {
    for fault in ["stall", "hang", "stall@end"] {
        let mut server = faulty(&[fault]);
        let client = server.connect(V4);
        client.shutdown(Shutdown::Write).unwrap();
        assert!(is_silent(&client), "{fault}");
        reset(client);
        assert_eq!(dealt(&server).split('@').next(), fault.split('@').next());

        let client = server.connect(V6);
        assert!(matches!(server.event(), Event::Connected(_)));
        let stopped = thread::spawn(move || server.stop());
        assert_eq!(read_to_end(client), (Vec::new(), None), "{fault}");
        let totals = stopped.join().unwrap();
        assert_eq!(totals.cut, 0, "{fault}: {totals:?}");
    }
}

#[test]
fn a_connection_that_is_mixed_up_gets_what_another_one_sent() {
    let server = faulty(&["mix-up@2"]);
    assert_eq!(exchange(server.connect(V4), b"secret"), b"secret");
    assert_eq!(dealt(&server), "");
    assert_eq!(exchange(server.connect(V6), b"0123456"), b"01secre");
    assert_eq!(dealt(&server), "mix-up@2");
}

#[test]
fn nobody_is_accepted_on_either_family_and_a_stop_ends_that() {
    for ip in [V4, V6] {
        let address = match ip {
            IpAddr::V4(_) => "127.0.0.1:0",
            IpAddr::V6(_) => "[::1]:0",
        };
        let mut server =
            TestServer::on(address, |server| server.fault("no-accept".parse().unwrap()));
        assert!(matches!(server.event(), Event::Listening(_)));
        let moment = Duration::from_millis(200);
        let error = TcpStream::connect_timeout(&server.address, moment).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        assert_eq!(server.stop().connections, 0);
    }
}

#[test]
fn a_slow_echo_is_no_idle_client() {
    let server = TestServer::on("[::]:0", |server| {
        server.fault("rate=1k".parse().unwrap()).idle_timeout(Duration::from_secs(1))
    });
    let message = noise(3000);
    assert_eq!(exchange(server.connect(V4), &message), message);
    assert!(server.closed().reason == Reason::EndOfStream);
}

#[test]
fn bytes_that_a_fault_holds_back_are_not_cut_at_the_byte_limit() {
    let limit = 3000;
    // The grace is over long before the last byte is due.
    let grace = Duration::from_millis(50);
    for (fault, reason) in [("rate=1500", Reason::ByteLimit), ("reset@1000", Reason::Fault)] {
        let server = TestServer::on("[::1]:0", |server| {
            server.max_bytes(limit).grace(grace).fault(fault.parse().unwrap())
        });
        let mut client = server.connect(V6);
        client.write_all(&noise(limit as usize)).unwrap();
        let (echo, _) = read_to_end(client);
        assert_eq!(echo, noise(limit as usize)[..echo.len()], "{fault}");
        assert_eq!(echo.len() as u64 == limit, reason == Reason::ByteLimit, "{fault}");
        assert_eq!(server.closed().reason, reason, "{fault}");
    }
}

#[test]
fn faults_are_announced_with_their_seed() {
    let server = faulty(&["10%flip@1000", "2*close"]);
    let Event::Listening(listening) = server.event() else { panic!("the first") };
    let (faults, fault_seed) = (listening.faults, listening.fault_seed);
    let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
    assert_eq!(
        (&faults[..], fault_seed),
        (&["10%flip@1000".into(), "2*close".into()][..], Some(7))
    );
    let random = || {
        let server = TestServer::on("[::]:0", |server| server.fault("close".parse().unwrap()));
        let Event::Listening(listening) = server.event() else { panic!("the first") };
        listening.fault_seed.unwrap()
    };
    assert_ne!((random(), random()), (random(), random()));
}
