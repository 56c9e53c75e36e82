//! The byte pump: what the reader gives, the writer gets, until end of stream.
//!
//! It knows no sockets. It is generic over futures' [`AsyncRead`] and [`AsyncWrite`], so that it can
//! be tested with streams that misbehave on purpose.

use std::cell::Cell;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicU8, AtomicU32, AtomicU64, Ordering};
use std::task::{Context, Poll, ready};

use futures::io::{AsyncRead, AsyncWrite};
use futures::task::AtomicWaker;

/// How much one read may take. Messages of 1 MiB from four clients, against the usual loop on tokio:
/// 0.57 times as many with 64 KiB, 0.82 with 128 KiB, 0.95 with 256 KiB, 1.13 with 512 KiB, and from
/// there on as many, so that more would only hold up the other clients. There is one such buffer a
/// thread, of which only the part that was ever filled is resident. See "4 clients, 1 MiB" in
/// `benches/echo.rs`.
const SCRATCH: usize = 512 * 1024;

/// How much a pump that is to finish may still read, so that a reader that always has more cannot
/// keep it from its end: more than the receive buffer of a socket holds by default (6 MiB on Linux).
const LAST: u32 = 8 * 1024 * 1024;

/// How often a pump that is to finish reads in one turn, until it finds nothing. Where the processor
/// is the bottleneck, the next message is there at every turn, and a pump that read once a turn would
/// never find the end (`tests/shutdown.rs` has such a client). A client that answers an echo needs
/// more time than the read behind it takes, so two reads are enough for most; 16 small ones cost some
/// 50 microseconds.
const LAST_READS: u32 = 16;

thread_local! {
    /// Taken while a pump reads into it, so that a pump polled inside another finds none and makes
    /// its own.
    static BUFFER: Cell<Option<Box<[u8]>>> = const { Cell::new(None) };
}

/// Copies `reader` to `writer` until end of stream, then closes the writer, which for a socket
/// should be a half-close. By then the writer has taken every byte that came.
///
/// `flow` counts the bytes as they pass, and lets another task end the pump before the end of the
/// stream.
///
/// A client that waits costs no buffer: bytes go from the reader into a buffer that the thread's
/// pumps share and from there straight to the writer. Only what the writer does not take at once,
/// at most 512 KiB, is kept, and nothing more is read until it is gone. After each echo the pump
/// lets the executor's other tasks run, so that one busy client cannot starve the rest.
///
/// # Errors
///
/// The future ends with the first error of either side, except [`io::ErrorKind::Interrupted`],
/// after which it tries again, and with [`io::ErrorKind::WriteZero`] if the writer takes nothing.
///
/// # Examples
///
/// ```
/// use echo6::echo::{End, Flow, echo};
///
/// # futures::executor::block_on(async {
/// let (flow, mut back) = (Flow::default(), Vec::new());
/// let end = echo(&b"hello"[..], &mut back, &flow).await?;
///
/// assert_eq!((end, &back[..], flow.returned()), (End::OfStream, &b"hello"[..], 5));
/// # std::io::Result::Ok(()) }).unwrap();
/// ```
pub fn echo<R, W>(reader: R, writer: W, flow: &Flow) -> Echo<'_, R, W>
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    Echo { reader, writer, flow, leftover: None, last: LAST, end: None }
}

/// The future that [`echo`] returns.
#[derive(Debug)]
#[must_use = "futures do nothing unless they are awaited"]
pub struct Echo<'a, R, W> {
    reader: R,
    writer: W,
    flow: &'a Flow,
    leftover: Option<Box<Leftover>>, // boxed: most clients never have one
    last: u32,                       // how much may still be read, once it is to finish
    end: Option<End>,
}

/// How much of what a client sends after its end is dropped in one turn. With as much as a pump reads,
/// a client that is served waits 50 ms where 16 others send on, and they get no further for it.
const DISCARD: usize = 64 * 1024;

