//! UDP sockets in, echoes out: a task per socket that answers datagrams, and counts those that it
//! does not answer.

use std::future;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex};
use std::time::Duration;

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
        for (index, socket) in sockets {
            let dealing = faults.clone().map(|faults| Box::new(Dealing::new(faults, &socket)));
            let reflector = Reflector::new(socket, index, Arc::clone(&shared), dealing);
            let hold = Shared::hold(&shared);
            clients.spawn(async {
                reflector.run().await;
                drop(hold);
            });
        }
        Self { shared }
    }

    /// Has what waits in the kernel answered, and the sockets closed.
    pub(super) fn finish(&self) {
        self.shared.give(Order::Finish);
    }

    /// Has answers that wait given up: for the system to take them, or until they are due.
    pub(super) fn end_waiting(&self) {
        self.shared.give(Order::Hurry);
    }

    /// Ready when all sockets are closed.
    pub(super) async fn gone(&self) {
        self.shared.gone().await;
    }

    /// Reports all flows as gone.
    pub(super) fn expire_all(&self) {
        self.shared.expire_all();
    }

    /// Reports the flows that have gone quiet, now and then. Has no end.
    pub(super) async fn watch(&self) {
        if !self.shared.has_sockets() {
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
