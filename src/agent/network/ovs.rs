//! Open vSwitch on this machine, asked by `ovs-vsctl`: one call to look, one call for each change, each a transaction that
//! Open vSwitch has carried out when the call ends.
//!
//! Nothing is run on a node that never was a chassis of OVN, which need not have Open vSwitch.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::error::HostError;
use super::files::write_private;
use super::program::Program;
use super::vswitch::{
    Datapath, IDENTITY, MARK, SETTINGS, SeenPort, SeenSwitch, SeenSwitchBridge, Switch,
    SwitchChange,
};
use crate::network::names::INTEGRATION_BRIDGE;

const VSCTL: Program = Program {
    name: "ovs-vsctl",
    package: "openvswitch-switch",
};
/// Seconds that Open vSwitch may take for one change.
const PATIENCE: &str = "--timeout=10";
/// Where modules of the kernel show.
const MODULE: &str = "/sys/module/openvswitch";

/// Where the daemons of Open vSwitch and OVN have their sockets, and the machine its name for them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SwitchPlace {
    /// Open vSwitch's.
    pub vswitch: PathBuf,
    /// OVN's.
    pub ovn: PathBuf,
    /// Where Debian keeps the name of the chassis, which Open vSwitch's start makes a setting again; not everywhere there.
    pub identity: PathBuf,
}

impl Default for SwitchPlace {
    fn default() -> Self {
        Self {
            vswitch: "/run/openvswitch".into(),
            ovn: "/run/ovn".into(),
            identity: "/etc/openvswitch/system-id.conf".into(),
        }
    }
}

/// What was there before the node became a chassis.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Before {
    /// Those of [`SETTINGS`] that had a value.
    settings: BTreeMap<String, String>,
    /// What carried the packets of the integration bridge, which ovn-controller makes wherever it runs; none: there was none.
    integration: Option<String>,
    /// What the start of Open vSwitch would name the chassis.
    identity: Option<String>,
}

/// The machine's Open vSwitch.
pub struct Vswitch {
    place: SwitchPlace,
    /// What the settings were before they were ours; there as long as the node is a chassis.
    note: PathBuf,
}

impl Vswitch {
    /// Notes what it changes below `state`.
    pub fn new(place: &SwitchPlace, state: &Path) -> Self {
        Self {
            place: place.clone(),
            note: state.join("chassis.json"),
        }
    }

    /// Whether the node is a chassis by us.
    pub fn is_joined(&self) -> bool {
        self.note.exists()
    }

    /// Looks at it if the node is, or shall be, a chassis.
    pub async fn look(&self, is_wanted: bool) -> Result<Option<SeenSwitch>, HostError> {
        if !is_wanted && !self.is_joined() {
            return Ok(None);
        }
        let look = [
            "--format=json",
            "--data=json",
            "--columns=external_ids",
            "list",
            "Open_vSwitch",
            "--",
            "--columns=name,datapath_type,fail_mode,external_ids,ports",
            "list",
            "Bridge",
            "--",
            "--columns=_uuid,name",
            "list",
            "Port",
            "--",
            "--columns=name,external_ids,ofport",
            "list",
            "Interface",
            "--",
            "--columns=certificate",
            "list",
            "SSL",
        ];
        let printed = match self.run(&look).await {
            // What is not installed any more has nothing of ours.
            Err(HostError::Missing { .. }) if !is_wanted => {
                self.forget()?;
                return Ok(None);
            }
            Err(error @ HostError::Missing { .. }) => return Err(error),
            Err(error) => return Err(HostError::Switch(error.to_string())),
            Ok(printed) => printed,
        };
        let seen = read(&printed).ok_or_else(|| {
            HostError::Switch("what ovs-vsctl prints is not what it is known to print".into())
        })?;
        Ok(Some(SeenSwitch {
            is_joined: self.is_joined(),
            identity: self.identity(),
            ..seen
        }))
    }

