//! Volumes, their types, services and quotas.

use super::request::Accepted;
use super::{Client, ListQuery, Pages, Result, Service};
use crate::api::wire::Metadata;
use crate::volume::wire::{
    Volume, VolumeAbsoluteLimits, VolumeAction, VolumeBody, VolumeCreate, VolumeCreateRequest,
    VolumeExtend, VolumeFields, VolumeLimitsBody, VolumeList, VolumeMetadata, VolumeQuota,
    VolumeQuotaBody, VolumeQuotaFields, VolumeQuotaRequest, VolumeQuotaUse, VolumeService,
    VolumeServiceList, VolumeType, VolumeTypeList, VolumeUpdateRequest, VolumeZone, VolumeZoneList,
};

const VOLUME: Service = Service::Volume;

impl Client {
    /// Volumes, in detail.
    pub fn volume_list(&self, query: &ListQuery) -> Pages<VolumeList> {
        let call = self.get(VOLUME, &["volumes", "detail"]);
        Pages::new(call, query, Some(("all_tenants", "1")))
    }

    /// One volume.
    pub async fn volume_show(&self, id: &str) -> Result<Volume> {
        let call = self.get(VOLUME, &["volumes", id]);
        Ok(call.parse::<VolumeBody>().await?.volume)
    }

    /// Begins to make a volume.
    pub async fn volume_create(&self, volume: VolumeCreate) -> Result<Volume> {
        let body = VolumeCreateRequest {
            volume,
            scheduler_hints: None,
        };
        let call = self.post(VOLUME, &["volumes"]).json(&body);
        Ok(call.parse::<VolumeBody>().await?.volume)
    }

    /// Changes name, description or all metadata.
    pub async fn volume_update(&self, id: &str, fields: VolumeFields) -> Result<Volume> {
        let body = VolumeUpdateRequest { volume: fields };
        let call = self.put(VOLUME, &["volumes", id]).json(&body);
        Ok(call.parse::<VolumeBody>().await?.volume)
    }

    /// Begins to delete a volume.
    pub async fn volume_delete(&self, id: &str) -> Result<Accepted> {
        self.delete(VOLUME, &["volumes", id]).accept().await
    }

    /// Does something to a volume.
    pub async fn volume_action(&self, id: &str, action: &VolumeAction) -> Result<Accepted> {
        let call = self.post(VOLUME, &["volumes", id, "action"]).json(action);
        call.accept().await
    }

    /// Begins to make a volume larger.
    pub async fn volume_extend(&self, id: &str, size_gb: u64) -> Result<Accepted> {
        let new_size = Some(size_gb);
        let action = VolumeAction::Extend(VolumeExtend { new_size });
        self.volume_action(id, &action).await
    }

    /// Sets pairs of a volume's metadata; others stay.
    pub async fn volume_metadata_set(&self, id: &str, metadata: Metadata) -> Result<Metadata> {
        let call = self.post(VOLUME, &["volumes", id, "metadata"]);
        let answer = call
            .json(&VolumeMetadata { metadata })
            .parse::<VolumeMetadata>();
        Ok(answer.await?.metadata)
    }

    /// Takes one pair of a volume's metadata away.
    pub async fn volume_metadata_delete(&self, id: &str, key: &str) -> Result<()> {
        let call = self.delete(VOLUME, &["volumes", id, "metadata", key]);
        call.accept().await.map(drop)
    }

    /// Kinds of volumes.
    pub async fn volume_type_list(&self) -> Result<Vec<VolumeType>> {
        let call = self.get(VOLUME, &["types"]);
        Ok(call.parse::<VolumeTypeList>().await?.volume_types)
    }

    /// Processes of the volume service.
    pub async fn volume_service_list(&self) -> Result<Vec<VolumeService>> {
        let call = self.get(VOLUME, &["os-services"]);
        Ok(call.parse::<VolumeServiceList>().await?.services)
    }

    /// Zones for volumes.
    pub async fn volume_zone_list(&self) -> Result<Vec<VolumeZone>> {
        let call = self.get(VOLUME, &["os-availability-zone"]);
        Ok(call.parse::<VolumeZoneList>().await?.availability_zone_info)
    }

    /// Bounds of the project and what is used of them.
    pub async fn volume_limits_show(&self) -> Result<VolumeAbsoluteLimits> {
        let call = self.get(VOLUME, &["limits"]);
        Ok(call.parse::<VolumeLimitsBody>().await?.limits.absolute)
    }

    /// A project's quotas and what is used of them.
    pub async fn volume_quota_show(&self, project_id: &str) -> Result<VolumeQuota<VolumeQuotaUse>> {
        let call = self.get(VOLUME, &["os-quota-sets", project_id]);
        let call = call.query([("usage", "true")]);
        let body = call.parse::<VolumeQuotaBody<VolumeQuotaUse>>().await?;
        Ok(body.quota_set)
    }

    /// Changes a project's quotas.
    pub async fn volume_quota_set(
        &self,
        project_id: &str,
        quota: VolumeQuotaFields,
    ) -> Result<VolumeQuota<i64>> {
        let call = self.put(VOLUME, &["os-quota-sets", project_id]);
        let body = VolumeQuotaRequest { quota_set: quota };
        Ok(call
            .json(&body)
            .parse::<VolumeQuotaBody<i64>>()
            .await?
            .quota_set)
    }
}
