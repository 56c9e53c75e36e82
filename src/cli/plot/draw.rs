//! Series in, SVG out.
//!
//! The ink is `currentColor`, which a style sets to dark on light or, where the reader prefers that,
//! to light on dark; the colours of the series stand out from both. Without colour the series differ
//! by their marks and dashes.

use plotters::coord::Shift;
use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::axis::{around, decades, fitting_nines, nines, percent, rounds, short};
use super::{Marks, Series};

const WIDTH: u32 = 1000;
const HEIGHT: u32 = 460;

/// Columns of the part over time; the spectrum has the rest.
const OVER_TIME: u32 = 620;

/// The colours of the first series and on, again from the start when there are more: blue, orange,
/// green, and violet, of a brightness between black and white, and apart also for those who do not
/// tell red from green.
const COLORS: [RGBColor; 4] = [
    RGBColor(47, 125, 200),
    RGBColor(217, 119, 20),
    RGBColor(30, 150, 110),
    RGBColor(160, 90, 190),
];

/// Stands for the ink, until it is replaced.
const INK: RGBColor = RGBColor(1, 2, 3);
const INK_TEXT: &str = "#010203";

const STYLE: &str = "<style>svg{color:#222;background:#fff}\
    @media (prefers-color-scheme:dark){svg{color:#ddd;background:#161616}}</style>\n";

/// The picture as text.
pub(super) fn svg(title: &str, series: &[Series]) -> String {
    let mut text = String::new();
    {
        let root = SVGBackend::with_string(&mut text, (WIDTH, HEIGHT)).into_drawing_area();
        // Nothing is written but into a string, which does not fail.
        let _ = draw(&root, title, series);
    }
    let text = text.replace(INK_TEXT, "currentColor");
    match text.find('>').map(|_| text.find("\">\n")) {
        Some(Some(at)) => {
            let (head, body) = text.split_at(at + 3);
            format!("{head}{STYLE}{body}")
        }
        _ => text,
    }
}

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Drawn<'a> = Result<(), DrawingAreaErrorKind<<SVGBackend<'a> as DrawingBackend>::ErrorType>>;

fn draw<'a>(root: &Area<'a>, title: &str, series: &[Series]) -> Drawn<'a> {
    let rows = series.len() as u32;
    let head = 34 + 20 * rows;
    let (head_area, body) = root.split_vertically(head);
    legend(&head_area, title, series)?;
    let (left, right) = body.split_horizontally(OVER_TIME);
    let heights = series.iter().flat_map(|series| {
        let over_time: Vec<f64> = match &series.marks {
            Marks::Each(each) => each.iter().map(|(_, millis)| *millis).collect(),
            Marks::Bands(bands) => {
                bands.iter().flat_map(|band| [band.p50, band.p99, band.max]).collect()
            }
        };
        let late = series.late.iter().map(|(_, millis)| *millis);
        let spectrum = series.spectrum.iter().map(|step| step.millis);
        over_time.into_iter().chain(late).chain(spectrum)
    });
    let Some((low, high)) = around(heights.map(height)) else {
        let style = TextStyle::from(("sans-serif", 16).into_font())
            .color(&INK)
            .pos(Pos::new(HPos::Center, VPos::Center));
        return root.draw(&Text::new(
            "nothing came back",
            ((WIDTH / 2) as i32, (HEIGHT / 2) as i32),
            style,
        ));
    };
    over_time(root, &left, series, (low, high))?;
    spectrum(root, &right, series, (low, high))
}

/// Where a time stands: the decimal logarithm of milliseconds. Less than a nanosecond is none.
fn height(millis: f64) -> f64 {
    millis.max(1e-6).log10()
}

