//! The datagrams of one flow, by their numbers: when each was sent in, how each came back out. It
//! knows no sockets and no clock.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Numbers from 0 on, in the order in which their datagrams were due. Those before the first that is
/// waited for are forgotten, but for the ones that were given up: any other that comes once more is
/// a copy.
#[derive(Debug, Default)]
pub(super) struct Window {
    /// The number of the first in `since`.
    first: u64,
    /// Since when each counts; `None` if it is back or given up.
    since: VecDeque<Option<u64>>,
    /// The number that is sent next.
    next_unsent: u64,
    waiting: usize,
    given_up: BTreeSet<u64>,
    /// The numbers that were blamed for a datagram that was not as it was sent, and since when they
    /// counted.
    blamed: BTreeMap<u64, u64>,
    /// The number behind the highest that is back.
    behind_highest: u64,
}

/// How a number came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Back {
    /// For the first time, and in time. `behind` says how far the highest number that was back
    /// already is ahead (RFC 4737 calls a datagram reordered then); else it is 0.
    First { since: u64, behind: u64 },
    /// For the first time, after it was given up.
    Late { behind: u64 },
    /// For the first time, after it was blamed for a datagram that it cannot have been.
    Cleared { since: u64, behind: u64 },
    /// Once more.
    Again,
}

/// How many numbers that were given up are remembered, and how many that were blamed. One that comes
/// back after it was forgotten is taken for a copy.
const MEMORY: usize = 1 << 16;

impl Window {
    /// Adds a datagram whose time runs from `since`.
    pub(super) fn queue(&mut self, since: u64) {
        self.since.push_back(Some(since));
        self.waiting += 1;
    }

    /// The number that is to be sent next.
    pub(super) fn next_unsent(&self) -> Option<u64> {
        (self.next_unsent < self.first + self.since.len() as u64).then_some(self.next_unsent)
    }

    /// That number was sent, or cannot be.
    pub(super) fn note_sent(&mut self, number: u64) {
        self.next_unsent = self.next_unsent.max(number + 1);
    }

    /// Whether a datagram of this number was sent.
    pub(super) fn knows(&self, number: u64) -> bool {
        number < self.next_unsent
    }

    /// Whether it is waited for.
    pub(super) fn awaits(&self, number: u64) -> bool {
        let index = number.checked_sub(self.first).and_then(|index| usize::try_from(index).ok());
        index.is_some_and(|index| self.since.get(index).copied().flatten().is_some())
    }

    /// Whether it was given up, and did not come back since.
    pub(super) fn lost(&self, number: u64) -> bool {
        self.given_up.contains(&number)
    }

    /// The first number that was sent and is waited for.
    pub(super) fn oldest(&self) -> Option<u64> {
        (self.waiting > 0 && self.first < self.next_unsent).then_some(self.first)
    }

    /// How many are neither back nor given up.
    pub(super) fn waiting(&self) -> usize {
        self.waiting
    }

    /// A datagram of a number that was sent is back as it was.
    pub(super) fn back(&mut self, number: u64) -> Back {
        let behind = self.behind_highest.saturating_sub(number + 1);
        let back = match self.settle(number) {
            Some(since) => Back::First { since, behind },
            None if self.given_up.remove(&number) => Back::Late { behind },
            None => match self.blamed.remove(&number) {
                Some(since) => Back::Cleared { since, behind },
                None => return Back::Again,
            },
        };
        self.behind_highest = self.behind_highest.max(number + 1);
        back
    }

    /// Ends the wait for a number; returns since when it counted if it was waited for.
    pub(super) fn settle(&mut self, number: u64) -> Option<u64> {
        let index = usize::try_from(number.checked_sub(self.first)?).ok()?;
        let since = self.since.get_mut(index)?.take()?;
        self.waiting -= 1;
        self.forget_settled();
        Some(since)
    }

    /// Ends the wait for a number because of a datagram that is most likely that one, though it is not
    /// as it was sent; says whether it was waited for.
    pub(super) fn blame(&mut self, number: u64) -> bool {
        let since = self.settle(number);
        if let Some(since) = since {
            self.blamed.insert(number, since);
            if self.blamed.len() > MEMORY {
                self.blamed.pop_first();
            }
        }
        since.is_some()
    }

    /// Whether one that was blamed may still come back.
    pub(super) fn blames(&self) -> bool {
        !self.blamed.is_empty()
    }

