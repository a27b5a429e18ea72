//! Puts the first state together: keys and themes from their files, the way of drawing from the environment.

use std::path::{Path, PathBuf};

use jiff::tz::TimeZone;

use crate::ids::Time;

use super::colour::Depth;
use super::glyph::Glyphs;
use super::keymap::{Keymap, KeymapError};
use super::screens;
use super::state::activity::Activities;
use super::state::data::Data;
use super::state::link::Link;
use super::state::session::Session;
use super::state::{Manner, State, World};
use super::terminal::Terminal;
use super::theme::{Theme, ThemeError};
use super::view::Clock;

/// How the console is started.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Keys that change anything are gone.
    pub read_only: bool,
    /// Draw with ASCII only.
    pub ascii: bool,
    /// Name of the theme; by the terminal's background if not given.
    pub theme: Option<String>,
    /// Mark every screen as simulated.
    pub simulated: bool,
    /// Directory for exports and private keys: `exports/` and `keys/` in it.
    pub data_dir: PathBuf,
    /// Directory with the operator's own `keymap.toml` and `themes/`.
    pub config_dir: Option<PathBuf>,
    /// Name of the cloud, as the header shows it.
    pub cloud: String,
}

/// Why the console can not start or go on.
#[derive(Debug, thiserror::Error)]
pub enum TuiError {
    /// The key map is wrong.
    #[error("the keys can not be used: {0}")]
    Keymap(#[from] KeymapError),
    /// The theme is wrong.
    #[error(transparent)]
    Theme(#[from] ThemeError),
    /// A file of the operator's can not be read.
    #[error("{} can not be read: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// There is no terminal to draw on.
    #[error("the console needs a terminal; run `skydeck server` where there is none")]
    NoTerminal,
    /// The terminal failed.
    #[error("the terminal failed: {0}")]
    Terminal(#[from] std::io::Error),
}

/// The state to start with.
pub fn state(options: &Options) -> Result<State, TuiError> {
    let size = Terminal::size()?;
    let get = |name: &str| std::env::var(name).ok();
    let manner = manner(
        options,
        Depth::detect(get),
        is_light(get("COLORFGBG").as_deref()),
    )?;
    let clock = Clock {
        now: Time::now(),
        zone: TimeZone::system(),
    };
    Ok(put_together(options, manner, clock, size))
}

/// The state from its parts.
pub fn put_together(options: &Options, manner: Manner, clock: Clock, size: (u16, u16)) -> State {
    let world = World {
        data: Data::default(),
        clock,
        session: Session {
            cloud: options.cloud.clone(),
            read_only: options.read_only,
            simulated: options.simulated,
            files: options.data_dir.clone(),
            ..Session::default()
        },
        activities: Activities::default(),
        link: Link::default(),
    };
    let home = screens::home(&world.facts());
    State::new(world, manner, home, size)
}

/// Keys, themes and signs.
pub fn manner(options: &Options, depth: Depth, light: bool) -> Result<Manner, TuiError> {
    let config = options.config_dir.as_deref();
    let directory = config.map(|path| path.join("themes"));
    let chosen = options
        .theme
        .clone()
        .unwrap_or_else(|| if light { "light" } else { "dark" }.to_owned());
    let mut themes = vec![Theme::load(&chosen, directory.as_deref(), depth)?];
    let others = Theme::names(directory.as_deref())
        .into_iter()
        .filter(|name| *name != chosen);
    // A broken theme that was not asked for is none of today's worries.
    themes.extend(others.filter_map(|name| Theme::load(&name, directory.as_deref(), depth).ok()));
    Ok(Manner {
        keymap: keymap(config)?,
        themes,
        glyphs: Glyphs {
            ascii: options.ascii,
        },
    })
}

fn keymap(config: Option<&Path>) -> Result<Keymap, TuiError> {
    let mut keymap = Keymap::built_in()?;
    let Some(path) = config.map(|path| path.join("keymap.toml")) else {
        return Ok(keymap);
    };
    match std::fs::read_to_string(&path) {
        Ok(text) => keymap.merge(&path.display().to_string(), &text)?,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(source) => return Err(TuiError::File { path, source }),
    }
    Ok(keymap)
}

/// Whether `COLORFGBG` tells of a light background (`0;15`).
fn is_light(value: Option<&str>) -> bool {
    let background = value.and_then(|value| value.rsplit(';').next());
    matches!(background, Some("7" | "15"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_background_chooses_the_theme() {
        assert!(is_light(Some("0;15")));
        assert!(!is_light(Some("15;0")));
        assert!(!is_light(None));
        for (light, name) in [(true, "light"), (false, "dark")] {
            let manner = manner(&Options::default(), Depth::True, light).unwrap();
            assert_eq!(manner.themes[0].name(), name);
        }
    }

    #[test]
    fn the_operators_keys_are_laid_over_and_their_mistakes_told() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(
            directory.path().join("keymap.toml"),
            "[global]\n'f2' = 'palete'",
        )
        .unwrap();
        let error = keymap(Some(directory.path())).unwrap_err().to_string();
        assert!(error.contains("did you mean palette?"), "{error}");
        assert!(error.contains("keymap.toml"), "{error}");
    }
}
