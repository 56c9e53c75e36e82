//! Each limit holds, for the client that it is meant for and for no other.

mod common;

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

use common::{PATIENCE, TestServer, V4, V6, exchange, fill, is_silent, noise, round_trip};
use echo6::server::{Ending, Event, Obstacle, Reason};
use socket2::{Domain, Socket, Type};

fn some(number: usize) -> NonZeroUsize {
    NonZeroUsize::new(number).unwrap()
}

#[test]
fn clients_over_the_limit_wait_until_one_has_gone() {
    let server = TestServer::on("[::]:0", |server| server.max_connections(some(2)));
    let mut first = server.connect(V4);
    let mut second = server.connect(V6);
    for client in [&mut first, &mut second] {
        assert_eq!(round_trip(client, b"in"), b"in");
    }
    let mut third = server.connect(V4);
    third.write_all(b"late").unwrap();
    assert!(is_silent(&third), "the third is not served");
    assert_eq!(round_trip(&mut second, b"still"), b"still");
    drop(first);
    let mut reply = [0; 4];
    third.read_exact(&mut reply).unwrap();
    assert_eq!(&reply, b"late");
}

#[test]
fn a_slot_is_free_as_soon_as_its_connection_is_gone() {
    let mut server = TestServer::on("[::]:0", |server| server.max_connections(some(1)));
    for n in 0..100 {
        let ip = if n % 2 == 0 { V4 } else { V6 };
        assert_eq!(exchange(server.connect(ip), b"one at a time"), b"one at a time");
    }
    assert_eq!(server.stop().connections, 100);
}

#[test]
fn a_full_server_says_so_once_and_not_once_for_each_client() {
    let mut server = TestServer::on("[::]:0", |server| server.max_connections(some(20)));
    let mut held: Vec<_> = (0..20).map(|_| server.connect(V4)).collect();
    for client in &mut held {
        round_trip(client, b"in");
    }
    for _ in 0..50 {
        drop(held.pop());
        held.push(server.connect(V6));
        round_trip(held.last_mut().unwrap(), b"in");
    }
    drop(held);
    server.ask_to_stop();
    let mut said = Vec::new();
    loop {
        match server.event() {
            Event::Paused(paused) if paused.reason == Obstacle::Full => said.push(paused.limit),
            Event::Stopped(_) => break,
            _ => {}
        }
    }
    assert_eq!(said, [NonZeroUsize::new(20)]);
}

/// Connects from an address of this host's own choice.
fn connect_from(source: &str, server: &TestServer) -> TcpStream {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::new(source.parse().unwrap(), 0).into()).unwrap();
    socket.connect(&SocketAddr::new(V4, server.address.port()).into()).unwrap();
    let stream = TcpStream::from(socket);
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

#[test]
fn a_source_over_its_limit_is_closed_at_once_and_others_are_served() {
    let mut server = TestServer::on("[::]:0", |server| server.max_per_source(some(2)));
    let mut held: Vec<_> = (0..2).map(|_| server.connect(V4)).collect();
    for client in &mut held {
        assert_eq!(round_trip(client, b"in"), b"in");
    }
    for _ in 0..3 {
        assert_eq!(server.connect(V4).read(&mut [0]).unwrap(), 0, "the surplus is closed");
    }
    assert_eq!(exchange(server.connect(V6), b"another family"), b"another family");
    // All of 127.0.0.0/8 is this host, on Linux at least.
    if cfg!(target_os = "linux") {
        let other = connect_from("127.0.0.2", &server);
        assert_eq!(exchange(other, b"another address"), b"another address");
    }
    drop(held.pop());
    server.closed();
    while server.closed().peer.ip() != V4 {}
    assert_eq!(exchange(server.connect(V4), b"room again"), b"room again");
    drop(held);
    let totals = server.stop();
    assert_eq!(totals.refused, 3);
}

