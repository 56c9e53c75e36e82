//! `listen` as a service manager starts it: with sockets that are passed on, told how it is, and with
//! one client as stdin.

#![cfg(all(target_os = "linux", feature = "cli"))]

mod common;

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use common::binary::{Listening, Run, run};
use common::foreign::{Foreign, echoes};
use common::{PATIENCE, connect, exchange, noise, round_trip};
use rustix::process::Signal;

/// `echo6` with `descriptor` as descriptor 3, and the variables that `environment` sets, in which `$$`
/// is its process.
fn passed(descriptor: impl Into<OwnedFd>, environment: &str, arguments: &str) -> Command {
    let binary = env!("CARGO_BIN_EXE_echo6");
    let line = format!("exec 3<&0 </dev/null; {environment} exec {binary} {arguments}");
    let mut command = Command::new("sh");
    command.args(["-c", &line]).stdin(Stdio::from(descriptor.into()));
    command
}

const ONE: &str = "LISTEN_PID=$$ LISTEN_FDS=1";

#[test]
fn a_socket_that_is_passed_on_is_served_blocking_or_not() {
    for (address, families) in [("127.0.0.1:0", "(IPv4)"), ("[::1]:0", "(IPv6)")] {
        for nonblocking in [false, true] {
            let listener = TcpListener::bind(address).unwrap();
            listener.set_nonblocking(nonblocking).unwrap();
            let address = listener.local_addr().unwrap();
            // Who connects before it starts waits in the socket's queue.
            let early = connect(address);
            let listening = Listening::spawn(passed(listener, ONE, "listen -q"));
            assert_eq!(listening.line, format!("listening on {address} {families}\n"));
            assert_eq!(exchange(early, b"early"), b"early");
            assert_eq!(exchange(connect(address), b"hello"), b"hello");
            assert_eq!(listening.stop(Signal::TERM).status, Some(0));
        }
    }
}

#[test]
fn streams_and_datagrams_are_passed_on_together() {
    let listener = TcpListener::bind("[::1]:0").unwrap();
    let address = listener.local_addr().unwrap();
    let datagram = UdpSocket::bind("127.0.0.1:0").unwrap();
    let asked = datagram.local_addr().unwrap();
    let stdout = Stdio::from(OwnedFd::from(datagram));
    // The second is descriptor 1 until the shell moves it.
    let binary = env!("CARGO_BIN_EXE_echo6");
    let line = format!(
        "exec 3<&0 4>&1 </dev/null >&2; LISTEN_PID=$$ LISTEN_FDS=2 exec {binary} listen -q"
    );
    let mut command = Command::new("sh");
    command.args(["-c", &line]).stdin(Stdio::from(OwnedFd::from(listener))).stdout(stdout);
    let _serving = Killed(command.stderr(Stdio::null()).spawn().unwrap());
    assert_eq!(exchange(connect(address), b"hello"), b"hello");
    let client = UdpSocket::bind("127.0.0.1:0").unwrap();
    client.set_read_timeout(Some(PATIENCE)).unwrap();
    client.send_to(b"datagram", asked).unwrap();
    let mut reply = [0; 64];
    let (length, from) = client.recv_from(&mut reply).unwrap();
    assert_eq!((&reply[..length], from), (&b"datagram"[..], asked));
}

#[test]
fn the_socket_of_the_manager_outlives_the_server() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let kept = listener.try_clone().unwrap();
    let listening = Listening::spawn(passed(listener, ONE, "listen -q"));
    assert_eq!(exchange(connect(address), b"hello"), b"hello");
    assert_eq!(listening.stop(Signal::TERM).status, Some(0));

    // Nobody serves now, and nobody is refused: the client waits for the next server.
    let waiting = connect(address);
    let _again = Listening::spawn(passed(kept, ONE, "listen -q"));
    assert_eq!(exchange(waiting, b"waited"), b"waited");
}

#[test]
fn who_waits_while_the_server_stops_is_served_by_the_next_one() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let kept = listener.try_clone().unwrap();
    socket2::SockRef::from(&listener).listen(1024).unwrap();
    let listening = Listening::spawn(passed(listener, ONE, "listen -q"));
    listening.signal(Signal::STOP);
    let server = rustix::process::Pid::from_child(&listening.child);
    rustix::process::waitpid(Some(server), rustix::process::WaitOptions::UNTRACED).unwrap();
    // Far more than it accepts in the few turns until it sees the signal.
    let clients: Vec<_> = (0..600).map(|_| connect(address)).collect();
    listening.signal(Signal::TERM);
    listening.signal(Signal::CONT);
    assert_eq!(listening.stop(Signal::CONT).status, Some(0));

    let _next = Listening::spawn(passed(kept, ONE, "listen -q"));
    let served = clients.into_iter().filter_map(|mut client| {
        client.write_all(b"waited").ok()?;
        client.read_exact(&mut [0; 6]).ok()
    });
    // Those that it has accepted by then are drained.
    assert!(served.count() > 0, "it has taken all that waited");
}

