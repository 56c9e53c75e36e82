//! `echo6 send`: sends messages, a file or stdin, checks that they come back, and prints them.

use std::cell::{Cell, RefCell};
use std::collections::HashSet;
use std::io::ErrorKind;
use std::time::{Duration, Instant};

use echo6::Client;
use echo6::address::{Endpoint, Families, Host};
use echo6::client::{Reply, SendError, Tally};
use echo6::socket::Transports;
use futures::StreamExt;

use super::failure::{Failure, Status, Stop};
use super::flags::{HEAD_START, client_arguments};
use super::progress::with_progress;
use super::ready;
use super::runtime::{self, Asked, Stopped};
use super::sink::Sink;
use super::streams::Meter;
use super::targets::{Search, others, targets};
use super::text::{self, count, millis};
use super::values::{endpoints, parse_count, parse_datagram_size, parse_head_start};

mod datagram;
mod messages;
mod stream;
mod total;

client_arguments! {
    /// send each MESSAGE, or else stdin, check that it comes back unchanged, and print it
    #[argh(
        subcommand,
        name = "send",
        help_triggers("-h", "--help"),
        example = "Does a message come back, over IPv4 and over IPv6?\n$ {command_name} '127.0.0.1:7000,[::1]:7000' hello",
        example = "Does a file come back unchanged? Only the status tells:\n$ {command_name} -q -f FILE name:7000",
        example = "Send a datagram to every address of a name:\n$ {command_name} -u --all name:7000 hello"
    )]
    pub(crate) struct Send {
        timeout: "give up after D without progress (default: 5s)",
        quiet: "print nothing but errors; the exit status tells the result",
        verbose: "print who answered, over which family, how fast, and which other addresses failed",

        /// send each message as a datagram (UDP) instead
        #[argh(switch, short = 'u')]
        udp: bool,

        /// with -u: send a stream in datagrams of SIZE bytes, 16 at a time
        #[argh(option, arg_name = "SIZE", from_str_fn(parse_datagram_size))]
        size: Option<usize>,

        /// send to every address of a name, not only to the first that accepts
        #[argh(switch)]
        all: bool,

        /// send the bytes of FILE; - is stdin
        #[argh(option, short = 'f', arg_name = "FILE")]
        file: Option<String>,

        /// send each message N times (default: 1)
        #[argh(option, short = 'c', arg_name = "N", from_str_fn(parse_count), default = "1")]
        count: u64,

        /// maximum number of open connections (default: 64)
        #[argh(option, arg_name = "N", from_str_fn(parse_count), default = "PARALLEL")]
        parallel: u64,

        /// do not shut the sending side: for servers that treat that as a hang-up
        #[argh(switch)]
        no_half_close: bool,

        /// try an address alone for D, 10ms to 2s (default: 250ms)
        #[argh(option, arg_name = "D", from_str_fn(parse_head_start), default = "HEAD_START")]
        head_start: Duration,

        /// HOST:PORT or [IPV6]:PORT; commas separate several
        #[argh(positional, arg_name = "ADDRESS")]
        addresses: String,

        /// what to send, each on a connection of its own; none: all of stdin on one
        #[argh(positional, arg_name = "MESSAGE")]
        messages: Vec<String>,
    }
}

impl Send {
    /// The file to send; `None` stands for stdin.
    fn path(&self) -> Option<&str> {
        self.file.as_deref().filter(|&path| path != "-")
    }

    /// Says whether stdin or a file is sent on a connection.
    fn is_stream(&self) -> bool {
        !self.udp && self.messages.is_empty()
    }

    /// What is counted when it comes back.
    fn noun(&self) -> &'static str {
        if self.udp {
            "datagram"
        } else if self.is_stream() {
            "stream"
        } else {
            "message"
        }
    }

    /// Refuses to send stdin to several addresses or several times: it can be read once.
    fn refuse_to_repeat_stdin(&self, targets: usize) -> Result<(), Failure> {
        if self.path().is_none() && self.count.saturating_mul(targets as u64) > 1 {
            return Err(Failure::usage("stdin can be sent once, to one address")
                .with_help(Some("give a MESSAGE, or a file with --file".to_owned())));
        }
        Ok(())
    }
}

/// Maximum number of open connections: a burst that no server's backlog minds.
const PARALLEL: u64 = 64;

