//! Moves of servers between hosts: `/servers/{id}/migrations` while they are under way, `/os-migrations` also afterwards.

use serde::{Deserialize, Serialize};

use crate::api::wire::{Link, Nothing};

/// A live migration that is under way. From 2.23.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ServerMigration {
    /// What the API's addresses name it by.
    pub id: i64,
    /// Its id. From 2.59.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uuid: Option<String>,
    /// The server.
    pub server_uuid: String,
    /// `accepted`, `preparing`, `running`, `post-migrating`.
    pub status: String,
    /// From this host.
    pub source_compute: Option<String>,
    /// The same.
    pub source_node: Option<String>,
    /// To this host, once it was chosen.
    pub dest_compute: Option<String>,
    /// The same.
    pub dest_node: Option<String>,
    /// The same.
    pub dest_host: Option<String>,
    /// All memory.
    pub memory_total_bytes: Option<u64>,
    /// Memory sent.
    pub memory_processed_bytes: Option<u64>,
    /// Memory to be sent.
    pub memory_remaining_bytes: Option<u64>,
    /// All of the disks that are copied.
    pub disk_total_bytes: Option<u64>,
    /// Disk sent.
    pub disk_processed_bytes: Option<u64>,
    /// Disk to be sent.
    pub disk_remaining_bytes: Option<u64>,
    /// When it was asked for, with microseconds and without zone.
    pub created_at: Option<String>,
    /// When it last changed.
    pub updated_at: Option<String>,
    /// Who asked for it. From 2.80.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_id: Option<String>,
    /// The server's project. From 2.80.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub project_id: Option<String>,
}

/// `{"migration": {…}}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerMigrationBody {
    /// The move.
    pub migration: ServerMigration,
}

/// `{"migrations": […]}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ServerMigrationList {
    /// Those that are under way.
    pub migrations: Vec<ServerMigration>,
}

/// What to do to a move that is under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum MigrationAction {
    /// End it soon. From 2.22.
    #[serde(rename = "force_complete")]
    ForceComplete(Nothing),
}

/// A move, under way or done.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Migration {
    /// Number.
    pub id: i64,
    /// Its id. From 2.59.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uuid: Option<String>,
    /// The server.
    pub instance_uuid: String,
    /// `live-migration`, `migration`, `resize`, `evacuation`. From 2.23.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub migration_type: Option<String>,
    /// How far it is.
    pub status: String,
    /// From this host.
    pub source_compute: Option<String>,
    /// The same.
    pub source_node: Option<String>,
    /// To this host, once it was chosen.
    pub dest_compute: Option<String>,
    /// The same.
    pub dest_node: Option<String>,
    /// The same.
    pub dest_host: Option<String>,
    /// Id of the flavor before.
    pub old_instance_type_id: Option<String>,
    /// Id of the flavor after.
    pub new_instance_type_id: Option<String>,
    /// When it was asked for, with microseconds and without zone.
    pub created_at: Option<String>,
    /// When it last changed.
    pub updated_at: Option<String>,
    /// Of a live one that is under way. From 2.23.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub links: Option<Vec<Link>>,
    /// Who asked for it. From 2.80.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_id: Option<String>,
    /// The server's project. From 2.80.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub project_id: Option<String>,
}

/// `{"migrations": […]}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct MigrationList {
    /// A page, newest first.
    pub migrations: Vec<Migration>,
    /// The next page. From 2.59.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub migrations_links: Vec<Link>,
}
