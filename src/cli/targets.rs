//! Endpoints in, the addresses to call out.

use std::net::SocketAddr;

use echo6::address::{Endpoint, Families, Host};
use echo6::client::{Attempt, Outcome, resolve};
use futures::future::try_join_all;

use super::failure::Failure;

/// The addresses of `endpoint` that are of the wanted families.
pub(crate) async fn addresses(
    endpoint: &Endpoint,
    families: Families,
) -> Result<Vec<SocketAddr>, Failure> {
    if endpoint.port() == 0 {
        return Err(Failure::usage(format!(
            "cannot connect to {endpoint}: port 0 is only for listening"
        )));
    }
    let mut addresses = resolve(endpoint).await?;
    addresses.retain(|&address| families.contain(address));
    if addresses.is_empty() {
        let message = format!("{endpoint} has no {families} address");
        return Err(match endpoint.host() {
            Host::Name(_) => Failure::unresolved(message),
            _ => Failure::usage(message),
        });
    }
    Ok(addresses)
}

/// Whom to call: for each endpoint its addresses, of which the first to connect is enough, or with
/// `all` each address on its own.
pub(crate) async fn targets(
    endpoints: &[Endpoint],
    families: Families,
    all: bool,
) -> Result<Vec<Vec<SocketAddr>>, Failure> {
    let found = endpoints.iter().map(|endpoint| addresses(endpoint, families));
    let found = try_join_all(found).await?;
    if all {
        Ok(found.into_iter().flatten().map(|address| vec![address]).collect())
    } else {
        Ok(found)
    }
}

/// How the attempts at the addresses that did not win ended: `[::1]:7000: connection refused`.
pub(crate) fn others(attempts: &[Attempt]) -> Vec<String> {
    let others = attempts.iter().filter(|attempt| attempt.outcome != Outcome::Connected);
    others.map(Attempt::to_string).collect()
}
