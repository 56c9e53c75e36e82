//! stdout and stderr, where a reader that went away is no error.

use std::io::{self, ErrorKind, Write};

use super::failure::Failure;

/// Writes data to stdout and flushes it. A broken pipe, as behind `| head`, is no error.
pub(crate) fn print(bytes: &[u8]) -> Result<(), Failure> {
    match write(bytes) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Failure::usage(format!("cannot write to stdout: {error}")))
        }
        _ => Ok(()),
    }
}

/// Writes data to stdout and flushes it, for callers that have to know when nobody reads any more.
pub(crate) fn write(bytes: &[u8]) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(bytes)?;
    stdout.flush()
}

/// Writes words to stderr. If nobody can read them, there is nobody to tell.
pub(crate) fn say(text: &str) {
    let _ = io::stderr().lock().write_all(text.as_bytes());
}

/// A number and what it counts: `1 byte`, `5 bytes`.
pub(crate) fn count(number: u64, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}
