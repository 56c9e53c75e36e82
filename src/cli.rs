//! The command line: arguments in, lines on stdout and stderr and an exit status out.
//!
//! This is the only place that prints, and it stands on the library's public items alone.

use std::io::Write as _;
use std::process::ExitCode;
use std::{env, io, panic};

mod address;
mod bench;
mod check;
mod commands;
mod failure;
mod faults;
mod flags;
mod generate;
mod help;
mod hints;
mod journal;
mod listen;
mod log;
mod ping;
mod plot;
mod progress;
mod ready;
mod runtime;
mod send;
mod sink;
mod stdio;
mod streams;
mod targets;
mod text;
mod values;
mod words;

use commands::{Command, parse};
use failure::{Status, Stop};
use runtime::supervised;
use sink::Sink;

/// Runs the command that the arguments name.
pub(crate) fn main() -> ExitCode {
    say_panics_without_memory();
    let words: Vec<_> = env::args_os().skip(1).collect();
    let (sink, result) = match parse(&words) {
        Ok(command) => {
            let sink = Sink::new(command.is_json());
            let name = command.name();
            let result = run(command, sink).map_err(|stop| match stop {
                Stop::Failed(failure) => Stop::Failed(failure.or_see(name)),
                stop => stop,
            });
            (sink, result)
        }
        // What was wrong may stand before the flag, so it is looked for among all words.
        Err(failure) => (Sink::new(words.iter().any(|word| word == "--json")), Err(failure.into())),
    };
    let status = match result {
        Ok(status) => status,
        Err(Stop::Unread) => Status::Ok,
        Err(Stop::Reported(status)) => status,
        Err(Stop::Failed(failure)) => sink.failure(&failure),
    };
    status.into()
}

/// Has a panic say what and where, and no backtrace unless one is asked for. Where memory runs out,
/// async-task panics twice; std then writes a backtrace in any case, which takes memory, and waits for
/// itself for ever as there is none: a server would hang in place of ending.
fn say_panics_without_memory() {
    if env::var_os("RUST_BACKTRACE").is_none_or(|style| style == "0") {
        panic::set_hook(Box::new(|panic| {
            let _ = writeln!(io::stderr(), "{panic}");
        }));
    }
}

fn run(command: Command, sink: Sink) -> Result<Status, Stop> {
    match command {
        Command::Address(arguments) => address::run(arguments, sink),
        Command::Listen(arguments) => listen::run(&arguments),
        Command::Send(arguments) => supervised(arguments.deadline, move |stopped, asked| {
            send::run(&arguments, sink, stopped, asked)
        }),
        Command::Ping(arguments) => supervised(arguments.deadline, move |stopped, asked| {
            ping::run(&arguments, sink, stopped, asked)
        }),
        Command::Check(arguments) => {
            supervised(arguments.deadline, move |stopped, _| check::run(&arguments, sink, stopped))
        }
        Command::Bench(arguments) => {
            supervised(arguments.deadline, move |stopped, _| bench::run(&arguments, sink, stopped))
        }
        Command::Print(text) => sink.data(text.as_bytes()).map(|()| Status::Ok),
    }
}
