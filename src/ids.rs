//! Identifiers and times: the only two types that every layer may know.
//!
//! An id is a UUID that remembers what it names, so that a volume's id can not be handed to a function that wants a
//! server's. Ids made here are version 7: they sort by creation, which keeps index pages warm. Times are UTC
//! microseconds since 1970, the one representation in the database, on the bus and in sagas; text is made at the edge.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::marker::PhantomData;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

/// A UUID of a resource of kind `T`. Shown and stored as 36 lower-case characters with dashes.
pub struct Id<T> {
    uuid: Uuid,
    kind: PhantomData<fn() -> T>,
}

/// What ids may name. These types have no values; they exist for the compiler.
pub mod kind {
    /// A server (virtual machine).
    pub enum Server {}
    /// A port of a network.
    pub enum Port {}
    /// A network.
    pub enum Network {}
    /// A subnet.
    pub enum Subnet {}
    /// A volume.
    pub enum Volume {}
    /// One use of a volume by a server.
    pub enum Attachment {}
    /// A snapshot of a volume.
    pub enum VolumeSnapshot {}
    /// An image.
    pub enum Image {}
    /// A user.
    pub enum User {}
    /// A project.
    pub enum Project {}
    /// A domain.
    pub enum Domain {}
    /// A role.
    pub enum Role {}
    /// A group of users.
    pub enum Group {}
    /// A credential that a user made for a program.
    pub enum AppCredential {}
    /// An entry of the audit.
    pub enum Audit {}
    /// A long-running operation.
    pub enum Operation {}
    /// A compute node.
    pub enum Host {}
    /// A security group.
    pub enum SecurityGroup {}
    /// A rule of a security group.
    pub enum SecurityGroupRule {}
    /// A router.
    pub enum Router {}
    /// A floating address.
    pub enum FloatingIp {}
    /// The sharing of a resource with a project.
    pub enum RbacPolicy {}
    /// A group of hosts.
    pub enum Aggregate {}
    /// A group of servers.
    pub enum ServerGroup {}
    /// A move of a server between hosts.
    pub enum Migration {}
}

/// Id of a server.
pub type ServerId = Id<kind::Server>;
/// Id of a port.
pub type PortId = Id<kind::Port>;
/// Id of a network.
pub type NetworkId = Id<kind::Network>;
/// Id of a subnet.
pub type SubnetId = Id<kind::Subnet>;
/// Id of a volume.
pub type VolumeId = Id<kind::Volume>;
/// Id of an attachment.
pub type AttachmentId = Id<kind::Attachment>;
/// Id of a snapshot of a volume.
pub type VolumeSnapshotId = Id<kind::VolumeSnapshot>;
/// Id of an image.
pub type ImageId = Id<kind::Image>;
/// Id of a user.
pub type UserId = Id<kind::User>;
/// Id of a project.
pub type ProjectId = Id<kind::Project>;
/// Id of a role.
pub type RoleId = Id<kind::Role>;
/// Id of a group.
pub type GroupId = Id<kind::Group>;
/// Id of an application credential.
pub type AppCredentialId = Id<kind::AppCredential>;
/// Id of an entry of the audit.
pub type AuditId = Id<kind::Audit>;
/// Id of an operation.
pub type OperationId = Id<kind::Operation>;
/// Id of a compute node.
pub type HostId = Id<kind::Host>;
/// Id of a security group.
pub type SecurityGroupId = Id<kind::SecurityGroup>;
/// Id of a rule of a security group.
pub type SecurityGroupRuleId = Id<kind::SecurityGroupRule>;
/// Id of a router.
pub type RouterId = Id<kind::Router>;
/// Id of a floating address.
pub type FloatingIpId = Id<kind::FloatingIp>;
/// Id of the sharing of a resource with a project.
pub type RbacPolicyId = Id<kind::RbacPolicy>;
/// Id of a group of hosts.
pub type AggregateId = Id<kind::Aggregate>;
/// Id of a group of servers.
pub type ServerGroupId = Id<kind::ServerGroup>;
/// Id of a move of a server between hosts.
pub type MigrationId = Id<kind::Migration>;

impl<T> Id<T> {
    /// A fresh id.
    pub fn new() -> Self {
        Self::from_uuid(Uuid::now_v7())
    }

    /// The id with this UUID.
    pub fn from_uuid(uuid: Uuid) -> Self {
        Self {
            uuid,
            kind: PhantomData,
        }
    }

    /// The UUID.
    pub fn uuid(&self) -> Uuid {
        self.uuid
    }