/// Reads once and drops it. Ready with how much that was.
pub(crate) fn poll_discard<R>(reader: &mut R, cx: &mut Context<'_>) -> Poll<io::Result<usize>>
where
    R: AsyncRead + Unpin,
{
    with_buffer(|buffer| Pin::new(reader).poll_read(cx, &mut buffer[..DISCARD]))
}

/// Lends the thread's buffer, or a new one to a pump that is polled inside another.
fn with_buffer<T>(use_it: impl FnOnce(&mut [u8]) -> T) -> T {
    let mut buffer = BUFFER.take().unwrap_or_else(|| vec![0; SCRATCH].into_boxed_slice());
    let used = use_it(&mut buffer);
    BUFFER.set(Some(buffer));
    used
}

/// What a pump has read since it was polled.
#[derive(Debug, Default)]
struct Turn {
    reads: u32,
    bytes: u64,
}

impl Turn {
    /// Says whether the pump may read again before others have their turn: once, or under the order
    /// to finish until about as much has passed as one read may take.
    fn goes_on(&self, order: u8) -> bool {
        match order {
            FINISH => self.reads < LAST_READS && self.bytes < SCRATCH as u64,
            _ => self.reads == 0,
        }
    }

    fn note(&mut self, bytes: u64) {
        self.reads += 1;
        self.bytes += bytes;
    }
}

/// Bytes that the writer has not taken at once, of which the first `sent` are gone by now.
#[derive(Debug)]
struct Leftover {
    bytes: Vec<u8>,
    sent: usize,
}

/// Why a pump ended without an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The reader came to its end, and all that it gave went to the writer.
    OfStream,
    /// [`Flow::finish`]: all that the reader had ready went to the writer, up to some 8 MiB.
    Finished,
    /// [`Flow::cut`]: at once, whatever was under way.
    Cut,
}

/// What a pump has moved so far, and the means to end it from outside.
#[derive(Debug, Default)]
pub struct Flow {
    received: AtomicU64,
    held: AtomicU32, // read and not yet written: with `returned` instead, a Flow had 8 bytes more
    order: AtomicU8,
    pump: AtomicWaker,
}

// Orders, 0 being none. A later one may be stronger, never weaker.
const FINISH: u8 = 1;
const CUT: u8 = 2;

impl Flow {
    /// Bytes read so far.
    #[must_use]
    pub fn received(&self) -> u64 {
        self.received.load(Ordering::Relaxed)
    }

    /// Bytes written back so far.
    #[must_use]
    pub fn returned(&self) -> u64 {
        self.received().saturating_sub(self.held()) // a read may come between the two
    }

    /// Bytes read and not yet written back, at most 512 KiB.
    #[must_use]
    pub fn held(&self) -> u64 {
        self.held.load(Ordering::Relaxed).into()
    }

    /// Asks the pump to take what the reader has ready, and then to act as if the stream had ended.
    /// A reader that always has more ends after some 8 MiB.
    pub fn finish(&self) {
        self.give(FINISH);
    }

    /// Asks the pump to end at once.
    pub fn cut(&self) {
        self.give(CUT);
    }

    fn give(&self, order: u8) {
        self.order.fetch_max(order, Ordering::SeqCst);
        self.pump.wake();
    }

    /// Ready once [`Flow::cut`] was called. Wakes one task: the last that asked, which must be the
    /// pump as long as there is one.
    pub(crate) fn poll_cut(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.pump.register(cx.waker());
        if self.is_cut() { Poll::Ready(()) } else { Poll::Pending }
    }

    /// Ready once [`Flow::finish`] or [`Flow::cut`] was called. Wakes one task: the last that asked.
    pub(crate) fn poll_ordered(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.pump.register(cx.waker());
        if self.order() == 0 { Poll::Pending } else { Poll::Ready(()) }
    }

    /// Says whether [`Flow::cut`] was called.
    #[must_use]
    pub fn is_cut(&self) -> bool {
        self.order() == CUT
    }

    fn order(&self) -> u8 {
        self.order.load(Ordering::SeqCst)
    }
}

impl Leftover {
    /// Notes that so many more bytes are gone; says whether some are left. Once half are gone, so is
    /// their memory: a writer that takes little at a time costs no more than twice what it has not
    /// taken.
    fn take(&mut self, taken: usize) -> bool {
        self.sent += taken;
        if self.sent > self.bytes.len() / 2 {
            self.bytes.drain(..self.sent);
            self.bytes.shrink_to_fit();
            self.sent = 0;
        }
        !self.bytes.is_empty()
    }
}

impl<R, W> Future for Echo<'_, R, W>
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    type Output = io::Result<End>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<End>> {
        let polled = match self.flow.poll_cut(cx) {
            Poll::Ready(()) => Poll::Ready(Ok(End::Cut)),
            Poll::Pending => self.pump(cx),
        };
        match polled {
            Poll::Ready(Err(error)) if error.kind() == io::ErrorKind::Interrupted => {
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            polled => polled,
        }
    }
}