    /// Gives up a number; says whether it was waited for.
    pub(super) fn lose(&mut self, number: u64) -> bool {
        let waited = self.settle(number).is_some();
        if waited {
            self.given_up.insert(number);
            if self.given_up.len() > MEMORY {
                self.given_up.pop_first();
            }
        }
        waited
    }

    /// Gives up the numbers that count since before `limit`; says how many.
    pub(super) fn give_up(&mut self, limit: u64) -> usize {
        let before = self.waiting;
        while self.since.front().is_some_and(|since| since.is_some_and(|since| since < limit)) {
            self.lose(self.first);
        }
        before - self.waiting
    }

    /// The first is always one that is waited for.
    fn forget_settled(&mut self) {
        while let Some(None) = self.since.front() {
            self.since.pop_front();
            self.first += 1;
        }
        self.next_unsent = self.next_unsent.max(self.first);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers 0 to 4, due one after the other from 10 on, and sent.
    fn window() -> Window {
        let mut window = Window::default();
        (10..15).for_each(|since| window.queue(since));
        while let Some(number) = window.next_unsent() {
            window.note_sent(number);
        }
        window
    }

    #[test]
    fn numbers_come_back_in_any_order_late_and_more_than_once() {
        let first = |since, behind| Back::First { since, behind };
        let late = |behind| Back::Late { behind };
        for (limit, numbers, told) in [
            (0, &[0, 1, 2, 3, 4][..], &[first(10, 0), first(11, 0), first(12, 0)][..]),
            (0, &[2, 0, 1, 3], &[first(12, 0), first(10, 2), first(11, 1), first(13, 0)]),
            (0, &[1, 1, 1, 0, 0], &[first(11, 0), Back::Again, Back::Again, first(10, 1)]),
            (12, &[3, 0, 0, 1], &[first(13, 0), late(3), Back::Again, late(2)]),
            (99, &[4, 4], &[late(0), Back::Again]),
        ] {
            let mut window = window();
            window.give_up(limit);
            for (number, told) in numbers.iter().zip(told) {
                assert_eq!(window.back(*number), *told, "{limit} {numbers:?}: {number}");
            }
        }
    }

    #[test]
    fn what_is_late_is_given_up_once_and_what_is_back_is_not() {
        let mut window = window();
        window.back(0);
        window.back(2);
        assert_eq!((window.oldest(), window.waiting()), (Some(1), 3));
        assert_eq!((window.give_up(11), window.give_up(14), window.give_up(14)), (0, 2, 0));
        assert_eq!((window.oldest(), window.waiting()), (Some(4), 1));
        assert!(window.lose(4) && !window.lose(4) && !window.lose(0) && !window.lose(9));
        assert_eq!((window.oldest(), window.waiting(), window.since.len()), (None, 0, 0));
        assert!(window.knows(4) && !window.knows(5));
        assert!(window.lost(4) && !window.lost(2) && !window.awaits(4));
    }

    #[test]
    fn what_was_blamed_is_cleared_when_it_comes_back() {
        let mut window = window();
        assert!(window.blame(0) && !window.blame(0) && !window.blame(9) && window.blames());
        assert_eq!((window.oldest(), window.waiting(), window.lost(0)), (Some(1), 4, false));
        window.back(1);
        assert_eq!(window.back(0), Back::Cleared { since: 10, behind: 1 });
        assert_eq!((window.back(0), window.blames()), (Back::Again, false));
    }

    #[test]
    fn what_was_not_sent_is_not_known_and_may_be_given_up() {
        let mut window = Window::default();
        (1..=3).for_each(|since| window.queue(since));
        window.note_sent(0);
        assert_eq!((window.knows(0), window.knows(1), window.oldest()), (true, false, Some(0)));
        assert_eq!((window.give_up(3), window.next_unsent(), window.oldest()), (2, Some(2), None));
    }

    #[test]
    fn the_memory_has_an_end() {
        let mut window = Window::default();
        for number in 0..200_000 {
            window.queue(number);
            window.note_sent(number);
            if number % 2 == 0 {
                window.back(number);
            }
            window.give_up(number + 1);
        }
        assert_eq!((window.since.len(), window.given_up.len()), (0, MEMORY));
        assert_eq!(window.back(199_999), Back::Late { behind: 0 });
        assert_eq!(window.back(1), Back::Again);
    }
}
