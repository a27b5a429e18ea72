//! Servers that change hosts: where one could go, and many by one wish; only Skydeck offers it.

use super::{Client, Result, Service};
use crate::api::wire::{
    MigrationPlanBody, MigrationPlanRequest, MovesPlan, MovesPlanBody, MovesRequest, MovesRun,
    MovesRunBody, MovesRunList,
};

const SKYDECK: Service = Service::Skydeck;

impl Client {
    /// What such moves would be; nothing is moved.
    pub async fn moves_plan(&self, request: &MovesRequest) -> Result<MovesPlan> {
        let call = self.post(SKYDECK, &["plans", "moves"]).json(request);
        Ok(call.parse::<MovesPlanBody>().await?.plan)
    }

    /// Where a server could be moved to, host by host, and what that would take; nothing is moved.
    pub async fn migration_plan(
        &self,
        request: &MigrationPlanRequest,
    ) -> Result<MigrationPlanBody> {
        let call = self.post(SKYDECK, &["plans", "migration"]).json(request);
        call.parse().await
    }

    /// Begins them.
    pub async fn moves_run(&self, request: &MovesRequest) -> Result<MovesRun> {
        let call = self.post(SKYDECK, &["moves"]).json(request);
        Ok(call.parse::<MovesRunBody>().await?.run)
    }

    /// The newest runs.
    pub async fn moves_list(&self) -> Result<Vec<MovesRun>> {
        let call = self.get(SKYDECK, &["moves"]);
        Ok(call.parse::<MovesRunList>().await?.runs)
    }

    /// One run, by its operation.
    pub async fn moves_show(&self, id: &str) -> Result<MovesRun> {
        let call = self.get(SKYDECK, &["moves", id]);
        Ok(call.parse::<MovesRunBody>().await?.run)
    }

    /// Lets a run begin nothing new.
    pub async fn moves_pause(&self, id: &str) -> Result<()> {
        self.post(SKYDECK, &["moves", id, "pause"])
            .accept()
            .await
            .map(drop)
    }

    /// Lets it go on.
    pub async fn moves_resume(&self, id: &str) -> Result<()> {
        self.post(SKYDECK, &["moves", id, "resume"])
            .accept()
            .await
            .map(drop)
    }

    /// Begins anew what failed in a run that has ended.
    pub async fn moves_retry(&self, id: &str) -> Result<MovesRun> {
        let call = self.post(SKYDECK, &["moves", id, "retry"]);
        Ok(call.parse::<MovesRunBody>().await?.run)
    }

    /// Brings back what a run that has ended has moved.
    pub async fn moves_roll_back(&self, id: &str) -> Result<MovesRun> {
        let call = self.post(SKYDECK, &["moves", id, "roll_back"]);
        Ok(call.parse::<MovesRunBody>().await?.run)
    }
}
