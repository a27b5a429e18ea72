//! What joining leaves on a machine: settings, certificates of the broker's authority, a unit.
//!
//! The file of settings is made first, empty, before the token is redeemed: that it can be made is known then, and nobody
//! else makes it meanwhile. Files are 0600, for the settings hold the bus's password.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use toml::{Table, Value};

use super::NodesError;
use crate::compute::wire::NodeJoined;
use crate::config::Config;

/// Where settings are unless `--config` says otherwise.
const SETTINGS: &str = "/etc/skydeck/config.toml";
/// First line of settings that were written here, by which leaving knows them.
const MARK: &str = "# Written by `skydeck node join`; `skydeck node leave` removes it.";
/// Name of the certificates, beside the settings.
const AUTHORITY: &str = "bus-ca.pem";
/// The unit as it is in the repository, and what in it depends on the machine.
const UNIT: &str = include_str!("../../../config/skydeck-agent.service");
const UNIT_START: &str = "/usr/local/bin/skydeck agent --config /etc/skydeck/config.toml";
const UNIT_DATA: &str = "ReadWritePaths=/var/lib/skydeck";
/// Its name.
pub const SERVICE: &str = "skydeck-agent.service";
/// Directories that the unit does not see.
const HIDDEN: [&str; 3] = ["/root", "/home", "/tmp"];

/// The places of one machine.
#[derive(Clone, Debug)]
pub struct Place {
    /// The settings.
    pub settings: PathBuf,
    authority: PathBuf,
    unit: PathBuf,
}

impl Place {
    /// With the settings in this file, or in the usual one.
    pub fn new(file: Option<PathBuf>) -> Result<Self, NodesError> {
        let settings = file.unwrap_or_else(|| SETTINGS.into());
        let settings = std::path::absolute(&settings).map_err(|error| NodesError::File {
            path: settings.clone(),
            reason: error.to_string(),
        })?;
        Ok(Self {
            authority: settings.with_file_name(AUTHORITY),
            unit: Path::new("/etc/systemd/system").join(SERVICE),
            settings,
        })
    }

    /// Makes the file of settings, empty.
    pub fn take(&self) -> Result<(), NodesError> {
        let parent = self.settings.parent().unwrap_or(Path::new("/"));
        let mut builder = fs::DirBuilder::new();
        let made = builder.recursive(true).mode(0o755).create(parent);
        made.and_then(|()| create(&self.settings, "")).map_err(|error| {
            let reason = if error.kind() == io::ErrorKind::AlreadyExists {
                "it is there already, so this machine has been set up before: `skydeck node leave` undoes an earlier join; settings of your own can stay if --config names another file for the node's".into()
            } else {
                error.to_string()
            };
            self.fault(&self.settings, reason)
        })
    }

    /// Writes what the node was told.
    pub fn write(&self, config: &Config, joined: &NodeJoined) -> Result<(), NodesError> {
        let text = settings(
            config,
            joined,
            joined.bus_ca.as_ref().map(|_| &*self.authority),
        );
        if let Some(authority) = &joined.bus_ca {
            replace(&self.authority, authority)
                .map_err(|error| self.fault(&self.authority, error.to_string()))?;
        }
        replace(&self.settings, &text)
            .map_err(|error| self.fault(&self.settings, error.to_string()))
    }

    /// Whether the settings are those of a node that joined.
    pub fn is_joined(&self) -> bool {
        fs::read_to_string(&self.settings).is_ok_and(|text| text.starts_with(MARK))
    }

    /// Whether there is a unit.
    pub fn has_unit(&self) -> bool {
        self.unit.exists()
    }

    /// Writes the unit.
    pub fn write_unit(&self, config: &Config) -> Result<(), NodesError> {
        let program = std::env::current_exe()
            .map_err(|error| self.fault(Path::new("/proc/self/exe"), error.to_string()))?;
        let text = unit(&program, &self.settings, &config.data_dir);
        create(&self.unit, &text).map_err(|error| self.fault(&self.unit, error.to_string()))
    }

    /// Takes the unit away; success if there is none.
    pub fn remove_unit(&self) -> Result<(), NodesError> {
        self.remove(&self.unit)
    }

    /// Takes the settings away.
    pub fn clear(&self) -> Result<(), NodesError> {
        self.remove(&self.authority)?;
        self.remove(&self.settings)?;
        // The directory goes, too, if nothing else is in it.
        let _ = self.settings.parent().map(fs::remove_dir);
        Ok(())
    }

