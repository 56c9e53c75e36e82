//! Endpoints in, the moment when each echoes out: what `--until-ready` waits for.

use std::pin::pin;
use std::time::{Duration, Instant};

use async_io::Timer;
use echo6::Client;
use echo6::address::Endpoint;
use echo6::socket::Transports;
use futures::future::{Either, select, try_join_all};

use super::failure::{Failure, Status, Stop};
use super::flags::Dial;
use super::progress::with_progress;
use super::runtime::{self, Stopped};
use super::sink::Sink;
use super::targets::{Search, addresses};

/// The wait before the second attempt, and the longest one: a service that starts is found early, and
/// one that takes minutes is not asked more often than anybody needs to know.
const FIRST_WAIT: Duration = Duration::from_millis(50);
const LONGEST_WAIT: Duration = Duration::from_secs(1);

/// What is sent to see whether it comes back.
const PROBE: &[u8] = b"ready?\n";

/// Waits until one address of each endpoint echoes, if the flags ask for it.
pub(crate) fn wait(
    dial: &Dial,
    endpoints: &[Endpoint],
    sink: Sink,
    stopped: &Stopped,
    transport: Transports,
) -> Result<(), Stop> {
    let Some(limit) = dial.until_ready else { return Ok(()) };
    // A server that does not close at the end of the stream is ready too.
    let (client, search) = (dial.client()?.half_close(false), dial.search()?);
    let start = Instant::now();
    let waits =
        endpoints.iter().map(|endpoint| until_ready(&client, endpoint, search, limit, transport));
    let all = with_progress(try_join_all(waits), true, || {
        format!("waiting for it to be ready, {} s so far", start.elapsed().as_secs())
    });
    match runtime::run_here(runtime::until(stopped.clone(), all)) {
        Some(ready) => Ok(ready.map(drop)?),
        None => {
            sink.words("interrupted before it was ready\n");
            Err(Stop::Reported(Status::Network))
        }
    }
}

async fn until_ready(
    client: &Client,
    endpoint: &Endpoint,
    search: Search,
    limit: Duration,
    transport: Transports,
) -> Result<(), Failure> {
    let mut end = pin!(Timer::after(limit));
    let mut wait = FIRST_WAIT;
    let mut last = None;
    loop {
        match select(pin!(attempt(client, endpoint, search, transport)), end.as_mut()).await {
            Either::Left((Ok(()), _)) => return Ok(()),
            Either::Left((Err(failure), _)) if failure.status() == Status::Usage => {
                return Err(failure);
            }
            Either::Left((Err(failure), _)) => last = Some(failure),
            Either::Right(_) => return Err(too_late(endpoint, limit, last)),
        }
        if let Either::Right(_) = select(Timer::after(wait), end.as_mut()).await {
            return Err(too_late(endpoint, limit, last));
        }
        wait = (wait * 2).min(LONGEST_WAIT);
    }
}

async fn attempt(
    client: &Client,
    endpoint: &Endpoint,
    search: Search,
    transport: Transports,
) -> Result<(), Failure> {
    let addresses = addresses(endpoint, search).await?;
    if transport == Transports::Udp {
        // A datagram may be lost: it is soon sent again.
        let client = client.clone().timeout(LONGEST_WAIT);
        client.send_datagram(&addresses[..], PROBE).await?;
    } else {
        client.send(&addresses[..], PROBE).await?;
    }
    Ok(())
}

fn too_late(endpoint: &Endpoint, limit: Duration, last: Option<Failure>) -> Failure {
    let last = last.unwrap_or_else(|| Failure::timeout("no answer".to_owned()));
    last.because(&format!("{endpoint} is not ready after {limit:?}"))
}
