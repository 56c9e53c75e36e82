//! Probes in, one by one and without end; what can be drawn of them out, in bounded memory.

use std::time::Duration;

use echo6::times::Times;

use super::{Band, Marks, Series, millis, spectrum};

/// The probes of one address: each one while there are few, then percentiles of stretches of time,
/// which get longer as time goes on.
#[derive(Debug)]
pub(crate) struct Trace {
    each: Vec<(Duration, Fate)>,
    stretches: Vec<Stretch>,
    width: Duration,
    all: Times,
}

/// What came of a probe.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Fate {
    /// It came back after this time.
    Back(Duration),
    /// It came back when it was given up.
    Late(Duration),
    /// It was given up after this time.
    Lost(Duration),
}

#[derive(Clone, Debug, Default)]
struct Stretch {
    times: Times,
    /// The longest time of those that were late.
    late: Option<Duration>,
    lost: bool,
}

/// How many probes are drawn one by one: more would be a blot.
const EACH: usize = 2_000;

/// How many stretches there are at most, about one for three columns of the picture. Each takes up
/// to some 60 KiB.
const STRETCHES: usize = 200;

/// The first length of a stretch.
const WIDTH: Duration = Duration::from_millis(100);

impl Trace {
    pub(crate) fn new() -> Self {
        Self { each: Vec::new(), stretches: Vec::new(), width: WIDTH, all: Times::default() }
    }

    /// Takes note of what came of a probe, `at` this time since the start. It is drawn where it was
    /// sent, so that what is lost stands beside what was sent with it, and not where it was given up.
    pub(crate) fn note(&mut self, at: Duration, fate: Fate) {
        let (Fate::Back(took) | Fate::Late(took) | Fate::Lost(took)) = fate;
        let at = at.saturating_sub(took);
        if !matches!(fate, Fate::Lost(_)) {
            self.all.note(took);
        }
        if self.stretches.is_empty() {
            if self.each.len() < EACH {
                return self.each.push((at, fate));
            }
            for (at, fate) in std::mem::take(&mut self.each) {
                self.sort_in(at, fate);
            }
        }
        self.sort_in(at, fate);
    }

    /// Into the stretch in which it happened; all of them get twice as long until there is one.
    fn sort_in(&mut self, at: Duration, fate: Fate) {
        let mut index = at.as_nanos() / self.width.as_nanos();
        while index >= STRETCHES as u128 {
            let pairs = std::mem::take(&mut self.stretches);
            self.stretches = pairs.chunks(2).map(Stretch::joined).collect();
            self.width *= 2;
            index /= 2;
        }
        let index = index as usize;
        if self.stretches.len() <= index {
            self.stretches.resize_with(index + 1, Stretch::default);
        }
        let stretch = &mut self.stretches[index];
        match fate {
            Fate::Back(rtt) => stretch.times.note(rtt),
            Fate::Late(rtt) => stretch.late = stretch.late.max(Some(rtt)),
            Fate::Lost(_) => stretch.lost = true,
        }
    }

    /// What is drawn of it.
    pub(crate) fn series(&self, name: String) -> Series {
        let spectrum = spectrum(&self.all);
        if self.stretches.is_empty() {
            let of = |wanted: fn(&Fate) -> Option<Duration>| {
                self.each.iter().filter_map(move |(at, fate)| {
                    wanted(fate).map(|rtt| (at.as_secs_f64(), millis(rtt)))
                })
            };
            let back = of(|fate| if let Fate::Back(rtt) = fate { Some(*rtt) } else { None });
            let late = of(|fate| if let Fate::Late(rtt) = fate { Some(*rtt) } else { None });
            let lost = self.each.iter().filter(|(_, fate)| matches!(fate, Fate::Lost(_)));
            return Series {
                name,
                marks: Marks::Each(back.collect()),
                lost: lost.map(|(at, _)| at.as_secs_f64()).collect(),
                late: late.collect(),
                spectrum,
            };
        }
        let middle = |index: usize| self.width.as_secs_f64() * (index as f64 + 0.5);
        let stretches = || self.stretches.iter().enumerate();
        let bands = stretches().filter_map(|(index, stretch)| {
            let figures = stretch.times.figures()?;
            let [p50, p99, max] = [figures.p50, figures.p99, figures.max].map(millis);
            Some(Band { at: middle(index), p50, p99, max })
        });
        let late =
            stretches().filter_map(|(index, stretch)| Some((middle(index), millis(stretch.late?))));
        let lost = stretches().filter(|(_, stretch)| stretch.lost);
        Series {
            name,
            marks: Marks::Bands(bands.collect()),
            lost: lost.map(|(index, _)| middle(index)).collect(),
            late: late.collect(),
            spectrum,
        }
    }
}

impl Stretch {
    fn joined(pair: &[Self]) -> Self {
        let mut joined = Self::default();
        for one in pair {
            joined.times.merge(&one.times);
            joined.late = joined.late.max(one.late);
            joined.lost |= one.lost;
        }
        joined
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn a_few_probes_are_drawn_one_by_one_where_they_were_sent() {
        let mut trace = Trace::new();
        trace.note(1002 * MS, Fate::Back(2 * MS));
        trace.note(6000 * MS, Fate::Lost(4000 * MS));
        trace.note(9000 * MS, Fate::Late(5000 * MS));
        let series = trace.series(String::new());
        let Marks::Each(each) = series.marks else { panic!("{series:?}") };
        assert_eq!(
            (each, series.lost, series.late),
            (vec![(1.0, 2.0)], vec![2.0], vec![(4.0, 5e3)])
        );
    }

    #[test]
    fn a_million_probes_are_drawn_as_bands_that_hold_all_of_them() {
        let mut trace = Trace::new();
        for probe in 0..1_000_000_u32 {
            let rtt = if probe == 765_432 { 90 * MS } else { MS };
            trace.note(MS * probe + rtt, Fate::Back(rtt));
        }
        trace.note(MS * 500_000, Fate::Lost(MS));
        let series = trace.series(String::new());
        let Marks::Bands(bands) = series.marks else { panic!("{series:?}") };
        assert!((STRETCHES / 2..=STRETCHES).contains(&bands.len()), "{}", bands.len());
        let longest = bands.iter().filter(|band| band.max > 80.0).count();
        assert_eq!((longest, series.lost.len()), (1, 1));
        assert!(bands.is_sorted_by(|one, next| one.at < next.at));
        assert_eq!(trace.all.count(), 1_000_000);
    }
}
