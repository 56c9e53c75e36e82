//! A server that runs beside the program, on a thread of its own: the peer of a test.

use std::net::SocketAddr;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use async_executor::Executor;
use async_std::channel::{Receiver, bounded};
use async_std::future::timeout;
use futures::channel::oneshot;
use futures::stream::Stream;

use super::event::Event;
use super::outcome::Totals;
use super::settings::Server;
use super::spawner::Spawner;

/// A server that serves until it is stopped.
///
/// It has a thread of its own and needs no runtime of the caller's, so it works in a plain `#[test]`
/// and beside any runtime.
///
/// To drop it is to [`stop`](Self::stop) it.
///
/// # Examples
///
/// ```
/// use std::io::{Read, Write};
/// use std::net::TcpStream;
///
/// use echo6::Server;
///
/// let peer = Server::bind("127.0.0.1:0")?.start();
/// let mut client = TcpStream::connect(peer.address())?;
/// client.write_all(b"hello")?;
/// let mut reply = [0; 5];
/// client.read_exact(&mut reply)?;
///
/// let totals = peer.stop();
/// assert_eq!((&reply, totals.connections, totals.bytes_in), (b"hello", 1, 5));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
#[must_use = "the server stops when this is dropped"]
pub struct Running {
    addresses: Vec<SocketAddr>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<Totals>>,
    events: Receiver<Event>,
}

/// How many events wait for somebody to take them. A test that takes none is not to pay for it with
/// more than some 10 MB, however long it runs.
const EVENTS: usize = 1 << 16;

impl Server {
    /// Serves from now on, on a thread of its own, until the returned value is stopped or dropped.
    ///
    /// # Panics
    ///
    /// If the system has no thread left.
    pub fn start(mut self) -> Running {
        let addresses = self.listening().into_iter().map(|listening| listening.address).collect();
        let (sender, events) = bounded(EVENTS);
        let (stop, stopped) = oneshot::channel::<()>();
        let observer = self.observer.take();
        let server = self.observe(move |event| {
            if let Some(observer) = &observer {
                observer(event.clone());
            }
            let _ = sender.try_send(event);
        });
        let serve = move || {
            let executor = Arc::new(Executor::new());
            let served = server.run_on(Spawner::Own(Arc::clone(&executor)), stopped);
            async_io::block_on(executor.run(served))
        };
        let thread = thread::Builder::new().name("echo6 peer".to_owned()).spawn(serve);
        let thread = Some(thread.expect("a thread for the server"));
        Running { addresses, stop: Some(stop), thread, events }
    }
}

impl Running {
    /// The bound address, with the port that the system chose where 0 was asked for. Of several, the
    /// first.
    ///
    /// # Panics
    ///
    /// If the server was made without a socket.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.addresses[0]
    }

    /// All bound addresses, in the order of the sockets.
    #[must_use]
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Waits for the next event, as long as `within` says. This **blocks**; [`events`](Self::events)
    /// does not. An event is given once, here or there; if 65,536 wait, further ones are lost.
    #[must_use]
    pub fn event(&self, within: Duration) -> Option<Event> {
        async_io::block_on(timeout(within, self.events.recv())).ok()?.ok()
    }

    /// The events as they come, to await on any runtime. It ends when the server has ended.
    pub fn events(&self) -> impl Stream<Item = Event> + Send + Sync + Unpin + use<> {
        self.events.clone()
    }

    /// Asks the server to stop, without waiting for it: the listeners close and the clients drain.
    pub fn ask_to_stop(&mut self) {
        self.stop = None;
    }

    /// Stops the server as [`Server::run`] says, and waits for its last client to be gone. This
    /// **blocks**, for as long as [`Limits::grace`](super::Limits::grace) at most.
    pub fn stop(mut self) -> Totals {
        self.end().unwrap_or_default()
    }

    fn end(&mut self) -> Option<Totals> {
        self.ask_to_stop();
        let ended = self.thread.take()?.join();
        Some(ended.unwrap_or_else(|panic| resume_unwind(panic)))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.ask_to_stop();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join(); // a panic of it was reported when it happened
        }
    }
}
