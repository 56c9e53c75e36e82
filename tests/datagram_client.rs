//! What a client makes of datagrams that are lost, late, doubled, out of order or changed.

mod common;

use std::collections::HashMap;
use std::future::pending;
use std::net::{IpAddr, UdpSocket};
use std::num::NonZeroU16;
use std::time::{Duration, Instant};

use common::forwarder::Forwarder;
use common::liar::closed_to_datagrams;
use common::{PATIENCE, V4, V6};
use echo6::Client;
use echo6::client::{
    DatagramDiagnosis, DatagramEvent, DatagramLoss, DatagramPing, DatagramReport, Hold,
};
use futures::StreamExt;
use futures::executor::block_on;

const MILLI: Duration = Duration::from_millis(1);

/// 200 probes of 64 bytes, 10 ms apart, lost after a second, which no busy machine takes: the last is
/// sent when the first is long known to be lost.
fn ping() -> DatagramPing {
    Client::new().timeout(1000 * MILLI).datagram_ping().count(200).interval(10 * MILLI)
}

/// Echoes, unless a flow has been silent for longer than `memory`. Ends when nothing comes any more.
fn forget_the_silent(socket: &UdpSocket, memory: Duration) {
    let mut seen = HashMap::new();
    let mut buffer = vec![0; 1 << 16];
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    while let Ok((length, peer)) = socket.recv_from(&mut buffer) {
        if &buffer[..length] == STOP {
            return;
        }
        let last = seen.entry(peer).or_insert_with(Instant::now);
        if last.elapsed() < memory {
            *last = Instant::now();
            socket.send_to(&buffer[..length], peer).unwrap();
        }
    }
}

const STOP: &[u8] = b"stop";

#[test]
fn flows_that_are_silent_for_several_times_bracket_the_idle_timeout() {
    let [brief, survived, ends, never] = [10, 40, 3000, 60_000].map(|millis| millis * MILLI);
    for ip in [V4, V6] {
        let socket = UdpSocket::bind((ip, 0)).unwrap();
        let peer = socket.local_addr().unwrap();
        let checked = std::thread::scope(|scope| {
            scope.spawn(|| forget_the_silent(&socket, 1500 * MILLI));
            let check = Client::new().datagram_check().hold_each(&[never, ends, brief, survived]);
            let checked = block_on(check.run(peer, pending()));
            socket.send_to(STOP, peer).unwrap();
            checked
        });
        let idle = checked.idle.unwrap();
        let bracket = (idle.alive, idle.ended, idle.hold);
        assert_eq!(bracket, (Some(survived), Some(ends), Hold::Dead), "{checked:?}");
        assert_eq!(checked.diagnosis(), DatagramDiagnosis::Idle, "{checked:?}");
        let said = "a silent flow lives for 40 ms and is dead after 3 s: idle timeout between them";
        assert_eq!(checked.to_string(), said);
        assert_eq!(checked.empty, Some(true));
    }
}

/// What happens to the probes of a ping, and what it comes to.
fn run(ping: DatagramPing, peer: std::net::SocketAddr) -> (Vec<DatagramEvent>, DatagramReport) {
    let run = async {
        let mut report = DatagramReport::default();
        let mut probes = ping.start(peer).await.unwrap();
        let mut events = Vec::new();
        while let Some(event) = probes.next().await {
            report.note(&event);
            events.push(event);
        }
        (events, report)
    };
    block_on(async { async_std::future::timeout(PATIENCE, run).await.expect("an end in time") })
}

/// The counts that faults are about: lost, late, duplicates, reordered, corrupt, truncated, foreign.
fn counts(report: &DatagramReport) -> [u64; 7] {
    let DatagramReport { lost, late, duplicates, reordered, corrupt, .. } = *report;
    [lost, late, duplicates, reordered, corrupt, report.truncated, report.foreign]
}

#[test]
fn each_fault_is_told_apart() {
    let rows = [
        ("", [0, 0, 0, 0, 0, 0, 0]),
        ("3*drop", [3, 0, 0, 0, 0, 0, 0]),
        ("2*twice", [0, 0, 2, 0, 0, 0, 0]),
        ("1*delay=1500ms", [0, 1, 0, 1, 0, 0, 0]),
        ("1*reorder", [0, 0, 0, 1, 0, 0, 0]),
        ("4*flip@20", [0, 0, 0, 0, 4, 0, 0]),
        ("1*flip@7", [0, 0, 0, 0, 1, 0, 0]),
        ("2*cut@30", [0, 0, 0, 0, 0, 2, 0]),
        ("5*wrong-source", [0, 0, 0, 0, 0, 0, 5]),
    ];
    // All at the same time, because each takes two seconds.
    std::thread::scope(|scope| {
        for (faults, expected) in rows {
            for ip in [V4, V6] {
                scope.spawn(move || told_apart(ip, faults, expected));
            }
        }
    });
}

