//! Lines in, the pieces that are written in one call out, and how many lines were dropped before each.

use std::collections::VecDeque;
use std::io;
use std::mem;

use futures::channel::oneshot;

use crate::cli::stdio::Stream;

/// How many bytes may wait, so that a stuck log costs no more, however long its lines are: those with
/// the fields of a PROXY header have up to 22 KiB. Of the others, of about 80, some 6,000 fit.
const QUEUE: usize = 768 << 10;

/// How much is written at a time: a pipe takes so much whole or not at all (PIPE_BUF, pipe(7)), and
/// one call of write(2) for 30 lines costs a thirtieth.
const PIECE: usize = 4096;

/// Who waits for a line to be written.
pub(super) type Waiting = oneshot::Sender<io::Result<()>>;

/// What is still to be written.
#[derive(Default)]
pub(super) struct Queue {
    lines: VecDeque<Line>,
    /// What they take, in bytes.
    size: usize,
    /// Lines dropped since the last one in the queue.
    dropped: u64,
    /// The very last line, which is never dropped.
    pub(super) last: Option<String>,
    /// No more lines come.
    pub(super) ends: bool,
    /// All were written.
    pub(super) ended: bool,
}

struct Line {
    stream: Stream,
    text: String,
    /// Lines dropped before it.
    dropped: u64,
    /// Who waits for it to be written.
    written: Option<Waiting>,
}

/// Lines that are written in one call.
#[derive(Default)]
pub(super) struct Piece {
    pub(super) stream: Option<Stream>,
    pub(super) text: String,
    /// Lines dropped before them.
    pub(super) dropped: u64,
    pub(super) written: Option<Waiting>,
}

impl Line {
    /// What it takes in the queue, in bytes.
    fn size(&self) -> usize {
        size_of::<Self>() + self.text.len()
    }
}

impl Queue {
    /// Adds a line; says whether there was room for it. One that is dropped is counted.
    pub(super) fn push(&mut self, stream: Stream, text: String, written: Option<Waiting>) -> bool {
        let line = Line { stream, text, dropped: self.dropped, written };
        let size = self.size + line.size();
        if size > QUEUE {
            self.dropped += 1;
            return false;
        }
        self.dropped = 0;
        self.size = size;
        self.lines.push_back(line);
        true
    }

    /// Takes as many lines as fit in a piece.
    pub(super) fn next(&mut self) -> Option<Piece> {
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
            self.size -= line.size();
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
    pub(super) fn drop_all(&mut self) {
        self.size = 0;
        let dropped = self.lines.drain(..).map(|line| line.dropped + 1).sum::<u64>();
        self.dropped += dropped;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn push(queue: &mut Queue, stream: Stream, text: &str) -> bool {
        queue.push(stream, text.to_owned(), None)
    }

    fn texts(queue: &mut Queue) -> Vec<(u64, String)> {
        std::iter::from_fn(|| queue.next()).map(|piece| (piece.dropped, piece.text)).collect()
    }

    #[test]
    fn lines_are_written_in_pieces_and_what_is_missing_is_said_in_its_place() {
        let mut queue = Queue::default();
        for (stream, text, dropped) in [
            (Stream::Stderr, "a\n", 0),
            (Stream::Stderr, "b\n", 0),
            (Stream::Stderr, "c\n", 3),
            (Stream::Stdout, "d\n", 0),
        ] {
            queue.dropped = dropped;
            assert!(push(&mut queue, stream, text));
        }
        queue.dropped = 2;
        let piece = |dropped, text: &str| (dropped, text.to_owned());
        let expected = [piece(0, "a\nb\n"), piece(3, "c\n"), piece(0, "d\n"), piece(2, "")];
        assert_eq!(texts(&mut queue), expected);
        (0..3).for_each(|_| assert!(push(&mut queue, Stream::Stderr, &"x".repeat(PIECE / 2))));
        let lengths: Vec<usize> = texts(&mut queue).iter().map(|(_, text)| text.len()).collect();
        assert_eq!(lengths, [PIECE, PIECE / 2]);
    }

    #[test]
    fn a_stuck_log_has_room_for_so_many_bytes_in_short_lines_or_in_long_ones() {
        for (length, least, most) in [(80, 5_000, 9_000), (22 << 10, 33, 35)] {
            let mut queue = Queue::default();
            let line = "x".repeat(length);
            let fit = (0..20_000).take_while(|_| push(&mut queue, Stream::Stderr, &line)).count();
            assert!((least..=most).contains(&fit), "{length}: {fit}");
            assert_eq!(queue.dropped, 1, "{length}");
            queue.next();
            assert!(push(&mut queue, Stream::Stderr, &line), "{length}");
            while queue.next().is_some() {}
            assert_eq!(queue.size, 0, "{length}");
        }
    }

    #[test]
    fn lines_that_nobody_takes_at_the_end_are_counted_and_the_last_one_is_kept() {
        let mut queue = Queue { last: Some("last\n".to_owned()), ..Queue::default() };
        queue.dropped = 3;
        assert!(push(&mut queue, Stream::Stderr, "a\n") && push(&mut queue, Stream::Stderr, "b\n"));
        queue.ends = true;
        queue.drop_all();
        assert_eq!(texts(&mut queue), [(5, "last\n".to_owned())]);
    }
}
