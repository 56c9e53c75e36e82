//! What became of connections or flows that were silent for some times in, between which two of
//! them an idle timeout lies out.

use std::time::Duration;

use crate::client::excerpt::Excerpt;
use crate::kind::kind;
#[cfg(feature = "serde")]
use crate::schema::some_micros;

kind! {
    /// How a connection, or a flow of datagrams, that was silent for a while ended.
    pub enum Hold {
        /// It echoed again.
        Alive = "alive", "alive";
        /// It was closed.
        Closed = "closed", "closed";
        /// It was reset; a datagram was rejected by ICMP.
        Reset = "reset", "reset";
        /// Nothing came back, and nobody said why.
        Dead = "dead", "dead";
        /// Nothing came back, or it was reset, and a new connection does not echo either.
        Gone = "gone", "gone, and a new connection does not echo either";
        /// Bytes came that were not asked for, or not those that were sent.
        Mismatch = "mismatch", "answers with other bytes";
    }
}

/// How long a connection, or a flow of datagrams, may be silent: what is known of the shortest idle
/// timeout of the server and of everything on the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct IdleTimeout {
    /// The longest silence after which everything worked, below the one that ended. None if not even
    /// the shortest was survived.
    #[cfg_attr(feature = "serde", serde(rename = "hold_alive_us", serialize_with = "some_micros"))]
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub alive: Option<Duration>,
    /// The shortest that was not survived: until it was closed or reset, or all of it.
    #[cfg_attr(feature = "serde", serde(rename = "hold_ended_us", serialize_with = "some_micros"))]
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub ended: Option<Duration>,
    /// How that one ended; alive if none did.
    pub hold: Hold,
}

/// Silences just longer than timeouts that are common: UDP at home routers and in Linux' conntrack
/// (30 s), at balancers and proxies (60 s), streams of datagrams in conntrack (120 s), NATs (180 s
/// and 300 s), firewalls (600 s).
const PERIODS: [u64; 8] = [10, 25, 35, 65, 125, 185, 305, 605];

impl IdleTimeout {
    /// The silences to try for [`Check::hold_each`](super::Check::hold_each): 10, 25, 35, 65, 125,
    /// 185, 305 and 605 seconds, each just longer than a timeout that is common. With `most`, those
    /// below, and that.
    #[must_use]
    pub fn periods(most: Option<Duration>) -> Vec<Duration> {
        let usual = PERIODS.map(Duration::from_secs).into_iter();
        usual.filter(|&period| most.is_none_or(|most| period < most)).chain(most).collect()
    }

    /// Says whether none ended.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        self.hold == Hold::Alive
    }

    /// What is known, as a phrase about `a silent connection` or `a silent flow`.
    pub(super) fn phrase(&self, silent: &str) -> String {
        let ended = seconds(self.ended.unwrap_or_default());
        let end = match self.hold {
            Hold::Alive => {
                let alive = seconds(self.alive.unwrap_or_default());
                return format!("{silent} lives for at least {alive}");
            }
            Hold::Closed => format!("is closed after {ended}, by the server or on the way"),
            Hold::Reset => format!("is reset after {ended}: the server or the way dropped it"),
            Hold::Dead if self.alive.is_some() => {
                format!("is dead after {ended}: idle timeout between them")
            }
            Hold::Dead => format!("is dead after {ended}: the idle timeout is shorter"),
            Hold::Gone => {
                format!("after {ended} nothing works: the server or the way to it is gone")
            }
            Hold::Mismatch => format!("brings other bytes after {ended}"),
        };
        match (self.alive, self.hold) {
            (Some(alive), Hold::Gone) => {
                format!("{silent} lives for {}, but {end}", seconds(alive))
            }
            (Some(alive), _) => format!("{silent} lives for {} and {end}", seconds(alive)),
            (None, Hold::Gone) => end,
            (None, _) => format!("{silent} {end}"),
        }
    }
}

/// What became of one silence.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Silence {
    /// How long it was to last.
    pub(super) period: Duration,
    pub(super) hold: Hold,
    /// How long it lasted: less than the period if it was closed or reset before.
    pub(super) lasted: Duration,
    /// How long it took until that was known.
    pub(super) held: Duration,
    /// What came instead of an echo.
    pub(super) heard: Option<Excerpt>,
}

/// Silences of several lengths that began at the same time.
#[derive(Clone, Debug)]
pub(super) struct Silences {
    /// In ascending order.
    periods: Vec<Duration>,
    known: Vec<Silence>,
}

impl Silences {
    pub(super) fn new(periods: &[Duration]) -> Self {
        let mut periods = periods.to_vec();
        periods.sort_unstable();
        periods.dedup();
        Self { periods, known: Vec::new() }
    }

    pub(super) fn periods(&self) -> &[Duration] {
        &self.periods
    }

    pub(super) fn note(&mut self, silence: Silence) {
        self.known.push(silence);
    }

    /// The one to report: the shortest that ended, or else the longest that did not.
    pub(super) fn decisive(&self) -> Option<&Silence> {
        let (alive, ended): (Vec<_>, Vec<_>) =
            self.known.iter().partition(|silence| silence.hold == Hold::Alive);
        let shortest = ended.into_iter().min_by_key(|silence| silence.period);
        shortest.or_else(|| alive.into_iter().max_by_key(|silence| silence.period))
    }

