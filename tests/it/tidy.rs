//! Rules of the repository, as tests: who may import whom, which crate belongs to which corner, and small habits.
//!
//! Imports are read from the text: every path that begins with `crate::`, `super::` or a crate's name, outside comments
//! and outside test modules. That sees what people write without compiling it; a macro that builds a path would escape.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Parts of the code that must not know each other, by layer. A service's layer has the name of its file
/// (`compute/store.rs` is `store`); everything else that of its folder or file under `src`.
const FORBIDDEN: &[(&str, &str)] = &[
    ("ids", "*"),
    (
        "db",
        "model rpc store ops sagas reconcile wire api client tui agent hypervisor bus saga",
    ),
    (
        "bus",
        "model store ops sagas reconcile wire api client tui agent hypervisor db saga",
    ),
    (
        "hypervisor",
        "store ops sagas reconcile wire api client tui agent db saga rpc",
    ),
    (
        "model",
        "rpc store ops sagas reconcile wire api client tui agent hypervisor bus saga db context config",
    ),
    (
        "rpc",
        "store ops sagas reconcile wire api client tui agent saga db context config",
    ),
    (
        "wire",
        "store ops sagas reconcile api client tui agent hypervisor bus saga db context config",
    ),
    (
        "store",
        "rpc ops sagas reconcile wire api client tui agent hypervisor bus config",
    ),
    ("ops", "foreign-store wire api client tui agent"),
    ("sagas", "foreign-store wire api client tui agent"),
    ("reconcile", "foreign-store wire api client tui agent"),
    ("api", "store sagas reconcile db client tui agent"),
    (
        "client",
        "model rpc store ops sagas reconcile api tui agent hypervisor bus saga db context",
    ),
    (
        "tui",
        "model rpc store ops sagas reconcile api agent hypervisor bus saga db context",
    ),
    (
        "agent",
        "store ops sagas reconcile wire api client tui saga db",
    ),
];

/// Crates that only these layers may use.
const CORNERS: &[(&str, &str)] = &[
    ("sqlx", "db store"),
    ("virt", "hypervisor"),
    ("lapin", "bus"),
    ("reqwest", "client fetch depot"),
    // Nodes answer their guests, who ask for metadata.
    ("axum", "api agent"),
    ("ratatui", "tui"),
    ("crossterm", "tui"),
];

/// Folders of `src` that are services, and their layers' names.
const SERVICES: &str = "identity compute image network volume telemetry depot doctor";
const LAYERS: &str = "model rpc wire store ops sagas reconcile api";

/// Longest file of `src`, in lines.
const LONGEST: usize = 700;
/// Lines that a file of tests alone may have.
const LONGEST_OF_TESTS: usize = 1000;

#[test]
fn nobody_imports_what_its_layer_must_not_know() {
    let mut wrong = Vec::new();
    for file in sources("src") {
        let importer = Module::of(&file.module);
        for path in imports(&file.production(), &file.module) {
            let imported = Module::of(&path);
            let forbidden = FORBIDDEN
                .iter()
                .find(|(layer, _)| *layer == importer.layer)
                .map_or("", |(_, forbidden)| forbidden);
            let foreign = importer.service != imported.service;
            let breaks = forbidden.split(' ').any(|rule| match rule {
                "*" => true,
                "foreign-store" => imported.layer == "store" && foreign,
                layer => imported.layer == layer && (foreign || importer.layer != layer),
            });
            // Series and rates have one shape, in memory and on the wire.
            let shaped_alike =
                file.name.starts_with("src/telemetry/ops/") && imported.layer == "wire" && !foreign;
            if breaks && !shaped_alike {
                wrong.push(format!(
                    "{}: {} must not know {}",
                    file.name,
                    importer.layer,
                    path.join("::")
                ));
            }
        }
    }
    report("imports against the layers", &wrong);
}

