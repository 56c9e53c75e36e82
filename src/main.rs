//! The `echo6` command: parses its arguments, runs, prints an error once, and exits with a status.

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::main()
}
