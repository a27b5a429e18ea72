//! Settings in layers: built-in defaults, `/etc/skydeck/config.toml`, the user's file, `SKYDECK_…` variables, flags.
//!
//! The built-in file is also the schema: a key that it does not have is an error that names the nearest one it has, and a
//! variable's name is resolved against its keys. Invariant: after [`Config::load`] every path is absolute.

mod network;
mod remote;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use etcetera::BaseStrategy;
use serde::Deserialize;
use toml::{Table, Value};

pub use network::{Engine, MOST_VNI, Network, NumberRange, PhysicalNetwork};
pub use remote::{Remote, parse_remotes};

/// The built-in layer.
pub const DEFAULTS: &str = include_str!("../config/default.toml");

/// What is wrong with the settings.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A file can not be read.
    #[error("{path} can not be read: {reason}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// A layer is no TOML, or a value is of the wrong kind.
    #[error("{layer}: {reason}")]
    Malformed {
        /// File or variable.
        layer: String,
        /// What is wrong.
        reason: String,
    },
    /// A key that does not exist.
    #[error("{layer}: there is no setting {key}{}", nearest.as_ref().map(|near| format!("; did you mean {near}?")).unwrap_or_default())]
    UnknownKey {
        /// File or variable.
        layer: String,
        /// The key as written.
        key: String,
        /// The key it most resembles.
        nearest: Option<String>,
    },
}

/// All settings. Field by field as documented in `config/default.toml`.
#[derive(Clone, Debug, Deserialize)]
#[expect(missing_docs, reason = "config/default.toml documents each key")]
pub struct Config {
    pub data_dir: PathBuf,
    pub database: Database,
    pub bus: BusSettings,
    pub api: Api,
    pub agent: Agent,
    pub identity: Identity,
    pub compute: Compute,
    pub image: Image,
    pub volume: Volume,
    pub network: Network,
    pub quota: std::collections::BTreeMap<String, i64>,
    pub telemetry: Telemetry,
    pub operations: Operations,
    pub console: Console,
    pub log: Log,
}

/// `[database]`
#[derive(Clone, Deserialize)]
#[expect(missing_docs, reason = "config/default.toml documents each key")]
pub struct Database {
    pub url: String,
}

impl std::fmt::Debug for Database {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Database { url: (may hold a password) }")
    }
}

/// `[bus]`
#[derive(Clone, Deserialize)]
#[expect(missing_docs, reason = "config/default.toml documents each key")]
pub struct BusSettings {
    pub url: String,
    pub node_url: String,
    pub ca_file: PathBuf,
    pub cert_file: PathBuf,
    pub key_file: PathBuf,
}

impl BusSettings {
    /// Whether the bus is inside one process.
    pub fn is_local(&self) -> bool {
        self.url == "local:"
    }
}

impl std::fmt::Debug for BusSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("BusSettings { url: (may hold a password) }")
    }
}

/// `[api]`
#[derive(Clone, Debug, Deserialize)]
#[expect(missing_docs, reason = "config/default.toml documents each key")]
pub struct Api {
    pub listen: Vec<Listen>,
    pub public_url: String,
    pub node_url: String,
    pub cert_file: PathBuf,
    pub key_file: PathBuf,
    pub max_body: usize,
}

/// One place where the API listens.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum Listen {
    /// A Unix socket, mode 0600.
    Unix(PathBuf),
    /// An address and port.
    Tcp(SocketAddr),
    /// The same, with TLS.
    Tls(SocketAddr),
}

impl TryFrom<String> for Listen {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if let Some(path) = text.strip_prefix("unix:") {
            return Ok(Self::Unix(path.trim_start_matches("//").into()));
        }
        let (place, of): (_, fn(SocketAddr) -> Self) = match text.strip_prefix("tls:") {
            Some(rest) => (rest, Self::Tls),
            None => (text.as_str(), Self::Tcp),
        };
        place.parse().map(of).map_err(|_| {
            format!("{text:?} is neither unix:PATH nor ADDRESS:PORT with a numeric address, like 127.0.0.1:8774, nor that with tls: before it")
        })
    }
}

