//! A server in; it is announced, serves, and stops by signals.

use std::io::{self, ErrorKind};
use std::pin::pin;
use std::time::Duration;

use async_std::future::timeout;
use echo6::Server;
use echo6::server::{Event, Totals};
use futures::FutureExt;
use futures::channel::oneshot;
use futures::future::{Either, select};

use super::flags::Listen;
use super::manager::Manager;
use crate::cli::failure::{Failure, Stop};
use crate::cli::log::{Format, Log};
use crate::cli::runtime::{self, Asked};
use crate::cli::sink::unwritten;
use crate::cli::stdio::Stream;

/// How long the first line may take before clients are served all the same: a terminal that is
/// stopped with Ctrl-S, or a service manager whose journal is full, must not keep them waiting.
const FIRST_LINE: Duration = Duration::from_secs(1);

/// Runs the server, as soon as it was `announced`, until the first signal and its drain, or until the
/// second signal.
pub(super) fn serve(
    arguments: &Listen,
    announced: impl Future<Output = io::Result<Vec<()>>> + Send + 'static,
    server: Server,
    manager: Manager,
    asked: Asked,
) -> Result<Option<Totals>, Stop> {
    let grace = arguments.grace;
    runtime::run_on_executor(arguments.threads, async move {
        let mut signals = runtime::StopSignals::of_a_server()
            .map_err(|error| Failure::here("cannot handle signals", &error))?;
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
pub(super) fn announce(
    event: &Event,
    format: Format,
    log: &Log,
) -> impl Future<Output = io::Result<()>> + Send + use<> {
    log.written_line(Stream::Stdout, format.line(event, ""))
}
