//! A small cloud that counts and remembers.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::ws::{Message, WebSocketUpgrade};
use axum::extract::{Path as UrlPath, Query, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post, put};
use futures::StreamExt;
use serde_json::{Value, json};

use crate::api::wire::Secret;
use crate::client::Client;
use crate::client::clouds::{CloudConfig, Credentials, Endpoint, Scope, Tls};
use crate::identity::wire::ScopedRef;

pub(super) const PASSWORD: &str = "s3cret";

/// A cloud that counts and remembers.
#[derive(Default)]
pub(super) struct Fake {
    pub logins: AtomicU32,
    /// Only the token of this login is good; zero: any.
    pub good: AtomicU32,
    pub requests: Mutex<Vec<(String, HeaderMap)>>,
    pub stored: Mutex<Vec<u8>>,
    pub upload_total: AtomicU64,
    pub streams: AtomicU32,
    /// Told when the client has what was sent, so that the rest can be cut off.
    pub cut: Arc<tokio::sync::Notify>,
}

impl Fake {
    fn admits(&self, headers: &HeaderMap) -> bool {
        let good = self.good.load(Ordering::SeqCst);
        let token = headers
            .get("x-auth-token")
            .map(|value| value.to_str().unwrap());
        token.is_some_and(|token| good == 0 || token == format!("token-{good}"))
    }

    /// Headers of the requests to a path.
    pub fn seen(&self, path: &str) -> Vec<HeaderMap> {
        let requests = self.requests.lock().unwrap();
        let of_path = requests.iter().filter(|(seen, _)| seen == path);
        of_path.map(|(_, headers)| headers.clone()).collect()
    }
}

type Cloud = State<Arc<Fake>>;

/// A body that breaks off after `sent`, once the client has it.
fn broken_off(fake: &Fake, sent: Bytes) -> Body {
    let cut = fake.cut.clone();
    let end = futures::stream::once(async move {
        cut.notified().await;
        Err(std::io::Error::other("cut"))
    });
    Body::from_stream(futures::stream::iter([Ok(sent)]).chain(end.boxed()))
}

async fn login(State(fake): Cloud, axum::Json(body): axum::Json<Value>) -> Response {
    if body["auth"]["identity"]["password"]["user"]["password"] != PASSWORD {
        let body = json!({"error": {"code": 401, "title": "Unauthorized", "message": "Wrong."}});
        return (StatusCode::UNAUTHORIZED, axum::Json(body)).into_response();
    }
    let number = fake.logins.fetch_add(1, Ordering::SeqCst) + 1;
    let services = [
        ("compute", "compute/v2.1"),
        ("image", "image"),
        ("network", "network"),
        ("block-storage", "volume/v3"),
        ("skydeck", "skydeck/v1"),
    ];
    // The host is one that does not exist: over a unix socket it must not matter.
    let catalog: Vec<Value> = services
        .iter()
        .map(|(kind, path)| {
            json!({"type": kind, "endpoints": [{"interface": "public", "region_id": "r",
                "url": format!("https://cloud.invalid:1/{path}")}]})
        })
        .collect();
    let token = json!({"token": {"expires_at": "2999-01-01T00:00:00.000000Z",
        "user": {"id": "u", "name": "ops"}, "project": {"id": "p1", "name": "infra"}, "catalog": catalog}});
    let headers = [("x-subject-token", format!("token-{number}"))];
    (StatusCode::CREATED, headers, axum::Json(token)).into_response()
}

async fn version() -> axum::Json<Value> {
    axum::Json(json!({"version": {"id": "v2.1", "version": "2.60", "min_version": "2.1"}}))
}

async fn volume_versions() -> axum::Json<Value> {
    axum::Json(json!({"versions": [{"id": "v3.0", "version": "3.71", "min_version": "3.0"}]}))
}

/// Seven servers, three to a page.
async fn servers(Query(query): Query<HashMap<String, String>>) -> axum::Json<Value> {
    let after: usize = query.get("marker").map_or(0, |id| id.parse().unwrap());
    let servers: Vec<Value> = (after + 1..=7)
        .take(3)
        .map(|id| json!({"id": id.to_string(), "name": format!("s{id}")}))
        .collect();
    let last = after + servers.len();
    let mut body = json!({"servers": servers});
    if last < 7 {
        let href = format!("http://elsewhere.invalid/v2.1/servers/detail?marker={last}");
        body["servers_links"] = json!([{"rel": "next", "href": href}]);
    }
    axum::Json(body)
}

