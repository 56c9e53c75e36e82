//! Load on honest servers and on such as lie under it: what is counted, to the message and the byte.

mod common;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use common::liar::Closed;
use common::{PATIENCE, TestServer, V4, V6};
use echo6::Client;
use echo6::client::{
    Bench, BenchEvent, BenchFailure, BenchReport, BenchResult, Bound, Loop, SendError, Slice,
};
use echo6::error::CauseKind;
use futures::StreamExt;
use futures::executor::block_on;

/// All that a load came to.
struct Ran {
    reports: Vec<BenchReport>,
    slices: Vec<Slice>,
    result: BenchResult,
}

fn load(bench: Bench, addresses: &[SocketAddr]) -> Ran {
    load_until(bench, addresses, std::future::pending())
}

fn load_until(bench: Bench, addresses: &[SocketAddr], stop: impl Future<Output = ()>) -> Ran {
    let (mut reports, mut slices, mut result) = (Vec::new(), Vec::new(), None);
    block_on(bench.run(addresses, stop).for_each(|event| {
        match event {
            BenchEvent::Summary(report) => reports.push(*report),
            BenchEvent::Slice(slice) => slices.push(slice),
            BenchEvent::Result(ended) => result = Some(ended),
            _ => {}
        }
        async {}
    }));
    Ran { reports, slices, result: result.expect("a result at the end") }
}

/// A load that counts from its first message on.
fn bench() -> Bench {
    let client = Client::new().timeout(PATIENCE).connect_timeout(PATIENCE);
    client.bench().warm_up(Duration::ZERO).connections(some(4))
}

fn some(number: usize) -> NonZeroUsize {
    NonZeroUsize::new(number).unwrap()
}

/// Serves each connection on a thread of its own; `serve` gets the number of the connection.
fn server(serve: impl Fn(usize, TcpStream) + Send + Sync + 'static) -> SocketAddr {
    let listener = TcpListener::bind((V4, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        let serve = Arc::new(serve);
        for (number, stream) in listener.incoming().enumerate() {
            let serve = Arc::clone(&serve);
            let stream = stream.unwrap();
            stream.set_nodelay(true).unwrap();
            thread::spawn(move || serve(number, stream));
        }
    });
    address
}

/// Echoes what `change` makes of each piece, until either end is gone.
fn echo(mut stream: TcpStream, mut change: impl FnMut(&mut [u8])) {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let Ok(length @ 1..) = stream.read(&mut buffer) else { return };
        change(&mut buffer[..length]);
        if stream.write_all(&buffer[..length]).is_err() {
            return;
        }
    }
}

#[test]
fn each_message_is_counted_once_whatever_its_size_and_however_it_is_sent() {
    let server = TestServer::start();
    let address = |ip| SocketAddr::new(ip, server.address.port());
    type Shape = fn(Bench) -> Bench;
    let shapes: [(&str, u64, usize, Shape); 8] = [
        ("closed", 1_000, 64, |bench| bench),
        ("one byte", 500, 1, |bench| bench),
        ("in flight", 1_000, 64, |bench| bench.in_flight(some(8))),
        ("large", 40, 300_000, |bench| bench.in_flight(some(2))),
        ("open", 400, 64, |bench| bench.rate(4_000.0)),
        ("reconnect", 100, 64, |bench| bench.reconnect(true)),
        ("open, reconnect", 100, 64, |bench| bench.reconnect(true).rate(1_000.0)),
        ("fewer than connections", 3, 64, |bench| bench),
    ];
    for (name, count, size, shape) in shapes {
        for ip in [V4, V6] {
            let Ran { reports, slices, result } =
                load(shape(bench()).count(count).size(size), &[address(ip)]);
            let report = &reports[0];
            assert_eq!((report.sent, report.echoes), (count, count), "{name}: {report:?}");
            assert_eq!(report.faults.total(), 0, "{name}: {report:?}");
            let bytes = count * size as u64;
            assert_eq!((report.sent_bytes, report.returned_bytes), (bytes, bytes), "{name}");
            assert_eq!(report.rtt.count(), count, "{name}");
            assert!((1..=20).contains(&slices.len()), "{name}: {}", slices.len());
            assert!(report.rate.is_finite() && report.rate > 0.0, "{name}");
            assert!(!result.interrupted && result.error.is_none(), "{name}");
        }
    }
}