pub(crate) fn run(
    arguments: &Send,
    sink: Sink,
    stopped: &Stopped,
    asked: &Asked,
) -> Result<Status, Stop> {
    let (transport, refused) = if arguments.udp {
        (Transports::Udp, datagram::refuse(arguments))
    } else {
        (Transports::Tcp, stream::refuse(arguments))
    };
    let list = std::slice::from_ref(&arguments.addresses);
    let endpoints = endpoints("send", list, arguments.messages.first())?;
    refused?;
    if arguments.file.is_some() && !arguments.messages.is_empty() {
        return Err(file_and_message().into());
    }
    let dial = arguments.dial();
    let search = dial.search()?;
    if let Some(message) = arguments.messages.first() {
        if let Some(otherwise) = likely_meant(message) {
            sink.words(&format!("{} is sent as a message; {otherwise}\n", text::line(message)));
        }
    }
    ready::wait(&dial, &endpoints, sink, stopped, transport)?;
    let sender = Sender {
        client: dial
            .client()?
            .head_start(arguments.head_start)
            .half_close(!arguments.no_half_close),
        arguments,
        sink,
        start: Instant::now(),
        tally: Cell::default(),
        meter: Meter::default(),
        said: RefCell::default(),
    };
    runtime::run_here(async {
        let sending = sender.send(&endpoints, search);
        let answering = asked.times().for_each(|()| {
            sink.words(&format!("{}\n", sender.so_far()));
            std::future::ready(())
        });
        let sending = async { runtime::while_also(sending, answering).await };
        let result = runtime::until(stopped.clone(), sending).await;
        let interrupted = result.is_none();
        if interrupted {
            sink.words(&format!("interrupted: {}\n", sender.so_far()));
        }
        let status = result.unwrap_or(Ok(Status::Network));
        if !interrupted {
            sender.print_total();
        }
        sender.print_summary(interrupted)?;
        status
    })
}

/// How to write what a message looks like, if that is something else.
fn likely_meant(message: &str) -> Option<&'static str> {
    if message == "-" {
        return Some("stdin is sent if no MESSAGE is given");
    }
    let endpoint = message.parse::<Endpoint>().ok()?;
    let is_literal = !matches!(endpoint.host(), Host::Any | Host::Name(_));
    is_literal.then_some("several addresses have commas between them")
}

struct Sender<'a> {
    client: Client,
    arguments: &'a Send,
    sink: Sink,
    start: Instant,
    tally: Cell<Tally>,
    /// Bytes that came back; of a stream, also those that are under way to stdout.
    meter: Meter,
    /// Who answered in place of others, as far as it was said.
    said: RefCell<HashSet<String>>,
}

impl Sender<'_> {
    /// Looks up the targets and sends what is to be sent.
    async fn send(&self, endpoints: &[Endpoint], search: Search) -> Result<Status, Stop> {
        let targets = targets(endpoints, search, self.arguments.all);
        let targets = with_progress(targets, !self.arguments.quiet, || {
            let seconds = self.start.elapsed().as_secs();
            format!("looking up the name for {seconds} s")
        });
        let targets = match targets.await {
            Ok(targets) => targets,
            Err(failure) => {
                self.count_failure();
                return Ok(self.sink.failure(&failure));
            }
        };
        match (self.arguments.udp, self.arguments.messages.is_empty()) {
            (false, false) => self.send_messages(&targets).await,
            (false, true) => self.send_stream(&targets).await,
            (true, false) => self.send_datagrams(&targets).await,
            (true, true) => self.send_pieces(&targets).await,
        }
    }

    /// Says what the flags ask for about a reply.
    fn note(&self, reply: &Reply) -> Result<(), Stop> {
        if self.arguments.verbose {
            self.sink.words(&answered(reply));
        } else if let Some(instead) = in_place_of(reply).filter(|_| !self.arguments.quiet) {
            if self.said.borrow_mut().insert(instead.clone()) {
                self.sink.remark(&instead);
            }
        }
        if self.arguments.json { self.sink.object(reply) } else { Ok(()) }
    }

    /// Counts a failure and says it. One that is not the network's ends the command.
    fn fail(&self, error: SendError) -> Result<Status, Stop> {
        self.count_failure();
        match (&error, self.arguments.path()) {
            (SendError::Input(cause), Some(path)) => {
                Err(Stop::Reported(self.sink.failure(&Failure::input(path, cause))))
            }
            (SendError::Output(cause), _) if cause.kind() == ErrorKind::BrokenPipe => {
                Err(Stop::Unread)
            }
            (SendError::Input(_) | SendError::Output(_), _) => Err(error.into()),
            _ => Ok(self.sink.failure(&error.into())),
        }
    }
}

/// Two things to send.
fn file_and_message() -> Failure {
    Failure::usage("--file and MESSAGE exclude each other").with_help(Some(
        "--file sends what is in FILE: leave MESSAGE out, or leave --file out to send MESSAGE"
            .to_owned(),
    ))
}

/// Who answered in place of the address that was tried first, and why that did not. `None` if it
/// did.
fn in_place_of(reply: &Reply) -> Option<String> {
    let first = reply.attempts.first().filter(|first| first.address != reply.peer)?;
    Some(format!("{} answered over {}; {first}", reply.peer, Families::of(reply.peer)))
}

/// Who answered, how fast, and which addresses did not.
fn answered(reply: &Reply) -> String {
    let Reply { peer, local, traffic, connect, exchange, attempts, .. } = reply;
    let (family, bytes) = (Families::of(*peer), count(traffic.returned, "byte"));
    let (connected, echoed) = (millis(*connect), millis(*exchange));
    let mut text = format!(
        "{peer} answered {local} over {family}: {bytes}, connected in {connected} ms, \
         echoed in {echoed} ms\n"
    );
    for other in others(attempts) {
        text += &format!("  {other}\n");
    }
    text
}
