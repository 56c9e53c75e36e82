//! A server that is asked to stop gives back what it has, and ends.

mod common;

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

use common::{PATIENCE, TestServer, V4, V6, exchange, fill, is_silent, noise, reset, round_trip};
use echo6::Server;
use echo6::address::Prefix;
use echo6::server::{Ending, Event, Reason};
use echo6::socket::{Listener, listen_both};
use futures::channel::mpsc;
use futures::executor::block_on;

#[test]
fn a_stopped_server_ends_its_clients_streams_and_refuses_new_ones() {
    let mut server = TestServer::start();
    let mut client = server.connect(V6);
    assert_eq!(round_trip(&mut client, b"hello"), b"hello");
    let address = server.address;
    let totals = server.stop();
    assert_eq!((totals.connections, totals.cut, totals.bytes_out), (1, 0, 5));
    assert_eq!(client.read(&mut [0]).unwrap(), 0, "end of stream, not a reset");
    assert!(TcpStream::connect((V6, address.port())).is_err());
    assert_eq!(server.closed().reason, Reason::Shutdown);
    assert!(matches!(server.event(), Event::Stopped(_)));
}

#[test]
fn everything_the_server_had_read_comes_back_before_the_end() {
    let mut server = TestServer::start();
    let message = noise(16 << 20);
    let mut stream = server.connect(V4);
    let mut writer = stream.try_clone().unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            // The server may end the stream before all is sent.
            let _ = writer.write_all(&message);
        });
        let mut reply = vec![0; 1 << 20];
        stream.read_exact(&mut reply).unwrap();
        server.ask_to_stop();
        let _ = stream.read_to_end(&mut reply);
        let closed = server.closed();
        assert!(reply[..] == message[..reply.len()]);
        assert_eq!(reply.len() as u64, closed.bytes_in, "{closed:?}");
    });
}

#[test]
fn a_client_that_never_stops_sending_gets_back_what_it_had_sent_and_the_end() {
    for limit in [None, Some(Duration::from_millis(200))] {
        let mut server = TestServer::on("[::1]:0", |server| match limit {
            Some(limit) => server.max_time(limit),
            None => server,
        });
        let mut stream = server.connect(V6);
        let mut writer = stream.try_clone().unwrap();
        std::thread::scope(|scope| {
            // Until it sees that nothing comes back any more.
            scope.spawn(move || while writer.write_all(&[7; 65_536]).is_ok() {});
            if limit.is_none() {
                stream.read_exact(&mut [0; 1 << 20]).unwrap();
                server.ask_to_stop();
            }
            let mut rest = Vec::new();
            stream.read_to_end(&mut rest).expect("end of stream, not a reset");
            stream.shutdown(std::net::Shutdown::Both).unwrap();
        });
        let reason = server.closed().reason;
        let orderly = matches!(reason, Reason::Shutdown | Reason::TimeLimit);
        assert!(orderly, "{limit:?}: {reason:?}");
    }
}

#[test]
fn a_short_grace_is_no_reason_to_reset_a_client_that_has_its_bytes() {
    let grace = Duration::from_millis(100);
    let mut server = TestServer::on("[::1]:0", |server| server.grace(grace));
    let mut client = server.connect(V6);
    assert_eq!(round_trip(&mut client, b"hello"), b"hello");
    assert_eq!(server.stop().cut, 0);
    assert_eq!(client.read(&mut [0]).unwrap(), 0, "end of stream, not a reset");
}

#[test]
fn a_client_that_never_reads_is_cut_at_the_end_of_the_grace_period() {
    let grace = Duration::from_millis(200);
    let mut server = TestServer::on("[::1]:0", |server| server.grace(grace));
    let client = server.connect(V6);
    fill(&client);
    let totals = server.stop();
    assert_eq!(totals.cut, 1);
    assert!(totals.duration >= grace);
    let closed = server.closed();
    assert_eq!((closed.reason, closed.ending), (Reason::Shutdown, Ending::Cut));
}

#[test]
fn clients_that_wait_to_be_accepted_are_drained_too() {
    let header = "PROXY TCP6 2001:db8::7 2001:db8::1 41000 7\r\n";
    for header in ["", header] {
        let mut server = Server::bind("[::1]:0").unwrap();
        if !header.is_empty() {
            server = server.accept_proxy([Prefix::from(V6)]);
        }
        let address = server.listening()[0].address;
        let mut clients: Vec<_> = (0..100).map(|_| common::connect(address)).collect();
        for client in &mut clients {
            client.write_all(format!("{header}hello").as_bytes()).unwrap();
        }
        // It is stopped before it has accepted anybody.
        let totals = block_on(server.run(std::future::ready(())));
        assert_eq!((totals.connections, totals.bytes_out, totals.cut), (100, 500, 0));
        for mut client in clients {
            let mut reply = Vec::new();
            client.read_to_end(&mut reply).expect("end of stream, not a reset");
            assert_eq!(reply, b"hello");
        }
        assert!(TcpStream::connect(address).is_err());
    }
}

