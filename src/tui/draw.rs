//! The whole picture of a state: header, view, status, key hints, and what lies over them.
//!
//! Top line: where one is, and who on which cloud. Bottom lines: what just happened, and the keys that work here, taken
//! from the same table as everything else about commands.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;

use super::format::{fit, time_of_day, width, wrap};
use super::overlays::results::progress_words;
use super::state::State;
use super::state::activity::Stage;
use super::view::View;
use super::widgets::frame;

/// Least columns and rows for a picture.
pub const LEAST: (u16, u16) = (40, 10);

/// The area of the view on a screen, with or without the banner of a lost connection.
pub fn body(screen: Rect, banner: bool) -> Rect {
    let top = 1 + u16::from(banner);
    Rect::new(
        screen.x,
        screen.y + top.min(screen.height),
        screen.width,
        screen.height.saturating_sub(top + 2),
    )
}

/// Draws everything; returns where the cursor is.
pub fn draw(state: &State, buf: &mut Buffer) -> Option<Position> {
    let screen = *buf.area();
    let view = state.view();
    if screen.width < LEAST.0 || screen.height < LEAST.1 {
        too_small(screen, buf, &view);
        return None;
    }
    header(state, screen, buf, &view);
    if let Some(banner) = state.world.link.banner(state.world.clock.now) {
        let row = Rect::new(screen.x, screen.y + 1, screen.width, 1);
        let text = fit(&banner, usize::from(screen.width) - 2, view.glyphs.ascii);
        buf.set_style(row, view.style("ui.banner"));
        buf.set_string(row.x + 1, row.y, text, view.style("ui.banner"));
    }
    let body = body(screen, state.world.link.down.is_some());
    let mut cursor = state.screens.current().draw(body, buf, &view);
    status(state, screen, buf, &view);
    hints(state, screen, buf, &view);
    for overlay in &state.overlays {
        cursor = overlay.draw(
            Rect::new(screen.x, screen.y, screen.width, screen.height - 1),
            buf,
            &view,
        );
    }
    if !state.pending.is_empty() {
        continuations(state, screen, buf, &view);
    }
    cursor
}

fn too_small(screen: Rect, buf: &mut Buffer, view: &View<'_>) {
    let text = format!(
        "Too small: {}x{}. Skydeck needs {}x{}, and likes 80x24.",
        screen.width, screen.height, LEAST.0, LEAST.1
    );
    let lines = wrap(&text, usize::from(screen.width.max(1)));
    for (line, y) in lines.iter().zip(screen.y..screen.bottom()) {
        buf.set_stringn(
            screen.x,
            y,
            line,
            usize::from(screen.width),
            view.style("ui.text"),
        );
    }
}

fn header(state: &State, screen: Rect, buf: &mut Buffer, view: &View<'_>) {
    let session = &state.world.session;
    let wide = usize::from(screen.width);
    buf.set_style(
        Rect::new(screen.x, screen.y, screen.width, 1),
        view.style("ui.header"),
    );
    let mut x = screen.x + 1;
    (x, _) = buf.set_stringn(x, screen.y, "skydeck", wide, view.style("ui.brand"));
    let path = state.screens.current().path(&view.facts);
    for (at, part) in path.iter().enumerate() {
        let (sign, style) = if at == 0 {
            (" :", view.style("ui.text.dim"))
        } else {
            (" ", view.style("ui.text.dim"))
        };
        let sign = if at == 0 {
            sign.to_owned()
        } else {
            format!(" {} ", view.glyphs.step())
        };
        let room = usize::from(screen.right().saturating_sub(x + 1));
        (x, _) = buf.set_stringn(x, screen.y, sign, room, style);
        let room = usize::from(screen.right().saturating_sub(x + 1));
        let part = fit(part, room.min(40), view.glyphs.ascii);
        (x, _) = buf.set_stringn(x, screen.y, part, room, view.style("ui.text.strong"));
    }
    let mut right: Vec<(String, Style)> = Vec::new();
    if session.is_simulated() {
        right.push((" SIMULATED ".to_owned(), view.style("ui.simulated")));
    }
    if state.frozen {
        right.push((" HELD STILL ".to_owned(), view.style("ui.banner")));
    }
    let who = [session.cloud.clone(), session.identity()];
    let who: Vec<String> = who.into_iter().filter(|text| !text.is_empty()).collect();
    right.push((
        who.join(&format!(" {} ", view.glyphs.dot())),
        view.style("ui.text.dim"),
    ));
    let rights = if session.may_change() {
        "read-write"
    } else {
        "read-only"
    };
    let rights_style = view.style(if session.may_change() {
        "ui.text.dim"
    } else {
        "state.warn"
    });
    right.push((rights.to_owned(), rights_style));
    let mut at = screen.right();
    for (text, style) in right.into_iter().rev() {
        let cells = u16::try_from(width(&text))
            .unwrap_or(u16::MAX)
            .saturating_add(2);
        // What does not fit beside the path is left out, the mark of a simulation never.
        let must = style == view.style("ui.simulated");
        if at.saturating_sub(cells) <= x + 1 && !must {
            continue;
        }
        at = at.saturating_sub(cells);
        buf.set_stringn(at, screen.y, text, wide, style);
    }
}

