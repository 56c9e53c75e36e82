//! `echo6 send -u`: each message, or each piece of stdin or a file, is a datagram.

use std::cell::Cell;
use std::fs::File;
use std::net::SocketAddr;
use std::time::Instant;

use echo6::Client;
use echo6::address::Families;
use echo6::client::{DatagramError, DatagramPing, DatagramReply, Tally};
use echo6::socket::Transports;
use futures::io::{AsyncRead, AsyncReadExt};
use futures::stream::{self, Stream};
use futures::{StreamExt, TryStreamExt, pin_mut};

use super::{Send, file_and_message};
use crate::cli::failure::{Failure, Status, Stop};
use crate::cli::ready;
use crate::cli::runtime::{self, Stopped};
use crate::cli::sink::Sink;
use crate::cli::streams;
use crate::cli::targets;
use crate::cli::text::{count, millis};
use crate::cli::values::endpoints;

/// How many pieces of a stream are under way at the same time: more would be lost in receive
/// buffers that hold 92 datagrams of Ethernet's size by default.
const WINDOW: usize = 16;

pub(super) fn run(arguments: &Send, sink: Sink, stopped: &Stopped) -> Result<Status, Stop> {
    let list = std::slice::from_ref(&arguments.addresses);
    let endpoints = endpoints("send", list, arguments.messages.first())?;
    agree(arguments)?;
    let dial = arguments.dial();
    let search = dial.search()?;
    if dial.proxy_protocol.is_some() {
        return Err(Failure::for_connections("--proxy-protocol", "--udp").into());
    }
    ready::wait(&dial, &endpoints, sink, stopped, Transports::Udp)?;
    let sender = Sender {
        client: dial.client()?,
        arguments,
        sink,
        start: Instant::now(),
        tally: Cell::default(),
    };
    runtime::run_here(async {
        let sending = async {
            let targets = match targets::targets(&endpoints, search, arguments.all).await {
                Ok(targets) => targets,
                Err(failure) => {
                    sender.count(|tally| tally.failed += 1);
                    return Ok(sink.failure(&failure));
                }
            };
            sender.fit(&targets)?;
            if arguments.messages.is_empty() {
                sender.send_pieces(&targets).await
            } else {
                sender.send_messages(&targets).await
            }
        };
        let result = runtime::until(stopped.clone(), sending).await;
        let interrupted = result.is_none();
        if interrupted {
            let returned = count(sender.tally.get().returned, "datagram");
            sink.words(&format!("interrupted: {returned} came back by then\n"));
        }
        let status = result.unwrap_or(Ok(Status::Network));
        sender.print_summary(interrupted)?;
        status
    })
}

/// Says which flags do not go together.
fn agree(arguments: &Send) -> Result<(), Failure> {
    if arguments.no_half_close {
        return Err(Failure::for_connections("--no-half-close", "--udp"));
    }
    if arguments.file.is_some() && !arguments.messages.is_empty() {
        return Err(file_and_message());
    }
    match (arguments.messages.is_empty(), arguments.size) {
        (true, None) => {
            Err(Failure::usage("no MESSAGE given, and datagrams of a stream need a size")
                .with_help(Some(
                    "give a MESSAGE, or add --size 1200 to send stdin in pieces of 1200 bytes"
                        .to_owned(),
                )))
        }
        (false, Some(_)) => Err(Failure::usage("--size and MESSAGE exclude each other")
            .with_help(Some("each MESSAGE is a datagram".to_owned()))),
        _ => Ok(()),
    }
}

struct Sender<'a> {
    client: Client,
    arguments: &'a Send,
    sink: Sink,
    start: Instant,
    tally: Cell<Tally>,
}

