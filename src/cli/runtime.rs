//! Executor threads and signals: what a process decides for the whole of async-std.

use std::io;
use std::num::NonZeroUsize;
use std::pin::pin;
use std::time::Duration;

use async_global_executor::GlobalExecutorConfig;
use async_signal::{Signal, Signals};
use futures::channel::oneshot;
use futures::executor::block_on;
use futures::future::{Either, Shared, select};
use futures::{FutureExt, StreamExt};

use super::failure::{Failure, Status};

/// Runs a client's `future` on this thread, which also waits for its sockets: no other thread is
/// started for it, and no byte crosses from one thread to another.
pub(crate) fn run_here<F: Future>(future: F) -> F::Output {
    async_io::block_on(future)
}

/// How long a client may take to end when a signal has asked for it.
const PATIENCE: Duration = Duration::from_secs(1);

/// Runs a client's `future` until it ends or is `stopped`, whichever is first.
pub(crate) async fn until<F: Future>(
    stopped: impl Future<Output = ()>,
    future: F,
) -> Option<F::Output> {
    match select(pin!(future), pin!(stopped)).await {
        Either::Left((output, _)) => Some(output),
        Either::Right(_) => None,
    }
}

/// Ready when a signal asks a client to stop, for all that wait for it. A client that is held up,
/// because nobody takes what it writes, is ended soon after.
pub(crate) fn stopped() -> Result<Shared<impl Future<Output = ()>>, Failure> {
    let mut signals = StopSignals::new()
        .map_err(|error| Failure::usage(format!("cannot take signals: {error}")))?;
    let (stop, stopped) = oneshot::channel::<()>();
    // A thread of its own, because the other may be in the midst of a write.
    std::thread::spawn(move || {
        block_on(signals.next());
        drop(stop);
        std::thread::sleep(PATIENCE);
        std::process::exit(Status::Network as i32);
    });
    Ok(stopped.map(drop).shared())
}

/// Runs a server's `future` as a task on an executor with that many threads, and waits for it.
///
/// The calling thread only waits: if it ran the future itself, it would compete with the executor
/// for the reactor, and each accepted client would have to cross from one thread to the other.
pub(crate) fn run_on_executor<F>(threads: NonZeroUsize, future: F) -> F::Output
where
    F: Future<Output: Send> + Send + 'static,
{
    // async-std reads the number from an environment variable only; to be first is the other way.
    let config = GlobalExecutorConfig::default()
        .with_env_var("ECHO6_THREADS_ARE_SET_BY_AN_OPTION")
        .with_min_threads(threads.get())
        .with_max_threads(threads.get())
        .with_thread_name_fn(|| "echo6".to_owned());
    async_global_executor::init_with_config(config);
    block_on(async_std::task::spawn(future))
}

/// The signals that ask a program to stop: SIGINT and SIGTERM, or Ctrl-C on Windows.
pub(crate) struct StopSignals(Signals);

impl StopSignals {
    /// Takes the signals over from the system's default, which is to end the process.
    pub(crate) fn new() -> io::Result<Self> {
        #[cfg(unix)]
        let signals = [Signal::Int, Signal::Term];
        #[cfg(not(unix))]
        let signals = [Signal::Int];
        Signals::new(signals).map(Self)
    }

    /// Ready when the next one comes.
    pub(crate) async fn next(&mut self) {
        while let Some(Err(_)) = self.0.next().await {}
    }
}