#[test]
fn what_cannot_be_served_is_said() {
    let listener = || OwnedFd::from(TcpListener::bind("127.0.0.1:0").unwrap());
    let file = || OwnedFd::from(std::fs::File::open("/dev/null").unwrap());
    let (_client, connection) = accepted();
    for (descriptor, environment, arguments, said) in [
        (listener(), ONE, "listen 127.0.0.1:0", "LISTEN_FDS passes 1 on, and an ADDRESS is given"),
        (listener(), ONE, "listen --reuse-port", "--reuse-port is not for a socket"),
        (listener(), ONE, "listen -6", "--ipv6 is not for a socket"),
        (listener(), ONE, "listen -u", "--udp is not for a socket"),
        (listener(), "LISTEN_PID=1 LISTEN_FDS=1", "listen", "no ADDRESS given"),
        (listener(), "LISTEN_PID=$$ LISTEN_FDS=0", "listen", "no ADDRESS given"),
        (listener(), "LISTEN_PID=$$ LISTEN_FDS=3", "listen", "descriptor 4 is not open"),
        (listener(), "LISTEN_PID=$$ LISTEN_FDS=4294967295", "listen", "descriptor 4 is not open"),
        (listener(), "LISTEN_PID=$$ LISTEN_FDS=x", "listen", "is not a number"),
        (file(), ONE, "listen", "descriptor 3 of LISTEN_FDS is not a socket"),
        (
            OwnedFd::from(connection),
            "LISTEN_PID=$$ LISTEN_FDS=1 LISTEN_FDNAMES=connection",
            "listen",
            "descriptor 3 (connection) of LISTEN_FDS is a connection",
        ),
    ] {
        let run = Run::from(passed(descriptor, environment, arguments).output().unwrap());
        assert_eq!((run.status, &run.stdout[..]), (Some(2), ""), "{environment} {run:?}");
        assert!(run.stderr.contains(said), "{environment} {arguments}: {}", run.stderr);
    }
}

#[test]
fn systemd_socket_activate_starts_it_for_the_first_client() {
    let address = common::liar::Closed::reserve(common::V6).address;
    let mut command = Command::new("systemd-socket-activate");
    command.args(["-l", &address.to_string(), env!("CARGO_BIN_EXE_echo6"), "listen", "-q"]);
    let Ok(child) = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn() else {
        eprintln!("skipped: systemd-socket-activate is not installed");
        return;
    };
    let _activated = Killed(child);
    let start = Instant::now();
    let client = loop {
        match TcpStream::connect(address) {
            Ok(client) => break client,
            Err(_) => {
                assert!(start.elapsed() < PATIENCE);
                std::thread::sleep(Duration::from_millis(5)); // it has no way to say that it is ready
            }
        }
    };
    let message = noise(1 << 20);
    assert!(exchange(client, &message) == message);
}

struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A service manager's socket for what it is told.
struct Manager {
    socket: UnixDatagram,
    path: PathBuf,
}

impl Manager {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("echo6-{name}-{}", std::process::id()));
        let _ = std::fs::remove_file(&path);
        let socket = UnixDatagram::bind(&path).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        Self { socket, path }
    }

    fn told(&self) -> String {
        let mut state = [0; 1024];
        let length = loop {
            match self.socket.recv(&mut state) {
                // A receive with a timeout is not restarted (signal(7)).
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                received => break received.unwrap(),
            }
        };
        String::from_utf8(state[..length].to_vec()).unwrap()
    }
}

