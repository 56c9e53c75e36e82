//! PROXY headers: what the clients send before their first byte.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::num::NonZeroUsize;
use std::thread;
use std::time::Duration;

use echo6::Client;
use echo6::client::ProxyHeader;
use echo6::proxy::{Header, Parsed, Version};
use futures::executor::block_on;

const PATIENCE: Duration = Duration::from_secs(10);

/// Has a client send `hello` behind a header. Returns what the server got, and both addresses.
fn heard(ip: &str, client: &Client) -> (Vec<u8>, SocketAddr, SocketAddr) {
    let listener = TcpListener::bind((ip, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).unwrap(); // the client half-closes
        stream.write_all(b"hello").unwrap();
        bytes
    });
    let reply = block_on(client.send(address, b"hello")).unwrap();
    (server.join().unwrap(), reply.local, address)
}

#[test]
fn a_client_announces_its_own_addresses_over_both_families() {
    for ip in ["127.0.0.1", "::1"] {
        for version in [Version::V1, Version::V2] {
            let client = Client::new().proxy_header(ProxyHeader::own(version));
            let (bytes, local, address) = heard(ip, &client);
            let header = Header::new(version, local, address);
            let Ok(Parsed::Whole { header: read, length }) = Header::parse(&bytes) else {
                panic!("{bytes:?}");
            };
            assert_eq!(read, header);
            assert_eq!(&bytes[length..], b"hello");
        }
    }
}

#[test]
fn a_client_announces_what_it_is_given_in_pieces() {
    let (source, destination) = ("192.0.2.7:41000", "198.51.100.1:7");
    let header = Header::new(Version::V1, source.parse().unwrap(), destination.parse().unwrap());
    let written = header.to_bytes().unwrap();
    let in_pieces = ProxyHeader::from(header).split(NonZeroUsize::new(10).unwrap());
    let (bytes, ..) = heard("127.0.0.1", &Client::new().proxy_header(in_pieces));
    assert_eq!(bytes, [&written[..], b"hello"].concat());
}

#[test]
fn a_client_can_speak_for_the_balancer_itself() {
    let (bytes, ..) = heard("::1", &Client::new().proxy_header(Header::local(Version::V2)));
    assert_eq!(bytes, b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0hello");
}
