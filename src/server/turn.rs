//! What one turn may cost: how much each task does before it lets the others have theirs.
//!
//! With one thread, whoever does more holds up every client, the timers and the signals. So each loop
//! that a client or the system can keep going has a bound here:
//!
//! | task | a turn is at most | which takes about |
//! |---|---|---|
//! | pump | one read of 512 KiB, written back at once | 0.2 ms |
//! | pump that is to finish | 16 reads, 1 MiB together | 0.4 ms |
//! | linger | one read of 64 KiB, dropped | 0.02 ms |
//! | accept loop | [`ACCEPTS`] clients, or one error | 0.4 ms |
//! | sweep | [`SWEEP`] units: a look is one, to end a client [`END`] | 0.5 ms |
//!
//! The bounds of the pump are in [`crate::echo`], which also reads for the linger.

/// How many clients are accepted in a turn. With 4,000 in the backlog, a client that is served would
/// wait for all of them: 75 ms at worst, and 25 ms with this.
pub(super) const ACCEPTS: u32 = 16;

/// How much the sweep does in a turn, in looks of some 100 ns. 17,000 idle clients ended in one turn
/// held up another client's round trip for 317 ms.
pub(super) const SWEEP: usize = 1024;

/// What it costs to end a client, in looks: it wakes the client's task, which reads, half-closes and
/// begins to linger.
pub(super) const END: usize = 32;