#[test]
fn crates_stay_in_their_corners() {
    let mut wrong = Vec::new();
    for file in sources("src") {
        let layer = Module::of(&file.module).layer;
        let text = file.production();
        for (name, corners) in CORNERS {
            let uses = words(&text).any(|(before, word, after)| {
                word == *name
                    && !before.ends_with("::")
                    && (after.starts_with("::") || before.trim_end().ends_with("use"))
            });
            let corner = has(corners, &layer);
            let libvirt = *name != "virt" || file.name.starts_with("src/hypervisor/libvirt");
            if uses && !(corner && libvirt) {
                wrong.push(format!("{}: {name} belongs to {corners}", file.name));
            }
        }
    }
    report("crates outside their corner", &wrong);
}

#[test]
fn every_file_says_what_it_is_for_and_is_not_too_long() {
    let mut wrong = Vec::new();
    for file in sources("src").into_iter().chain(sources("tests")) {
        if !file.text.starts_with("//!") {
            wrong.push(format!("{}: does not begin with //!", file.name));
        }
        let lines = file.text.lines().count();
        // Cases of one thing belong together, even when they are many.
        let longest = if file.name.ends_with("tests.rs") {
            LONGEST_OF_TESTS
        } else {
            LONGEST
        };
        if lines > longest {
            wrong.push(format!("{}: {lines} lines, at most {longest}", file.name));
        }
    }
    report("files", &wrong);
}

#[test]
fn nothing_is_unfinished_ignored_or_slept_over() {
    let anywhere = [
        concat!("todo", "!("),
        concat!("unimplemented", "!("),
        concat!("#[", "ignore"),
        concat!("#[", "allow"),
        concat!("#![", "allow"),
        concat!("FIX", "ME"),
        concat!("TO", "DO"),
        concat!("thread::", "sleep"),
    ];
    let in_tests = [concat!("time::", "sleep")];
    let mut wrong = Vec::new();
    for file in sources("src").into_iter().chain(sources("tests")) {
        // The one place that may let time pass for all tests.
        if file.name == "tests/it/lab/wait.rs" {
            continue;
        }
        let production = file.production().len();
        for (number, line) in file.text.lines().enumerate() {
            wrong.extend(
                anywhere
                    .iter()
                    .filter(|word| line.contains(*word))
                    .map(|word| format!("{}:{}: {word}", file.name, number + 1)),
            );
        }
        let tests = if file.name.starts_with("tests/") {
            &file.text
        } else {
            &file.text[production..]
        };
        wrong.extend(
            in_tests
                .iter()
                .filter(|word| tests.contains(*word))
                .map(|word| format!("{}: {word} in a test", file.name)),
        );
    }
    report("unfinished, ignored or slept over", &wrong);
}

#[test]
fn the_readme_names_only_targets_that_make_has() {
    let makefile = fs::read_to_string(root().join("Makefile")).unwrap();
    let readme = fs::read_to_string(root().join("README.md")).unwrap_or_default();
    let wrong: Vec<String> = readme
        .split("make ")
        .skip(1)
        .filter_map(|rest| {
            rest.split(|c: char| !(c.is_ascii_lowercase() || c == '-'))
                .next()
        })
        .zip(readme.match_indices("make ").map(|(at, _)| &readme[..at]))
        // Only where it is a command: at the start of a line or in backquotes.
        .filter(|(_, before)| {
            before.is_empty() || before.ends_with(['\n', '`']) || before.ends_with("$ ")
        })
        .filter(|(target, _)| {
            !makefile
                .lines()
                .any(|line| line.starts_with(&format!("{target}:")))
        })
        .map(|(target, _)| format!("README.md: make {target}"))
        .collect();
    report("targets that do not exist", &wrong);
}

