//! Lines of addresses in, their canonical forms on stdout and the bad ones on stderr out.

use std::fmt::Write;
use std::io::{self, ErrorKind, Read};
use std::str;

use echo6::address::AddressError;
use echo6::error::Cause;
use memchr::{memchr, memchr_iter, memrchr};

use crate::cli::failure::{Failure, Status, Stop};
use crate::cli::sink::Sink;
use crate::cli::text::{line, point_at};

/// How many bytes are read at once, which is also the longest line. A block and what it becomes
/// fit into a processor's second cache; twice and half the size are as fast.
const BLOCK: usize = 128 * 1024;

/// What is done with one line: appends to the output, or says why it cannot.
type Convert = fn(&str, &mut Vec<u8>) -> Result<(), AddressError>;

/// Converts each line of `input` as it comes: what could be read is written before more is waited
/// for, so that it works in the middle of a pipe too.
pub(crate) fn run(input: impl Read, convert: Convert, sink: Sink) -> Result<Status, Stop> {
    let mut lines =
        Lines { convert, sink, number: 0, out: Vec::new(), bad: String::new(), any_bad: false };
    match lines.run(input) {
        Ok(()) | Err(Stop::Unread) => Ok(lines.status()),
        Err(stop) => Err(stop),
    }
}

fn unread(error: io::Error) -> Stop {
    Failure::here("cannot read stdin", &Cause::from(error)).into()
}

struct Lines {
    convert: Convert,
    sink: Sink,
    number: u64,
    out: Vec<u8>,
    bad: String,
    any_bad: bool,
}

impl Lines {
    fn run(&mut self, mut input: impl Read) -> Result<(), Stop> {
        let mut block = vec![0; BLOCK];
        let mut held = 0; // bytes of a line whose end is not read yet
        let mut too_long = false;
        loop {
            let count = match input.read(&mut block[held..]) {
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(unread(error)),
                Ok(count) => count,
            };
            let filled = held + count;
            let end = match memrchr(b'\n', &block[held..filled]) {
                Some(newline) => held + newline + 1,
                None if count == 0 => filled,
                None => 0,
            };
            let mut whole = &block[..end];
            if too_long && end > 0 {
                let rest = memchr(b'\n', whole).map_or(end, |at| at + 1);
                (whole, too_long) = (&whole[rest..], false);
            }
            self.convert_all(whole);
            block.copy_within(end..filled, 0);
            held = filled - end;
            if held == BLOCK {
                if !too_long {
                    self.number += 1;
                    self.refuse(format_args!("longer than {BLOCK} bytes"));
                }
                (held, too_long) = (0, true);
            } else if too_long && end == 0 {
                held = 0;
            }
            self.flush()?;
            if count == 0 {
                return Ok(());
            }
        }
    }

    fn convert_all(&mut self, lines: &[u8]) {
        // To check all lines at once costs a fraction of what it costs to check each.
        match str::from_utf8(lines) {
            Ok(lines) => {
                let mut start = 0;
                for newline in memchr_iter(b'\n', lines.as_bytes()) {
                    self.convert(&lines[start..newline]);
                    start = newline + 1;
                }
                if start < lines.len() {
                    self.convert(&lines[start..]);
                }
            }
            Err(_) => {
                for line in lines.split_inclusive(|&byte| byte == b'\n') {
                    self.convert_doubtful(line.strip_suffix(b"\n").unwrap_or(line));
                }
            }
        }
    }

    /// Converts a line that may not be UTF-8.
    fn convert_doubtful(&mut self, line: &[u8]) {
        match str::from_utf8(line) {
            Ok(line) => self.convert(line),
            Err(error) => {
                self.number += 1;
                let at = error.valid_up_to();
                let (shown, _) = point_at(&String::from_utf8_lossy(line), at);
                self.refuse(format_args!("not UTF-8 at byte {at}: {shown}"));
            }
        }
    }

    fn convert(&mut self, line: &str) {
        self.number += 1;
        let line = line.trim_matches(|c: char| c.is_whitespace() || c == '\u{feff}');
        if line.is_empty() {
            return;
        }
        if let Err(error) = (self.convert)(line, &mut self.out) {
            let (shown, _) = point_at(line, error.position());
            let (subject, kind, at) = (error.subject(), error.kind(), error.position());
            self.refuse(format_args!("invalid {subject}: {kind} at byte {at}: {shown}"));
        }
    }

    fn refuse(&mut self, reason: std::fmt::Arguments<'_>) {
        self.any_bad = true;
        let words = line(&format!("line {}: {reason}", self.number));
        writeln!(self.bad, "{words}").expect("a String takes all that is written to it");
    }

    fn flush(&mut self) -> Result<(), Stop> {
        if !self.bad.is_empty() {
            self.sink.words(&self.bad);
            self.bad.clear();
        }
        if !self.out.is_empty() {
            self.sink.data(&self.out)?;
            self.out.clear();
        }
        Ok(())
    }

    fn status(&self) -> Status {
        if self.any_bad { Status::Network } else { Status::Ok }
    }
}
