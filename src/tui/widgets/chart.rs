//! Lines over time, in dots of braille or in ASCII, with least, most and last value in words.
//!
//! Values lie at equal steps; a gap (`NaN`) stays a gap. A cell always covers the same whole steps of absolute time, so
//! the picture moves by a cell once in a while instead of trembling every second: that is easier on the eye and on slow
//! lines. Of the values in one dot the largest is drawn, so that short peaks are not lost.
//!
//! Two lines are told apart without colour: the second is dashed where it is flat (steep parts are whole, or peaks would
//! be lost), and the legend shows how each is drawn.

use std::borrow::Cow;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::tui::format::{fit, span, width};
use crate::tui::view::View;

/// Cells left of the plot, for the scale.
const SCALE: u16 = 11;

/// One line of a chart.
pub struct Line<'a> {
    /// What it is, for the legend.
    pub name: &'a str,
    /// Its theme scope: `chart.1`.
    pub scope: &'static str,
    /// Values, oldest first, all lines ending at the same time.
    pub values: Cow<'a, [f32]>,
}

/// A chart.
pub struct Chart<'a> {
    /// What is shown.
    pub title: &'a str,
    /// One line, or two, whose names are shown then.
    pub lines: Vec<Line<'a>>,
    /// Top of the scale; the next round number above the largest value if `None`.
    pub full: Option<f32>,
    /// Puts a value into words.
    pub words: fn(f64) -> String,
    /// Seconds between values.
    pub step: i64,
    /// Number of the last value's step since 1970, which fixes what a cell covers.
    pub last_step: i64,
    /// Steps that should be seen, if there is room.
    pub window: usize,
}

impl Chart<'_> {
    /// Draws title, scale, plot and time axis into `area`.
    pub fn draw(&self, area: Rect, buf: &mut Buffer, view: &View<'_>) {
        if area.width < 12 || area.height < 3 {
            return;
        }
        self.head(area, buf, view);
        let plot = Rect::new(
            area.x + SCALE,
            area.y + 1,
            area.width - SCALE,
            area.height - 2,
        );
        let full = self.full.unwrap_or_else(|| round_up(self.largest()));
        self.scale(area, plot, full, buf, view);
        let per_dot = self.window.div_ceil(usize::from(plot.width) * 2).max(1);
        self.axis(area, plot, per_dot, buf, view);
        for (at, line) in self.lines.iter().enumerate() {
            let dots = dots(&line.values, self.last_step, per_dot, plot.width);
            let stroke = Stroke {
                scope: line.scope,
                dashed: at % 2 == 1,
            };
            if view.glyphs.ascii {
                draw_ascii(plot, buf, view, stroke, &dots, full);
            } else {
                draw_braille(plot, buf, view, stroke, &dots, full);
            }
        }
    }

    fn largest(&self) -> f32 {
        let all = self.lines.iter().flat_map(|line| line.values.iter());
        all.copied()
            .filter(|value| value.is_finite())
            .fold(0.0, f32::max)
    }

    fn head(&self, area: Rect, buf: &mut Buffer, view: &View<'_>) {
        let title = fit(self.title, usize::from(area.width), view.glyphs.ascii);
        let (mut x, y) =
            buf.set_stringn(area.x, area.y, &title, usize::MAX, view.style("ui.title"));
        let all = |long: bool| -> Vec<String> {
            self.lines
                .iter()
                .enumerate()
                .map(|(at, line)| self.said(line, view.glyphs.stroke(at % 2 == 1), long))
                .collect()
        };
        // Least and most go first, then the air between.
        let room = usize::from(area.right().saturating_sub(x));
        let mut texts = all(true);
        let needed = |texts: &[String]| texts.iter().map(|text| width(text) + 2).sum::<usize>();
        if needed(&texts) > room {
            texts = all(false);
        }
        let gap = if needed(&texts) > room { " " } else { "  " };
        for (line, text) in self.lines.iter().zip(texts) {
            let room = usize::from(area.right().saturating_sub(x));
            let text = format!("{gap}{text}");
            let text = fit(&text, room, view.glyphs.ascii);
            (x, _) = buf.set_stringn(x, y, &text, usize::MAX, view.style(line.scope));
        }
    }

    /// What a line says in words, behind the sign it is drawn with: its last value, and if `long` its least and most.
    fn said(&self, line: &Line<'_>, sign: &str, long: bool) -> String {
        let name = match self.lines.len() {
            1 => String::new(),
            _ => format!("{sign} {} ", line.name),
        };
        let Some(summary) = Summary::of(&line.values) else {
            return format!("{name}no data");
        };
        let mut text = format!("{name}{}", (self.words)(summary.last));
        if long {
            let (min, max) = ((self.words)(summary.min), (self.words)(summary.max));
            text.push_str(&format!("  min {min}  max {max}"));
        }
        text
    }

    fn scale(&self, area: Rect, plot: Rect, full: f32, buf: &mut Buffer, view: &View<'_>) {
        let style = view.style("chart.axis");
        for y in plot.y..plot.bottom() {
            let symbol = if view.glyphs.ascii { "|" } else { "│" };
            buf.set_string(plot.x - 1, y, symbol, style);
        }
        let label = |value: f32, y: u16, buf: &mut Buffer| {
            // Scales end at whole numbers.
            let text = (self.words)(f64::from(value)).replace(".0 ", " ");
            let text = fit(&text, usize::from(SCALE) - 2, view.glyphs.ascii).into_owned();
            let indent = SCALE - 2 - u16::try_from(width(&text)).unwrap_or(0).min(SCALE - 2);
            buf.set_string(area.x + indent, y, text, view.style("chart.label"));
        };
        label(full, plot.y, buf);
        label(0.0, plot.bottom() - 1, buf);
    }

    fn axis(&self, area: Rect, plot: Rect, per_dot: usize, buf: &mut Buffer, view: &View<'_>) {
        let y = area.bottom() - 1;
        let style = view.style("chart.axis");
        let (corner, rule) = if view.glyphs.ascii {
            ("+", "-")
        } else {
            ("└", "─")
        };
        buf.set_string(plot.x - 1, y, corner, style);
        for x in plot.x..plot.right() {
            buf.set_string(x, y, rule, style);
        }
        let steps = i64::try_from(per_dot).unwrap_or(1) * 2 * i64::from(plot.width);
        let oldest = format!("-{}", span(steps * self.step * 1_000_000));
        let label = view.style("chart.label");
        buf.set_string(plot.x, y, oldest, label);
        if plot.width > 12 {
            buf.set_string(plot.right() - 3, y, "now", label);
        }
    }
}

