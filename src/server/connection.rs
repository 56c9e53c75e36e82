//! The life of one connection, from its first byte to its close.

use std::io;
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;

use async_io::Async;

use super::clients::Client;
use super::close::close;
use super::linger::{cut, linger};
use super::outcome::{Ending, Reason};
use super::wire::{BusyWire, Patient, Wire};
use crate::echo::{End, echo};
use crate::error::Cause;

/// What accept(2) returns.
pub(super) type Accepted = (Async<TcpStream>, SocketAddr);

/// Echoes until the client, an error or the server ends it.
pub(super) async fn serve_honest(client: Arc<Client>) {
    // An echo must not wait for the acknowledgement of the one before (Nagle's algorithm). If it
    // cannot be set, the client is gone, and the pump will find that out.
    let _ = client.socket.get_ref().set_nodelay(true);
    let wire = Wire(&client);
    let ended = if client.busy_poll().is_zero() {
        echo(wire, Patient::new(wire), &client.flow).await
    } else {
        Box::pin(echo(BusyWire::new(wire), Patient::new(wire), &client.flow)).await
    };
    close_after(client, ended);
}

/// Ends a connection whose pump has ended.
pub(super) fn close_after(client: Arc<Client>, ended: io::Result<End>) {
    match ended {
        Ok(End::OfStream) if client.bytes_left() > 0 => {
            close(client, Reason::EndOfStream, Ending::Drained, None);
        }
        Ok(End::OfStream) => {
            client.end(Reason::ByteLimit);
            linger(client);
        }
        Ok(End::Finished) => linger(client),
        Ok(End::Cut) => cut(client),
        Err(error) => match Cause::from(error) {
            cause if cause.is_reset() => close(client, Reason::Reset, Ending::Lost, None),
            cause => close(client, Reason::Error, Ending::Lost, Some(cause)),
        },
    }
}
