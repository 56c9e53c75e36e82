//! `echo6 listen`: serves until a signal comes, and says who came and went.

use std::num::NonZeroUsize;
use std::pin::pin;
use std::process;
use std::time::Duration;

use argh::{ArgsInfo, FromArgs};
use echo6::Server;
use echo6::error::Cause;
use echo6::server::{Event, Obstacle, Totals};
use echo6::socket::{ListenOptions, listen};
use futures::FutureExt;
use futures::channel::oneshot;
use futures::future::{Either, select};

use super::events::Format;
use super::failure::{Failure, Status, Stop};
use super::log::Log;
use super::runtime;
use super::sink::Sink;
use super::values::{
    each_endpoint, families, parse_byte_limit, parse_duration, parse_limit, parse_timeout,
};

/// serve on each ADDRESS until SIGINT or SIGTERM
#[derive(ArgsInfo, FromArgs)]
#[argh(subcommand, name = "listen", help_triggers("-h", "--help"))]
pub(crate) struct Listen {
    /// IPv4 only
    #[argh(switch, short = '4')]
    ipv4: bool,

    /// IPv6 only: [::] then refuses IPv4
    #[argh(switch, short = '6')]
    ipv6: bool,

    /// clients at the same time; more wait in the kernel (default: what the
    /// descriptor limit allows)
    #[argh(option, short = 'm', arg_name = "N", from_str_fn(parse_limit))]
    max_conns: Option<NonZeroUsize>,

    /// connections at the same time from one IPv4 address or IPv6 /64; more are
    /// closed
    #[argh(option, arg_name = "N", from_str_fn(parse_limit))]
    max_per_source: Option<NonZeroUsize>,

    /// close a client that neither sends nor takes a byte for so long
    #[argh(option, arg_name = "D", from_str_fn(parse_timeout))]
    idle_timeout: Option<Duration>,

    /// close a client when so many bytes were echoed
    #[argh(option, arg_name = "SIZE", from_str_fn(parse_byte_limit))]
    max_bytes: Option<u64>,

    /// close a client after so long
    #[argh(option, arg_name = "D", from_str_fn(parse_timeout))]
    max_time: Option<Duration>,

    /// how long a stop waits for clients to take their bytes (default: 5s)
    #[argh(
        option,
        arg_name = "D",
        from_str_fn(parse_duration),
        default = "Duration::from_secs(5)"
    )]
    grace: Duration,

    /// look again for so long before waiting: shorter round trips for a core
    /// that is never idle while clients talk; 50us is a good value (default: 0)
    #[argh(option, arg_name = "D", from_str_fn(parse_duration), default = "Duration::ZERO")]
    busy_poll: Duration,

    /// executor threads, up to 256 (default: 1)
    #[argh(option, arg_name = "N", from_str_fn(parse_threads), default = "THREADS")]
    threads: NonZeroUsize,

    /// share the port with other processes that say so too (Unix)
    #[argh(switch)]
    reuse_port: bool,

    /// write one JSON object per line to stdout
    #[argh(switch)]
    pub(crate) json: bool,

    /// say nothing but errors
    #[argh(switch, short = 'q')]
    quiet: bool,

    /// HOST:PORT, [IPV6]:PORT or :PORT; port 0 lets the system choose
    #[argh(positional, arg_name = "ADDRESS")]
    addresses: Vec<String>,
}

/// One executor thread. Two share a core with whoever else is busy, on two cores with the load on
/// the same machine: 64 and 1,000 clients are served 0.9 times as fast, a single one 1.3 times.
const THREADS: NonZeroUsize = NonZeroUsize::MIN;

/// Reads a number of threads. More than any machine has cores for would only abort.
fn parse_threads(text: &str) -> Result<NonZeroUsize, String> {
    match parse_limit(text)? {
        threads if threads.get() <= 256 => Ok(threads),
        _ => Err("must be from 1 to 256".to_owned()),
    }
}

/// Descriptors that are not clients: the standard streams, the reactor's and the signals', one for
/// each listener, and a few to spare for the resolver.
const RESERVE: usize = 32;

pub(crate) fn run(arguments: &Listen, sink: Sink) -> Result<Status, Stop> {
    let endpoints = each_endpoint("listen", &arguments.addresses)?;
    let options = ListenOptions::default()
        .families(families(arguments.ipv4, arguments.ipv6)?)
        .reuse_port(arguments.reuse_port);
    let listeners = listen(&endpoints, options)?;
    let reserve = RESERVE + listeners.len();
    let mut server = Server::new(listeners).grace(arguments.grace).busy_poll(arguments.busy_poll);
    let room = descriptors_less(reserve); // asked in any case, because to ask is to make room
    if let Some(max) = arguments.max_conns.or(room) {
        server = server.max_connections(max);
    }
    if let Some(max) = arguments.max_per_source {
        server = server.max_per_source(max);
    }
    if let Some(max) = arguments.max_bytes {
        server = server.max_bytes(max);
    }
    if let Some(max) = arguments.max_time {
        server = server.max_time(max);
    }
    if let Some(timeout) = arguments.idle_timeout {
        server = server.idle_timeout(timeout);
    }

    let format = if arguments.json { Format::Json } else { Format::Text };
    let (log, log_thread) = Log::start(format);
    let quiet = arguments.quiet;
    let server = server.observe(move |event| report(&event, format, quiet, &log, sink));
    let totals = serve(arguments.threads, server)?;
    log_thread.finish();
    Ok(match totals {
        Some(Totals { cut: 0, .. }) => Status::Ok,
        _ => Status::Network,
    })
}

/// Raises the descriptor limit as far as the system lets it (the soft limit of getrlimit(2) to the
/// hard one); says how many are left when `reserve` are taken.
fn descriptors_less(reserve: usize) -> Option<NonZeroUsize> {
    #[cfg(unix)]
    {
        let limit = rlimit::increase_nofile_limit(u64::MAX).ok()?;
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        NonZeroUsize::new(limit.saturating_sub(reserve).max(1))
    }
    #[cfg(not(unix))]
    {
        let _ = reserve;
        None // a socket is no descriptor there
    }
}

/// Runs the server until the first signal and its drain, or until the second.
fn serve(threads: NonZeroUsize, server: Server) -> Result<Option<Totals>, Failure> {
    runtime::run_on_executor(threads, async {
        let mut signals = runtime::StopSignals::new()?;
        let (stop, stopped) = oneshot::channel::<()>();
        let server = pin!(server.run(stopped.map(drop)));
        let impatience = pin!(async {
            signals.next().await;
            drop(stop);
            signals.next().await;
        });
        Ok(match select(server, impatience).await {
            Either::Left((totals, _)) => Some(totals),
            Either::Right(_) => None,
        })
    })
    .map_err(|error: Cause| Failure::here("cannot take signals", &error))
}

fn report(event: &Event, format: Format, quiet: bool, log: &Log, sink: Sink) {
    match event {
        Event::Listening { .. } => {
            // Printed here and now, before the first accept, because scripts wait for it.
            if let Err(Stop::Failed(failure)) = sink.data(format.line(event).as_bytes()) {
                process::exit(sink.failure(&failure) as i32);
            }
        }
        Event::Paused { obstacle: Obstacle::Shortage { .. } } => log.line(format.line(event)),
        _ if quiet => {}
        _ => log.line(format.line(event)),
    }
}
