//! `echo6 check`: a table of what works at each address, and a sentence to act on.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use argh::FromArgs;
use echo6::address::Endpoint;
use echo6::client::Checked;
use futures::future::join_all;

use super::arguments::{each_endpoint, parse_source, parse_timeout};
use super::failure::{Failure, Status, chain};
use super::output::{data, say};
use super::progress::with_progress;
use super::targets::{Dial, addresses};
use super::{json, runtime};

mod event;
mod table;
mod words;

use table::table;
use words::sentence;

/// say of each address of each ADDRESS whether it echoes, how fast, and what is wrong if not
#[derive(FromArgs)]
#[argh(subcommand, name = "check", help_triggers("-h", "--help"))]
pub(crate) struct Check {
    /// IPv4 only
    #[argh(switch, short = '4')]
    ipv4: bool,

    /// IPv6 only
    #[argh(switch, short = '6')]
    ipv6: bool,

    /// status 0 if one address works, not only if all do
    #[argh(switch)]
    any: bool,

    /// also keep a connection silent for so long, and see whether it lives
    #[argh(option, from_str_fn(parse_timeout))]
    hold: Option<Duration>,

    /// address of this host to check from
    #[argh(option, short = 's', arg_name = "address", from_str_fn(parse_source))]
    source: Option<IpAddr>,

    /// how long each step may stand still (default: 5s)
    #[argh(option, short = 'w', from_str_fn(parse_timeout), default = "Duration::from_secs(5)")]
    timeout: Duration,

    /// how long to wait for each address to accept (default: 5s)
    #[argh(option, from_str_fn(parse_timeout), default = "Duration::from_secs(5)")]
    connect_timeout: Duration,

    /// one JSON object per address and a summary
    #[argh(switch)]
    json: bool,

    /// only the sentence, and errors
    #[argh(switch, short = 'q')]
    quiet: bool,

    /// say in full what failed
    #[argh(switch, short = 'v')]
    verbose: bool,

    /// HOST:PORT or [IPV6]:PORT
    #[argh(positional, arg_name = "ADDRESS")]
    addresses: Vec<String>,
}

/// Of no effect, because each address is tried by itself.
const HEAD_START: Duration = Duration::from_millis(250);

pub(crate) fn run(arguments: Check) -> Result<Status, Failure> {
    let endpoints = each_endpoint("check", &arguments.addresses)?;
    let dial = Dial {
        ipv4: arguments.ipv4,
        ipv6: arguments.ipv6,
        source: arguments.source,
        head_start: HEAD_START,
        connect_timeout: arguments.connect_timeout,
        timeout: arguments.timeout,
    };
    let families = dial.families()?;
    let check = match arguments.hold {
        Some(hold) => dial.client().check().hold(hold),
        None => dial.client().check(),
    };
    let start = Instant::now();
    runtime::run_here(async {
        let stopped = runtime::stopped()?;
        let checks = endpoints.iter().map(async |endpoint| {
            let found = match runtime::until(stopped.clone(), addresses(endpoint, families)).await {
                Some(Ok(found)) => found,
                Some(Err(failure)) => return Found::Failed(failure),
                None => return Found::Interrupted,
            };
            let checks = found.iter().map(|&address| check.run(address, stopped.clone()));
            Found::Checked(join_all(checks).await)
        });
        let hold = arguments.hold.unwrap_or_default();
        let shown = !arguments.quiet && !hold.is_zero();
        let found = with_progress(join_all(checks), shown, || {
            format!("checking for {} s, and --hold takes {hold:?}", start.elapsed().as_secs())
        });
        report(&endpoints, &found.await, &arguments)
    })
}

/// What became of an endpoint.
enum Found {
    Checked(Vec<Checked>),
    /// Nothing, because it has no address.
    Failed(Failure),
    /// Nothing, because it was looked up for too long.
    Interrupted,
}

impl Found {
    fn checked(&self) -> &[Checked] {
        if let Self::Checked(checked) = self { checked } else { &[] }
    }

    fn is_interrupted(&self) -> bool {
        matches!(self, Self::Interrupted) || self.checked().iter().any(|one| !one.finished)
    }
}

fn report(endpoints: &[Endpoint], found: &[Found], arguments: &Check) -> Result<Status, Failure> {
    let checked: Vec<&Checked> = found.iter().flat_map(Found::checked).collect();
    if arguments.json {
        for (endpoint, found) in endpoints.iter().zip(found) {
            found.checked().iter().try_for_each(|checked| event::print(endpoint, checked))?;
        }
    } else if !arguments.quiet && !checked.is_empty() {
        data(table(&checked).as_bytes())?;
    }
    let mut sentences = Vec::new();
    let well = checked.iter().filter(|checked| checked.is_well()).count();
    let mut status = if well == checked.len() { Status::Ok } else { Status::Network };
    for (endpoint, found) in endpoints.iter().zip(found) {
        let sentence = match found {
            Found::Checked(checked) => sentence(checked),
            Found::Failed(failure) => {
                if arguments.json {
                    json::print_unresolved(failure)?;
                }
                status = status.max(failure.print());
                continue;
            }
            Found::Interrupted => {
                status = status.max(Status::Network);
                "interrupted before the name was resolved".to_owned()
            }
        };
        let name = (endpoints.len() > 1).then(|| format!("{endpoint}: "));
        sentences.push(name.unwrap_or_default() + &sentence);
    }
    if arguments.verbose {
        for (_, error) in checked.iter().filter_map(|checked| checked.failure.as_ref()) {
            say(&format!("{}\n", chain(error)));
        }
    }
    if arguments.json {
        let interrupted = found.iter().any(Found::is_interrupted);
        event::print_summary(checked.len(), well, interrupted, &sentences)?;
    } else {
        let lines: String = sentences.iter().map(|sentence| format!("{sentence}\n")).collect();
        data(lines.as_bytes())?;
    }
    Ok(if arguments.any && well > 0 { Status::Ok } else { status })
}
