//! Turns the difference between two screens into the fewest bytes that a terminal needs.
//!
//! The console draws whole screens into a buffer; [`Painter`] remembers what the terminal shows and emits only what
//! differs: cells, the part of the style that changed, the shortest way to move. Two equal screens cost nothing, so a
//! still console writes 0 bytes. Frames that are more than a keystroke's worth are wrapped in synchronized output, so
//! that they appear at once.
//!
//! Why not ratatui's own terminal, whose `Buffer::diff` finds changed cells as well: it takes a colour for changed where
//! none is seen (under a blank, or on a terminal without it), names both colours whenever one changes, and writes cursor
//! and reset with every frame. On a line of this console at 120x36 that is 25 bytes for a still screen instead of none, a
//! third more for the running dashboard (1,255 bytes a step instead of 948), and 489 bytes instead of 381 for the cursor
//! one row down, of which the budget is 400; a test compares the two. It also can not lower colours to what a terminal
//! has, nor hold a frame together.
//!
//! It is a pure function from screens to bytes, which lets tests play its output into a terminal emulator and compare.
//! Control characters never pass: what a guest or another user named something can not drive the operator's terminal.

use std::io::Write;

use ratatui::buffer::{Buffer, Cell};
use ratatui::layout::{Position, Rect};
use ratatui::style::{Color, Modifier};

use super::colour::Depth;
use super::format::width;

const SYNC_BEGIN: &[u8] = b"\x1b[?2026h";
const SYNC_END: &[u8] = b"\x1b[?2026l";
/// Below this many bytes a frame is not wrapped: it arrives in one piece anyway.
const SYNC_FROM: usize = 512;
/// A gap of unchanged cells up to this long is written again where that is no dearer than jumping over it.
const GAP: u16 = 4;

/// More blanks than this are erased instead of written: up to the end of a row, and within it, where the way on from
/// there costs something too.
const ERASE_REST: usize = 3;
const ERASE_RUN: usize = 12;

/// Modifiers that show on a blank cell.
const ON_BLANK: Modifier = Modifier::REVERSED
    .union(Modifier::UNDERLINED)
    .union(Modifier::CROSSED_OUT);

#[derive(Clone, Copy, PartialEq, Eq)]
struct Pen {
    fg: Color,
    bg: Color,
    modifier: Modifier,
}

impl Pen {
    const PLAIN: Self = Self {
        fg: Color::Reset,
        bg: Color::Reset,
        modifier: Modifier::empty(),
    };

    /// Terminals disagree whether bold and dim go together or the later ends the earlier; so of both, bold is shown.
    fn of(cell: &Cell, depth: Depth) -> Self {
        let blank = cell.symbol() == " ";
        let modifier = if blank {
            cell.modifier & ON_BLANK
        } else if cell.modifier.contains(Modifier::BOLD) {
            cell.modifier - Modifier::DIM
        } else {
            cell.modifier
        };
        let fg = if blank && !modifier.intersects(ON_BLANK) {
            Color::Reset
        } else {
            depth.nearest(cell.fg)
        };
        Self {
            fg,
            bg: depth.nearest(cell.bg),
            modifier,
        }
    }
}

/// What the terminal shows, and the bytes that change it.
pub struct Painter {
    shown: Buffer,
    depth: Depth,
    pen: Pen,
    /// Where the terminal's cursor is; `None` when not known.
    at: Option<(u16, u16)>,
    /// Where the visible cursor is; `None` when hidden.
    cursor: Option<Position>,
    fresh: bool,
    frame: Vec<u8>,
    out: Vec<u8>,
    written: u64,
}

impl Painter {
    /// A painter for a terminal whose content is not known.
    pub fn new(depth: Depth) -> Self {
        Self {
            shown: Buffer::empty(Rect::ZERO),
            depth,
            pen: Pen::PLAIN,
            at: None,
            cursor: None,
            fresh: true,
            frame: Vec::new(),
            out: Vec::new(),
            written: 0,
        }
    }

    /// Forgets what the terminal shows: the next frame is drawn whole.
    pub fn forget(&mut self) {
        self.fresh = true;
    }

    /// Bytes made since it was created.
    pub fn written(&self) -> u64 {
        self.written
    }

