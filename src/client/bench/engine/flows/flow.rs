//! One port that datagrams of a load are sent from: its socket, and what was sent and came back.

use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr};

use mio::net::UdpSocket;
use mio::{Interest, Registry, Token};

use crate::client::bench::payload::Payload;
use crate::client::bench::window::Window;
use crate::client::ping::probe::HEADER;
use crate::client::wire::uninterrupted;
use crate::socket::{CallerOptions, call};

#[derive(Debug)]
pub(super) struct Flow {
    pub(super) socket: Option<UdpSocket>,
    pub(super) window: Window,
    /// Where in the payload the first datagram begins.
    origin: u64,
    /// How many datagrams in a row could not be sent, or were refused.
    pub(super) failures: u32,
    /// When a closed loop goes on behind such; zero if it may at once.
    pub(super) retry_at: u64,
    /// Whether the system tells when there is room to send.
    asks_for_room: bool,
    /// How many datagrams have found no room in the receive buffer.
    pub(super) dropped: u64,
}

impl Flow {
    pub(super) fn new() -> Self {
        Self {
            socket: None,
            window: Window::default(),
            origin: fastrand::u64(..),
            failures: 0,
            retry_at: 0,
            asks_for_room: false,
            dropped: 0,
        }
    }

    /// Takes a port. The socket is not connected, so that an answer from another address is heard.
    pub(super) fn open(
        &mut self,
        peer: SocketAddr,
        source: Option<IpAddr>,
        registry: &Registry,
        token: Token,
    ) -> io::Result<()> {
        let socket = call(peer, CallerOptions { source, plain: true, ..Default::default() })?;
        socket.set_nonblocking(true)?;
        let mut socket = UdpSocket::from_std(socket);
        // That there is room again would be told for each datagram that has left.
        registry.register(&mut socket, token, Interest::READABLE)?;
        self.socket = Some(socket);
        Ok(())
    }

    /// Has the system tell when there is room to send, or no longer.
    pub(super) fn ask_for_room(
        &mut self,
        asks: bool,
        registry: &Registry,
        token: Token,
    ) -> io::Result<()> {
        let Some(socket) = &mut self.socket else { return Ok(()) };
        if self.asks_for_room == asks {
            return Ok(());
        }
        self.asks_for_room = asks;
        let writable = asks.then_some(Interest::WRITABLE);
        let interest = writable.map_or(Interest::READABLE, |room| room | Interest::READABLE);
        registry.reregister(socket, token, interest)
    }

    /// What a datagram has behind its number: other bytes each time, so that none is taken for
    /// another.
    pub(super) fn tail<'p>(&self, number: u64, payload: &'p Payload) -> &'p [u8] {
        let position = self.origin.wrapping_add(number.wrapping_mul(payload.size as u64));
        payload.at(position, payload.size - HEADER)
    }

    /// Sends a datagram; `room` has its size.
    pub(super) fn send(
        &self,
        number: u64,
        peer: SocketAddr,
        room: &mut [u8],
        payload: &Payload,
    ) -> io::Result<()> {
        let Some(socket) = &self.socket else { return Err(ErrorKind::NotConnected.into()) };
        room[..HEADER].copy_from_slice(&number.to_be_bytes());
        room[HEADER..].copy_from_slice(self.tail(number, payload));
        uninterrupted(|| socket.send_to(room, peer)).map(drop)
    }
}
