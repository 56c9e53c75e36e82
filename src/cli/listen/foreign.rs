//! A descriptor that somebody else opened in, what kind of socket it is out.

use std::net::TcpStream;

/// A socket that was made elsewhere. Windows passes none on.
#[derive(Debug)]
#[cfg_attr(not(unix), allow(dead_code))]
pub(super) enum Foreign {
    /// Listens for connections.
    Listener(std::net::TcpListener),
    /// Is bound, for datagrams.
    Datagram(std::net::UdpSocket),
    /// Is connected.
    Client(TcpStream),
}

/// Says what a descriptor is, or why it cannot be served.
#[cfg(unix)]
pub(super) fn recognise(descriptor: std::os::fd::OwnedFd) -> Result<Foreign, String> {
    let socket = socket2::Socket::from(descriptor);
    let unusable = |error: std::io::Error| format!("is not a socket: {error}");
    let address = socket.local_addr().map_err(unusable)?;
    if address.as_socket().is_none() {
        return Err("is not a socket of IPv6 or IPv4".to_owned());
    }
    match socket.r#type().map_err(unusable)? {
        socket2::Type::STREAM if socket.peer_addr().is_ok() => Ok(Foreign::Client(socket.into())),
        socket2::Type::STREAM if listens(&socket) => Ok(Foreign::Listener(socket.into())),
        socket2::Type::STREAM => Err("neither listens nor is connected".to_owned()),
        socket2::Type::DGRAM => Ok(Foreign::Datagram(socket.into())),
        _ => Err("is neither a stream nor a datagram socket".to_owned()),
    }
}

/// Says whether a stream listens; where the system does not tell, accept(2) will.
#[cfg(unix)]
fn listens(socket: &socket2::Socket) -> bool {
    #[cfg(any(target_os = "freebsd", target_os = "linux"))]
    return socket.is_listener().unwrap_or(false);
    #[cfg(not(any(target_os = "freebsd", target_os = "linux")))]
    {
        let _ = socket;
        true
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::fs::File;
    use std::net::{TcpListener, UdpSocket};
    use std::os::fd::OwnedFd;
    use std::os::unix::net::UnixStream;

    use super::*;

    #[test]
    fn a_descriptor_is_recognised_by_what_it_is() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let datagram = UdpSocket::bind("127.0.0.1:0").unwrap();
        assert!(matches!(recognise(stream.into()), Ok(Foreign::Client(_))));
        assert!(matches!(recognise(listener.into()), Ok(Foreign::Listener(_))));
        assert!(matches!(recognise(datagram.into()), Ok(Foreign::Datagram(_))));
        let (local, _other) = UnixStream::pair().unwrap();
        for (descriptor, reason) in [
            (OwnedFd::from(local), "is not a socket of IPv6 or IPv4"),
            (File::open("/dev/null").unwrap().into(), "is not a socket"),
        ] {
            let error = recognise(descriptor).unwrap_err();
            assert!(error.starts_with(reason), "{error}");
        }
    }
}
