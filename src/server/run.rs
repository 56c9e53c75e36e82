//! A server's life: it accepts and answers until it is to stop, and then drains.

use std::net::TcpListener;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use async_std::future::timeout;
use futures::StreamExt;
use futures::future::{join, join3, pending, ready, select};

use super::accept::{Shared, accept_all, accept_waiting, admit_all};
use super::clients::Clients;
use super::event::Event;
use super::outcome::Totals;
use super::reflect::{DatagramLimits, Reflectors};
use super::settings::Server;
use super::spawner::Spawner;
use super::sweep::sweep;
use crate::socket::Listener;

impl Server {
    /// Serves until `shutdown` is ready, with whatever output, then drains: the listeners close, each
    /// client, those that wait in the kernel included, gets back what it had sent so far and end of
    /// stream, and the future is ready when the last one is gone. Those that wait at a
    /// [shared](Listener::shared) listener are left to the next server there.
    ///
    /// No error of a client or of accept(2) ends it.
    ///
    /// # Cancellation
    ///
    /// If the future is dropped, its clients are reset and its listeners close.
    pub async fn run(self, shutdown: impl Future) -> Totals {
        self.run_on(Spawner::global(), shutdown).await
    }

    pub(super) async fn run_on(self, spawner: Spawner, shutdown: impl Future) -> Totals {
        let listening = self.listening();
        let datagram_limits = DatagramLimits {
            rate: self.limits.max_rate,
            any_source_port: self.any_source_port,
            quiet: self.limits.idle_timeout,
        };
        let keeper = self.gate.keeper();
        let faults = self.faults.of_streams();
        let clients =
            Clients::new(self.limits, self.busy_poll, keeper, faults, spawner, self.observer);
        for listening in listening {
            clients.report(|| Event::Listening(listening));
        }
        let dropped = CutOnDrop(&clients);
        let dealt = self.faults.of_datagrams();
        let is_passing = self.listeners.is_empty() && self.datagrams.is_empty();
        let ends_alone = is_passing && !self.clients.is_empty();
        let served = self.listeners.iter().map(|listener| listener.address().port()).collect();
        let reflectors =
            Reflectors::start(self.datagrams, datagram_limits, &clients, served, dealt);
        let (accepting, silent) = if self.faults.accept() {
            (self.listeners, Vec::new())
        } else {
            (Vec::new(), self.listeners)
        };
        let (shared, own): (Vec<_>, Vec<_>) = accepting.into_iter().partition(Listener::is_shared);
        let owned = own.len();
        let accepting = own.into_iter().chain(shared);
        let mut accepting: Vec<Shared> =
            accepting.map(|listener| Arc::new(TcpListener::from(listener))).collect();
        let serves = async {
            // Whatever the accept loop is waiting for when `shutdown` comes, it is dropped there.
            let accepts = async {
                admit_all(self.clients, &clients);
                if ends_alone {
                    clients.gone().await;
                } else {
                    accept_all(&accepting, &clients).await;
                }
            };
            select(pin!(shutdown), pin!(accepts)).await;
            drop(silent);

            accepting.truncate(owned); // who waits at the others is served by the next server there
            drain(accepting, &clients, &reflectors, self.limits.grace).await;
        };
        // What is done beside has no end, and goes on while the clients drain.
        let answers = async {
            self.asks
                .for_each(|()| {
                    clients.report(|| {
                        let datagrams = reflectors.totals();
                        Event::Totals(Totals { datagrams, ..clients.totals_so_far() })
                    });
                    ready(())
                })
                .await;
            pending::<()>().await;
        };
        let beside = join3(sweep(&clients), reflectors.watch(), answers);
        select(pin!(serves), pin!(beside)).await;
        drop(dropped);
        let totals = Totals { datagrams: reflectors.totals(), ..clients.totals() };
        clients.report(|| Event::Stopped(totals.clone()));
        totals
    }
}

/// Accepts who waits already, closes the listeners, and waits until all clients are gone and all
/// datagrams answered: for the grace period by themselves, then by a reset. Streams and datagrams
/// drain beside each other, so that neither has to wait until the other has.
async fn drain(
    listeners: Vec<Shared>,
    clients: &Arc<Clients>,
    reflectors: &Reflectors,
    grace: Duration,
) {
    clients.finish_all();
    reflectors.finish();
    let accepted = async {
        accept_waiting(listeners, clients).await;
        clients.gone().await;
    };
    if timeout(grace, join(accepted, reflectors.gone())).await.is_err() {
        clients.cut_all();
        reflectors.end_waiting();
        join(clients.gone(), reflectors.gone()).await;
    }
    reflectors.expire_all();
}

/// Resets all clients when the server's future is dropped before its end.
struct CutOnDrop<'a>(&'a Clients);

impl Drop for CutOnDrop<'_> {
    fn drop(&mut self) {
        self.0.cut_all();
    }
}
