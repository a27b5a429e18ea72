//! Colours by purpose: dotted scopes (`state.bad`, `ui.text.dim`) to styles, from a TOML file in `themes/`.
//!
//! A scope that a theme does not name takes the style of its parent (`ui.text.dim` → `ui.text` → `ui`), and a theme may
//! inherit from another. Palette entries may carry a second colour for terminals with sixteen. No theme paints the
//! terminal's background: what is not highlighted stays as the operator has it, on dark and on light screens alike.
//!
//! Where there is no colour at all, a scope with a background is shown reversed, so that selections stay visible.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use include_dir::{Dir, include_dir};
use ratatui::style::{Color, Modifier, Style};
use serde::Deserialize;

use super::colour::Depth;

static BUILT_IN: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/themes");

/// Every scope that the console draws with; a theme file may name these and their parents only.
pub const SCOPES: [&str; 52] = [
    "chart.1",
    "chart.2",
    "chart.3",
    "chart.4",
    "chart.axis",
    "chart.label",
    "heat.0",
    "heat.1",
    "heat.2",
    "heat.3",
    "heat.4",
    "heat.5",
    "notice.bad",
    "notice.good",
    "notice.info",
    "notice.warn",
    "spark",
    "state.bad",
    "state.busy",
    "state.good",
    "state.off",
    "state.unknown",
    "state.warn",
    "ui.banner",
    "ui.border",
    "ui.border.focus",
    "ui.brand",
    "ui.button",
    "ui.button.danger",
    "ui.button.focus",
    "ui.header",
    "ui.input",
    "ui.input.error",
    "ui.input.focus",
    "ui.key",
    "ui.key.label",
    "ui.link",
    "ui.mark",
    "ui.match",
    "ui.overlay",
    "ui.progress",
    "ui.progress.rest",
    "ui.selection",
    "ui.simulated",
    "ui.tab",
    "ui.tab.active",
    "ui.table.header",
    "ui.table.sort",
    "ui.text",
    "ui.text.dim",
    "ui.text.strong",
    "ui.title",
];

/// Why a theme can not be used.
#[derive(Debug, thiserror::Error)]
pub enum ThemeError {
    /// There is no such file, built in or of the user's.
    #[error("there is no theme {name}; there are {known}")]
    Unknown {
        /// What was asked for.
        name: String,
        /// What exists, separated by commas.
        known: String,
    },
    /// The file is not a theme.
    #[error("theme {name}: {reason}")]
    Invalid {
        /// The theme.
        name: String,
        /// What is wrong with it.
        reason: String,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    inherits: Option<String>,
    #[serde(default)]
    palette: BTreeMap<String, Paint>,
    #[serde(default)]
    scopes: BTreeMap<String, Look>,
}

#[derive(Clone, Deserialize)]
#[serde(untagged)]
enum Paint {
    One(String),
    Two(String, String),
}

#[derive(Clone, Deserialize)]
#[serde(untagged)]
enum Look {
    Foreground(String),
    Full(Full),
}

#[derive(Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Full {
    fg: Option<String>,
    bg: Option<String>,
    #[serde(default)]
    bold: bool,
    #[serde(default)]
    dim: bool,
    #[serde(default)]
    italic: bool,
    #[serde(default)]
    underlined: bool,
    #[serde(default)]
    reversed: bool,
}

/// A theme, resolved for one terminal.
#[derive(Clone, Debug)]
pub struct Theme {
    name: String,
    depth: Depth,
    styles: HashMap<&'static str, Style>,
}

