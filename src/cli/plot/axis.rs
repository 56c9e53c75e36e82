//! The ends of a range in, the numbers that stand at its axis out.

use std::f64::consts::LOG10_2;

/// The ends of an axis for values, wide enough that none lies on its edge.
pub(super) fn around(values: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    let ends = values.filter(|value| value.is_finite()).fold(None, |ends, value| match ends {
        None => Some((value, value)),
        Some((low, high)) => Some((value.min(low), value.max(high))),
    });
    ends.map(|(low, high)| {
        let margin = ((high - low) * 0.05).max(0.05);
        (low - margin, high + margin)
    })
}

/// Powers of ten between the decimal logarithms `low` and `high`, and where there are few of them,
/// twice and five times each: what a logarithmic axis shows.
pub(super) fn decades(low: f64, high: f64) -> Vec<f64> {
    let powers = (low.floor() as i32)..=(high.ceil() as i32);
    let steps: &[f64] = match high - low {
        ..=0.5 => &[1.0, 1.2, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0],
        ..=3.0 => &[1.0, 2.0, 5.0],
        _ => &[1.0],
    };
    let all =
        powers.flat_map(|power| steps.iter().map(move |step| step.log10() + f64::from(power)));
    all.filter(|value| (low..=high).contains(value)).collect()
}

/// Between four and ten round numbers from 0 to `high`.
pub(super) fn rounds(high: f64) -> Vec<f64> {
    let rough = high / 5.0;
    if !(rough > 0.0 && rough.is_finite()) {
        return vec![0.0];
    }
    let power = 10_f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].map(|step| step * power);
    let step = step.into_iter().find(|step| *step >= rough).unwrap_or(power * 10.0);
    (0..=10).map(|index| f64::from(index) * step).filter(|value| *value <= high).collect()
}

/// A number as short as it is exact: `0.05`, `2`, `1000`.
pub(super) fn short(value: f64) -> String {
    let text = format!("{value:.6}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// The numbers of nines that fit on an axis that shows `most` of them on `columns`: each label, some
/// 7 columns a character, clear of the one before.
pub(super) fn fitting_nines(most: f64, columns: f64) -> Vec<f64> {
    let mut free = 0.0;
    let all = [LOG10_2].into_iter().chain((1..=9).map(f64::from));
    let fitting = all.filter(|tick| {
        let half = percent(*tick).len() as f64 * 3.5;
        let middle = tick / most * columns;
        // A label may stand a little over the end.
        let fits = middle - half >= free && middle + half <= columns + 20.0;
        if fits {
            free = middle + half + 8.0;
        }
        fits
    });
    fitting.collect()
}

/// How far a quantile is from 1, in powers of ten: 0.9 is 1, 0.99 is 2. The last step of a spectrum
/// is as far as one of its `count` is.
pub(super) fn nines(quantile: f64, most: f64) -> f64 {
    (-(1.0 - quantile).log10()).min(most)
}

/// What stands at a number of nines: `50 %`, `90 %`, `99.9 %`.
pub(super) fn percent(nines: f64) -> String {
    let digits = (nines.round() as usize).saturating_sub(2);
    format!("{:.digits$} %", (1.0 - 10_f64.powf(-nines)) * 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_axis_has_a_few_round_numbers_whatever_its_range() {
        for high in [1e-3, 0.9, 1.0, 7.3, 10.0, 59.0, 3_600.0, 1e7] {
            let numbers = rounds(high);
            assert!((3..=10).contains(&numbers.len()), "{high}: {numbers:?}");
            assert!(numbers.iter().all(|number| *number <= high));
        }
        assert_eq!((rounds(0.0), rounds(f64::NAN)), (vec![0.0], vec![0.0]));
        for (low, high) in [(-1.6, -1.5), (-2.0, 1.0), (-3.0, 4.0), (0.0, 0.4)] {
            let numbers = decades(low, high);
            assert!((1..=12).contains(&numbers.len()), "{low} {high}: {numbers:?}");
        }
    }

    #[test]
    fn labels_are_short() {
        for (value, text) in [(0.05, "0.05"), (2.0, "2"), (1000.0, "1000"), (0.000_5, "0.0005")] {
            assert_eq!(short(value), text);
        }
        for (value, text) in [(LOG10_2, "50 %"), (1.0, "90 %"), (2.0, "99 %"), (4.0, "99.99 %")] {
            assert_eq!(percent(value), text);
        }
    }

    #[test]
    fn a_range_has_a_margin_and_nothing_has_none() {
        assert_eq!(around([].into_iter()), None);
        assert_eq!(around([f64::NEG_INFINITY].into_iter()), None);
        let (low, high) = around([1.0].into_iter()).unwrap();
        assert!(low < 1.0 && high > 1.0);
    }

    #[test]
    fn labels_of_nines_leave_room_for_each_other() {
        assert_eq!(fitting_nines(2.3, 310.0), [LOG10_2, 1.0, 2.0]);
        assert_eq!(fitting_nines(7.3, 310.0), [1.0, 2.0, 4.0, 6.0]);
    }

    #[test]
    fn the_last_step_of_a_spectrum_has_a_place() {
        assert!((nines(0.99, 9.0) - 2.0).abs() < 1e-9);
        assert_eq!(nines(1.0, 3.0), 3.0);
    }
}
