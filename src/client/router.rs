//! Routers and floating addresses.

use super::{Client, ListQuery, Pages, Result, Service};
use crate::network::wire::{
    FloatingIp, FloatingIpBody, FloatingIpFields, FloatingIpList, FloatingIpRequest,
    InterfaceRequest, Router, RouterBody, RouterFields, RouterInterface, RouterList, RouterRequest,
};

const NETWORK: Service = Service::Network;

impl Client {
    /// Routers; filters are any of their fields.
    pub fn router_list(&self, query: &ListQuery) -> Pages<RouterList> {
        Pages::new(self.get(NETWORK, &["routers"]), query, None)
    }

    /// One router.
    pub async fn router_show(&self, id: &str) -> Result<Router> {
        let call = self.get(NETWORK, &["routers", id]);
        Ok(call.parse::<RouterBody>().await?.router)
    }

    /// Makes a router.
    pub async fn router_create(&self, fields: RouterFields) -> Result<Router> {
        let body = RouterRequest { router: fields };
        let call = self.post(NETWORK, &["routers"]).json(&body);
        Ok(call.parse::<RouterBody>().await?.router)
    }

    /// Changes a router, its way out included.
    pub async fn router_update(&self, id: &str, fields: RouterFields) -> Result<Router> {
        let body = RouterRequest { router: fields };
        let call = self.put(NETWORK, &["routers", id]).json(&body);
        Ok(call.parse::<RouterBody>().await?.router)
    }

    /// Deletes a router; it must have no interfaces.
    pub async fn router_delete(&self, id: &str) -> Result<()> {
        self.delete(NETWORK, &["routers", id])
            .accept()
            .await
            .map(drop)
    }

    /// Gives a router an interface on a subnet: its gateway's address there.
    pub async fn router_subnet_add(&self, id: &str, subnet: &str) -> Result<RouterInterface> {
        self.router_interface(id, "add_router_interface", subnet)
            .await
    }

    /// Takes a router's interface on a subnet.
    pub async fn router_subnet_remove(&self, id: &str, subnet: &str) -> Result<RouterInterface> {
        self.router_interface(id, "remove_router_interface", subnet)
            .await
    }

    async fn router_interface(
        &self,
        id: &str,
        verb: &str,
        subnet: &str,
    ) -> Result<RouterInterface> {
        let body = InterfaceRequest {
            subnet_id: Some(subnet.to_owned()),
            ..InterfaceRequest::default()
        };
        let call = self.put(NETWORK, &["routers", id, verb]);
        call.json(&body).parse().await
    }

    /// Floating addresses; filters are any of their fields.
    pub fn floatingip_list(&self, query: &ListQuery) -> Pages<FloatingIpList> {
        Pages::new(self.get(NETWORK, &["floatingips"]), query, None)
    }

    /// One floating address.
    pub async fn floatingip_show(&self, id: &str) -> Result<FloatingIp> {
        let call = self.get(NETWORK, &["floatingips", id]);
        Ok(call.parse::<FloatingIpBody>().await?.floatingip)
    }

    /// Allocates a floating address.
    pub async fn floatingip_create(&self, fields: FloatingIpFields) -> Result<FloatingIp> {
        let body = FloatingIpRequest { floatingip: fields };
        let call = self.post(NETWORK, &["floatingips"]).json(&body);
        Ok(call.parse::<FloatingIpBody>().await?.floatingip)
    }

    /// Changes a floating address, what it leads to included.
    pub async fn floatingip_update(
        &self,
        id: &str,
        fields: FloatingIpFields,
    ) -> Result<FloatingIp> {
        let body = FloatingIpRequest { floatingip: fields };
        let call = self.put(NETWORK, &["floatingips", id]).json(&body);
        Ok(call.parse::<FloatingIpBody>().await?.floatingip)
    }

    /// Gives a floating address back.
    pub async fn floatingip_delete(&self, id: &str) -> Result<()> {
        let call = self.delete(NETWORK, &["floatingips", id]);
        call.accept().await.map(drop)
    }
}
