//! Where a server's sockets come from: bound here, passed on by a service manager, or stdin.

use std::net::TcpStream;

use echo6::socket::{
    DatagramSocket, ListenOptions, Listener, listen, listen_both, listen_datagrams,
};

use super::Listen;
#[cfg(target_os = "linux")]
use super::passed;
use crate::cli::failure::Failure;
use crate::cli::values::endpoints;

/// What a server serves.
#[derive(Debug, Default)]
pub(super) struct Sockets {
    pub(super) listeners: Vec<Listener>,
    pub(super) datagrams: Vec<DatagramSocket>,
    /// A client that somebody else accepted.
    pub(super) client: Option<TcpStream>,
}

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

impl Sockets {
    /// Takes or binds the sockets that the arguments and the environment name.
    pub(super) fn open(arguments: &Listen, options: ListenOptions) -> Result<Self, Failure> {
        if arguments.no_tcp && !arguments.udp {
            return Err(Failure::usage("--no-tcp is for datagrams: it needs --udp"));
        }
        if arguments.inetd && arguments.json {
            return Err(Failure::usage("--inetd prints nothing: it excludes --json"));
        }
        if arguments.inetd {
            exclude(arguments, "--inetd", !arguments.addresses.is_empty())?;
            return Self::default().with(stdin()?, options);
        }
        let passed = passed()?;
        if passed.is_empty() {
            return Self::bind(arguments, options);
        }
        if !arguments.addresses.is_empty() {
            let message = format!("LISTEN_FDS passes {} on, and an ADDRESS is given", passed.len());
            return Err(Failure::usage(message)
                .with_help(Some("leave out ADDRESS, or unset LISTEN_FDS".to_owned())));
        }
        exclude(arguments, "a socket that is passed on", false)?;
        passed.into_iter().try_fold(Self::default(), |sockets, one| sockets.with(one, options))
    }

    pub(super) fn serve_tcp(&self) -> bool {
        !self.listeners.is_empty() || self.client.is_some()
    }

    pub(super) fn serve_udp(&self) -> bool {
        !self.datagrams.is_empty()
    }

    fn bind(arguments: &Listen, options: ListenOptions) -> Result<Self, Failure> {
        let endpoints = endpoints("listen", &arguments.addresses, None)?;
        let (listeners, datagrams) = match (arguments.udp, arguments.no_tcp) {
            (false, _) => (listen(&endpoints, options)?, Vec::new()),
            (true, false) => listen_both(&endpoints, options)?,
            (true, true) => (Vec::new(), listen_datagrams(&endpoints, options)?),
        };
        Ok(Self { listeners, datagrams, client: None })
    }

    fn with(mut self, foreign: Foreign, options: ListenOptions) -> Result<Self, Failure> {
        let unusable = |error: std::io::Error| Failure::here("cannot use a passed socket", &error);
        match foreign {
            Foreign::Listener(socket) => {
                self.listeners.push(Listener::adopt(socket).map_err(unusable)?);
            }
            Foreign::Datagram(socket) => {
                self.datagrams.push(DatagramSocket::adopt(socket, options).map_err(unusable)?);
            }
            Foreign::Client(socket) => self.client = Some(socket),
        }
        Ok(self)
    }
}

/// Refuses what is for sockets that are bound here, with those that are not.
fn exclude(arguments: &Listen, with: &str, addresses: bool) -> Result<(), Failure> {
    let given = [
        ("an ADDRESS", addresses),
        ("--ipv4", arguments.ipv4),
        ("--ipv6", arguments.ipv6),
        ("--udp", arguments.udp),
        ("--reuse-port", arguments.reuse_port),
        ("--buffer", arguments.buffer.is_some()),
    ];
    match given.iter().find(|(_, given)| *given) {
        Some((name, _)) => Err(Failure::usage(format!("{name} is not for {with}: it is bound"))),
        None => Ok(()),
    }
}

#[cfg(target_os = "linux")]
fn passed() -> Result<Vec<Foreign>, Failure> {
    passed::take()
}

#[cfg(not(target_os = "linux"))]
fn passed() -> Result<Vec<Foreign>, Failure> {
    Ok(Vec::new())
}

/// The socket that inetd(8) or xinetd(8) passes on as stdin: a client (`nowait`), or with `wait` the
/// socket that clients come to.
#[cfg(unix)]
fn stdin() -> Result<Foreign, Failure> {
    use std::os::fd::AsFd;

    let descriptor = std::io::stdin().as_fd().try_clone_to_owned();
    let descriptor = descriptor.map_err(|error| Failure::here("cannot use stdin", &error))?;
    recognise(descriptor).map_err(|reason| {
        Failure::usage(format!("stdin {reason}"))
            .with_help(Some("--inetd is for inetd, xinetd and systemd's Accept=yes".to_owned()))
    })
}

#[cfg(not(unix))]
fn stdin() -> Result<Foreign, Failure> {
    Err(Failure::usage("--inetd is for Unix"))
}

/// Says what a descriptor is, or why it cannot be served.
#[cfg(unix)]
pub(super) fn recognise(descriptor: std::os::fd::OwnedFd) -> Result<Foreign, String> {
    let socket = socket2::Socket::from(descriptor);
    let unusable = |error: std::io::Error| format!("is no socket: {error}");
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
            (File::open("/dev/null").unwrap().into(), "is no socket"),
        ] {
            let error = recognise(descriptor).unwrap_err();
            assert!(error.starts_with(reason), "{error}");
        }
    }
}
