//! `GET /os-aggregates`: groups of hosts, of which there are none. Clients ask for them to show a host.

use axum::Json;
use serde_json::{Value, json};

use crate::api::Routes;

pub(super) fn routes(routes: Routes) -> Routes {
    routes.get("/v2.1/os-aggregates", "compute:aggregate:list", list)
}

async fn list() -> Json<Value> {
    Json(json!({"aggregates": []}))
}
