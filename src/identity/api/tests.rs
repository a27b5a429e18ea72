//! Keystone's API as clients use it, through the whole router.

mod resource;
mod rights;
mod token;

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request};
use serde_json::{Value, json};
use tower::ServiceExt;

use super::{authenticate, routes};
use crate::api::{app, skydeck};
use crate::context::testing::cloud;
use crate::context::{Cloud, Context};
use crate::identity::bootstrap;

struct Api {
    _dir: tempfile::TempDir,
    cloud: Arc<Cloud>,
    app: Router,
    password: String,
    admin: String,
}

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

impl Api {
    async fn new() -> Self {
        let (dir, cloud, _kicks) = cloud().await;
        bootstrap(&Context::system(cloud.clone())).await.unwrap();
        let mut services = routes();
        services.push(skydeck::routes());
        let password = std::fs::read_to_string(dir.path().join("admin-password")).unwrap();
        let mut api = Self {
            app: app(&cloud, services, authenticate),
            cloud,
            _dir: dir,
            password: password.trim_end().to_owned(),
            admin: String::new(),
        };
        api.admin = api
            .log_in("admin", &api.password.clone(), Some("admin"))
            .await;
        api
    }

    async fn call(&self, token: &str, method: &str, path: &str, body: Value) -> Answer {
        self.send(method, path, &[("x-auth-token", token)], body)
            .await
    }

    async fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Value,
    ) -> Answer {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", "cloud:8774");
        for (name, value) in headers.iter().filter(|(_, value)| !value.is_empty()) {
            request = request.header(*name, *value);
        }
        let body = if body.is_null() {
            Body::empty()
        } else {
            Body::from(body.to_string())
        };
        let response = self
            .app
            .clone()
            .oneshot(request.body(body).unwrap())
            .await
            .unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let bytes = axum::body::to_bytes(response.into_body(), 1 << 20)
            .await
            .unwrap();
        Answer {
            status,
            headers,
            body: serde_json::from_slice(&bytes).unwrap_or(Value::Null),
        }
    }

    async fn get(&self, path: &str) -> Answer {
        self.call(
            &self.admin,
            "GET",
            &format!("/identity/v3/{path}"),
            Value::Null,
        )
        .await
    }

    async fn ask(&self, method: &str, path: &str, body: Value) -> Answer {
        self.call(&self.admin, method, &format!("/identity/v3/{path}"), body)
            .await
    }

    async fn try_log_in(&self, user: &str, password: &str, project: Option<&str>) -> Answer {
        let domain = json!({"id": "default"});
        let mut auth = json!({"identity": {"methods": ["password"],
            "password": {"user": {"name": user, "domain": domain, "password": password}}}});
        if let Some(project) = project {
            auth["scope"] = json!({"project": {"name": project, "domain": {"name": "Default"}}});
        }
        let path = "/identity/v3/auth/tokens";
        self.send("POST", path, &[], json!({"auth": auth})).await
    }

    async fn log_in(&self, user: &str, password: &str, project: Option<&str>) -> String {
        let answer = self.try_log_in(user, password, project).await;
        assert_eq!(answer.status, 201, "{}", answer.body);
        answer.headers["x-subject-token"]
            .to_str()
            .unwrap()
            .to_owned()
    }

    /// Makes something and gives its id.
    async fn make(&self, collection: &str, kind: &str, fields: Value) -> String {
        let answer = self.ask("POST", collection, json!({kind: fields})).await;
        answer.expect(201)[kind]["id"].as_str().unwrap().to_owned()
    }

    async fn role(&self, name: &str) -> String {
        let list = self.get(&format!("roles?name={name}")).await.expect(200);
        list["roles"][0]["id"].as_str().unwrap().to_owned()
    }

    /// A user with a password, a project, and a role there.
    async fn somebody(&self, name: &str, role: &str) -> (String, String) {
        let fields = json!({"name": name, "password": "password of mine"});
        let user = self.make("users", "user", fields).await;
        let project = self
            .make(
                "projects",
                "project",
                json!({"name": format!("{name}-project")}),
            )
            .await;
        let path = format!(
            "projects/{project}/users/{user}/roles/{}",
            self.role(role).await
        );
        self.ask("PUT", &path, Value::Null).await.expect(204);
        (user, project)
    }
}
