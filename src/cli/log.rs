//! Lines by way of a thread of their own, so that a terminal or pipe that is slow to take them never
//! holds up an echo. What is missing is counted where it is missing.

use std::collections::VecDeque;
use std::io;
use std::mem;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use futures::channel::oneshot;

use echo6::server::Event;
use serde::Serialize;

use super::journal::Priority;
use super::sink::object;
use super::stdio::Stream;
use super::text::count;

/// How events are written, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// Words, on stderr.
    Text,
    /// Words with their priority in front, on stderr, which is the journal.
    Journal,
    /// One JSON object a line, on stdout.
    Json,
}

/// That lines are missing at this point of the log.
#[derive(Serialize)]
struct Dropped {
    event: &'static str,
    lines: u64,
}

impl Format {
    /// An event as a line, with a `hint` for people.
    pub(crate) fn line(self, event: &Event, hint: &str) -> String {
        match self {
            Self::Text => format!("{event}{hint}\n"),
            Self::Journal => Priority::of(event).mark(&format!("{event}{hint}")),
            Self::Json => object(event),
        }
    }

    /// Says that lines are missing here.
    fn dropped(self, lines: u64) -> String {
        match self {
            Self::Text => format!("{} dropped here\n", count(lines, "log line")),
            Self::Journal => Priority::Warning.mark(&Self::Text.dropped(lines)),
            Self::Json => object(&Dropped { event: "dropped", lines }),
        }
    }

    /// Where the lines go.
    pub(crate) fn stream(self) -> Stream {
        match self {
            Self::Text | Self::Journal => Stream::Stderr,
            Self::Json => Stream::Stdout,
        }
    }
}

/// How many lines may wait. A line has about 80 bytes, so a stuck log costs less than a megabyte.
const QUEUE: usize = 8192;

/// How much is written at a time: a pipe takes so much whole or not at all (PIPE_BUF, pipe(7)), and
/// one call of write(2) for 30 lines costs a thirtieth.
const PIECE: usize = 4096;

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

/// What is still to be written.
#[derive(Default)]
struct Queue {
    lines: VecDeque<Line>,
    /// Lines dropped since the last one in the queue.
    dropped: u64,
    /// The very last line, which is never dropped.
    last: Option<String>,
    ends: bool,
    ended: bool,
}

struct Line {
    stream: Stream,
    text: String,
    /// Lines dropped before it.
    dropped: u64,
    /// Who waits for it to be written.
    written: Option<oneshot::Sender<io::Result<()>>>,
}

impl Log {
    /// Starts the thread.
    pub(crate) fn start(format: Format) -> io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let log = Self(Arc::clone(&shared));
        let put = |stream: Stream, bytes: &mut &[u8]| stream.write_rest(bytes);
        let pen = Pen { format, put, lost: 0, torn: false };
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