fn legend<'a>(area: &Area<'a>, title: &str, series: &[Series]) -> Drawn<'a> {
    let style = |size: i32| TextStyle::from(("sans-serif", size).into_font()).color(&INK);
    area.draw(&Text::new(title.to_owned(), (12, 8), style(16)))?;
    let bands = series.iter().any(|series| matches!(series.marks, Marks::Bands(_)));
    let lost = series.iter().any(|series| !series.lost.is_empty());
    let late = series.iter().any(|series| !series.late.is_empty());
    for (index, one) in series.iter().enumerate() {
        let y = 34 + 20 * index as i32;
        let color = COLORS[index % COLORS.len()];
        let line = [(14, y + 7), (54, y + 7)];
        if index % 2 == 0 {
            area.draw(&PathElement::new(line, color.stroke_width(2)))?;
        } else {
            for from in [14, 28, 42] {
                let dash = [(from, y + 7), (from + 8, y + 7)];
                area.draw(&PathElement::new(dash, color.stroke_width(2)))?;
            }
        }
        mark(area, index, (34, y + 7), 4)?;
        area.draw(&Text::new(one.name.clone(), (64, y), style(14)))?;
    }
    let mut words = Vec::new();
    if bands {
        words.push("line: p50, band: up to p99, marks: maximum");
    }
    if lost {
        words.push("\u{d7} lost");
    }
    if late {
        words.push("\u{25b2} late");
    }
    let right = style(13).pos(Pos::new(HPos::Right, VPos::Top));
    area.draw(&Text::new(words.join(", "), (WIDTH as i32 - 12, 10), right))
}

/// The mark of a series: a circle, a cross, a triangle, a square.
fn mark<'a>(area: &Area<'a>, index: usize, at: (i32, i32), size: i32) -> Drawn<'a> {
    let color = COLORS[index % COLORS.len()];
    match index % 4 {
        0 => area.draw(&Circle::new(at, size, color.filled())),
        1 => area.draw(&Cross::new(at, size, color.stroke_width(2))),
        2 => area.draw(&TriangleMarker::new(at, size + 1, color.filled())),
        _ => {
            let (x, y) = at;
            area.draw(&Rectangle::new([(x - 3, y - 3), (x + 3, y + 3)], color.filled()))
        }
    }
}

fn over_time<'a>(
    root: &Area<'a>,
    area: &Area<'a>,
    series: &[Series],
    (low, high): (f64, f64),
) -> Drawn<'a> {
    let ends = series.iter().flat_map(|series| {
        let marks: Vec<f64> = match &series.marks {
            Marks::Each(each) => each.iter().map(|(at, _)| *at).collect(),
            Marks::Bands(bands) => bands.iter().map(|band| band.at).collect(),
        };
        marks.into_iter().chain(series.lost.iter().copied()).chain(series.late.iter().map(|l| l.0))
    });
    let last = ends.fold(0.0_f64, f64::max).max(1e-3) * 1.03;
    // The losses have a row of their own below everything.
    let row = low - (high - low) * 0.06;
    let mut chart = ChartBuilder::on(area)
        .margin_right(18)
        .margin_top(18)
        .margin_left(8)
        .x_label_area_size(44)
        .y_label_area_size(62)
        .build_cartesian_2d(0.0..last, row - (high - low) * 0.04..high)?;
    let ticks = Ticks { x: rounds(last), y: decades(low, high), x_label: short };
    mesh(root, &mut chart, "round trips over time, s", &ticks)?;
    for (index, one) in series.iter().enumerate() {
        let color = COLORS[index % COLORS.len()];
        match &one.marks {
            Marks::Each(each) => {
                let points = each.iter().map(|(at, millis)| (*at, height(*millis)));
                let points: Vec<(f64, f64)> = points.collect();
                match index % 4 {
                    0 => chart
                        .draw_series(points.iter().map(|at| Circle::new(*at, 2, color.filled())))?,
                    1 => chart.draw_series(points.iter().map(|at| Cross::new(*at, 3, color)))?,
                    2 => chart.draw_series(
                        points.iter().map(|at| TriangleMarker::new(*at, 4, color.filled())),
                    )?,
                    _ => chart.draw_series(
                        points.iter().map(|at| Circle::new(*at, 3, color.stroke_width(1))),
                    )?,
                };
            }
            Marks::Bands(bands) => {
                let upper = bands.iter().map(|band| (band.at, height(band.p99)));
                let lower = bands.iter().rev().map(|band| (band.at, height(band.p50)));
                let outline: Vec<(f64, f64)> = upper.chain(lower).collect();
                chart.draw_series([Polygon::new(outline, color.mix(0.22))])?;
                let line = bands.iter().map(|band| (band.at, height(band.p50)));
                if index % 2 == 0 {
                    chart.draw_series(LineSeries::new(line, color.stroke_width(2)))?;
                } else {
                    chart.draw_series(DashedLineSeries::new(line, 8, 6, color.stroke_width(2)))?;
                }
                let dots = bands.iter().map(|band| (band.at, height(band.max)));
                if index % 2 == 0 {
                    chart.draw_series(dots.map(|at| Circle::new(at, 2, color.filled())))?;
                } else {
                    chart.draw_series(dots.map(|at| Cross::new(at, 3, color)))?;
                }
            }
        }
        let lost = one.lost.iter().map(|at| Cross::new((*at, row), 4, color.stroke_width(2)));
        chart.draw_series(lost)?;
        let late = one.late.iter().map(|(at, millis)| (*at, height(*millis)));
        chart.draw_series(late.map(|at| TriangleMarker::new(at, 6, color.filled())))?;
    }
    Ok(())
}

