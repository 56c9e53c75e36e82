//! Load of datagrams, on honest servers and on such as lose, double, change and mislay them: what is
//! counted, to the datagram.

mod common;

use std::net::{SocketAddr, UdpSocket};
use std::num::NonZeroUsize;
use std::time::Duration;

use common::forwarder::Forwarder;
use common::{PATIENCE, V4, V6};
use echo6::Client;
use echo6::client::{Bench, BenchEvent, BenchReport, BenchResult, Bound, Loop};
use echo6::error::CauseKind;
use futures::StreamExt;
use futures::executor::block_on;

const MILLI: Duration = Duration::from_millis(1);

fn load(bench: Bench, addresses: &[SocketAddr]) -> (Vec<BenchReport>, BenchResult) {
    let (mut reports, mut result) = (Vec::new(), None);
    block_on(bench.run(addresses, std::future::pending()).for_each(|event| {
        match event {
            BenchEvent::Summary(report) => reports.push(*report),
            BenchEvent::Result(ended) => result = Some(ended),
            _ => {}
        }
        async {}
    }));
    (reports, result.expect("a result at the end"))
}

/// A load from four ports that counts from its first datagram on.
fn bench(timeout: Duration) -> Bench {
    let client = Client::new().timeout(timeout);
    client.bench().datagrams(true).warm_up(Duration::ZERO).connections(some(4))
}

fn some(number: usize) -> NonZeroUsize {
    NonZeroUsize::new(number).unwrap()
}

#[test]
fn each_datagram_is_counted_once_whatever_its_size_and_however_it_is_sent() {
    type Shape = fn(Bench) -> Bench;
    let shapes: [(&str, u64, usize, Shape); 7] = [
        ("closed", 1_000, 64, |bench| bench),
        ("a number alone", 500, 8, |bench| bench),
        ("in flight", 1_000, 64, |bench| bench.in_flight(some(8))),
        // More would find no room at the server.
        ("large", 40, 60_000, |bench| bench.connections(some(2))),
        ("open", 400, 64, |bench| bench.rate(4_000.0)),
        ("fewer than flows", 3, 64, |bench| bench),
        ("for connections", 10, 64, |bench| bench.reconnect(true).burst()),
    ];
    for ip in [V4, V6] {
        let server = Forwarder::start(ip, "");
        for (name, count, size, shape) in shapes {
            let (reports, result) =
                load(shape(bench(PATIENCE)).count(count).size(size), &[server.address]);
            let report = &reports[0];
            assert_eq!((report.sent, report.echoes), (count, count), "{name}: {report:?}");
            assert_eq!(report.faults.total(), 0, "{name}: {report:?}");
            let bytes = count * size as u64;
            assert_eq!((report.sent_bytes, report.returned_bytes), (bytes, bytes), "{name}");
            assert_eq!((report.rtt.count(), report.connect.count()), (count, 0), "{name}");
            assert!(report.rate.is_finite() && report.rate > 0.0, "{name}");
            assert!(!result.interrupted && result.error.is_none(), "{name}");
            assert_eq!(report.datagrams.clone().map(|counts| counts.dropped_here), Some(0));
        }
    }
}

#[test]
fn each_fault_is_counted_by_its_cause() {
    for (faults, expected) in [
        ("3*drop", &[(CauseKind::Timeout, 3)][..]),
        ("2*twice", &[(CauseKind::Duplicate, 2)]),
        ("twice", &[(CauseKind::Duplicate, 200)]),
        ("4*flip@20", &[(CauseKind::Mismatch, 4)]),
        ("4*flip@2", &[(CauseKind::Mismatch, 4)]),
        ("2*cut@30", &[(CauseKind::Truncated, 2)]),
        ("2*cut@3", &[(CauseKind::Truncated, 2)]),
        ("5*wrong-source", &[(CauseKind::Foreign, 5)]),
        ("1*drop 3*twice", &[(CauseKind::Duplicate, 3), (CauseKind::Timeout, 1)]),
    ] {
        for (ip, rate) in [(V4, None), (V6, None), (V4, Some(1_000.0))] {
            let server = Forwarder::start(ip, faults);
            let bench = bench(1_000 * MILLI).count(200).in_flight(some(2));
            let bench = match rate {
                Some(rate) => bench.rate(rate),
                None => bench,
            };
            let (reports, _) = load(bench, &[server.address]);
            let report = &reports[0];
            let mut counted: Vec<_> = report.faults.iter().collect();
            counted.sort_by_key(|(kind, _)| kind.code());
            assert_eq!(counted, expected, "{faults} over {ip}: {report:?}");
            let copies = report.faults.of(CauseKind::Duplicate);
            assert_eq!(report.sent, 200, "{faults} over {ip}");
            assert_eq!(report.echoes, 200 + copies - report.faults.total(), "{faults} over {ip}");
            let counts = report.datagrams.as_ref().unwrap();
            assert_eq!((counts.late, counts.dropped_here), (0, 0), "{faults} over {ip}");
            let foreign = report.faults.of(CauseKind::Foreign) > 0;
            assert_eq!(counts.foreign_from.map(|from| from.ip()), foreign.then_some(ip));
            let differs = report.faults.of(CauseKind::Mismatch) > 0;
            assert_eq!(report.first_difference.is_some(), differs, "{faults}: {report:?}");
        }
    }
}