    fn push(&self, stream: Stream, text: String, written: Option<oneshot::Sender<io::Result<()>>>) {
        let mut queue = self.0.queue();
        if queue.lines.len() >= QUEUE {
            queue.dropped += 1;
            return;
        }
        let dropped = mem::take(&mut queue.dropped);
        queue.lines.push_back(Line { stream, text, dropped, written });
        drop(queue);
        self.0.changed.notify_all();
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

/// Lines that are written in one call.
#[derive(Default)]
struct Piece {
    stream: Option<Stream>,
    text: String,
    /// Lines dropped before them.
    dropped: u64,
    written: Option<oneshot::Sender<io::Result<()>>>,
}

impl Queue {
    /// Takes as many lines as fit in a piece.
    fn next(&mut self) -> Option<Piece> {
        let mut piece = Piece::default();
        while let Some(line) = self.lines.front() {
            let fits = piece.text.len() + line.text.len() <= PIECE
                && piece.stream.is_none_or(|stream| stream == line.stream)
                && line.dropped == 0
                && line.written.is_none();
            if !piece.text.is_empty() && (!fits || piece.written.is_some()) {
                return Some(piece);
            }
            let line = self.lines.pop_front()?;
            piece.stream = Some(line.stream);
            piece.text += &line.text;
            piece.dropped += line.dropped;
            piece.written = line.written;
        }
        if piece.text.is_empty() {
            piece.dropped = mem::take(&mut self.dropped);
            if self.ends {
                piece.text = self.last.take().unwrap_or_default();
            }
        }
        let is_empty = piece.text.is_empty() && piece.dropped == 0;
        (!is_empty).then_some(piece)
    }

    /// Drops the lines that wait.
    fn drop_all(&mut self) {
        let dropped = self.lines.drain(..).map(|line| line.dropped + 1).sum::<u64>();
        self.dropped += dropped;
    }
}

/// What writes, and remembers what could not be written.
struct Pen<P> {
    format: Format,
    put: P,
    /// Lines lost since the last one that was written.
    lost: u64,
    /// The last line was written in part, as on a disk that is full.
    torn: bool,
}

impl<P: FnMut(Stream, &mut &[u8]) -> io::Result<()>> Pen<P> {
    /// Writes a piece, or counts its lines as lost.
    fn write(&mut self, piece: Piece) {
        self.lost += piece.dropped;
        let stream = piece.stream.unwrap_or_else(|| self.format.stream());
        let result = match self.write_loss() {
            Ok(()) => self.write_lines(stream, &piece.text),
            Err(error) => {
                self.lost += count_lines(piece.text.as_bytes());
                Err(error)
            }
        };
        if let Some(waiting) = piece.written {
            let _ = waiting.send(result);
        }
    }

    /// Ends a torn line, and says how many are missing.
    fn write_loss(&mut self) -> io::Result<()> {
        let stream = self.format.stream();
        if self.torn {
            (self.put)(stream, &mut &b"\n"[..])?;
            self.torn = false;
        }
        if self.lost > 0 {
            let line = self.format.dropped(self.lost);
            let lost = mem::take(&mut self.lost);
            if let Err(error) = self.write_lines(stream, &line) {
                self.lost = lost; // this line itself is nothing that was lost
                return Err(error);
            }
        }
        Ok(())
    }

    fn write_lines(&mut self, stream: Stream, lines: &str) -> io::Result<()> {
        let mut rest = lines.as_bytes();
        let result = (self.put)(stream, &mut rest);
        if result.is_err() {
            self.lost += count_lines(rest);
            let written = &lines.as_bytes()[..lines.len() - rest.len()];
            self.torn |= written.last().is_some_and(|&last| last != b'\n');
        }
        result
    }
}

/// How many lines end in `bytes`.
fn count_lines(bytes: &[u8]) -> u64 {
    bytes.iter().filter(|&&byte| byte == b'\n').count() as u64
}

#[cfg(test)]
mod tests {
    use std::cell::{Cell, RefCell};

    use super::*;

    fn line(stream: Stream, text: &str) -> Line {
        Line { stream, text: text.to_owned(), dropped: 0, written: None }
    }

    fn texts(queue: &mut Queue) -> Vec<(u64, String)> {
        std::iter::from_fn(|| queue.next()).map(|piece| (piece.dropped, piece.text)).collect()
    }

    #[test]
    fn what_a_full_disk_does_not_take_is_counted_and_a_torn_line_is_ended() {
        let (disk, room) = (RefCell::new(Vec::new()), Cell::new(0));
        let put = |_, bytes: &mut &[u8]| {
            let (taken, rest) = bytes.split_at(bytes.len().min(room.get()));
            disk.borrow_mut().extend_from_slice(taken);
            room.set(room.get() - taken.len());
            *bytes = rest;
            if rest.is_empty() { Ok(()) } else { Err(io::ErrorKind::StorageFull.into()) }
        };
        let mut pen = Pen { format: Format::Text, put, lost: 0, torn: false };
        for (bytes, numbers) in [(1000, 1..3), (10, 3..6), (0, 6..7), (5, 7..8), (1000, 8..9)] {
            room.set(bytes);
            let text = numbers.map(|number| format!("line {number}\n")).collect();
            pen.write(Piece { text, ..Piece::default() });
        }
        let expected = "line 1\nline 2\nline 3\nlin\n3 lo\n4 log lines dropped here\nline 8\n";
        assert_eq!(String::from_utf8(disk.into_inner()).unwrap(), expected);
    }

    #[test]
    fn lines_are_written_in_pieces_and_what_is_missing_is_said_in_its_place() {
        let mut queue = Queue::default();
        queue.lines.extend(["a\n", "b\n"].map(|text| line(Stream::Stderr, text)));
        queue.lines.push_back(Line { dropped: 3, ..line(Stream::Stderr, "c\n") });
        queue.lines.push_back(line(Stream::Stdout, "d\n"));
        queue.dropped = 2;
        let piece = |dropped, text: &str| (dropped, text.to_owned());
        let expected = [piece(0, "a\nb\n"), piece(3, "c\n"), piece(0, "d\n"), piece(2, "")];
        assert_eq!(texts(&mut queue), expected);
        queue.lines.extend((0..3).map(|_| line(Stream::Stderr, &"x".repeat(PIECE / 2))));
        let lengths: Vec<usize> = texts(&mut queue).iter().map(|(_, text)| text.len()).collect();
        assert_eq!(lengths, [PIECE, PIECE / 2]);
    }

    #[test]
    fn lines_that_nobody_takes_at_the_end_are_counted_and_the_last_one_is_kept() {
        let mut queue = Queue { last: Some("last\n".to_owned()), ..Queue::default() };
        queue.lines.push_back(Line { dropped: 3, ..line(Stream::Stderr, "a\n") });
        queue.lines.push_back(line(Stream::Stderr, "b\n"));
        queue.ends = true;
        queue.drop_all();
        assert_eq!(texts(&mut queue), [(5, "last\n".to_owned())]);
    }
}
