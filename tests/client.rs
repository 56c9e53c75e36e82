//! How the library's client connects (RFC 8305), and what it tells.

mod common;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::time::{Duration, Instant};

use common::liar::{
    Closed, Hanging, Liar, answers_from, answers_late, closes_at_the_half_close, honest,
};
use common::{PATIENCE, TestServer, V4, V6};
use echo6::client::Report;
use echo6::client::{Attempt, Findings, HalfClose, Hold, Loss, Ping, PingEvent, SendError};
use echo6::{Client, Server};
use futures::StreamExt;
use futures::executor::block_on;
use futures::future::pending;

fn outcomes(attempts: &[Attempt]) -> Vec<(SocketAddr, String)> {
    let words = |attempt: &Attempt| (attempt.address, attempt.outcome.to_string());
    attempts.iter().map(words).collect()
}

fn row(address: SocketAddr, outcome: &str) -> (SocketAddr, String) {
    (address, outcome.to_owned())
}

#[test]
fn an_address_that_refuses_passes_the_turn_at_once() {
    let (closed, server) = (Closed::reserve(V6).address, Liar::start(V4, honest).address);
    let head_start = Duration::from_secs(2);
    let client = Client::new().head_start(head_start);
    let connection = block_on(client.connect(&[closed, server])).unwrap();
    assert!(connection.duration < head_start, "{:?}, though it failed", connection.duration);
    assert_eq!(connection.peer, server);
    let expected = [row(closed, "connection refused"), row(server, "connected")];
    assert_eq!(outcomes(&connection.attempts), expected);
}

#[test]
fn an_address_that_hangs_loses_after_its_head_start() {
    for (ip, other) in [(V6, V4), (V4, V6)] {
        let hanging = Hanging::start(ip);
        let (server, unused) = (Liar::start(other, honest), Liar::start(ip, honest));
        let head_start = Duration::from_millis(50);
        let client = Client::new().head_start(head_start);
        let addresses = [hanging.address, unused.address, server.address];
        let connection = block_on(client.connect(&addresses)).unwrap();
        assert!(connection.duration >= head_start, "{:?}", connection.duration);
        // The families take turns, so the third address is the second to be tried.
        let expected = [
            row(hanging.address, "dropped, had not answered yet"),
            row(server.address, "connected"),
            row(unused.address, "not tried"),
        ];
        assert_eq!(outcomes(&connection.attempts), expected);
    }
}

#[test]
fn the_connect_timeout_bounds_each_attempt() {
    let hanging = [Hanging::start(V6), Hanging::start(V4)];
    let addresses = hanging.each_ref().map(|hanging| hanging.address);
    let client = Client::new()
        .connect_timeout(Duration::from_millis(200))
        .head_start(Duration::from_millis(100));
    let start = Instant::now();
    let error = block_on(client.connect(&addresses)).unwrap_err();
    let took = start.elapsed();
    assert!(took >= Duration::from_millis(300) && took < Duration::from_secs(5), "{took:?}");
    let [a, b] = addresses;
    let expected = format!("cannot connect to {a} (timed out), {b} (timed out)");
    assert_eq!(error.to_string(), expected);
}

#[test]
fn a_head_start_is_from_10_ms_to_2_s() {
    let (hanging, server) = (Hanging::start(V6), Liar::start(V4, honest));
    let client = Client::new().head_start(Duration::ZERO);
    let connection = block_on(client.connect(&[hanging.address, server.address])).unwrap();
    assert!(connection.duration >= Duration::from_millis(10), "{:?}", connection.duration);
}

#[cfg(target_os = "linux")] // the whole of 127.0.0.0/8 is local there without being asked
#[test]
fn the_local_end_is_the_source_address() {
    let server = TestServer::start();
    let source = "127.0.0.9".parse().unwrap();
    let peer = SocketAddr::new(V4, server.address.port());
    let reply = block_on(Client::new().source(source).send(&[peer], b"hello")).unwrap();
    assert_eq!((reply.local.ip(), server.connected().peer), (source, reply.local));
}

#[test]
fn a_source_of_the_other_family_is_said() {
    let server = TestServer::start();
    let peer = SocketAddr::new(V4, server.address.port());
    let error = block_on(Client::new().source(V6).connect(&[peer])).unwrap_err();
    assert_eq!(
        error.attempts()[0].outcome.to_string(),
        "the source address is of the other family"
    );
}

#[test]
fn a_target_is_a_text_too_and_its_errors_are_told_at_the_connect() {
    let server = TestServer::start();
    let port = server.address.port();
    let send = |target: &str| block_on(Client::new().send(target, b"hello"));
    for target in [format!("localhost:{port}"), format!("[::1]:{port}")] {
        assert_eq!(send(&target).unwrap().bytes, b"hello", "{target}");
    }
    for (target, cause, said) in [
        ("::1:7", "usage", "invalid address \"::1:7\": IPv6 address without brackets at byte 1"),
        (":7", "usage", "no host in :7"),
        ("nosuch.invalid:7", "resolve", "cannot resolve nosuch.invalid"),
    ] {
        let error = send(target).unwrap_err();
        assert_eq!((error.cause().code(), &error.to_string()[..]), (cause, said));
        assert!(error.help().is_some(), "{error}");
    }
}