/// Each turn waits for its last replies: without a bound, twenty turns would wait twenty times.
#[test]
fn an_address_that_hangs_does_not_hold_up_the_end_of_the_run() {
    let hanging = server(|_, stream| drop(stream.take(u64::MAX).read_to_end(&mut Vec::new())));
    let good = TestServer::start();
    let addresses = [hanging, SocketAddr::new(V4, good.address.port())];
    let (wait, time) = (Duration::from_secs(2), Duration::from_millis(100));
    let patient = Client::new().timeout(wait).bench().connections(some(2)).duration(time);
    let Ran { reports, slices, .. } = load(patient.clone().warm_up(Duration::ZERO), &addresses);
    let of = |address| slices.iter().filter(|slice| slice.address == address).count();
    assert!(of(addresses[1]) > 10, "{}", of(addresses[1]));
    assert!((2..=6).contains(&reports[0].sent), "{:?}", reports[0]); // two a turn
    assert!(matches!(reports[0].failure, Some(BenchFailure::Stream(SendError::Timeout { .. }))));

    // What returns nothing in the warm-up is not measured at all.
    let warm = Duration::from_millis(20);
    let Ran { reports, slices, .. } = load(patient.warm_up(warm), &addresses);
    assert!(slices.iter().all(|slice| slice.address == addresses[1]));
    assert!(reports[0].duration.is_zero() && reports[0].faults.of(CauseKind::Timeout) > 0);
    assert!(reports[1].echoes > 0 && reports[1].failure.is_none());
}

#[test]
fn two_addresses_take_turns_and_get_the_same_share() {
    let server = TestServer::start();
    let addresses = [V4, V6].map(|ip| SocketAddr::new(ip, server.address.port()));
    let Ran { reports, slices, result } = load(bench().count(200), &addresses);
    let order: Vec<usize> =
        slices.iter().map(|slice| usize::from(slice.address == addresses[1])).collect();
    assert_eq!(order[..6], [0, 1, 1, 0, 0, 1]);
    assert_eq!(reports.iter().map(|report| report.echoes).collect::<Vec<_>>(), [200, 200]);
    let difference = result.difference.unwrap();
    assert_eq!((difference.with, difference.address), (addresses[0], addresses[1]));
    assert!(difference.by.low <= difference.by.mean && difference.by.mean <= difference.by.high);
}

#[test]
fn one_flipped_byte_in_many_is_found_with_its_place() {
    const EACH: u64 = 10_000;
    let flips = Arc::new(AtomicU64::new(0));
    let echoed = AtomicU64::new(0);
    let counted = Arc::clone(&flips);
    let address = server(move |_, stream| {
        echo(stream, |bytes| {
            let before = echoed.fetch_add(bytes.len() as u64, Ordering::SeqCst);
            let next = before.div_ceil(EACH) * EACH;
            if let Some(byte) = bytes.get_mut((next - before) as usize) {
                *byte ^= 0x10;
                counted.fetch_add(1, Ordering::SeqCst);
            }
        });
    });
    let Ran { reports, .. } = load(bench().count(2_000), &[address]);
    let report = &reports[0];
    let flips = flips.load(Ordering::SeqCst);
    assert!(flips >= 2_000 * 64 / EACH, "{flips}");
    assert_eq!(report.faults.of(CauseKind::Mismatch), flips, "{report:?}");
    assert_eq!(report.echoes + report.faults.total(), 2_000);
    let first = report.first_difference.unwrap();
    assert_eq!(first.expected.unwrap() ^ first.got.unwrap(), 0x10);
}

#[test]
fn bytes_that_nobody_sent_and_those_of_another_connection_are_faults() {
    let surplus = server(|_, mut stream| {
        let _ = stream.write_all(b"220 hello\r\n");
        echo(stream, |_| {});
    });
    let Ran { reports, .. } = load(bench().count(20), &[surplus]);
    let report = &reports[0];
    // The greeting may be seen before the first message goes out: a fault all the same.
    assert!(report.echoes == 0 && report.faults.of(CauseKind::Mismatch) >= 4, "{report:?}");
    assert_eq!(report.faults.of(CauseKind::Mismatch), report.faults.total());

    let last = std::sync::Mutex::new(vec![0; 64]);
    let mixed = server(move |_, stream| {
        echo(stream, |bytes| {
            if bytes.len() == 64 {
                bytes.swap_with_slice(&mut last.lock().unwrap());
            }
        });
    });
    let Ran { reports, .. } = load(bench().count(50), &[mixed]);
    let report = &reports[0];
    // But for the rare connection that begins at the line at which the one before it began: there are
    // some 1,400 lines to begin at.
    assert!(report.echoes <= 2, "{report:?}");
    assert_eq!(report.echoes + report.faults.of(CauseKind::Mismatch), 50, "{report:?}");
}

