//! The flags of `echo6 listen`: what they mean, and which of them go together.

use std::num::{NonZeroU32, NonZeroUsize};
use std::time::Duration;

use argh::{ArgsInfo, FromArgs};

use crate::cli::failure::Failure;
use crate::cli::values::{
    parse_buffer, parse_byte_limit, parse_duration, parse_limit, parse_rate, parse_timeout,
};

/// serve on each ADDRESS until SIGINT, SIGTERM or (Linux) SIGHUP
#[derive(ArgsInfo, FromArgs)]
#[argh(
    subcommand,
    name = "listen",
    help_triggers("-h", "--help"),
    example = "Serve both families on one socket:\n$ {command_name} '[::]:7000'",
    example = "Serve TCP and UDP on a free port, ten clients of each source at most:\n$ {command_name} -u --max-per-source 10 :0",
    example = "Return one byte in a hundred connections changed:\n$ {command_name} --fault '1%flip' :7000"
)]
pub(crate) struct Listen {
    /// IPv4 only
    #[argh(switch, short = '4')]
    pub(super) ipv4: bool,

    /// IPv6 only: [::] then does not serve IPv4
    #[argh(switch, short = '6')]
    pub(super) ipv6: bool,

    /// serve UDP as well, on the same port
    #[argh(switch, short = 'u')]
    pub(super) udp: bool,

    /// with -u: do not serve TCP
    #[argh(switch)]
    pub(super) no_tcp: bool,

    /// answer at most RATE datagrams a second from one IPv4 address or IPv6 /64
    #[argh(option, arg_name = "RATE", from_str_fn(parse_rate))]
    pub(super) max_rate: Option<NonZeroU32>,

    /// answer datagrams from ports below 1024 and from the ports served here too;
    /// only on networks whose senders you trust
    #[argh(switch)]
    pub(super) any_source_port: bool,

    /// answer a datagram with the TOS or traffic class that it came with (Linux)
    #[argh(switch)]
    pub(super) copy_tos: bool,

    /// ask for a receive buffer of SIZE for datagrams (default: 4M)
    #[argh(option, arg_name = "SIZE", from_str_fn(parse_buffer))]
    pub(super) buffer: Option<usize>,

    /// maximum number of connected clients; further ones wait in the kernel's backlog
    /// (default: what the descriptor limit allows)
    #[argh(option, short = 'm', arg_name = "N", from_str_fn(parse_limit))]
    pub(super) max_conns: Option<NonZeroUsize>,

    /// maximum number of connections from one IPv4 address or IPv6 /64; further ones
    /// are closed
    #[argh(option, arg_name = "N", from_str_fn(parse_limit))]
    pub(super) max_per_source: Option<NonZeroUsize>,

    /// accept only clients in these prefixes, such as 192.0.2.0/24,loopback; of all
    /// prefixes that contain a client, the longest decides
    #[argh(option, arg_name = "PREFIX")]
    pub(super) allow: Vec<String>,

    /// close clients in these prefixes immediately
    #[argh(option, arg_name = "PREFIX")]
    pub(super) deny: Vec<String>,

    /// read prefixes to allow from FILE, one per line; # begins a comment
    #[argh(option, arg_name = "FILE")]
    pub(super) allow_file: Vec<String>,

    /// read prefixes to deny from FILE
    #[argh(option, arg_name = "FILE")]
    pub(super) deny_file: Vec<String>,

    /// require a PROXY header, v1 or v2, from peers in these prefixes (any: from all);
    /// the client that it announces then counts as the peer; TCP only
    #[argh(option, arg_name = "PREFIX")]
    pub(super) accept_proxy: Vec<String>,

    /// close a client that neither sends nor takes a byte for D
    #[argh(option, arg_name = "D", from_str_fn(parse_timeout))]
    pub(super) idle_timeout: Option<Duration>,

    /// close a client when SIZE bytes were echoed
    #[argh(option, arg_name = "SIZE", from_str_fn(parse_byte_limit))]
    pub(super) max_bytes: Option<u64>,

    /// close a client after D
    #[argh(option, arg_name = "D", from_str_fn(parse_timeout))]
    pub(super) max_time: Option<Duration>,

    /// when the server stops, reset clients that do not take their bytes within D
    /// (default: 5s)
    #[argh(
        option,
        arg_name = "D",
        from_str_fn(parse_duration),
        default = "Duration::from_secs(5)"
    )]
    pub(super) grace: Duration,

    /// poll each connection for D before it sleeps: shorter round trips, and a
    /// core that is never idle while clients talk; try 50us (default: 0)
    #[argh(option, arg_name = "D", from_str_fn(parse_duration), default = "Duration::ZERO")]
    pub(super) busy_poll: Duration,

    /// executor threads, up to 256 (default: 1)
    #[argh(option, arg_name = "N", from_str_fn(parse_threads), default = "THREADS")]
    pub(super) threads: NonZeroUsize,

    /// share the port with other processes that use this option (Unix)
    #[argh(switch)]
    pub(super) reuse_port: bool,

    /// break connections or datagrams on purpose, such as 10%flip@1000; "help" lists
    /// all faults
    #[argh(option, arg_name = "FAULT")]
    pub(super) fault: Vec<String>,

    /// deal the same faults as the run with this seed (default: random, printed in
    /// the first line)
    #[argh(option, arg_name = "N")]
    pub(super) fault_seed: Option<u64>,

    /// serve the socket on stdin, as inetd passes it: one client, or a listening
    /// socket; print nothing (Unix)
    #[argh(switch)]
    pub(super) inetd: bool,

    /// write one JSON object per line to stdout
    #[argh(switch)]
    pub(crate) json: bool,

    /// print nothing but the first line, and errors
    #[argh(switch, short = 'q')]
    pub(super) quiet: bool,

    /// also print the other fields of PROXY headers
    #[argh(switch, short = 'v')]
    pub(super) verbose: bool,

    /// HOST:PORT, [IPV6]:PORT or :PORT; port 0 lets the system choose. None: the
    /// sockets that systemd passes on
    #[argh(positional, arg_name = "ADDRESS")]
    pub(super) addresses: Vec<String>,
}

/// One executor thread. Two share a core with whoever else is busy, on two cores with the load on
/// the same machine: 64 and 1,000 clients are served 0.9 times as fast, a single one 1.3 times. See
/// "echo6, 2 threads" in `benches/echo.rs`.
const THREADS: NonZeroUsize = NonZeroUsize::MIN;

/// Reads a number of threads. More than any machine has cores for would only abort.
fn parse_threads(text: &str) -> Result<NonZeroUsize, String> {
    match parse_limit(text)? {
        threads if threads.get() <= 256 => Ok(threads),
        _ => Err("must be from 1 to 256".to_owned()),
    }
}

/// Says which flags do not go together: those of one transport need it.
pub(super) fn agree(arguments: &Listen, tcp: bool, udp: bool) -> Result<(), Failure> {
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
        (Some(flag), _) if !udp => Err(Failure::for_datagrams(flag)),
        (_, Some(flag)) if !tcp => Err(Failure::for_connections(flag, "--no-tcp")),
        _ => Ok(()),
    }
}
