//! Lines by way of a thread of their own, so that a terminal or pipe that is slow to take them never
//! holds up an echo. What is missing is counted where it is missing.

use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use futures::channel::oneshot;

use super::stdio::Stream;

mod format;
mod pen;
mod queue;

pub(crate) use format::Format;

use pen::Pen;
use queue::{Piece, Queue, Waiting};

/// How long the end of the program waits for all lines to be taken, and then for the last one.
const LAST_LINES: Duration = Duration::from_secs(1);

/// The side that has lines to write, which can be shared.
#[derive(Clone)]
pub(crate) struct Log(Arc<Shared>);

#[derive(Default)]
struct Shared {
    queue: Mutex<Queue>,
    changed: Condvar,
}

impl Log {
    /// Starts the thread.
    pub(crate) fn start(format: Format) -> io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let log = Self(Arc::clone(&shared));
        let put = |stream: Stream, bytes: &mut &[u8]| stream.write_rest(bytes);
        let pen = Pen::new(format, put);
        thread::Builder::new().name("log".to_owned()).spawn(move || shared.write_all(pen))?;
        Ok(log)
    }

    /// Queues a line, or counts it as dropped if the queue is full.
    pub(crate) fn line(&self, stream: Stream, text: String) {
        self.push(stream, text, None);
    }

    /// Queues a line; ready when it was written, or could not be.
    pub(crate) fn written_line(
        &self,
        stream: Stream,
        text: String,
    ) -> impl Future<Output = io::Result<()>> + Send + use<> {
        let (written, is_written) = oneshot::channel();
        self.push(stream, text, Some(written));
        // A line that was dropped is counted, and no more than that is lost.
        async { is_written.await.unwrap_or(Ok(())) }
    }

    /// Sets the line that ends the log. It is written even if others are dropped.
    pub(crate) fn last_line(&self, text: String) {
        self.0.queue().last = Some(text);
    }

    fn push(&self, stream: Stream, text: String, written: Option<Waiting>) {
        let added = self.0.queue().push(stream, text, written);
        if added {
            self.0.changed.notify_all();
        }
    }

    /// Waits until all lines are written. If the reader is too slow for that, the lines that wait
    /// are dropped and counted, and the last one is waited for; not for a reader that is stuck.
    pub(crate) fn finish(self) {
        let Self(shared) = self;
        shared.queue().ends = true;
        shared.changed.notify_all();
        if !shared.has_ended() {
            shared.queue().drop_all();
            shared.has_ended();
        }
    }
}

impl Shared {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        // Nothing panics while it holds the lock; if it did, the queue would still be whole.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for the end of the thread, but not for ever; says whether it has ended.
    fn has_ended(&self) -> bool {
        let queue = self.queue();
        let waited = self.changed.wait_timeout_while(queue, LAST_LINES, |queue| !queue.ended);
        waited.unwrap_or_else(PoisonError::into_inner).0.ended
    }

    /// Writes all lines until the end.
    fn write_all(&self, mut pen: Pen<impl FnMut(Stream, &mut &[u8]) -> io::Result<()>>) {
        while let Some(piece) = self.next() {
            pen.write(piece);
        }
        self.queue().ended = true;
        self.changed.notify_all();
    }

    /// Waits for the next piece; `None` at the end.
    fn next(&self) -> Option<Piece> {
        let mut queue = self.queue();
        loop {
            if let Some(piece) = queue.next() {
                return Some(piece);
            }
            if queue.ends {
                return None;
            }
            queue = self.changed.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
    }
}
