//! Endpoints in, the addresses to call out.

use std::net::SocketAddr;

use echo6::address::{Endpoint, Families};
use echo6::client::{Attempt, Outcome, resolve};
use futures::future::try_join_all;

use super::failure::Failure;

/// The addresses of `endpoint` that are of the wanted families.
pub(crate) async fn addresses(
    endpoint: &Endpoint,
    families: Families,
) -> Result<Vec<SocketAddr>, Failure> {
    let mut addresses = resolve(endpoint).await?;
    addresses.retain(|&address| families.contain(address));
    if addresses.is_empty() {
        return Err(Failure::usage(format!("{endpoint} has no {families} address")));
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

/// What became of the addresses that did not win: `[::1]:7000: connection refused`.
pub(crate) fn others(attempts: &[Attempt]) -> Vec<String> {
    let words = |attempt: &Attempt| {
        let outcome = outcome(&attempt.outcome)?;
        Some(format!("{}: {outcome}", attempt.address))
    };
    attempts.iter().filter_map(words).collect()
}

/// Why an address did not win.
fn outcome(outcome: &Outcome) -> Option<String> {
    match outcome {
        Outcome::Connected => None,
        Outcome::Failed(cause) => Some(cause.to_string()),
        Outcome::Dropped => Some("dropped, had not answered yet".to_owned()),
        _ => Some("not tried".to_owned()),
    }
}