    /// Eleven hexadecimal digits of the random end: short enough for interface names, apart enough on one host.
    pub fn short(&self) -> String {
        self.uuid.simple().to_string()[21..32].to_owned()
    }
}

impl<T> Default for Id<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Clone for Id<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Id<T> {}

impl<T> PartialEq for Id<T> {
    fn eq(&self, other: &Self) -> bool {
        self.uuid == other.uuid
    }
}

impl<T> Eq for Id<T> {}

impl<T> PartialOrd for Id<T> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> Ord for Id<T> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.uuid.cmp(&other.uuid)
    }
}

impl<T> Hash for Id<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.uuid.hash(state);
    }
}

impl<T> fmt::Display for Id<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.uuid, f)
    }
}

impl<T> fmt::Debug for Id<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.uuid, f)
    }
}

impl<T> FromStr for Id<T> {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Uuid::parse_str(text).map(Self::from_uuid)
    }
}

impl<T> Serialize for Id<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de, T> Deserialize<'de> for Id<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Uuid::deserialize(deserializer).map(Self::from_uuid)
    }
}

/// Id of a domain. That of the first domain is the word `default`, here and in every OpenStack, because clients name it
/// so in their settings; within the program it is the nil UUID.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DomainId(Id<kind::Domain>);

/// The word for [`DomainId::DEFAULT`].
const DEFAULT_DOMAIN: &str = "default";

impl DomainId {
    /// The domain that every cloud begins with.
    pub const DEFAULT: Self = Self(Id {
        uuid: Uuid::nil(),
        kind: PhantomData,
    });

    /// A fresh id.
    pub fn new() -> Self {
        Self(Id::new())
    }
}

impl Default for DomainId {
    /// [`DomainId::DEFAULT`], as its name says.
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl fmt::Display for DomainId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Self::DEFAULT {
            f.write_str(DEFAULT_DOMAIN)
        } else {
            self.0.fmt(f)
        }
    }
}

impl FromStr for DomainId {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == DEFAULT_DOMAIN {
            Ok(Self::DEFAULT)
        } else {
            text.parse().map(Self)
        }
    }
}

impl Serialize for DomainId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for DomainId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

/// A point in time: UTC microseconds since 1970.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Time(pub i64);

impl Time {
    /// Now, by this machine's clock. Leases and anything that two machines must agree on use the database's clock.
    pub fn now() -> Self {
        Self(jiff::Timestamp::now().as_microsecond())
    }

    /// This time, `seconds` later (earlier when negative).
    #[must_use]
    pub fn plus_seconds(self, seconds: i64) -> Self {
        Self(self.0.saturating_add(seconds.saturating_mul(1_000_000)))
    }

    /// As OpenStack writes it in most places: `2026-01-02T03:04:05Z`.
    pub fn to_seconds_text(self) -> String {
        self.timestamp().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
    }

    /// With microseconds and no zone, as Nova's actions and Keystone's tokens have it: `2026-01-02T03:04:05.000006`.
    pub fn to_micros_text(self) -> String {
        self.timestamp()
            .strftime("%Y-%m-%dT%H:%M:%S.%6f")
            .to_string()
    }

    fn timestamp(self) -> jiff::Timestamp {
        jiff::Timestamp::from_microsecond(self.0).unwrap_or(jiff::Timestamp::UNIX_EPOCH)
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_seconds_text())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_keeps_its_text_and_a_short_name_fits_an_interface() {
        let id = ServerId::new();
        assert_eq!(id.to_string().parse::<ServerId>().unwrap(), id);
        assert_eq!(serde_json::to_string(&id).unwrap(), format!("\"{id}\""));
        assert_eq!(id.short().len(), 11);
    }

    #[test]
    fn the_first_domain_is_called_default_everywhere() {
        let other = DomainId::new();
        for id in [DomainId::DEFAULT, other] {
            assert_eq!(id.to_string().parse::<DomainId>().unwrap(), id);
            let json = serde_json::to_string(&id).unwrap();
            assert_eq!(serde_json::from_str::<DomainId>(&json).unwrap(), id);
        }
        assert_eq!(DomainId::DEFAULT.to_string(), "default");
        assert_ne!(other, DomainId::DEFAULT);
    }

    #[test]
    fn times_are_written_as_openstack_does() {
        let time = Time(1_767_323_045_000_006);
        assert_eq!(time.to_seconds_text(), "2026-01-02T03:04:05Z");
        assert_eq!(time.to_micros_text(), "2026-01-02T03:04:05.000006");
    }
}
