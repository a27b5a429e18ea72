//! What there is in a cloud: rows, guests, files. Two worlds are compared line by line; ids and times, which are never the
//! same twice, are replaced by words.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::Path;
use std::sync::LazyLock;

use regex::Regex;

use super::lab::{HOST, Lab, SECOND};
use crate::db::schema::{Table, tables};
use crate::db::{Conn, sql};
use crate::hypervisor::Hypervisor;

/// Tables that only remember what happened, that say which process is at what, or whose rows are made once and by chance.
const HISTORY: &[&str] = &[
    "operation",
    "operation_event",
    "decision",
    "audit",
    "periodic",
    "sample",
    "control_process",
    "network_host",
    "server_project",
    "migration",
    "server_migration",
    "server_moves",
    "server_home",
    "turn",
    "depot_key",
];

/// Columns that count or date what happened.
const COUNTS: &[&str] = &[
    "created_at",
    "updated_at",
    "reported_at",
    "started_at",
    "launched_at",
    "revision",
    "generation",
    "last_given",
    "skew_us",
    "disk_free_gb",
    "uptime",
    "free_gb",
    "failures",
    "reservation_id",
    "number",
    "turn",
];

/// Tables whose rows have no word of their own in the end: a server that is deleted, for instance.
const GONE: &[(&str, &str)] = &[
    ("server", "deleted_at IS NULL"),
    ("volume", "status <> 'deleted'"),
    ("image", "status <> 'deleted'"),
    (
        "image_property",
        "image_id IN (SELECT id FROM image WHERE status <> 'deleted')",
    ),
    (
        "server_tag",
        "server_id IN (SELECT id FROM server WHERE deleted_at IS NULL)",
    ),
];

/// Lines, each with how often it is there.
#[derive(Clone, PartialEq, Eq)]
pub struct World {
    lines: BTreeMap<String, usize>,
}

impl World {
    pub async fn of(lab: &Lab) -> Self {
        let mut found = Vec::new();
        let mut conn = lab.cloud.db.read().await.unwrap();
        let tables = tables(&mut conn).await.unwrap();
        for table in tables
            .iter()
            .filter(|table| !HISTORY.contains(&table.name.as_str()))
        {
            found.extend(rows(&mut conn, table).await);
        }
        drop(conn);
        let second = lab.second.iter().map(|sim| (SECOND, sim));
        for (host, sim) in [(HOST, &lab.sim)].into_iter().chain(second) {
            for guest in sim.guests().await.unwrap() {
                let spec = sim.spec(guest.id).unwrap();
                let disks: BTreeSet<String> = spec
                    .disks
                    .iter()
                    .map(|disk| format!("{:?}", disk.serial))
                    .collect();
                found.push(format!(
                    "guest: {:?} on {host} vcpus {} memory {} disks {disks:?} nics {}",
                    guest.power,
                    spec.vcpus,
                    spec.memory_mb,
                    spec.nics.len()
                ));
            }
        }
        files(lab.dir.path(), lab.dir.path(), &mut found);
        let mut lines = BTreeMap::new();
        let place = lab.dir.path().display().to_string();
        for line in found {
            let line = line.replace(&place, "DIR");
            *lines.entry(without_ids(&line)).or_default() += 1;
        }
        Self { lines }
    }

    /// The same without the lines of these tables.
    pub fn without(mut self, tables: &[&str]) -> Self {
        self.lines.retain(|line, _| {
            !tables
                .iter()
                .any(|table| line.starts_with(&format!("{table}: ")))
        });
        self
    }

    /// Lines in which the two differ.
    pub fn differences(&self, other: &Self) -> String {
        let all: BTreeSet<&String> = self.lines.keys().chain(other.lines.keys()).collect();
        let mut text = String::new();
        for line in all {
            let (here, there) = (
                self.lines.get(line).copied().unwrap_or(0),
                other.lines.get(line).copied().unwrap_or(0),
            );
            if here != there {
                text += &format!("{here} instead of {there}: {line}\n");
            }
        }
        text
    }
}

impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.lines
            .iter()
            .try_for_each(|(line, count)| writeln!(f, "{count} {line}"))
    }
}

/// The rows of a table, as text.
async fn rows(conn: &mut Conn, table: &Table) -> Vec<String> {
    let condition = GONE
        .iter()
        .find(|(of, _)| *of == table.name)
        .map_or("1 = 1", |(_, condition)| condition);
    sql(format!(
        "SELECT {} FROM {} WHERE {condition}",
        table.names(),
        table.name
    ))
    .all(conn, |row| {
        let mut shown = Vec::new();
        for (column, kind) in &table.columns {
            let value = kind.take(row)?;
            if !COUNTS.contains(&column.as_str()) {
                shown.push(format!("{column} {value:?}"));
            }
        }
        Ok(format!("{}: {}", table.name, shown.join(", ")))
    })
    .await
    .unwrap()
}

/// Files below a directory, but the database.
fn files(root: &Path, directory: &Path, found: &mut Vec<String>) {
    for entry in std::fs::read_dir(directory).into_iter().flatten().flatten() {
        let path = entry.path();
        let name = entry.file_name();
        // The node remembers for a while what was asked last, also of what is gone.
        if name.to_string_lossy().starts_with("test.db") || name == "turns" {
            continue;
        }
        // What the last move of a guest leaves.
        if name.to_string_lossy().starts_with("migration-mark") {
            continue;
        }
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            files(root, &path, found);
        } else {
            let inside = path.strip_prefix(root).unwrap_or(&path);
            found.push(format!("file: {}", inside.display()));
        }
    }
}

fn without_ids(line: &str) -> String {
    static PATTERNS: LazyLock<[(Regex, &str); 3]> = LazyLock::new(|| {
        [
            (
                r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
                "ID",
            ),
            (r"\b([0-9a-f]{2}:){5}[0-9a-f]{2}\b", "MAC"),
            (r"\b[0-9]{16}\b", "TIME"),
        ]
        .map(|(pattern, word)| (Regex::new(pattern).unwrap(), word))
    });
    PATTERNS
        .iter()
        .fold(line.to_owned(), |line, (pattern, word)| {
            pattern.replace_all(&line, *word).into_owned()
        })
}
