//! What became of what was asked for: every request with its progress, its answer, or why it failed and what to do.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use crate::tui::command::Command;
use crate::tui::cx::Cx;
use crate::tui::format::{bytes, clock_span, fit, rate, time_of_day};
use crate::tui::glyph::Mood;
use crate::tui::state::activity::{Activity, Progress, Stage};
use crate::tui::state::notice::Tone;
use crate::tui::view::{Facts, View};
use crate::tui::widgets::{frame, gauge};

use super::reader::Reader;
use super::{Overlay, offset, step};

/// Commands of results.
pub const COMMANDS: &[Command] = &[Command::new(
    "results.stop",
    "stop",
    "Stop the selected transfer; it can be taken up again",
    &["results"],
)
.hint(20)];

/// The list of requests, newest first.
#[derive(Default)]
pub struct Results {
    cursor: usize,
    count: usize,
    height: usize,
}

impl Overlay for Results {
    fn contexts(&self) -> Vec<&'static str> {
        vec!["results"]
    }

    fn on(&mut self, command: &'static Command, cx: &mut Cx<'_>) -> bool {
        if let Some(cursor) = step(command.name, self.cursor, self.count, self.height) {
            self.cursor = cursor;
            return true;
        }
        let selected = cx.facts.activities.newest_first().nth(self.cursor);
        match (command.name, selected) {
            ("results.stop", Some(activity)) if activity.runs() => cx.stop(activity.ticket),
            ("results.stop", _) => cx.tell(Tone::Warn, "That has ended already."),
            ("enter", Some(activity)) => {
                let title = format!("{} {}", activity.act, activity.target.name);
                cx.open(Box::new(Reader::text(&title, &in_full(activity))));
            }
            ("enter", None) => {}
            _ => return false,
        }
        true
    }

    fn settle(&mut self, screen: Rect, facts: &Facts<'_>) {
        self.count = facts.activities.newest_first().count();
        self.height = usize::from(screen.height.saturating_sub(6)).max(1);
        self.cursor = self.cursor.min(self.count.saturating_sub(1));
    }

    fn draw(&self, screen: Rect, buf: &mut Buffer, view: &View<'_>) -> Option<Position> {
        let wide = screen.width.saturating_sub(4).min(120);
        let high = u16::try_from(self.count)
            .unwrap_or(u16::MAX)
            .saturating_add(4);
        let high = high.clamp(8, screen.height.saturating_sub(2).max(8));
        let area = frame::middle(screen, wide, high);
        let inside = frame::overlay(area, buf, view, "What became of it");
        let list = Rect::new(
            inside.x,
            inside.y + 1,
            inside.width,
            inside.height.saturating_sub(2),
        );
        let first = offset(self.cursor, usize::from(list.height));
        let all = view.facts.activities.newest_first().enumerate().skip(first);
        for ((place, activity), y) in all.zip(list.y..list.bottom()) {
            let row = Rect::new(list.x, y, list.width, 1);
            draw_activity(row, buf, view, activity);
            if place == self.cursor {
                buf.set_style(row, view.style("ui.selection"));
            }
        }
        if self.count == 0 {
            buf.set_string(
                list.x,
                list.y,
                "Nothing was asked for yet.",
                view.style("ui.text.dim"),
            );
        }
        None
    }
}

fn draw_activity(row: Rect, buf: &mut Buffer, view: &View<'_>, activity: &Activity) {
    let (mood, word) = standing(activity);
    let time = time_of_day(activity.started, &view.facts.clock.zone);
    buf.set_string(row.x, row.y, time, view.style("ui.text.dim"));
    let state = format!("{} {word:<8}", view.glyphs.mood(mood));
    buf.set_stringn(
        row.x + 10,
        row.y,
        state,
        usize::from(row.width),
        view.style(mood.scope()),
    );
    let x = row.x + 22;
    let room = usize::from(row.right().saturating_sub(x));
    let name = format!("{} {}", activity.act, activity.target.name);
    let text = match &activity.stage {
        Stage::Failed(failure) => format!("{name}: {}", failure.line()),
        Stage::Done(text) if !text.is_empty() => format!("{name}: {text}"),
        Stage::Running(Some(progress)) => {
            if let Some(part) = progress.fraction() {
                let bar = Rect::new(row.right().saturating_sub(20).max(x), row.y, 20, 1)
                    .intersection(row);
                gauge::bar(bar, buf, view, part);
            }
            format!("{name}: {}", progress_words(progress))
        }
        _ => name,
    };
    let room = match &activity.stage {
        Stage::Running(Some(_)) => room.saturating_sub(22),
        _ => room,
    };
    buf.set_string(
        x,
        row.y,
        fit(&text, room, view.glyphs.ascii),
        ratatui::style::Style::default(),
    );
}

fn standing(activity: &Activity) -> (Mood, &'static str) {
    match &activity.stage {
        Stage::Running(_) => (Mood::Busy, "running"),
        // What the cloud does with it is told by operations.
        Stage::Done(said) if said.is_empty() => (Mood::Good, "accepted"),
        Stage::Done(_) => (Mood::Good, "done"),
        Stage::Failed(_) => (Mood::Bad, "failed"),
        Stage::Stopped => (Mood::Off, "stopped"),
    }
}

/// `uploading 61%  1.2 GiB of 2.0 GiB  12 MiB/s  0:14 left`.
pub fn progress_words(progress: &Progress) -> String {
    let mut words = progress.what.clone();
    if let Some(part) = progress.fraction() {
        words.push_str(&format!(" {:.0}%", part * 100.0));
    }
    words.push_str(&format!("  {}", bytes(progress.done as f64)));
    if let Some(total) = progress.total {
        words.push_str(&format!(" of {}", bytes(total as f64)));
    }
    if let Some(per_second) = progress.rate {
        words.push_str(&format!("  {}", rate(per_second)));
    }
    if let Some(left) = progress.left() {
        words.push_str(&format!("  {} left", clock_span(left)));
    }
    words
}

fn in_full(activity: &Activity) -> String {
    let mut text = format!(
        "{} {} {}\n\n",
        activity.act, activity.target.kind, activity.target.name
    );
    match &activity.stage {
        Stage::Running(Some(progress)) => text.push_str(&progress_words(progress)),
        Stage::Running(None) => text.push_str("The answer is awaited."),
        Stage::Done(said) => text.push_str(if said.is_empty() { "Accepted." } else { said }),
        Stage::Stopped => text.push_str("Stopped by you."),
        Stage::Failed(failure) => {
            text.push_str(&failure.message);
            if let Some(advice) = &failure.advice {
                text.push_str(&format!("\n\nWhat to do: {advice}"));
            }
            if let Some(asked) = &failure.asked {
                text.push_str(&format!("\n\nAsked: {asked}"));
            }
            if let Some(request) = &failure.request {
                text.push_str(&format!("\n\nRequest: {request}"));
            }
        }
    }
    text
}
