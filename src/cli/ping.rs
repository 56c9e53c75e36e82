//! `echo6 ping`: round-trip times line by line, and what they come to.

use std::num::NonZeroU16;
use std::time::Duration;

use echo6::socket::Transports;

use super::failure::{Status, Stop};
use super::flags::{HEAD_START, client_arguments};
use super::ready;
use super::runtime::{Asked, Stopped, run_here};
use super::sink::Sink;
use super::values::{
    endpoints, parse_count, parse_duration, parse_flows, parse_head_start, parse_size, parse_tos,
};

mod datagram;
mod lines;
mod run;
mod stream;
mod summary;

use datagram::Udp;
use run::Voice;
use stream::Tcp;
pub(crate) use summary::histogram;

client_arguments! {
    /// send a probe each interval and report how long it takes to come back
    #[argh(
        subcommand,
        name = "ping",
        help_triggers("-h", "--help"),
        example = "Ten round trips, one each tenth of a second:\n$ {command_name} -c 10 -i 100ms name:7000",
        example = "Time the connects too, over IPv6 alone:\n$ {command_name} -6 --reconnect name:7000",
        example = "Datagrams from eight ports in turn, to find a path that is broken:\n$ {command_name} -u --flows 8 name:7000"
    )]
    pub(crate) struct Ping {
        timeout: "count a probe as late, or lost, after D (default: 5s); ping(8) has -W for it, and -w for --deadline",
        quiet: "print only the summary, and errors",
        verbose: "print which address connected first, and a histogram",

        /// send datagrams (UDP) instead
        #[argh(switch, short = 'u')]
        udp: bool,

        /// with -u: mark the probes: ef, ect0, ect1, cs0 to cs7, or a number
        #[argh(option, arg_name = "TOS", from_str_fn(parse_tos))]
        tos: Option<u8>,

        /// with -u: send from N ports in turn, to find a path that is broken
        #[argh(option, arg_name = "N", from_str_fn(parse_flows))]
        flows: Option<NonZeroU16>,

        /// ping every address of a name side by side, not only the first that accepts
        #[argh(switch)]
        all: bool,

        /// number of probes (default: until Ctrl-C)
        #[argh(option, short = 'c', arg_name = "N", from_str_fn(parse_count))]
        count: Option<u64>,

        /// time between probes; 0: as fast as they come back (default: 1s)
        #[argh(
            option,
            short = 'i',
            arg_name = "D",
            from_str_fn(parse_duration),
            default = "Duration::from_secs(1)"
        )]
        interval: Duration,

        /// bytes of a probe, from 8 to 16M, with -u to 65507 or 65527 (default: 64)
        #[argh(option, arg_name = "SIZE", from_str_fn(parse_probe_size), default = "64")]
        size: usize,

        /// open a connection for each probe, and time that too; with -u: send each
        /// probe from a port of its own
        #[argh(switch)]
        reconnect: bool,

        /// try an address alone for D, 10ms to 2s (default: 250ms)
        #[argh(option, arg_name = "D", from_str_fn(parse_head_start), default = "HEAD_START")]
        head_start: Duration,

        /// draw the round trips over time and their spectrum to FILE (.svg)
        #[argh(option, arg_name = "FILE")]
        plot: Option<String>,

        /// print the time (UTC) in front of each line
        #[argh(switch, short = 'D')]
        timestamps: bool,

        /// HOST:PORT or [IPV6]:PORT; several are pinged side by side
        #[argh(positional, arg_name = "ADDRESS")]
        addresses: Vec<String>,
    }
}

/// Reads the size of a probe.
fn parse_probe_size(text: &str) -> Result<usize, String> {
    match parse_size(text)? {
        size @ 8..=0x100_0000 => Ok(size as usize),
        _ => Err("must be from 8 (the sequence number) to 16M".to_owned()),
    }
}

pub(crate) fn run(
    arguments: &Ping,
    sink: Sink,
    stopped: &Stopped,
    asked: &Asked,
) -> Result<Status, Stop> {
    let (transport, refused) = if arguments.udp {
        (Transports::Udp, datagram::refuse(arguments))
    } else {
        (Transports::Tcp, stream::refuse(arguments))
    };
    refused?;
    let endpoints = endpoints("ping", &arguments.addresses, None)?;
    let dial = arguments.dial();
    let search = dial.search()?;
    ready::wait(&dial, &endpoints, sink, stopped, transport)?;
    let client = dial.client()?;
    let voice = Voice { arguments, sink };
    run_here(async {
        if arguments.udp {
            run::run(&endpoints, search, voice, stopped, asked, || Udp::new(&client, voice)).await
        } else {
            run::run(&endpoints, search, voice, stopped, asked, || Tcp::new(&client, voice)).await
        }
    })
}
