//! Messages in, their replies in the same order on stdout.

use std::net::SocketAddr;

use futures::{Stream, StreamExt};

use super::Sender;
use crate::cli::failure::{Status, Stop};
use crate::cli::progress::with_progress;

impl Sender<'_> {
    /// Sends every message to every target, all concurrently, and prints the replies in order.
    pub(super) async fn send_messages(&self, targets: &[Vec<SocketAddr>]) -> Result<Status, Stop> {
        let mut replies = self.replies(targets, |target, message| async move {
            let reply = self.client.send(target, message).await;
            if let Ok(reply) = &reply {
                self.count_reply(reply.bytes.len()); // now, though it may be printed later
            }
            reply
        });
        let mut status = Status::Ok;
        while let Some(reply) = self.next(&mut replies).await {
            match reply {
                Ok(mut reply) => {
                    if !self.arguments.json && !self.arguments.quiet {
                        reply.bytes.push(b'\n');
                        self.sink.data(&reply.bytes)?;
                    }
                    self.note(&reply)?;
                }
                Err(error) => status = status.max(self.fail(error)?),
            }
        }
        Ok(status)
    }

    /// What `send` makes of every message to every target, all concurrently, in the order given.
    pub(super) fn replies<'a, F: Future>(
        &'a self,
        targets: &'a [Vec<SocketAddr>],
        send: impl Fn(&'a [SocketAddr], &'a [u8]) -> F + Copy,
    ) -> impl Stream<Item = F::Output> + Unpin {
        let sends = targets.iter().flat_map(move |target| {
            let repeat = |message| (0..self.arguments.count).map(move |_| message);
            let messages = self.arguments.messages.iter().flat_map(repeat);
            messages.map(move |message| send(target, message.as_bytes()))
        });
        let parallel = usize::try_from(self.arguments.parallel).unwrap_or(usize::MAX);
        Box::pin(futures::stream::iter(sends).buffered(parallel))
    }

    /// Waits for the next reply.
    pub(super) async fn next<S: Stream + Unpin>(&self, replies: &mut S) -> Option<S::Item> {
        let waiting = || {
            let seconds = self.start.elapsed().as_secs();
            format!("waiting for {seconds} s, {}", self.so_far())
        };
        with_progress(replies.next(), !self.arguments.quiet, waiting).await
    }
}
