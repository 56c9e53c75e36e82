//! The life of one connection, from its first byte to its close.

use std::future::poll_fn;
use std::io;
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use async_io::Async;
use async_std::future::timeout;
use async_std::task;
use futures::io::{AsyncRead, AsyncWrite};
use socket2::SockRef;

use super::clients::Client;
use crate::echo::{End, echo};
use crate::error::Cause;
use crate::event::Reason;

/// What accept(2) returns.
pub(super) type Accepted = (Async<TcpStream>, SocketAddr);

/// Echoes until the client, an error or the server ends it.
pub(super) async fn serve(client: Arc<Client>) {
    // An echo must not wait for the acknowledgement of the one before (Nagle's algorithm). If it
    // cannot be set, the client is gone, and the pump will find that out.
    let _ = client.socket.get_ref().set_nodelay(true);
    let socket = HalfClosing(&client.socket);
    let ended = echo(socket, socket, &client.flow).await;
    match ended {
        Ok(End::OfStream) => client.close(Reason::EndOfStream),
        // In a task of its own, because each client would carry its room, and few need it.
        Ok(End::Finished) => drop(task::spawn(linger(client))),
        Ok(End::Cut) => cut(&client),
        Err(error) => match Cause::from(error) {
            cause if cause.is_reset() => client.close(Reason::Reset),
            cause => client.close(Reason::Error(cause)),
        },
    }
}

/// Ends a connection that would not end by itself.
fn cut(client: &Client) {
    // Without data to wait for, close(2) resets at once (SO_LINGER with 0, tcp(7)).
    let _ = SockRef::from(&client.socket).set_linger(Some(Duration::ZERO));
    client.close(Reason::Cut);
}

/// How long a client must be silent after its last echo before its socket is closed. A round trip
/// on the slowest terrestrial path.
const SILENCE: Duration = Duration::from_millis(250);

/// Reads and drops what a client still sends after the server has ended the stream.
///
/// To close(2) a socket when data is still arriving sends a reset, and a reset makes both systems
/// throw away echoes that are still on their way (RFC 1122, section 4.2.2.13).
async fn linger(client: Arc<Client>) {
    let dropped = || {
        poll_fn(|cx| {
            if client.flow.poll_cut(cx).is_ready() {
                return Poll::Ready(End::Cut);
            }
            let mut sink = [0; 4096];
            match ready!(Pin::new(&mut &client.socket).poll_read(cx, &mut sink)) {
                Ok(1..) => Poll::Ready(End::Finished),
                Ok(0) | Err(_) => Poll::Ready(End::OfStream),
            }
        })
    };
    loop {
        match timeout(SILENCE, dropped()).await {
            Ok(End::Finished) => {}
            Ok(End::Cut) => return cut(&client),
            Ok(End::OfStream) | Err(_) => return client.close(Reason::Shutdown),
        }
    }
}

/// A socket as the pump wants it: to close the writer is to shut the write half.
#[derive(Clone, Copy)]
struct HalfClosing<'a>(&'a Async<TcpStream>);

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
        Poll::Ready(self.0.get_ref().shutdown(Shutdown::Write))
    }
}