impl Theme {
    /// The theme `name`: a file of the user's in `directory`, or a built-in one.
    pub fn load(name: &str, directory: Option<&Path>, depth: Depth) -> Result<Self, ThemeError> {
        let mut palette = BTreeMap::new();
        let mut looks = BTreeMap::new();
        let mut chain = vec![name.to_owned()];
        let mut files = Vec::new();
        while let Some(next) = chain.last().cloned() {
            let file = read(&next, directory)?;
            let parent = file.inherits.clone();
            files.push(file);
            match parent {
                Some(parent) if chain.contains(&parent) => {
                    return Err(ThemeError::Invalid {
                        name: next,
                        reason: format!("inherits from {parent}, which inherits from it"),
                    });
                }
                Some(parent) => chain.push(parent),
                None => break,
            }
        }
        for file in files.into_iter().rev() {
            palette.extend(file.palette);
            looks.extend(file.scopes);
        }
        Self::resolve(name, &palette, &looks, depth)
    }

    fn resolve(
        name: &str,
        palette: &BTreeMap<String, Paint>,
        looks: &BTreeMap<String, Look>,
        depth: Depth,
    ) -> Result<Self, ThemeError> {
        let invalid = |reason| ThemeError::Invalid {
            name: name.to_owned(),
            reason,
        };
        let mut named = HashMap::new();
        for (scope, look) in looks {
            check_scope(scope).map_err(invalid)?;
            let style = style_of(look, palette, depth)
                .map_err(|reason| invalid(format!("{scope}: {reason}")))?;
            named.insert(scope.as_str(), style);
        }
        let styles = SCOPES
            .into_iter()
            .map(|scope| {
                let style = ancestors(scope).find_map(|scope| named.get(scope).copied());
                (scope, style.unwrap_or_default())
            })
            .collect();
        Ok(Self {
            name: name.to_owned(),
            depth,
            styles,
        })
    }

    /// The style of `scope`, one of [`SCOPES`].
    pub fn get(&self, scope: &str) -> Style {
        self.styles.get(scope).copied().unwrap_or_default()
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The colours it was made for.
    pub fn depth(&self) -> Depth {
        self.depth
    }

    /// Names of the themes there are, sorted.
    pub fn names(directory: Option<&Path>) -> Vec<String> {
        let mut names: Vec<String> = BUILT_IN
            .files()
            .filter_map(|file| Some(file.path().file_stem()?.to_str()?.to_owned()))
            .collect();
        let own = directory
            .and_then(|path| std::fs::read_dir(path).ok())
            .into_iter()
            .flatten()
            .flatten()
            .map(|entry| entry.path())
            .filter(|path| {
                path.extension()
                    .is_some_and(|extension| extension == "toml")
            });
        names.extend(own.filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned())));
        names.sort();
        names.dedup();
        names
    }
}

/// `a.b.c`, `a.b`, `a`.
fn ancestors(scope: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(scope), |scope| {
        scope.rsplit_once('.').map(|(parent, _)| parent)
    })
}

fn check_scope(scope: &str) -> Result<(), String> {
    let known = SCOPES
        .iter()
        .any(|known| ancestors(known).any(|ancestor| ancestor == scope));
    if known {
        return Ok(());
    }
    let nearest = SCOPES
        .iter()
        .min_by_key(|known| strsim::damerau_levenshtein(known, scope))
        .map_or("", |known| known);
    Err(format!(
        "there is no scope {scope}; did you mean {nearest}?"
    ))
}

fn read(name: &str, directory: Option<&Path>) -> Result<File, ThemeError> {
    let plain = name
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
    let file = format!("{name}.toml");
    let own = directory
        .filter(|_| plain)
        .and_then(|path| std::fs::read_to_string(path.join(&file)).ok());
    let text = own.or_else(|| Some(BUILT_IN.get_file(&file)?.contents_utf8()?.to_owned()));
    let text = text.ok_or_else(|| ThemeError::Unknown {
        name: name.to_owned(),
        known: Theme::names(directory).join(", "),
    })?;
    toml::from_str(&text).map_err(|error| ThemeError::Invalid {
        name: name.to_owned(),
        reason: error.to_string(),
    })
}