    /// The bytes that make the terminal show `next`, with the cursor at `cursor` (hidden if `None`). Empty if it does.
    pub fn paint(&mut self, next: &Buffer, cursor: Option<Position>) -> &[u8] {
        self.frame.clear();
        self.out.clear();
        if self.fresh || self.shown.area != next.area {
            self.frame
                .extend_from_slice(b"\x1b[m\x1b[?25l\x1b[H\x1b[2J");
            self.shown = Buffer::empty(next.area);
            self.pen = Pen::PLAIN;
            self.at = Some((0, 0));
            self.cursor = None;
            self.fresh = false;
        }
        for y in 0..next.area.height {
            self.row(next, y);
        }
        self.place_cursor(cursor);
        self.shown.clone_from(next);
        if self.frame.len() >= SYNC_FROM {
            self.out.extend_from_slice(SYNC_BEGIN);
            self.out.append(&mut self.frame);
            self.out.extend_from_slice(SYNC_END);
        } else {
            self.out.append(&mut self.frame);
        }
        self.written += self.out.len() as u64;
        &self.out
    }

    fn row(&mut self, next: &Buffer, y: u16) {
        let wide = usize::from(next.area.width);
        let from = usize::from(y) * wide;
        let (Some(new), Some(old)) = (
            next.content.get(from..from + wide),
            self.shown.content.get(from..from + wide),
        ) else {
            return;
        };
        // The old row is moved out so that the pen can be borrowed; it is put back by the copy of the whole buffer.
        let old: Vec<Cell> = old.to_vec();
        let mut x = 0_usize;
        let mut redraw_until = 0;
        while x < wide {
            let cells = width(new[x].symbol()).max(1);
            let changed = x < redraw_until || !same(&old[x], &new[x], self.depth);
            let mut taken = cells;
            if changed {
                let blanks = new[x..]
                    .iter()
                    .take_while(|cell| is_plain(cell, self.depth));
                let blanks = x..x + blanks.count();
                let differing = |at: &usize| !same(&old[*at], &new[*at], self.depth);
                let gain = blanks.clone().filter(differing).count();
                self.go(x, y, new);
                if blanks.end == wide && gain > ERASE_REST {
                    taken = blanks.len();
                    self.erase(format_args!("K"));
                } else if gain > ERASE_RUN {
                    taken = blanks.len();
                    self.erase(format_args!("{taken}X"));
                } else {
                    self.put(&new[x], x, cells, wide);
                }
                // A wide character that goes, wholly or by half, takes the look of all it covered with it.
                let covered = x..(x + taken).min(wide);
                let ends = covered.map(|x| x + width(old[x].symbol()).max(1));
                redraw_until = ends.fold(redraw_until, usize::max);
            }
            x += taken;
        }
    }

    /// Erases in the terminal's own colours, which every terminal does alike; the cursor stays.
    fn erase(&mut self, how: std::fmt::Arguments<'_>) {
        let plain = self.free(Pen::PLAIN);
        self.set_pen(plain);
        self.csi(how);
    }

    /// The pen to draw a cell with, changed no more than is seen.
    fn pen_for(&self, cell: &Cell) -> Pen {
        let pen = Pen::of(cell, self.depth);
        let free = cell.symbol() == " " && pen.modifier.is_empty();
        if free { self.free(pen) } else { pen }
    }

    /// A pen for blanks, on which neither the colour nor the weight of letters is seen.
    fn free(&self, pen: Pen) -> Pen {
        Pen {
            fg: self.pen.fg,
            modifier: self.pen.modifier - ON_BLANK,
            ..pen
        }
    }

    /// Moves to column `x` of row `y`; `row` is what the row shall be.
    fn go(&mut self, x: usize, y: u16, row: &[Cell]) {
        let column = u16::try_from(x).unwrap_or(u16::MAX);
        match self.at {
            Some((cx, cy)) if cy == y && cx == column => return,
            Some((cx, cy)) if cy == y && cx < column => {
                let gap = column - cx;
                if gap <= GAP && self.can_rewrite(&row[usize::from(cx)..x]) {
                    for cell in &row[usize::from(cx)..x] {
                        self.frame.extend_from_slice(cell.symbol().as_bytes());
                    }
                } else if gap == 1 {
                    self.frame.extend_from_slice(b"\x1b[C");
                } else {
                    self.csi(format_args!("{gap}C"));
                }
            }
            Some((_, cy)) if cy + 1 == y && column == 0 => self.frame.extend_from_slice(b"\r\n"),
            _ if column == 0 => self.csi(format_args!("{}H", y + 1)),
            _ => self.csi(format_args!("{};{}H", y + 1, column + 1)),
        }
        self.at = Some((column, y));
    }

    fn can_rewrite(&self, cells: &[Cell]) -> bool {
        cells.iter().all(|cell| {
            let symbol = cell.symbol();
            symbol.len() == 1 && !is_control(symbol) && self.pen_for(cell) == self.pen
        })
    }

