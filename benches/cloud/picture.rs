//! `make picture`: the README's picture of the console, taken from the real program on a simulated fleet.
//!
//! What the terminal holds becomes an SVG: one rectangle per run of cells with a background, one text per run of cells
//! that look alike, stretched to their columns so that any monospaced font fits.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use portable_pty::CommandBuilder;

use super::journey::cloud::SKYDECK;
use super::lab::terminal::Terminal;
use super::lab::wait::wait_until;

const COLUMNS: u16 = 120;
const ROWS: u16 = 36;
/// A cell in pixels.
const WIDE: u16 = 8;
const HIGH: u16 = 17;
/// How long the fleet runs before the picture is taken: charts need a past.
const PAST: Duration = Duration::from_secs(150);
const GROUND: &str = "#0d1117";
const INK: &str = "#c9d1d9";

/// Takes the picture and keeps it beside the theme that it shows.
pub fn take() {
    let mut command = CommandBuilder::new(SKYDECK);
    command.args([
        "demo",
        "--hosts",
        "12",
        "--servers",
        "240",
        "--theme",
        "dark",
    ]);
    command.env("COLORTERM", "truecolor");
    let mut terminal = Terminal::start(command, COLUMNS, ROWS);
    terminal.wait_for_text("240");
    let begun = std::time::Instant::now();
    wait_until("the charts to fill", PAST * 2, || begun.elapsed() > PAST);
    let picture = terminal.screen(svg);
    std::fs::write(
        Path::new(env!("CARGO_MANIFEST_DIR")).join("themes/dark.svg"),
        picture,
    )
    .expect("the picture to be kept");
    terminal.send_keys("<c-c>");
    terminal.wait_exit(Duration::from_secs(30));
}

/// Cells beside each other that look alike.
#[derive(PartialEq, Eq)]
struct Look {
    ink: String,
    ground: Option<String>,
    bold: bool,
}

impl Look {
    fn of(cell: &vt100::Cell) -> Self {
        let (ink, ground) = (colour(cell.fgcolor()), colour(cell.bgcolor()));
        let (ink, ground) = if cell.inverse() {
            (
                Some(ground.unwrap_or_else(|| GROUND.to_owned())),
                Some(ink.unwrap_or_else(|| INK.to_owned())),
            )
        } else {
            (ink, ground)
        };
        Self {
            ink: ink.unwrap_or_else(|| INK.to_owned()),
            ground,
            bold: cell.bold(),
        }
    }
}

/// The program speaks true colour here; what it leaves to the terminal is the ground's or the ink's.
fn colour(colour: vt100::Color) -> Option<String> {
    match colour {
        vt100::Color::Rgb(red, green, blue) => Some(format!("#{red:02x}{green:02x}{blue:02x}")),
        vt100::Color::Default | vt100::Color::Idx(_) => None,
    }
}

fn svg(screen: &vt100::Screen) -> String {
    let (width, height) = (COLUMNS * WIDE, ROWS * HIGH);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"-8 -8 {} {}\" font-family=\"monospace\" font-size=\"13\">\n\
         <rect x=\"-8\" y=\"-8\" width=\"100%\" height=\"100%\" rx=\"6\" fill=\"{GROUND}\"/>\n",
        width + 16,
        height + 16,
    );
    for row in 0..ROWS {
        let mut column = 0;
        while column < COLUMNS {
            let Some(first) = screen.cell(row, column) else {
                break;
            };
            let (look, begin) = (Look::of(first), column);
            let mut text = String::new();
            while let Some(cell) = screen.cell(row, column)
                && Look::of(cell) == look
            {
                text.push_str(if cell.has_contents() {
                    cell.contents()
                } else {
                    " "
                });
                column += 1;
            }
            run(&mut out, row, begin, column - begin, &look, &text);
        }
    }
    out.push_str("</svg>\n");
    out
}

fn run(out: &mut String, row: u16, column: u16, columns: u16, look: &Look, text: &str) {
    let (x, y, width) = (column * WIDE, row * HIGH, columns * WIDE);
    // Writing to a string does not fail.
    if let Some(ground) = &look.ground {
        let _ = writeln!(
            out,
            "<rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{HIGH}\" fill=\"{ground}\"/>"
        );
    }
    if text.trim().is_empty() {
        return;
    }
    let text = text
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace(' ', "\u{a0}");
    let weight = if look.bold {
        " font-weight=\"bold\""
    } else {
        ""
    };
    let (base, ink) = (y + 13, &look.ink);
    let _ = writeln!(
        out,
        "<text x=\"{x}\" y=\"{base}\" textLength=\"{width}\" lengthAdjust=\"spacingAndGlyphs\" fill=\"{ink}\"{weight}>{text}</text>"
    );
}
