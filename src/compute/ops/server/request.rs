//! A server as it is asked for, and what can be said of it without looking at anything else.

use std::collections::BTreeMap;
use std::net::IpAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ipnet::IpNet;
use serde_json::Value;

use super::check::{
    check_address, check_disk_config, check_hostname, check_name, check_tags, check_text,
};
use crate::compute::model::{TAG_MAX, USER_DATA_MAX};
use crate::error::{Error, Result};
use crate::ids::{ImageId, NetworkId, PortId, ServerGroupId, ServerId, VolumeId, VolumeSnapshotId};

/// Servers that one request may ask for.
const COUNT_MAX: u32 = 1000;
/// Interfaces of one server.
const NICS_MAX: usize = 32;
/// Security groups of one server.
const GROUPS_MAX: usize = 32;
/// Volumes of one server.
const VOLUMES_MAX: usize = 24;

/// Servers to make.
#[derive(Clone, Debug, Default)]
pub struct NewServer {
    /// Name; several servers get a number behind it.
    pub name: String,
    /// For people.
    pub description: Option<String>,
    /// Flavor, by id.
    pub flavor: String,
    /// Image; none if it boots from a volume.
    pub image: Option<ImageId>,
    /// Its networks.
    pub networks: NetworkChoice,
    /// Key pair.
    pub key_name: Option<String>,
    /// User data in base64.
    pub user_data: Option<String>,
    /// Free pairs.
    pub metadata: BTreeMap<String, String>,
    /// Labels.
    pub tags: Vec<String>,
    /// Only this zone.
    pub availability_zone: Option<String>,
    /// Only this host; for administrators.
    pub host: Option<String>,
    /// Names or ids of security groups.
    pub security_groups: Vec<String>,
    /// Disks.
    pub disks: Vec<DiskRequest>,
    /// Whether it gets a config drive; it does if not said.
    pub config_drive: Option<bool>,
    /// How many, at least and at most.
    pub count: (u32, u32),
    /// Address to show.
    pub access_ipv4: Option<String>,
    /// Address to show.
    pub access_ipv6: Option<String>,
    /// `AUTO` or `MANUAL`.
    pub disk_config: Option<String>,
    /// Host name inside; made from the name if not said.
    pub hostname: Option<String>,
    /// Wishes to the scheduler.
    pub hints: BTreeMap<String, Value>,
}

/// Networks of a new server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum NetworkChoice {
    /// The project's network, if there is exactly one; none if there is none.
    #[default]
    Any,
    /// The project's network; an error if there is none.
    Auto,
    /// No network.
    Nothing,
    /// These, in order.
    These(Vec<NicRequest>),
}

/// One interface: a port that exists, or a network on which one is made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NicRequest {
    /// The network.
    pub network: Option<NetworkId>,
    /// The port.
    pub port: Option<PortId>,
    /// Address of one's own choice.
    pub fixed_ip: Option<IpAddr>,
    /// Label told to the guest.
    pub tag: Option<String>,
}

/// One disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DiskRequest {
    /// Where its bytes come from.
    pub source: DiskSource,
    /// Whether it is a volume; else it is the root disk on the host.
    pub is_volume: bool,
    /// GiB, if said.
    pub size_gb: Option<u64>,
    /// Whether the server boots from it.
    pub boot: bool,
    /// Whether it is deleted with the server.
    pub delete_on_termination: bool,
    /// Label told to the guest.
    pub tag: Option<String>,
}

/// Where a disk's bytes come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DiskSource {
    /// Zeros.
    Blank,
    /// An image.
    Image(ImageId),
    /// A volume that exists, which it is.
    Volume(VolumeId),
    /// A snapshot of a volume.
    Snapshot(VolumeSnapshotId),
}

/// What the hints say.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Hints {
    /// Only a host of one of these servers.
    pub same_host: Vec<ServerId>,
    /// No host of any of these servers.
    pub different_host: Vec<ServerId>,
    /// A condition on hosts.
    pub query: Option<Value>,
    /// Only hosts with an address in this network.
    pub near: Option<IpNet>,
    /// The server group it will be in.
    pub group: Option<ServerGroupId>,
}