/// `[agent]`
#[derive(Clone, Debug, Deserialize)]
#[expect(missing_docs, reason = "config/default.toml documents each key")]
pub struct Agent {
    pub enabled: bool,
    pub host: String,
    pub hypervisor: String,
    pub virt_type: VirtChoice,
    pub probe_kernel: PathBuf,
    pub instances_dir: PathBuf,
    pub volumes_dir: PathBuf,
    pub my_ip: String,
    pub tunnel_ip: String,
    pub physical_networks: Vec<PhysicalNetwork>,
    pub migration_address: String,
    pub migration_uri: String,
    pub report_interval: u64,
    pub sample_interval: u64,
    pub down_after: u64,
}

/// How guests shall execute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum VirtChoice {
    /// Find out by a trial.
    Auto,
    /// In hardware.
    Kvm,
    /// Translated.
    Qemu,
}

/// `[identity]`
#[derive(Clone, Debug, Deserialize)]
#[expect(missing_docs, reason = "config/default.toml documents each key")]
pub struct Identity {
    pub bootstrap_password_file: PathBuf,
    pub token_hours: i64,
    pub region: String,
}

/// `[compute]`
#[derive(Clone, Debug, Deserialize)]
#[expect(missing_docs, reason = "config/default.toml documents each key")]
pub struct Compute {
    pub cpu_allocation_ratio: f64,
    pub ram_allocation_ratio: f64,
    pub disk_allocation_ratio: f64,
    pub reserved_host_memory_mb: u64,
    pub reserved_host_disk_gb: u64,
    pub filters: Vec<String>,
    pub weighers: std::collections::BTreeMap<String, f64>,
    pub max_instances_per_host: u64,
    pub max_io_ops_per_host: u64,
    pub isolated_hosts: Vec<String>,
    pub isolated_images: Vec<crate::ids::ImageId>,
    pub restrict_isolated_hosts_to_isolated_images: bool,
    pub conditions: std::collections::BTreeMap<String, String>,
    pub metrics: std::collections::BTreeMap<String, f64>,
    pub shutdown_timeout: u64,
    pub resize_confirm_window: u64,
    pub fencing_command: Vec<String>,
    pub fencing_delay: u64,
    pub fencing_timeout: u64,
    pub max_attempts: usize,
    pub live_migration_bandwidth: u64,
    pub live_migration_downtime: u64,
    pub live_migration_completion_timeout: u64,
    pub live_migration_timeout_action: TimeoutAction,
    pub live_migration_with_native_tls: bool,
    pub live_migration_permit_auto_converge: bool,
    pub live_migration_permit_post_copy: bool,
}

/// What happens to a live migration that takes too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TimeoutAction {
    /// The guest stays.
    Abort,
    /// It is ended with a longer pause, or by post-copy where that is allowed.
    ForceComplete,
}

/// `[image]`
#[derive(Clone, Debug, Deserialize)]
#[expect(missing_docs, reason = "config/default.toml documents each key")]
pub struct Image {
    pub dir: PathBuf,
    pub max_bytes: u64,
    pub cache_bytes: u64,
}

/// `[volume]`
#[derive(Clone, Debug, Deserialize)]
#[expect(missing_docs, reason = "config/default.toml documents each key")]
pub struct Volume {
    pub max_over_subscription_ratio: f64,
}

/// `[telemetry]`
#[derive(Clone, Debug, Deserialize)]
#[expect(missing_docs, reason = "config/default.toml documents each key")]
pub struct Telemetry {
    pub keep_seconds: i64,
    pub keep_minutes: i64,
    pub keep_hours: i64,
}

/// `[operations]`
#[derive(Clone, Debug, Deserialize)]
#[expect(missing_docs, reason = "config/default.toml documents each key")]
pub struct Operations {
    pub keep_days: i64,
    pub lease_seconds: i64,
    pub concurrency: usize,
}

/// `[console]`
#[derive(Clone, Debug, Deserialize)]
#[expect(missing_docs, reason = "config/default.toml documents each key")]
pub struct Console {
    pub theme: String,
    pub ascii: bool,
}

/// `[log]`
#[derive(Clone, Debug, Deserialize)]
#[expect(missing_docs, reason = "config/default.toml documents each key")]
pub struct Log {
    pub level: String,
}