impl<R, W> Echo<'_, R, W>
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    fn pump(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<End>> {
        ready!(self.send_leftover(cx))?;
        let mut turn = Turn::default();
        while self.end.is_none() && turn.goes_on(self.flow.order()) {
            let before = self.flow.received();
            self.end = ready!(self.echo_once(cx))?;
            turn.note(self.flow.received() - before);
        }
        let Some(end) = self.end else {
            // Reading again at once would mostly find nothing and have to wait for the reactor; a
            // turn of the run queue later the next message is often there. With 64 clients this
            // takes the pump from 0.66 to 1.04 of one thread of C with epoll: see that row of
            // `benches/echo.rs`.
            cx.waker().wake_by_ref();
            return Poll::Pending;
        };
        ready!(Pin::new(&mut self.writer).poll_close(cx))?;
        Poll::Ready(Ok(end))
    }

    /// Reads once and writes as much of that as the writer takes. Ready with an end if there is
    /// nothing more to read.
    fn echo_once(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Option<End>>> {
        with_buffer(|buffer| self.echo_through(buffer, cx))
    }

    fn echo_through(
        &mut self,
        buffer: &mut [u8],
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<Option<End>>> {
        let finishes = self.flow.order() == FINISH;
        if finishes && self.last == 0 {
            return Poll::Ready(Ok(Some(End::Finished)));
        }
        let length = match Pin::new(&mut self.reader).poll_read(cx, buffer) {
            Poll::Ready(Ok(0)) => return Poll::Ready(Ok(Some(End::OfStream))),
            Poll::Ready(read) => read?,
            Poll::Pending if finishes => return Poll::Ready(Ok(Some(End::Finished))),
            Poll::Pending => {
                // Nothing comes for now: what a buffering writer holds must go out.
                if let Poll::Ready(flushed) = Pin::new(&mut self.writer).poll_flush(cx) {
                    flushed?;
                }
                return Poll::Pending;
            }
        };
        self.flow.received.fetch_add(length as u64, Ordering::Relaxed);
        self.flow.held.fetch_add(length as u32, Ordering::Relaxed);
        if finishes {
            self.last = self.last.saturating_sub(length as u32);
        }
        let (taken, sent) = self.send(&buffer[..length], cx);
        if taken < length {
            let bytes = buffer[taken..length].to_vec();
            self.leftover = Some(Box::new(Leftover { bytes, sent: 0 }));
        }
        sent.map_ok(|()| None)
    }

    fn send_leftover(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Some(mut leftover) = self.leftover.take() else {
            return Poll::Ready(Ok(()));
        };
        let (taken, sent) = self.send(&leftover.bytes[leftover.sent..], cx);
        if leftover.take(taken) {
            self.leftover = Some(leftover);
        }
        sent
    }

    /// Writes until all is gone or the writer takes no more; says how much it took, and why not all.
    fn send(&mut self, bytes: &[u8], cx: &mut Context<'_>) -> (usize, Poll<io::Result<()>>) {
        let mut taken = 0;
        while taken < bytes.len() {
            match Pin::new(&mut self.writer).poll_write(cx, &bytes[taken..]) {
                Poll::Ready(Ok(0)) => {
                    return (taken, Poll::Ready(Err(io::ErrorKind::WriteZero.into())));
                }
                Poll::Ready(Ok(more)) => {
                    taken += more;
                    self.flow.held.fetch_sub(more as u32, Ordering::Relaxed);
                }
                stopped => return (taken, stopped.map_ok(drop)),
            }
        }
        (taken, Poll::Ready(Ok(())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_leftover_takes_at_most_twice_the_memory_of_what_is_left() {
        let bytes: Vec<u8> = (0..100_000_u32).map(|n| n as u8).collect();
        let mut leftover = Leftover { bytes: bytes.clone(), sent: 0 };
        let mut left = bytes.len();
        while left > 0 {
            let taken = (left / 10).max(1);
            left -= taken;
            assert_eq!(leftover.take(taken), left > 0);
            assert_eq!(leftover.bytes[leftover.sent..], bytes[bytes.len() - left..]);
            assert!(leftover.bytes.capacity() <= 2 * left + 2, "{left} left");
        }
    }
}
