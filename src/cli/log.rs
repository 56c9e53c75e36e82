//! Lines by way of a thread of their own, so that a terminal or pipe that is slow to take them never
//! holds up an echo.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use super::events::Format;

/// How many lines may wait. A line has about 80 bytes, so a stuck log costs less than a megabyte.
const QUEUE: usize = 8192;

/// How long the end of the program waits for the last lines to be taken.
const LAST_LINES: Duration = Duration::from_secs(1);

/// The writing side, which can be shared.
#[derive(Clone)]
pub(crate) struct Log {
    /// Lines, each with how many were dropped before it.
    lines: SyncSender<(u64, String)>,
    dropped: Arc<AtomicU64>,
}

/// The thread that writes.
pub(crate) struct LogThread {
    done: Receiver<()>,
}

impl Log {
    /// Starts the thread.
    pub(crate) fn start(format: Format) -> (Self, LogThread) {
        let (lines, queue) = sync_channel::<(u64, String)>(QUEUE);
        let (finished, done) = sync_channel(1);
        let dropped = Arc::new(AtomicU64::new(0));
        let last = Arc::clone(&dropped);
        let say_dropped = move |count| {
            if count > 0 {
                format.write(&format.dropped(count));
            }
        };
        thread::spawn(move || {
            for (dropped, line) in queue {
                say_dropped(dropped);
                format.write(&line);
            }
            say_dropped(last.load(Ordering::Relaxed));
            let _ = finished.send(());
        });
        (Self { lines, dropped }, LogThread { done })
    }

    /// Queues a line, or counts it as dropped if the queue is full.
    pub(crate) fn line(&self, text: String) {
        let dropped = self.dropped.swap(0, Ordering::Relaxed);
        if self.lines.try_send((dropped, text)).is_err() {
            self.dropped.fetch_add(dropped + 1, Ordering::Relaxed);
        }
    }
}

impl LogThread {
    /// Waits until all lines are written, once every [`Log`] is gone; not for a reader that is
    /// stuck.
    pub(crate) fn finish(self) {
        let _ = self.done.recv_timeout(LAST_LINES);
    }
}
