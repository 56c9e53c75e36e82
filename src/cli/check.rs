//! `echo6 check`: a table of what works at each address, and a sentence to act on.

use std::net::SocketAddr;
use std::time::Instant;

use echo6::address::Endpoint;
use echo6::client::{CheckSummary, Findings};
use echo6::error::chain;
use echo6::socket::Transports;
use futures::future::join_all;

use super::failure::{Failure, Status, Stop};
use super::flags::client_arguments;
use super::progress::with_progress;
use super::ready;
use super::runtime::{self, Stopped};
use super::sink::Sink;
use super::targets::{Search, look_up};
use super::values::endpoints;

mod hold;
mod row;
mod table;

use hold::{Hold, parse_hold, progress};
use row::Row;
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
    let endpoints = endpoints("check", &arguments.addresses, None)?;
    let dial = arguments.dial();
    if arguments.udp && dial.proxy_protocol.is_some() {
        return Err(Failure::for_connections("--proxy-protocol", "--udp").into());
    }
    let search = dial.search()?;
    let transport = if arguments.udp { Transports::Udp } else { Transports::Tcp };
    ready::wait(&dial, &endpoints, sink, stopped, transport)?;
    let client = dial.client()?;
    let silences = arguments.hold.as_ref().map_or(&[][..], |Hold(silences)| silences);
    let work = Work { arguments, endpoints, search, sink, stopped };
    if arguments.udp {
        let check = client.datagram_check().hold_each(silences);
        work.done_by(async |address| check.run(address, stopped.clone()).await)
    } else {
        let check = client.check().hold_each(silences);
        work.done_by(async |address| check.run(address, stopped.clone()).await)
    }
}

/// What is to be checked, and where it is reported.
struct Work<'a> {
    arguments: &'a Check,
    endpoints: Vec<Endpoint>,
    search: Search,
    sink: Sink,
    stopped: &'a Stopped,
}

/// What a check of an endpoint came to.
enum Found<R> {
    Checked(Findings<R>),
    /// It has no address.
    Failed(Failure),
    /// The look-up was interrupted.
    Interrupted,
}

impl<R> Found<R> {
    fn checked(&self) -> &[R] {
        match self {
            Self::Checked(findings) => &findings.checked,
            Self::Failed(_) | Self::Interrupted => &[],
        }
    }
}

impl Work<'_> {
    /// Has each address of each endpoint checked, all concurrently, and reports what was found.
    fn done_by<R: Row>(&self, check: impl AsyncFn(SocketAddr) -> R) -> Result<Status, Stop> {
        let start = Instant::now();
        let checks = self.endpoints.iter().map(|endpoint| self.find(endpoint, &check));
        let found = with_progress(join_all(checks), !self.arguments.quiet, || {
            progress(start.elapsed().as_secs(), self.arguments.hold.as_ref())
        });
        self.report(&runtime::run_here(found))
    }

    /// Checks each address of an endpoint.
    async fn find<R: Row>(
        &self,
        endpoint: &Endpoint,
        check: impl AsyncFn(SocketAddr) -> R,
    ) -> Found<R> {
        let found = look_up(endpoint, self.search);
        let found = match runtime::until(self.stopped.clone(), found).await {
            Some(Ok(found)) => found,
            Some(Err(failure)) => return Found::Failed(failure),
            None => return Found::Interrupted,
        };
        let checks = found.addresses.iter().map(|&address| check(address));
        let mut checked = join_all(checks).await;
        for checked in &mut checked {
            *checked.target_mut() = Some(endpoint.clone());
        }
        let mut findings = Findings::from(checked);
        findings.missing = found.missing;
        Found::Checked(findings)
    }

    fn report<R: Row>(&self, found: &[Found<R>]) -> Result<Status, Stop> {
        let Self { arguments, endpoints, sink, .. } = self;
        let checked: Vec<&R> = found.iter().flat_map(Found::checked).collect();
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
            for error in checked.iter().filter_map(|checked| checked.failure()) {
                sink.remark(&chain(error));
            }
        }
        if arguments.json {
            sink.object(&summary)?;
        } else {
            summary.sentences.iter().try_for_each(|sentence| sink.sentence(sentence))?;
        }
        Ok(if arguments.any && summary.ok > 0 { Status::Ok } else { status })
    }
}
