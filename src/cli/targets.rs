//! The flags that say whom to call and how in, a client and the addresses to call out.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use echo6::Client;
use echo6::address::{Endpoint, Families};
use echo6::client::{Attempt, Outcome, resolve};
use futures::future::try_join_all;

use super::arguments::families;
use super::failure::Failure;

/// The flags that `send`, `ping` and `check` share.
pub(crate) struct Dial {
    pub(crate) ipv4: bool,
    pub(crate) ipv6: bool,
    pub(crate) source: Option<IpAddr>,
    pub(crate) head_start: Duration,
    pub(crate) connect_timeout: Duration,
    pub(crate) timeout: Duration,
}

impl Dial {
    pub(crate) fn client(&self) -> Client {
        let client = Client::new()
            .connect_timeout(self.connect_timeout)
            .timeout(self.timeout)
            .head_start(self.head_start);
        match self.source {
            Some(source) => client.source(source),
            None => client,
        }
    }

    /// What `-4`, `-6` and the family of `--source` leave.
    pub(crate) fn families(&self) -> Result<Families, Failure> {
        let wanted = families(self.ipv4, self.ipv6)?;
        match self.source.map(|source| Families::of(SocketAddr::new(source, 0))) {
            None => Ok(wanted),
            Some(of_source) if wanted == Families::Both || wanted == of_source => Ok(of_source),
            Some(of_source) => Err(Failure::usage(format!(
                "--source is an {of_source} address, but only {wanted} is wanted"
            ))),
        }
    }
}

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
