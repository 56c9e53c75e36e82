//! `echo6 check`: a table of what works at each address, and a sentence to act on.

use std::time::Instant;

use echo6::address::Endpoint;
use echo6::client::{CheckSummary, Checked, Findings};
use echo6::error::chain;
use echo6::socket::Transports;
use futures::future::join_all;

use super::failure::{Failure, Status, Stop};
use super::flags::client_arguments;
use super::progress::with_progress;
use super::ready;
use super::runtime::{self, Stopped};
use super::sink::Sink;
use super::targets::look_up;
use super::values::endpoints;

mod datagram;
mod hold;
mod table;

use hold::{Hold, parse_hold, progress};
use table::table;

client_arguments! {
    /// test every address of each ADDRESS: does it echo, how fast, and if not, why
    #[argh(
        subcommand,
        name = "check",
        help_triggers("-h", "--help"),
        example = "Which addresses of a name work, and what is wrong with the others?\n$ {command_name} name:7000",
        example = "The same for UDP, with the path MTU:\n$ {command_name} -u name:7000",
        example = "After how long is an idle connection dropped?\n$ {command_name} --hold auto name:7000",
        example = "Wait until a server works, for a minute at most:\n$ {command_name} -q --until-ready 1m name:7000"
    )]
    pub(crate) struct Check {
        timeout: "give up a step after D without progress (default: 5s)",
        quiet: "print only the sentence, and errors",
        verbose: "print each failure in full",

        /// test datagrams (UDP) instead: lengths, fragments, path MTU and marks
        #[argh(switch, short = 'u')]
        udp: bool,

        /// exit with 0 if one address works; without it all must
        #[argh(switch)]
        any: bool,

        /// also keep a connection silent for D, then test it again; auto: find the idle timeout, with
        /// silences from 10 s to 10 minutes at the same time; auto=D: up to D
        #[argh(option, arg_name = "D", from_str_fn(parse_hold))]
        hold: Option<Hold>,

        /// HOST:PORT or [IPV6]:PORT
        #[argh(positional, arg_name = "ADDRESS")]
        addresses: Vec<String>,
    }
}

pub(crate) fn run(arguments: &Check, sink: Sink, stopped: &Stopped) -> Result<Status, Stop> {
    if arguments.udp {
        return datagram::run(arguments, sink, stopped);
    }
    let endpoints = endpoints("check", &arguments.addresses, None)?;
    let dial = arguments.dial();
    let search = dial.search()?;
    ready::wait(&dial, &endpoints, sink, stopped, Transports::Tcp)?;
    let check = match &arguments.hold {
        Some(Hold(silences)) => dial.client()?.check().hold_each(silences),
        None => dial.client()?.check(),
    };
    let start = Instant::now();
    runtime::run_here(async {
        let checks = endpoints.iter().map(async |endpoint| {
            let found = match runtime::until(stopped.clone(), look_up(endpoint, search)).await {
                Some(Ok(found)) => found,
                Some(Err(failure)) => return Found::Failed(failure),
                None => return Found::Interrupted,
            };
            let checks = found.addresses.iter().map(|&address| check.run(address, stopped.clone()));
            let mut checked = join_all(checks).await;
            for checked in &mut checked {
                checked.target = Some(endpoint.clone());
            }
            let mut findings = Findings::from(checked);
            findings.missing = found.missing;
            Found::Checked(findings)
        });
        let found = with_progress(join_all(checks), !arguments.quiet, || {
            progress(start.elapsed().as_secs(), arguments.hold.as_ref())
        });
        report(&endpoints, &found.await, arguments, sink)
    })
}

/// What a check of an endpoint came to.
enum Found {
    Checked(Findings),
    /// It has no address.
    Failed(Failure),
    /// The look-up was interrupted.
    Interrupted,
}

impl Found {
    fn checked(&self) -> &[Checked] {
        match self {
            Self::Checked(findings) => &findings.checked,
            Self::Failed(_) | Self::Interrupted => &[],
        }
    }
}

fn report(
    endpoints: &[Endpoint],
    found: &[Found],
    arguments: &Check,
    sink: Sink,
) -> Result<Status, Stop> {
    let checked: Vec<&Checked> = found.iter().flat_map(Found::checked).collect();
    if arguments.json {
        checked.iter().try_for_each(|checked| sink.object(checked))?;
    } else if !arguments.quiet && !checked.is_empty() {
        sink.data(table(&checked).as_bytes())?;
    }
    let mut summary = CheckSummary::default();
    let mut status = Status::Ok;
    for (endpoint, found) in endpoints.iter().zip(found) {
        let sentence = match found {
            Found::Checked(findings) => {
                summary.note(findings);
                findings.to_string()
            }
            Found::Failed(failure) => {
                status = status.max(sink.failure(failure));
                if !arguments.json {
                    continue; // it is said already
                }
                failure.message()
            }
            Found::Interrupted => {
                summary.interrupted = true;
                status = status.max(Status::Network);
                "interrupted before the name was resolved".to_owned()
            }
        };
        let name = (endpoints.len() > 1).then(|| format!("{endpoint}: "));
        summary.sentences.push(name.unwrap_or_default() + &sentence);
    }
    if summary.ok < summary.checked {
        status = status.max(Status::Network);
    }
    if arguments.verbose {
        for failure in checked.iter().filter_map(|checked| checked.failure.as_ref()) {
            sink.remark(&chain(&failure.error));
        }
    }
    if arguments.json {
        sink.object(&summary)?;
    } else {
        summary.sentences.iter().try_for_each(|sentence| sink.sentence(sentence))?;
    }
    Ok(if arguments.any && summary.ok > 0 { Status::Ok } else { status })
}
