//! Parts of screens that know nothing of clouds: lists, charts, forms, text.

pub mod area;
pub mod chart;
pub mod doc;
pub mod field;
pub mod filter;
pub mod form;
pub mod form_draw;
pub mod frame;
pub mod gauge;
pub mod heat;
pub mod line;
pub mod spark;
pub mod table;
pub mod table_draw;
pub mod text;

use super::command::Command;

/// The commands of all widgets.
pub const COMMANDS: &[&[Command]] = &[table::COMMANDS, text::COMMANDS, form::COMMANDS];
