//! One exchange: input to the server and the echo to the output at the same time, every byte
//! compared on its way.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::{Duration, Instant};

use async_io::Timer;
use futures::future::{Either, select};
use futures::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use futures::task::AtomicWaker;

use super::connect::Connection;
use super::error::SendError;
use super::traffic::Traffic;
use super::wait::first_of;
use crate::error::Cause;

mod state;

use state::State;

/// How many bytes one read may take, from the input or from the server.
const CHUNK: usize = 256 * 1024;

/// How many bytes may be under way before the sender waits for some to come back. More than the
/// socket buffers of both ends hold by default on Linux (6 MiB and 4 MiB), so that it does not slow
/// down a server that keeps up.
const WINDOW: usize = 16 * 1024 * 1024;

/// The shortest timeout: with none at all, the wait for something to be owed would never rest.
const LEAST_TIMEOUT: Duration = Duration::from_millis(1);

impl Connection {
    /// Sends `input` to its end, shuts the sending side, and writes what comes back to `output`
    /// until the server closes. Both run at the same time, so that an input of any size passes in
    /// bounded memory: some 16 MiB at most are under way. An output that is slow to take its bytes
    /// holds up the server, not the timeout; what came back before an error, unchanged, goes to it
    /// too.
    ///
    /// If the client was told not to [half-close](super::Client::half_close), the sending side
    /// stays open, and the exchange ends when the last byte is back.
    ///
    /// # Errors
    ///
    /// If the connection breaks, if nothing moves for `timeout` while the server still owes bytes or
    /// its end of stream, or at the first byte that is missing, changed, or one too many.
    pub async fn exchange(
        self,
        input: impl AsyncRead + Unpin,
        output: impl AsyncWrite + Unpin,
        timeout: Duration,
    ) -> Result<Traffic, SendError> {
        self.pass(input, output, timeout, self.half_close).await
    }

    /// [`exchange`](Self::exchange) on a connection that lives on, unless `half_close`.
    pub(super) async fn pass(
        &self,
        input: impl AsyncRead + Unpin,
        mut output: impl AsyncWrite + Unpin,
        timeout: Duration,
        half_close: bool,
    ) -> Result<Traffic, SendError> {
        let exchange = Exchange::new(self.peer, &self.stream, half_close);
        let passed = exchange.run(input, &mut output, timeout).await;
        let passed = passed.map_err(|error| error.or_header(&self.header));
        if matches!(passed, Err(SendError::Output(_))) {
            return passed;
        }
        // What came back before an error is the output's too. It may take its time: the server is
        // done with.
        let flushed = output.flush().await;
        let traffic = passed?;
        flushed.map_err(|error| SendError::Output(error.into()))?;
        Ok(traffic)
    }
}

/// Bytes that go to `peer` over `stream` and come back.
struct Exchange<'s, S> {
    peer: SocketAddr,
    stream: &'s S,
    half_close: bool,
    state: Mutex<State>,
    /// Wakes the sender when bytes have come back.
    room: AtomicWaker,
}

