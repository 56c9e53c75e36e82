//! Endpoints in, the addresses to call out.

use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::time::Duration;

use async_io::Timer;
use echo6::address::{Endpoint, Families, Host, ResolveError};
use echo6::client::{Attempt, DatagramPing, Outcome, resolve};
use futures::future::{Either, select, try_join_all};

use super::failure::Failure;

/// What is looked for behind a name, and for how long.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Search {
    pub(crate) families: Families,
    /// The local address, which may be what leaves no other family.
    pub(crate) source: Option<IpAddr>,
    /// Unless set, the system's resolver has its own limits: with a name server that is silent it may
    /// well take 5 seconds to ask the next one.
    pub(crate) limit: Option<Duration>,
}

/// The addresses of `endpoint` that are of the wanted families.
pub(crate) async fn addresses(
    endpoint: &Endpoint,
    search: Search,
) -> Result<Vec<SocketAddr>, Failure> {
    look_up(endpoint, search).await.map(|found| found.addresses)
}

/// What a look-up found.
pub(crate) struct Found {
    pub(crate) addresses: Vec<SocketAddr>,
    /// The family of which a name has no address, if both are wanted.
    pub(crate) missing: Option<Families>,
}

/// The addresses of `endpoint` that are of the wanted families, and which family it has not.
pub(crate) async fn look_up(endpoint: &Endpoint, search: Search) -> Result<Found, Failure> {
    let Search { families, limit, .. } = search;
    if endpoint.port() == 0 {
        return Err(Failure::usage(format!(
            "cannot connect to {endpoint}: port 0 is only for listening"
        ))
        .with_help(Some("give the port that the server says it listens on".to_owned())));
    }
    let mut addresses = resolve_within(endpoint, limit).await?;
    addresses.retain(|&address| families.contain(address));
    if addresses.is_empty() {
        let message = format!("{endpoint} has no {families} address");
        let failure = match endpoint.host() {
            Host::Name(_) => Failure::unresolved(message),
            _ => Failure::usage(message),
        };
        let help = match search.source {
            Some(source) => {
                format!("the source address {source} is {families}: give another, or none")
            }
            None => format!("only {families} is asked for: leave -4 and -6 out"),
        };
        return Err(failure.with_help(Some(help)));
    }
    let missing = match (endpoint.host(), families) {
        (Host::Name(_), Families::Both) => [Families::Ipv6, Families::Ipv4]
            .into_iter()
            .find(|family| !addresses.iter().any(|&address| family.contain(address))),
        _ => None,
    };
    Ok(Found { addresses, missing })
}

/// The addresses of `endpoint`, if the resolver finds them within the limit.
async fn resolve_within(
    endpoint: &Endpoint,
    limit: Option<Duration>,
) -> Result<Vec<SocketAddr>, ResolveError> {
    let (Host::Name(name), Some(limit)) = (endpoint.host(), limit) else {
        return resolve(endpoint).await;
    };
    match select(pin!(resolve(endpoint)), Timer::after(limit)).await {
        Either::Left((found, _)) => found,
        Either::Right(_) => Err(ResolveError::timed_out(name.clone())),
    }
}

/// Whom to call: for each endpoint its addresses, of which the first to connect is enough, or with
/// `all` each address on its own.
pub(crate) async fn targets(
    endpoints: &[Endpoint],
    search: Search,
    all: bool,
) -> Result<Vec<Vec<SocketAddr>>, Failure> {
    let found = endpoints.iter().map(|endpoint| addresses(endpoint, search));
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

/// Says whether a datagram can have so many bytes.
pub(crate) fn fits(address: SocketAddr, size: usize) -> Result<(), Failure> {
    let family = Families::of(address);
    let most = DatagramPing::most(address);
    if size <= most {
        return Ok(());
    }
    Err(Failure::usage(format!("--size {size}: a datagram over {family} has at most {most} bytes"))
        .with_help(Some(format!("give --size {most}, or less"))))
}
