//! Servers that others wrote: skipped aloud where they are not installed, killed behind the test.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::PATIENCE;

/// A program that serves, killed when it is dropped.
pub(crate) struct Foreign(Child);

impl Foreign {
    /// Starts the program and waits until it is ready; `None`, aloud, if it is not installed.
    pub(crate) fn start(
        program: &str,
        arguments: &[&str],
        mut is_ready: impl FnMut() -> bool,
    ) -> Option<Self> {
        let mut command = Command::new(program);
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let Ok(child) = command.spawn() else {
            eprintln!("skipped: {program} is not installed");
            return None;
        };
        let mut foreign = Self(child);
        let start = Instant::now();
        while !is_ready() {
            let ended = foreign.0.try_wait().unwrap();
            assert!(ended.is_none() && start.elapsed() < PATIENCE, "{program} {arguments:?}");
            std::thread::sleep(Duration::from_millis(5)); // it has no way to say that it is ready
        }
        Some(foreign)
    }

    /// Starts xinetd with one service at a port, of which `service` has the other lines.
    pub(crate) fn xinetd(service: &str, port: u16, is_ready: impl FnMut() -> bool) -> Option<Self> {
        let user = Command::new("id").arg("-un").output().map(|output| output.stdout);
        let user = String::from_utf8(user.unwrap_or_default()).unwrap();
        let user = user.trim();
        let path = std::env::temp_dir().join(format!("echo6-xinetd-{}-{port}", std::process::id()));
        let service = format!("service echo\n{{\n user = {user}\n port = {port}\n{service}\n}}\n");
        std::fs::write(&path, service).unwrap();
        let foreign = Self::start("xinetd", &["-dontfork", "-f", path.to_str().unwrap()], is_ready);
        let _ = std::fs::remove_file(path);
        foreign
    }
}

impl Drop for Foreign {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Says whether a byte comes back on a connection.
pub(crate) fn echoes(address: SocketAddr) -> bool {
    let exchange = || {
        let mut stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(Duration::from_secs(1)))?;
        stream.write_all(b"x")?;
        stream.read_exact(&mut [0])
    };
    exchange().is_ok()
}

/// Says whether a datagram comes back, from whatever address.
pub(crate) fn echoes_datagrams(address: SocketAddr) -> bool {
    let client = UdpSocket::bind((address.ip(), 0)).unwrap();
    client.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
    client.send_to(b"ready?", address).unwrap();
    client.recv(&mut [0; 16]).is_ok()
}

/// The host as socat wants it: IPv6 in brackets.
pub(crate) fn host(address: SocketAddr) -> String {
    if address.is_ipv6() { format!("[{}]", address.ip()) } else { address.ip().to_string() }
}
