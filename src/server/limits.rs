//! What each client may have, and all of them together.

use std::num::{NonZeroU32, NonZeroUsize};
use std::time::Duration;

/// The limits of a [`Server`](crate::Server).
///
/// # Examples
///
/// ```
/// use echo6::server::Limits;
///
/// let mut limits = Limits::default();
/// limits.max_bytes = Some(1 << 20);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Limits {
    /// How many clients are connected at the same time. Further ones are not accepted: they wait in
    /// the kernel, up to the backlog, until a client is gone. Unlimited unless set.
    pub max_connections: Option<NonZeroUsize>,
    /// How many connections one source has at the same time: an IPv4 address, or the /64 of an IPv6
    /// address, which is what one subscriber has (RFC 6177). Further ones are closed as soon as they
    /// are accepted. Unlimited unless set.
    pub max_per_source: Option<NonZeroUsize>,
    /// How many bytes are echoed on one connection, after which it ends. Unlimited unless set.
    pub max_bytes: Option<u64>,
    /// How long a connection lasts, up to a twentieth longer. Unlimited unless set.
    pub max_time: Option<Duration>,
    /// How long a client may neither send nor take a byte, up to a tenth longer. A client that does
    /// not read what it is sent is idle too. On Linux a client takes what it acknowledges
    /// (`TCP_INFO`, since 4.1), so that one on a slow path is not idle; elsewhere what the system's
    /// buffer takes for it counts. A flow of datagrams that is silent for so long is reported as
    /// quiet. Unlimited unless set, and then it costs nothing.
    pub idle_timeout: Option<Duration>,
    /// How many datagrams a second one source has answered: an IPv4 address, or the /64 of an IPv6
    /// address. As many are answered in a burst. The table of sources has a fixed size; when it is
    /// full, all the others share what one source may have. Unlimited unless set.
    pub max_rate: Option<NonZeroU32>,
    /// How long clients have to take their last bytes, when the server stops or a limit of theirs is
    /// reached, before they are reset; with zero they are reset immediately. When the server stops, it
    /// is also how long answers to datagrams may wait. 5 seconds unless set.
    pub grace: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_connections: None,
            max_per_source: None,
            max_bytes: None,
            max_time: None,
            idle_timeout: None,
            max_rate: None,
            grace: Duration::from_secs(5),
        }
    }
}
