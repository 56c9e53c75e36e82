//! A bench in, what its load is made with out.

use std::net::IpAddr;
use std::time::Duration;

use super::report::Loop;
use super::tally::Style;
use super::{Bench, Task};
use crate::client::preface::ProxyHeader;

/// What a load is made with.
#[derive(Clone, Debug)]
pub(super) struct Setup {
    pub(super) connections: usize,
    /// Whether messages are datagrams, and connections flows of them.
    pub(super) datagrams: bool,
    pub(super) size: usize,
    pub(super) style: Style,
    pub(super) source: Option<IpAddr>,
    pub(super) timeout: Duration,
    pub(super) connect_timeout: Duration,
    pub(super) header: Option<ProxyHeader>,
}

impl Bench {
    pub(super) fn setup(&self) -> Setup {
        let open = self.rate.is_some() || matches!(self.task, Task::Search(_));
        let style = match self.task {
            Task::Burst => Style::Burst,
            _ if self.reconnect => Style::Reconnect,
            _ if open => Style::Open,
            _ => Style::Closed { in_flight: self.in_flight },
        };
        Setup {
            connections: self.connections,
            datagrams: self.datagrams,
            size: self.size,
            style,
            source: self.client.source,
            timeout: self.client.timeout,
            connect_timeout: self.client.connect_timeout,
            header: self.client.proxy_header.clone(),
        }
    }

    /// How the load decides when to send.
    pub(super) fn load(&self) -> Loop {
        match self.task {
            Task::Search(_) => Loop::Open,
            Task::Burst | Task::Hold(_) => Loop::Closed,
            Task::Measure if self.rate.is_some() => Loop::Open,
            Task::Measure => Loop::Closed,
        }
    }
}
