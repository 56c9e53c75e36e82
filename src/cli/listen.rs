//! `echo6 listen`: serves until a signal comes, and says who came and went.

use std::io::{self, ErrorKind};
use std::num::{NonZeroU32, NonZeroUsize};
use std::pin::pin;
use std::time::Duration;

use argh::{ArgsInfo, FromArgs};
use async_std::future::timeout;
use echo6::Server;
use echo6::server::{Event, Limits, Totals};
use echo6::socket::ListenOptions;
use futures::FutureExt;
use futures::channel::oneshot;
use futures::future::{Either, select, try_join_all};

use super::failure::{Failure, Status, Stop};
use super::journal;
use super::log::{Format, Log};
use super::runtime::{self, Asked};
use super::sink::{Sink, unwritten};
use super::stdio::Stream;
use super::values::{
    families, parse_buffer, parse_byte_limit, parse_duration, parse_limit, parse_rate,
    parse_timeout,
};
use super::{faults, stdio};

mod foreign;
mod gate;
mod manager;
#[cfg(target_os = "linux")]
mod passed;
mod refusals;
mod report;
mod sockets;

use gate::Gate;
use manager::Manager;
use report::Reporter;
use sockets::Sockets;

/// serve on each ADDRESS until SIGINT, SIGTERM or SIGHUP
#[derive(ArgsInfo, FromArgs)]
#[argh(subcommand, name = "listen", help_triggers("-h", "--help"))]
pub(crate) struct Listen {
    /// IPv4 only
    #[argh(switch, short = '4')]
    ipv4: bool,

    /// IPv6 only: [::] then refuses IPv4
    #[argh(switch, short = '6')]
    ipv6: bool,

    /// serve UDP as well, on the same port
    #[argh(switch, short = 'u')]
    udp: bool,

    /// with -u: do not serve TCP
    #[argh(switch)]
    no_tcp: bool,

    /// datagrams answered per second from one IPv4 address or IPv6 /64
    #[argh(option, arg_name = "RATE", from_str_fn(parse_rate))]
    max_rate: Option<NonZeroU32>,

    /// answer datagrams from ports below 1024 and from the ports served here too;
    /// only on networks whose senders you trust
    #[argh(switch)]
    any_source_port: bool,

    /// answer a datagram with the TOS or traffic class that it came with (Linux)
    #[argh(switch)]
    copy_tos: bool,

    /// ask for a receive buffer of SIZE for datagrams (default: 4M)
    #[argh(option, arg_name = "SIZE", from_str_fn(parse_buffer))]
    buffer: Option<usize>,

    /// clients at the same time; more wait in the kernel (default: what the
    /// descriptor limit allows)
    #[argh(option, short = 'm', arg_name = "N", from_str_fn(parse_limit))]
    max_conns: Option<NonZeroUsize>,

    /// connections at the same time from one IPv4 address or IPv6 /64; more are
    /// closed
    #[argh(option, arg_name = "N", from_str_fn(parse_limit))]
    max_per_source: Option<NonZeroUsize>,

    /// let only clients of these prefixes in, such as 192.0.2.0/24,loopback; of
    /// all prefixes that a client is in, the longest decides
    #[argh(option, arg_name = "PREFIX")]
    allow: Vec<String>,

    /// close clients of these prefixes at once
    #[argh(option, arg_name = "PREFIX")]
    deny: Vec<String>,

    /// a file of prefixes to allow, one a line, with # before comments
    #[argh(option, arg_name = "FILE")]
    allow_file: Vec<String>,

    /// a file of prefixes to deny
    #[argh(option, arg_name = "FILE")]
    deny_file: Vec<String>,

    /// require a PROXY header, v1 or v2, from balancers of these prefixes (any:
    /// from everyone) and take the client that it announces for the peer; TCP
    #[argh(option, arg_name = "PREFIX")]
    accept_proxy: Vec<String>,

    /// close a client that neither sends nor takes a byte for D
    #[argh(option, arg_name = "D", from_str_fn(parse_timeout))]
    idle_timeout: Option<Duration>,

    /// close a client when SIZE bytes were echoed
    #[argh(option, arg_name = "SIZE", from_str_fn(parse_byte_limit))]
    max_bytes: Option<u64>,

    /// close a client after D
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

    /// poll each connection for D before it sleeps: shorter round trips, and a
    /// core that is never idle while clients talk; try 50us (default: 0)
    #[argh(option, arg_name = "D", from_str_fn(parse_duration), default = "Duration::ZERO")]
    busy_poll: Duration,

