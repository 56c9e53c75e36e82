//! stdin, stdout and files as asynchronous streams, each on a thread of its own, and a meter for
//! what passes.

use std::cell::Cell;
use std::io::{self, Read};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use blocking::Unblock;
use futures::io::{AsyncRead, AsyncWrite};

use super::stdio::{Stdin, Stream};

/// How many bytes wait between a stream and its thread. 1 GiB through stdin (`head -c 1G /dev/zero |
/// echo6 send ADDRESS | cat >/dev/null`), the median of three runs in turns: 10.9 s with 8 KiB, 3.1 s
/// with 64 KiB, 1.6 s with 256 KiB, 1.7 s with 1 MiB (socat: 2.4 s).
const PIPE: usize = 256 * 1024;

pub(crate) fn stdin() -> impl AsyncRead + Unpin {
    file(Stdin)
}

pub(crate) fn file(file: impl Read + Send + 'static) -> impl AsyncRead + Unpin {
    Unblock::with_capacity(PIPE, Once { file, ended: false })
}

/// stdout without the line buffer of [`io::stdout`], so that what came back is shown immediately, also
/// an unfinished line.
pub(crate) fn stdout() -> impl AsyncWrite + Unpin {
    Unblock::with_capacity(PIPE, Stream::Stdout)
}

/// A file up to its first end. A terminal goes on behind Ctrl-D, and the thread behind a stream reads
/// again when an end follows data.
struct Once<R> {
    file: R,
    ended: bool,
}

impl<R: Read> Read for Once<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.ended {
            return Ok(0);
        }
        let length = self.file.read(buffer)?;
        self.ended = length == 0 && !buffer.is_empty();
        Ok(length)
    }
}

/// How many bytes have passed.
#[derive(Debug, Default)]
pub(crate) struct Meter(Cell<u64>);

impl Meter {
    pub(crate) fn bytes(&self) -> u64 {
        self.0.get()
    }

    /// Counts bytes that passed elsewhere.
    pub(crate) fn add(&self, bytes: usize) {
        self.0.set(self.bytes() + bytes as u64);
    }

    /// Passes bytes on to `output` and counts them.
    pub(crate) fn count<W>(&self, output: W) -> Metered<'_, W> {
        Metered { output, meter: self }
    }
}

/// A stream whose bytes are counted.
pub(crate) struct Metered<'m, W> {
    output: W,
    meter: &'m Meter,
}

impl<W: AsyncWrite + Unpin> AsyncWrite for Metered<'_, W> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let taken = ready!(Pin::new(&mut self.output).poll_write(cx, bytes))?;
        if taken == 0 {
            // The thread behind the stream has met an error, and tells it only to who flushes.
            ready!(Pin::new(&mut self.output).poll_flush(cx))?;
        }
        self.meter.add(taken);
        Poll::Ready(Ok(taken))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.output).poll_flush(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.output).poll_close(cx)
    }
}