impl NewServer {
    /// Succeeds if every field is in its bounds. `metadata` is left to whoever knows the quota.
    pub fn check(&self) -> Result<()> {
        check_name("name", &self.name)?;
        check_text(
            "description",
            self.description.as_deref().unwrap_or_default(),
            0,
            255,
        )?;
        check_text("flavorRef", &self.flavor, 1, 255)?;
        check_tags("tags", self.tags.iter())?;
        check_user_data("user_data", self.user_data.as_deref())?;
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        check_address::<std::net::Ipv4Addr>("accessIPv4", text(&self.access_ipv4))?;
        check_address::<std::net::Ipv6Addr>("accessIPv6", text(&self.access_ipv6))?;
        if let Some(disk_config) = &self.disk_config {
            check_disk_config(disk_config.clone())?;
        }
        if let Some(hostname) = &self.hostname {
            check_hostname(hostname)?;
        }
        if self.security_groups.len() > GROUPS_MAX {
            return Err(Error::invalid(
                "security_groups",
                format!("at most {GROUPS_MAX} are allowed"),
            ));
        }
        for group in &self.security_groups {
            check_text("security_groups", group, 1, 255)?;
        }
        self.check_count()?;
        self.check_networks()?;
        self.check_disks()
    }

    fn check_count(&self) -> Result<()> {
        let (least, most) = self.count;
        if !(1..=COUNT_MAX).contains(&least) {
            return Err(Error::invalid(
                "min_count",
                format!("{least}: 1 to {COUNT_MAX} is allowed"),
            ));
        }
        if !(least..=COUNT_MAX).contains(&most) {
            return Err(Error::invalid(
                "max_count",
                format!("{most}: min_count ({least}) to {COUNT_MAX} is allowed"),
            ));
        }
        Ok(())
    }

    fn check_networks(&self) -> Result<()> {
        let NetworkChoice::These(nics) = &self.networks else {
            return Ok(());
        };
        if nics.len() > NICS_MAX {
            return Err(Error::invalid(
                "networks",
                format!(
                    "{} interfaces are asked for, {NICS_MAX} are possible",
                    nics.len()
                ),
            ));
        }
        for (at, nic) in nics.iter().enumerate() {
            let field = |name| format!("networks[{at}].{name}");
            if nic.port.is_none() && nic.network.is_none() {
                return Err(Error::invalid(
                    field("uuid"),
                    "say a network (uuid) or a port (port)",
                ));
            }
            if self.count.1 > 1 && nic.port.is_some() {
                return Err(Error::invalid(
                    field("port"),
                    "one port can not be given to several servers",
                ));
            }
            if self.count.1 > 1 && nic.fixed_ip.is_some() {
                return Err(Error::invalid(
                    field("fixed_ip"),
                    "one address can not be given to several servers",
                ));
            }
            check_label(&field("tag"), nic.tag.as_deref())?;
        }
        Ok(())
    }

    fn check_disks(&self) -> Result<()> {
        let field = |at: usize, name: &str| format!("block_device_mapping_v2[{at}].{name}");
        if self.disks.len() > VOLUMES_MAX {
            return Err(Error::invalid(
                "block_device_mapping_v2",
                format!(
                    "{} disks are asked for, {VOLUMES_MAX} are possible",
                    self.disks.len()
                ),
            ));
        }
        for (at, disk) in self.disks.iter().enumerate() {
            check_label(&field(at, "tag"), disk.tag.as_deref())?;
            if self.count.1 > 1 && matches!(disk.source, DiskSource::Volume(_)) {
                return Err(Error::invalid(
                    field(at, "uuid"),
                    "one volume can not be given to several servers",
                ));
            }
            let is_root_image =
                matches!(disk.source, DiskSource::Image(image) if Some(image) == self.image);
            if !(disk.is_volume || disk.boot && is_root_image) {
                return Err(Error::invalid(
                    field(at, "destination_type"),
                    "a local disk is made for the image that the server boots from only; say volume",
                ));
            }
            if disk.source == DiskSource::Blank && disk.size_gb.is_none() {
                return Err(Error::invalid(
                    field(at, "volume_size"),
                    "a blank disk needs a size",
                ));
            }
        }
        let roots = self.disks.iter().filter(|disk| disk.boot).count();
        if roots > 1 {
            return Err(Error::invalid(
                "block_device_mapping_v2",
                format!("{roots} disks have boot_index 0, one may have it"),
            ));
        }
        if roots == 0 && self.image.is_none() {
            return Err(Error::invalid(
                "imageRef",
                "say an image, or a disk with boot_index 0 in block_device_mapping_v2",
            ));
        }
        Ok(())
    }

