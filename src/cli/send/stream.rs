//! stdin or a file in, what comes back of it on stdout, as it comes.

use std::fs::File;
use std::io::{self, IsTerminal};
use std::net::SocketAddr;
use std::time::Instant;

use echo6::client::SendError;
use futures::io::{AsyncRead, AsyncWrite};

use super::{Send, Sender};
use crate::cli::failure::{Failure, Status, Stop};
use crate::cli::progress::with_progress;
use crate::cli::streams;
use crate::cli::text::size;

/// Says what a connection cannot have.
pub(super) fn refuse(arguments: &Send) -> Result<(), Failure> {
    if arguments.size.is_some() {
        return Err(Failure::for_datagrams("--size"));
    }
    Ok(())
}

/// What is sent, and how many bytes that is, if it is known.
pub(super) struct Input {
    pub(super) bytes: Box<dyn AsyncRead + Unpin>,
    pub(super) total: Option<u64>,
}

impl Sender<'_> {
    /// Sends stdin or the file to each target, one after the other, and prints what comes back as
    /// it comes.
    pub(super) async fn send_stream(&self, targets: &[Vec<SocketAddr>]) -> Result<Status, Stop> {
        self.arguments.refuse_to_repeat_stdin(targets.len())?;
        let mut status = Status::Ok;
        for target in targets {
            for _ in 0..self.arguments.count {
                let output = streams::stdout();
                let sent = if self.arguments.json || self.arguments.quiet {
                    self.pass(target, futures::io::sink()).await?
                } else {
                    self.pass(target, output).await?
                };
                if let Err(error) = sent {
                    status = status.max(self.fail(error)?);
                }
            }
        }
        Ok(status)
    }

    /// Sends stdin or the file to one target. The outer error is that of the words and objects about
    /// it.
    async fn pass(
        &self,
        target: &[SocketAddr],
        output: impl AsyncWrite + Unpin,
    ) -> Result<Result<(), SendError>, Stop> {
        let Input { bytes, total } = match self.input().await {
            Ok(input) => input,
            Err(error) => return Ok(Err(error)),
        };
        let output = self.meter.count(output);
        let exchange = self.client.stream(target, bytes, output);
        let reply = match self.watched(total, exchange).await {
            Ok(reply) => reply,
            Err(error) => return Ok(Err(error)),
        };
        self.count_reply(0); // its bytes are counted
        self.note(&reply)?;
        Ok(Ok(()))
    }

    /// Opens the file to send, or else stdin.
    pub(super) async fn input(&self) -> Result<Input, SendError> {
        let Some(path) = self.arguments.path() else {
            return Ok(Input { bytes: Box::new(streams::stdin()), total: None });
        };
        // It waits for a writer if the file is a FIFO.
        let path = path.to_owned();
        let opened = blocking::unblock(move || File::open(path)).await;
        let file = opened.map_err(|error| SendError::Input(error.into()))?;
        let total = file.metadata().ok().filter(|data| data.is_file()).map(|data| data.len());
        Ok(Input { bytes: Box::new(streams::file(file)), total })
    }

    /// Does `work`, and shows meanwhile how much of `total` bytes came back.
    pub(super) async fn watched<T>(&self, total: Option<u64>, work: impl Future<Output = T>) -> T {
        let start = Instant::now();
        let before = self.meter.bytes();
        // A line of progress would tear apart what stdout shows on the same terminal.
        let shown = !self.arguments.quiet && !io::stdout().is_terminal();
        let line = || {
            let bytes = self.meter.bytes() - before;
            let of = total.map_or_else(String::new, |total| format!(" of {}", size(total)));
            let rate = bytes as f64 / start.elapsed().as_secs_f64();
            format!("{}{of} came back, {}/s", size(bytes), size(rate as u64))
        };
        with_progress(work, shown, line).await
    }
}