#[test]
fn the_map_names_only_what_is_there() {
    let map = fs::read_to_string(root().join("src/lib.rs")).unwrap();
    let text: Vec<&str> = map
        .lines()
        .filter_map(|line| line.strip_prefix("//!"))
        .collect();
    let text = text.join(" ");
    // `file.rs` (`function`, `Type`)
    let mut wrong = Vec::new();
    let mut seen = 0;
    let quoted: Vec<&str> = text.split('`').collect();
    let mut file = None;
    for (at, part) in quoted.iter().enumerate() {
        if at % 2 == 0 {
            // Names in brackets belong to the file before them.
            if !matches!(part.trim(), "(" | ",") {
                file = None;
            }
            continue;
        }
        let (beside, below) = (root().join(part), root().join("src").join(part));
        if part.ends_with(".rs") || part.ends_with('/') {
            seen += 1;
            file = [below, beside].into_iter().find(|path| path.exists());
            if file.is_none() {
                wrong.push(format!("src/lib.rs: {part} is not there"));
            }
        } else if let Some(path) = file.as_ref().filter(|path| path.is_file()) {
            let code = fs::read_to_string(path).unwrap();
            let there = ["fn", "struct", "enum", "trait", "const", "static"]
                .iter()
                .flat_map(|word| {
                    code.match_indices(&format!("{word} {part}"))
                        .collect::<Vec<_>>()
                })
                .any(|(start, found)| {
                    let after = code[start + found.len()..].chars().next();
                    after.is_some_and(|c| !c.is_alphanumeric() && c != '_')
                });
            if !there {
                wrong.push(format!("src/lib.rs: {} has no {part}", path.display()));
            }
        }
    }
    assert!(seen > 40, "the map is elsewhere now: {seen} files");
    report("names in the map", &wrong);
}

#[test]
fn all_recurring_work_is_started() {
    let list = fs::read_to_string(root().join("src/roles/services.rs")).unwrap();
    let wrong: Vec<String> = sources("src")
        .into_iter()
        .filter(|file| {
            file.production()
                .contains("pub fn periodic() -> Vec<Periodic>")
        })
        // A service lists the work of its own parts.
        .filter(|file| file.name != "src/roles/services.rs")
        .filter(|file| {
            let whole = file.module.join("::");
            let service = file.module.first().cloned().unwrap_or_default();
            !list.contains(&format!("{whole}::periodic()"))
                && !list.contains(&format!("{service}::periodic()"))
        })
        .map(|file| file.name)
        .collect();
    report("recurring work that nobody starts", &wrong);
}

#[test]
fn scripts_are_clean() {
    let scripts: Vec<PathBuf> = ["config/setup", "config/lab", "tests/guest", ".ci"]
        .iter()
        .flat_map(|dir| files(&root().join(dir)))
        .filter(|path| fs::read(path).is_ok_and(|bytes| bytes.starts_with(b"#!")))
        .collect();
    assert!(
        scripts.len() > 5,
        "the scripts are elsewhere now: {scripts:?}"
    );
    let output = Command::new("shellcheck")
        .arg("-x")
        .args(&scripts)
        .output()
        .expect("shellcheck; `make setup-test` installs it");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stdout)
    );
}

#[test]
fn imports_are_found_in_every_form() {
    let module = ["compute", "ops", "server_create"].map(str::to_owned);
    let text = "use crate::{ids::{PortId, self}, network::store as s};\nfn f() { super::super::store::get(); crate::db::x() }";
    let found: Vec<String> = imports(text, &module)
        .iter()
        .map(|path| path.join("::"))
        .collect();
    assert_eq!(
        found,
        [
            "ids::PortId",
            "ids::self",
            "network::store",
            "compute::store::get",
            "db::x"
        ]
    );
    assert_eq!(
        Module::of(&["network", "store"].map(str::to_owned)).layer,
        "store"
    );
    assert_eq!(
        Module::of(&["agent", "network", "plan"].map(str::to_owned)).layer,
        "agent"
    );
}

/// One source file.
struct Source {
    /// Path from the repository's root.
    name: String,
    /// Path of its module, without `crate`.
    module: Vec<String>,
    text: String,
}

impl Source {
    /// The file without its test module, which stands at its end; nothing for files that are tests as a whole.
    fn production(&self) -> String {
        if self
            .module
            .iter()
            .any(|part| part == "tests" || part == "testing")
        {
            return String::new();
        }
        let end = self
            .text
            .find("#[cfg(test)]\nmod ")
            .unwrap_or(self.text.len());
        self.text[..end].to_owned()
    }
}

/// Where a module stands.
struct Module {
    service: Option<String>,
    layer: String,
}