    /// Says whether those that are still silent cannot change the result.
    pub(super) fn is_decided(&self) -> bool {
        let longest = match self.decisive() {
            Some(silence) if silence.hold != Hold::Alive => silence.period,
            Some(_) | None => Duration::MAX,
        };
        let mut shorter = self.periods.iter().filter(|&&period| period <= longest);
        shorter.all(|period| self.known.iter().any(|silence| silence.period == *period))
    }

    /// What is known by now.
    pub(super) fn timeout(&self) -> Option<IdleTimeout> {
        let decisive = self.decisive()?;
        let ended = (decisive.hold != Hold::Alive).then_some(decisive);
        let survived = self.known.iter().filter(|silence| silence.hold == Hold::Alive);
        let below = survived.map(|silence| silence.period).filter(|&period| {
            // One that lives longer than one that ended says that it was not the silence.
            ended.is_none_or(|ended| period < ended.period)
        });
        Some(IdleTimeout {
            alive: below.max(),
            ended: ended.map(|ended| ended.lasted),
            hold: decisive.hold,
        })
    }
}

/// `65 s`, `60.1 s`, `250 ms`.
fn seconds(time: Duration) -> String {
    if time < Duration::from_secs(1) {
        return format!("{} ms", time.as_millis());
    }
    let tenths = (time.as_secs_f64() * 10.0).round() / 10.0;
    if tenths.fract() == 0.0 { format!("{tenths:.0} s") } else { format!("{tenths:.1} s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn silence(period: u64, hold: Hold, lasted: u64) -> Silence {
        Silence { period: s(period), hold, lasted: s(lasted), held: s(lasted), heard: None }
    }

    #[test]
    fn the_last_that_lives_and_the_first_that_dies_bracket_the_timeout() {
        use Hold::{Alive, Closed, Dead, Gone, Mismatch, Reset};
        let lives = |period| silence(period, Alive, period);
        let dies = |period| silence(period, Dead, period);
        for (known, decided, said) in [
            (vec![], false, None),
            (vec![lives(10)], false, Some("a silent flow lives for at least 10 s")),
            (
                vec![lives(10), lives(25), lives(35), lives(65)],
                true,
                Some("a silent flow lives for at least 65 s"),
            ),
            (
                vec![lives(10), lives(25), dies(35)],
                true,
                Some(
                    "a silent flow lives for 25 s and is dead after 35 s: idle timeout between them",
                ),
            ),
            (
                vec![dies(10)],
                true,
                Some("a silent flow is dead after 10 s: the idle timeout is shorter"),
            ),
            // All that are left are closed at the same time, the longer one first.
            (
                vec![lives(10), silence(65, Closed, 20)],
                false,
                Some(
                    "a silent flow lives for 10 s and is closed after 20 s, by the server or on the way",
                ),
            ),
            (
                vec![
                    lives(10),
                    silence(65, Closed, 20),
                    silence(35, Closed, 20),
                    silence(25, Reset, 20),
                ],
                true,
                Some(
                    "a silent flow lives for 10 s and is reset after 20 s: the server or the way dropped it",
                ),
            ),
            (
                vec![lives(10), silence(25, Gone, 25)],
                true,
                Some(
                    "a silent flow lives for 10 s, but after 25 s nothing works: the server or the way to it is gone",
                ),
            ),
            (
                vec![silence(10, Gone, 10)],
                true,
                Some("after 10 s nothing works: the server or the way to it is gone"),
            ),
            (
                vec![lives(10), silence(25, Mismatch, 12)],
                true,
                Some("a silent flow lives for 10 s and brings other bytes after 12 s"),
            ),
            // One that was lost by chance.
            (
                vec![lives(10), dies(25), lives(35)],
                true,
                Some(
                    "a silent flow lives for 10 s and is dead after 25 s: idle timeout between them",
                ),
            ),
        ] {
            let mut silences = Silences::new(&[65, 10, 25, 35, 10].map(s));
            for silence in known.clone() {
                silences.note(silence);
            }
            let phrase = silences.timeout().map(|timeout| timeout.phrase("a silent flow"));
            assert_eq!(phrase.as_deref(), said, "{known:?}");
            assert_eq!(silences.is_decided(), decided, "{known:?}");
        }
    }

    #[test]
    fn the_bound_is_the_last_period() {
        for (most, periods) in [
            (None, &PERIODS[..]),
            (Some(300), &[10, 25, 35, 65, 125, 185, 300]),
            (Some(65), &[10, 25, 35, 65]),
            (Some(5), &[5]),
            (Some(3600), &[10, 25, 35, 65, 125, 185, 305, 605, 3600]),
        ] {
            let expected: Vec<_> = periods.iter().copied().map(s).collect();
            assert_eq!(IdleTimeout::periods(most.map(s)), expected, "{most:?}");
        }
    }

    #[test]
    fn times_are_written_as_people_write_them() {
        for (millis, text) in [(250, "250 ms"), (65_000, "65 s"), (60_149, "60.1 s"), (1000, "1 s")]
        {
            assert_eq!(seconds(Duration::from_millis(millis)), text);
        }
    }
}