impl Drop for Manager {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

#[test]
fn the_manager_is_told_when_it_serves_how_many_and_when_it_stops() {
    let manager = Manager::new("notify");
    let mut command = common::binary::echo6(&["listen", "-q", "--grace", "2s", "127.0.0.1:0"]);
    command.env("NOTIFY_SOCKET", &manager.path);
    let listening = Listening::spawn(command);
    assert_eq!(manager.told(), "STATUS=0 clients now, 0 before, 0 bytes echoed\nREADY=1\n");
    let address = SocketAddr::new(common::V4, listening.port);
    assert_eq!(exchange(connect(address), b"hello"), b"hello");
    let mut client = connect(address);
    assert_eq!(round_trip(&mut client, b"here"), b"here");
    assert_eq!(manager.told(), "STATUS=1 client now, 1 before, 5 bytes echoed\n");
    drop(client);
    assert_eq!(listening.stop(Signal::TERM).status, Some(0));
    let told = manager.told();
    assert!(told.ends_with("STOPPING=1\nEXTEND_TIMEOUT_USEC=5000000\n"), "{told}");
}

#[test]
fn a_manager_that_does_not_read_holds_up_nobody() {
    let mut command = common::binary::echo6(&["listen", "-q", "127.0.0.1:0"]);
    command.env("NOTIFY_SOCKET", "/nowhere/at/all");
    let listening = Listening::spawn(command);
    let address = SocketAddr::new(common::V4, listening.port);
    assert_eq!(exchange(connect(address), b"hello"), b"hello");
    assert_eq!(listening.stop(Signal::TERM).status, Some(0));
}

#[test]
fn lines_for_the_journal_have_priorities() {
    use std::os::unix::fs::MetadataExt;

    let path = std::env::temp_dir().join(format!("echo6-journal-{}", std::process::id()));
    let journal = std::fs::File::create(&path).unwrap();
    let metadata = journal.metadata().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let mut command = passed(listener, ONE, "listen --max-per-source 1");
    command.env("JOURNAL_STREAM", format!("{}:{}", metadata.dev(), metadata.ino()));
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::from(journal)).spawn().unwrap();
    let mut first = connect(address);
    assert_eq!(round_trip(&mut first, b"x"), b"x");
    assert_eq!(connect(address).read(&mut [0]).unwrap_or(0), 0, "one too many");
    rustix::process::kill_process(rustix::process::Pid::from_child(&child), Signal::TERM).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
    let lines = std::fs::read_to_string(&path).unwrap();
    std::fs::remove_file(path).unwrap();
    let priorities: Vec<&str> = lines.lines().map(|line| &line[..3]).collect();
    assert_eq!(priorities, ["<6>", "<5>", "<6>", "<6>"], "{lines}");
}

/// A client, and what a server accepted for it.
fn accepted() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = connect(listener.local_addr().unwrap());
    (client, listener.accept().unwrap().0)
}

/// `echo6 listen --inetd` with all its standard streams on one socket, as xinetd(8) has it.
fn inetd(socket: impl Into<OwnedFd>, arguments: &[&str]) -> Killed {
    let socket = socket.into();
    let stream = || Stdio::from(socket.try_clone().unwrap());
    let mut command = common::binary::echo6(&[&["listen", "--inetd"], arguments].concat());
    Killed(command.stdin(stream()).stdout(stream()).stderr(stream()).spawn().unwrap())
}

#[test]
fn a_client_on_stdin_gets_its_bytes_back_and_nothing_else() {
    let (client, socket) = accepted();
    let mut served = inetd(socket, &[]);
    let message = noise(3 << 20);
    assert!(exchange(client, &message) == message);
    assert_eq!(served.0.wait().unwrap().code(), Some(0));
}

#[test]
fn limits_hold_for_a_client_on_stdin_too() {
    let (client, socket) = accepted();
    let mut served = inetd(socket, &["--max-bytes", "5"]);
    assert_eq!(exchange(client, b"hello world"), b"hello");
    assert_eq!(served.0.wait().unwrap().code(), Some(0));

    let (mut client, socket) = accepted();
    let mut served = inetd(socket, &["--deny", "loopback"]);
    assert_eq!(client.read(&mut [0; 64]).unwrap_or(0), 0);
    assert_eq!(served.0.wait().unwrap().code(), Some(0));
}

#[test]
fn what_clients_come_to_on_stdin_is_served() {
    let listener = TcpListener::bind("[::1]:0").unwrap();
    let address = listener.local_addr().unwrap();
    let _served = inetd(listener, &[]);
    for _ in 0..3 {
        assert_eq!(exchange(connect(address), b"hello"), b"hello");
    }
}

#[test]
fn a_client_on_stdin_reads_no_error() {
    let (mut client, socket) = accepted();
    let mut served = inetd(socket, &["127.0.0.1:0"]);
    let mut said = Vec::new();
    client.shutdown(Shutdown::Write).unwrap();
    client.read_to_end(&mut said).unwrap();
    assert_eq!(
        (String::from_utf8(said), served.0.wait().unwrap().code()),
        (Ok(String::new()), Some(2))
    );

    let refused = run(&["listen", "--inetd"]);
    assert_eq!((refused.status, &refused.stdout[..]), (Some(2), ""));
    assert!(refused.stderr.contains("stdin is not a socket"), "{}", refused.stderr);
    let refused = run(&["listen", "--inetd", "--json"]);
    assert!(refused.stderr.contains("--inetd prints nothing"), "{}", refused.stderr);
}

#[test]
fn xinetd_starts_one_for_each_client() {
    let address = common::liar::Closed::reserve(common::V4).address;
    let service = format!(
        "type = UNLISTED\n socket_type = stream\n protocol = tcp\n wait = no\n bind = 127.0.0.1\n \
         server = {}\n server_args = listen --inetd",
        env!("CARGO_BIN_EXE_echo6"),
    );
    let xinetd = Foreign::xinetd(&service, address.port(), || echoes(address));
    let Some(_xinetd) = xinetd else { return };
    let checked = run(&["check", "-q", &address.to_string()]);
    assert_eq!(checked.status, Some(0), "{checked:?}");
    assert_eq!(exchange(connect(address), b"hello"), b"hello");
}