#[test]
fn a_connection_that_hangs_costs_its_message_and_nothing_else() {
    let address = server(|number, stream| {
        if number % 10 == 3 {
            return std::mem::forget(stream);
        }
        echo(stream, |_| {});
    });
    let client = Client::new().timeout(Duration::from_millis(200));
    let bench = client.bench().warm_up(Duration::ZERO).connections(some(20)).count(2_000);
    let Ran { reports, .. } = load(bench, &[address]);
    let report = &reports[0];
    assert!(report.faults.of(CauseKind::Timeout) >= 2, "{report:?}");
    assert_eq!(report.faults.of(CauseKind::Timeout), report.faults.total());
    assert_eq!(report.echoes + report.faults.total(), 2_000);
}

#[test]
fn a_reply_later_than_the_timeout_is_a_fault_however_early_it_is_seen() {
    let slow = Duration::from_millis(14);
    let address = server(move |_, mut stream| {
        let mut message = [0; 64];
        while stream.read_exact(&mut message).is_ok() {
            thread::sleep(slow);
            if stream.write_all(&message).is_err() {
                return;
            }
        }
    });
    type Shape = fn(Bench) -> Bench;
    let shapes: [(&str, Shape); 4] = [
        ("closed", |bench| bench),
        ("in flight", |bench| bench.in_flight(some(2))),
        ("open", |bench| bench.rate(20.0)),
        ("reconnect", |bench| bench.reconnect(true)),
    ];
    for (name, shape) in shapes {
        let bench = Client::new().timeout(Duration::from_millis(10)).bench();
        let bench = bench.warm_up(Duration::ZERO).connections(some(1)).count(10);
        let Ran { reports, .. } = load(shape(bench), &[address]);
        let report = &reports[0];
        assert_eq!((report.echoes, report.rtt.count()), (0, 0), "{name}: {report:?}");
        assert_eq!(report.faults.iter().collect::<Vec<_>>(), [(CauseKind::Timeout, 10)], "{name}");
        let Some(BenchFailure::Stream(error)) = &report.failure else { panic!("{report:?}") };
        assert!(
            matches!(error, SendError::Timeout { sent, returned, .. } if returned < sent),
            "{error}"
        );
    }
}

/// A message of a connection of its own is given up while its bytes still come.
#[test]
fn a_slow_reply_costs_its_message_and_not_the_link() {
    let address = server(|number, mut stream| {
        let mut message = [0; 64];
        while stream.read_exact(&mut message).is_ok() {
            for byte in message.chunks(8) {
                if number == 1 {
                    thread::sleep(Duration::from_millis(30));
                }
                if stream.write_all(byte).is_err() {
                    return;
                }
            }
        }
    });
    let client = Client::new().timeout(Duration::from_millis(100));
    let bench = client.bench().warm_up(Duration::ZERO).connections(some(1));
    let Ran { reports, .. } = load(bench.reconnect(true).count(5), &[address]);
    let report = &reports[0];
    assert_eq!((report.faults.of(CauseKind::Timeout), report.faults.total()), (1, 1), "{report:?}");
    assert_eq!(report.echoes, 4);
}

#[test]
fn a_server_that_closes_after_each_echo_is_short_each_other_time() {
    let address = server(|_, mut stream| {
        let mut message = [0; 64];
        if stream.read_exact(&mut message).is_ok() {
            let _ = stream.write_all(&message);
            let _ = stream.read(&mut [0]); // the next one, left to a reset
        }
    });
    let Ran { reports, .. } = load(bench().count(200), &[address]);
    let report = &reports[0];
    assert_eq!(report.echoes + report.faults.total(), 200);
    // But for the last message of each connection.
    assert!(report.echoes.abs_diff(report.faults.total()) <= 8, "{report:?}");
    let ended = report.faults.of(CauseKind::Reset) + report.faults.of(CauseKind::Short);
    assert_eq!(ended, report.faults.total(), "{report:?}");
}

#[test]
fn an_address_that_refuses_does_not_hold_up_the_other() {
    let server = TestServer::start();
    let closed = Closed::reserve(V4).address;
    for reconnect in [false, true] {
        let bench = bench().count(100).reconnect(reconnect);
        let Ran { reports, result, .. } = load(bench, &[closed, server.address]);
        let (refused, fine) = (&reports[0], &reports[1]);
        assert_eq!((refused.echoes, refused.rate, fine.echoes), (0, 0.0, 100));
        assert!(refused.faults.of(CauseKind::Refused) > 0, "{refused:?}");
        assert_eq!(refused.faults.of(CauseKind::Refused), refused.faults.total());
        assert_eq!(result.difference, None);
    }
}

/// A server that takes 1 ms for each message, one after the other, whatever the connection.
fn one_at_a_time() -> SocketAddr {
    let desk = std::sync::Mutex::new(());
    server(move |_, mut stream| {
        let mut message = [0; 64];
        while stream.read_exact(&mut message).is_ok() {
            {
                let _turn = desk.lock().unwrap();
                thread::sleep(Duration::from_millis(1));
            }
            if stream.write_all(&message).is_err() {
                return;
            }
        }
    })
}

