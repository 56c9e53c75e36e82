//! Values, words and failures in; stdout and stderr out.
//!
//! Data goes to stdout and words go to stderr. With `--json` each value is one object a line on
//! stdout, with the `time` in UTC (RFC 3339) in front of its own fields.

use std::io::{self, ErrorKind, IsTerminal};
use std::time::SystemTime;

use echo6::error::Cause;
use serde::Serialize;

use super::failure::{Failure, Status, Stop};
use super::journal::{self, Priority};
use super::stdio::Stream;
use super::text::for_terminal;

/// Where a command writes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sink {
    json: bool,
}

/// A value as a line of JSON has it.
#[derive(Serialize)]
struct Line<'a, T> {
    time: String,
    #[serde(flatten)]
    value: &'a T,
}

impl Sink {
    pub(crate) fn new(json: bool) -> Self {
        Self { json }
    }

    /// Writes data to stdout. If its reader went away, the command is to end.
    pub(crate) fn data(self, bytes: &[u8]) -> Result<(), Stop> {
        Stream::Stdout.write_all(bytes).map_err(unwritten)
    }

    /// Writes a sentence to stdout as a line, and to a terminal as several that fit.
    pub(crate) fn sentence(self, sentence: &str) -> Result<(), Stop> {
        self.data(format!("{}\n", for_terminal(sentence, io::stdout().is_terminal())).as_bytes())
    }

    /// Writes a sentence to stderr, in the same way.
    pub(crate) fn remark(self, sentence: &str) {
        self.words(&format!("{}\n", for_terminal(sentence, io::stderr().is_terminal())));
    }

    /// Writes a value as a line of JSON to stdout.
    pub(crate) fn object(self, value: &impl Serialize) -> Result<(), Stop> {
        self.data(object(value).as_bytes())
    }

    /// Writes words to stderr. If nobody can read them, there is nobody to tell.
    pub(crate) fn words(self, text: &str) {
        let _ = Stream::Stderr.write_all(text.as_bytes());
    }

    /// Reports a failure: its words, and with `--json` its object too.
    pub(crate) fn failure(self, failure: &Failure) -> Status {
        let words = failure.words(io::stderr().is_terminal());
        self.words(&if journal::is_stderr() { Priority::Error.mark(&words) } else { words });
        if self.json {
            let _ = Stream::Stdout.write_all(object(failure.object()).as_bytes());
        }
        failure.status()
    }
}

/// The time in UTC, to the millisecond (RFC 3339).
pub(crate) fn now() -> String {
    humantime::format_rfc3339_millis(SystemTime::now()).to_string()
}

/// A value as one line of JSON, with the time in UTC.
pub(crate) fn object(value: &impl Serialize) -> String {
    let time = now();
    let line = serde_json::to_string(&Line { time, value });
    line.expect("the keys of all values are strings") + "\n"
}

/// What it means that stdout took no more.
pub(crate) fn unwritten(error: io::Error) -> Stop {
    match error.kind() {
        ErrorKind::BrokenPipe => Stop::Unread,
        _ => Failure::here("cannot write to stdout", &Cause::from(error)).into(),
    }
}
