//! What a check can find, in one word each.

use crate::client::error::SendError;
pub use crate::client::idle::Hold;
use crate::kind::kind;

/// Bytes of the large echo: more than the buffers on the way hold, so that full-sized packets pass.
pub const BULK: usize = 1 << 20;

/// Bytes of the small echo: fits in any packet.
pub(super) const SMALL: usize = 64;

kind! {
    /// A step of a check, in their order.
    pub enum Step {
        /// Connecting.
        Connect = "connect", "connecting";
        /// A small message.
        Echo = "echo", "a small message";
        /// [`BULK`] bytes.
        Bulk = "bulk", "a large message";
        /// A message with the end of stream right behind it.
        HalfClose = "half_close", "the half-close";
        /// The connection that is to be silent, and its first echo.
        Hold = "hold", "the silent connection";
    }
}

kind! {
    /// What a server does when the client shuts its sending side.
    pub enum HalfClose {
        /// It returns all that is under way, and then closes.
        Kept = "kept", "returns all, then closes";
        /// It takes that for a hang-up and drops what is under way.
        Cut = "cut", "drops what is under way";
        /// It returns all, but does not close.
        Open = "open", "returns all, does not close";
        /// It returns all, and then resets the connection.
        Reset = "reset", "returns all, then resets";
        /// It neither returns all nor closes.
        Stuck = "stuck", "neither returns all nor closes";
    }
}

kind! {
    /// What a server does with a message that it does not return in time.
    pub enum Mute {
        /// It returns it later: within twice the timeout.
        Late = "late", "returns it later";
        /// It returns it when the client shuts its sending side.
        UntilHalfClose = "until_half_close", "returns it at the half-close";
        /// It takes [`BULK`] bytes within the timeout, and returns nothing.
        Swallows = "swallows", "takes all, returns nothing";
        /// It takes fewer than that, and returns nothing: it does not read, or slowly.
        Hangs = "hangs", "stops reading, returns nothing";
    }
}

impl HalfClose {
    /// What an exchange says about the half-close at its end.
    pub(super) fn of(result: &Result<(), SendError>) -> Option<Self> {
        Some(match result {
            Ok(()) => Self::Kept,
            Err(SendError::Lost { source, .. }) if !source.is_reset() => return None,
            Err(SendError::Lost { sent, returned, .. }) if sent == returned => Self::Reset,
            Err(SendError::Short { .. } | SendError::Lost { .. }) => Self::Cut,
            Err(SendError::Timeout { sent, returned, .. }) if sent == returned => Self::Open,
            Err(SendError::Timeout { .. }) => Self::Stuck,
            Err(
                SendError::Connect(_)
                | SendError::Mismatch { .. }
                | SendError::Surplus { .. }
                | SendError::HeaderReturned { .. }
                | SendError::Input(_)
                | SendError::Output(_),
            ) => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;
    use std::time::Duration;

    use super::*;

    #[test]
    fn what_the_half_close_came_to_is_told_by_the_end_of_the_exchange() {
        let peer = "127.0.0.1:7".parse().unwrap();
        let lost = |kind: ErrorKind, returned| {
            let source = std::io::Error::from(kind).into();
            Err(SendError::Lost { peer, sent: 64, returned, source })
        };
        let after = Duration::from_secs(1);
        let timeout = |returned| Err(SendError::Timeout { peer, sent: 64, returned, after });
        let short = Err(SendError::Short { peer, sent: 64, returned: 0 });
        let mismatch = SendError::Mismatch { peer, offset: 3, expected: 1, got: 2, instead: None };
        for (result, half_close) in [
            (Ok(()), Some(HalfClose::Kept)),
            (lost(ErrorKind::ConnectionReset, 64), Some(HalfClose::Reset)),
            (lost(ErrorKind::ConnectionReset, 63), Some(HalfClose::Cut)),
            (lost(ErrorKind::HostUnreachable, 64), None),
            (short, Some(HalfClose::Cut)),
            (timeout(64), Some(HalfClose::Open)),
            (timeout(0), Some(HalfClose::Stuck)),
            (Err(mismatch), None),
        ] {
            assert_eq!(HalfClose::of(&result), half_close, "{result:?}");
        }
    }
}
