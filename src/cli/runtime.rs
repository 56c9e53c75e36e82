//! Executor threads and signals: what a process decides for the whole of async-std.

use std::convert::Infallible;
use std::io::{self, IsTerminal};
use std::num::NonZeroUsize;
use std::panic::resume_unwind;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, mpsc};
use std::thread;
use std::time::Duration;

use async_global_executor::GlobalExecutorConfig;
use async_io::Timer;
use async_signal::{Signal, Signals};
use echo6::error::Cause;
use futures::channel::mpsc::{UnboundedReceiver, UnboundedSender, unbounded};
use futures::channel::oneshot;
use futures::executor::block_on;
use futures::future::{BoxFuture, Either, Shared, select};
use futures::{FutureExt, StreamExt};

use super::failure::{Failure, Status, Stop};
use super::stdio::Stream;

/// Threads that a client may start: for its job, the reactor, a name, and one each for what it reads
/// and writes.
const THREADS: usize = 5;

/// Tries whether so many threads and a reactor are to be had: async-io panics where there are none, and
/// the pool of threads for what blocks would look for one without end. With room for no more than
/// these it may still happen, because the system counts a thread for a moment after its end.
pub(crate) fn prepare(threads: usize) -> Result<(), Failure> {
    let held = Arc::new(RwLock::new(()));
    let hold = held.write();
    let threads = (0..threads).map(|_| {
        let held = Arc::clone(&held);
        thread::Builder::new().spawn(move || drop(held.read()))
    });
    let threads: io::Result<Vec<_>> = threads.collect();
    drop(hold);
    threads.map_err(no_thread)?.into_iter().for_each(|thread| drop(thread.join()));
    trial_reactor().map_err(|error| Failure::here("cannot wait for sockets", &Cause::from(error)))
}

/// Tries whether a reactor can be had, beside the pair of sockets by which signals come.
fn trial_reactor() -> io::Result<()> {
    #[cfg(unix)]
    let _signals = std::os::unix::net::UnixStream::pair()?;
    polling::Poller::new().map(drop)
}

pub(crate) fn no_thread(error: io::Error) -> Failure {
    Failure::here("cannot start a thread", &Cause::from(error))
        .with_help(Some("raise the limit on processes (ulimit -u, pids.max)".to_owned()))
}

/// Runs a client's `future` on this thread, which also waits for its sockets: no other thread is
/// started for it, and no byte crosses from one thread to another.
pub(crate) fn run_here<F: Future>(future: F) -> F::Output {
    async_io::block_on(future)
}

/// How long a client may take to end when a signal has asked for it.
const STOP_TIMEOUT: Duration = Duration::from_secs(1);

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

/// Runs `future` to its end, and `beside` meanwhile.
pub(crate) async fn while_also<F: Future>(future: F, beside: impl Future) -> F::Output {
    match select(pin!(future), pin!(beside)).await {
        Either::Left((output, _)) => output,
        Either::Right((_, future)) => future.await,
    }
}

/// Who wants to know when a signal asks for the figures so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct Asked(Arc<Mutex<Vec<UnboundedSender<()>>>>);

impl Asked {
    /// An item for each time that the figures are asked for.
    pub(crate) fn times(&self) -> UnboundedReceiver<()> {
        let (sender, times) = unbounded();
        self.senders().push(sender);
        times
    }

    fn ask(&self) {
        self.senders().retain(|sender| sender.unbounded_send(()).is_ok());
    }

