//! A control process with a simulated node, as it runs, asked through its whole router.

mod authorization;
mod counts;
mod input;
mod tls;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, Request};
use serde_json::{Value, json};
use tower::ServiceExt;

use super::app;
use crate::agent::Agent;
use crate::config::{Config, Listen, Sources};
use crate::hypervisor::sim::{SimConfig, SimHost};
use crate::roles::lock::Front;
use crate::roles::{Control, node, services};

/// How long what takes a moment may take on a machine that compiles meanwhile.
const PATIENCE: Duration = Duration::from_secs(120);
/// Everybody's password.
const PASSWORD: &str = "a password of theirs";

/// The process, its node, and its router.
struct Running {
    app: Router,
    control: Control,
    _agent: Agent,
    dir: tempfile::TempDir,
}

/// What came back.
struct Answer {
    status: u16,
    headers: HeaderMap,
    body: Value,
}

impl Answer {
    #[track_caller]
    fn expect(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.body);
        self.body
    }
}

impl Running {
    async fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let flags = vec![
            ("data_dir".to_owned(), dir.path().display().to_string()),
            ("agent.report_interval".to_owned(), "1".to_owned()),
        ];
        let mut config = Config::load(&Sources {
            flags,
            ..Sources::default()
        })
        .unwrap();
        config.api.listen = vec![Listen::Unix(dir.path().join("api.sock"))];
        let control = Control::start(config, Front::Server).await.unwrap();
        let sim = Arc::new(SimHost::open(SimConfig::default()).unwrap());
        let cloud = control.cloud();
        let agent = node::start_simulated(
            "n1",
            dir.path(),
            &cloud.config,
            (&cloud.bus, cloud.process),
            sim,
        )
        .unwrap();
        let app = app(cloud, services::routes(), crate::identity::authenticate);
        Self {
            app,
            control,
            _agent: agent,
            dir,
        }
    }

    async fn send(
        &self,
        token: &str,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> Answer {
        let request = request(token, method, path, headers);
        let body = Body::from(body.into());
        let response = self
            .app
            .clone()
            .oneshot(request.body(body).unwrap())
            .await
            .unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let bytes = axum::body::to_bytes(response.into_body(), 8 << 20)
            .await
            .unwrap();
        Answer {
            status,
            headers,
            body: serde_json::from_slice(&bytes).unwrap_or(Value::Null),
        }
    }

    async fn call(&self, token: &str, method: &str, path: &str, body: Value) -> Answer {
        let body = if body.is_null() {
            Vec::new()
        } else {
            body.to_string().into_bytes()
        };
        let json = [("content-type", "application/json")];
        self.send(token, method, path, &json, body).await
    }

    async fn get(&self, token: &str, path: &str) -> Value {
        self.call(token, "GET", path, Value::Null).await.expect(200)
    }

    /// A token of this user, for a project or for none.
    async fn log_in(&self, user: &str, password: &str, project: Option<&str>) -> String {
        let domain = json!({"id": "default"});
        let mut auth = json!({"identity": {"methods": ["password"],
            "password": {"user": {"name": user, "domain": domain, "password": password}}}});
        auth["scope"] = match project {
            Some(project) => json!({"project": {"name": project, "domain": domain}}),
            None => json!("unscoped"),
        };
        let body = json!({"auth": auth});
        let answer = self
            .call("", "POST", "/identity/v3/auth/tokens", body)
            .await;
        assert_eq!(answer.status, 201, "{}", answer.body);
        let token = &answer.headers["x-subject-token"];
        token.to_str().unwrap().to_owned()
    }

    async fn admin(&self) -> String {
        let file = self.dir.path().join("admin-password");
        let password = std::fs::read_to_string(file).unwrap();
        self.log_in("admin", password.trim_end(), Some("admin"))
            .await
    }

    /// Makes something of Keystone's and gives its id.
    async fn make(&self, admin: &str, collection: &str, kind: &str, fields: Value) -> String {
        let path = format!("/identity/v3/{collection}");
        let made = self.call(admin, "POST", &path, json!({kind: fields})).await;
        id(&made.expect(201)[kind])
    }

    /// Gives a user a role on a project; the ids.
    async fn assign(&self, admin: &str, user: &str, project: &str, role: &str) {
        let roles = self
            .get(admin, &format!("/identity/v3/roles?name={role}"))
            .await;
        let role = id(&roles["roles"][0]);
        let path = format!("/identity/v3/projects/{project}/users/{user}/roles/{role}");
        self.call(admin, "PUT", &path, Value::Null)
            .await
            .expect(204);
    }

    /// Waits until something shows this.
    async fn until(&self, token: &str, path: &str, shown: impl Fn(&Value) -> bool) -> Value {
        let mut events = self.control.cloud().events.watch();
        let wait = async {
            loop {
                let found = self.get(token, path).await;
                if shown(&found) {
                    return found;
                }
                let _ = tokio::time::timeout(Duration::from_millis(100), events.recv()).await;
            }
        };
        tokio::time::timeout(PATIENCE, wait)
            .await
            .unwrap_or_else(|_| panic!("{path} does not show it"))
    }
}

fn request(
    token: &str,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
) -> axum::http::request::Builder {
    let mut request = Request::builder()
        .method(method)
        .uri(path)
        .header("host", "cloud:8774");
    if !token.is_empty() {
        request = request.header("x-auth-token", token);
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request
}

#[track_caller]
fn id(thing: &Value) -> String {
    let id = thing["id"].as_str();
    id.unwrap_or_else(|| panic!("no id: {thing}")).to_owned()
}
