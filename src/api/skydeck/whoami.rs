//! `GET /skydeck/v1/whoami`: the bearer of the token, and the cloud it is for.

use axum::Json;

use crate::api::wire::WhoAmI;
use crate::context::{Context, Rank};
use crate::error::Result;
use crate::identity;

pub(super) async fn show(cx: Context) -> Result<Json<WhoAmI>> {
    let roles = [
        (Rank::Reader, "reader"),
        (Rank::Member, "member"),
        (Rank::Admin, "admin"),
    ];
    let project = cx.actor.project.as_ref();
    let domain_name = match cx.actor.user {
        Some(user) => {
            let user = identity::ops::user_show(&cx, user).await?;
            let domain = identity::ops::domain_show(&cx, user.domain_id).await?;
            domain.name
        }
        None => String::new(),
    };
    Ok(Json(WhoAmI {
        user_id: cx.actor.user.map(|id| id.to_string()).unwrap_or_default(),
        user_name: cx.actor.user_name.clone(),
        domain_name,
        project_id: project.map(|scope| scope.id.to_string()),
        project_name: project.map(|scope| scope.name.clone()),
        roles: roles
            .iter()
            .filter(|(rank, _)| cx.actor.rank >= Some(*rank))
            .map(|(_, name)| (*name).to_owned())
            .collect(),
        simulated: cx.simulated,
        read_only: cx.actor.rank < Some(Rank::Member),
        region: cx.config.identity.region.clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
    }))
}