#[test]
fn no_address_at_all_is_an_error() {
    let error = block_on(Client::new().connect(&[])).unwrap_err();
    assert_eq!(error.to_string(), "no address to connect to");
}

#[test]
fn without_a_half_close_a_server_that_cuts_gives_everything() {
    let server = Liar::start(V6, closes_at_the_half_close);
    let send = |client: Client| block_on(client.send(&[server.address], b"hello"));
    assert!(matches!(send(Client::new()), Err(SendError::Short { returned: 0, .. })));
    assert_eq!(send(Client::new().half_close(false)).unwrap().bytes, b"hello");
}

/// Pings until `enough` says so, or it is over.
fn ping_until(ping: Ping, peer: SocketAddr, mut enough: impl FnMut(&PingEvent) -> bool) -> Report {
    let mut report = Report::default();
    let running = async {
        let mut probes = ping.start(peer).await.unwrap();
        while let Some(event) = probes.next().await {
            report.note(&event);
            if enough(&event) {
                break;
            }
        }
    };
    block_on(async_std::future::timeout(PATIENCE, running)).expect("not in time");
    report
}

/// Pings to the end.
fn ping(ping: Ping, peer: SocketAddr) -> Report {
    ping_until(ping, peer, |_| false)
}

fn every(interval: Duration) -> Ping {
    Client::new().ping().interval(interval)
}

#[test]
fn a_late_reply_is_late_and_not_the_reply_of_the_next_probe() {
    let liar = Liar::start(V4, answers_late);
    let client = Client::new().timeout(Duration::from_secs(1));
    let mut seen = Vec::new();
    let report = ping_until(client.ping().interval(Duration::ZERO), liar.address, |event| {
        match event {
            PingEvent::Late { sequence, .. } => seen.push((*sequence, "late")),
            PingEvent::Reply { sequence, .. } => seen.push((*sequence, "reply")),
            PingEvent::Lost { sequence, loss: Loss::Timeout, .. } => seen.push((*sequence, "lost")),
            _ => {}
        }
        seen.len() >= 4
    });
    assert_eq!(seen[..4], [(1, "lost"), (1, "late"), (2, "reply"), (3, "reply")]);
    assert_eq!((report.late, report.lost), (1, 0));
}

#[test]
fn a_lost_connection_is_made_again_and_pings_own_waits_are_no_loss() {
    let liar = TestServer::on("[::1]:0", |server| server.fault("close@64".parse().unwrap()));
    let mut connections = 0;
    let report = ping_until(every(Duration::from_millis(5)), liar.address, |event| {
        connections += u64::from(matches!(event, PingEvent::Connected { .. }));
        connections == 3
    });
    // What fell due between two attempts, which was 20 ms each time, is no loss of the server's.
    assert!(report.received >= 1 && report.skipped >= 4, "{report:?}");
}

#[test]
fn a_server_that_accepts_and_closes_is_tried_ever_less_often() {
    let liar = TestServer::on("127.0.0.1:0", |server| server.fault("close".parse().unwrap()));
    let hour = Duration::from_secs(3600);
    let start = Instant::now();
    let mut connections = 0;
    ping_until(every(hour), liar.address, |event| {
        connections += u32::from(matches!(event, PingEvent::Connected { .. }));
        connections == 7
    });
    let waits: u64 = (0..6).map(|doublings| 20 << doublings).sum();
    assert!(start.elapsed() >= Duration::from_millis(waits), "{:?}", start.elapsed());
}

#[test]
fn probes_that_fall_due_faster_than_they_can_be_told_hold_up_neither_connect_nor_stop() {
    let liar = TestServer::on("[::1]:0", |server| server.fault("close@64".parse().unwrap()));
    let mut connections = 0;
    ping_until(every(Duration::from_nanos(1)), liar.address, |event| {
        connections += u32::from(matches!(event, PingEvent::Connected { .. }));
        connections == 3
    });
}

#[test]
fn a_server_that_hangs_up_is_noticed_before_the_next_probe_is_due() {
    let liar = Liar::start(V4, common::liar::hangs_up_on_the_silent);
    let hour = Duration::from_secs(3600);
    let report = ping_until(every(hour), liar.address, |event| {
        matches!(event, PingEvent::Disconnected { .. })
    });
    assert_eq!((report.sent, report.received, report.lost), (1, 1, 0));
}

#[test]
fn back_to_back_probes_come_to_an_end_when_the_server_is_gone_for_good() {
    let listener = TcpListener::bind((V6, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        drop(listener);
        let mut probe = [0; 64];
        stream.read_exact(&mut probe).unwrap();
        stream.write_all(&probe).unwrap();
    });
    let report = ping(every(Duration::ZERO).count(3), address);
    assert_eq!((report.sent, report.received, report.lost), (3, 1, 2));
}

