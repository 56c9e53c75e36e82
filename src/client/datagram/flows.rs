//! The ports that probes are sent from: so many in turn, or one for each probe.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::task::{Context, Poll};

use super::flow::Flow;
use crate::socket::CallerOptions;

/// How many ports stay open when each probe has one of its own.
const OPEN: usize = 256;

pub(super) struct Flows {
    peer: SocketAddr,
    options: CallerOptions,
    open: VecDeque<Flow>,
    /// How many there are to be; none if each probe has its own.
    ports: Option<usize>,
    /// The last probe that was to have a port.
    last: u64,
}

impl Flows {
    /// Opens so many ports, or that of the first probe.
    pub(super) fn open(
        peer: SocketAddr,
        options: CallerOptions,
        ports: Option<usize>,
    ) -> io::Result<Self> {
        let open = (0..ports.unwrap_or(1)).map(|_| Flow::open(peer, options));
        Ok(Self { peer, options, open: open.collect::<io::Result<_>>()?, ports, last: 0 })
    }

    /// The port that the next probe goes from.
    pub(super) fn next(&mut self, sequence: u64) -> io::Result<usize> {
        self.last = sequence;
        if self.ports.is_none() && sequence > 1 {
            self.open.push_back(Flow::open(self.peer, self.options)?);
            if self.open.len() > OPEN {
                self.open.pop_front();
            }
        }
        Ok(self.index_of(sequence))
    }

    /// Which of them a probe is sent from.
    fn index_of(&self, sequence: u64) -> usize {
        match self.ports {
            Some(ports) => ((sequence - 1) % ports as u64) as usize,
            None => self.open.len() - 1,
        }
    }

    /// The port that a probe was sent from; 0 if that is closed again.
    pub(super) fn port_of(&self, sequence: u64) -> u16 {
        let back = match self.ports {
            Some(_) => return self.open[self.index_of(sequence)].local_port,
            None => self.last.saturating_sub(sequence) as usize,
        };
        let index = self.open.len().checked_sub(back + 1);
        index.and_then(|index| self.open.get(index)).map_or(0, |flow| flow.local_port)
    }

    pub(super) fn len(&self) -> usize {
        self.open.len()
    }

    pub(super) fn get(&mut self, index: usize) -> &mut Flow {
        &mut self.open[index]
    }

    /// Ready when something has come to one of them.
    pub(super) fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut readable = Poll::Pending;
        for flow in &self.open {
            if flow.poll_readable(cx).is_ready() {
                readable = Poll::Ready(());
            }
        }
        readable
    }

    /// How many datagrams found no room that nobody was told of.
    pub(super) fn finally_dropped(&mut self) -> u64 {
        self.open.iter_mut().map(Flow::finally_dropped).sum()
    }
}