    /// executor threads, up to 256 (default: 1)
    #[argh(option, arg_name = "N", from_str_fn(parse_threads), default = "THREADS")]
    threads: NonZeroUsize,

    /// share the port with other processes that have this option too (Unix)
    #[argh(switch)]
    reuse_port: bool,

    /// break connections on purpose, drawn as they are accepted, and datagrams,
    /// each drawn by itself; such as 10%flip@1000; "help" lists all
    #[argh(option, arg_name = "FAULT")]
    fault: Vec<String>,

    /// draw the same faults as another run (default: random, in the first line)
    #[argh(option, arg_name = "N")]
    fault_seed: Option<u64>,

    /// serve the socket that is stdin, as inetd starts it: a client, or what clients
    /// come to; print nothing (Unix)
    #[argh(switch)]
    inetd: bool,

    /// write one JSON object per line to stdout
    #[argh(switch)]
    pub(crate) json: bool,

    /// say nothing but errors
    #[argh(switch, short = 'q')]
    quiet: bool,

    /// print what balancers say of their clients beside addresses
    #[argh(switch, short = 'v')]
    verbose: bool,

    /// HOST:PORT, [IPV6]:PORT or :PORT; port 0 lets the system choose. None: the
    /// sockets that systemd passes on
    #[argh(positional, arg_name = "ADDRESS")]
    addresses: Vec<String>,
}

/// One executor thread. Two share a core with whoever else is busy, on two cores with the load on
/// the same machine: 64 and 1,000 clients are served 0.9 times as fast, a single one 1.3 times. See
/// "echo6, 2 threads" in `benches/echo.rs`.
const THREADS: NonZeroUsize = NonZeroUsize::MIN;

/// Threads beside the executor's: the log's, and the reactor's.
const THREADS_BESIDE: usize = 2;

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

pub(crate) fn run(arguments: &Listen) -> Result<Status, Stop> {
    if arguments.fault.iter().any(|fault| fault == faults::HELP) {
        Sink::new(false).data(faults::list().as_bytes())?;
        return Ok(Status::Ok);
    }
    match run_server(arguments) {
        // The client of an inetd is no reader of words.
        Err(Stop::Failed(failure)) if arguments.inetd && stdio::stderr_is_stdin() => {
            Err(Stop::Reported(failure.status()))
        }
        ended => ended,
    }
}

fn run_server(arguments: &Listen) -> Result<Status, Stop> {
    let options = ListenOptions::default()
        .families(families(arguments.ipv4, arguments.ipv6)?)
        .reuse_port(arguments.reuse_port)
        .copy_marks(arguments.copy_tos);
    let options = arguments.buffer.map_or(options, |buffer| options.receive_buffer(buffer));
    let gate = Gate::read(
        (&arguments.allow, &arguments.allow_file),
        (&arguments.deny, &arguments.deny_file),
        &arguments.accept_proxy,
    )?;
    let sockets = Sockets::open(arguments, options)?;
    let (tcp, udp) = (sockets.serve_tcp(), sockets.serve_udp());
    agree(arguments, tcp, udp)?;
    let faults = faults::read(&arguments.fault, tcp, udp)?;
    let Sockets { listeners, datagrams, client } = sockets;
    let is_open = listeners.iter().any(|listener| !listener.address().ip().is_loopback());
    if gate.trusts_everyone() && is_open && !arguments.quiet && !arguments.inetd {
        let words = "warning: --accept-proxy any: every peer can announce any address
";
        drop(Stream::Stderr.write_all(words.as_bytes()));
    }
    let reserve = RESERVE + listeners.len() + datagrams.len();
    let room = descriptors_less(reserve); // asked in any case, because to ask is to make room
    let mut limits = Limits::default();
    limits.max_connections = arguments.max_conns.or(room);
    limits.max_per_source = arguments.max_per_source;
    limits.max_bytes = arguments.max_bytes;
    limits.max_time = arguments.max_time;
    limits.idle_timeout = arguments.idle_timeout;
    limits.max_rate = arguments.max_rate;
    limits.grace = arguments.grace;
    let server =
        Server::new(listeners).datagrams(datagrams).limits(limits).busy_poll(arguments.busy_poll);
    let mut server = gate.keep(server);
    for fault in faults {
        server = server.fault(fault);
    }
    if let Some(seed) = arguments.fault_seed {
        server = server.fault_seed(seed);
    }
    if arguments.any_source_port {
        server = server.any_source_port();
    }
    if let Some(client) = client {
        server = server.client(client);
    }

    // The first line is data on stdout, and so never marked for the journal.
    let format = if arguments.json { Format::Json } else { Format::Text };
    let log_format = if !arguments.json && journal::is_stderr() { Format::Journal } else { format };
    runtime::prepare(arguments.threads.get() + THREADS_BESIDE)?;
    let log = Log::start(log_format).map_err(runtime::no_thread)?;
    let manager = Manager::find().map_err(runtime::no_thread)?;
    let listening = if arguments.inetd { Vec::new() } else { server.listening() };
    if !arguments.inetd {
        let reporter = Reporter::new(log_format, arguments.quiet, arguments.verbose, log.clone());
        let manager = manager.clone();
        server = server.observe(move |event| {
            manager.note(&event);
            reporter.report(&event);
        });
    }
    let announced =
        listening.into_iter().map(Event::Listening).map(|event| announce(&event, format, &log));
    let announced = try_join_all(announced);
    let asked = Asked::default();
    let server = server.report_totals(asked.times());
    let totals = serve(arguments, announced, server, manager, asked)?;
    log.finish();
    Ok(match totals {
        Some(totals) if totals.cut_at_stop == 0 => Status::Ok,
        Some(_) | None => Status::Network,
    })
}