#[test]
fn at_a_set_rate_time_runs_from_when_a_probe_was_due() {
    // One reply is held back until the next probe comes, so the first takes an interval at least.
    let liar = Liar::start(V4, answers_late);
    let interval = Duration::from_millis(500);
    let report = ping_until(every(interval), liar.address, |event| {
        matches!(event, PingEvent::Reply { sequence: 3, .. })
    });
    assert_eq!((report.received, report.lost), (3, 0));
    assert!(report.rtt.max() >= interval, "{:?}", report.rtt.max());
    assert!(report.rtt.min() < interval, "{:?}", report.rtt.min());
}

#[test]
fn a_probe_that_the_server_holds_up_is_timed_from_when_it_was_due() {
    // As large as this, no more than two may be under way, and those come back at once, late.
    let size = 1 << 20;
    let liar = Liar::start(V6, |stream| answers_from(2 << 20, Duration::from_secs(1), stream));
    let mut times = Vec::new();
    ping_until(every(Duration::from_millis(50)).count(3).size(size), liar.address, |event| {
        match event {
            PingEvent::Reply { rtt, .. } => times.push(*rtt),
            PingEvent::Lost { .. } => panic!("{event:?}"),
            _ => {}
        }
        false
    });
    assert!(times.len() == 3 && times[2] > Duration::from_millis(700), "{times:?}");
}

#[test]
fn a_client_that_is_late_itself_does_not_charge_the_server_for_it() {
    let server = TestServer::start();
    let peer = SocketAddr::new(V4, server.address.port());
    let report = ping_until(every(Duration::from_millis(200)).count(4), peer, |event| {
        if matches!(event, PingEvent::Reply { sequence: 1, .. }) {
            std::thread::sleep(Duration::from_secs(3)); // the others fall due, and nobody sends them
        }
        false
    });
    assert_eq!((report.received, report.lost), (4, 0));
    assert!(report.rtt.max() < Duration::from_secs(2), "{:?}", report.rtt.max());
}

#[test]
fn a_ping_at_full_speed_leaves_the_rest_of_its_task_its_turn() {
    let server = TestServer::start();
    let peer = SocketAddr::new(V4, server.address.port());
    for ping in [every(Duration::ZERO), every(Duration::ZERO).reconnect(true)] {
        let mut replies = 0;
        let mut enough = false;
        block_on(async {
            let mut probes = ping.start(peer).await.unwrap();
            let mut others_turns = 0;
            let pinging = async {
                while let Some(event) = probes.next().await {
                    replies += u32::from(matches!(event, PingEvent::Reply { .. }));
                }
            };
            // Polled whenever the ping is, unless the ping never lets go.
            let other = std::future::poll_fn(|cx| {
                others_turns += 1;
                enough = others_turns > 100;
                if enough {
                    return std::task::Poll::Ready(());
                }
                cx.waker().wake_by_ref();
                std::task::Poll::Pending
            });
            futures::future::select(std::pin::pin!(pinging), other).await;
        });
        assert!(enough, "{replies}");
    }
}

#[test]
fn each_probe_can_have_a_connection_of_its_own() {
    let server = TestServer::start();
    let peer = SocketAddr::new(V6, server.address.port());
    let report = ping(every(Duration::ZERO).count(20).reconnect(true), peer);
    assert_eq!((report.sent, report.received), (20, 20));
    assert_eq!((report.rtt.count(), report.connect.count()), (20, 20));
    for _ in 0..20 {
        server.closed();
    }
}

#[test]
fn connections_that_are_silent_for_several_times_bracket_the_idle_timeout() {
    let [brief, survived, ends, never] = [10, 40, 6000, 60_000].map(Duration::from_millis);
    for ip in [V4, V6] {
        let server = Server::bind(&SocketAddr::new(ip, 0).to_string()).unwrap();
        let server = server.idle_timeout(Duration::from_secs(2)).start();
        let check = Client::new().check().hold_each(&[never, brief, survived, ends]);
        let checked = block_on(check.run(server.address(), pending()));
        let idle = checked.idle.unwrap();
        assert_eq!((idle.alive, idle.hold), (Some(survived), Hold::Closed), "{checked:?}");
        assert!(idle.ended.is_some_and(|ended| ended > survived && ended < ends), "{checked:?}");
        assert!(checked.finished && !checked.is_well(), "{checked:?}");
        let said = Findings::from(vec![checked]).to_string();
        assert!(said.contains("a silent connection lives for 40 ms and is closed after"), "{said}");
    }
}

#[test]
fn a_check_finds_everything_well_over_both_families() {
    let server = TestServer::start();
    for ip in [V4, V6] {
        let check = Client::new().check().hold(Duration::from_millis(50));
        let checked = block_on(check.run(SocketAddr::new(ip, server.address.port()), pending()));
        assert!(checked.is_well(), "{checked:?}");
        assert_eq!((checked.half_close, checked.hold), (Some(HalfClose::Kept), Some(Hold::Alive)));
        assert!(checked.mib_per_second().is_some_and(|rate| rate > 0.0));
    }
}