#[test]
fn above_the_capacity_an_open_loop_shows_the_queue_and_a_closed_one_does_not() {
    let address = one_at_a_time();
    // Message k is due after k/4 ms, and done after k ms at the earliest: it takes 0.75 k ms or more,
    // the median of 400 at least 150 ms.
    let Ran { reports, .. } = load(bench().count(400).rate(4_000.0), &[address]);
    let open = &reports[0];
    assert_eq!((open.echoes, open.load, open.bound_by == Bound::Rate), (400, Loop::Open, false));
    assert!(open.rtt.quantile(0.5) >= Duration::from_millis(149), "{open:?}");
    assert!(open.rtt.max() >= Duration::from_millis(298), "{open:?}");

    let Ran { reports, .. } = load(bench().count(400), &[address]);
    let closed = &reports[0];
    assert_eq!((closed.echoes, closed.load), (400, Loop::Closed));
    // Four connections wait for each other, and that is all that it shows.
    assert!(closed.rtt.min() >= Duration::from_millis(1));
    assert!(closed.rtt.quantile(0.5) < open.rtt.quantile(0.5) / 2, "{closed:?}");
}

#[test]
fn every_connection_of_a_burst_is_served_by_a_server_with_a_short_queue() {
    use socket2::{Domain, Socket, Type};
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::new(V4, 0).into()).unwrap();
    socket.listen(1).unwrap();
    let listener = TcpListener::from(socket);
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            echo(stream.unwrap(), |_| {}); // one after the other
        }
    });
    let Ran { reports, .. } = load(bench().connections(some(8)).burst(), &[address]);
    let report = &reports[0];
    assert_eq!((report.sent, report.echoes, report.faults.total()), (8, 8, 0), "{report:?}");
    assert_eq!((report.connect.count(), report.rtt.count()), (8, 8));
    assert!(report.rtt.max() >= report.connect.max(), "{report:?}");
}

#[test]
fn connections_that_end_in_the_silence_are_faults_and_the_others_still_echo() {
    let address = server(|number, stream| {
        if number < 3 {
            return; // closes
        }
        echo(stream, |_| {});
    });
    let bench = bench().connections(some(10)).hold(Duration::from_millis(300));
    let Ran { reports, .. } = load(bench, &[address]);
    let report = &reports[0];
    assert_eq!((report.sent, report.echoes), (10, 7), "{report:?}");
    assert_eq!((report.faults.of(CauseKind::Short), report.faults.total()), (3, 3));
    assert!(report.first_fault.is_some());
}

#[test]
fn a_load_that_is_stopped_tells_what_it_has_measured() {
    let server = TestServer::start();
    let bench = bench().duration(Duration::from_secs(3_600));
    let mut events = Box::pin(bench.clone().run(&[server.address], std::future::pending()));
    let slice = block_on(async {
        loop {
            if let Some(BenchEvent::Slice(slice)) = events.next().await {
                return slice;
            }
        }
    });
    assert!(slice.echoes > 0 && slice.rtt.is_some());
    drop(events); // which stops it

    let Ran { reports, result, .. } =
        load_until(bench, &[server.address], async { async_std::task::yield_now().await });
    assert!(result.interrupted);
    assert_eq!(reports.len(), 1);
    assert!(reports[0].rate.is_finite());
}

#[test]
fn a_search_finds_a_rate_that_holds_or_says_that_there_is_none() {
    let server = TestServer::start();
    let bench = bench().duration(Duration::from_millis(200)).rate(100.0);
    let generous = bench.clone().search(0.5, PATIENCE);
    let mut rates: Vec<f64> = Vec::new();
    block_on(async {
        let mut events = Box::pin(generous.run(&[server.address], std::future::pending()));
        while let Some(event) = events.next().await {
            if let BenchEvent::Step(step) = event {
                rates.push(step.rate);
                if rates.len() == 3 {
                    break; // which stops it
                }
            }
        }
    });
    // Twice as much after a step that held; the same again after one that a busy machine spoilt.
    assert_eq!(rates[0], 100.0);
    assert!(rates.is_sorted_by(|one, next| [1.0, 2.0, 0.5].contains(&(next / one))), "{rates:?}");

    let impossible = bench.rate(1.0).search(0.5, Duration::from_nanos(1));
    let Ran { result, .. } = load(impossible, &[server.address]);
    let [found] = &result.found[..] else { panic!("{result:?}") };
    assert!(found.rate.is_none() && found.ended_by.is_some(), "{found:?}");
}
