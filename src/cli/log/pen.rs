//! Pieces in, lines on a stream out. What cannot be written is counted, and said where it is missing.

use std::io;
use std::mem;

use super::format::Format;
use super::queue::Piece;
use crate::cli::stdio::Stream;

/// What writes, and remembers what could not be written.
pub(super) struct Pen<P> {
    format: Format,
    put: P,
    /// Lines lost since the last one that was written.
    lost: u64,
    /// The last line was written in part, as on a disk that is full.
    torn: bool,
}

impl<P: FnMut(Stream, &mut &[u8]) -> io::Result<()>> Pen<P> {
    /// Makes a pen that writes with `put`, which leaves in its bytes what it could not write.
    pub(super) fn new(format: Format, put: P) -> Self {
        Self { format, put, lost: 0, torn: false }
    }

    /// Writes a piece, or counts its lines as lost.
    pub(super) fn write(&mut self, piece: Piece) {
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
        let mut pen = Pen::new(Format::Text, put);
        for (bytes, numbers) in [(1000, 1..3), (10, 3..6), (0, 6..7), (5, 7..8), (1000, 8..9)] {
            room.set(bytes);
            let text = numbers.map(|number| format!("line {number}\n")).collect();
            pen.write(Piece { text, ..Piece::default() });
        }
        let expected = "line 1\nline 2\nline 3\nlin\n3 lo\n4 log lines dropped here\nline 8\n";
        assert_eq!(String::from_utf8(disk.into_inner()).unwrap(), expected);
    }
}
