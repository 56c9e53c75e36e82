//! The first bytes of a balancer's connection in, the client that it speaks for out.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use async_std::future::timeout;
use futures::io::AsyncRead;

use super::admission::{self, dismiss};
use super::clients::Client;
use super::refusal::Refusal;
use super::serve::serve;
use crate::proxy::{Header, Parsed};

/// How long a header may take: the protocol asks for at least 3 s, the time of one retransmission.
const TIME: Duration = Duration::from_secs(5);

/// Waits for the header of a balancer, then serves the client that it speaks for.
pub(super) async fn introduce(client: Arc<Client>) {
    let header = match timeout(TIME, header(&client)).await {
        Ok(header) => header,
        Err(_) => Err(Refusal::HeaderLate { after: TIME }),
    };
    match header {
        Ok(header) => {
            if let Some(client) = admission::introduce(client, header) {
                // A task of its own, because else each client would carry the room of the header.
                serve(client);
            }
        }
        Err(refusal) => dismiss(client, refusal),
    }
}

/// Reads a header and not a byte more: what follows it is the client's.
async fn header(client: &Client) -> Result<Header, Refusal> {
    let mut bytes = Vec::new();
    loop {
        let least = match Header::parse(&bytes) {
            Ok(Parsed::Whole { header, .. }) => return Ok(header),
            Ok(Parsed::Part { least }) => least,
            Err(error) => return Err(Refusal::Header { error }),
        };
        let arrived = bytes.len();
        bytes.resize(arrived + least, 0);
        let length = match poll_fn(|cx| poll_read(client, cx, &mut bytes[arrived..])).await {
            Ok(0) | Err(_) => return Err(Refusal::HeaderCut),
            Ok(length) => length,
        };
        bytes.truncate(arrived + length);
    }
}

/// Reads once. Ready with nothing, as at the end of the stream, when the server ends the client and
/// the kernel has no more of the header: what had come by then counts.
fn poll_read(client: &Client, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
    let is_ending = client.flow.poll_ordered(cx).is_ready();
    match Pin::new(&mut &client.socket).poll_read(cx, buffer) {
        Poll::Pending if is_ending => Poll::Ready(Ok(0)),
        read => read,
    }
}