#[test]
fn only_the_idle_client_is_closed_and_not_too_soon() {
    let idle = Duration::from_secs(2);
    let server = TestServer::on("[::]:0", |server| server.idle_timeout(idle));
    let mut busy = server.connect(V6);
    let mut silent = server.connect(V4);
    let start = Instant::now();
    assert_eq!(round_trip(&mut silent, b"last words"), b"last words");
    silent.set_read_timeout(Some(idle / 20)).unwrap();
    while silent.read(&mut [0]).is_err() {
        assert_eq!(round_trip(&mut busy, b"."), b".");
    }
    assert!(start.elapsed() >= idle, "{:?}", start.elapsed());
    let closed = server.closed();
    assert_eq!(closed.reason, Reason::Idle, "{closed:?}");
    assert_eq!(closed.peer, silent.local_addr().unwrap());
    assert_eq!(round_trip(&mut busy, b"still here"), b"still here");
}

#[test]
fn a_client_that_does_not_read_is_idle_too() {
    let server = TestServer::on("[::1]:0", |server| server.idle_timeout(Duration::from_secs(1)));
    let client = server.connect(V6);
    fill(&client);
    let closed = server.closed();
    assert_eq!(closed.reason, Reason::Idle, "{closed:?}");
    assert!(closed.bytes_in > closed.bytes_out);
}

/// Connects with a receive buffer as small as it can be, so that the echoes wait in the server's
/// kernel.
#[cfg(target_os = "linux")]
fn connect_with_a_small_buffer(port: u16) -> TcpStream {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    socket.connect(&SocketAddr::new(V4, port).into()).unwrap();
    let stream = TcpStream::from(socket);
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

#[cfg(target_os = "linux")]
#[test]
fn a_client_that_takes_its_bytes_slowly_is_not_idle() {
    let idle = Duration::from_secs(2);
    let server = TestServer::on("[::]:0", |server| server.idle_timeout(idle));
    let mut client = connect_with_a_small_buffer(server.address.port());
    let message = noise(400_000); // the kernel takes all of it at once
    client.write_all(&message).unwrap();
    let start = Instant::now();
    let mut reply = Vec::new();
    let mut piece = [0; 16_000];
    while reply.len() < message.len() {
        let taken = client.read_exact(&mut piece);
        assert!(taken.is_ok(), "closed after {:?}, {} bytes", start.elapsed(), reply.len());
        reply.extend_from_slice(&piece);
        std::thread::sleep(idle / 10);
    }
    assert!(reply == message && start.elapsed() > 2 * idle, "{:?}", start.elapsed());
    assert_eq!(round_trip(&mut client, b"still here"), b"still here");
}

#[test]
fn urgent_data_comes_back_like_any_other() {
    let server = TestServer::start();
    let mut client = server.connect(V6);
    client.write_all(b"before ").unwrap();
    assert_eq!(socket2::SockRef::from(&client).send_out_of_band(b"!").unwrap(), 1);
    client.write_all(b" after").unwrap();
    client.shutdown(Shutdown::Write).unwrap();
    let mut reply = Vec::new();
    client.read_to_end(&mut reply).unwrap();
    assert_eq!(reply, b"before ! after");
}

#[cfg(target_os = "linux")]
#[test]
fn a_client_that_vanishes_is_asked_after() {
    let mut server = TestServer::start();
    let mut client = server.connect(V4);
    round_trip(&mut client, b"in");
    // Each row of an IPv4-mapped peer: "sl local remote st queues timer:...", 02 being keepalive.
    let port = format!(":{:04X}", server.address.port());
    let peer = format!(":{:04X} 01", client.local_addr().unwrap().port());
    let table = std::fs::read_to_string("/proc/self/net/tcp6").unwrap();
    let row = table.lines().find(|line| line.contains(&port) && line.contains(&peer));
    let row = row.expect("a row of the server's socket");
    assert!(row.contains(" 02:"), "{row}");
    drop(client);
    server.stop();
}

#[test]
fn a_client_gets_back_as_many_bytes_as_it_may_send_and_end_of_stream() {
    let limit = 100_000;
    let server = TestServer::on("[::]:0", |server| server.max_bytes(limit));
    let message = noise(1 << 20);
    let mut client = server.connect(V4);
    let mut writer = client.try_clone().unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            // The server reads and drops the rest, until its patience ends.
            let _ = writer.write_all(&message);
            let _ = writer.shutdown(Shutdown::Write);
        });
        let mut reply = Vec::new();
        client.read_to_end(&mut reply).unwrap();
        assert!(reply == message[..limit as usize], "{} bytes", reply.len());
    });
    let closed = server.closed();
    assert_eq!(closed.reason, Reason::ByteLimit, "{closed:?}");
    assert_eq!((closed.bytes_in, closed.bytes_out), (limit, limit));

    assert_eq!(exchange(server.connect(V6), &message[..1000]), message[..1000]);
    assert_eq!(server.closed().reason, Reason::EndOfStream, "fewer bytes are no matter");
}

