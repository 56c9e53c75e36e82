//! A client's socket: a signal does not end a read or a write, and to close is to half-close.

use std::io;
use std::net::{Shutdown, TcpStream};
use std::pin::Pin;
use std::task::{Context, Poll};

use async_io::Async;
use futures::io::{AsyncRead, AsyncWrite};

#[derive(Debug)]
pub(super) struct Wire(Async<TcpStream>);

impl Wire {
    pub(super) fn new(stream: Async<TcpStream>) -> Self {
        Self(stream)
    }

    pub(super) fn get_ref(&self) -> &TcpStream {
        self.0.get_ref()
    }
}

impl AsyncRead for &Wire {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        poll_uninterrupted(|| Pin::new(&mut &self.0).poll_read(cx, buffer))
    }
}

impl AsyncWrite for &Wire {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        poll_uninterrupted(|| Pin::new(&mut &self.0).poll_write(cx, bytes))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut &self.0).poll_flush(cx)
    }

    /// Shuts the sending side (shutdown(2)).
    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.get_ref().shutdown(Shutdown::Write))
    }
}

/// Makes a call again while a signal interrupts it (EINTR), which says nothing about the connection.
pub(super) fn uninterrupted<T>(mut call: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match call() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            done => return done,
        }
    }
}

/// The same for what may have to wait.
fn poll_uninterrupted<T>(mut call: impl FnMut() -> Poll<io::Result<T>>) -> Poll<io::Result<T>> {
    let done = uninterrupted(|| match call() {
        Poll::Ready(done) => done.map(Poll::Ready),
        Poll::Pending => Ok(Poll::Pending),
    });
    done.map_or_else(|error| Poll::Ready(Err(error)), |done| done.map(Ok))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_that_a_signal_interrupts_is_made_again() {
        let mut interruptions = 3;
        let read = poll_uninterrupted(|| {
            if interruptions == 0 {
                return Poll::Ready(Ok(5));
            }
            interruptions -= 1;
            Poll::Ready(Err(io::ErrorKind::Interrupted.into()))
        });
        assert!(matches!(read, Poll::Ready(Ok(5))), "{read:?}");
        let reset =
            poll_uninterrupted::<()>(|| Poll::Ready(Err(io::ErrorKind::ConnectionReset.into())));
        assert!(matches!(reset, Poll::Ready(Err(_))), "{reset:?}");
        assert!(poll_uninterrupted::<()>(|| Poll::Pending).is_pending());
    }
}
