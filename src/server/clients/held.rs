//! The bytes of all clients that are in memory: read, and not yet taken by the kernel for the way
//! back. Where nobody attacks there are next to none: each is what one client's kernel did not take
//! at once. What faults hold back is not among them: a connection that is held up on purpose must not
//! hang because others are.

use std::sync::atomic::{AtomicU64, Ordering};

/// How many bytes are held.
#[derive(Debug, Default)]
pub(super) struct Held(AtomicU64);

/// How many bytes all clients together may have in memory before each may send but little.
const MANY: u64 = 64 * 1024 * 1024;

/// How much a client may send at a time once there are so many. A client that never reads then costs
/// 4 KiB in place of 512, and one that does is served a quarter slower.
const LITTLE: usize = 4 * 1024;

impl Held {
    /// How much of `room` a client may fill now.
    pub(super) fn allow(&self, room: usize) -> usize {
        let is_crowded = self.0.load(Ordering::Relaxed) >= MANY;
        if is_crowded { room.min(LITTLE) } else { room }
    }

    /// Notes that bytes were read.
    pub(super) fn add(&self, length: u64) {
        self.0.fetch_add(length, Ordering::Relaxed);
    }

    /// Notes that bytes were taken, or are given up.
    pub(super) fn remove(&self, length: u64) {
        self.0.fetch_sub(length, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_may_send_little_while_many_bytes_are_held() {
        let held = Held::default();
        for (added, removed, allowed) in
            [(MANY - 1, 0, 512 * 1024), (1, 0, LITTLE), (0, 1, 512 * 1024), (9, MANY, 512 * 1024)]
        {
            held.add(added);
            held.remove(removed);
            assert_eq!(held.allow(512 * 1024), allowed, "after +{added} -{removed}");
        }
        held.add(MANY);
        assert_eq!(held.allow(100), 100, "there is no more room than that");
    }
}