/// Says which flags do not go together: those of one transport need it.
fn agree(arguments: &Listen, tcp: bool, udp: bool) -> Result<(), Failure> {
    let of_udp = [
        ("--max-rate", arguments.max_rate.is_some()),
        ("--any-source-port", arguments.any_source_port),
        ("--copy-tos", arguments.copy_tos),
        ("--buffer", arguments.buffer.is_some()),
    ];
    let of_tcp = [
        ("--max-conns", arguments.max_conns.is_some()),
        ("--max-per-source", arguments.max_per_source.is_some()),
        ("--max-bytes", arguments.max_bytes.is_some()),
        ("--max-time", arguments.max_time.is_some()),
        ("--accept-proxy", !arguments.accept_proxy.is_empty()),
    ];
    let first = |flags: &[(&'static str, bool)]| {
        flags.iter().find(|(_, given)| *given).map(|(name, _)| *name)
    };
    match (first(&of_udp), first(&of_tcp)) {
        (Some(flag), _) if !udp => {
            Err(Failure::usage(format!("{flag} is for datagrams: it needs --udp")))
        }
        (_, Some(flag)) if !tcp => {
            Err(Failure::usage(format!("{flag} is for connections: it excludes --no-tcp")))
        }
        _ => Ok(()),
    }
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

/// How long the first line may take before clients are served all the same: a terminal that is
/// stopped with Ctrl-S, or a service manager whose journal is full, must not keep them waiting.
const FIRST_LINE: Duration = Duration::from_secs(1);

/// Runs the server, as soon as it was `announced`, until the first signal and its drain, or until the
/// second signal.
fn serve(
    arguments: &Listen,
    announced: impl Future<Output = io::Result<Vec<()>>> + Send + 'static,
    server: Server,
    manager: Manager,
    asked: Asked,
) -> Result<Option<Totals>, Stop> {
    let grace = arguments.grace;
    runtime::run_on_executor(arguments.threads, async move {
        let mut signals = runtime::StopSignals::of_a_server()
            .map_err(|error| Failure::here("cannot take signals", &error))?;
        let (stop, stopped) = oneshot::channel::<()>();
        let stopped = stopped.map(drop).shared();
        let server = pin!(async {
            let announced = pin!(timeout(FIRST_LINE, announced));
            match select(announced, stopped.clone()).await {
                Either::Left((Ok(Err(error)), _)) if error.kind() != ErrorKind::BrokenPipe => {
                    Err(unwritten(error))
                }
                // A reader that went away is no reason not to serve.
                Either::Left(_) | Either::Right(_) => {
                    manager.ready();
                    Ok(server.run(stopped).await)
                }
            }
        });
        let impatience = pin!(async {
            signals.stop(&asked).await;
            manager.stopping(grace).await;
            drop(stop);
            signals.stop(&asked).await;
        });
        match select(server, impatience).await {
            Either::Left((totals, _)) => totals.map(Some),
            Either::Right(_) => Ok(None),
        }
    })
}

/// Prints that a socket is bound, before the first accept, because scripts wait for it.
fn announce(
    event: &Event,
    format: Format,
    log: &Log,
) -> impl Future<Output = io::Result<()>> + Send + use<> {
    log.written_line(Stream::Stdout, format.line(event, ""))
}