    /// The disk that a server boots from, if it is a volume.
    pub fn boot_volume(&self) -> Option<&DiskRequest> {
        self.disks.iter().find(|disk| disk.boot && disk.is_volume)
    }

    /// What the hints say. Hints that mean nothing here are ignored, as in Nova.
    pub fn hints(&self) -> Result<Hints> {
        let group = match self.hints.get("group") {
            None | Some(Value::Null) => None,
            Some(named) => Some(
                named
                    .as_str()
                    .and_then(|text| text.parse().ok())
                    .ok_or_else(|| {
                        Error::invalid(
                            "os:scheduler_hints.group",
                            "the id of a server group is expected",
                        )
                    })?,
            ),
        };
        let query = match self.hints.get("query") {
            Some(Value::String(text)) => Some(
                serde_json::from_str(text)
                    .map_err(|_| Error::invalid("os:scheduler_hints.query", "it is no JSON"))?,
            ),
            other => other.cloned(),
        };
        Ok(Hints {
            same_host: servers_of(&self.hints, "same_host")?,
            different_host: servers_of(&self.hints, "different_host")?,
            query,
            near: near(&self.hints)?,
            group,
        })
    }
}

/// The network of `build_near_host_ip` with the prefix `cidr`, `/24` if that is absent.
fn near(hints: &BTreeMap<String, Value>) -> Result<Option<IpNet>> {
    let text = |name: &str| match hints.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.as_str())),
        Some(_) => Err(Error::invalid(
            format!("os:scheduler_hints.{name}"),
            "a text is expected",
        )),
    };
    let Some(address) = text("build_near_host_ip")? else {
        return Ok(None);
    };
    let address: IpAddr = address.parse().map_err(|_| {
        Error::invalid(
            "os:scheduler_hints.build_near_host_ip",
            "the address of a host is expected",
        )
    })?;
    let prefix = text("cidr")?.unwrap_or("/24");
    let length = prefix.trim_start_matches('/').parse().ok();
    length
        .and_then(|length| IpNet::new(address, length).ok())
        .map(Some)
        .ok_or_else(|| {
            Error::invalid(
                "os:scheduler_hints.cidr",
                "the length of a prefix is expected, like /24",
            )
        })
}

/// Ids of servers as text or as a list of texts.
fn servers_of(hints: &BTreeMap<String, Value>, name: &str) -> Result<Vec<ServerId>> {
    let wrong = || {
        Error::invalid(
            format!("os:scheduler_hints.{name}"),
            "ids of servers are expected",
        )
    };
    let one = |value: &Value| {
        value
            .as_str()
            .and_then(|text| text.parse().ok())
            .ok_or_else(wrong)
    };
    match hints.get(name) {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::Array(list)) if list.len() <= 100 => list.iter().map(one).collect(),
        Some(text) => one(text).map(|id| vec![id]),
    }
}

/// Succeeds if a device's label is in its bounds.
pub fn check_label(field: &str, tag: Option<&str>) -> Result<()> {
    match tag {
        Some(tag) if tag.contains(['/', ',']) => {
            Err(Error::invalid(field, "/ and , are not allowed"))
        }
        Some(tag) => check_text(field, tag, 1, TAG_MAX),
        None => Ok(()),
    }
}

