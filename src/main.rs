//! The `echo6` command: parses its arguments, runs, prints an error once, and exits with a status.

#![warn(clippy::print_stderr, clippy::print_stdout, clippy::unwrap_used)] // tests and examples may

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::main()
}