    fn senders(&self) -> MutexGuard<'_, Vec<UnboundedSender<()>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Ready when a signal asks a client to stop, for all that wait for it.
pub(crate) type Stopped = Shared<BoxFuture<'static, ()>>;

/// Runs a client's `job` on a thread of its own, and waits for its result, for a signal or for the
/// deadline. A job that was asked to stop has [`STOP_TIMEOUT`] to end: it may be held up, because nobody
/// takes what it writes.
pub(crate) fn supervised(
    deadline: Option<Duration>,
    job: impl FnOnce(&Stopped, &Asked) -> Result<Status, Stop> + Send + 'static,
) -> Result<Status, Stop> {
    // As many descriptors as the hard limit allows (getrlimit(2)); what is left is enough for most.
    #[cfg(unix)]
    let _ = rlimit::increase_nofile_limit(u64::MAX);
    prepare(THREADS)?;
    let mut signals =
        StopSignals::new().map_err(|error| Failure::here("cannot handle signals", &error))?;
    let (stop, stopped) = oneshot::channel::<()>();
    let (result, mut done) = oneshot::channel();
    let (running, ended) = mpsc::channel::<Infallible>();
    let asked = Asked::default();
    let asks = asked.clone();
    let job = move || {
        let stopped = stopped.map(drop).boxed().shared();
        let _ = result.send(job(&stopped, &asked));
        drop(running);
    };
    let thread = thread::Builder::new().spawn(job).map_err(no_thread)?;
    let deadline = async {
        match deadline {
            Some(deadline) => {
                Timer::after(deadline).await;
                let _ = Stream::Stderr.write_all(b"deadline reached\n");
            }
            None => std::future::pending().await,
        }
    };
    let finished = block_on(async {
        match select(&mut done, select(pin!(signals.stop(&asks)), pin!(deadline))).await {
            Either::Left((finished, _)) => Some(finished),
            Either::Right(_) => None,
        }
    });
    let finished = finished.unwrap_or_else(|| {
        drop(stop);
        let _ = ended.recv_timeout(STOP_TIMEOUT);
        done.try_recv().map(|result| result.unwrap_or(Ok(Status::Network)))
    });
    finished.unwrap_or_else(|_| match thread.join() {
        Ok(()) => Ok(Status::Network),
        Err(panic) => resume_unwind(panic),
    })
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

/// The signals that ask a program to stop, SIGINT and SIGTERM or Ctrl-C on Windows, and those that ask
/// for its figures so far.
pub(crate) struct StopSignals(Signals);

impl StopSignals {
    /// Takes the signals over from the system's default, which is to end the process.
    pub(crate) fn new() -> Result<Self, Cause> {
        #[cfg(unix)]
        let signals = [Signal::Int, Signal::Term, Signal::Quit, Signal::Usr1];
        #[cfg(not(unix))]
        let signals = [Signal::Int];
        Ok(Self(Signals::new(signals)?))
    }

    /// The same, and for a server also SIGHUP, which the end of a session sends: it is to drain its
    /// clients then, unless it was started to ignore that, as nohup(1) does.
    pub(crate) fn of_a_server() -> Result<Self, Cause> {
        #[cfg_attr(not(target_os = "linux"), allow(unused_mut))]
        let mut signals = Self::new()?;
        #[cfg(target_os = "linux")]
        if !ignores_hangup() {
            signals.0.add_signals([Signal::Hup])?;
        }
        Ok(signals)
    }

    /// Ready when one asks to stop. What is written behind it starts on a line of its own: the
    /// terminal has shown `^C`.
    pub(crate) async fn stop(&mut self, asked: &Asked) {
        loop {
            match self.0.next().await {
                Some(Err(_)) => {}
                Some(Ok(signal)) if asks_for_figures(signal) => {
                    end_the_terminals_line();
                    asked.ask();
                }
                Some(Ok(Signal::Int)) => return end_the_terminals_line(),
                Some(Ok(_)) | None => return,
            }
        }
    }
}

/// SIGQUIT, which Ctrl-\\ sends, and SIGUSR1 where there is no terminal.
#[cfg(unix)]
fn asks_for_figures(signal: Signal) -> bool {
    matches!(signal, Signal::Quit | Signal::Usr1)
}

#[cfg(not(unix))]
fn asks_for_figures(_: Signal) -> bool {
    false
}

/// The terminal shows a key that sends a signal, such as `^C`, in the middle of a line.
fn end_the_terminals_line() {
    if io::stdin().is_terminal() && io::stderr().is_terminal() {
        let _ = Stream::Stderr.write_all(b"\n");
    }
}

/// Says whether SIGHUP, the first signal, is ignored (SigIgn in /proc/self/status, proc(5)).
#[cfg(target_os = "linux")]
fn ignores_hangup() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    ignored.is_some_and(|ignored| ignored & 1 == 1)
}
