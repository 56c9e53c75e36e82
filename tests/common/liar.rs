//! Servers that are no echo servers, each wrong in one way that no fault of the real server can
//! express, on a port that the system chose.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{IpAddr, Shutdown, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::thread;
use std::time::Duration;

use socket2::{Domain, Socket, Type};

/// A lie is told to one client. It returns the stream to leave the connection open until the test's
/// process ends, or drops it to close.
pub(crate) type Lie = fn(TcpStream) -> Option<TcpStream>;

pub(crate) struct Liar {
    pub(crate) address: SocketAddr,
}

impl Liar {
    pub(crate) fn start(ip: IpAddr, lie: Lie) -> Self {
        let listener = TcpListener::bind((ip, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let stream = stream.unwrap();
                thread::spawn(move || lie(stream).map(std::mem::forget));
            }
        });
        Self { address }
    }
}

/// The next bytes, or none at the end, however that comes.
fn some(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let mut buffer = vec![0; 64 * 1024];
    let length = stream.read(&mut buffer).ok().filter(|&length| length > 0)?;
    buffer.truncate(length);
    Some(buffer)
}

fn all(stream: &mut TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes);
    bytes
}

/// Answers with fewer bytes than it got, and with others.
pub(crate) fn says_something_else(mut stream: TcpStream) -> Option<TcpStream> {
    some(&mut stream)?;
    stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").ok()?;
    None
}

/// Answers the first line, as a server of HTTP does, and waits for it for as long as it takes.
pub(crate) fn answers_a_line(mut stream: TcpStream) -> Option<TcpStream> {
    let mut line = Vec::new();
    BufReader::new(&stream).read_until(b'\n', &mut line).ok()?;
    let closes_in_silence = line.trim_ascii().is_empty(); // as Python's does
    if !closes_in_silence {
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").ok()?;
    }
    stream.shutdown(Shutdown::Write).ok()?;
    all(&mut stream); // or the system resets the connection, and the answer with it
    None
}

/// Returns each line when it is whole.
pub(crate) fn returns_lines(mut stream: TcpStream) -> Option<TcpStream> {
    let mut lines = BufReader::new(stream.try_clone().ok()?);
    let mut line = Vec::new();
    while lines.read_until(b'\n', &mut line).ok()? > 0 {
        stream.write_all(&line).ok()?;
        line.clear();
    }
    None
}

/// Leaves what was sent unread, for which the system resets the connection.
pub(crate) fn closes_without_reading(mut stream: TcpStream) -> Option<TcpStream> {
    stream.read_exact(&mut [0]).ok()?;
    None
}

/// Says so before any byte that it has not read can make a reset of it.
pub(crate) fn closes_at_once(stream: TcpStream) -> Option<TcpStream> {
    stream.shutdown(Shutdown::Both).ok()?;
    None
}

/// Keeps the first probe, of 64 bytes, until something else comes.
pub(crate) fn answers_late(mut stream: TcpStream) -> Option<TcpStream> {
    let mut first = [0; 64];
    stream.read_exact(&mut first).ok()?;
    let Some(second) = some(&mut stream) else { return Some(stream) };
    stream.write_all(&[&first, &second[..]].concat()).ok()?;
    honest(stream)
}

/// Keeps the first `length` bytes for a while, and is honest from then on.
pub(crate) fn answers_from(
    length: usize,
    pause: Duration,
    mut stream: TcpStream,
) -> Option<TcpStream> {
    let mut bytes = vec![0; length];
    stream.read_exact(&mut bytes).ok()?;
    thread::sleep(pause);
    stream.write_all(&bytes).ok()?;
    honest(stream)
}

/// Echoes, unless the end of stream comes right behind.
pub(crate) fn closes_at_the_half_close(mut stream: TcpStream) -> Option<TcpStream> {
    while let Some(bytes) = some(&mut stream) {
        stream.set_read_timeout(Some(MOMENT)).ok()?;
        if matches!(stream.peek(&mut [0]), Ok(0)) {
            return None;
        }
        stream.set_read_timeout(None).ok()?;
        stream.write_all(&bytes).ok()?;
    }
    None
}

