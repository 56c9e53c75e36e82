//! The last moments of a connection: what still comes is dropped, so that the close resets nothing.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use async_std::future::timeout;
use async_std::task;
use futures::io::AsyncRead;
use socket2::SockRef;

use super::clients::Client;
use super::close::close;
use super::outcome::{Ending, Reason};
use crate::echo::{Flow, poll_discard};

/// How long a client must be silent after its last echo before its socket is closed, if the grace
/// period is as long. A round trip on the slowest terrestrial path.
const SILENCE: Duration = Duration::from_millis(250);

/// Reads and drops what a client still sends after the server has ended the stream, and closes it
/// when it falls silent.
///
/// To close(2) a socket when data is still arriving sends a reset, and a reset makes both systems
/// throw away echoes that are still on their way (RFC 1122, section 4.2.2.13).
pub(super) fn linger(client: Arc<Client>) {
    // A task of its own, because else each client would carry its room, and few need it.
    let clients = Arc::clone(client.clients());
    clients.spawn(async move {
        let grace = client.limits().grace;
        let moment = SILENCE.min(grace / 2);
        let _ = timeout(grace, discard(&client.socket, &client.flow, moment)).await;
        // Also of one that is to be cut, nothing is lost by a close if it is silent.
        let sends = matches!(client.socket.get_ref().peek(&mut [0]), Ok(1..));
        if sends {
            cut(client);
        } else {
            close(client, Reason::Shutdown, Ending::Drained, None);
        }
    });
}

/// Ends a connection that would not end by itself.
pub(super) fn cut(client: Arc<Client>) {
    // Without data to wait for, close(2) resets at once (SO_LINGER with 0, tcp(7)).
    let _ = SockRef::from(&client.socket).set_linger(Some(Duration::ZERO));
    close(client, Reason::Shutdown, Ending::Cut, None);
}

/// Drops what `reader` gives until it gives nothing for a `moment`, has ended, or `flow` is cut.
/// Between two reads the others have their turn, however fast the client sends.
async fn discard<R: AsyncRead + Unpin>(mut reader: R, flow: &Flow, moment: Duration) {
    loop {
        let read = poll_fn(|cx| {
            if flow.poll_cut(cx).is_ready() {
                return Poll::Ready(false);
            }
            poll_discard(&mut reader, cx).map(|read| matches!(read, Ok(1..)))
        });
        if timeout(moment, read).await != Ok(true) {
            return;
        }
        task::yield_now().await;
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::pin::{Pin, pin};
    use std::task::{Context, Waker};

    use super::*;

    /// A client that sends without end, faster than it is read.
    #[derive(Default)]
    struct Flooder {
        read: usize,
    }

    impl AsyncRead for &mut Flooder {
        fn poll_read(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
            buffer: &mut [u8],
        ) -> Poll<io::Result<usize>> {
            self.read += buffer.len();
            assert!(self.read < 1 << 30, "it reads on and on, and nobody else has a turn");
            Poll::Ready(Ok(buffer.len()))
        }
    }

    #[test]
    fn a_client_that_never_stops_sending_has_one_read_a_turn() {
        let (flow, mut flooder) = (Flow::default(), Flooder::default());
        {
            let mut discarded = pin!(discard(&mut flooder, &flow, Duration::from_secs(3600)));
            let mut poll =
                || discarded.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready();
            assert!((0..100).all(|_| !poll()), "it sends on");
            flow.cut();
            assert!(poll(), "a cut ends it");
        }
        assert_eq!(flooder.read, 100 * 64 * 1024);
    }
}