#[test]
fn clients_that_wait_at_a_shared_socket_are_left_to_the_next_server() {
    let kept = TcpListener::bind((V4, 0)).unwrap();
    let server = || {
        let listener = Listener::adopt(kept.try_clone().unwrap()).unwrap();
        Server::new(vec![listener.shared()])
    };
    let address = kept.local_addr().unwrap();
    let clients: Vec<_> = (0..100).map(|_| common::connect(address)).collect();
    // It is stopped before it has accepted anybody.
    let totals = block_on(server().run(std::future::ready(())));
    assert_eq!(totals.connections, 0);
    let _next = TestServer::of(server());
    for client in clients {
        assert_eq!(exchange(client, b"waited"), b"waited");
    }
}

#[test]
fn the_totals_so_far_count_connected_clients_and_are_told_in_a_drain_too() {
    let (ask, asks) = mpsc::unbounded();
    let grace = PATIENCE * 2;
    let mut server = TestServer::on("[::1]:0", |server| server.grace(grace).report_totals(asks));
    let so_far = |server: &TestServer| {
        ask.unbounded_send(()).unwrap();
        loop {
            if let Event::Totals(totals) = server.event() {
                return totals;
            }
        }
    };
    let mut client = server.connect(V6);
    assert_eq!(round_trip(&mut client, b"hello"), b"hello");
    let totals = so_far(&server);
    assert_eq!((totals.connections, totals.bytes_in, totals.bytes_out), (1, 5, 5));

    fill(&client);
    server.ask_to_stop();
    while TcpStream::connect(server.address).is_ok() {}
    let totals = so_far(&server);
    assert!(totals.bytes_in > totals.bytes_out && totals.bytes_out > 5, "{totals:?}");
    reset(client);
    let stopped = server.stop();
    assert!(stopped.bytes_in >= totals.bytes_in && stopped.connections >= 1, "{stopped:?}");
}

#[test]
fn a_server_without_clients_stops_at_once() {
    let mut server = TestServer::on("[::]:0", |server| server.grace(PATIENCE * 2));
    let totals = server.stop();
    assert_eq!((totals.connections, totals.bytes_in, totals.cut), (0, 0, 0));
    assert!(totals.duration < PATIENCE, "it waits for nobody");
}

#[test]
fn a_full_server_stops_at_once() {
    let mut server = TestServer::on("[::1]:0", |server| {
        server.max_connections(NonZeroUsize::MIN).grace(PATIENCE * 2)
    });
    let mut client = server.connect(V6);
    assert_eq!(round_trip(&mut client, b"in"), b"in");
    let waiting = server.connect(V6);
    assert!(is_silent(&waiting));
    let totals = server.stop();
    assert!(totals.connections == 1 && totals.duration < PATIENCE, "{totals:?}");
    assert_eq!(client.read(&mut [0]).unwrap(), 0);
}

#[test]
fn streams_and_datagrams_drain_beside_each_other() {
    let (listeners, sockets) =
        listen_both(&["127.0.0.1:0".parse().unwrap()], Default::default()).unwrap();
    let grace = Duration::from_secs(4);
    let server = Server::new(listeners).datagrams(sockets).grace(grace);
    let mut server = TestServer::of(server.fault("1*delay=3s".parse().unwrap()));
    drop(server.connect(V4)); // of the streams, this one has the fault
    let client = server.connect(V4);
    fill(&client);
    let datagrams = UdpSocket::bind((V4, 0)).unwrap();
    datagrams.send_to(b"delayed", server.address).unwrap();
    while !matches!(server.event(), Event::FlowAppeared(_)) {}

    let asked = Instant::now();
    server.ask_to_stop();
    while TcpStream::connect(server.address).is_ok() {}
    datagrams.set_nonblocking(true).unwrap();
    let early = datagrams.recv(&mut [0; 64]).map_err(|error| error.kind());
    assert_eq!(early, Err(std::io::ErrorKind::WouldBlock), "the listeners closed after the answer");
    let totals = server.stop();
    assert!(asked.elapsed() < grace * 3 / 2, "{:?}", asked.elapsed());
    assert_eq!((totals.cut_at_stop, totals.datagrams.unwrap().datagrams_out), (1, 1));
}

#[test]
fn clients_of_a_server_that_is_dropped_are_reset() {
    let listeners =
        echo6::socket::listen(&["[::1]:0".parse().unwrap()], Default::default()).unwrap();
    let address = listeners[0].address();
    let running = async_std::task::spawn(Server::new(listeners).run(std::future::pending::<()>()));
    let mut client = common::connect(address);
    assert_eq!(round_trip(&mut client, b"hello"), b"hello");
    block_on(running.cancel());
    assert!(client.read(&mut [0]).is_err_and(|e| e.kind() == std::io::ErrorKind::ConnectionReset));
}