fn spectrum<'a>(
    root: &Area<'a>,
    area: &Area<'a>,
    series: &[Series],
    (low, high): (f64, f64),
) -> Drawn<'a> {
    // The last step of each is at 1, which is drawn half a nine behind the one before.
    let last = |series: &Series| {
        let before = series.spectrum.iter().rev().find(|step| step.quantile < 1.0);
        before.map_or(1.0, |step| nines(step.quantile, 9.0)) + 0.3
    };
    let most = series.iter().map(last).fold(1.0, f64::max);
    let ticks = fitting_nines(most, f64::from(WIDTH - OVER_TIME) - 66.0);
    let below = low - (high - low) * 0.10;
    let mut chart = ChartBuilder::on(area)
        .margin_right(22)
        .margin_top(18)
        .x_label_area_size(44)
        .y_label_area_size(44)
        .build_cartesian_2d(0.0..most, below..high)?;
    let ticks = Ticks { x: ticks, y: decades(low, high), x_label: percent };
    mesh(root, &mut chart, "percentile", &ticks)?;
    for (index, one) in series.iter().enumerate() {
        let color = COLORS[index % COLORS.len()];
        let most = last(one);
        let steps = one.spectrum.iter().map(|s| (nines(s.quantile, most), height(s.millis)));
        if index % 2 == 0 {
            chart.draw_series(LineSeries::new(steps, color.stroke_width(2)))?;
        } else {
            chart.draw_series(DashedLineSeries::new(steps, 8, 6, color.stroke_width(2)))?;
        }
    }
    Ok(())
}

type Chart<'a, 'b> = ChartContext<'b, SVGBackend<'a>, Cartesian2d<RangedCoordf64, RangedCoordf64>>;

/// The numbers at an axis: where each stands, and what stands there.
struct Ticks {
    x: Vec<f64>,
    y: Vec<f64>,
    x_label: fn(f64) -> String,
}

/// Draws the axes of `chart`, with lines and numbers at the ticks.
fn mesh<'a>(root: &Area<'a>, chart: &mut Chart<'a, '_>, name: &str, ticks: &Ticks) -> Drawn<'a> {
    let (xs, ys) = (chart.x_range(), chart.y_range());
    let at = |point: (f64, f64)| chart.backend_coord(&point);
    let style = TextStyle::from(("sans-serif", 12).into_font()).color(&INK);
    let faint = INK.mix(0.18);
    for &x in &ticks.x {
        let (from, to) = (at((x, ys.start)), at((x, ys.end)));
        root.draw(&PathElement::new([from, to], faint))?;
        let below = style.pos(Pos::new(HPos::Center, VPos::Top));
        root.draw(&Text::new((ticks.x_label)(x), (from.0, from.1 + 6), below))?;
    }
    for &y in &ticks.y {
        let (from, to) = (at((xs.start, y)), at((xs.end, y)));
        root.draw(&PathElement::new([from, to], faint))?;
        let beside = style.pos(Pos::new(HPos::Right, VPos::Center));
        root.draw(&Text::new(short(10_f64.powf(y)), (from.0 - 6, from.1), beside))?;
    }
    let (corner, top) = (at((xs.start, ys.start)), at((xs.start, ys.end)));
    let right = at((xs.end, ys.start));
    root.draw(&PathElement::new([top, corner, right], INK))?;
    let under = style.pos(Pos::new(HPos::Center, VPos::Top));
    root.draw(&Text::new(name.to_owned(), ((corner.0 + right.0) / 2, corner.1 + 24), under))?;
    let over = style.pos(Pos::new(HPos::Left, VPos::Bottom));
    root.draw(&Text::new("ms", (top.0 - 26, top.1 - 2), over))
}
