//! Where a server's sockets come from: bound here, passed on by a service manager, or stdin.

use std::net::TcpStream;

use echo6::socket::{
    DatagramSocket, ListenOptions, Listener, listen, listen_both, listen_datagrams,
};

use super::flags::Listen;
use super::foreign::Foreign;
#[cfg(unix)]
use super::foreign::recognise;
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

impl Sockets {
    /// Takes or binds the sockets that the arguments and the environment name.
    pub(super) fn open(arguments: &Listen, options: ListenOptions) -> Result<Self, Failure> {
        if arguments.no_tcp && !arguments.udp {
            return Err(Failure::for_datagrams("--no-tcp"));
        }
        if arguments.inetd && arguments.json {
            return Err(
                Failure::usage("--inetd prints nothing: it excludes --json").leave_one_out()
            );
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
                self.listeners.push(Listener::adopt(socket).map_err(unusable)?.shared());
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
        Some((name, _)) => Err(Failure::usage(format!("{name} is not for {with}: it is bound"))
            .with_help(Some(format!("leave {name} out")))),
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
