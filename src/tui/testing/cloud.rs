//! A cloud that answers from the fixture: logins, and what is kept for a path. What it does not have is not found.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::api::wire::Secret;
use crate::client::Client;
use crate::client::clouds::{CloudConfig, Credentials, Endpoint, Scope, Tls};
use crate::identity::wire::ScopedRef;

/// Answers by path.
pub type Answers = Vec<(String, Value)>;

fn token() -> Response {
    let services = [
        ("identity", "identity/v3"),
        ("compute", "compute/v2.1"),
        ("image", "image"),
        ("network", "network"),
        ("block-storage", "volume/v3"),
        ("skydeck", "skydeck/v1"),
    ];
    let catalog: Vec<Value> = services
        .iter()
        .map(|(kind, path)| {
            json!({"type": kind, "endpoints": [{"interface": "public", "region_id": "r",
                "url": format!("http://cloud.invalid/{path}")}]})
        })
        .collect();
    let token = json!({"token": {"expires_at": "2999-01-01T00:00:00.000000Z", "roles": [{"id": "r1", "name": "admin"}],
        "user": {"id": "u1", "name": "ada"}, "project": {"id": "p1", "name": "infra"}, "catalog": catalog}});
    let headers = [("x-subject-token", "t")];
    (StatusCode::CREATED, headers, axum::Json(token)).into_response()
}

async fn answer(State(answers): State<Arc<Answers>>, method: Method, uri: Uri) -> Response {
    let path = uri.path();
    if path == "/identity/v3/auth/tokens" && method == Method::POST {
        return token();
    }
    // A longer key, with a piece of the query, goes before the bare path.
    let query = uri.query().unwrap_or_default();
    let of_path = |key: &str| match key.split_once('?') {
        Some((bare, part)) => bare == path && query.contains(part),
        None => key == path,
    };
    let found = answers.iter().find(|(key, _)| of_path(key));
    match found {
        Some((_, Value::Number(status))) => {
            let status = u16::try_from(status.as_u64().unwrap()).unwrap();
            let body = json!({"error": {"code": status, "message": "The database is locked."}});
            (StatusCode::from_u16(status).unwrap(), axum::Json(body)).into_response()
        }
        Some((_, body)) => axum::Json(body).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

/// A client of a cloud with these answers, on a socket in `directory`.
pub fn serve(directory: &std::path::Path, answers: Answers) -> Client {
    let socket = directory.join("api.sock");
    let listener = tokio::net::UnixListener::bind(&socket).unwrap();
    let app = Router::new().fallback(answer).with_state(Arc::new(answers));
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    let config = CloudConfig {
        name: "lab".into(),
        endpoint: Endpoint::Unix(socket),
        credentials: Credentials::Password(ScopedRef::default(), Secret::new("secret")),
        scope: Scope::Default,
        region: None,
        interface: "public".into(),
        tls: Tls {
            verify: true,
            cacert: None,
            cert: None,
            key: None,
        },
        timeout: Duration::from_secs(30),
        overrides: Default::default(),
    };
    Client::new(config).unwrap()
}
