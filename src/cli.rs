//! The command line: arguments in, lines on stdout and stderr and an exit status out.
//!
//! This is the only place that prints, and it stands on the library's public items alone.

use std::process::ExitCode;

mod address;
mod arguments;
mod check;
mod events;
mod failure;
mod json;
mod listen;
mod log;
mod output;
mod ping;
mod progress;
mod runtime;
mod send;
mod streams;
mod targets;

use arguments::{Command, parse};
use failure::Status;

/// Runs the command that the arguments name.
pub(crate) fn main() -> ExitCode {
    let result = match parse(std::env::args_os().skip(1)) {
        Ok(Command::Address(arguments)) => address::run(arguments),
        Ok(Command::Listen(arguments)) => listen::run(arguments),
        Ok(Command::Send(arguments)) => send::run(arguments),
        Ok(Command::Ping(arguments)) => ping::run(arguments),
        Ok(Command::Check(arguments)) => check::run(arguments),
        Ok(Command::Print(text)) => output::print(text.as_bytes()).map(|()| Status::Ok),
        Err(failure) => Err(failure),
    };
    result.unwrap_or_else(|failure| failure.print()).into()
}
