//! Servers: what can be asked of them.
//!
//! An operation checks what depends on the server at hand (whose it is, what state it is in) and records the intent in one
//! transaction, with the saga that fulfils it. Invariant: when an operation returns, either everything it promised is in
//! the database, or nothing.

mod access;
mod actions;
mod attachments;
mod check;
mod console;
mod create;
mod delete;
mod evacuate;
mod list;
mod lock;
mod metadata;
mod migrate_cold;
mod migrate_live;
mod migrate_plan;
mod migration_check;
mod migration_disks;
mod migrations;
mod move_order;
mod parts;
mod plan;
mod ports;
mod power;
mod prepare;
mod prune;
mod rebuild;
mod remains;
mod request;
mod reset_state;
mod resize;
mod security_groups;
mod show;
mod snapshot;
mod tags;
mod update;
mod usage;
mod volumes;

pub use crate::compute::sagas::LiveMigrationWish;
pub(in crate::compute) use access::{UnderWay, begin_on_conn, tell, tell_begun, tell_changed};
pub use actions::{ServerAction, server_action_list, server_action_show};
pub use attachments::{
    AttachWish, VolumeUse, server_interface_attach, server_interface_detach, server_interface_list,
    server_interface_show, server_interface_wait, server_volume_attach, server_volume_detach,
    server_volume_list, server_volume_show, server_volume_update,
};
pub use console::{server_console_log, server_console_open, server_console_ticket};
pub use create::server_create;
pub use delete::server_delete;
pub use evacuate::server_evacuate;
pub use list::{server_counts, server_list, server_list_brief, server_owners};
pub use lock::{server_lock, server_unlock};
pub use metadata::{
    server_metadata_delete, server_metadata_replace, server_metadata_show, server_metadata_update,
};
pub use migrate_cold::server_migrate;
pub use migrate_live::server_migrate_live;
pub use migrate_plan::{MigrationPlan, server_migrate_plan};
pub use migration_check::Outlook;
pub(in crate::compute) use migration_check::{check_versions, forecast, spec_for};
pub(in crate::compute) use migration_disks::{disk_bytes, disk_copy};
pub(in crate::compute) use migrations::server_port_ids;
pub use migrations::{
    migration_list, migration_progress, migration_prune, server_migration_show,
    server_migration_wish,
};
pub(in crate::compute) use move_order::{launch_order, move_order, move_order_on_conn};
pub(in crate::compute) use parts::{instance_spec, instance_spec_with_image, server_drive};
pub use plan::{LaunchPlan, PlanItem, PlanUse, server_create_plan};
pub use ports::NicWish;
pub(in crate::compute) use ports::{
    nics_unmake_on_conn, ports_make_on_conn, ports_tell, ports_unmake_on_conn,
};
pub use power::{
    server_pause, server_reboot, server_resume, server_start, server_stop, server_suspend,
    server_unpause,
};
pub use prune::server_prune;
pub use rebuild::{RebuildWish, server_rebuild};
pub use remains::{ServerStanding, server_remains_remove, server_standings};
pub use request::{DiskRequest, DiskSource, NetworkChoice, NewServer, NicRequest};
pub use reset_state::server_reset_state;
pub use resize::{server_resize, server_resize_confirm, server_resize_revert};
pub use security_groups::{
    server_security_group_add, server_security_group_list, server_security_group_remove,
};
pub use show::server_show;
pub use snapshot::server_create_image;
pub use tags::{server_tag_add, server_tag_list, server_tag_remove, server_tag_replace};
pub use update::{ServerChanges, server_update};
pub use usage::{ProjectUsage, ServerUsage, project_used, server_usage};
pub use volumes::VolumeWish;
pub(in crate::compute) use volumes::{
    tell as volume_tell, volume_let_go, volumes_make, volumes_unmake,
};
