//! A short history in one line of blocks.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::tui::glyph::Glyphs;

/// Draws the newest values at the right of `area`. A value that is `NaN` leaves its cell empty; any other one shows, so
/// that "nothing happens" and "nothing is known" look different.
pub fn draw(
    area: Rect,
    buf: &mut Buffer,
    glyphs: Glyphs,
    style: Style,
    values: &[f32],
    full: Option<f32>,
) {
    let cells = usize::from(area.width).min(values.len());
    let newest = &values[values.len() - cells..];
    let largest = || {
        newest
            .iter()
            .copied()
            .filter(|value| value.is_finite())
            .fold(0.0, f32::max)
    };
    let full = full.unwrap_or_else(largest);
    let from = area.right() - u16::try_from(cells).unwrap_or(0);
    for (value, x) in newest.iter().zip(from..) {
        buf.set_string(x, area.y, glyphs.spark(level(*value, full)), style);
    }
}

/// The level 0–8 of a value; 0 is for what is not known.
pub fn level(value: f32, full: f32) -> usize {
    if !value.is_finite() {
        return 0;
    }
    if full <= 0.0 {
        return 1;
    }
    let part = (value / full).clamp(0.0, 1.0);
    1 + (part * 7.0).round() as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_span_the_blocks() {
        assert_eq!(level(f32::NAN, 100.0), 0);
        assert_eq!(level(0.0, 100.0), 1);
        assert_eq!(level(100.0, 100.0), 8);
        assert_eq!(level(500.0, 100.0), 8);
        assert_eq!(level(0.0, 0.0), 1);
    }
}
