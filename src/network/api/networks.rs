//! `/network/v2.0/networks`.

use axum::Json;
use axum::extract::Path;
use axum::http::StatusCode;
use serde_json::Value;

use super::listing;
use crate::api::{Body, Params, parse_id};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::network::model::{
    self, NetworkChanges, NetworkKind, NetworkQuery, NewNetwork, Provider,
};
use crate::network::ops;
use crate::network::wire::{Network, NetworkBody, NetworkFields, NetworkRequest};

/// Availability zone of everything.
const ZONE: &str = "nova";

pub(super) async fn list(cx: Context, params: Params) -> Result<Json<Value>> {
    let found = ops::network_list(&cx, NetworkQuery::default()).await?;
    listing::list(
        "networks",
        found.iter().map(|network| to_wire(&cx, network)).collect(),
        &params,
    )
    .map(Json)
}

pub(super) async fn show(cx: Context, Path(id): Path<String>) -> Result<Json<NetworkBody>> {
    let network = ops::network_show(&cx, parse_id("network", &id)?).await?;
    Ok(Json(NetworkBody {
        network: to_wire(&cx, &network),
    }))
}

pub(super) async fn create(
    cx: Context,
    Body(NetworkRequest { network: fields }): Body<NetworkRequest>,
) -> Result<(StatusCode, Json<NetworkBody>)> {
    let project = fields
        .project_id
        .as_deref()
        .map(|id| {
            id.parse()
                .map_err(|_| Error::invalid("project_id", "it is no id"))
        })
        .transpose()?;
    let new = NewNetwork {
        project,
        name: fields.name.unwrap_or_default(),
        description: fields.description.unwrap_or_default(),
        admin_state_up: fields.admin_state_up,
        shared: fields.shared.unwrap_or_default(),
        external: fields.external.unwrap_or_default(),
        mtu: fields.mtu,
        port_security: fields.port_security_enabled,
        dns_domain: fields.dns_domain.unwrap_or_default(),
        provider: Provider {
            network_type: fields.provider_network_type,
            physical_network: fields.provider_physical_network,
            segmentation_id: fields.provider_segmentation_id,
        },
    };
    let network = ops::network_create(&cx, new).await?;
    Ok((
        StatusCode::CREATED,
        Json(NetworkBody {
            network: to_wire(&cx, &network),
        }),
    ))
}

pub(super) async fn update(
    cx: Context,
    Path(id): Path<String>,
    Body(NetworkRequest { network: fields }): Body<NetworkRequest>,
) -> Result<Json<NetworkBody>> {
    check(&fields)?;
    let changes = NetworkChanges {
        name: fields.name,
        description: fields.description,
        admin_state_up: fields.admin_state_up,
        shared: fields.shared,
        external: fields.external,
        mtu: fields.mtu,
        port_security: fields.port_security_enabled,
        dns_domain: fields.dns_domain,
        tags: None,
    };
    let network = ops::network_update(&cx, parse_id("network", &id)?, changes).await?;
    Ok(Json(NetworkBody {
        network: to_wire(&cx, &network),
    }))
}

pub(super) async fn delete(cx: Context, Path(id): Path<String>) -> Result<StatusCode> {
    ops::network_delete(&cx, parse_id("network", &id)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What a network travels on never changes.
fn check(fields: &NetworkFields) -> Result<()> {
    for (field, given) in [
        (
            "provider:network_type",
            fields.provider_network_type.is_some(),
        ),
        (
            "provider:physical_network",
            fields.provider_physical_network.is_some(),
        ),
        (
            "provider:segmentation_id",
            fields.provider_segmentation_id.is_some(),
        ),
    ] {
        if given {
            return Err(Error::invalid(
                field,
                "provider attributes of a network that is there can not be changed; make another network",
            ));
        }
    }
    Ok(())
}

fn kind_name(cx: &Context, kind: &NetworkKind) -> &'static str {
    match kind {
        NetworkKind::Vxlan { .. } => cx.config.network.engine.tunnel_type(),
        other => other.name(),
    }
}

pub(super) fn to_wire(cx: &Context, network: &model::Network) -> Network {
    let project = network.project.to_string();
    let admin = cx.actor.is_admin();
    Network {
        id: network.id.to_string(),
        name: network.name.clone(),
        description: network.description.clone(),
        tenant_id: project.clone(),
        project_id: project,
        status: if network.admin_state_up {
            "ACTIVE"
        } else {
            "DOWN"
        }
        .to_owned(),
        admin_state_up: network.admin_state_up,
        shared: network.shared || is_shared_with(cx, network),
        external: network.external,
        subnets: network.subnets.iter().map(ToString::to_string).collect(),
        mtu: network.mtu,
        port_security_enabled: Some(network.port_security),
        provider_network_type: admin.then(|| kind_name(cx, &network.kind).to_owned()),
        provider_physical_network: network.kind.physical().filter(|_| admin).map(str::to_owned),
        provider_segmentation_id: network.kind.vni().filter(|_| admin),
        dns_domain: Some(network.dns_domain.clone()),
        availability_zones: vec![ZONE.to_owned()],
        tags: network.tags.clone(),
        revision_number: network.revision,
        created_at: network.created_at.to_seconds_text(),
        updated_at: network.updated_at.to_seconds_text(),
        ..Network::default()
    }
}

/// Whether it is another project's and a policy shares it with the actor's.
fn is_shared_with(cx: &Context, network: &model::Network) -> bool {
    let own = cx.actor.project.as_ref().map(|scope| scope.id);
    !cx.actor.is_admin() && !network.external && own != Some(network.project)
}
