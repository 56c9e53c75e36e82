//! Listeners in, a task for each client out.

use std::net::{TcpListener, TcpStream};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_io::Async;
use async_std::task;
use futures::StreamExt;
use futures::future;
use futures::stream::{self, SelectAll, Stream};

use super::admission::{self, Admitted};
use super::clients::Clients;
use super::connection::Accepted;
use super::event::{Event, Paused};
use super::introduction::introduce;
use super::serve::serve;
use super::shortage::{Next, Shortage, passes_by};
use super::turn::ACCEPTS;

/// A listening socket, shared by who accepts from it and who closes it.
pub(super) type Shared = Arc<TcpListener>;

/// Accepts clients from all listeners in turn, each into a task of its own. Never ends.
pub(super) async fn accept_all(listeners: &[Shared], clients: &Arc<Clients>) {
    if listeners.is_empty() {
        return future::pending().await; // it serves datagrams alone
    }
    let mut incoming: SelectAll<_> = listeners.iter().cloned().map(incoming).collect();
    let mut shortage = Shortage::default();
    let mut crowd = Crowd { limit: clients.limits.max_connections, ..Crowd::default() };
    let mut accepted = 0_u32;
    loop {
        if let Some(limit) = crowd.begin(clients.count(), Instant::now()) {
            clients.report(|| Event::Paused(Paused::full(limit)));
        }
        clients.room().await;
        crowd.has_room(Instant::now());
        match incoming.select_next_some().await {
            Ok((socket, peer)) => {
                let now = Instant::now();
                let (eased, emptied) = (shortage.end(now), crowd.end(clients.count(), now));
                if eased || emptied {
                    clients.report(|| Event::Resumed);
                }
                admit((socket, peer), clients);
                accepted = accepted.wrapping_add(1);
                if accepted % ACCEPTS == 0 {
                    task::yield_now().await;
                }
            }
            Err(error) => match shortage.note(&error, Instant::now()) {
                Next::Accept => task::yield_now().await,
                Next::Wait { first, wait } => {
                    if first {
                        clients.report(|| Event::Paused(Paused::shortage(error.into())));
                    }
                    task::sleep(wait).await;
                }
            },
        }
    }
}

/// How many clients of each listener are still accepted when the server stops: as many as may wait.
const WAITING: u32 = 4096;

/// Accepts the clients that wait in the kernel when the server stops, as far as there is room, and
/// closes the listeners. They are connected and may have sent something, and to close over them
/// would be to reset them.
pub(super) async fn accept_waiting(listeners: Vec<Shared>, clients: &Arc<Clients>) {
    for listener in listeners {
        if listener.set_nonblocking(true).is_err() {
            continue;
        }
        for accepted in 1..=WAITING {
            if !clients.has_room() {
                break;
            }
            match listener.accept() {
                Ok((socket, _)) => admit_all(vec![socket], clients),
                Err(error) if passes_by(&error) => {}
                Err(_) => break, // mostly: nobody waits
            }
            if accepted % ACCEPTS == 0 {
                task::yield_now().await;
            }
        }
    }
}

/// Admits clients that were accepted elsewhere. One that is gone already is none.
pub(super) fn admit_all(accepted: Vec<TcpStream>, clients: &Arc<Clients>) {
    for socket in accepted {
        if let (Ok(peer), Ok(socket)) = (socket.peer_addr(), Async::new(socket)) {
            admit((socket, peer), clients);
        }
    }
}

fn admit((socket, peer): Accepted, clients: &Arc<Clients>) {
    match admission::admit(clients, socket, peer) {
        Admitted::Client(client) => serve(client),
        Admitted::Balancer(balancer) => clients.spawn(introduce(balancer)),
        Admitted::Refused => {}
    }
}

/// The clients of one listener as they come. Errors do not end the stream; that the kernel has no
/// memory to watch the listening socket with is one of them.
fn incoming(socket: Shared) -> impl Stream<Item = std::io::Result<Accepted>> + Unpin {
    Box::pin(stream::unfold((socket, None), |(socket, mut watched)| async {
        let client = accept(&socket, &mut watched).await;
        Some((client, (socket, watched)))
    }))
}

async fn accept(socket: &Shared, watched: &mut Option<Async<Shared>>) -> std::io::Result<Accepted> {
    let listener = match watched {
        Some(listener) => listener,
        None => watched.insert(Async::new(Arc::clone(socket))?),
    };
    let (socket, peer) = listener.read_with(|socket| socket.accept()).await?;
    Ok((Async::new(socket)?, peer))
}

/// Whether the server is full, said once for as long as it is about full.
#[derive(Default)]
struct Crowd {
    limit: Option<NonZeroUsize>,
    /// When it was last full, since that was said.
    full: Option<Instant>,
    /// Whether it is full now.
    waits: bool,
}

/// How long a server has room again before that is said: with a limit of a few clients it is full and
/// not full with each one that comes and goes.
const CALM: Duration = Duration::from_secs(1);

impl Crowd {
    /// The limit, if the server has just become full.
    fn begin(&mut self, count: usize, now: Instant) -> Option<NonZeroUsize> {
        let limit = self.limit.filter(|limit| count >= limit.get())?;
        self.waits = true;
        self.full.replace(now).is_none().then_some(limit)
    }

    /// Notes that there is room for a client.
    fn has_room(&mut self, now: Instant) {
        if self.waits {
            self.waits = false;
            self.full = Some(now);
        }
    }

    /// Says whether the server is no longer full: a tenth of the clients has gone, a while ago. With
    /// each one that goes, a busy server would say it once a client.
    fn end(&mut self, count: usize, now: Instant) -> bool {
        let most = self.limit.map_or(usize::MAX, NonZeroUsize::get);
        let calm = self.full.is_some_and(|full| now.duration_since(full) >= CALM);
        let ends = calm && count < most - most / 10;
        if ends {
            self.full = None;
        }
        ends
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn full_is_said_once_until_a_tenth_has_gone() {
        let mut crowd = Crowd { limit: NonZeroUsize::new(20), ..Crowd::default() };
        let (then, later) = (Instant::now(), Instant::now() + CALM);
        assert_eq!(crowd.begin(19, then), None);
        assert_eq!(crowd.begin(20, then), NonZeroUsize::new(20));
        for _ in 0..100 {
            assert!(!crowd.end(19, later) && !crowd.end(18, later));
            assert_eq!(crowd.begin(20, then), None);
        }
        assert!(!crowd.end(17, then) && crowd.end(17, later) && !crowd.end(17, later));
        assert_eq!(crowd.begin(20, later), NonZeroUsize::new(20));
    }

    #[test]
    fn a_server_for_one_says_once_that_it_is_full_however_many_come_and_go() {
        let mut crowd = Crowd { limit: NonZeroUsize::new(1), ..Crowd::default() };
        let start = Instant::now();
        // Each stays for two seconds, and the next one is there at once.
        let said = (0..100).map(|turn| start + turn * 2 * CALM).filter(|&now| {
            crowd.has_room(now);
            assert!(!crowd.end(0, now));
            crowd.begin(1, now).is_some()
        });
        assert_eq!(said.count(), 1);
        crowd.has_room(start + 200 * CALM);
        assert!(crowd.end(0, start + 201 * CALM));
    }
}