impl Module {
    fn of(path: &[String]) -> Self {
        let first = path.first().map_or("main", String::as_str);
        let second = path.get(1).map_or("", String::as_str);
        if has(SERVICES, first) {
            let layer = if has(LAYERS, second) { second } else { first };
            return Self {
                service: Some(first.to_owned()),
                layer: layer.to_owned(),
            };
        }
        // What all services' wire formats share.
        if first == "api" && second == "wire" {
            return Self {
                service: None,
                layer: second.to_owned(),
            };
        }
        // The saga engine is one part, but its SQL is as private as a service's.
        if first == "saga" {
            let layer = if second == "store" { second } else { first };
            return Self {
                service: Some(first.to_owned()),
                layer: layer.to_owned(),
            };
        }
        Self {
            service: None,
            layer: first.to_owned(),
        }
    }
}

/// Full paths of everything imported or named by path, in order.
fn imports(text: &str, module: &[String]) -> Vec<Vec<String>> {
    let text: String = text
        .lines()
        .map(|line| line.split("//").next().unwrap_or_default())
        .collect::<Vec<_>>()
        .join("\n");
    let mut found = Vec::new();
    for (before, word, after) in words(&text) {
        if before.ends_with("::") || !after.starts_with("::") {
            continue;
        }
        let (base, mut rest) = match word {
            "crate" => (Vec::new(), after),
            "super" => (module[..module.len().saturating_sub(1)].to_vec(), after),
            _ => continue,
        };
        let mut base = base;
        while let Some(next) = rest.strip_prefix("::super") {
            base.pop();
            rest = next;
        }
        expand(&base, rest.trim_start_matches("::"), &mut found);
    }
    found
}

/// Adds every path of a use tree (`a::{b, c::d}`) that begins at `tree`; returns what follows it.
fn expand<'a>(base: &[String], tree: &'a str, found: &mut Vec<Vec<String>>) -> &'a str {
    let mut path = base.to_vec();
    let mut rest = tree;
    loop {
        if let Some(mut inner) = rest.strip_prefix('{') {
            loop {
                inner = inner.trim_start_matches(|c: char| c.is_whitespace() || c == ',');
                if let Some(end) = inner.strip_prefix('}') {
                    return end;
                }
                let next = expand(&path, inner, found);
                // An alias (`as name`) or a glob ends where the next item begins.
                inner = next.trim_start_matches(|c: char| c != ',' && c != '}');
                if inner.is_empty() {
                    return inner;
                }
            }
        }
        let end = rest
            .find(|c: char| !(c.is_alphanumeric() || c == '_'))
            .unwrap_or(rest.len());
        if end > 0 {
            path.push(rest[..end].to_owned());
        }
        rest = &rest[end..];
        match rest.strip_prefix("::") {
            Some(more) if end > 0 => rest = more,
            _ => {
                found.push(path);
                return rest;
            }
        }
    }
}

/// Every word of the text with what stands before and after it.
fn words(text: &str) -> impl Iterator<Item = (&str, &str, &str)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let inside = |c: char| c.is_alphanumeric() || c == '_';
        let start = at + text[at..].find(inside)?;
        let end = text[start..]
            .find(|c| !inside(c))
            .map_or(text.len(), |length| start + length);
        at = end;
        Some((&text[..start], &text[start..end], &text[end..]))
    })
}

/// Whether a list of words has this one.
fn has(list: &str, word: &str) -> bool {
    list.split(' ').any(|entry| entry == word)
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn sources(dir: &str) -> Vec<Source> {
    let mut found: Vec<Source> = files(&root().join(dir))
        .into_iter()
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .map(|path| {
            let inside = path.strip_prefix(root()).unwrap().with_extension("");
            let mut module: Vec<String> = inside
                .iter()
                .skip(1)
                .map(|part| part.to_string_lossy().into_owned())
                .collect();
            if module
                .last()
                .is_some_and(|last| ["mod", "lib", "main"].contains(&last.as_str()))
            {
                module.pop();
            }
            Source {
                name: path.strip_prefix(root()).unwrap().display().to_string(),
                module,
                text: fs::read_to_string(&path).unwrap(),
            }
        })
        .collect();
    found.sort_by(|a, b| a.name.cmp(&b.name));
    assert!(!found.is_empty(), "no sources in {dir}");
    found
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found
}

#[track_caller]
fn report(what: &str, wrong: &[String]) {
    assert!(wrong.is_empty(), "{what}:\n  {}", wrong.join("\n  "));
}