#[test]
fn what_comes_late_or_out_of_order_is_told_from_what_is_lost() {
    for ip in [V4, V6] {
        // The run takes two seconds.
        let server = Forwarder::start(ip, "1*delay=1600ms");
        let (reports, _) = load(bench(1_000 * MILLI).count(200).rate(100.0), &[server.address]);
        let counts = reports[0].datagrams.as_ref().unwrap();
        assert_eq!((reports[0].faults.of(CauseKind::Timeout), counts.late), (1, 1), "{counts:?}");
        assert_eq!((reports[0].echoes, counts.reordered), (199, 1));

        let server = Forwarder::start(ip, "3*reorder");
        let bench = bench(PATIENCE).connections(some(1)).in_flight(some(16)).count(200);
        let (reports, _) = load(bench, &[server.address]);
        let counts = reports[0].datagrams.as_ref().unwrap();
        assert_eq!((reports[0].echoes, reports[0].faults.total()), (200, 0));
        assert!((1..=3).contains(&counts.reordered), "{counts:?}");
        assert!((1..=16).contains(&counts.max_reordering), "{counts:?}");
    }
}

#[test]
fn a_reply_later_than_the_timeout_is_a_fault_however_early_it_is_seen() {
    let server = Forwarder::start(V4, "delay=14ms");
    for rate in [None, Some(20.0)] {
        let bench = bench(10 * MILLI).connections(some(1)).count(10);
        let bench = match rate {
            Some(rate) => bench.rate(rate),
            None => bench,
        };
        let (reports, _) = load(bench, &[server.address]);
        let report = &reports[0];
        let faults: Vec<_> = report.faults.iter().collect();
        assert_eq!(
            (report.echoes, &faults[..]),
            (0, &[(CauseKind::Timeout, 10)][..]),
            "{report:?}"
        );
        assert_eq!(report.datagrams.as_ref().unwrap().late, 10, "{report:?}");
    }
}

/// Its second answer is none of any message, and does not spoil the next, which it comes before.
#[test]
fn a_wrong_copy_is_a_fault_and_each_echo_counts_all_the_same() {
    for turned in [false, true] {
        let socket = UdpSocket::bind((V4, 0)).unwrap();
        let address = socket.local_addr().unwrap();
        std::thread::spawn(move || {
            let mut buffer = [0; 64];
            while let Ok((length, peer)) = socket.recv_from(&mut buffer) {
                // Without its number behind the echo, or with it in front of the echo.
                let reply = &buffer[..length];
                let reversed: Vec<u8> = reply.iter().rev().copied().collect();
                let mut flipped = reply.to_vec();
                flipped[length - 1] ^= 1;
                let replies = if turned { [&flipped, reply] } else { [reply, &reversed] };
                for reply in replies {
                    let _ = socket.send_to(reply, peer);
                }
            }
        });
        for in_flight in [1, 3] {
            let bench = bench(PATIENCE).connections(some(1)).in_flight(some(in_flight)).count(40);
            let (reports, _) = load(bench, &[address]);
            let report = &reports[0];
            assert_eq!(
                (report.sent, report.echoes, report.rtt.count()),
                (40, 40, 40),
                "{report:?}"
            );
            assert_eq!(report.faults.iter().collect::<Vec<_>>(), [(CauseKind::Mismatch, 40)]);
        }
    }
}

#[test]
fn the_difference_of_a_datagram_is_shown_with_its_place() {
    let server = Forwarder::start(V6, "1*flip@20");
    let (reports, _) = load(bench(PATIENCE).count(20), &[server.address]);
    let first = reports[0].first_difference.unwrap();
    assert_eq!((first.connection < 4, first.offset), (true, 20));
    assert_eq!((first.expected.unwrap() ^ first.got.unwrap()).count_ones(), 1);
}

#[test]
fn above_the_capacity_an_open_loop_shows_the_queue() {
    let socket = UdpSocket::bind((V4, 0)).unwrap();
    let address = socket.local_addr().unwrap();
    std::thread::spawn(move || {
        let mut buffer = [0; 64];
        while let Ok((length, peer)) = socket.recv_from(&mut buffer) {
            std::thread::sleep(MILLI);
            let _ = socket.send_to(&buffer[..length], peer);
        }
    });
    // Datagram k is due after k/4 ms, and done after k ms at the earliest.
    let (reports, _) = load(bench(PATIENCE).count(200).rate(4_000.0), &[address]);
    let report = &reports[0];
    assert_eq!((report.echoes, report.load), (200, Loop::Open), "{report:?}");
    assert!(report.bound_by != Bound::Rate && report.rtt.quantile(0.5) >= 74 * MILLI);
}

/// Elsewhere, nobody tells a socket that is not connected.
#[cfg(target_os = "linux")]
#[test]
fn a_refusal_is_heard_and_does_not_hold_up_the_other_address() {
    let server = Forwarder::start(V4, "");
    for ip in [V4, V6] {
        let closed = common::liar::closed_to_datagrams(ip);
        let addresses = [closed.local_addr().unwrap(), server.address];
        let (reports, _) = load(bench(PATIENCE).count(12), &addresses);
        assert_eq!(reports[0].faults.iter().collect::<Vec<_>>(), [(CauseKind::Refused, 12)]);
        assert_eq!((reports[0].echoes, reports[1].echoes), (0, 12));
        assert_eq!(reports[1].faults.total(), 0);
    }
}