    /// Carries out one change of what shall be `wanted`.
    pub async fn change(&self, wanted: &Switch, change: &SwitchChange) -> Result<(), HostError> {
        let words = match change {
            SwitchChange::Join => return self.join().await,
            SwitchChange::Leave => {
                let before = self.noted()?;
                self.run_words(&given_back(&before)).await?;
                self.identify(before.identity.as_ref())?;
                return self.forget();
            }
            SwitchChange::Settings => {
                self.identify(wanted.settings.get(IDENTITY))?;
                settings(&wanted.settings)
            }
            SwitchChange::BridgeMake(name) => {
                let mut words = vec!["add-br".to_owned(), name.clone(), "--".to_owned()];
                words.extend(bridge(name, wanted));
                let mark = wanted.bridges[name].as_deref();
                words.extend(mark.map(|mark| pair("external_ids", MARK, mark)));
                words
            }
            SwitchChange::BridgeMend(name) => {
                let mark = wanted.bridges[name].as_deref();
                let mut words = bridge(name, wanted);
                words.extend(mark.map(|mark| pair("external_ids", MARK, mark)));
                words
            }
            SwitchChange::BridgeRemove(name) => {
                ["--if-exists", "del-br", name].map(str::to_owned).into()
            }
            SwitchChange::PortAdd { name, bridge, ids } => {
                let plug = [
                    "--may-exist",
                    "add-port",
                    bridge,
                    name,
                    "--",
                    "set",
                    "Interface",
                    name,
                ];
                let mut words: Vec<String> = plug.map(str::to_owned).into();
                words.extend(
                    ids.iter()
                        .map(|(key, value)| pair("external_ids", key, value)),
                );
                words
            }
            SwitchChange::PortRemove(name) => {
                ["--if-exists", "del-port", name].map(str::to_owned).into()
            }
        };
        self.run_words(&words).await
    }

