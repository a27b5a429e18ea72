//! Making routers.

use super::check;
use super::quota::{Bounded, room_on_conn};
use super::router_gateway::gateway_set_on_conn;
use crate::context::{Change, Context, Event};
use crate::error::Result;
use crate::ids::{RouterId, Time};
use crate::network::model::{NewRouter, Router};
use crate::network::store;

/// Makes a router. It is on a node as soon as it has an interface.
pub async fn router_create(cx: &Context, new: NewRouter) -> Result<Router> {
    check::text("name", &new.name)?;
    check::text("description", &new.description)?;
    let now = Time::now();
    let mut router = Router {
        id: RouterId::new(),
        project: check::project_for(cx, new.project)?,
        name: new.name,
        description: new.description,
        admin_state_up: new.admin_state_up.unwrap_or(true),
        enable_snat: true,
        routes: Vec::new(),
        host: None,
        tags: Vec::new(),
        revision: 1,
        created_at: now,
        updated_at: now,
        gateway: None,
    };
    let mut tx = cx.db.begin().await?;
    room_on_conn(&mut tx, cx, router.project, Bounded::Routers).await?;
    if let Some(wish) = &new.gateway {
        gateway_set_on_conn(&mut tx, cx, &mut router, Some(wish)).await?;
    }
    store::router::insert(&mut tx, &router).await?;
    tx.commit().await?;
    router_announce(cx, &router, Change::Created);
    Ok(router)
}

pub(super) fn router_announce(cx: &Context, router: &Router, change: Change) {
    let event = Event::new("router", router.id, Some(router.project), change);
    cx.events.publish(event.named(&router.name));
}
