//! stdout and stderr, where a reader that went away is no error.

use std::io::{self, ErrorKind, Write};
use std::time::Duration;

use super::failure::Failure;

/// Writes data to stdout and flushes it. A broken pipe, as behind `| head`, is no error.
pub(crate) fn print(bytes: &[u8]) -> Result<(), Failure> {
    match write(bytes) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(unwritten(&error)),
        _ => Ok(()),
    }
}

/// Writes data to stdout and flushes it, for callers that have to know when nobody reads any more.
pub(crate) fn write(bytes: &[u8]) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(bytes)?;
    stdout.flush()
}

/// Writes data to stdout and flushes it. If the reader went away, the command ends, quietly.
pub(crate) fn data(bytes: &[u8]) -> Result<(), Failure> {
    write(bytes).map_err(|error| unwritten(&error))
}

/// What it means that stdout took no more.
pub(crate) fn unwritten(error: &io::Error) -> Failure {
    match error.kind() {
        ErrorKind::BrokenPipe => Failure::nobody_reads(),
        _ => Failure::usage(format!("cannot write to stdout: {error}")),
    }
}

/// Writes words to stderr. If nobody can read them, there is nobody to tell.
pub(crate) fn say(text: &str) {
    let _ = io::stderr().lock().write_all(text.as_bytes());
}

/// A number and what it counts: `1 byte`, `5 bytes`.
pub(crate) fn count(number: u64, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

/// Milliseconds with four significant digits or, below one, three decimals.
pub(crate) fn millis(time: Duration) -> String {
    let millis = time.as_secs_f64() * 1e3;
    match millis {
        ..100.0 => format!("{millis:.3}"),
        100.0..1000.0 => format!("{millis:.1}"),
        _ => format!("{millis:.0}"),
    }
}