/// Takes all, and closes when there is no more (RFC 863).
pub(crate) fn discards(mut stream: TcpStream) -> Option<TcpStream> {
    all(&mut stream);
    None
}

pub(crate) fn never_answers(mut stream: TcpStream) -> Option<TcpStream> {
    all(&mut stream);
    Some(stream)
}

/// How long a client may take between two messages until it counts as silent: longer than a busy
/// machine holds it up, and shorter than the silences of the tests.
const MOMENT: Duration = Duration::from_secs(1);

/// Echoes until it is spoken to no more for a moment. To a client that sends more than a small
/// message it is honest to the end, because that one will not be silent.
fn echoes_until_silence(mut stream: TcpStream) -> Option<TcpStream> {
    let small = some(&mut stream)?;
    stream.write_all(&small).ok()?;
    stream.set_read_timeout(Some(MOMENT)).ok()?;
    let silent = stream.peek(&mut [0]).is_err();
    stream.set_read_timeout(None).ok()?;
    if silent { Some(stream) } else { honest(stream).and(None) }
}

pub(crate) fn hangs_up_on_the_silent(stream: TcpStream) -> Option<TcpStream> {
    drop(echoes_until_silence(stream));
    None
}

pub(crate) fn resets_the_silent(stream: TcpStream) -> Option<TcpStream> {
    super::reset(echoes_until_silence(stream)?);
    None
}

pub(crate) fn forgets_the_silent(stream: TcpStream) -> Option<TcpStream> {
    never_answers(echoes_until_silence(stream)?)
}

/// As a proxy for HTTP does before it hangs up.
pub(crate) fn scolds_the_silent(stream: TcpStream) -> Option<TcpStream> {
    let mut stream = echoes_until_silence(stream)?;
    stream.write_all(b"HTTP/1.1 408 Request Timeout\r\n\r\n").ok()?;
    None
}

pub(crate) fn honest(mut stream: TcpStream) -> Option<TcpStream> {
    while let Some(bytes) = some(&mut stream) {
        stream.write_all(&bytes).ok()?;
    }
    None
}

/// A listener whose backlog is full, so that a connection to it neither succeeds nor fails.
pub(crate) struct Hanging {
    pub(crate) address: SocketAddr,
    _listener: Socket,
    _clients: Vec<Socket>,
}

impl Hanging {
    pub(crate) fn start(ip: IpAddr) -> Self {
        let address = SocketAddr::new(ip, 0);
        let listener = Socket::new(Domain::for_address(address), Type::STREAM, None).unwrap();
        listener.bind(&address.into()).unwrap();
        listener.listen(1).unwrap();
        let address = listener.local_addr().unwrap().as_socket().unwrap();
        let mut clients = Vec::new();
        // As many as the backlog takes, which is up to the system, and then one that waits.
        loop {
            let client = Socket::new(Domain::for_address(address), Type::STREAM, None).unwrap();
            let patience = Duration::from_millis(100);
            let waits = client.connect_timeout(&address.into(), patience).is_err();
            clients.push(client);
            if waits {
                return Self { address, _listener: listener, _clients: clients };
            }
            assert!(clients.len() < 100, "the backlog has no end");
        }
    }
}

/// A UDP port at which nobody receives, kept from everybody else: a socket that is connected to
/// another address takes no stranger's datagram, and the kernel refuses it.
pub(crate) fn closed_to_datagrams(ip: IpAddr) -> UdpSocket {
    let socket = UdpSocket::bind((ip, 0)).unwrap();
    socket.connect((ip, 9)).unwrap();
    socket
}

/// A port at which nobody listens, kept from everybody else.
pub(crate) struct Closed {
    pub(crate) address: SocketAddr,
    _socket: Socket,
}

impl Closed {
    pub(crate) fn reserve(ip: IpAddr) -> Self {
        let address = SocketAddr::new(ip, 0);
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, None).unwrap();
        socket.bind(&address.into()).unwrap();
        let address = socket.local_addr().unwrap().as_socket().unwrap();
        Self { address, _socket: socket }
    }
}
