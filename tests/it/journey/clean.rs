//! That nothing is left over: no guest, no file, no tap, no row.
//!
//! Rows are counted in the database itself, for what the API does not show is what leaks. The reference is the cloud after
//! its first start.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::cloud::Cloud;
use crate::lab::wait::wait_until;

/// Tables whose rows come and go with servers and volumes.
const TABLES: &[&str] = &[
    "claim",
    "operation_lock",
    "port",
    "address",
    "server_nic",
    "server_volume",
    "server_residue",
    "server_console",
    "server_tag",
    "volume_attachment",
];
/// How long a node may take to sweep up after the control plane is done.
const SWEEP: Duration = Duration::from_secs(30);
/// Counts the rows of the tables that exist.
const COUNT: &str = "import sqlite3, sys
db = sqlite3.connect('file:' + sys.argv[1] + '?mode=ro', uri=True, timeout=30)
there = {name for (name,) in db.execute(\"SELECT name FROM sqlite_master WHERE type = 'table'\")}
for table in sys.argv[2:]:
    if table in there:
        print(table, db.execute('SELECT count(*) FROM ' + table).fetchone()[0])
";

/// What there is on a machine and in its database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Baseline {
    rows: BTreeMap<String, u64>,
    domains: Vec<String>,
    taps: Vec<String>,
    files: Vec<String>,
}

impl Baseline {
    /// As it is now.
    pub fn of(cloud: &Cloud) -> Self {
        let machine = &cloud.machine;
        let database = cloud.data().join("skydeck.db").display().to_string();
        let mut line = vec!["/usr/bin/python3", "-c", COUNT, database.as_str()];
        line.extend(TABLES);
        let rows = machine.run(&line);
        let rows = rows.lines().filter_map(|line| {
            let (table, count) = line.split_once(' ')?;
            Some((table.to_owned(), count.parse().ok()?))
        });
        let lines = |text: String| {
            text.split_whitespace()
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        let links = machine.run(&["ls", "/sys/class/net"]);
        let files = |directory: &str| {
            let entries = std::fs::read_dir(cloud.data().join(directory))
                .into_iter()
                .flatten()
                .flatten();
            let mut names: Vec<_> = entries
                .map(|entry| format!("{directory}/{}", entry.file_name().display()))
                .collect();
            names.sort();
            names
        };
        Self {
            rows: rows.collect(),
            domains: lines(machine.run(&["virsh", "list", "--all", "--name"])),
            taps: lines(links)
                .into_iter()
                .filter(|name| name.starts_with("sdt-"))
                .collect(),
            files: [files("instances"), files("volumes")].concat(),
        }
    }
}

impl Cloud {
    /// Asserts, once no server or volume is left, that nothing of any is.
    #[track_caller]
    pub fn assert_clean(&self) {
        let begun = Instant::now();
        wait_until("nothing to be left over", SWEEP * 2, || {
            let now = Baseline::of(self);
            let clean = &now == self.baseline();
            assert!(
                clean || begun.elapsed() < SWEEP,
                "left over: {now:#?}\ninstead of {:#?}",
                self.baseline()
            );
            clean
        });
    }
}