async fn endless_flavors(uri: Uri) -> axum::Json<Value> {
    let next = json!([{"rel": "next", "href": format!("http://c{uri}")}]);
    axum::Json(json!({"flavors": [{"id": "1"}], "flavors_links": next}))
}

async fn refusal(UrlPath(id): UrlPath<String>) -> Response {
    let (status, body) = match id.as_str() {
        "gone" => (
            404,
            json!({"itemNotFound": {"code": 404, "message": "Instance gone could not be found."}}),
        ),
        "quota" => (
            403,
            json!({"forbidden": {"code": 403, "message": "Quota exceeded for cores."}}),
        ),
        _ => (500, json!("?")),
    };
    let headers = [("x-openstack-request-id", "req-1")];
    let status = StatusCode::from_u16(status).unwrap();
    (status, headers, axum::Json(body)).into_response()
}

async fn network_refusal() -> Response {
    let body = json!({"NeutronError": {"type": "NetworkNotFound", "message": "Network x could not be found.", "detail": ""}});
    (StatusCode::NOT_FOUND, axum::Json(body)).into_response()
}

async fn keypair_create() -> axum::Json<Value> {
    axum::Json(json!({"keypair": {"name": "k", "private_key": "p"}}))
}

async fn action() -> Response {
    (StatusCode::ACCEPTED, [("x-openstack-request-id", "req-2")]).into_response()
}

/// The first stream breaks after one event, the second goes on after it.
async fn events(State(fake): Cloud) -> Response {
    let event = |id: u32| {
        let data = json!({"resource": {"resource": {"type": "server", "id": id.to_string()}, "change": "updated"}});
        Bytes::from(format!("id: {id}\nevent: resource\ndata: {data}\n\n"))
    };
    let first = fake.streams.fetch_add(1, Ordering::SeqCst) == 0;
    let body = match first {
        true => broken_off(&fake, event(7)),
        false => Body::from_stream(
            futures::stream::iter([
                Ok::<_, std::io::Error>(Bytes::from("event: future\ndata: {\"future\":1}\n\n")),
                Ok(event(8)),
            ])
            .chain(futures::stream::pending()),
        ),
    };
    ([("content-type", "text/event-stream")], body).into_response()
}

async fn remote_console() -> axum::Json<Value> {
    axum::Json(
        json!({"remote_console": {"protocol": "serial", "type": "serial",
        "url": "ws://cloud.invalid:2/serial?token=t1cket"}}),
    )
}

async fn serial(
    Query(query): Query<HashMap<String, String>>,
    upgrade: WebSocketUpgrade,
) -> Response {
    if query.get("token").map(String::as_str) != Some("t1cket") {
        return StatusCode::FORBIDDEN.into_response();
    }
    upgrade
        .protocols(["binary"])
        .on_upgrade(|mut socket| async move {
            while let Some(Ok(Message::Binary(bytes))) = socket.recv().await {
                let _ = socket.send(Message::Binary(bytes)).await;
            }
        })
}

async fn upload_status(State(fake): Cloud) -> Response {
    let received = fake.stored.lock().unwrap().len();
    let total = fake.upload_total.load(Ordering::SeqCst);
    if received == 0 {
        return StatusCode::NOT_FOUND.into_response();
    }
    axum::Json(json!({"image_id": "i", "received": received, "total": total})).into_response()
}

/// Keeps what comes; of a first upload only the first megabyte, and then breaks off.
async fn upload(State(fake): Cloud, headers: HeaderMap, body: Body) -> Response {
    let first = headers.get("content-range").is_none();
    let length = headers["content-length"].to_str().unwrap().parse().unwrap();
    if first {
        fake.upload_total.store(length, Ordering::SeqCst);
    }
    let mut chunks = body.into_data_stream();
    while let Some(Ok(chunk)) = chunks.next().await {
        let mut stored = fake.stored.lock().unwrap();
        stored.extend_from_slice(&chunk);
        if first && stored.len() > 1024 * 1024 {
            return StatusCode::SERVICE_UNAVAILABLE.into_response();
        }
    }
    StatusCode::NO_CONTENT.into_response()
}