    fn put(&mut self, cell: &Cell, x: usize, cells: usize, wide: usize) {
        self.set_pen(self.pen_for(cell));
        let symbol = cell.symbol();
        if is_control(symbol) || x + cells > wide {
            self.frame.push(b' ');
        } else {
            self.frame.extend_from_slice(symbol.as_bytes());
        }
        // Terminals disagree about wide characters, and none moves on after the last column.
        let known = cells == 1 && x + 1 < wide;
        self.at = self.at.filter(|_| known).map(|(x, y)| (x + 1, y));
    }

    fn set_pen(&mut self, pen: Pen) {
        if pen == self.pen {
            return;
        }
        if pen == Pen::PLAIN {
            self.frame.extend_from_slice(b"\x1b[m");
        } else {
            let mut codes = Codes::default();
            codes.modifiers(self.pen.modifier, pen.modifier);
            if pen.fg != self.pen.fg {
                codes.colour(pen.fg, 30);
            }
            if pen.bg != self.pen.bg {
                codes.colour(pen.bg, 40);
            }
            if !codes.text.is_empty() {
                self.csi(format_args!("{}m", codes.text));
            }
        }
        self.pen = pen;
    }

    fn place_cursor(&mut self, cursor: Option<Position>) {
        match cursor {
            None if self.cursor.is_some() => self.frame.extend_from_slice(b"\x1b[?25l"),
            Some(to) if self.cursor != Some(to) || !self.frame.is_empty() => {
                self.csi(format_args!("{};{}H", to.y + 1, to.x + 1));
                self.at = Some((to.x, to.y));
                if self.cursor.is_none() {
                    self.frame.extend_from_slice(b"\x1b[?25h");
                }
            }
            _ => {}
        }
        self.cursor = cursor;
    }

    fn csi(&mut self, arguments: std::fmt::Arguments<'_>) {
        self.frame.extend_from_slice(b"\x1b[");
        // Writing to memory can not fail.
        let _ = self.frame.write_fmt(arguments);
    }
}

/// Whether the cell shows nothing, in the terminal's own colours.
fn is_plain(cell: &Cell, depth: Depth) -> bool {
    cell.symbol() == " " && Pen::of(cell, depth) == Pen::PLAIN
}

fn is_control(symbol: &str) -> bool {
    symbol.is_empty() || symbol.chars().any(char::is_control)
}

fn same(old: &Cell, new: &Cell, depth: Depth) -> bool {
    if old.symbol() != new.symbol() {
        return false;
    }
    (old.fg == new.fg && old.bg == new.bg && old.modifier == new.modifier)
        || Pen::of(old, depth) == Pen::of(new, depth)
}

/// The parameters of one SGR sequence.
#[derive(Default)]
struct Codes {
    text: String,
}

impl Codes {
    fn code(&mut self, code: u16) {
        use std::fmt::Write;
        if !self.text.is_empty() {
            self.text.push(';');
        }
        let _ = write!(self.text, "{code}");
    }

    fn modifiers(&mut self, old: Modifier, new: Modifier) {
        const ALL: [(Modifier, u16, u16); 7] = [
            (Modifier::BOLD, 1, 22),
            (Modifier::DIM, 2, 22),
            (Modifier::ITALIC, 3, 23),
            (Modifier::UNDERLINED, 4, 24),
            (Modifier::SLOW_BLINK, 5, 25),
            (Modifier::REVERSED, 7, 27),
            (Modifier::CROSSED_OUT, 9, 29),
        ];
        let gone = old - new;
        for (modifier, _, off) in ALL {
            if gone.contains(modifier) {
                self.code(off);
            }
        }
        for (modifier, on, _) in ALL {
            if (new - old).contains(modifier) {
                self.code(on);
            }
        }
    }

