//! `echo6 listen`: serves until a signal comes, and says who came and went.

use std::process;

use argh::FromArgs;
use echo6::Server;
use echo6::address::{Endpoint, ListenOptions, listen};
use echo6::event::{Event, Reason, Totals};

use super::arguments::families;
use super::failure::{Failure, Status};
use super::log::Log;
use super::output::count;
use super::{output, runtime};

/// serve on each ADDRESS until SIGINT or SIGTERM
#[derive(FromArgs)]
#[argh(subcommand, name = "listen", help_triggers("-h", "--help"))]
pub(crate) struct Listen {
    /// IPv4 only
    #[argh(switch, short = '4')]
    ipv4: bool,

    /// IPv6 only: [::] then refuses IPv4
    #[argh(switch, short = '6')]
    ipv6: bool,

    /// say nothing but errors
    #[argh(switch, short = 'q')]
    quiet: bool,

    /// HOST:PORT, [IPV6]:PORT or :PORT; port 0 lets the system choose
    #[argh(positional, arg_name = "ADDRESS")]
    addresses: Vec<String>,
}

/// Executor threads. On two cores with the load on the same machine, one thread serves 64 and 1,000
/// clients 1.1 times as fast as two; for a single client two are faster.
const THREADS: usize = 1;

pub(crate) fn run(arguments: Listen) -> Result<Status, Failure> {
    if arguments.addresses.is_empty() {
        return Err(Failure::usage("no ADDRESS given")
            .with_usage("Usage: echo6 listen [OPTIONS] ADDRESS..."));
    }
    let endpoints: Vec<Endpoint> =
        arguments.addresses.iter().map(|text| text.parse()).collect::<Result<_, _>>()?;
    let options = ListenOptions::default().families(families(arguments.ipv4, arguments.ipv6)?);
    let listeners = listen(&endpoints, options)?;

    let (log, log_thread) = Log::start();
    let quiet = arguments.quiet;
    let server = Server::new(listeners).observe(move |event| report(event, quiet, &log));
    let totals = runtime::run_on_executor(THREADS, async move {
        let mut signals = runtime::StopSignals::new()?;
        let stopped = server.run(async { signals.next().await });
        Ok(stopped.await)
    })
    .map_err(|error: std::io::Error| Failure::usage(format!("cannot take signals: {error}")))?;
    log_thread.finish();
    Ok(if totals.cut == 0 { Status::Ok } else { Status::Network })
}

fn report(event: Event, quiet: bool, log: &Log) {
    match event {
        Event::Listening { address, families } => {
            // Printed here and now, before the first accept, because scripts wait for it.
            if output::print(format!("listening on {address} ({families})\n").as_bytes()).is_err() {
                process::exit(Status::Usage as i32);
            }
        }
        event if quiet && !matches!(event, Event::Paused { .. }) => {}
        event => log.line(format!("{}\n", describe(&event))),
    }
}

fn describe(event: &Event) -> String {
    match event {
        Event::Connected { peer } => format!("{peer} connected"),
        Event::Closed { peer, returned, duration, reason, .. } => {
            let reason = match reason {
                Reason::EndOfStream => "end of stream".to_owned(),
                Reason::Reset => "reset by the client".to_owned(),
                Reason::Shutdown => "server stopped".to_owned(),
                Reason::Cut => "server stopped, client cut off".to_owned(),
                Reason::Error(cause) => cause.to_string(),
                other => format!("{other:?}"),
            };
            let seconds = duration.as_secs_f64();
            let bytes = count(*returned, "byte");
            format!("{peer} closed after {seconds:.3} s, {bytes} echoed: {reason}")
        }
        Event::Paused { cause } => {
            format!("cannot accept clients for now: {cause} (raise the limit with \"ulimit -n\")")
        }
        Event::Resumed => "accepting clients again".to_owned(),
        Event::Stopped { totals: Totals { connections, returned, duration, .. } } => {
            let seconds = duration.as_secs_f64();
            let (clients, bytes) = (count(*connections, "client"), count(*returned, "byte"));
            format!("stopped after {seconds:.3} s: {clients}, {bytes} echoed")
        }
        other => format!("{other:?}"),
    }
}