/// Where layers come from; tests give their own.
#[derive(Debug, Default)]
pub struct Sources {
    /// Files in order; those that do not exist are skipped.
    pub files: Vec<PathBuf>,
    /// A file that must exist (`--config`).
    pub required_file: Option<PathBuf>,
    /// Variables that begin with `SKYDECK_`.
    pub variables: Vec<(String, String)>,
    /// Flags: dotted key and value.
    pub flags: Vec<(String, String)>,
}

impl Sources {
    /// The system's, the user's, the environment's; plus `--config` and flags.
    pub fn standard(required_file: Option<PathBuf>, flags: Vec<(String, String)>) -> Self {
        let mut files = vec![PathBuf::from("/etc/skydeck/config.toml")];
        if let Ok(dirs) = etcetera::choose_base_strategy() {
            files.push(dirs.config_dir().join("skydeck/config.toml"));
        }
        let variables = std::env::vars()
            .filter(|(name, _)| name.starts_with("SKYDECK_"))
            .collect();
        Self {
            files,
            required_file,
            variables,
            flags,
        }
    }
}

impl Config {
    /// Puts the layers together.
    pub fn load(sources: &Sources) -> Result<Self, ConfigError> {
        let defaults: Table = toml::from_str(DEFAULTS).map_err(|error| ConfigError::Malformed {
            layer: "config/default.toml".into(),
            reason: error.to_string(),
        })?;
        let known = keys(&defaults);
        let mut merged = defaults;
        for path in &sources.files {
            if path.exists() {
                merge_file(&mut merged, path, &known)?;
            }
        }
        if let Some(path) = &sources.required_file {
            merge_file(&mut merged, path, &known)?;
        }
        for (name, text) in &sources.variables {
            let bare = name.trim_start_matches("SKYDECK_").to_lowercase();
            // Settings of the environment that are not settings of the configuration.
            if bare.starts_with("test_") {
                continue;
            }
            let key = known
                .iter()
                .find(|key| key.replace('.', "_") == bare)
                .ok_or_else(|| unknown(name, &bare, &known, '_'))?;
            set(&mut merged, key, text, name)?;
        }
        for (key, text) in &sources.flags {
            set(
                &mut merged,
                key,
                text,
                &format!("--{}", key.replace(['.', '_'], "-")),
            )?;
        }
        let mut config: Self =
            merged
                .try_into()
                .map_err(|error: toml::de::Error| ConfigError::Malformed {
                    layer: "settings".into(),
                    reason: error.message().to_owned(),
                })?;
        config.complete()?;
        Ok(config)
    }

