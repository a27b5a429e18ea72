//! What control processes ask of the two nodes of a live migration.
//!
//! The source is asked what has to be known of the guest ([`MigrationCheckSource`]), the destination whether it can take it
//! ([`MigrationCheckDestination`]) and to make ready ([`MigrationPrepare`]); then the source moves it ([`InstanceMigrate`]).
//! Who has the guest is asked of either ([`MigrationLook`]), and the destination takes its files over
//! ([`MigrationTakeOver`]) or clears away what it made ready ([`MigrationForget`]).

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{COMPUTE, CONDUCTOR, InstanceSpec};
use crate::bus::{Message, Rpc};
use crate::hypervisor::PowerState;
use crate::hypervisor::migration::{
    Arrival, DiskCopy, MigrationEnd, MigrationOrder, MigrationProgress,
};
use crate::ids::{OperationId, ServerId, VolumeId};

/// What a guest is, where it is. Leaves a mark in its directory, by which the destination sees whether it has the same.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct MigrationCheckSource {
    /// The server.
    pub id: ServerId,
    /// What the mark says.
    pub mark: OperationId,
    /// Whether to measure how much memory it writes, which takes a second.
    pub sample: bool,
}

impl Rpc for MigrationCheckSource {
    const TOPIC: &'static str = COMPUTE;
    const METHOD: &'static str = "migration_check_source";
    type Reply = SourceFacts;
}

/// The same for a plan, always measured: it leaves a mark of its own, so that a move that is under way is not disturbed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct MigrationPlanSource {
    /// The server.
    pub id: ServerId,
    /// What the mark says.
    pub mark: OperationId,
}

impl Rpc for MigrationPlanSource {
    const TOPIC: &'static str = COMPUTE;
    const METHOD: &'static str = "migration_plan_source";
    type Reply = SourceFacts;
}

/// A guest as its node has it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SourceFacts {
    /// What it does.
    pub power: PowerState,
    /// Memory that is in use, in bytes.
    pub memory_bytes: u64,
    /// Memory written per second, in bytes, if it was measured.
    pub dirty_bps: Option<u64>,
    /// Its processor, if not every host has that.
    pub cpu: Option<String>,
    /// Its root disk, unless it boots from a volume.
    pub root: Option<RootFacts>,
}

/// A root disk as its node has it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RootFacts {
    /// What it offers, in bytes.
    pub virtual_bytes: u64,
    /// What is written over its base, in bytes.
    pub top_bytes: u64,
    /// What it takes with its base, in bytes.
    pub whole_bytes: u64,
    /// The base that it builds on.
    pub base: Option<PathBuf>,
    /// Whether it is one layer over a base made of an image.
    pub is_plain: bool,
}

/// Whether this node could take the guest. Changes nothing.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct MigrationCheckDestination {
    /// The guest.
    pub spec: InstanceSpec,
    /// What the source's mark says.
    pub mark: OperationId,
    /// Its processor.
    pub cpu: Option<String>,
}

impl Rpc for MigrationCheckDestination {
    const TOPIC: &'static str = COMPUTE;
    const METHOD: &'static str = "migration_check_destination";
    type Reply = DestinationFacts;
}

/// The same for a plan.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct MigrationPlanDestination {
    /// The guest.
    pub spec: InstanceSpec,
    /// What the source's mark for plans says.
    pub mark: OperationId,
    /// Its processor.
    pub cpu: Option<String>,
}

impl Rpc for MigrationPlanDestination {
    const TOPIC: &'static str = COMPUTE;
    const METHOD: &'static str = "migration_plan_destination";
    type Reply = DestinationFacts;
}

/// A node as the destination of a guest.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DestinationFacts {
    /// Its libvirt, as the source's reaches it.
    pub uri: String,
    /// Where it takes memory and disks; its host name when absent.
    pub address: Option<String>,
    /// Whether it sees the source's files of the guest.
    pub is_shared: bool,
    /// Volumes of the guest whose files it does not see.
    pub missing_volumes: Vec<VolumeId>,
    /// Free bytes for disks.
    pub free_bytes: u64,
    /// Why it can not take the guest, one line each.
    pub problems: Vec<String>,
}

/// Makes the node ready for the guest: directories, config drive, and where disks are copied, a disk to copy to.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct MigrationPrepare {
    /// The guest.
    pub spec: InstanceSpec,
    /// Which disks are copied.
    pub disks: DiskCopy,
    /// Its root disk, if it has one.
    pub root: Option<RootFacts>,
}

impl Rpc for MigrationPrepare {
    const TOPIC: &'static str = COMPUTE;
    const METHOD: &'static str = "migration_prepare";
    type Reply = ();
}

/// Clears away what was made ready, and what of the guest is on the way. A conflict if the guest has arrived. Files that
/// the source has as well stay. Success if there is nothing.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct MigrationForget {
    /// The server.
    pub id: ServerId,
    /// Whether both nodes see the same files.
    pub is_shared: bool,
}

impl Rpc for MigrationForget {
    const TOPIC: &'static str = COMPUTE;
    const METHOD: &'static str = "migration_forget";
    type Reply = ();
}

/// Moves the guest, or joins the move that is under way; answers when it ended.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct InstanceMigrate {
    /// The server.
    pub id: ServerId,
    /// Where to and how.
    pub order: MigrationOrder,
    /// Whether to begin if none is under way.
    pub begin: bool,
}

impl Rpc for InstanceMigrate {
    const TOPIC: &'static str = COMPUTE;
    const METHOD: &'static str = "instance_migrate";
    type Reply = MigrationEnd;
}

/// Breaks the move off; answers whether there was one.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct InstanceMigrateAbort {
    /// The server.
    pub id: ServerId,
}

impl Rpc for InstanceMigrateAbort {
    const TOPIC: &'static str = COMPUTE;
    const METHOD: &'static str = "instance_migrate_abort";
    type Reply = bool;
}

/// Ends the move soon, by post-copy or by a pause; answers whether there was one.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct InstanceMigrateForce {
    /// The server.
    pub id: ServerId,
}

impl Rpc for InstanceMigrateForce {
    const TOPIC: &'static str = COMPUTE;
    const METHOD: &'static str = "instance_migrate_force";
    type Reply = bool;
}

/// How much of the guest the destination has.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct MigrationLook {
    /// The server.
    pub id: ServerId,
}

impl Rpc for MigrationLook {
    const TOPIC: &'static str = COMPUTE;
    const METHOD: &'static str = "migration_look";
    type Reply = Arrival;
}

/// The guest is this node's from now on, with its files. One that is paused goes on if it shall run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct MigrationTakeOver {
    /// The server.
    pub id: ServerId,
    /// Whether it shall run.
    pub runs: bool,
}

impl Rpc for MigrationTakeOver {
    const TOPIC: &'static str = COMPUTE;
    const METHOD: &'static str = "migration_take_over";
    /// What the move took, if the hypervisor still knows.
    type Reply = Option<MigrationProgress>;
}

/// How far a move is. Lossy.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct MigrationReport {
    /// The operation.
    pub operation: OperationId,
    /// How far.
    pub progress: MigrationProgress,
}

impl Message for MigrationReport {
    const TOPIC: &'static str = CONDUCTOR;
    const METHOD: &'static str = "migration_report";
}
