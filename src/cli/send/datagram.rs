//! `echo6 send -u`: each message, or each piece of stdin or a file, is a datagram.

use std::net::SocketAddr;

use echo6::address::Families;
use echo6::client::{DatagramError, DatagramPing, DatagramReply};
use futures::io::{AsyncRead, AsyncReadExt};
use futures::stream::{self, Stream};
use futures::{StreamExt, TryStreamExt, pin_mut};

use super::stream::Input;
use super::{Send, Sender};
use crate::cli::failure::{Failure, Status, Stop};
use crate::cli::text::{count, millis};

/// How many pieces of a stream are under way at the same time: more would be lost in receive
/// buffers that hold 92 datagrams of Ethernet's size by default.
const WINDOW: usize = 16;

/// Says what datagrams cannot have.
pub(super) fn refuse(arguments: &Send) -> Result<(), Failure> {
    if arguments.proxy_protocol.is_some() {
        return Err(Failure::for_connections("--proxy-protocol", "--udp"));
    }
    if arguments.no_half_close {
        return Err(Failure::for_connections("--no-half-close", "--udp"));
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

impl Sender<'_> {
    /// Sends every message to every target, all concurrently, and prints the replies in order.
    pub(super) async fn send_datagrams(&self, targets: &[Vec<SocketAddr>]) -> Result<Status, Stop> {
        self.fit(targets)?;
        let mut replies =
            self.replies(targets, |target, message| self.send_datagram(target, message));
        let mut status = Status::Ok;
        while let Some(reply) = self.next(&mut replies).await {
            match reply {
                Ok(mut reply) => {
                    reply.bytes.push(b'\n');
                    self.print(&reply)?;
                }
                Err(error) => {
                    self.count_failure();
                    status = status.max(self.sink.failure(&error.into()));
                }
            }
        }
        Ok(status)
    }

    /// Sends stdin or the file in pieces, and prints what comes back in their order. The first that
    /// does not come back ends it.
    pub(super) async fn send_pieces(&self, targets: &[Vec<SocketAddr>]) -> Result<Status, Stop> {
        self.fit(targets)?;
        self.arguments.refuse_to_repeat_stdin(targets.len())?;
        let mut status = Status::Ok;
        for target in targets {
            for _ in 0..self.arguments.count {
                status = status.max(match self.input().await {
                    Ok(Input { bytes, total }) => {
                        self.watched(total, self.pass_pieces(target, bytes)).await?
                    }
                    Err(error) => self.fail(error)?,
                });
            }
        }
        Ok(status)
    }

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

    async fn send_datagram(
        &self,
        target: &[SocketAddr],
        message: &[u8],
    ) -> Result<DatagramReply, DatagramError> {
        let reply = self.client.send_datagram(target, message).await?;
        self.count_reply(reply.returned_bytes); // now, though it may be printed later
        Ok(reply)
    }

    async fn pass_pieces(
        &self,
        target: &[SocketAddr],
        input: impl AsyncRead + Unpin,
    ) -> Result<Status, Stop> {
        let size = self.arguments.size.unwrap_or(1);
        let sends = pieces(input, size).map_ok(|piece| async move {
            self.send_datagram(target, &piece).await.map_err(Stop::from)
        });
        let name = self.arguments.path().unwrap_or("stdin");
        let sends = sends.map_err(|error| Stop::from(Failure::input(name, &error)));
        let replies = sends.try_buffered(WINDOW);
        pin_mut!(replies);
        let mut number = 0;
        while let Some(reply) = replies.next().await {
            number += 1;
            match reply {
                Ok(reply) => self.print(&reply)?,
                Err(Stop::Failed(failure)) => {
                    self.count_failure();
                    return Ok(self.sink.failure(&failure.at(&format!("datagram {number}"))));
                }
                Err(stop) => return Err(stop),
            }
        }
        Ok(Status::Ok)
    }

    /// Prints a reply, and says what the flags ask for about it.
    fn print(&self, reply: &DatagramReply) -> Result<(), Stop> {
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