struct Summary {
    min: f64,
    max: f64,
    last: f64,
}

impl Summary {
    fn of(values: &[f32]) -> Option<Self> {
        let known = || values.iter().copied().filter(|value| value.is_finite());
        Some(Self {
            last: f64::from(known().next_back()?),
            min: f64::from(known().fold(f32::INFINITY, f32::min)),
            max: f64::from(known().fold(f32::NEG_INFINITY, f32::max)),
        })
    }
}

/// Values by dot: two a cell, the last cell being the one that covers the last step.
fn dots(values: &[f32], last_step: i64, per_dot: usize, cells: u16) -> Vec<f32> {
    let per_dot = i64::try_from(per_dot).unwrap_or(1);
    let count = i64::from(cells) * 2;
    let last_cell = last_step.div_euclid(per_dot * 2);
    let first_step = (last_cell + 1) * per_dot * 2 - count * per_dot;
    let mut dots = vec![f32::NAN; usize::from(cells) * 2];
    let first_value = last_step + 1 - i64::try_from(values.len()).unwrap_or(0);
    for (value, step) in values.iter().zip(first_value..) {
        let at = (step - first_step).div_euclid(per_dot);
        if let Some(dot) = usize::try_from(at).ok().and_then(|at| dots.get_mut(at))
            && value.is_finite()
        {
            *dot = if dot.is_nan() {
                *value
            } else {
                dot.max(*value)
            };
        }
    }
    dots
}

/// The next of 1, 2, 5, 10, 20, 50… above `value` in the unit that it is shown in; units are 1024 apart.
pub fn round_up(value: f32) -> f32 {
    const STEPS: [f32; 9] = [1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0];
    if value <= 0.0 || !value.is_finite() {
        return 1.0;
    }
    let mut unit = 1.0;
    while value > 500.0 * unit * 1.000_1 {
        unit *= 1024.0;
    }
    let step = STEPS
        .into_iter()
        .find(|step| value <= step * unit * 1.000_1);
    step.unwrap_or(1024.0) * unit
}

/// How a line is drawn.
#[derive(Clone, Copy)]
struct Stroke {
    scope: &'static str,
    dashed: bool,
}

