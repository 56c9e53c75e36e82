//! A client's socket as the pump wants it: reading stops at the byte limit and takes little while
//! memory is short, writing waits where the kernel has no memory, and to close the writer is to
//! half-close.

use std::io::{self, Read};
use std::net::Shutdown;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use async_io::Timer;
use futures::io::{AsyncRead, AsyncWrite};

use super::busy::Looking;
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
        let Self(client) = *self;
        client.read(buffer, |buffer| {
            loop {
                match client.socket.get_ref().read(buffer) {
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    read => return Poll::Ready(read),
                }
                // The first answer may be of the event that led to the read before this one. To read
                // for it, as async-io's poll_read does, finds nothing and costs a system call.
                ready!(client.socket.poll_readable(cx))?;
                ready!(client.socket.poll_readable(cx))?;
            }
        })
    }
}

impl AsyncWrite for Wire<'_> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let taken = ready!(Pin::new(&mut &self.0.socket).poll_write(cx, bytes))?;
        self.0.note_taken(taken);
        Poll::Ready(Ok(taken))
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
pub(super) struct BusyWire<'a> {
    wire: Wire<'a>,
    looking: Looking,
}

impl<'a> BusyWire<'a> {
    pub(super) fn new(wire: Wire<'a>) -> Self {
        Self { wire, looking: Looking::default() }
    }
}

impl AsyncRead for BusyWire<'_> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let client = self.wire.0;
        let looked =
            client.read(buffer, |buffer| Poll::Ready(client.socket.get_ref().read(buffer)));
        match looked {
            Poll::Ready(Err(error)) if error.kind() == io::ErrorKind::WouldBlock => {
                if self.looking.goes_on(client.busy_poll(), Instant::now) {
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
                Pin::new(&mut self.wire).poll_read(cx, buffer)
            }
            read => {
                self.looking.found();
                read
            }
        }
    }
}

/// A writer that is asked at most twice, and then left alone for a while, when it was said to take
/// bytes and took none.
///
/// While the kernel is out of memory for TCP, poll(2) calls a socket writable and send(2) answers
/// EAGAIN, so that a writer which just waits for its turn would spin.
#[derive(Debug)]
pub(super) struct Patient<W> {
    writer: W,
    refused: Option<Box<Refused>>, // boxed: most clients take everything at once
}

/// How often a write was refused.
#[derive(Debug)]
enum Refused {
    /// The writer wakes the task when it takes bytes.
    Once,
    /// The task was woken, by the writer or by an order, and the writer refused again.
    Again(Timer),
}

/// How long a writer is left alone. The kernel frees memory as packets are acknowledged, which takes
/// longer on most paths.
const PAUSE: Duration = Duration::from_millis(10);

impl<W> Patient<W> {
    pub(super) fn new(writer: W) -> Self {
        Self { writer, refused: None }
    }
}

impl<W: AsyncWrite + Unpin> AsyncWrite for Patient<W> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if let Some(Refused::Again(pause)) = self.refused.as_deref_mut() {
            ready!(Pin::new(pause).poll(cx));
        }
        let written = Pin::new(&mut self.writer).poll_write(cx, bytes);
        if written.is_ready() {
            self.refused = None;
            return written;
        }
        let refused = match self.refused.as_deref() {
            // After the pause it waits to be woken again: a client that does not read is no reason to
            // ask on and on, and a kernel without memory wakes the task at once.
            None | Some(Refused::Again(_)) => Refused::Once,
            Some(Refused::Once) => {
                let mut pause = Timer::after(PAUSE);
                if Pin::new(&mut pause).poll(cx).is_ready() {
                    cx.waker().wake_by_ref();
                }
                Refused::Again(pause)
            }
        };
        self.refused = Some(Box::new(refused));
        Poll::Pending
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.writer).poll_flush(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.writer).poll_close(cx)
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use futures::AsyncWriteExt;
    use futures::executor::block_on;
    use futures::future::select;

    use super::*;

    /// A socket that takes nothing until it was asked a number of times.
    struct Full {
        asked: u32,
        takes_after: u32,
        /// Whether it says that it is writable, as that of a kernel without memory does. That of a
        /// client who does not read never wakes the task.
        wakes: bool,
    }

    impl AsyncWrite for &mut Full {
        fn poll_write(
            mut self: Pin<&mut Self>,
            cx: &mut Context<'_>,
            bytes: &[u8],
        ) -> Poll<io::Result<usize>> {
            self.asked += 1;
            if self.asked > self.takes_after {
                return Poll::Ready(Ok(bytes.len()));
            }
            if self.wakes {
                cx.waker().wake_by_ref();
            }
            Poll::Pending
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    #[test]
    fn a_writer_that_takes_nothing_is_left_alone_between_two_attempts() {
        let mut socket = Full { asked: 0, takes_after: 6, wakes: true };
        let start = Instant::now();
        block_on(Patient::new(&mut socket).write_all(b"bytes")).unwrap();
        assert_eq!(socket.asked, 7);
        assert!(start.elapsed() >= 3 * PAUSE, "two attempts may follow each other");
    }

    #[test]
    fn a_writer_that_is_full_when_an_order_comes_is_waited_for_as_before() {
        let mut socket = Full { asked: 0, takes_after: u32::MAX, wakes: false };
        let mut writer = Patient::new(&mut socket);
        let mut ordered = false;
        let waits = poll_fn(|cx| {
            // The order wakes the task though the writer does not.
            if !ordered {
                ordered = true;
                cx.waker().wake_by_ref();
            }
            Pin::new(&mut writer).poll_write(cx, b"bytes")
        });
        block_on(select(waits, Timer::after(20 * PAUSE)));
        // At first, at the order, after a pause, and at the end of the test.
        assert!(socket.asked <= 4, "{}", socket.asked);
    }
}