fn style_of(look: &Look, palette: &BTreeMap<String, Paint>, depth: Depth) -> Result<Style, String> {
    let full = match look {
        Look::Foreground(fg) => Full {
            fg: Some(fg.clone()),
            ..Full::default()
        },
        Look::Full(full) => full.clone(),
    };
    let mut style = Style::default();
    if let Some(fg) = &full.fg {
        style = style.fg(colour_of(fg, palette, depth)?);
    }
    if let Some(bg) = &full.bg {
        style = style.bg(colour_of(bg, palette, depth)?);
    }
    let bare_highlight = depth == Depth::None && full.bg.is_some();
    let modifiers = [
        (full.bold, Modifier::BOLD),
        (full.dim, Modifier::DIM),
        (full.italic, Modifier::ITALIC),
        (full.underlined, Modifier::UNDERLINED),
        (full.reversed || bare_highlight, Modifier::REVERSED),
    ];
    for (on, modifier) in modifiers {
        if on {
            style = style.add_modifier(modifier);
        }
    }
    Ok(style)
}

fn colour_of(text: &str, palette: &BTreeMap<String, Paint>, depth: Depth) -> Result<Color, String> {
    let (full, sixteen) = match palette.get(text) {
        Some(Paint::One(full)) => (full.as_str(), full.as_str()),
        Some(Paint::Two(full, sixteen)) => (full.as_str(), sixteen.as_str()),
        None => (text, text),
    };
    let wanted = if depth == Depth::Ansi { sixteen } else { full };
    let colour: Color = wanted
        .parse()
        .map_err(|_| format!("{wanted} is neither a colour nor in the palette"))?;
    Ok(depth.nearest(colour))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_built_in_theme_loads_at_every_depth() {
        let names = Theme::names(None);
        assert!(names.len() >= 3, "{names:?}");
        for name in names {
            for depth in [Depth::None, Depth::Ansi, Depth::Indexed, Depth::True] {
                Theme::load(&name, None, depth).unwrap();
            }
        }
    }

    #[test]
    fn states_differ_in_every_theme_and_selection_is_always_visible() {
        for name in Theme::names(None) {
            for depth in [Depth::Ansi, Depth::Indexed, Depth::True] {
                let theme = Theme::load(&name, None, depth).unwrap();
                let moods = ["state.good", "state.bad", "state.warn", "state.off"];
                for (at, one) in moods.iter().enumerate() {
                    for other in &moods[at + 1..] {
                        assert_ne!(theme.get(one), theme.get(other), "{name} {depth:?}");
                    }
                }
            }
            let bare = Theme::load(&name, None, Depth::None).unwrap();
            assert!(
                bare.get("ui.selection")
                    .add_modifier
                    .contains(Modifier::REVERSED)
            );
        }
    }

    #[test]
    fn a_scope_takes_its_parents_style_and_a_theme_its_parents_scopes() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("mine.toml");
        std::fs::write(
            &path,
            "inherits = 'dark'\n[scopes]\n'state' = 'red'\n'ui.text.dim' = {italic = true}",
        )
        .unwrap();
        let theme = Theme::load("mine", Some(directory.path()), Depth::True).unwrap();
        let dark = Theme::load("dark", None, Depth::True).unwrap();
        assert_eq!(theme.get("state.good"), dark.get("state.good"));
        assert_eq!(theme.get("ui.text.dim").add_modifier, Modifier::ITALIC);
        assert_eq!(theme.get("ui.brand"), dark.get("ui.brand"));
    }

    #[test]
    fn mistakes_are_named() {
        let directory = tempfile::tempdir().unwrap();
        let check = |text: &str| {
            std::fs::write(directory.path().join("bad.toml"), text).unwrap();
            Theme::load("bad", Some(directory.path()), Depth::True)
                .unwrap_err()
                .to_string()
        };
        assert!(check("[scopes]\n'state.god' = 'red'").contains("did you mean state.good?"));
        assert!(check("[scopes]\n'spark' = 'rde'").contains("rde is neither"));
        assert!(check("inherits = 'bad'").contains("inherits from it"));
        let unknown = Theme::load("../dark", None, Depth::True).unwrap_err();
        assert!(unknown.to_string().contains("dark, light"), "{unknown}");
    }
}
