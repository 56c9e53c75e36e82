//! Well-behaved clients are served while others do their worst. Runs for as many seconds as
//! `ECHO6_SOAK` says, at most an hour; without it, for one.

mod common;

use std::io::{Read, Write};
use std::num::NonZeroUsize;
use std::thread;
use std::time::{Duration, Instant};

use common::{PATIENCE, TestServer, V4, V6, connect, exchange, noise, reset, round_trip};

#[test]
fn good_clients_are_served_among_bad_ones() {
    let seconds = std::env::var("ECHO6_SOAK").ok().and_then(|text| text.parse().ok());
    let duration = Duration::from_secs(seconds.unwrap_or(1_u64).min(3600));
    let end = Instant::now() + duration;
    let mut server = TestServer::on("[::]:0", |server| {
        let server = server.idle_timeout(Duration::from_secs(10)).grace(PATIENCE);
        server.max_connections(NonZeroUsize::new(500).unwrap())
    });
    let served = {
        let port = server.address.port();
        let connect = |ip| connect((ip, port).into());
        let message = &noise(300_000);
        let going_on = || Instant::now() < end;
        thread::scope(|scope| {
            // Sends and never reads: goes idle, and another comes.
            scope.spawn(move || {
                while going_on() {
                    let mut client = connect(V4);
                    client.set_nonblocking(true).unwrap();
                    while going_on() && client.write(message).is_ok() {}
                    reset(client);
                }
            });
            // Resets in the middle of an echo.
            scope.spawn(move || {
                while going_on() {
                    let mut client = connect(V6);
                    // Either may fail when the server is faster.
                    let _ = client.write_all(message);
                    let _ = client.read(&mut [0; 100]);
                    reset(client);
                }
            });
            // Leaves as soon as it has come.
            scope.spawn(move || {
                while going_on() {
                    drop(connect(V4));
                }
            });
            // Sends one byte at a time.
            scope.spawn(move || {
                let mut client = connect(V6);
                while going_on() {
                    assert_eq!(round_trip(&mut client, b"."), b".");
                }
            });
            let good = scope.spawn(move || {
                let mut served = 0;
                while going_on() {
                    let ip = if served % 2 == 0 { V4 } else { V6 };
                    assert!(exchange(connect(ip), message) == *message);
                    served += 1;
                }
                served
            });
            good.join().unwrap()
        })
    };
    let totals = server.stop();
    println!("served {served} good clients of {} in {duration:?}", totals.connections);
    assert!(served > 0);
    assert_eq!(totals.cut, 0);
}
