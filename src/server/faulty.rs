//! The life of a connection that has faults: the same pump over a stream that deals them, and what
//! a fault demands of the socket.

use std::io;
use std::net::Shutdown;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use async_io::Timer;
use futures::AsyncReadExt;
use futures::io::{AsyncRead, AsyncWrite, sink};
use socket2::{SockRef, TcpKeepalive};

use super::clients::Client;
use super::close::close;
use super::connection::close_after;
use super::linger::linger;
use super::outcome::{Ending, Reason};
use super::wire::{Patient, Wire};
use crate::echo::{End, echo};
use crate::fault::{Action, Faulty, StreamPlan};

/// How long a client is silent before the system asks it for a sign of life, and how often it asks.
/// A server that holds a connection open on purpose would else never learn that the client has gone.
const KEEPALIVE: Duration = Duration::from_secs(30);

/// How often a server that reads nothing looks if the connection still stands.
const LOOK: Duration = Duration::from_secs(1);

/// Deals a client its faults until the client, an error, a fault or the server ends it.
pub(super) async fn serve_faulty(client: Arc<Client>, plan: StreamPlan) {
    let _ = client.socket.get_ref().set_nodelay(true); // as for an honest one
    let keepalive = TcpKeepalive::new().with_time(KEEPALIVE).with_interval(KEEPALIVE);
    let _ = SockRef::from(&client.socket).set_tcp_keepalive(&keepalive);
    let stream = Faulty::new(Bare::new(&client), plan);
    client.tell(stream.told());
    let (reader, writer) = stream.split();
    let ended = echo(reader, Counted { client: &client, writer }, &client.flow).await;
    match ended {
        Err(error) => match Action::of(&error) {
            Some(action) => carry_out(action, client).await,
            None => close_after(client, Err(error)),
        },
        ended => close_after(client, ended),
    }
}

async fn carry_out(action: Action, client: Arc<Client>) {
    match action {
        Action::Close => {
            let _ = client.socket.get_ref().shutdown(Shutdown::Write);
            client.end(Reason::Fault);
            linger(client);
        }
        Action::HalfClose => {
            let _ = client.socket.get_ref().shutdown(Shutdown::Write);
            let ended = swallow(&client).await;
            close_after(client, ended);
        }
        Action::Reset => {
            let _ = SockRef::from(&client.socket).set_linger(Some(Duration::ZERO));
            close(client, Reason::Fault, Ending::Cut, None);
        }
        Action::Stall => match swallow(&client).await {
            Ok(End::OfStream) => hold(client).await,
            ended => close_after(client, ended),
        },
        Action::Hang => hold(client).await,
    }
}

/// Reads to the end and drops what comes.
async fn swallow(client: &Client) -> io::Result<End> {
    let nowhere = Counted { client, writer: sink() };
    echo(Wire(client), nowhere, &client.flow).await
}

/// Holds the connection open until it breaks or the server ends it.
async fn hold(client: Arc<Client>) {
    let held = Held { client: &client, look: Timer::interval(LOOK) };
    let ended = echo(held, sink(), &client.flow).await;
    close_after(client, ended);
}

/// The socket of a client, to which more or less may be written than it has sent.
struct Bare<'a> {
    reader: Wire<'a>,
    writer: Patient<Raw<'a>>,
}

impl<'a> Bare<'a> {
    fn new(client: &'a Client) -> Self {
        Self { reader: Wire(client), writer: Patient::new(Raw(client)) }
    }
}

impl AsyncRead for Bare<'_> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.reader).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Bare<'_> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.writer).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.writer).poll_flush(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.writer).poll_close(cx)
    }
}

/// A socket's writing side, without the count of what is held for the client.
struct Raw<'a>(&'a Client);

impl AsyncWrite for Raw<'_> {
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

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut Wire(self.0)).poll_close(cx)
    }
}

/// A writer that has taken a client's bytes as soon as its faults have.
struct Counted<'a, W> {
    client: &'a Client,
    writer: W,
}

impl<W: AsyncWrite + Unpin> AsyncWrite for Counted<'_, W> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let taken = ready!(Pin::new(&mut self.writer).poll_write(cx, bytes))?;
        self.client.note_taken(taken);
        Poll::Ready(Ok(taken))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.writer).poll_flush(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.writer).poll_close(cx)
    }
}

/// A reader that never reads, and fails when the connection has.
struct Held<'a> {
    client: &'a Client,
    look: Timer,
}

impl AsyncRead for Held<'_> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        _: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        use futures::Stream as _;

        loop {
            ready!(Pin::new(&mut self.look).poll_next(cx));
            if let Some(error) = self.client.socket.get_ref().take_error()? {
                return Poll::Ready(Err(error));
            }
        }
    }
}