impl<'s, S> Exchange<'s, S>
where
    for<'a> &'a S: AsyncRead + AsyncWrite,
{
    fn new(peer: SocketAddr, stream: &'s S, half_close: bool) -> Self {
        let (state, room) = (Mutex::new(State::new()), AtomicWaker::new());
        Self { peer, stream, half_close, state, room }
    }

    /// Both directions at the same time, until both have ended, one fails, or nothing moves.
    async fn run(
        &self,
        input: impl AsyncRead + Unpin,
        output: impl AsyncWrite + Unpin,
        timeout: Duration,
    ) -> Result<Traffic, SendError> {
        let both = async {
            match select(pin!(self.receive(output)), pin!(self.send(input))).await {
                // Whatever the server said or did, there is nobody to send to any more.
                Either::Left((received, _)) => received,
                Either::Right((Ok(()), receive)) => receive.await,
                // The server reads no more. What it still said is here, and why, it may tell.
                Either::Right((Err(SendError::Lost { source, .. }), receive))
                    if source.is_reset() =>
                {
                    self.state().is_reset = true;
                    match receive.await {
                        Err(error) if tells_more(&error, &source) => Err(error),
                        Ok(()) if is_after_close(&source) => Ok(()),
                        _ => Err(self.lost(source)),
                    }
                }
                Either::Right((Err(error), _)) => Err(error),
            }
        };
        match first_of(both, self.watch(timeout)).await {
            Either::Left(result) => result.map(|()| self.state().traffic),
            Either::Right(timed_out) => Err(timed_out),
        }
    }

    async fn send(&self, mut input: impl AsyncRead + Unpin) -> Result<(), SendError> {
        let mut buffer = vec![0; CHUNK];
        let mut stream = self.stream;
        loop {
            self.room().await;
            let length = input.read(&mut buffer).await.map_err(|e| SendError::Input(e.into()))?;
            if length == 0 {
                break;
            }
            let mut rest = &buffer[..length];
            // Noted before it is sent, because it may come back before this task runs again.
            self.state().note_sent(rest);
            while !rest.is_empty() {
                let taken = stream.write(rest).await.map_err(|error| self.lost(error.into()))?;
                self.state().last_progress = Instant::now();
                rest = &rest[taken..];
            }
        }
        self.state().note_end();
        if !self.half_close {
            return Ok(());
        }
        stream.close().await.map_err(|error| self.lost(error.into()))
    }

    async fn receive(&self, mut output: impl AsyncWrite + Unpin) -> Result<(), SendError> {
        let mut buffer = vec![0; CHUNK];
        let mut stream = self.stream;
        loop {
            let read = poll_fn(|cx| {
                if !self.half_close && self.state().all_returned() {
                    return Poll::Ready(Ok(0));
                }
                match Pin::new(&mut stream).poll_read(cx, &mut buffer) {
                    // Behind a reset nothing more comes: what is not here is lost.
                    Poll::Pending if self.state().is_reset => Poll::Ready(Ok(0)),
                    read => read,
                }
            });
            let length = read.await.map_err(|error| self.lost(error.into()))?;
            if length == 0 {
                return self.state().note_close(self.peer);
            }
            let (same, compared) = self.state().note_returned(&buffer[..length], self.peer);
            self.room.wake();
            self.state().output_waits = true;
            let written = output.write_all(&buffer[..same]).await;
            written.map_err(|error| SendError::Output(error.into()))?;
            self.state().note_written();
            compared?;
        }
    }

    /// Ready when fewer than [`WINDOW`] bytes are under way.
    async fn room(&self) {
        poll_fn(|cx| {
            self.room.register(cx.waker());
            if self.state().under_way() < WINDOW as u64 { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }

    /// Ready when nothing has moved for `timeout` while the server owed something.
    async fn watch(&self, timeout: Duration) -> SendError {
        let timeout = timeout.max(LEAST_TIMEOUT);
        loop {
            let (still, owed) = {
                let state = self.state();
                let owed = !state.output_waits && (state.input_ended || state.under_way() > 0);
                (state.last_progress.elapsed(), owed)
            };
            match timeout.checked_sub(still) {
                Some(left) if !left.is_zero() => drop(Timer::after(left).await),
                _ if !owed => drop(Timer::after(timeout).await),
                _ => {
                    let Traffic { sent, returned } = self.state().traffic;
                    let peer = self.peer;
                    return SendError::Timeout { peer, sent, returned, after: timeout };
                }
            }
        }
    }

    fn lost(&self, source: Cause) -> SendError {
        let Traffic { sent, returned } = self.state().traffic;
        let peer = self.peer;
        SendError::Lost { peer, sent, returned, source }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Says whether what the receiver was told when the sender was told of a reset says more than that. The
/// system tells a reset once: if it told the sender, it tells the receiver of an end.
pub(super) fn tells_more(received: &SendError, reset: &Cause) -> bool {
    is_after_close(reset) || !matches!(received, SendError::Short { .. })
}

/// Says whether the server had closed before it reset, as it does when bytes reach it after that:
/// who sends them is then told EPIPE, not ECONNRESET.
fn is_after_close(cause: &Cause) -> bool {
    cause.kind() == io::ErrorKind::BrokenPipe
}

#[cfg(test)]
mod tests {
    use std::task::Context;

    use futures::executor::block_on;
    use futures::io::sink;

    use super::*;

    /// A connection on which each write fails, and nothing is there to read.
    struct Unwritable(io::ErrorKind);

    impl AsyncRead for &Unwritable {
        fn poll_read(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
            _: &mut [u8],
        ) -> Poll<io::Result<usize>> {
            Poll::Pending
        }
    }

    impl AsyncWrite for &Unwritable {
        fn poll_write(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
            _: &[u8],
        ) -> Poll<io::Result<usize>> {
            Poll::Ready(Err(self.0.into()))
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    #[test]
    fn a_reset_that_the_sender_was_told_of_is_no_end_of_stream() {
        let peer = "127.0.0.1:7".parse().unwrap();
        let cause = |kind: io::ErrorKind| Cause::from(io::Error::from(kind));
        let short = SendError::Short { peer, sent: 64, returned: 0 };
        let other = SendError::Mismatch { peer, offset: 0, expected: 1, got: 2, instead: None };
        for (received, reset, more) in [
            (&short, io::ErrorKind::ConnectionReset, false),
            (&short, io::ErrorKind::BrokenPipe, true),
            (&other, io::ErrorKind::ConnectionReset, true),
            (&other, io::ErrorKind::BrokenPipe, true),
        ] {
            assert_eq!(tells_more(received, &cause(reset)), more, "{received} {reset}");
        }
    }

    #[test]
    fn an_error_of_a_write_is_told_without_waiting_for_the_timeout() {
        let peer = "127.0.0.1:7".parse().unwrap();
        let (sent, returned) = (5, 0);
        let lost = |kind| {
            let source = io::Error::from(kind).into();
            SendError::Lost { peer, sent, returned, source }
        };
        let short = |_| SendError::Short { peer, sent, returned };
        let rows: [(_, &dyn Fn(_) -> _); 3] = [
            (io::ErrorKind::OutOfMemory, &lost),
            (io::ErrorKind::ConnectionReset, &lost),
            (io::ErrorKind::BrokenPipe, &short), // the server had closed before
        ];
        for (kind, expected) in rows {
            let broken = Unwritable(kind);
            let exchange = Exchange::new(peer, &broken, true);
            let hour = Duration::from_secs(3600);
            let error = block_on(exchange.run(&b"hello"[..], sink(), hour)).unwrap_err();
            assert_eq!(error, expected(kind));
        }
    }
}
