//! Listeners in, echoes out: the accept loop, one task per client, and an orderly end.

use std::fmt;
use std::net::TcpListener;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_io::Async;
use async_std::future::timeout;
use async_std::task;
use futures::StreamExt;
use futures::future::{self, select};
use futures::stream::{self, SelectAll, Stream};

use crate::address::Listener;
use crate::event::{Event, Totals};

mod accept;
mod clients;
mod connection;

use accept::{Pause, Verdict, judge};
use clients::Clients;
use connection::{Accepted, serve};

/// An echo server (RFC 862), ready to run.
///
/// It runs on async-std's executor, which has a thread for each core unless the environment
/// variable `ASYNC_STD_THREAD_COUNT` says otherwise; for echoing, one is best.
///
/// # Examples
///
/// ```
/// use echo6::Server;
/// use echo6::address::{ListenOptions, listen};
///
/// # futures::executor::block_on(async {
/// let server = Server::new(listen(&["127.0.0.1:0".parse()?], ListenOptions::default())?);
/// let totals = server.run(async { /* until this is ready */ }).await;
/// assert_eq!(totals.connections, 0);
/// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
/// ```
#[must_use = "a server does nothing until it runs"]
pub struct Server {
    listeners: Vec<Listener>,
    grace: Duration,
    observer: Option<Observer>,
}

type Observer = Box<dyn Fn(Event) + Send + Sync>;

/// How long clients have to take their last bytes once the server was asked to stop.
const GRACE: Duration = Duration::from_secs(5);

impl Server {
    /// Makes a server of bound listeners, from [`listen`](crate::address::listen).
    pub fn new(listeners: Vec<Listener>) -> Self {
        Self { listeners, grace: GRACE, observer: None }
    }

    /// Sets how long a stop may take: clients that have not taken their last bytes by then are
    /// reset. 5 seconds unless set.
    pub fn grace(self, grace: Duration) -> Self {
        Self { grace, ..self }
    }

    /// Has `observer` called with every [`Event`], from the tasks that cause it: it must not block.
    pub fn observe(self, observer: impl Fn(Event) + Send + Sync + 'static) -> Self {
        Self { observer: Some(Box::new(observer)), ..self }
    }

    /// Serves until `shutdown` is ready, then drains: the listeners close, each client gets back
    /// what it had sent so far and end of stream, and the future is ready when the last one is gone.
    ///
    /// No error of a client or of accept(2) ends it. If the future is dropped, its clients are
    /// reset.
    ///
    /// # Panics
    ///
    /// If the kernel has no memory left to watch a listening socket with.
    pub async fn run(self, shutdown: impl Future<Output = ()>) -> Totals {
        let start = Instant::now();
        let clients = Clients::new(self.observer);
        for listener in &self.listeners {
            let (address, families) = (listener.address(), listener.families());
            clients.report(|| Event::Listening { address, families });
        }
        let dropped = CutOnDrop(&clients);

        // Whatever the accept loop is waiting for when `shutdown` comes, it is dropped there, and
        // the listening sockets close with it.
        select(pin!(shutdown), pin!(accept_all(self.listeners, &clients))).await;

        clients.finish_all();
        if timeout(self.grace, clients.gone()).await.is_err() {
            clients.cut_all();
            clients.gone().await;
        }
        drop(dropped);
        let totals = Totals { duration: start.elapsed(), ..clients.totals() };
        clients.report(|| Event::Stopped { totals });
        totals
    }
}

/// Resets all clients when the server's future is dropped before its end.
struct CutOnDrop<'a>(&'a Clients);

impl Drop for CutOnDrop<'_> {
    fn drop(&mut self) {
        self.0.cut_all();
    }
}

/// Accepts clients from all listeners in turn, each into a task of its own. Never ends.
async fn accept_all(listeners: Vec<Listener>, clients: &Arc<Clients>) {
    let mut incoming: SelectAll<_> = listeners.into_iter().map(incoming).collect();
    let mut pause = Pause::default();
    loop {
        match incoming.next().await {
            Some(Ok((stream, peer))) => {
                if pause.end() {
                    clients.report(|| Event::Resumed);
                }
                task::spawn(serve(clients.admit(stream, peer)));
            }
            Some(Err(error)) if judge(&error) == Verdict::PassBy => {}
            Some(Err(error)) => {
                if pause.begin() {
                    clients.report(|| Event::Paused { cause: error.into() });
                }
                task::sleep(pause.next()).await;
            }
            None => future::pending().await,
        }
    }
}

/// The clients of one listener as they come. Errors do not end the stream.
fn incoming(listener: Listener) -> impl Stream<Item = std::io::Result<Accepted>> + Unpin {
    let listener = Async::new(TcpListener::from(listener))
        .expect("a listening socket can be watched while the kernel has memory");
    Box::pin(stream::unfold(listener, |listener| async {
        Some((listener.accept().await, listener))
    }))
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("listeners", &self.listeners)
            .field("grace", &self.grace)
            .finish_non_exhaustive()
    }
}
