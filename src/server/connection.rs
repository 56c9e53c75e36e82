//! The life of one connection, from its first byte to its close.

use std::future::poll_fn;
use std::net::{SocketAddr, TcpStream};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use async_io::Async;
use async_std::future::timeout;
use async_std::task;
use futures::io::AsyncRead;
use socket2::SockRef;

use super::clients::Client;
use super::event::Reason;
use super::wire::{BusyWire, Wire};
use crate::echo::{End, echo};
use crate::error::Cause;

/// What accept(2) returns.
pub(super) type Accepted = (Async<TcpStream>, SocketAddr);

/// Echoes until the client, an error or the server ends it.
pub(super) async fn serve(client: Arc<Client>) {
    // An echo must not wait for the acknowledgement of the one before (Nagle's algorithm). If it
    // cannot be set, the client is gone, and the pump will find that out.
    let _ = client.socket.get_ref().set_nodelay(true);
    let wire = Wire(&client);
    let ended = if client.limits().busy_poll.is_zero() {
        echo(wire, wire, &client.flow).await
    } else {
        Box::pin(echo(BusyWire::new(wire), wire, &client.flow)).await
    };
    match ended {
        Ok(End::OfStream) if client.bytes_left() > 0 => client.close(Reason::EndOfStream),
        Ok(End::OfStream) => {
            client.end(Reason::ByteLimit);
            linger(client);
        }
        Ok(End::Finished) => linger(client),
        Ok(End::Cut) => cut(client),
        Err(error) => match Cause::from(error) {
            cause if cause.is_reset() => client.close(Reason::Reset),
            cause => client.close(Reason::Error(cause)),
        },
    }
}

/// Ends a connection that would not end by itself.
fn cut(client: Arc<Client>) {
    // Without data to wait for, close(2) resets at once (SO_LINGER with 0, tcp(7)).
    let _ = SockRef::from(&client.socket).set_linger(Some(Duration::ZERO));
    client.close(Reason::Cut);
}

/// How long a client must be silent after its last echo before its socket is closed, if the grace
/// period is as long. A round trip on the slowest terrestrial path.
const SILENCE: Duration = Duration::from_millis(250);

/// Reads and drops what a client still sends after the server has ended the stream, and closes it
/// when it falls silent.
///
/// To close(2) a socket when data is still arriving sends a reset, and a reset makes both systems
/// throw away echoes that are still on their way (RFC 1122, section 4.2.2.13).
fn linger(client: Arc<Client>) {
    // A task of its own, because else each client would carry its room, and few need it.
    task::spawn(async move {
        let grace = client.limits().grace;
        let moment = SILENCE.min(grace / 2);
        let silence = async {
            while let Ok(true) = timeout(moment, poll_fn(|cx| poll_drop(&client, cx))).await {}
        };
        let _ = timeout(grace, silence).await;
        // Also of one that is to be cut, nothing is lost by a close if it is silent.
        let sends = matches!(client.socket.get_ref().peek(&mut [0]), Ok(1..));
        if sends { cut(client) } else { client.close(Reason::Shutdown) }
    });
}

/// Reads once, to drop it. Ready with false if there is nothing more to come, or to wait for.
fn poll_drop(client: &Client, cx: &mut Context<'_>) -> Poll<bool> {
    if client.flow.poll_cut(cx).is_ready() {
        return Poll::Ready(false);
    }
    let mut sink = [0; 4096];
    Pin::new(&mut &client.socket).poll_read(cx, &mut sink).map(|read| matches!(read, Ok(1..)))
}
