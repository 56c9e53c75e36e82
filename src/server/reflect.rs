//! UDP sockets in, echoes out: a task per socket that answers datagrams, and counts those that it
//! does not answer.

use std::future;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::channel::oneshot;

use super::clients::Clients;
use super::tally::DatagramTotals;
use super::ticks::Ticks;
use crate::fault::DatagramFaults;
use crate::socket::DatagramSocket;

mod broadcast;
mod dealing;
mod flows;
pub(super) mod judge;
mod pace;
mod rates;
mod reflector;
mod shared;

pub use judge::Ignored;

use dealing::{Dealing, Faults};
use judge::Rules;
use rates::Rates;
use reflector::Reflector;
use shared::{Order, Shared};

/// Which datagrams a server answers.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct DatagramLimits {
    /// How many datagrams a second one source may have answered.
    pub(super) rate: Option<NonZeroU32>,
    pub(super) any_source_port: bool,
    /// How long a flow has been silent when it is reported as gone.
    pub(super) quiet: Option<Duration>,
}

/// The tasks that answer datagrams. They end when this is dropped.
pub(super) struct Reflectors {
    shared: Arc<Shared>,
    /// Each is ready when its task has ended.
    tasks: Vec<oneshot::Receiver<()>>,
}

/// How many looks there are in the time after which a flow is quiet, so that it is reported up to a
/// tenth late.
const LOOKS: u32 = 10;

impl Reflectors {
    /// Starts a task for each socket.
    pub(super) fn start(
        sockets: Vec<DatagramSocket>,
        limits: DatagramLimits,
        clients: &Arc<Clients>,
        mut served: Vec<u16>,
        faults: DatagramFaults,
    ) -> Self {
        let faults = (!faults.is_empty()).then(|| Faults::new(Mutex::new(faults)));
        served.extend(sockets.iter().map(|socket| socket.address().port()));
        let rules = Rules { served, any_source_port: limits.any_source_port };
        let rates = limits.rate.map(Rates::new);
        let shared = Shared::new(clients, rules, rates, limits.quiet, sockets.len());
        let sockets = sockets.into_iter().enumerate();
        let tasks = sockets.map(|(index, socket)| {
            let (ended, has_ended) = oneshot::channel::<()>();
            let dealing = faults.clone().map(|faults| Box::new(Dealing::new(faults, &socket)));
            let reflector = Reflector::new(socket, index, Arc::clone(&shared), dealing);
            clients.spawn(async {
                reflector.run().await;
                drop(ended);
            });
            has_ended
        });
        Self { tasks: tasks.collect(), shared }
    }

    /// Answers what waits in the kernel and closes the sockets.
    pub(super) async fn finish(&mut self) {
        self.shared.give(Order::Finish);
        for ended in self.tasks.drain(..) {
            let _ = ended.await;
        }
        self.shared.expire_all();
    }

    /// Reports the flows that have gone quiet, now and then. Has no end.
    pub(super) async fn watch(&self) {
        if self.tasks.is_empty() {
            return future::pending().await;
        }
        let period = (self.shared.quiet / LOOKS).max(Duration::from_millis(1));
        let mut ticks = Ticks::every(period);
        loop {
            ticks.next().await;
            self.shared.expire();
        }
    }

    /// What became of the datagrams so far; none if the server has no UDP socket.
    pub(super) fn totals(&self) -> Option<DatagramTotals> {
        self.shared.has_sockets().then(|| self.shared.state().totals)
    }
}

impl Drop for Reflectors {
    fn drop(&mut self) {
        self.shared.give(Order::Cut);
    }
}
