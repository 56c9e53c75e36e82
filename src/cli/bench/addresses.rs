//! Which addresses of the names given a bench loads.

use std::net::SocketAddr;

use echo6::Client;
use echo6::address::Endpoint;

use super::Bench;
use crate::cli::failure::{Failure, Status};
use crate::cli::sink::Sink;
use crate::cli::targets::{Search, fits, targets};

impl Bench {
    /// Looks the names up. Of several addresses of one, unless all are wanted, it is the first that
    /// accepts, as RFC 8305 says, and for datagrams the first in the resolver's order. A name of
    /// which none accepts is reported, and is in the status.
    pub(super) async fn find(
        &self,
        client: &Client,
        wanted: &[Endpoint],
        search: Search,
        sink: Sink,
    ) -> Result<(Vec<SocketAddr>, Status), Failure> {
        let mut addresses = Vec::new();
        let mut status = Status::Ok;
        for target in targets(wanted, search, self.all).await? {
            match target[..] {
                [address] => addresses.push(address),
                [address, ..] if self.udp => addresses.push(address),
                _ => match client.connect(target).await {
                    Ok(connection) => addresses.push(connection.peer),
                    Err(error) => status = sink.failure(&error.into()),
                },
            }
        }
        if self.udp {
            addresses.iter().try_for_each(|&address| fits(address, self.size))?;
        }
        Ok((addresses, status))
    }
}
