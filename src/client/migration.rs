//! Moves of servers between hosts: `server migrate --live-migration`, `server migration …`.

use super::request::Accepted;
use super::{Client, ClientError, ListQuery, Pages, Result, Service};
use crate::api::wire::{ErrorInfo, MigrationDetail, MigrationDetailList, Nothing};
use crate::compute::wire::{MigrateLive, MigrationAction, MigrationList, ServerAction};

const COMPUTE: Service = Service::Compute;
const SKYDECK: Service = Service::Skydeck;

impl Client {
    /// Begins to move a running server: to this host or to one of the scheduler's choice, with its disks or without.
    pub async fn server_migrate_live(&self, id: &str, how: MigrateLive) -> Result<Accepted> {
        self.server_action(id, &ServerAction::MigrateLive(how))
            .await
    }

    /// Moves, newest first, as Nova tells them; filters `status`, `host`, `instance_uuid`, `migration_type`.
    pub fn migration_list(&self, query: &ListQuery) -> Pages<MigrationList> {
        Pages::new(self.get(COMPUTE, &["os-migrations"]), query, None)
    }

    /// Moves, newest first, with progress and forecast. Filters as in [`Client::migration_list`]. Only Skydeck has it.
    pub fn migration_detail_list(&self, query: &ListQuery) -> Pages<MigrationDetailList> {
        Pages::new(self.get(SKYDECK, &["migrations"]), query, None)
    }

    /// The move with this id, with progress and forecast. Only Skydeck has it.
    pub async fn migration_detail_show(&self, uuid: &str) -> Result<MigrationDetail> {
        let call = self.get(SKYDECK, &["migrations"]).query([("uuid", uuid)]);
        let what = call.what();
        let found = call.parse::<MigrationDetailList>().await?.migrations;
        // It is asked for as one of a list, which is no reason to answer otherwise than for other things.
        found
            .into_iter()
            .find(|found| found.uuid == uuid)
            .ok_or_else(|| ClientError::Refused {
                service: "skydeck",
                what,
                info: Box::new(ErrorInfo {
                    status: 404,
                    message: format!("there is no migration {uuid}"),
                    ..ErrorInfo::default()
                }),
            })
    }

    /// Asks a move that is under way to break off; the server stays where it was.
    pub async fn migration_abort(&self, server_id: &str, number: i64) -> Result<Accepted> {
        let number = number.to_string();
        let call = self.delete(COMPUTE, &["servers", server_id, "migrations", &number]);
        call.accept().await
    }

    /// Asks a move that is under way to end soon.
    pub async fn migration_force_complete(&self, server_id: &str, number: i64) -> Result<Accepted> {
        let number = number.to_string();
        let path = ["servers", server_id, "migrations", &number, "action"];
        let action = MigrationAction::ForceComplete(Nothing);
        self.post(COMPUTE, &path).json(&action).accept().await
    }
}
