//! A stream that deals faults to what is written to it.

use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Instant;

use async_io::Timer;
use futures::io::{AsyncRead, AsyncWrite};

use super::action::Action;
use super::dealt::Dealt;
use super::egress::Step;
use super::line::Line;
use super::plan::StreamPlan;

/// A stream whose written bytes go out as a [`StreamPlan`] wants it: late, changed, in pieces, or
/// not at all.
///
/// Bytes are read unchanged. What takes more than a stream, such as a reset, comes as an error of
/// whichever operation is under way, from which [`Action::of`] takes it; the
/// stream is of no more use then. Faults at offset 0 strike before the first byte is read, if
/// reading is what is tried first.
///
/// At most 512 KiB are held, and 16 MiB of what is echoed only after the half-close. The timers are
/// async-io's, which need no runtime.
///
/// # Examples
///
/// ```
/// use echo6::fault::{Faulty, StreamFaults};
/// use futures::AsyncWriteExt;
/// use futures::io::Cursor;
///
/// # futures::executor::block_on(async {
/// let mut faults = StreamFaults::new(&["flip@1".parse()?, "add=!@5".parse()?], 7);
/// let plan = faults.draw().expect("every connection has these");
/// let mut stream = Faulty::new(Cursor::new(Vec::new()), plan);
/// let told = stream.told();
/// stream.write_all(b"hello").await?;
/// stream.flush().await?;
///
/// assert_eq!(stream.into_inner().into_inner(), b"hdllo!");
/// assert_eq!(told.dealt().iter().map(ToString::to_string).collect::<Vec<_>>(), ["flip@1", "add@5"]);
/// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
/// ```
pub struct Faulty<S> {
    stream: S,
    line: Line,
    timer: Option<Timer>,
    /// To be demanded when what was written before it has gone.
    demand: Option<Action>,
    told: Arc<Told>,
}

/// What a [`Faulty`] stream has done so far, also when it is gone.
#[derive(Debug, Default)]
pub struct Told {
    written: AtomicU64,
    dealt: Mutex<Vec<Dealt>>,
}

/// How many pieces are written before other tasks have their turn.
const BURST: u32 = 64;

impl<S> Faulty<S> {
    /// Puts the faults of `plan` on what is written to `stream`.
    pub fn new(stream: S, plan: StreamPlan) -> Self {
        Self { stream, line: Line::new(plan), timer: None, demand: None, told: Arc::default() }
    }

    /// What it does, to be asked while it does it and afterwards.
    #[must_use]
    pub fn told(&self) -> Arc<Told> {
        Arc::clone(&self.told)
    }

    /// The stream underneath. What was held back is lost.
    pub fn into_inner(self) -> S {
        self.stream
    }
}

impl Told {
    /// Bytes that the stream underneath has taken.
    #[must_use]
    pub fn written(&self) -> u64 {
        self.written.load(Ordering::Relaxed)
    }

    /// How many faults have struck.
    pub(crate) fn count(&self) -> u64 {
        self.dealt.lock().unwrap_or_else(PoisonError::into_inner).len() as u64
    }

    /// Which faults have struck, and where, in that order.
    #[must_use]
    pub fn dealt(&self) -> Vec<Dealt> {
        self.dealt.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl<S: AsyncWrite + Unpin> Faulty<S> {
    /// Writes what is due. Ready when there is nothing more to write before more bytes come.
    fn drive(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let driven = self.drive_on(cx);
        self.tell();
        driven
    }

    fn drive_on(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        for _ in 0..BURST {
            if let Some(action) = self.demand {
                ready!(Pin::new(&mut self.stream).poll_flush(cx))?;
                return Poll::Ready(Err(action.into()));
            }
            let polled = match self.line.step(Instant::now()) {
                Step::Write(bytes) => match Pin::new(&mut self.stream).poll_write(cx, bytes) {
                    Poll::Ready(Ok(0)) => Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                    Poll::Ready(Ok(length)) => {
                        self.told.written.fetch_add(length as u64, Ordering::Relaxed);
                        self.line.wrote(length, Instant::now());
                        continue;
                    }
                    // As an error it would undo a write whose bytes are taken: they would come again.
                    Poll::Ready(Err(error)) if error.kind() == io::ErrorKind::Interrupted => {
                        continue;
                    }
                    stopped => stopped.map_ok(drop),
                },
                Step::Wait(until) => {
                    let timer = self.timer.get_or_insert_with(|| Timer::at(until));
                    timer.set_at(until);
                    if Pin::new(timer).poll(cx).is_ready() {
                        continue;
                    }
                    Poll::Pending
                }
                Step::Act(action) => {
                    self.demand = Some(action);
                    continue;
                }
                Step::End | Step::Idle => Poll::Ready(Ok(())),
            };
            return polled;
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    fn tell(&mut self) {
        let mut dealt = self.line.dealt().peekable();
        if dealt.peek().is_some() {
            self.told.dealt.lock().unwrap_or_else(PoisonError::into_inner).extend(dealt);
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Faulty<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        if let Poll::Ready(driven) = self.drive(cx) {
            driven?;
        }
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Faulty<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if bytes.is_empty() {
            return Poll::Ready(Ok(0));
        }
        if let Poll::Ready(driven) = self.drive(cx) {
            driven?;
        }
        let length = bytes.len().min(self.line.room());
        if length == 0 {
            return Poll::Pending; // woken when there is room
        }
        self.line.push(&bytes[..length], Instant::now());
        if let Poll::Ready(driven) = self.drive(cx) {
            driven?;
        }
        Poll::Ready(Ok(length))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.drive(cx))?;
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.line.end(Instant::now());
        ready!(self.drive(cx))?;
        Pin::new(&mut self.stream).poll_close(cx)
    }
}

impl<S: fmt::Debug> fmt::Debug for Faulty<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Faulty")
            .field("stream", &self.stream)
            .field("line", &self.line)
            .field("told", &self.told)
            .finish_non_exhaustive()
    }
}
