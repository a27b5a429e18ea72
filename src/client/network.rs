//! Networks, subnets, ports and their quotas.

use super::{Client, ListQuery, Pages, Result, Service};
use crate::network::wire::{
    Extension, ExtensionList, Network, NetworkBody, NetworkFields, NetworkList, NetworkQuota,
    NetworkQuotaBody, NetworkQuotaFields, NetworkQuotaRequest, NetworkQuotaUse, NetworkRequest,
    NetworkZone, NetworkZoneList, Port, PortBody, PortFields, PortList, PortRequest, Subnet,
    SubnetBody, SubnetFields, SubnetList, SubnetRequest,
};

const NETWORK: Service = Service::Network;

impl Client {
    /// Networks; filters are any of their fields.
    pub fn network_list(&self, query: &ListQuery) -> Pages<NetworkList> {
        Pages::new(self.get(NETWORK, &["networks"]), query, None)
    }

    /// One network.
    pub async fn network_show(&self, id: &str) -> Result<Network> {
        let call = self.get(NETWORK, &["networks", id]);
        Ok(call.parse::<NetworkBody>().await?.network)
    }

    /// Makes a network.
    pub async fn network_create(&self, fields: NetworkFields) -> Result<Network> {
        let body = NetworkRequest { network: fields };
        let call = self.post(NETWORK, &["networks"]).json(&body);
        Ok(call.parse::<NetworkBody>().await?.network)
    }

    /// Changes a network.
    pub async fn network_update(&self, id: &str, fields: NetworkFields) -> Result<Network> {
        let body = NetworkRequest { network: fields };
        let call = self.put(NETWORK, &["networks", id]).json(&body);
        Ok(call.parse::<NetworkBody>().await?.network)
    }

    /// Deletes a network and its subnets; no port may be in use.
    pub async fn network_delete(&self, id: &str) -> Result<()> {
        let call = self.delete(NETWORK, &["networks", id]);
        call.accept().await.map(drop)
    }

    /// Subnets; filters are any of their fields.
    pub fn subnet_list(&self, query: &ListQuery) -> Pages<SubnetList> {
        Pages::new(self.get(NETWORK, &["subnets"]), query, None)
    }

    /// One subnet.
    pub async fn subnet_show(&self, id: &str) -> Result<Subnet> {
        let call = self.get(NETWORK, &["subnets", id]);
        Ok(call.parse::<SubnetBody>().await?.subnet)
    }

    /// Makes a subnet.
    pub async fn subnet_create(&self, fields: SubnetFields) -> Result<Subnet> {
        let body = SubnetRequest { subnet: fields };
        let call = self.post(NETWORK, &["subnets"]).json(&body);
        Ok(call.parse::<SubnetBody>().await?.subnet)
    }

    /// Changes a subnet.
    pub async fn subnet_update(&self, id: &str, fields: SubnetFields) -> Result<Subnet> {
        let body = SubnetRequest { subnet: fields };
        let call = self.put(NETWORK, &["subnets", id]).json(&body);
        Ok(call.parse::<SubnetBody>().await?.subnet)
    }

    /// Deletes a subnet; no port may use it.
    pub async fn subnet_delete(&self, id: &str) -> Result<()> {
        let call = self.delete(NETWORK, &["subnets", id]);
        call.accept().await.map(drop)
    }

    /// Ports; filters are any of their fields, `device_id` above all.
    pub fn port_list(&self, query: &ListQuery) -> Pages<PortList> {
        Pages::new(self.get(NETWORK, &["ports"]), query, None)
    }

    /// One port.
    pub async fn port_show(&self, id: &str) -> Result<Port> {
        let call = self.get(NETWORK, &["ports", id]);
        Ok(call.parse::<PortBody>().await?.port)
    }

    /// Makes a port.
    pub async fn port_create(&self, fields: PortFields) -> Result<Port> {
        let call = self.post(NETWORK, &["ports"]);
        let answer = call.json(&PortRequest { port: fields }).parse::<PortBody>();
        Ok(answer.await?.port)
    }

    /// Changes a port.
    pub async fn port_update(&self, id: &str, fields: PortFields) -> Result<Port> {
        let call = self.put(NETWORK, &["ports", id]);
        let answer = call.json(&PortRequest { port: fields }).parse::<PortBody>();
        Ok(answer.await?.port)
    }

    /// Deletes a port.
    pub async fn port_delete(&self, id: &str) -> Result<()> {
        let call = self.delete(NETWORK, &["ports", id]);
        call.accept().await.map(drop)
    }

    /// What the network service can do beyond its core.
    pub async fn network_extension_list(&self) -> Result<Vec<Extension>> {
        let call = self.get(NETWORK, &["extensions"]);
        Ok(call.parse::<ExtensionList>().await?.extensions)
    }

    /// Zones for networks.
    pub async fn network_zone_list(&self) -> Result<Vec<NetworkZone>> {
        let call = self.get(NETWORK, &["availability_zones"]);
        Ok(call.parse::<NetworkZoneList>().await?.availability_zones)
    }

    /// A project's quotas and what is used of them.
    pub async fn network_quota_show(
        &self,
        project_id: &str,
    ) -> Result<NetworkQuota<NetworkQuotaUse>> {
        let call = self.get(NETWORK, &["quotas", project_id, "details.json"]);
        let body = call.parse::<NetworkQuotaBody<NetworkQuotaUse>>().await?;
        Ok(body.quota)
    }

    /// Changes a project's quotas.
    pub async fn network_quota_set(
        &self,
        project_id: &str,
        quota: NetworkQuotaFields,
    ) -> Result<NetworkQuota<i64>> {
        let call = self.put(NETWORK, &["quotas", project_id]);
        let body = NetworkQuotaRequest { quota };
        Ok(call
            .json(&body)
            .parse::<NetworkQuotaBody<i64>>()
            .await?
            .quota)
    }
}