impl Sender<'_> {
    /// Says what is too large for a datagram, before anything is sent.
    fn fit(&self, targets: &[Vec<SocketAddr>]) -> Result<(), Failure> {
        let messages = self.arguments.messages.iter().map(String::len);
        let longest = messages.chain(self.arguments.size).max().unwrap_or_default();
        for &peer in targets.iter().filter_map(|addresses| addresses.first()) {
            let most = DatagramPing::most(peer);
            if longest > most {
                return Err(DatagramError::too_large(peer, longest).into());
            }
        }
        Ok(())
    }

    /// Sends every message to every target, all concurrently, and prints the replies in order.
    async fn send_messages(&self, targets: &[Vec<SocketAddr>]) -> Result<Status, Stop> {
        let sends = targets.iter().flat_map(|target| {
            let repeat = |message| (0..self.arguments.count).map(move |_| message);
            let messages = self.arguments.messages.iter().flat_map(repeat);
            messages.map(move |message| self.client.send_datagram(&target[..], message.as_bytes()))
        });
        let parallel = usize::try_from(self.arguments.parallel).unwrap_or(usize::MAX);
        let mut replies = stream::iter(sends).buffered(parallel);
        let mut status = Status::Ok;
        while let Some(reply) = replies.next().await {
            match reply {
                Ok(mut reply) => {
                    reply.bytes.push(b'\n');
                    self.note(&reply)?;
                }
                Err(error) => status = self.fail(error),
            }
        }
        Ok(status)
    }

    /// Sends stdin or the file in pieces, and prints what comes back in their order. The first that
    /// does not come back ends it.
    async fn send_pieces(&self, targets: &[Vec<SocketAddr>]) -> Result<Status, Stop> {
        self.arguments.refuse_to_repeat_stdin(targets.len())?;
        let mut status = Status::Ok;
        for target in targets {
            for _ in 0..self.arguments.count {
                status = status.max(match self.arguments.path() {
                    Some(path) => {
                        let opened = path.to_owned();
                        let file = blocking::unblock(move || File::open(opened)).await;
                        let file = file.map_err(|error| Failure::input(path, &error))?;
                        self.pass(target, streams::file(file)).await?
                    }
                    None => self.pass(target, streams::stdin()).await?,
                });
            }
        }
        Ok(status)
    }

    async fn pass(
        &self,
        target: &[SocketAddr],
        input: impl AsyncRead + Unpin,
    ) -> Result<Status, Stop> {
        let size = self.arguments.size.unwrap_or(1);
        let sends = pieces(input, size).map_ok(|piece| async move {
            self.client.send_datagram(target, &piece).await.map_err(Stop::from)
        });
        let name = self.arguments.path().unwrap_or("stdin");
        let sends = sends.map_err(|error| Stop::from(Failure::input(name, &error)));
        let replies = sends.try_buffered(WINDOW);
        pin_mut!(replies);
        while let Some(reply) = replies.next().await {
            match reply {
                Ok(reply) => self.note(&reply)?,
                Err(Stop::Failed(failure)) => {
                    self.count(|tally| tally.failed += 1);
                    let number = self.tally.get().returned + 1;
                    return Ok(self.sink.failure(&failure.at(&format!("datagram {number}"))));
                }
                Err(stop) => return Err(stop),
            }
        }
        Ok(Status::Ok)
    }

    /// Counts a reply, prints it, and says what the flags ask for about it.
    fn note(&self, reply: &DatagramReply) -> Result<(), Stop> {
        self.count(|tally| {
            tally.returned += 1;
            tally.returned_bytes += reply.returned_bytes as u64;
        });
        if self.arguments.verbose {
            let DatagramReply { peer, local, returned_bytes, exchange, .. } = reply;
            let (family, bytes) = (Families::of(*peer), count(*returned_bytes as u64, "byte"));
            let echoed = millis(*exchange);
            self.sink.words(&format!(
                "{peer} answered {local} over {family}, UDP: {bytes}, echoed in {echoed} ms\n"
            ));
        }
        if self.arguments.json {
            self.sink.object(reply)
        } else if self.arguments.quiet {
            Ok(())
        } else {
            self.sink.data(&reply.bytes)
        }
    }

    fn fail(&self, error: DatagramError) -> Status {
        self.count(|tally| tally.failed += 1);
        self.sink.failure(&error.into())
    }

    fn count(&self, change: impl FnOnce(&mut Tally)) {
        let mut tally = self.tally.get();
        change(&mut tally);
        self.tally.set(tally);
    }

    fn print_summary(&self, interrupted: bool) -> Result<(), Stop> {
        if !self.arguments.json {
            return Ok(());
        }
        self.count(|tally| {
            tally.duration = self.start.elapsed();
            tally.interrupted = interrupted;
        });
        self.sink.object(&self.tally.get())
    }
}

/// What is read, in pieces of `size` bytes; the last may be shorter.
fn pieces(
    input: impl AsyncRead + Unpin,
    size: usize,
) -> impl Stream<Item = std::io::Result<Vec<u8>>> {
    stream::try_unfold(input, move |mut input| async move {
        let mut piece = Vec::with_capacity(size);
        (&mut input).take(size as u64).read_to_end(&mut piece).await?;
        Ok((!piece.is_empty()).then_some((piece, input)))
    })
}