    /// Fills in what is derived from other settings or from the machine.
    fn complete(&mut self) -> Result<(), ConfigError> {
        let malformed = |reason: String| ConfigError::Malformed {
            layer: "settings".into(),
            reason,
        };
        if self.data_dir.as_os_str().is_empty() {
            self.data_dir = default_data_dir()
                .ok_or_else(|| malformed("data_dir: no home directory; set data_dir".into()))?;
        }
        self.data_dir = std::path::absolute(&self.data_dir)
            .map_err(|error| malformed(format!("data_dir: {error}")))?;
        for file in [
            &mut self.bus.ca_file,
            &mut self.bus.cert_file,
            &mut self.bus.key_file,
            &mut self.api.cert_file,
            &mut self.api.key_file,
        ] {
            if !file.as_os_str().is_empty() {
                *file = std::path::absolute(&*file)
                    .map_err(|error| malformed(format!("{}: {error}", file.display())))?;
            }
        }
        if self.database.url.is_empty() {
            self.database.url = format!("sqlite://{}", self.data_dir.join("skydeck.db").display());
        }
        if self.image.dir.as_os_str().is_empty() {
            self.image.dir = self.data_dir.join("images");
        }
        self.image.dir = std::path::absolute(&self.image.dir)
            .map_err(|error| malformed(format!("image.dir: {error}")))?;
        for listen in &mut self.api.listen {
            if matches!(listen, Listen::Unix(path) if path.as_os_str().is_empty()) {
                *listen = Listen::Unix(self.data_dir.join("api.sock"));
            }
        }
        if self.agent.host.is_empty() {
            let name = nix::unistd::gethostname()
                .map_err(|error| malformed(format!("agent.host: {error}")))?;
            self.agent.host = name
                .to_string_lossy()
                .split('.')
                .next()
                .unwrap_or("localhost")
                .to_owned();
        }
        if self.identity.bootstrap_password_file.as_os_str().is_empty() {
            self.identity.bootstrap_password_file = self.data_dir.join("admin-password");
        }
        for (name, value, low, high) in [
            ("agent.report_interval", self.agent.report_interval, 1, 3600),
            ("agent.sample_interval", self.agent.sample_interval, 1, 3600),
            ("agent.down_after", self.agent.down_after, 2, 86400),
            (
                "compute.shutdown_timeout",
                self.compute.shutdown_timeout,
                0,
                3600,
            ),
            (
                "compute.fencing_timeout",
                self.compute.fencing_timeout,
                1,
                3600,
            ),
        ] {
            if !(low..=high).contains(&value) {
                return Err(malformed(format!(
                    "{name} is {value}: {low} to {high} is allowed"
                )));
            }
        }
        for (name, address) in [
            ("agent.my_ip", &self.agent.my_ip),
            ("agent.tunnel_ip", &self.agent.tunnel_ip),
        ] {
            if !address.is_empty() && address.parse::<std::net::IpAddr>().is_err() {
                return Err(malformed(format!(
                    "{name} is {address:?}, which is no address"
                )));
            }
        }
        self.network.check().map_err(malformed)?;
        network::check_physical(&self.agent.physical_networks).map_err(malformed)?;
        if let Some(program) = self.compute.fencing_command.first()
            && !program.starts_with('/')
        {
            return Err(malformed(format!(
                "compute.fencing_command begins with {program:?}: give the program's full path"
            )));
        }
        Ok(())
    }

    /// The socket that consoles of this machine attach to.
    pub fn socket(&self) -> Option<&Path> {
        self.api.listen.iter().find_map(|listen| match listen {
            Listen::Unix(path) => Some(path.as_path()),
            Listen::Tcp(_) | Listen::Tls(_) => None,
        })
    }

    /// Whether the database is one that a single control process must have for itself.
    pub fn is_single(&self) -> bool {
        self.database.url.starts_with("sqlite:")
    }
}

fn default_data_dir() -> Option<PathBuf> {
    if nix::unistd::geteuid().is_root() {
        return Some("/var/lib/skydeck".into());
    }
    etcetera::choose_base_strategy()
        .ok()
        .map(|dirs| dirs.data_dir().join("skydeck"))
}

/// Dotted names of all values. `quota`, `compute.weighers` and the like are tables whose keys are settings too.
fn keys(table: &Table) -> Vec<String> {
    let mut found = Vec::new();
    for (key, value) in table {
        match value {
            Value::Table(inner) => {
                found.extend(keys(inner).into_iter().map(|rest| format!("{key}.{rest}")))
            }
            _ => found.push(key.clone()),
        }
    }
    found
}

fn unknown(layer: &str, key: &str, known: &[String], separator: char) -> ConfigError {
    let spelled = |known: &String| {
        if separator == '_' {
            known.replace('.', "_")
        } else {
            known.clone()
        }
    };
    let nearest = known
        .iter()
        .map(|candidate| {
            (
                strsim::damerau_levenshtein(&spelled(candidate), key),
                candidate,
            )
        })
        .min_by_key(|(distance, _)| *distance)
        .filter(|(distance, _)| *distance <= key.len() / 2 + 1)
        .map(|(_, candidate)| {
            if separator == '_' {
                format!("SKYDECK_{}", candidate.replace('.', "_").to_uppercase())
            } else {
                candidate.clone()
            }
        });
    ConfigError::UnknownKey {
        layer: layer.to_owned(),
        key: key.to_owned(),
        nearest,
    }
}

/// Tables whose keys are names that the operator chooses.
const FREE_TABLES: [&str; 1] = ["compute.conditions."];