/// Succeeds if user data is base64 and not too long.
pub fn check_user_data(field: &str, user_data: Option<&str>) -> Result<()> {
    let Some(text) = user_data else { return Ok(()) };
    if text.len() > USER_DATA_MAX {
        return Err(Error::invalid(
            field,
            format!(
                "it has {} characters; at most {USER_DATA_MAX} are allowed",
                text.len()
            ),
        ));
    }
    STANDARD
        .decode(text)
        .map(|_| ())
        .map_err(|error| Error::invalid(field, format!("it is no base64: {error}")))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn plain() -> NewServer {
        NewServer {
            name: "web".into(),
            flavor: "1".into(),
            image: Some(ImageId::new()),
            count: (1, 1),
            ..NewServer::default()
        }
    }

    fn field(request: &NewServer) -> Option<String> {
        match request.check() {
            Err(Error::Invalid { field, .. }) => Some(field),
            Err(other) => panic!("{other}"),
            Ok(()) => None,
        }
    }

    #[test]
    fn every_bound_names_its_field() {
        assert_eq!(field(&plain()), None);
        type Edit = fn(&mut NewServer);
        let cases: &[(&str, Edit)] = &[
            ("name", |s| s.name = String::new()),
            ("description", |s| s.description = Some("x".repeat(256))),
            ("flavorRef", |s| s.flavor = String::new()),
            ("imageRef", |s| s.image = None),
            ("user_data", |s| s.user_data = Some("?".into())),
            ("user_data", |s| s.user_data = Some("A".repeat(65_536))),
            ("tags", |s| s.tags = vec!["a,b".into()]),
            ("min_count", |s| s.count = (0, 1)),
            ("max_count", |s| s.count = (2, 1)),
            ("accessIPv4", |s| s.access_ipv4 = Some("::1".into())),
            ("OS-DCF:diskConfig", |s| s.disk_config = Some("X".into())),
            ("hostname", |s| s.hostname = Some("a b".into())),
            ("networks[0].uuid", |s| {
                s.networks = NetworkChoice::These(vec![NicRequest::default()]);
            }),
            ("networks[0].port", |s| {
                s.count = (2, 2);
                s.networks = NetworkChoice::These(vec![NicRequest {
                    port: Some(PortId::new()),
                    ..NicRequest::default()
                }]);
            }),
        ];
        for (expected, edit) in cases {
            let mut request = plain();
            edit(&mut request);
            assert_eq!(field(&request).as_deref(), Some(*expected));
        }
    }

    #[test]
    fn disks_are_volumes_or_the_root_disk() {
        let disk = |source, is_volume, boot| DiskRequest {
            source,
            is_volume,
            size_gb: Some(1),
            boot,
            delete_on_termination: false,
            tag: None,
        };
        let request = |disks: Vec<DiskRequest>| NewServer { disks, ..plain() };
        let root = |request: &NewServer| DiskSource::Image(request.image.unwrap());
        let mut local = request(Vec::new());
        local.disks = vec![disk(root(&local), false, true)];
        assert_eq!(field(&local), None);
        assert_eq!(local.boot_volume(), None);
        let volume = request(vec![disk(DiskSource::Image(ImageId::new()), true, true)]);
        assert_eq!(field(&volume), None);
        assert!(volume.boot_volume().is_some());
        let ephemeral = request(vec![disk(DiskSource::Blank, false, false)]);
        assert_eq!(
            field(&ephemeral).as_deref(),
            Some("block_device_mapping_v2[0].destination_type")
        );
        let two = request(vec![
            disk(DiskSource::Volume(VolumeId::new()), true, true),
            disk(DiskSource::Blank, true, true),
        ]);
        assert_eq!(field(&two).as_deref(), Some("block_device_mapping_v2"));
    }

    #[test]
    fn near_a_host_is_in_its_network() {
        let near = |hints: &[(&str, Value)]| {
            let hints = hints
                .iter()
                .map(|(name, value)| ((*name).to_owned(), value.clone()));
            let request = NewServer {
                hints: hints.collect(),
                ..plain()
            };
            request
                .hints()
                .map(|hints| hints.near.map(|near| near.trunc().to_string()))
        };
        let host = ("build_near_host_ip", json!("192.0.2.77"));
        assert_eq!(near(&[]).unwrap(), None);
        assert_eq!(
            near(std::slice::from_ref(&host)).unwrap().unwrap(),
            "192.0.2.0/24"
        );
        let narrow = [host.clone(), ("cidr", json!("/28"))];
        assert_eq!(near(&narrow).unwrap().unwrap(), "192.0.2.64/28");
        assert!(near(&[host.clone(), ("cidr", json!("/77"))]).is_err());
        assert!(near(&[host, ("cidr", json!(28))]).is_err());
        assert!(near(&[("build_near_host_ip", json!("h2"))]).is_err());
    }

    #[test]
    fn hints_are_ids_or_lists_of_them() {
        let id = ServerId::new();
        let mut request = plain();
        request.hints = BTreeMap::from([
            ("same_host".into(), json!(id.to_string())),
            ("different_host".into(), json!([id.to_string()])),
            ("query".into(), json!("[\"=\", \"$host\", \"a\"]")),
            ("build_near_host_ip".into(), json!("10.0.0.1")),
        ]);
        let hints = request.hints().unwrap();
        assert_eq!(hints.same_host, [id]);
        assert_eq!(hints.different_host, [id]);
        assert_eq!(hints.query, Some(json!(["=", "$host", "a"])));
        request.hints = BTreeMap::from([("same_host".into(), json!(["x"]))]);
        assert!(request.hints().is_err());
        request.hints = BTreeMap::from([("group".into(), json!("g"))]);
        assert!(request.hints().is_err());
    }
}
