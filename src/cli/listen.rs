//! `echo6 listen`: serves until a signal comes, and says who came and went.

use std::io::{self, IsTerminal};
use std::num::NonZeroUsize;

use echo6::Server;
use echo6::server::{Event, Limits};
use echo6::socket::ListenOptions;
use futures::future::try_join_all;

use super::failure::{Status, Stop};
use super::journal;
use super::log::{Format, Log};
use super::runtime::{self, Asked};
use super::sink::Sink;
use super::values::families;
use super::{faults, stdio};

mod flags;
mod foreign;
mod gate;
mod manager;
#[cfg(target_os = "linux")]
mod passed;
mod refusals;
mod report;
mod serve;
mod sockets;

pub(crate) use flags::Listen;

use flags::agree;
use gate::Gate;
use manager::Manager;
use report::Reporter;
use serve::{announce, serve};
use sockets::Sockets;

/// Threads beside the executor's: the log's, and the reactor's.
const THREADS_BESIDE: usize = 2;

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
        let words = "warning: --accept-proxy any: every peer can announce any address";
        Sink::new(arguments.json).remark(words);
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
    let log_format = match format {
        Format::Text if journal::is_stderr() => Format::Journal,
        Format::Text if io::stderr().is_terminal() => Format::Dated,
        format => format,
    };
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
    // Not before signals are handled: a script may send one as soon as it has read the line.
    let lines = log.clone();
    let announced = async move {
        let events = listening.into_iter().map(Event::Listening);
        try_join_all(events.map(|event| announce(&event, format, &lines))).await
    };
    let asked = Asked::default();
    let server = server.report_totals(asked.times());
    let totals = serve(arguments, announced, server, manager, asked)?;
    log.finish();
    Ok(match totals {
        Some(totals) if totals.cut_at_stop == 0 => Status::Ok,
        Some(_) | None => Status::Network,
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
