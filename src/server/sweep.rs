//! A coarse look at all clients now and then, in place of a timer for each: a pending timer would
//! add work to every turn of the reactor.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_std::task;
use futures::future;

use super::clients::{Client, Clients};
use super::limits::Limits;
use super::outcome::Reason;
use super::ticks::Ticks;
use super::turn::{END, SWEEP};
use crate::socket::acknowledged;

/// How many looks there are in a timeout. A client's last byte is noticed up to one look late, and
/// the end of its time again up to one, so that it is closed up to a tenth late.
const LOOKS: u32 = 20;

/// A grace period shorter than this is found to be over up to a twentieth of it late.
const SOON: Duration = Duration::from_secs(1);

/// Ends clients that are idle or whose time is up, and those that do not take their last bytes after
/// a limit of theirs. Never ends itself; does nothing if there is no such limit.
pub(super) async fn sweep(clients: &Arc<Clients>) {
    let limits = clients.limits;
    let Some(period) = period(&limits) else { return future::pending().await };
    let mut seen = Vec::new();
    let mut last = Instant::now();
    let mut ticks = Ticks::every(period);
    loop {
        ticks.next().await;
        let now = Instant::now();
        // A process that was itself stopped, or a host that slept, has not seen its clients idle.
        let stopped = now.duration_since(last).saturating_sub(2 * period);
        last = now;
        let mut next = 0;
        while next < clients.keys() {
            next = turn(clients, next, &mut seen, now, stopped);
            task::yield_now().await;
        }
    }
}

/// How long it is from one look to the next, if any limit asks for one.
fn period(limits: &Limits) -> Option<Duration> {
    // A client is told to end as it reads its last byte, or by a look; what is left to find is the end
    // of its grace period.
    let is_limited = limits.max_bytes.is_some() || limits.max_time.is_some();
    let ends = is_limited.then(|| limits.grace.max(SOON));
    let shortest = [limits.idle_timeout, limits.max_time, ends].into_iter().flatten().min()?;
    Some((shortest / LOOKS).max(Duration::from_millis(1)))
}

/// Looks at clients from the key `first` on, as many as a turn has room for. Returns the key to go
/// on with.
fn turn(
    clients: &Clients,
    first: usize,
    seen: &mut Vec<Option<Seen>>,
    now: Instant,
    stopped: Duration,
) -> usize {
    let end = first + SWEEP;
    let mut units = 0;
    for client in clients.of(first..end) {
        let key = client.key() as usize;
        if seen.len() <= key {
            seen.resize_with(key + 1, || None);
        }
        units += if look(&client, &mut seen[key], now, stopped) { END } else { 1 };
        if units >= SWEEP {
            return key + 1;
        }
    }
    end
}

/// What a client had done by the look that last found it had done something.
struct Seen {
    since: Instant,
    received: u64,
    returned: u64,
    /// How much of that the client had acknowledged, once that was asked, where the system tells.
    acknowledged: Option<u64>,
    at: Instant,
}

/// Does with a client what is due; says whether anything was.
fn look(client: &Client, seen: &mut Option<Seen>, now: Instant, stopped: Duration) -> bool {
    let since = client.since();
    let (received, returned) = (client.flow.received(), client.returned());
    let now_seen = Seen { since, received, returned, acknowledged: None, at: now };
    let still = match seen {
        // The same client: one that came later may have the slot of one that has gone.
        Some(before) if before.is_same(&now_seen) => {
            before.at += stopped;
            before.note_acknowledged(|| acknowledged(client.socket.get_ref()), now);
            now.saturating_duration_since(before.at)
        }
        _ => {
            *seen = Some(now_seen);
            Duration::ZERO
        }
    };
    let ages = Ages {
        still,
        connected: now.saturating_duration_since(since),
        ending: client.ending_since().map(|ending| now.saturating_duration_since(ending)),
    };
    match due(client.limits(), &ages, client.flow.held() > 0) {
        None => return false,
        Some(Due::TimeUp) => client.end(Reason::TimeLimit),
        Some(Due::Idle) => client.end(Reason::Idle),
        Some(Due::IdleWithBytes) => {
            client.end(Reason::Idle);
            client.flow.cut();
        }
        Some(Due::Overdue) => client.flow.cut(),
    }
    true
}

impl Seen {
    /// Says whether the client is the same and has moved nothing.
    fn is_same(&self, other: &Self) -> bool {
        (self.since, self.received, self.returned) == (other.since, other.received, other.returned)
    }