fn merge_file(merged: &mut Table, path: &Path, known: &[String]) -> Result<(), ConfigError> {
    let text = std::fs::read_to_string(path).map_err(|error| ConfigError::Read {
        path: path.to_owned(),
        reason: error.to_string(),
    })?;
    let layer = path.display().to_string();
    let table: Table = toml::from_str(&text).map_err(|error| ConfigError::Malformed {
        layer: layer.clone(),
        reason: error.to_string(),
    })?;
    for key in keys(&table) {
        let named = FREE_TABLES.iter().any(|table| key.starts_with(table));
        if !named && !known.contains(&key) {
            return Err(unknown(&layer, &key, known, '.'));
        }
    }
    overlay(merged, table);
    Ok(())
}

fn overlay(below: &mut Table, above: Table) {
    for (key, value) in above {
        match (below.get_mut(&key), value) {
            (Some(Value::Table(inner)), Value::Table(more)) => overlay(inner, more),
            (_, value) => {
                below.insert(key, value);
            }
        }
    }
}

/// Sets a dotted key from text, as the kind of value that the defaults have there; lists are separated by commas.
fn set(merged: &mut Table, key: &str, text: &str, layer: &str) -> Result<(), ConfigError> {
    let malformed = |wanted: &str| ConfigError::Malformed {
        layer: layer.to_owned(),
        reason: format!("{text:?} is no {wanted}"),
    };
    let mut parts: Vec<&str> = key.split('.').collect();
    let last = parts.pop().unwrap_or_default();
    let mut table = merged;
    for part in parts {
        table = match table.get_mut(part) {
            Some(Value::Table(inner)) => inner,
            _ => return Err(malformed("known setting")),
        };
    }
    let value = match table.get(last) {
        Some(Value::Boolean(_)) => {
            Value::Boolean(text.parse().map_err(|_| malformed("true or false"))?)
        }
        Some(Value::Integer(_)) => {
            Value::Integer(text.parse().map_err(|_| malformed("whole number"))?)
        }
        Some(Value::Float(_)) => Value::Float(text.parse().map_err(|_| malformed("number"))?),
        Some(Value::Array(_)) => Value::Array(
            text.split(',')
                .filter(|part| !part.is_empty())
                .map(|part| Value::String(part.trim().to_owned()))
                .collect(),
        ),
        _ => Value::String(text.to_owned()),
    };
    table.insert(last.to_owned(), value);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(file: &str, variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("config.toml");
        std::fs::write(&path, file).unwrap();
        let variables = variables
            .iter()
            .map(|(name, text)| ((*name).to_owned(), (*text).to_owned()))
            .collect();
        Config::load(&Sources {
            files: vec![path],
            variables,
            ..Sources::default()
        })
    }

    #[test]
    fn layers_override_each_other_and_paths_become_whole() {
        let config = load(
            "data_dir = '/x'\n[agent]\nhost = 'a'\n",
            &[
                ("SKYDECK_AGENT_HOST", "b"),
                ("SKYDECK_API_LISTEN", "unix:,127.0.0.1:1"),
            ],
        )
        .unwrap();
        assert_eq!(config.agent.host, "b");
        assert_eq!(config.database.url, "sqlite:///x/skydeck.db");
        assert_eq!(
            config.api.listen,
            [
                Listen::Unix("/x/api.sock".into()),
                Listen::Tcp("127.0.0.1:1".parse().unwrap())
            ]
        );
    }

    #[test]
    fn an_unknown_key_names_the_nearest() {
        for (file, variables, near) in [
            ("[agent]\nhyprvisor = 'x'\n", vec![], "agent.hypervisor"),
            ("[databse]\nurl = 'x'\n", vec![], "database.url"),
            ("", vec![("SKYDECK_AGENT_HOTS", "x")], "SKYDECK_AGENT_HOST"),
        ] {
            let message = load(file, &variables).unwrap_err().to_string();
            assert!(message.contains(near), "{message}");
        }
    }

    #[test]
    fn a_wrong_value_says_what_is_allowed() {
        for (file, part) in [
            ("[agent]\nreport_interval = 0\n", "1 to 3600"),
            ("[agent]\nenabled = 'maybe'\n", "boolean"),
            ("[api]\nlisten = ['localhost:1']\n", "numeric address"),
        ] {
            let message = load(file, &[]).unwrap_err().to_string();
            assert!(message.contains(part), "{message}");
        }
    }
}
