//! The life of one connection, from its first byte to its close.

use std::future::poll_fn;
use std::io;
use std::net::{Shutdown, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use async_std::future::timeout;
use async_std::net::TcpStream;
use futures::io::{AsyncRead, AsyncWrite};
use socket2::SockRef;

use super::clients::{Client, Slot};
use crate::echo::{End, echo};
use crate::error::Cause;
use crate::event::Reason;

/// What accept(2) returns.
pub(super) type Accepted = (TcpStream, SocketAddr);

/// Echoes until the client, an error or the server ends it.
// Not an `async fn`: that would keep its argument twice, 24 bytes more for each client.
pub(super) fn serve(slot: Slot) -> impl Future<Output = ()> + Send {
    async move {
        // An echo must not wait for the acknowledgement of the one before (Nagle's algorithm). If
        // it cannot be set, the client is gone, and the pump will find that out.
        let _ = slot.client.stream.set_nodelay(true);
        let socket = HalfClosing(&slot.client.stream);
        let reason = match echo(socket, socket, &slot.client.flow).await {
            Ok(End::OfStream) => Reason::EndOfStream,
            // Boxed, because each client would carry its room, and few need it.
            Ok(End::Finished) if Box::pin(linger(&slot.client)).await == Lingered::ToTheEnd => {
                Reason::Shutdown
            }
            Ok(End::Finished | End::Cut) => Reason::Cut,
            Err(error) => match Cause::from(error) {
                cause if cause.is_reset() => Reason::Reset,
                cause => Reason::Error(cause),
            },
        };
        if matches!(reason, Reason::Cut) {
            // Without data to wait for, close(2) resets at once (SO_LINGER with 0, tcp(7)).
            let _ = SockRef::from(&slot.client.stream).set_linger(Some(Duration::ZERO));
        }
        slot.close(reason);
    }
}

/// How long a client must be silent after its last echo before its socket is closed. A round trip
/// on the slowest terrestrial path.
const SILENCE: Duration = Duration::from_millis(250);

/// Reads and drops what a client still sends after the server has ended the stream.
///
/// To close(2) a socket when data is still arriving sends a reset, and a reset makes both systems
/// throw away echoes that are still on their way (RFC 1122, section 4.2.2.13).
async fn linger(client: &Client) -> Lingered {
    loop {
        let dropped = poll_fn(|cx| {
            if client.flow.poll_cut(cx).is_ready() {
                return Poll::Ready(Err(Lingered::Cut));
            }
            let mut sink = [0; 4096];
            match ready!(Pin::new(&mut &client.stream).poll_read(cx, &mut sink)) {
                Ok(1..) => Poll::Ready(Ok(())),
                Ok(0) | Err(_) => Poll::Ready(Err(Lingered::ToTheEnd)),
            }
        });
        match timeout(SILENCE, dropped).await {
            Ok(Ok(())) => {}
            Ok(Err(lingered)) => return lingered,
            Err(_silence) => return Lingered::ToTheEnd,
        }
    }
}

#[derive(PartialEq)]
enum Lingered {
    ToTheEnd,
    Cut,
}

/// A socket as the pump wants it: to close the writer is to shut the write half.
#[derive(Clone, Copy)]
struct HalfClosing<'a>(&'a TcpStream);

impl AsyncRead for HalfClosing<'_> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_read(cx, bytes)
    }
}

impl AsyncWrite for HalfClosing<'_> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.0).poll_flush(cx))?;
        Poll::Ready(self.0.shutdown(Shutdown::Write))
    }
}