    /// Takes note of what a client that moves nothing here acknowledges: on a slow path it may take
    /// what the kernel has for it for minutes. Nothing is asked any more once it has all.
    fn note_acknowledged(&mut self, ask: impl FnOnce() -> Option<u64>, now: Instant) {
        if self.acknowledged.is_some_and(|acknowledged| acknowledged >= self.returned) {
            return;
        }
        let acknowledged = ask();
        if self.acknowledged.is_some() && acknowledged > self.acknowledged {
            self.at = now;
        }
        self.acknowledged = acknowledged;
    }
}

/// For how long a client has been what it is.
struct Ages {
    still: Duration,
    connected: Duration,
    ending: Option<Duration>,
}

/// What is to be done with a client.
#[derive(Debug, PartialEq, Eq)]
enum Due {
    /// Its time is up.
    TimeUp,
    /// It is idle and has taken all its bytes.
    Idle,
    /// It is idle and has not taken its bytes for that long, so it will not now.
    IdleWithBytes,
    /// It was told to end a grace period ago.
    Overdue,
}

fn due(limits: &Limits, ages: &Ages, has_bytes: bool) -> Option<Due> {
    let idle = limits.idle_timeout.is_some_and(|idle| ages.still >= idle);
    match ages.ending {
        Some(ending) if ending >= limits.grace || (idle && has_bytes) => Some(Due::Overdue),
        Some(_) => None,
        None if idle && has_bytes => Some(Due::IdleWithBytes),
        None if idle => Some(Due::Idle),
        None if limits.max_time.is_some_and(|time| ages.connected >= time) => {
            // With no grace at all it is overdue in the same moment, which the next look finds.
            Some(Due::TimeUp)
        }
        None => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shortest_limit_says_how_often_it_looks() {
        let seconds = Duration::from_secs;
        for (bytes, time, idle, grace, period) in [
            (None, None, None, 5, None),
            (None, Some(40), None, 5, Some(250)),
            (None, None, Some(20), 5, Some(1000)),
            (None, Some(3600), Some(20), 5, Some(250)),
            (Some(1), None, None, 5, Some(250)),
            (Some(1), None, Some(2), 5, Some(100)),
            (Some(1), None, None, 0, Some(50)),
        ] {
            let limits = Limits {
                max_bytes: bytes,
                max_time: time.map(seconds),
                idle_timeout: idle.map(seconds),
                grace: seconds(grace),
                ..Limits::default()
            };
            assert_eq!(super::period(&limits), period.map(Duration::from_millis), "{limits:?}");
        }
    }

    #[test]
    fn a_client_that_acknowledges_is_not_still() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut seen =
            Seen { since: start, received: 100, returned: 100, acknowledged: None, at: start };
        for (now, answer, still_since) in [
            (1, Some(40), 0), // nothing to compare it with yet
            (2, Some(40), 0),
            (3, Some(70), 3),
            (4, None, 3),
            (5, Some(70), 3),
            (6, Some(100), 6),
        ] {
            seen.note_acknowledged(|| answer, at(now));
            assert_eq!(seen.at, at(still_since), "after {now} s");
        }
        seen.note_acknowledged(|| panic!("it has all"), at(7));
    }

    #[test]
    fn a_client_is_ended_once_and_cut_when_its_grace_is_over() {
        let seconds = Duration::from_secs;
        let both = Limits {
            idle_timeout: Some(seconds(10)),
            max_time: Some(seconds(60)),
            grace: seconds(5),
            ..Limits::default()
        };
        for (still, connected, ending, has_bytes, expected) in [
            (9, 59, None, true, None),
            (10, 59, None, false, Some(Due::Idle)),
            (10, 59, None, true, Some(Due::IdleWithBytes)),
            (10, 60, None, false, Some(Due::Idle)),
            (0, 60, None, false, Some(Due::TimeUp)),
            (0, 60, None, true, Some(Due::TimeUp)),
            (4, 64, Some(4), true, None),
            (14, 64, Some(4), false, None),
            (14, 64, Some(4), true, Some(Due::Overdue)),
            (0, 65, Some(5), false, Some(Due::Overdue)),
        ] {
            let ages = Ages {
                still: seconds(still),
                connected: seconds(connected),
                ending: ending.map(seconds),
            };
            let row = (still, connected, ending, has_bytes);
            assert_eq!(due(&both, &ages, has_bytes), expected, "{row:?}");
        }
        let ages = Ages { still: seconds(99), connected: seconds(99), ending: None };
        assert_eq!(due(&Limits::default(), &ages, true), None, "without limits");
    }
}
