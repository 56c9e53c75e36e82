//! A client's socket as the pump wants it: reading stops at the byte limit, and to close the writer
//! is to half-close.

use std::io::{self, Read};
use std::net::Shutdown;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use futures::io::{AsyncRead, AsyncWrite};

use super::clients::Client;

/// The socket of a client, to read from and to write to.
#[derive(Clone, Copy)]
pub(super) struct Wire<'a>(pub(super) &'a Client);

impl AsyncRead for Wire<'_> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let left = self.0.bytes_left().min(buffer.len() as u64) as usize;
        if left == 0 {
            return Poll::Ready(Ok(0));
        }
        Pin::new(&mut &self.0.socket).poll_read(cx, &mut buffer[..left])
    }
}

impl AsyncWrite for Wire<'_> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut &self.0.socket).poll_write(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut &self.0.socket).poll_flush(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.as_mut().poll_flush(cx))?;
        Poll::Ready(self.0.socket.get_ref().shutdown(Shutdown::Write))
    }
}

/// The same, but it looks again and again for a while before it waits.
///
/// To wait costs a system call to arm epoll, another to sleep, and the time to wake up. While a
/// reader looks, other tasks run between two looks.
pub(super) struct BusyWire<'a> {
    wire: Wire<'a>,
    looking_since: Option<Instant>,
}

impl<'a> BusyWire<'a> {
    pub(super) fn new(wire: Wire<'a>) -> Self {
        Self { wire, looking_since: None }
    }
}

impl AsyncRead for BusyWire<'_> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let client = self.wire.0;
        let left = client.bytes_left().min(buffer.len() as u64) as usize;
        match client.socket.get_ref().read(&mut buffer[..left]) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                let since = *self.looking_since.get_or_insert_with(Instant::now);
                if since.elapsed() < client.limits().busy_poll {
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
                self.looking_since = None;
                Pin::new(&mut self.wire).poll_read(cx, buffer)
            }
            read => {
                self.looking_since = None;
                Poll::Ready(read)
            }
        }
    }
}
