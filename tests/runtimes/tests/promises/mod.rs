//! What the library promises beside a runtime, whose names the test file says.

use echo6::server::Event;
use echo6::{Client, Server};
use futures::StreamExt;
use futures::channel::oneshot;

use super::{AsyncReadExt, AsyncWriteExt, TcpStream, run, spawn};

/// Sends a message and reads as much back.
async fn round_trip(stream: &mut TcpStream, message: &[u8]) -> Vec<u8> {
    stream.write_all(message).await.unwrap();
    let mut reply = vec![0; message.len()];
    stream.read_exact(&mut reply).await.unwrap();
    reply
}

#[test]
fn a_peer_serves_and_stops() {
    run(async {
        let peer = Server::bind("127.0.0.1:0").unwrap().start();
        let mut stream = TcpStream::connect(peer.address()).await.unwrap();
        assert_eq!(round_trip(&mut stream, b"hello").await, b"hello");
        drop(stream);
        let totals = peer.stop();
        assert_eq!((totals.connections, totals.bytes_in, totals.cut), (1, 5, 0));
    });
}

#[test]
fn a_peer_that_is_dropped_ends_the_streams_of_its_clients() {
    run(async {
        let peer = Server::bind("127.0.0.1:0").unwrap().start();
        let mut stream = TcpStream::connect(peer.address()).await.unwrap();
        assert_eq!(round_trip(&mut stream, b"hello").await, b"hello");
        let address = peer.address();
        drop(peer);
        assert_eq!(stream.read(&mut [0]).await.unwrap(), 0, "end of stream, not a reset");
        assert!(TcpStream::connect(address).await.is_err());
    });
}

#[test]
fn the_events_of_a_peer_are_a_stream() {
    run(async {
        let peer = Server::bind("127.0.0.1:0").unwrap().start();
        let mut events = peer.events();
        assert!(matches!(events.next().await, Some(Event::Listening(_))));
        let stream = TcpStream::connect(peer.address()).await.unwrap();
        let Some(Event::Connected(connected)) = events.next().await else { panic!("no client") };
        assert_eq!((connected.id, connected.peer), (1, stream.local_addr().unwrap()));
        drop(stream);
        let Some(Event::Closed(closed)) = events.next().await else { panic!("it is not gone") };
        assert_eq!(closed.id, 1);
        drop(peer);
        assert!(matches!(events.next().await, Some(Event::Stopped(_))));
        assert!(events.next().await.is_none());
    });
}

#[test]
fn a_server_and_a_client_run_on_this_runtime() {
    run(async {
        let server = Server::bind("127.0.0.1:0").unwrap();
        let address = server.listening()[0].address;
        let (stop, stopped) = oneshot::channel::<()>();
        let running = spawn(server.run(stopped));
        let reply = Client::new().send(&[address], b"hello").await.unwrap();
        assert_eq!(reply.bytes, b"hello");
        drop(stop);
        assert_eq!(running.await.connections, 1);
    });
}
