//! What servers need: flavors, key pairs, hypervisors, services, zones, limits and quotas.

use super::{Client, ListQuery, Pages, Result, Service};
use crate::api::wire::{Metadata, Microversion};
use crate::compute::wire::{
    AbsoluteLimits, ComputeService, ComputeServiceBody, ComputeServiceList, ComputeServiceUpdate,
    ExtraSpecsBody, Flavor, FlavorBody, FlavorCreate, FlavorCreateRequest, FlavorList, Hypervisor,
    HypervisorBody, HypervisorList, Keypair, KeypairBody, KeypairCreate, KeypairCreateRequest,
    KeypairList, LimitsBody, QuotaFields, QuotaRequest, QuotaSet, QuotaSetBody, QuotaUse, Zone,
    ZoneList,
};

const COMPUTE: Service = Service::Compute;
/// The last version in which a hypervisor shows its sizes.
const WITH_SIZES: Microversion = Microversion::new(2, 87);
/// The last version in which the cloud makes key pairs.
const WITH_GENERATION: Microversion = Microversion::new(2, 91);

impl Client {
    /// Flavors, in detail. Administrators see private ones too with the filter `is_public=None`.
    pub fn flavor_list(&self, query: &ListQuery) -> Pages<FlavorList> {
        Pages::new(self.get(COMPUTE, &["flavors", "detail"]), query, None)
    }

    /// One flavor.
    pub async fn flavor_show(&self, id: &str) -> Result<Flavor> {
        let call = self.get(COMPUTE, &["flavors", id]);
        Ok(call.parse::<FlavorBody>().await?.flavor)
    }

    /// Makes a flavor.
    pub async fn flavor_create(&self, flavor: FlavorCreate) -> Result<Flavor> {
        let call = self.post(COMPUTE, &["flavors"]);
        let answer = call
            .json(&FlavorCreateRequest { flavor })
            .parse::<FlavorBody>();
        Ok(answer.await?.flavor)
    }

    /// Deletes a flavor; servers made from it stay.
    pub async fn flavor_delete(&self, id: &str) -> Result<()> {
        let call = self.delete(COMPUTE, &["flavors", id]);
        call.accept().await.map(drop)
    }

    /// Sets extra specs of a flavor; others stay.
    pub async fn flavor_extra_specs_set(&self, id: &str, specs: Metadata) -> Result<Metadata> {
        let call = self.post(COMPUTE, &["flavors", id, "os-extra_specs"]);
        let body = ExtraSpecsBody { extra_specs: specs };
        Ok(call
            .json(&body)
            .parse::<ExtraSpecsBody>()
            .await?
            .extra_specs)
    }

    /// Takes one extra spec of a flavor away.
    pub async fn flavor_extra_spec_delete(&self, id: &str, key: &str) -> Result<()> {
        let call = self.delete(COMPUTE, &["flavors", id, "os-extra_specs", key]);
        call.accept().await.map(drop)
    }

    /// The user's key pairs.
    pub fn keypair_list(&self, query: &ListQuery) -> Pages<KeypairList> {
        Pages::new(self.get(COMPUTE, &["os-keypairs"]), query, None)
    }

    /// One key pair, by name.
    pub async fn keypair_show(&self, name: &str) -> Result<Keypair> {
        let call = self.get(COMPUTE, &["os-keypairs", name]);
        Ok(call.parse::<KeypairBody>().await?.keypair)
    }

    /// Takes a public key in, or without one has the cloud make a pair: the answer holds the private key, once.
    pub async fn keypair_create(&self, keypair: KeypairCreate) -> Result<Keypair> {
        let call = self
            .post(COMPUTE, &["os-keypairs"])
            .at_most(WITH_GENERATION);
        let answer = call
            .json(&KeypairCreateRequest { keypair })
            .parse::<KeypairBody>();
        Ok(answer.await?.keypair)
    }

    /// Deletes a key pair; servers made with it keep the key.
    pub async fn keypair_delete(&self, name: &str) -> Result<()> {
        let call = self.delete(COMPUTE, &["os-keypairs", name]);
        call.accept().await.map(drop)
    }

    /// Hypervisors in detail, with their sizes.
    pub fn hypervisor_list(&self, query: &ListQuery) -> Pages<HypervisorList> {
        let call = self.get(COMPUTE, &["os-hypervisors", "detail"]);
        Pages::new(call.at_most(WITH_SIZES), query, None)
    }

    /// One hypervisor with its sizes and its servers.
    pub async fn hypervisor_show(&self, id: &str) -> Result<Hypervisor> {
        let call = self
            .get(COMPUTE, &["os-hypervisors", id])
            .query([("with_servers", "true")])
            .at_most(WITH_SIZES);
        Ok(call.parse::<HypervisorBody>().await?.hypervisor)
    }

    /// Processes of the compute service.
    pub async fn compute_service_list(&self) -> Result<Vec<ComputeService>> {
        let call = self.get(COMPUTE, &["os-services"]);
        Ok(call.parse::<ComputeServiceList>().await?.services)
    }

    /// Opens or closes a host to new servers, or says that it is down.
    pub async fn compute_service_update(
        &self,
        id: &str,
        update: &ComputeServiceUpdate,
    ) -> Result<ComputeService> {
        let call = self.put(COMPUTE, &["os-services", id]).json(update);
        Ok(call.parse::<ComputeServiceBody>().await?.service)
    }

    /// Zones for servers.
    pub async fn availability_zone_list(&self) -> Result<Vec<Zone>> {
        let call = self.get(COMPUTE, &["os-availability-zone"]);
        Ok(call.parse::<ZoneList>().await?.availability_zone_info)
    }

    /// Bounds of the project and what is used of them.
    pub async fn limits_show(&self) -> Result<AbsoluteLimits> {
        let call = self.get(COMPUTE, &["limits"]);
        Ok(call.parse::<LimitsBody>().await?.limits.absolute)
    }

    /// A project's quotas and what is used of them.
    pub async fn quota_show(&self, project_id: &str) -> Result<QuotaSet<QuotaUse>> {
        let call = self.get(COMPUTE, &["os-quota-sets", project_id, "detail"]);
        Ok(call.parse::<QuotaSetBody<QuotaUse>>().await?.quota_set)
    }

    /// Changes a project's quotas.
    pub async fn quota_set(&self, project_id: &str, quota: QuotaFields) -> Result<QuotaSet<i64>> {
        let call = self.put(COMPUTE, &["os-quota-sets", project_id]);
        let body = QuotaRequest { quota_set: quota };
        Ok(call
            .json(&body)
            .parse::<QuotaSetBody<i64>>()
            .await?
            .quota_set)
    }
}