    /// Waits until ovn-controller says that all flows of an interface's port are made (ovs-vswitchd.conf.db(5),
    /// `ovn-installed`), or this time is over; whether they are.
    pub async fn is_installed(
        &self,
        interface: &str,
        patience: Duration,
    ) -> Result<bool, HostError> {
        let patience = format!("--timeout={}", patience.as_secs().max(1));
        let is_so = pair("external_ids", "ovn-installed", "true");
        let line = ["wait-until", "Interface", interface, is_so.as_str()];
        match self.run_within(&patience, &line).await {
            Ok(_) => Ok(true),
            // It ends so when its time is over.
            Err(HostError::Program { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// What is wrong with the other half of a chassis, if anything is.
    pub fn controller_problem(&self) -> Option<String> {
        let sockets = fs::read_dir(&self.place.ovn)
            .into_iter()
            .flatten()
            .flatten();
        let answers = |path: PathBuf| UnixStream::connect(path).is_ok();
        let mut controllers = sockets.filter(|entry| {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            name.starts_with("ovn-controller.") && name.ends_with(".ctl")
        });
        let runs = controllers.any(|entry| answers(entry.path()));
        (!runs).then(|| {
            "ovn-controller does not run on this node, so guests on OVN's networks are cut off: install the Debian package ovn-host, or start it: systemctl start ovn-host".to_owned()
        })
    }

    /// Notes what the settings are, unless that is known.
    async fn join(&self) -> Result<(), HostError> {
        if self.is_joined() {
            return Ok(());
        }
        let Some(seen) = self.look(true).await? else {
            return Ok(());
        };
        let mut settings = seen.settings;
        settings.retain(|key, _| SETTINGS.contains(&key.as_str()));
        let integration = seen.bridges.get(INTEGRATION_BRIDGE);
        let before = Before {
            settings,
            integration: integration.map(|bridge| bridge.datapath.word().to_owned()),
            identity: seen.identity,
        };
        write_private(&self.note, &serde_json::to_vec(&before).unwrap_or_default())
    }

    fn identity(&self) -> Option<String> {
        let text = fs::read_to_string(&self.place.identity).ok()?;
        Some(text.trim().to_owned())
    }

    /// Has the next start of Open vSwitch give the chassis this name, where that gives it one.
    fn identify(&self, name: Option<&String>) -> Result<(), HostError> {
        let path = &self.place.identity;
        match name.filter(|name| self.identity().is_some_and(|now| now != **name)) {
            Some(name) => fs::write(path, format!("{name}\n")).map_err(HostError::file(path)),
            None => Ok(()),
        }
    }

    fn noted(&self) -> Result<Before, HostError> {
        let bytes = fs::read(&self.note).map_err(HostError::file(&self.note))?;
        // One that can not be read was not written by us.
        Ok(serde_json::from_slice(&bytes).unwrap_or_default())
    }

    fn forget(&self) -> Result<(), HostError> {
        match fs::remove_file(&self.note) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                Err(HostError::file(&self.note)(error))
            }
            _ => Ok(()),
        }
    }

    async fn run_words(&self, words: &[String]) -> Result<(), HostError> {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        self.run(&words).await.map(|_| ())
    }

    async fn run(&self, words: &[&str]) -> Result<Vec<u8>, HostError> {
        self.run_within(PATIENCE, words).await
    }

    async fn run_within(&self, patience: &str, words: &[&str]) -> Result<Vec<u8>, HostError> {
        let database = format!("--db=unix:{}", self.place.vswitch.join("db.sock").display());
        let line = [&[patience, database.as_str()], words].concat();
        VSCTL.run(&line, b"").await
    }
}

/// Whether the kernel can carry Open vSwitch's packets. Open vSwitch's own start loads the module, where there is one.
pub fn has_module() -> bool {
    if Path::new(MODULE).exists() {
        return true;
    }
    let release = nix::sys::utsname::uname();
    let release = release.ok().map(|name| name.release().to_owned());
    release.is_some_and(|release| {
        let built_in = Path::new("/lib/modules")
            .join(release)
            .join("modules.builtin");
        fs::read_to_string(built_in).is_ok_and(|text| text.contains("/openvswitch.ko"))
    })
}

/// All of our settings at once: those without a value go.
fn settings(values: &BTreeMap<String, String>) -> Vec<String> {
    let mut words: Vec<String> = ["remove", "Open_vSwitch", ".", "external_ids"]
        .map(str::to_owned)
        .into();
    words.extend(SETTINGS.map(str::to_owned));
    if !values.is_empty() {
        words.extend(["--", "set", "Open_vSwitch", "."].map(str::to_owned));
        words.extend(
            values
                .iter()
                .map(|(key, value)| pair("external_ids", key, value)),
        );
    }
    words
}

/// The settings as they were, and the integration bridge.
fn given_back(before: &Before) -> Vec<String> {
    let mut words = settings(&before.settings);
    let bridge = INTEGRATION_BRIDGE;
    match &before.integration {
        None => words.extend(["--", "--if-exists", "del-br", bridge].map(str::to_owned)),
        Some(datapath) => {
            let datapath = format!("datapath_type={datapath}");
            let line = ["--", "--if-exists", "set", "Bridge", bridge, &datapath];
            words.extend(line.map(str::to_owned));
        }
    }
    words
}

/// Settings of a bridge: the integration bridge forwards nothing until OVN tells it to.
fn bridge(name: &str, wanted: &Switch) -> Vec<String> {
    let mode = if wanted.bridges[name].is_none() {
        "fail_mode=secure"
    } else {
        "fail_mode=standalone"
    };
    let datapath = format!("datapath_type={}", wanted.datapath.word());
    ["set", "Bridge", name, datapath.as_str(), mode]
        .map(str::to_owned)
        .into()
}

/// One pair of a map, with a value that may hold anything.
fn pair(column: &str, key: &str, value: &str) -> String {
    format!("{column}:{key}={}", Value::String(value.to_owned()))
}

/// One table as it is printed.
#[derive(Deserialize)]
struct Printed {
    data: Vec<Vec<Value>>,
}

/// Reads the five tables of a look.
fn read(printed: &[u8]) -> Option<SeenSwitch> {
    let tables = serde_json::Deserializer::from_slice(printed).into_iter::<Printed>();
    let tables: Vec<Printed> = tables.collect::<Result<_, _>>().ok()?;
    let [settings, bridges, ports, interfaces, certificates] = tables.try_into().ok()?;
    let mut seen = SeenSwitch {
        settings: map(settings.data.first()?.first()?),
        has_certificate: !certificates.data.is_empty(),
        ..SeenSwitch::default()
    };
    let mut names = BTreeMap::new();
    for row in ports.data {
        let [id, name] = row.try_into().ok()?;
        names.insert(id.get(1)?.as_str()?.to_owned(), name.as_str()?.to_owned());
    }
    let mut places = BTreeMap::new();
    for row in bridges.data {
        let [name, datapath, mode, ids, ports] = row.try_into().ok()?;
        let name = name.as_str()?.to_owned();
        for port in set(&ports) {
            let id = port.get(1)?.as_str()?;
            places.insert(names.get(id)?.clone(), name.clone());
        }
        let bridge = SeenSwitchBridge {
            datapath: if datapath == "netdev" {
                Datapath::User
            } else {
                Datapath::Kernel
            },
            is_secure: mode == "secure",
            mark: map(&ids).remove(MARK),
        };
        seen.bridges.insert(name, bridge);
    }
    for row in interfaces.data {
        let [name, ids, number] = row.try_into().ok()?;
        let name = name.as_str()?.to_owned();
        // A bond has interfaces of other names, which are nobody's here.
        let Some(bridge) = places.get(&name) else {
            continue;
        };
        let port = SeenPort {
            bridge: bridge.clone(),
            ids: map(&ids),
            works: number.as_i64().is_some_and(|number| number > 0),
        };
        seen.ports.insert(name, port);
    }
    Some(seen)
}

/// A map as it is printed: `["map",[[key,value],…]]` (RFC 7047).
fn map(value: &Value) -> BTreeMap<String, String> {
    let pairs = value.get(1).and_then(Value::as_array).into_iter().flatten();
    let pairs = pairs.filter_map(|pair| {
        let text = |at: usize| pair.get(at)?.as_str().map(str::to_owned);
        Some((text(0)?, text(1)?))
    });
    pairs.collect()
}

/// A set as it is printed: `["set",[…]]`, or its only member.
fn set(value: &Value) -> Vec<&Value> {
    match (value.get(0).and_then(Value::as_str), value.get(1)) {
        (Some("set"), Some(Value::Array(members))) => members.iter().collect(),
        _ => vec![value],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `ovs-vsctl` 3.1 printed for the look.
    const PRINTED: &str = r#"{"data":[[["map",[["ovn-remote","tcp:10.77.0.1:6642,ssl:[::1]:66"]]]]],"headings":["external_ids"]}
{"data":[["br-int","netdev","secure",["map",[["skydeck","br-int"]]],["set",[["uuid","50225cd3"],["uuid","f747c665"]]]],["br-x","",["set",[]],["map",[]],["uuid","60"]]],"headings":["name","datapath_type","fail_mode","external_ids","ports"]}
{"data":[[["uuid","f747c665"],"a"],[["uuid","50225cd3"],"br-int"],[["uuid","60"],"br-x"]],"headings":["_uuid","name"]}
{"data":[["a",["map",[["iface-id","x-1"],["skydeck","localport"]]],-1],["br-int",["map",[]],65534],["br-x",["map",[]],["set",[]]],["bonded",["map",[]],3]],"headings":["name","external_ids","ofport"]}
{"data":[["/etc/openvswitch/cert.pem"]],"headings":["certificate"]}
"#;

    #[test]
    fn what_open_vswitch_prints_is_read() {
        let seen = read(PRINTED.as_bytes()).unwrap();
        assert_eq!(
            seen.settings["ovn-remote"],
            "tcp:10.77.0.1:6642,ssl:[::1]:66"
        );
        let integration = SeenSwitchBridge {
            datapath: Datapath::User,
            is_secure: true,
            mark: Some("br-int".into()),
        };
        assert_eq!(seen.bridges["br-int"], integration);
        assert_eq!(seen.bridges["br-x"], SeenSwitchBridge::default());
        assert_eq!(seen.ports["a"].bridge, "br-int");
        assert_eq!(seen.ports["a"].ids["iface-id"], "x-1");
        assert!(!seen.ports["a"].works && seen.ports["br-int"].works);
        assert_eq!(seen.ports.len(), 3);
        assert!(seen.has_certificate);
        let none = PRINTED.replace(r#"["/etc/openvswitch/cert.pem"]"#, "");
        assert!(!read(none.as_bytes()).unwrap().has_certificate);
        assert_eq!(read(b"{}"), None);
        assert_eq!(read(b""), None);
    }

    #[tokio::test]
    async fn a_node_that_never_was_a_chassis_is_not_asked() {
        let dir = tempfile::tempdir().unwrap();
        let place = SwitchPlace {
            vswitch: dir.path().join("nothing"),
            ovn: dir.path().join("nothing"),
            ..SwitchPlace::default()
        };
        let vswitch = Vswitch::new(&place, dir.path());
        assert_eq!(vswitch.look(false).await.unwrap(), None);
        let error = vswitch.look(true).await.unwrap_err().to_string();
        assert!(error.contains("openvswitch-switch"), "{error}");
        assert!(vswitch.controller_problem().unwrap().contains("ovn-host"));
    }

    #[test]
    fn settings_are_given_at_once_and_any_value_is_quoted() {
        let values = [("ovn-remote".to_owned(), "a \"b\",c".to_owned())].into();
        let words = settings(&values);
        assert_eq!(words[..4], ["remove", "Open_vSwitch", ".", "external_ids"]);
        assert_eq!(
            words[10..],
            [
                "--",
                "set",
                "Open_vSwitch",
                ".",
                r#"external_ids:ovn-remote="a \"b\",c""#
            ]
        );
        assert_eq!(settings(&BTreeMap::new()).len(), 10);
    }
}
