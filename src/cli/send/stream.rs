//! stdin or a file in, what comes back of it on stdout, as it comes.

use std::fs::File;
use std::io::{self, IsTerminal};
use std::net::SocketAddr;
use std::time::Instant;

use echo6::client::SendError;
use futures::io::AsyncWrite;

use super::Sender;
use crate::cli::failure::{Status, Stop};
use crate::cli::progress::with_progress;
use crate::cli::streams;
use crate::cli::text::size;

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
                    status = self.fail(error)?;
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
        let mut file = None;
        let mut total = None;
        if let Some(path) = self.arguments.path() {
            // It waits for a writer if the file is a FIFO.
            let path = path.to_owned();
            let opened = match blocking::unblock(move || File::open(path)).await {
                Ok(opened) => opened,
                Err(error) => return Ok(Err(SendError::Input(error.into()))),
            };
            total = opened.metadata().ok().filter(|data| data.is_file()).map(|data| data.len());
            file = Some(opened);
        }
        let start = Instant::now();
        let exchange = async {
            let output = self.meter.count(output);
            match file {
                Some(file) => self.client.stream(target, streams::file(file), output).await,
                None => self.client.stream(target, streams::stdin(), output).await,
            }
        };
        // A line of progress would tear apart what stdout shows on the same terminal.
        let shown = !self.arguments.quiet && !io::stdout().is_terminal();
        let before = self.meter.bytes();
        let result = with_progress(exchange, shown, || {
            let bytes = self.meter.bytes() - before;
            let of = total.map_or_else(String::new, |total| format!(" of {}", size(total)));
            let rate = bytes as f64 / start.elapsed().as_secs_f64();
            format!("{}{of} came back, {}/s", size(bytes), size(rate as u64))
        })
        .await;
        let reply = match result {
            Ok(reply) => reply,
            Err(error) => return Ok(Err(error)),
        };
        self.count_reply();
        self.note(&reply)?;
        Ok(Ok(()))
    }
}