    /// `base` is 30 for the foreground and 40 for the background.
    fn colour(&mut self, colour: Color, base: u16) {
        let plain = |offset: u16| base + offset;
        let bright = |offset: u16| base + 60 + offset;
        let code = match colour {
            Color::Reset => plain(9),
            Color::Black => plain(0),
            Color::Red => plain(1),
            Color::Green => plain(2),
            Color::Yellow => plain(3),
            Color::Blue => plain(4),
            Color::Magenta => plain(5),
            Color::Cyan => plain(6),
            Color::Gray => plain(7),
            Color::DarkGray => bright(0),
            Color::LightRed => bright(1),
            Color::LightGreen => bright(2),
            Color::LightYellow => bright(3),
            Color::LightBlue => bright(4),
            Color::LightMagenta => bright(5),
            Color::LightCyan => bright(6),
            Color::White => bright(7),
            Color::Indexed(index) => {
                for code in [plain(8), 5, u16::from(index)] {
                    self.code(code);
                }
                return;
            }
            Color::Rgb(r, g, b) => {
                for code in [plain(8), 2, u16::from(r), u16::from(g), u16::from(b)] {
                    self.code(code);
                }
                return;
            }
        };
        self.code(code);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use ratatui::style::Style;

    use super::*;

    const WIDE: u16 = 24;
    const HIGH: u16 = 6;

    fn buffer(writes: &[(u16, u16, String, u8)]) -> Buffer {
        let mut buffer = Buffer::empty(Rect::new(0, 0, WIDE, HIGH));
        for (x, y, text, look) in writes {
            let mut style = Style::default();
            if look & 1 != 0 {
                style = style.fg(Color::Indexed(look >> 1)).bg(Color::Green);
            }
            for (bit, modifier) in [
                (2, Modifier::BOLD),
                (4, Modifier::REVERSED),
                (8, Modifier::DIM),
                (16, Modifier::UNDERLINED),
                (32, Modifier::ITALIC),
            ] {
                if look & bit != 0 {
                    style = style.add_modifier(modifier);
                }
            }
            buffer.set_stringn(*x, *y, text, usize::from(WIDE - x), style);
        }
        buffer
    }

    fn screen_of(buffer: &Buffer) -> vt100::Parser {
        let mut parser = vt100::Parser::new(HIGH, WIDE, 0);
        parser.process(Painter::new(Depth::True).paint(buffer, None));
        parser
    }

    fn write() -> impl Strategy<Value = (u16, u16, String, u8)> {
        (0..WIDE, 0..HIGH, "[a-z ●▁表鬼]{0,12}", any::<u8>())
    }

    proptest! {
        #[test]
        fn a_change_leaves_the_terminal_as_a_fresh_drawing_would(
            first in prop::collection::vec(write(), 0..12),
            second in prop::collection::vec(write(), 0..12),
        ) {
            let (first, second) = (buffer(&first), buffer(&second));
            let mut painter = Painter::new(Depth::True);
            let mut parser = vt100::Parser::new(HIGH, WIDE, 0);
            parser.process(painter.paint(&first, None));
            parser.process(painter.paint(&second, Some(Position::new(3, 2))));
            let fresh = screen_of(&second);
            for y in 0..HIGH {
                for x in 0..WIDE {
                    let (got, want) = (parser.screen().cell(y, x), fresh.screen().cell(y, x));
                    let look = |cell: Option<&vt100::Cell>| cell.map(|c| {
                        let blank = c.contents().trim().is_empty();
                        let shown = if blank { "" } else { c.contents() };
                        let ink = (!blank).then(|| (c.fgcolor(), c.bold(), c.dim(), c.italic()));
                        (shown.to_owned(), ink, c.bgcolor(), c.inverse(), c.underline(), c.is_wide())
                    });
                    prop_assert_eq!(look(got), look(want), "at {},{}", x, y);
                }
            }
            prop_assert!(painter.paint(&second, Some(Position::new(3, 2))).is_empty());
        }
    }

    #[test]
    fn equal_screens_cost_nothing_and_small_changes_little() {
        let mut painter = Painter::new(Depth::True);
        let one = buffer(&[(0, 0, "hello".into(), 0)]);
        painter.paint(&one, None);
        assert!(painter.paint(&one, None).is_empty());
        let two = buffer(&[(0, 0, "hellO".into(), 0)]);
        assert_eq!(painter.paint(&two, None), b"\x1b[1;5HO");
    }

    #[test]
    fn control_characters_never_reach_the_terminal() {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 4, 1));
        buffer[(0, 0)].set_symbol("\x1b");
        buffer[(1, 0)].set_symbol("\u{9b}");
        let mut painter = Painter::new(Depth::True);
        let text = painter.paint(&buffer, None).to_vec();
        let tail = String::from_utf8(text).unwrap();
        assert_eq!(tail, "\x1b[m\x1b[?25l\x1b[H\x1b[2J  ");
    }

    #[test]
    fn no_colour_means_no_colour_codes() {
        let mut painter = Painter::new(Depth::None);
        let text = painter
            .paint(&buffer(&[(0, 0, "x".into(), 1)]), None)
            .to_vec();
        assert!(!String::from_utf8(text).unwrap().contains("38;"));
    }
}
