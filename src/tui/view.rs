//! What drawing and looking up may see: everything by reference, nothing to change.

use jiff::tz::TimeZone;

use crate::ids::Time;

use super::glyph::Glyphs;
use super::keymap::Keymap;
use super::state::activity::Activities;
use super::state::data::Data;
use super::state::link::Link;
use super::state::session::Session;
use super::theme::Theme;

/// The time as the console sees it: it moves by ticks only, so that two drawings of one state are equal.
#[derive(Clone, Debug)]
pub struct Clock {
    /// Now.
    pub now: Time,
    /// Zone in which times are shown.
    pub zone: TimeZone,
}

/// What values are made from.
#[derive(Clone, Copy)]
pub struct Facts<'a> {
    /// What is known of the cloud.
    pub data: &'a Data,
    /// The time.
    pub clock: &'a Clock,
    /// Who asks.
    pub session: &'a Session,
    /// What was asked for here.
    pub activities: &'a Activities,
    /// Whether the cloud answers.
    pub link: &'a Link,
}

/// What is drawn with.
#[derive(Clone, Copy)]
pub struct View<'a> {
    /// What values are made from.
    pub facts: Facts<'a>,
    /// Colours.
    pub theme: &'a Theme,
    /// Signs.
    pub glyphs: Glyphs,
    /// Keys, for showing them.
    pub keymap: &'a Keymap,
}

impl View<'_> {
    /// The style of a scope.
    pub fn style(&self, scope: &str) -> ratatui::style::Style {
        self.theme.get(scope)
    }
}
