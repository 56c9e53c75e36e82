//! `echo6 check`: a table of what works at each address, and a sentence to act on.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use argh::FromArgs;
use echo6::address::{Endpoint, Families};
use echo6::client::Checked;
use futures::future::join_all;

use super::arguments::{parse_source, parse_timeout};
use super::failure::{Failure, Status, chain};
use super::output::{data, say};
use super::progress::with_progress;
use super::targets::{Dial, addresses};
use super::{json, runtime};

mod event;
mod words;

use words::{sentence, verdict};

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
    if arguments.addresses.is_empty() {
        return Err(Failure::usage("no ADDRESS given")
            .with_usage("Usage: echo6 check [OPTIONS] ADDRESS..."));
    }
    let endpoints: Vec<Endpoint> =
        arguments.addresses.iter().map(|text| text.parse()).collect::<Result<_, _>>()?;
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
        let checks = endpoints.iter().map(async |endpoint| {
            let found = addresses(endpoint, families).await?;
            Ok(join_all(found.iter().map(|&address| check.run(address))).await)
        });
        let hold = arguments.hold.unwrap_or_default();
        let checks = with_progress(join_all(checks), !arguments.quiet && !hold.is_zero(), || {
            let silent = start.elapsed().min(hold);
            format!("silent for {} of {} s", silent.as_secs(), hold.as_secs())
        });
        match runtime::until_stopped(checks).await? {
            Some(results) => report(&endpoints, &results, &arguments),
            None => {
                say("interrupted before every address was checked\n");
                Ok(Status::Network)
            }
        }
    })
}

/// What became of an endpoint.
type Found = Result<Vec<Checked>, Failure>;

fn report(endpoints: &[Endpoint], found: &[Found], arguments: &Check) -> Result<Status, Failure> {
    let checked: Vec<&Checked> = found.iter().flatten().flatten().collect();
    if arguments.json {
        for checked in &checked {
            event::print(checked)?;
        }
    } else if !arguments.quiet && !checked.is_empty() {
        data(table(&checked).as_bytes())?;
    }
    let mut text = String::new();
    let mut status = Status::Ok;
    for (endpoint, found) in endpoints.iter().zip(found) {
        match found {
            Ok(checked) => {
                let name = (endpoints.len() > 1).then(|| format!("{endpoint}: "));
                text += &format!("{}{}\n", name.unwrap_or_default(), sentence(checked));
            }
            Err(failure) => {
                json::print_unresolved(arguments.json, failure)?;
                status = failure.print();
            }
        }
    }
    if arguments.verbose {
        for (_, error) in checked.iter().filter_map(|checked| checked.failure.as_ref()) {
            say(&format!("{}\n", chain(error)));
        }
    }
    let well = checked.iter().filter(|checked| checked.is_well()).count();
    if arguments.json {
        event::print_summary(checked.len(), well, text.trim_end())?;
    } else {
        data(text.as_bytes())?;
    }
    Ok(match status {
        _ if arguments.any && well > 0 => Status::Ok,
        Status::Ok if well < checked.len() => Status::Network,
        status => status,
    })
}

fn table(rows: &[&Checked]) -> String {
    let addresses: Vec<String> = rows.iter().map(|row| row.address.to_string()).collect();
    let width = addresses.iter().map(String::len).chain([7]).max().unwrap_or_default();
    let mut text =
        format!("{:<width$} family connect ms echo ms MiB/s half-close verdict\n", "address");
    for (row, address) in rows.iter().zip(addresses) {
        let millis = |time: Option<Duration>| {
            time.map_or_else(|| "-".to_owned(), |time| format!("{:.3}", time.as_secs_f64() * 1e3))
        };
        let speed =
            row.mib_per_second().map_or_else(|| "-".to_owned(), |rate| format!("{rate:.0}"));
        text += &format!(
            "{address:<width$} {:<6} {:>10} {:>7} {speed:>5} {:<10} {}\n",
            family(row.address),
            millis(row.connect),
            millis(row.echo),
            row.half_close.map_or("-", words::half_close),
            verdict(row),
        );
    }
    text
}

fn family(address: SocketAddr) -> String {
    Families::of(address).to_string()
}
