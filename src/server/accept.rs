//! Listeners in, a task for each client out.

use std::net::{TcpListener, TcpStream};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Instant;

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
    let mut crowd = Crowd { limit: clients.limits.max_connections, full: false };
    let mut accepted = 0_u32;
    loop {
        if let Some(limit) = crowd.begin(clients.count()) {
            clients.report(|| Event::Paused(Paused::full(limit)));
        }
        clients.room().await;
        match incoming.select_next_some().await {
            Ok((socket, peer)) => {
                let (eased, emptied) = (shortage.end(Instant::now()), crowd.end(clients.count()));
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
struct Crowd {
    limit: Option<NonZeroUsize>,
    full: bool,
}

impl Crowd {
    /// The limit, if the server has just become full.
    fn begin(&mut self, count: usize) -> Option<NonZeroUsize> {
        let limit = self.limit.filter(|limit| !self.full && count >= limit.get())?;
        self.full = true;
        Some(limit)
    }

    /// Says whether the server is no longer full: a tenth of the clients has gone. With each one
    /// that goes, a busy server would say it once a client.
    fn end(&mut self, count: usize) -> bool {
        let most = self.limit.map_or(usize::MAX, NonZeroUsize::get);
        let ends = self.full && count < most - most / 10;
        if ends {
            self.full = false;
        }
        ends
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn full_is_said_once_until_a_tenth_has_gone() {
        let mut crowd = Crowd { limit: NonZeroUsize::new(20), full: false };
        assert_eq!(crowd.begin(19), None);
        assert_eq!(crowd.begin(20), NonZeroUsize::new(20));
        for _ in 0..100 {
            assert!(!crowd.end(19) && !crowd.end(18));
            assert_eq!(crowd.begin(20), None);
        }
        assert!(crowd.end(17) && !crowd.end(17));
        assert_eq!(crowd.begin(20), NonZeroUsize::new(20));
    }
}
