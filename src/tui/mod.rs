//! The console: what an operator sees and presses.
//!
//! **Theory.** Everything that happens is an [`event::Event`] on one channel. [`state::State::on`] takes it in and returns
//! [`effect::Effect`]s; it does nothing else. [`draw::draw`] makes a picture of the state and changes nothing.
//! [`backend::Backend`] alone speaks to the cloud. So no key waits for the network, and every behaviour can be tested by
//! pressing keys and reading pictures.
//!
//! - A command is declared once ([`command`]); keys ([`keymap`]), hints, palette and help follow from it.
//! - Views are data where they can be: a list is columns and actions ([`screens::list::Spec`]). Adding a resource adds a
//!   file under `screens/` and a line in its registry.
//! - Overlays form a stack over the view; the top one has the keyboard.
//! - Pictures become bytes in [`paint`], which writes only what differs.
//!
//! **Invariants.** Drawing and update never block and never fail. The cursor follows ids. What is shown came from the
//! cloud; what is old says so. Nothing destructive happens by one key. Text from outside never controls the terminal.
//!
//! Rejected: ratatui's own terminal and backend (they write more than is needed and always something), components that
//! receive every event, and a shared mutable application object in callbacks.

pub mod backend;
pub mod colour;
pub mod command;
pub mod cx;
pub mod draw;
pub mod effect;
pub mod event;
pub mod failure;
pub mod files;
pub mod format;
pub mod fuzzy;
pub mod glyph;
pub mod keymap;
pub mod keys;
pub mod overlays;
pub mod paint;
pub mod run;
pub mod screens;
pub mod start;
pub mod state;
pub mod terminal;
#[cfg(test)]
pub mod testing;
pub mod theme;
pub mod value;
pub mod view;
pub mod widgets;

pub use start::{Options, TuiError};

use crate::client::Client;

/// Runs the console on a cloud until the operator leaves. Takes the terminal, and gives it back in every case.
pub async fn run(client: Client, options: Options) -> Result<(), TuiError> {
    use std::io::IsTerminal;
    if !std::io::stdin().is_terminal() || !std::io::stdout().is_terminal() {
        return Err(TuiError::NoTerminal);
    }
    let state = start::state(&options)?;
    run::run(client, state).await?;
    Ok(())
}
