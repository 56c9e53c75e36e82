//! How many datagrams are received at a time, and what a socket's task does after its turn.

use super::shared::Order;
use crate::socket::Inbox;

/// How many datagrams are answered before the others have a turn: four calls of recvmmsg(2), and a
/// quarter of a millisecond for small ones.
pub(super) const BURST: usize = 4 * Inbox::ROOM;

/// Datagrams that wait when the server stops are answered, but whoever never stops sending cannot
/// keep it from its end. A receive buffer of 4 MiB holds some 10,000.
const LAST: usize = 1 << 16;

/// How many errors are taken for those of single datagrams, after which receiving waits for a while.
const FAILURES: u32 = 64;

/// How many datagrams are received one at a time before one call takes several. A peer that waits for
/// each answer has often sent the next datagram by the time that it is looked for, and seldom a third;
/// a call for several takes more processor time to receive one. At one address a single flow takes
/// 1.07 times as much with 1 in place of 3.
const SINGLES: u32 = 3;

/// How many datagrams one call is to receive.
#[derive(Debug)]
pub(super) struct Batch {
    /// How many calls are still to receive one each.
    singles: u32,
}

impl Batch {
    pub(super) fn new() -> Self {
        Self { singles: SINGLES }
    }

    /// At most so many.
    pub(super) fn most(&self) -> usize {
        if self.singles > 0 { 1 } else { Inbox::ROOM }
    }

    /// Takes note of how many came; says whether more may wait. A single flow is received one at a
    /// time; more than one, as many as there are.
    pub(super) fn note(&mut self, count: usize) -> bool {
        if self.singles > 0 {
            self.singles -= 1;
            return true;
        }
        if count == 1 {
            self.singles = SINGLES;
        }
        count == Inbox::ROOM
    }

    /// Takes note that none came.
    pub(super) fn note_none(&mut self) {
        self.singles = SINGLES;
    }
}

/// Errors of receiving, one after the other.
#[derive(Debug, Default)]
pub(super) struct Failures(u32);

impl Failures {
    /// Takes note of one more; says whether there have been too many.
    pub(super) fn note(&mut self) -> bool {
        self.0 += 1;
        self.0 > FAILURES
    }

    pub(super) fn end(&mut self) {
        self.0 = 0;
    }
}

/// How a turn ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// Nothing more waits in the kernel.
    Idle,
    /// More may wait, but others have their turn first.
    Busy,
    /// Receiving fails again and again.
    Failing,
}

/// What is to be done after a turn.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// To wait for a datagram.
    Wait,
    /// To go on when the others have had their turn.
    Yield,
    /// To leave the socket alone for a moment.
    Pause,
    /// To end: what waited is answered.
    End,
    /// To end at once.
    Cut,
}

/// What is left of a task's life.
#[derive(Debug)]
pub(super) struct Course {
    /// How many datagrams are still answered, once it is to finish.
    last: usize,
}

impl Course {
    pub(super) fn new() -> Self {
        Self { last: LAST }
    }

    /// What is to be done after a turn that ended so, under that order.
    pub(super) fn next(&mut self, turn: Turn, order: Order) -> Next {
        match (order, turn) {
            (Order::Cut, _) => Next::Cut,
            (Order::Finish | Order::Hurry, Turn::Idle | Turn::Failing) => Next::End,
            (Order::Finish | Order::Hurry, Turn::Busy) if self.last == 0 => Next::End,
            (Order::Finish | Order::Hurry, Turn::Busy) => {
                self.last = self.last.saturating_sub(BURST);
                Next::Yield
            }
            (Order::Serve, Turn::Busy) => Next::Yield,
            (Order::Serve, Turn::Idle) => Next::Wait,
            (Order::Serve, Turn::Failing) => Next::Pause,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_single_flow_is_received_one_at_a_time_and_several_together() {
        const ROOM: usize = Inbox::ROOM;
        let mut batch = Batch::new();
        for (most, came, more) in [
            (1, Some(1), true),
            (1, None, false), // a single flow, whose peer waits for its answer
            (1, Some(1), true),
            (1, Some(1), true), // it was quick
            (1, None, false),
            (1, Some(1), true),
            (1, Some(1), true),
            (1, Some(1), true),
            (ROOM, Some(5), false), // several flows
            (ROOM, Some(ROOM), true),
            (ROOM, Some(ROOM - 1), false),
            (ROOM, Some(1), false), // one is left
            (1, Some(1), true),
            (1, None, false),
            (1, None, false),
        ] {
            assert_eq!(batch.most(), most, "before {came:?}");
            let may_have_more = match came {
                Some(count) => batch.note(count),
                None => {
                    batch.note_none();
                    false
                }
            };
            assert_eq!(may_have_more, more, "after {came:?} of {most}");
        }
    }

    #[test]
    fn errors_of_single_datagrams_pass_by_until_there_is_nothing_else() {
        let mut failures = Failures::default();
        assert!((0..FAILURES).all(|_| !failures.note()));
        assert!(failures.note());
        failures.end();
        assert!(!failures.note());
    }

    #[test]
    fn what_follows_a_turn() {
        for (order, turn, next) in [
            (Order::Serve, Turn::Idle, Next::Wait),
            (Order::Serve, Turn::Busy, Next::Yield),
            (Order::Serve, Turn::Failing, Next::Pause),
            (Order::Finish, Turn::Idle, Next::End),
            (Order::Finish, Turn::Busy, Next::Yield),
            (Order::Finish, Turn::Failing, Next::End),
            (Order::Hurry, Turn::Idle, Next::End),
            (Order::Hurry, Turn::Busy, Next::Yield),
            (Order::Hurry, Turn::Failing, Next::End),
            (Order::Cut, Turn::Idle, Next::Cut),
            (Order::Cut, Turn::Busy, Next::Cut),
            (Order::Cut, Turn::Failing, Next::Cut),
        ] {
            assert_eq!(Course::new().next(turn, order), next, "{turn:?}, {order:?}");
        }
    }

    #[test]
    fn whoever_never_stops_sending_does_not_keep_the_server_from_its_end() {
        let mut course = Course::new();
        let turns = LAST.div_ceil(BURST);
        assert!((0..turns).all(|_| course.next(Turn::Busy, Order::Finish) == Next::Yield));
        assert_eq!(course.next(Turn::Busy, Order::Finish), Next::End);
    }
}