async fn image(UrlPath(id): UrlPath<String>) -> axum::Json<Value> {
    let hash = match id.as_str() {
        "i" => "5e1c7b7c2f2c9b3d",
        _ => {
            "857c86d5463583d54be191946f8a42d0b03f65afc5d1fd32be7eee245fc95ea77fa58b423648221115ddbf9a18d67e780430d7d7da0611160064d5972829a0b5"
        }
    };
    axum::Json(
        json!({"id": id, "status": "saving", "size": 40_000, "os_hash_algo": "sha512", "os_hash_value": hash}),
    )
}

/// Forty thousand times `a`; the first answer breaks off after ten thousand.
async fn download(State(fake): Cloud, headers: HeaderMap) -> Response {
    let whole = vec![b'a'; 40_000];
    let Some(range) = headers.get("range") else {
        let body = broken_off(&fake, Bytes::from(whole[..10_000].to_vec()));
        return ([("content-length", "40000")], body).into_response();
    };
    let range = range.to_str().unwrap();
    let from: usize = range["bytes=".len()..range.len() - 1].parse().unwrap();
    (StatusCode::PARTIAL_CONTENT, whole[from..].to_vec()).into_response()
}

async fn admit(
    State(fake): Cloud,
    request: axum::extract::Request,
    next: axum::middleware::Next,
) -> Response {
    let path = request.uri().path().to_owned();
    let headers = request.headers().clone();
    let open = path.ends_with("/tokens") || path.ends_with('/') || path == "/serial";
    let admitted = open || fake.admits(&headers);
    fake.requests.lock().unwrap().push((path, headers));
    if admitted {
        return next.run(request).await;
    }
    StatusCode::UNAUTHORIZED.into_response()
}

pub(super) fn router(fake: Arc<Fake>) -> Router {
    Router::new()
        .route("/identity/v3/auth/tokens", post(login))
        .route("/compute/v2.1/", get(version))
        .route("/compute/v2.1/servers/detail", get(servers))
        .route("/compute/v2.1/servers/{id}", get(refusal))
        .route("/compute/v2.1/servers/{id}/action", post(action))
        .route(
            "/compute/v2.1/servers/{id}/remote-consoles",
            post(remote_console),
        )
        .route("/compute/v2.1/flavors/detail", get(endless_flavors))
        .route("/compute/v2.1/os-keypairs", post(keypair_create))
        .route("/volume/v3/", get(volume_versions))
        .route(
            "/volume/v3/p1/volumes/detail",
            get(|| async { axum::Json(json!({"volumes": []})) }),
        )
        .route("/network/v2.0/networks/{id}", get(network_refusal))
        .route("/image/v2/images/{id}", get(image))
        .route("/image/v2/images/{id}/file", put(upload).get(download))
        .route("/skydeck/v1/images/{id}/upload", get(upload_status))
        .route("/skydeck/v1/events", get(events))
        .route("/serial", any(serial))
        .layer(axum::middleware::from_fn_with_state(fake.clone(), admit))
        .with_state(fake)
}

/// A cloud on a unix socket, and its client.
pub(super) struct Lab {
    pub fake: Arc<Fake>,
    pub client: Client,
    pub directory: tempfile::TempDir,
}

pub(super) fn config(socket: &Path, password: &str) -> CloudConfig {
    CloudConfig {
        name: "lab".into(),
        endpoint: Endpoint::Unix(socket.to_owned()),
        credentials: Credentials::Password(ScopedRef::default(), Secret::new(password)),
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
    }
}

pub(super) async fn lab() -> Lab {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("api.sock");
    let fake = Arc::new(Fake::default());
    let listener = tokio::net::UnixListener::bind(&socket).unwrap();
    let app = router(fake.clone());
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    let client = Client::new(config(&socket, PASSWORD)).unwrap();
    Lab {
        fake,
        client,
        directory,
    }
}

impl Lab {
    pub fn file(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }
}