fn draw_braille(
    plot: Rect,
    buf: &mut Buffer,
    view: &View<'_>,
    stroke: Stroke,
    dots: &[f32],
    full: f32,
) {
    let rows = usize::from(plot.height) * 4;
    let height = |value: f32| -> usize {
        let part = (value / full).clamp(0.0, 1.0);
        (part * (rows - 1) as f32).round() as usize
    };
    let mut cells = vec![0_u8; usize::from(plot.width) * usize::from(plot.height)];
    let mut before: Option<usize> = None;
    for (x, value) in dots.iter().enumerate() {
        if !value.is_finite() {
            before = None;
            continue;
        }
        let now = height(*value);
        let (low, high) = match before {
            Some(was) if was < now => (was + 1, now),
            Some(was) if was > now => (now, was - 1),
            _ => (now, now),
        };
        before = Some(now);
        // Every other cell, where nothing is lost by it.
        if stroke.dashed && high - low < 2 && x % 4 > 1 {
            continue;
        }
        for level in low..=high {
            let y = rows - 1 - level;
            cells[(y / 4) * usize::from(plot.width) + x / 2] |= braille_bit(x % 2, y % 4);
        }
    }
    for (at, bits) in cells.iter().enumerate().filter(|(_, bits)| **bits != 0) {
        let x = plot.x + u16::try_from(at % usize::from(plot.width)).unwrap_or(0);
        let y = plot.y + u16::try_from(at / usize::from(plot.width)).unwrap_or(0);
        let cell = &mut buf[(x, y)];
        let there = cell
            .symbol()
            .chars()
            .next()
            .map(u32::from)
            .filter(|code| (0x2800..0x2900).contains(code))
            .map_or(0, |code| code - 0x2800);
        if let Some(symbol) = char::from_u32(0x2800 + (there | u32::from(*bits))) {
            cell.set_char(symbol).set_style(view.style(stroke.scope));
        }
    }
}

/// The bit of a dot in a braille character.
fn braille_bit(x: usize, y: usize) -> u8 {
    const BITS: [[u8; 4]; 2] = [[0x01, 0x02, 0x04, 0x40], [0x08, 0x10, 0x20, 0x80]];
    BITS[x][y]
}

fn draw_ascii(
    plot: Rect,
    buf: &mut Buffer,
    view: &View<'_>,
    stroke: Stroke,
    dots: &[f32],
    full: f32,
) {
    let halves = usize::from(plot.height) * 2;
    for (pair, x) in dots.chunks(2).zip(plot.x..plot.right()) {
        let value = pair
            .iter()
            .copied()
            .filter(|value| value.is_finite())
            .fold(f32::NAN, f32::max);
        if !value.is_finite() {
            continue;
        }
        let part = (value / full).clamp(0.0, 1.0);
        let level = (part * (halves - 1) as f32).round() as usize;
        let row = plot.bottom() - 1 - u16::try_from(level / 2).unwrap_or(0);
        let symbol = match (stroke.dashed, level.is_multiple_of(2)) {
            (true, _) => "x",
            (false, true) => ".",
            (false, false) => "'",
        };
        buf.set_string(x, row, symbol, view.style(stroke.scope));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_covers_the_same_steps_until_the_picture_moves() {
        let values: Vec<f32> = (0..100).map(|value| value as f32).collect();
        let one = dots(&values[..99], 1_000, 5, 10);
        let next = dots(&values[..100], 1_001, 5, 10);
        assert_eq!(one[..18], next[..18]);
        assert_eq!(one.len(), 20);
    }

    /// Which cells of the lowest row of a plot hold anything, for two lines, each alone.
    fn drawn(values: [f32; 2], ascii: bool) -> [String; 2] {
        let state = crate::tui::testing::console_with(
            60,
            10,
            &crate::tui::start::Options {
                ascii,
                ..Default::default()
            },
        );
        let line = |value: f32| Line {
            name: "in",
            scope: "chart.1",
            values: vec![value; 400].into(),
        };
        let chart = Chart {
            title: "Net",
            lines: values.map(line).into(),
            full: Some(100.0),
            words: |value| value.to_string(),
            step: 1,
            last_step: 1_000,
            window: 10,
        };
        let area = Rect::new(0, 0, 60, 10);
        let mut buf = Buffer::empty(area);
        chart.draw(area, &mut buf, &state.view());
        let row = |y: u16| -> String {
            let cells = (SCALE..60).map(|x| buf[(x, y)].symbol());
            cells.collect()
        };
        [row(1), row(8)]
    }

    #[test]
    fn two_lines_are_told_apart_without_colour() {
        for ascii in [false, true] {
            let [top, bottom] = drawn([100.0, 0.0], ascii);
            let [other_top, other_bottom] = drawn([0.0, 100.0], ascii);
            assert_ne!(top, other_top, "{ascii}");
            assert_ne!(bottom, other_bottom, "{ascii}");
            assert!(!top.contains(' '), "{top}");
        }
    }

    #[test]
    fn gaps_stay_gaps_and_peaks_are_kept() {
        let mut values = vec![1.0; 40];
        values[10] = 50.0;
        values[20] = f32::NAN;
        values[21] = f32::NAN;
        let dots = dots(&values, 39, 2, 10);
        assert_eq!(dots[5], 50.0);
        assert!(dots[10].is_nan());
    }

    #[test]
    fn scales_end_at_round_numbers() {
        assert_eq!(round_up(0.0), 1.0);
        assert_eq!(round_up(7.0), 10.0);
        assert_eq!(round_up(10.0), 10.0);
        assert_eq!(round_up(130.0), 200.0);
        assert_eq!(round_up(900.0), 1024.0);
        assert_eq!(round_up(4.8 * 1024.0 * 1024.0), 5.0 * 1024.0 * 1024.0);
    }
}
