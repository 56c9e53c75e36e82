//! What is bound, for whom, and what is said when it cannot be.

#[cfg(target_os = "linux")]
use std::net::Ipv6Addr;

use super::*;

fn bound(texts: &[&str], options: ListenOptions) -> Result<Vec<Listener>, ListenError> {
    let endpoints: Vec<Endpoint> = texts.iter().map(|text| text.parse().unwrap()).collect();
    listen(&endpoints, options)
}

/// A port that the system gives to nobody else while the socket lives: bound, not listening.
/// Other systems than Linux would not give it to us either.
#[cfg(target_os = "linux")]
fn reserve() -> (Socket, u16) {
    let socket = Socket::new(Domain::IPV6, Type::STREAM, Some(Protocol::TCP)).unwrap();
    socket.set_reuse_address(true).unwrap();
    socket.bind(&SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0)).into()).unwrap();
    let port = socket.local_addr().unwrap().as_socket().unwrap().port();
    (socket, port)
}

#[test]
fn a_socket_of_somebody_else_is_read_for_its_families() {
    for (domain, only_v6, address, said) in [
        (Domain::IPV6, false, "[::]:0", "(IPv6 and IPv4)"),
        (Domain::IPV6, true, "[::]:0", "(IPv6)"),
        (Domain::IPV6, false, "[::1]:0", "(IPv6)"),
        (Domain::IPV6, false, "[::ffff:127.0.0.1]:0", "(IPv4)"),
        (Domain::IPV4, false, "0.0.0.0:0", "(IPv4)"),
    ] {
        let socket = Socket::new(domain, Type::STREAM, Some(Protocol::TCP)).unwrap();
        if domain == Domain::IPV6 {
            socket.set_only_v6(only_v6).unwrap();
        }
        let address: SocketAddr = address.parse().unwrap();
        socket.bind(&address.into()).unwrap();
        socket.listen(1).unwrap();
        let line = Listener::adopt(socket.into()).unwrap().to_string();
        assert!(line.ends_with(said), "{address} {only_v6}: {line}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_socket_that_does_not_listen_is_not_adopted() {
    let (reserved, _) = reserve();
    let error = Listener::adopt(reserved.into()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
}

#[test]
fn the_unspecified_ipv6_address_serves_both_families() {
    for (text, families, said) in [
        ("[::]:0", Families::Both, "(IPv6 and IPv4)"),
        (":0", Families::Both, "(IPv6 and IPv4)"),
        ("[::]:0", Families::Ipv6, "(IPv6)"),
        (":0", Families::Ipv6, "(IPv6)"),
        (":0", Families::Ipv4, "(IPv4)"),
        ("[::1]:0", Families::Both, "(IPv6)"),
        ("127.0.0.1:0", Families::Both, "(IPv4)"),
        ("[::ffff:127.0.0.1]:0", Families::Both, "(IPv4)"),
    ] {
        let listeners = bound(&[text], ListenOptions::default().families(families)).unwrap();
        let line = listeners[0].to_string();
        assert!(line.ends_with(said), "{text} with {families:?}: {line}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn both_unspecified_addresses_can_share_a_port_in_either_order() {
    let (_reserved, port) = reserve();
    let (six, four) = (format!("[::]:{port}"), format!("0.0.0.0:{port}"));
    for texts in [[&six[..], &four], [&four, &six]] {
        let listeners = bound(&texts, ListenOptions::default()).unwrap();
        assert!(listeners.iter().all(|listener| listener.families() != Families::Both));
    }
}

#[cfg(target_os = "linux")]
#[test]
fn an_address_given_twice_is_bound_once() {
    let (_reserved, port) = reserve();
    let text = &format!("127.0.0.1:{port}")[..];
    assert_eq!(bound(&[text, text], ListenOptions::default()).unwrap().len(), 1);
    assert_eq!(bound(&["127.0.0.1:0"; 2], ListenOptions::default()).unwrap().len(), 2);
}

#[cfg(target_os = "linux")]
#[test]
fn what_cannot_be_bound_is_said_with_the_likely_fix() {
    let taken = bound(&["[::]:0"], ListenOptions::default()).unwrap();
    let port = taken[0].address().port();
    let (_reserved, free) = reserve();
    let ipv6 = ListenOptions::default().families(Families::Ipv6);
    let ipv4 = ListenOptions::default().families(Families::Ipv4);
    let both = ListenOptions::default();
    for (texts, options, message, help) in [
        (vec![format!("[::]:{port}")], both, format!("cannot listen on [::]:{port}"), "stop it"),
        (
            vec![format!("[::]:{free}"), format!("127.0.0.1:{free}")],
            both,
            format!("cannot listen on 127.0.0.1:{free}: [::]:{free} already has that port"),
            "leave one of the two out",
        ),
        (
            vec![format!("[::1]:{free}"), format!("[::]:{free}")],
            both,
            format!("cannot listen on [::]:{free}: [::1]:{free} already has that port"),
            "leave one of the two out",
        ),
        (
            vec!["127.0.0.1:0".to_owned()],
            ipv6,
            "cannot listen on 127.0.0.1:0: not an IPv6 address".to_owned(),
            "give an IPv6 address",
        ),
        (
            vec!["[::]:0".to_owned()],
            ipv4,
            "cannot listen on [::]:0: not an IPv4 address".to_owned(),
            "give an IPv4 address",
        ),
        (
            vec!["[2001:db8::1]:7000".to_owned()],
            both,
            "cannot listen on [2001:db8::1]:7000".to_owned(),
            "no interface has the address, or it is new",
        ),
        (
            vec!["nosuch.invalid:7000".to_owned()],
            both,
            "cannot listen on nosuch.invalid:7000".to_owned(),
            "check the spelling",
        ),
    ] {
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let error = bound(&texts, options).unwrap_err();
        assert_eq!(error.to_string(), message);
        let said = error.help().unwrap_or_default();
        assert!(said.contains(help), "{message}: {said}");
    }
}