#[cfg(target_os = "linux")]
#[test]
fn a_client_that_does_not_take_its_last_bytes_is_reset_though_it_has_reached_its_limit() {
    use echo6::Server;
    use echo6::socket::Listener;

    let limit = 40_000;
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.set_send_buffer_size(4096).unwrap();
    socket.bind(&SocketAddr::new(V4, 0).into()).unwrap();
    socket.listen(1).unwrap();
    let listener = Listener::adopt(socket.into()).unwrap();
    // All is there for the first read, and the kernel takes but little of it for the way back.
    let mut client = connect_with_a_small_buffer(listener.address().port());
    client.write_all(&noise(limit as usize)).unwrap();
    let grace = Duration::from_secs(1);
    let server = Server::new(vec![listener]).max_bytes(limit).grace(grace);
    let server = TestServer::of(server);
    let closed = server.closed();
    assert_eq!((closed.reason, closed.ending), (Reason::ByteLimit, Ending::Cut), "{closed:?}");
    assert!(closed.bytes_in == limit && closed.bytes_out < limit, "{closed:?}");
    assert!(closed.duration >= grace, "{closed:?}");
}

#[test]
fn a_client_whose_time_is_up_gets_what_it_sent_and_end_of_stream() {
    let most = Duration::from_secs(2);
    let server = TestServer::on("[::1]:0", |server| server.max_time(most));
    let mut client = server.connect(V6);
    assert_eq!(round_trip(&mut client, b"in time"), b"in time");
    assert_eq!(client.read(&mut [0]).unwrap(), 0);
    let closed = server.closed();
    assert_eq!((closed.reason, closed.ending), (Reason::TimeLimit, Ending::Drained), "{closed:?}");
    assert!(closed.duration >= most, "{closed:?}");
}

#[test]
fn a_client_that_does_not_read_is_reset_when_its_time_and_the_grace_are_over() {
    let (most, grace) = (Duration::from_secs(1), Duration::from_millis(100));
    let mut server = TestServer::on("[::1]:0", |server| server.max_time(most).grace(grace));
    let mut client = server.connect(V6);
    fill(&client);
    let closed = server.closed();
    assert_eq!((closed.reason, closed.ending), (Reason::TimeLimit, Ending::Cut), "{closed:?}");
    assert!(closed.duration >= most + grace, "{closed:?}");
    // Whether it came to a reset or to the end of the stream first, there is nobody left.
    assert!(client.write_all(&noise(1 << 20)).is_err());
    let totals = server.stop();
    assert_eq!((totals.cut, totals.cut_at_stop), (1, 0), "it was no matter of the stop");
}

#[test]
fn busy_polling_changes_no_byte() {
    let server = TestServer::on("[::]:0", |server| {
        server.busy_poll(Duration::from_millis(1)).max_bytes(5 << 20)
    });
    let message = noise(4 << 20);
    assert!(exchange(server.connect(V4), &message) == message);
    let mut client = server.connect(V6);
    assert_eq!(round_trip(&mut client, b"hello"), b"hello");
    assert!(is_silent(&client), "it waits, and wakes up again");
    assert_eq!(round_trip(&mut client, b"hello"), b"hello");
}
