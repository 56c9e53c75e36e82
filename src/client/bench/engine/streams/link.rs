//! One connection of a load: its socket, and what was sent and came back on it.

use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use mio::net::TcpStream;
use mio::{Interest, Registry, Token};
use socket2::SockRef;

use crate::client::bench::ledger::{Ledger, Wrong};
use crate::client::bench::payload::Payload;
use crate::client::connect::begin;
use crate::client::excerpt::Excerpt;
use crate::client::preface::ProxyHeader;
use crate::client::wire::uninterrupted;
use crate::error::Cause;

#[derive(Debug)]
pub(super) struct Link {
    stream: Option<TcpStream>,
    pub(super) state: State,
    pub(super) ledger: Ledger,
    /// What goes out before the first message.
    pub(super) preface: Vec<u8>,
    /// How much of it has gone out.
    introduced: usize,
    /// When the attempt to connect began, or was due.
    pub(super) began: u64,
    /// When a byte came back last, or the connection was made.
    pub(super) progress: u64,
    /// How many connections in a row came to nothing.
    pub(super) failures: u32,
    /// When to connect again.
    pub(super) retry_at: u64,
    /// Whether it waits for its turn to send.
    pub(super) dirty: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Closed,
    Connecting,
    Open,
}

/// What ended a connection, or an attempt at one.
#[derive(Debug)]
pub(super) enum Broken {
    /// It was not made.
    Connect(Cause),
    /// The system said so.
    System(Cause),
    /// Nothing came back for too long.
    Timeout,
    /// The server ended the stream.
    EndOfStream,
    /// What came back is wrong.
    Wrong(Wrong, Option<Excerpt>),
}

impl Link {
    /// Its stream begins at `origin` of the payload.
    pub(super) fn new(origin: u64) -> Self {
        Self {
            stream: None,
            state: State::Closed,
            ledger: Ledger::new(origin),
            preface: Vec::new(),
            introduced: 0,
            began: 0,
            progress: 0,
            failures: 0,
            retry_at: 0,
            dirty: false,
        }
    }

    /// Begins to connect.
    pub(super) fn connect(
        &mut self,
        peer: SocketAddr,
        source: Option<IpAddr>,
        registry: &Registry,
        token: Token,
    ) -> io::Result<()> {
        let mut stream = TcpStream::from_std(begin(peer, source, None)?);
        registry.register(&mut stream, token, Interest::READABLE | Interest::WRITABLE)?;
        self.stream = Some(stream);
        self.state = State::Connecting;
        Ok(())
    }

    /// Says whether the attempt to connect has ended well; `false` if it goes on. A connection to
    /// itself, to which a port of this host leads where nobody listens, is one that is refused.
    pub(super) fn is_connected(&self) -> io::Result<bool> {
        let Some(stream) = &self.stream else { return Ok(false) };
        if let Some(error) = stream.take_error()? {
            return Err(error);
        }
        match stream.peer_addr() {
            Ok(peer) if stream.local_addr()? == peer => {
                // A reset leaves no TIME_WAIT, which would keep a server from the port.
                SockRef::from(stream).set_linger(Some(Duration::ZERO))?;
                Err(ErrorKind::ConnectionRefused.into())
            }
            Ok(_) => Ok(true),
            Err(error) if error.kind() == ErrorKind::NotConnected => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Sends this before the first message.
    pub(super) fn introduce(&mut self, header: &ProxyHeader) -> io::Result<()> {
        let Some(stream) = &self.stream else { return Ok(()) };
        self.preface = header.bytes(stream.local_addr()?, stream.peer_addr()?)?;
        self.introduced = 0;
        Ok(())
    }

    /// Whether there is anything to send.
    pub(super) fn has_unsent(&self, payload: &Payload) -> bool {
        self.introduced < self.preface.len() || self.ledger.unsent(payload) > 0
    }

    /// Sends what is queued, as much as the socket takes.
    pub(super) fn send(&mut self, payload: &Payload) -> io::Result<()> {
        let Some(stream) = &mut self.stream else { return Ok(()) };
        while self.introduced < self.preface.len() {
            match uninterrupted(|| stream.write(&self.preface[self.introduced..])) {
                Ok(length) => self.introduced += length,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) if is_after_close(&error) => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        while self.ledger.unsent(payload) > 0 {
            match uninterrupted(|| stream.write(self.ledger.next_bytes(payload))) {
                Ok(length) => self.ledger.sent += length as u64,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) if is_after_close(&error) => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Reads once into `scratch` and compares; tells of each message that is back since when it
    /// counted, and says whether there may be more to read. `ended` is what the system says of the
    /// stream.
    pub(super) fn receive(
        &mut self,
        scratch: &mut [u8],
        payload: &Payload,
        whole: impl FnMut(u64),
    ) -> Result<Received, Broken> {
        let Some(stream) = &mut self.stream else { return Ok(Received::Nothing) };
        let length = match uninterrupted(|| stream.read(scratch)) {
            Ok(0) => return Err(Broken::EndOfStream),
            Ok(length) => length,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(Received::Nothing),
            Err(error) => return Err(Broken::System(error.into())),
        };
        let before = self.ledger.returned;
        self.ledger.take(&scratch[..length], payload, whole).map_err(|wrong| {
            let instead = match wrong {
                _ if before > 0 => None, // it was an echo until now
                Wrong::Differs { offset, .. } => Excerpt::of_reply(&scratch[..length], offset),
                Wrong::Surplus { offset } => Excerpt::of(&scratch[offset as usize..length]),
            };
            Broken::Wrong(wrong, instead)
        })?;
        Ok(if length == scratch.len() { Received::Full } else { Received::Some })
    }

    /// Closes the connection, with a reset if `hard`: no TIME_WAIT stays here then, which would
    /// keep the port from use for a minute.
    pub(super) fn close(&mut self, hard: bool) {
        if let Some(stream) = self.stream.take() {
            if hard {
                // What cannot be set cannot be helped: the port is short then, which is told.
                let _ = SockRef::from(&stream).set_linger(Some(Duration::ZERO));
            }
            self.preface.clear();
            self.introduced = 0;
            drop(stream); // which takes it from the selector, too
        }
        self.state = State::Closed;
    }
}

/// Says whether a server that closed takes no more. The end of its stream is still to be read, and what
/// it said before: they tell how the connection ended.
fn is_after_close(error: &io::Error) -> bool {
    error.kind() == ErrorKind::BrokenPipe
}

/// What one read has taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Received {
    /// Nothing is there.
    Nothing,
    /// Less than there was room for: all that was there.
    Some,
    /// As much as there was room for.
    Full,
}