fn status(state: &State, screen: Rect, buf: &mut Buffer, view: &View<'_>) {
    let y = screen.bottom() - 2;
    let mut right = screen.right();
    let running = state
        .world
        .activities
        .newest_first()
        .find(|activity| activity.runs());
    if let Some(activity) = running {
        let count = state.world.activities.running();
        let words = match &activity.stage {
            Stage::Running(Some(progress)) => format!("  {}", progress_words(progress)),
            _ => String::new(),
        };
        let more = if count > 1 {
            format!(" and {} more", count - 1)
        } else {
            String::new()
        };
        let text = format!(
            "{} {} {}{words}{more}",
            view.glyphs.mood(super::glyph::Mood::Busy),
            activity.act,
            activity.target.name
        );
        let text = fit(&text, usize::from(screen.width / 2), view.glyphs.ascii);
        right -= u16::try_from(width(&text)).unwrap_or(0) + 1;
        buf.set_string(right, y, text, view.style("state.busy"));
    }
    let Some(notice) = &state.notice else { return };
    let room = usize::from(right.saturating_sub(screen.x + 12));
    let time = time_of_day(notice.at, &view.facts.clock.zone);
    buf.set_string(screen.x + 1, y, time, view.style("ui.text.dim"));
    let text = fit(&notice.text, room, view.glyphs.ascii);
    buf.set_string(screen.x + 10, y, text, view.style(notice.tone.scope()));
}

fn hints(state: &State, screen: Rect, buf: &mut Buffer, view: &View<'_>) {
    let mut commands: Vec<_> = state
        .commands_here()
        .into_iter()
        .filter(|(command, keys)| command.rank > 0 && keys.is_some())
        .collect();
    commands.sort_by_key(|(command, _)| command.rank);
    // The way to all the others has a place of its own.
    let help = commands
        .iter()
        .position(|(command, _)| command.name == "help");
    let help = help.map(|at| commands.remove(at));
    let y = screen.bottom() - 1;
    let hint = |x: u16, keys: &str, label: &str, buf: &mut Buffer| {
        let room = usize::from(screen.right().saturating_sub(x));
        let (end, _) = buf.set_stringn(x, y, keys, room, view.style("ui.key"));
        let room = usize::from(screen.right().saturating_sub(end + 1));
        buf.set_stringn(end + 1, y, label, room, view.style("ui.key.label"));
    };
    let cells =
        |keys: &str, label: &str| u16::try_from(width(keys) + 1 + width(label)).unwrap_or(u16::MAX);
    let mut right = screen.right();
    if let Some((command, Some(keys))) = help {
        right = right.saturating_sub(cells(&keys, command.label) + 1);
        hint(right, &keys, command.label, buf);
        right -= 1;
    }
    let mut x = screen.x + 1;
    for (command, keys) in commands {
        let Some(keys) = keys else { continue };
        let cells = cells(&keys, command.label);
        // A shorter one may still fit.
        if x.saturating_add(cells) < right {
            hint(x, &keys, command.label, buf);
            x += cells + 2;
        }
    }
}

/// The ways to go on from an open key sequence, above the hints.
fn continuations(state: &State, screen: Rect, buf: &mut Buffer, view: &View<'_>) {
    let contexts = state.contexts();
    let all = state.manner.keymap.continuations(&contexts, &state.pending);
    let bindings: Vec<_> = all
        .into_iter()
        .filter(|binding| state.permits(binding.command))
        .collect();
    let high = u16::try_from(bindings.len())
        .unwrap_or(u16::MAX)
        .saturating_add(2);
    let high = high.min(screen.height.saturating_sub(3));
    let wide = 64.min(screen.width);
    let area = Rect::new(
        screen.right() - wide,
        screen.bottom().saturating_sub(high + 1),
        wide,
        high,
    );
    let title = super::keys::show_sequence(&state.pending);
    let inside = frame::overlay(area, buf, view, &title);
    for (binding, y) in bindings.iter().zip(inside.y..inside.bottom()) {
        let rest = super::keys::show_sequence(&binding.keys[state.pending.len()..]);
        let (x, _) = buf.set_stringn(inside.x, y, &rest, 8, view.style("ui.key"));
        let x = x.max(inside.x + 4);
        let room = usize::from(inside.right().saturating_sub(x + 1));
        let doc = fit(binding.command.doc, room, view.glyphs.ascii);
        buf.set_string(x + 1, y, doc, view.style("ui.text"));
    }
}
