//! A coarse look at all clients now and then, in place of a timer for each: a pending timer would
//! add work to every turn of the reactor.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_std::task;
use futures::future;

use super::clients::{Client, Clients};
use super::event::Reason;

/// How many looks there are in a timeout. A client's last byte is noticed up to one look late, and
/// the end of its time again up to one, so that it is closed up to a tenth late.
const LOOKS: u32 = 20;

/// Ends clients that are idle or whose time is up. Never ends itself; does nothing if there is no
/// such limit.
pub(super) async fn sweep(clients: &Arc<Clients>) {
    let limits = clients.limits;
    let Some(shortest) = limits.idle.into_iter().chain(limits.time).min() else {
        return future::pending().await;
    };
    let period = (shortest / LOOKS).max(Duration::from_millis(1));
    let mut seen = Vec::new();
    let mut last = Instant::now();
    loop {
        task::sleep(period).await;
        let now = Instant::now();
        // A process that was itself stopped, or a host that slept, has not seen its clients idle.
        let stopped = now.duration_since(last).saturating_sub(2 * period);
        last = now;
        for client in clients.all() {
            if seen.len() <= client.key() {
                seen.resize_with(client.key() + 1, || None);
            }
            look(&client, &mut seen[client.key()], now, stopped);
        }
    }
}

/// What a client had done by the look that last found it had done something.
struct Seen {
    since: Instant,
    progress: u64,
    at: Instant,
}

fn look(client: &Client, seen: &mut Option<Seen>, now: Instant, stopped: Duration) {
    let (limits, since) = (client.limits(), client.since());
    let progress = client.flow.received() + client.flow.returned();
    let still = match seen {
        // The same client: one that came later may have the slot of one that has gone.
        Some(seen) if seen.since == since && seen.progress == progress => {
            seen.at += stopped;
            now.saturating_duration_since(seen.at)
        }
        _ => {
            *seen = Some(Seen { since, progress, at: now });
            Duration::ZERO
        }
    };
    if limits.idle.is_some_and(|idle| still >= idle) {
        client.end(Reason::Idle);
        if client.flow.held() > 0 {
            client.flow.cut(); // it has not taken its bytes for that long, so it will not now
        }
    } else if limits.time.is_some_and(|time| now.saturating_duration_since(since) >= time) {
        client.end(Reason::TimeLimit);
    }
    if client
        .ending_since()
        .is_some_and(|ending| now.saturating_duration_since(ending) >= limits.grace)
    {
        client.flow.cut();
    }
}
