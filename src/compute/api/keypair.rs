//! `/os-keypairs`.

use axum::Json;
use axum::extract::Path;
use axum::http::StatusCode;

use super::links::{Links, page};
use crate::api::wire::Secret;
use crate::api::{Body, Params, Routes, Version};
use crate::compute::model::{Keypair, NewKeypair};
use crate::compute::ops;
use crate::compute::wire::microversion::{
    keypair_at, keypair_generation, keypair_in_list_at, since,
};
use crate::compute::wire::{
    Keypair as WireKeypair, KeypairBody, KeypairCreateRequest, KeypairList,
};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::ids::UserId;

pub(super) fn routes(routes: Routes) -> Routes {
    routes
        .get("/v2.1/os-keypairs", "compute:keypair:list", list)
        .post("/v2.1/os-keypairs", "compute:keypair:create", create)
        .get("/v2.1/os-keypairs/{name}", "compute:keypair:show", show)
        .delete("/v2.1/os-keypairs/{name}", "compute:keypair:delete", delete)
}

async fn list(
    cx: Context,
    links: Links,
    version: Version,
    params: Params,
) -> Result<Json<KeypairList>> {
    let limit = page(&params)?;
    let user = user(params.get("user_id"))?;
    let found = ops::keypair_list(&cx, user, params.get("marker"), Some(limit)).await?;
    let last = found.last().map(|keypair| keypair.name.as_str());
    Ok(Json(KeypairList {
        keypairs_links: links.next(found.len(), limit, last),
        keypairs: found
            .iter()
            .map(|keypair| KeypairBody {
                keypair: keypair_in_list_at(to_wire(keypair), version.0),
            })
            .collect(),
    }))
}

async fn create(
    cx: Context,
    version: Version,
    Body(request): Body<KeypairCreateRequest>,
) -> Result<(StatusCode, Json<KeypairBody>)> {
    let fields = request.keypair;
    match fields.kind.as_deref() {
        None | Some("ssh") => {}
        Some(other) => {
            return Err(Error::invalid(
                "keypair.type",
                format!("{other} keys are not offered; ssh ones are"),
            ));
        }
    }
    if fields.public_key.is_none() && !keypair_generation(version.0) {
        return Err(Error::invalid(
            "keypair.public_key",
            "from version 2.92 on it is needed",
        ));
    }
    let new = NewKeypair {
        name: fields.name,
        public_key: fields.public_key,
        user: user(fields.user_id.as_deref())?,
    };
    let (keypair, private) = ops::keypair_create(&cx, new).await?;
    let newest = WireKeypair {
        private_key: private.map(|key| Secret::new(key.expose())),
        ..to_wire(&keypair)
    };
    let status = if since(version.0, 2) {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    };
    let keypair = keypair_at(newest, version.0, true);
    Ok((status, Json(KeypairBody { keypair })))
}

async fn show(
    cx: Context,
    version: Version,
    params: Params,
    Path(name): Path<String>,
) -> Result<Json<KeypairBody>> {
    let user = user(params.get("user_id"))?;
    let keypair = ops::keypair_show_of(&cx, user, &name).await?;
    Ok(Json(KeypairBody {
        keypair: keypair_at(to_wire(&keypair), version.0, false),
    }))
}

async fn delete(
    cx: Context,
    version: Version,
    params: Params,
    Path(name): Path<String>,
) -> Result<StatusCode> {
    ops::keypair_delete(&cx, user(params.get("user_id"))?, &name).await?;
    Ok(if since(version.0, 2) {
        StatusCode::NO_CONTENT
    } else {
        StatusCode::ACCEPTED
    })
}

fn user(text: Option<&str>) -> Result<Option<UserId>> {
    text.map(|text| {
        text.parse()
            .map_err(|_| Error::invalid("user_id", "this is no user's id"))
    })
    .transpose()
}

fn to_wire(keypair: &Keypair) -> WireKeypair {
    WireKeypair {
        name: keypair.name.clone(),
        public_key: keypair.public_key.clone(),
        fingerprint: keypair.fingerprint.clone(),
        kind: Some("ssh".into()),
        user_id: Some(keypair.user.to_string()),
        private_key: None,
        id: Some(keypair.number),
        created_at: Some(keypair.created_at.to_micros_text()),
        deleted: Some(false),
        deleted_at: Some(None),
        updated_at: Some(None),
    }
}