fn told_apart(ip: IpAddr, faults: &str, expected: [u64; 7]) {
    let peer = Forwarder::start(ip, faults);
    let (_, report) = run(ping(), peer.address);
    assert_eq!(counts(&report), expected, "{faults} over {ip}");
    let odd = expected.iter().sum::<u64>() - report.duplicates - report.reordered;
    assert_eq!((report.sent, report.received), (200, 200 - odd), "{faults} over {ip}");
    assert_eq!(report.unanswered(), 0, "{faults} over {ip}");
    assert_eq!(report.is_well(), expected[..3] == [0; 3] && expected[4..] == [0; 3]);
}

#[test]
fn losses_are_told_with_their_runs_and_changes_with_their_offset() {
    let peer = Forwarder::start(V6, "3*drop");
    let (_, report) = run(ping(), peer.address);
    assert_eq!((report.loss_runs(), report.longest_loss(), report.silent), (1, 3, 3));

    let peer = Forwarder::start(V6, "1*flip@20");
    let (events, _) = run(ping(), peer.address);
    assert!(events.iter().any(|event| matches!(
        event,
        DatagramEvent::Corrupt { sequence: Some(1), offset: 20, returned_bytes: 64, .. }
    )));

    let peer = Forwarder::start(V4, "1*flip@2");
    let (events, _) = run(ping(), peer.address);
    assert!(
        events
            .iter()
            .any(|event| matches!(event, DatagramEvent::Corrupt { sequence: None, offset: 2, .. }))
    );

    let peer = Forwarder::start(V4, "1*cut@30");
    let (events, _) = run(ping(), peer.address);
    assert!(events.iter().any(|event| matches!(
        event,
        DatagramEvent::Truncated { sequence: 1, sent_bytes: 64, returned_bytes: 30, .. }
    )));
}

#[test]
fn a_reply_in_time_is_not_late_because_a_copy_of_it_came_from_elsewhere() {
    for ip in [V4, V6] {
        let [socket, other] = [0; 2].map(|port| UdpSocket::bind((ip, port)).unwrap());
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        let peer = socket.local_addr().unwrap();
        let (_, report) = std::thread::scope(|scope| {
            scope.spawn(|| {
                let mut buffer = [0; 64];
                // Not of the last: nothing is waited for after the first reply to that.
                for has_copy in [true, true, false] {
                    let (length, client) = socket.recv_from(&mut buffer).unwrap();
                    for from in [&other, &socket].iter().skip(usize::from(!has_copy)) {
                        from.send_to(&buffer[..length], client).unwrap();
                    }
                }
            });
            run(ping().count(3), peer)
        });
        assert_eq!((report.received, counts(&report)), (3, [0, 0, 0, 0, 0, 0, 2]), "{ip}");
        assert_eq!((report.unanswered(), report.loss_runs(), report.is_well()), (0, 0, false));
    }
}

#[test]
fn a_reply_from_another_address_is_foreign_and_says_from_which() {
    let peer = Forwarder::start(V4, "wrong-source");
    let (_, report) = run(ping().count(10), peer.address);
    assert_eq!((report.foreign, report.received, report.lost), (10, 0, 0));
    let from = report.foreign_from.unwrap();
    assert!(from.ip() == peer.address.ip() && from.port() != peer.address.port());
}

#[test]
fn a_refusal_is_told_at_once_and_by_whom() {
    for ip in [V4, V6] {
        let nobody = closed_to_datagrams(ip);
        let slow = Client::new().timeout(PATIENCE).datagram_ping().count(3).interval(MILLI);
        let (events, report) = run(slow, nobody.local_addr().unwrap());
        assert_eq!((report.sent, report.lost, report.silent), (3, 3, 0), "{events:?}");
        if cfg!(target_os = "linux") {
            for event in &events[1..] {
                assert!(
                    matches!(
                        event,
                        DatagramEvent::Sent { .. }
                            | DatagramEvent::Lost {
                                loss: DatagramLoss::Refused,
                                by: Some(IpAddr::V4(_) | IpAddr::V6(_)),
                                ..
                            }
                    ),
                    "{event:?}"
                );
            }
        }
    }
}

#[test]
fn each_flow_has_its_own_port_and_counts() {
    let peer = Forwarder::start(V6, "");
    let four = NonZeroU16::new(4).unwrap();
    let (_, report) = run(ping().flows(four).count(42), peer.address);
    let sent: Vec<u64> = report.flows.values().map(|flow| flow.sent).collect();
    assert_eq!((sent.len(), sent.iter().sum::<u64>(), report.received), (4, 42, 42));
    assert!(sent.iter().all(|&sent| sent == 10 || sent == 11));

    let (_, report) = run(ping().reconnect(true).count(30), peer.address);
    assert_eq!((report.flows.len(), report.received), (30, 30));
}

#[test]
fn back_to_back_every_probe_is_sent_and_counted() {
    let peer = Forwarder::start(V4, "");
    let (_, report) = run(ping().interval(Duration::ZERO).count(2000), peer.address);
    assert_eq!((report.sent, report.received), (2000, 2000));
    assert!(report.ipdv.count() == 1999 && report.rtt.min() > Duration::ZERO);
}