    fn remove(&self, path: &Path) -> Result<(), NodesError> {
        match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(self.fault(path, error.to_string()))
            }
            _ => Ok(()),
        }
    }

    fn fault(&self, path: &Path, reason: String) -> NodesError {
        NodesError::File {
            path: path.to_owned(),
            reason,
        }
    }
}

/// Whether systemd runs this machine.
pub fn has_systemd() -> bool {
    Path::new("/run/systemd/system").is_dir()
}

/// Why the unit could not start this program, if so.
pub fn hidden_program() -> Option<String> {
    let program = std::env::current_exe().ok()?;
    let hidden = HIDDEN.iter().find(|dir| program.starts_with(dir))?;
    Some(format!(
        "the program is in {hidden}, which the agent's unit does not see: copy it first (install -m 0755 {} /usr/local/bin/) and run that one",
        program.display()
    ))
}

/// Runs `systemctl`; what it complains of as an error.
pub async fn systemctl(arguments: &[&str]) -> Result<(), String> {
    let output = tokio::process::Command::new("systemctl")
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .await
        .map_err(|error| format!("systemctl: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(format!(
        "systemctl {}: {}",
        arguments.join(" "),
        said.trim()
    ))
}

/// The settings of a node. What is not the same on every machine is written, whatever it was set by when joining.
fn settings(config: &Config, joined: &NodeJoined, authority: Option<&Path>) -> String {
    let text = |path: &Path| Value::from(path.display().to_string());
    let mut bus = Table::new();
    bus.insert("url".into(), joined.bus_url.expose().into());
    if let Some(authority) = authority {
        bus.insert("ca_file".into(), text(authority));
    }
    let mut agent = Table::new();
    agent.insert("host".into(), joined.name.as_str().into());
    agent.insert("hypervisor".into(), config.agent.hypervisor.as_str().into());
    let mut whole = Table::new();
    whole.insert("data_dir".into(), text(&config.data_dir));
    whole.insert("bus".into(), bus.into());
    whole.insert("agent".into(), agent.into());
    format!("{MARK}\n{whole}")
}

/// The unit for this program, settings and data.
fn unit(program: &Path, settings: &Path, data_dir: &Path) -> String {
    let start = format!(
        "{} agent --config {}",
        program.display(),
        settings.display()
    );
    UNIT.replace(UNIT_START, &start)
        .replace(UNIT_DATA, &format!("ReadWritePaths={}", data_dir.display()))
}

/// Makes a file that only we may read, and that was not there.
fn create(path: &Path, text: &str) -> io::Result<()> {
    let mut options = File::options();
    let mut file = options
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

/// Gives a file this content, at once.
fn replace(path: &Path, text: &str) -> io::Result<()> {
    let new = path.with_extension("new");
    match fs::remove_file(&new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    create(&new, text)?;
    fs::rename(&new, path)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use super::*;
    use crate::api::wire::Secret;
    use crate::config::Sources;

    fn config(file: Option<PathBuf>) -> Config {
        Config::load(&Sources {
            required_file: file,
            flags: vec![("data_dir".into(), "/srv/sky deck".into())],
            ..Sources::default()
        })
        .unwrap()
    }

    #[test]
    fn what_a_node_was_told_is_what_its_agent_reads() {
        let dir = tempfile::tempdir().unwrap();
        let place = Place::new(Some(dir.path().join("etc/config.toml"))).unwrap();
        place.take().unwrap();
        let again = place.take().unwrap_err().to_string();
        assert!(
            again.contains("node leave") && !place.is_joined(),
            "{again}"
        );
        let joined = NodeJoined {
            name: "cmp-1".into(),
            bus_url: Secret::new("amqps://u:p\"%2f@mq/v"),
            bus_ca: Some("-----BEGIN CERTIFICATE-----\n".into()),
            version: String::new(),
        };
        place.write(&config(None), &joined).unwrap();
        let read = config(Some(place.settings.clone()));
        assert_eq!(read.agent.host, "cmp-1");
        assert_eq!(read.bus.url, joined.bus_url.expose());
        assert_eq!(read.bus.ca_file, place.authority);
        for file in [&place.settings, &place.authority] {
            assert_eq!(fs::metadata(file).unwrap().mode() & 0o777, 0o600);
        }
        assert!(place.is_joined());
        place.clear().unwrap();
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }

    #[test]
    fn the_unit_starts_this_program_with_these_settings() {
        let text = unit(
            Path::new("/opt/skydeck"),
            Path::new("/etc/n.toml"),
            Path::new("/srv"),
        );
        assert!(text.contains("\nExecStart=/opt/skydeck agent --config /etc/n.toml\n"));
        assert!(text.contains("\nReadWritePaths=/srv\n") && !text.contains("/var/lib/skydeck"));
    }
}
