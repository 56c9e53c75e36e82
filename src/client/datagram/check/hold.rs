//! Flows that are silent for some times in, whether each echoes again out.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use async_io::Timer;
use futures::StreamExt;
use futures::stream::FuturesUnordered;

use super::{DatagramCheck, DatagramChecked, SMALL};
use crate::client::datagram::error::DatagramError;
use crate::client::datagram::flow::Flow;
use crate::client::idle::{Hold, Silence, Silences};

/// How long each flow exchanges before its silence. Linux' conntrack takes a flow for a stream, which
/// it remembers for 120 s and not for 30 s, if a datagram comes more than 2 s after the first.
const STREAM: Duration = Duration::from_millis(2500);

/// How many exchanges there are in that time.
const EXCHANGES: u32 = 5;

impl DatagramCheck {
    /// Flows that are silent for each of the periods, at the same time. What is known of them goes
    /// into the result as it becomes known.
    pub(super) async fn silences(&self, checked: &mut DatagramChecked, wait: Duration) {
        let mut silences = Silences::new(&self.hold);
        let peer = checked.address;
        let silent = silences.periods().iter().map(|&period| self.silence(peer, period, wait));
        let mut silent: FuturesUnordered<_> = silent.collect();
        while let Some(silence) = silent.next().await {
            silences.note(silence);
            checked.idle = silences.timeout();
            if silences.is_decided() {
                break;
            }
        }
    }

    /// Exchanges, is silent, and echoes again. Returns how the flow fared, and when that was known.
    async fn silence(&self, peer: SocketAddr, period: Duration, wait: Duration) -> Silence {
        let shortest = self.hold.iter().min().copied().unwrap_or(period);
        let mut since = None;
        let echoes = async {
            let flow = self.open(peer, |options| options)?;
            self.stream(&flow, peer, shortest.min(STREAM), wait).await?;
            since = Some(Instant::now());
            Timer::after(period).await;
            self.comes_back(&flow, peer, SMALL, wait).await
        };
        let mut hold = echoes.await.map_or_else(|error| ended_by(&error), |_| Hold::Alive);
        let held = since.map_or(Duration::ZERO, |since| since.elapsed());
        // A flow that is forgotten is told from a path or a server that is gone by another one.
        if matches!(hold, Hold::Dead | Hold::Reset) && !self.a_new_flow_echoes(peer, wait).await {
            hold = Hold::Gone;
        }
        // One that fails before its silence has not lasted.
        Silence { period, hold, lasted: held.min(period), held, heard: None }
    }

    /// Exchanges datagrams for as long as it takes to be a stream.
    async fn stream(
        &self,
        flow: &Flow,
        peer: SocketAddr,
        duration: Duration,
        wait: Duration,
    ) -> Result<(), DatagramError> {
        for _ in 0..EXCHANGES {
            self.comes_back(flow, peer, SMALL, wait).await?;
            Timer::after(duration / EXCHANGES).await;
        }
        self.comes_back(flow, peer, SMALL, wait).await.map(drop)
    }

    async fn a_new_flow_echoes(&self, peer: SocketAddr, wait: Duration) -> bool {
        match self.open(peer, |options| options) {
            Ok(flow) => self.comes_back(&flow, peer, SMALL, wait).await.is_ok(),
            Err(_) => false,
        }
    }
}

/// What ended a flow.
fn ended_by(error: &DatagramError) -> Hold {
    match error {
        DatagramError::Undelivered { .. } => Hold::Reset,
        DatagramError::Foreign { .. }
        | DatagramError::Mismatch { .. }
        | DatagramError::Truncated { .. } => Hold::Mismatch,
        DatagramError::Timeout { .. }
        | DatagramError::Here { .. }
        | DatagramError::Connect(_)
        | DatagramError::TooLarge { .. } => Hold::Dead,
    }
}
