//! A path that drops large packets in, the largest that passes out.
//!
//! TCP tells nobody how long its packets are, but it takes a bound on its segments (TCP_MAXSEG) and
//! announces it to the peer, so that one connection shows whether packets of one size pass, both ways.

use std::time::Duration;

use async_io::Timer;
use futures::future::{Either, join_all};

use super::settings::Check;
use crate::client::connect::Connection;
use crate::client::noise::random;
use crate::client::settings::Client;
use crate::client::wait::first_of;

/// Which packets pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Passing {
    /// Those of all sizes: it is not their size that keeps them from passing.
    All,
    /// Those of up to so many bytes, with their IP header.
    UpTo(u32),
    /// None that is full.
    None,
}

impl Passing {
    /// The bytes of the largest packet that passes, where larger ones do not.
    #[must_use]
    pub const fn bytes(self) -> Option<u32> {
        match self {
            Self::UpTo(bytes) => Some(bytes),
            Self::All | Self::None => None,
        }
    }
}

/// How many sizes are tried at the same time: three rounds tell the byte, of 1,500.
const SIDE_BY_SIDE: u32 = 16;

/// The smallest segment that Linux takes for a bound (TCP_MIN_MSS).
const LEAST: u32 = 88;

/// The timestamps that Linux has in each segment, beside the data (RFC 7323, section 3).
const TIMESTAMPS: u32 = 12;

/// How long a packet has: many round trips, and several times until it is sent again.
const LEAST_PATIENCE: Duration = Duration::from_secs(1);
const ROUND_TRIPS: u32 = 8;

impl Check {
    /// Finds out which packets pass on the way to the peer of `connection`, on which a large message
    /// did not. `None` if the system takes no bound.
    pub(super) async fn passing(&self, connection: &Connection) -> Option<Passing> {
        let full = segment(connection)? + TIMESTAMPS;
        let patience = LEAST_PATIENCE.max(connection.duration * ROUND_TRIPS);
        let patience = patience.min(self.client.timeout);
        let passes = async |segment| self.passes(connection, segment, patience).await;
        if passes(full).await {
            return Some(Passing::All);
        }
        let (mut least, mut most) = (LEAST - 1, full);
        while let Some(sizes) = between(least, most) {
            let tried = join_all(sizes.iter().map(|&segment| passes(segment))).await;
            let passed = sizes.iter().zip(tried).rev().find(|(_, passed)| *passed);
            (least, most) = match passed {
                Some((&size, _)) => {
                    let next = sizes.iter().find(|&&other| other > size);
                    (size, next.copied().unwrap_or(most))
                }
                None if least < LEAST => return Some(Passing::None),
                None => (least, sizes[0]),
            };
        }
        let headers = if connection.peer.is_ipv6() { 60 } else { 40 };
        Some(Passing::UpTo(least + headers))
    }

    /// Says whether full packets with segments of that size pass, both ways.
    async fn passes(&self, like: &Connection, segment: u32, patience: Duration) -> bool {
        let client = Client { segment: Some(segment), ..self.client.clone() };
        let message = random(2 * segment as usize);
        let echoed = async {
            let connection = client.connect(&[like.peer]).await.ok()?;
            self.time(&connection, &message).await.ok()
        };
        let echoed = first_of(echoed, Timer::after(patience)).await;
        matches!(echoed, Either::Left(Some(_)))
    }
}

/// The sizes to try between one that passes and one that does not. `None` if there are none.
fn between(least: u32, most: u32) -> Option<Vec<u32>> {
    let step = ((most - least) / (SIDE_BY_SIDE + 1)).max(1);
    let sizes: Vec<u32> = (least + step..most).step_by(step as usize).collect();
    if sizes.is_empty() { None } else { Some(sizes) }
}

/// The data in a full segment of a connection (TCP_MAXSEG).
#[cfg(unix)]
fn segment(connection: &Connection) -> Option<u32> {
    socket2::SockRef::from(connection.stream.get_ref()).tcp_mss().ok()
}

#[cfg(not(unix))]
fn segment(_: &Connection) -> Option<u32> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The rounds until the largest segment that passes is known.
    fn rounds(passes: u32, full: u32) -> (u32, u32) {
        let (mut least, mut most, mut rounds) = (LEAST - 1, full, 0);
        while let Some(sizes) = between(least, most) {
            assert!(sizes.len() <= 2 * SIDE_BY_SIDE as usize, "{sizes:?}");
            rounds += 1;
            least = sizes.iter().copied().filter(|&size| size <= passes).max().unwrap_or(least);
            most = sizes.iter().copied().filter(|&size| size > passes).min().unwrap_or(most);
        }
        (least, rounds)
    }

    #[test]
    fn three_rounds_tell_the_byte_up_to_jumbo_frames_four() {
        for (passes, full, most) in
            [(88, 1460, 3), (1239, 1440, 3), (1240, 1440, 3), (1439, 1440, 3), (1340, 8960, 4)]
        {
            let (found, rounds) = rounds(passes, full);
            assert_eq!(found, passes);
            assert!(rounds <= most, "{rounds} rounds");
        }
        assert_eq!(between(7, 8), None);
    }
}
