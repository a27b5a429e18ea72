//! What drawing costs on the line, against the budgets of the console and against ratatui's own terminal.

use std::cell::Cell;
use std::io::Write;
use std::rc::Rc;

use ratatui::backend::CrosstermBackend;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::{Terminal, TerminalOptions, Viewport};

use crate::tui::colour::Depth;
use crate::tui::draw;
use crate::tui::event::Event;
use crate::tui::paint::Painter;
use crate::tui::testing::{Lab, NOW, fixture};

const SIZE: (u16, u16) = (120, 36);

/// Counts what is written.
#[derive(Clone, Default)]
struct Count(Rc<Cell<usize>>);

impl Write for Count {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.set(self.0.get() + bytes.len());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// The same pictures drawn in both ways.
struct Lines {
    painter: Painter,
    ratatui: Terminal<CrosstermBackend<Count>>,
    count: Count,
}

impl Lines {
    fn new() -> Self {
        let count = Count::default();
        let options = TerminalOptions {
            viewport: Viewport::Fixed(Rect::new(0, 0, SIZE.0, SIZE.1)),
        };
        let backend = CrosstermBackend::new(count.clone());
        Self {
            painter: Painter::new(Depth::True),
            ratatui: Terminal::with_options(backend, options).unwrap(),
            count,
        }
    }

    /// Bytes of the painter and of ratatui.
    fn draw(&mut self, lab: &Lab) -> (usize, usize) {
        let mut buffer = Buffer::empty(lab.state.screen());
        let cursor = draw::draw(&lab.state, &mut buffer);
        let painted = self.painter.paint(&buffer, cursor).len();
        let before = self.count.0.get();
        let frame = |frame: &mut ratatui::Frame<'_>| {
            frame.buffer_mut().clone_from(&buffer);
            if let Some(cursor) = cursor {
                frame.set_cursor_position(cursor);
            }
        };
        self.ratatui.draw(frame).unwrap();
        (painted, self.count.0.get() - before)
    }
}

#[test]
fn the_line_is_spared() {
    let mut lab = Lab::busy(SIZE).with_past();
    let mut lines = Lines::new();
    let first = lines.draw(&lab);
    let still = lines.draw(&lab);
    assert_eq!(still.0, 0, "a still screen");
    // More than a real second: each batch is a step of five, so every sparkline moves.
    let mut running = (0, 0);
    for second in 1..=20 {
        lab.on_event(Event::Tick(NOW.plus_seconds(second)));
        let mut batch = fixture::samples(usize::try_from(60 - second).unwrap());
        batch["at"] = serde_json::json!(NOW.plus_seconds(5 * second).0);
        let sample = serde_json::json!({ "sample": batch });
        lab.on_event(Event::Cloud(Box::new(
            serde_json::from_value(sample).unwrap(),
        )));
        let (ours, theirs) = lines.draw(&lab);
        running = (running.0 + ours, running.1 + theirs);
    }
    lab.press(r#": "servers" enter / "name:node" enter"#);
    lines.draw(&lab);
    lab.press("j");
    let down = lines.draw(&lab);
    let measured =
        format!("first {first:?}, still {still:?}, 20 steps {running:?}, row down {down:?}");
    assert!(first.0 <= 12_000, "{measured}");
    assert!(running.0 <= 20 * 2_000, "{measured}");
    assert!(down.0 <= 400, "{measured}");
    // Otherwise the painter would not be worth its lines.
    assert!(running.0 * 5 <= running.1 * 4, "{measured}");
}
