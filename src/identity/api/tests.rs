//! Keystone's API as clients use it, through the whole router.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request};
use futures::FutureExt;
use serde_json::{Value, json};
use tower::ServiceExt;

use super::{audit_routes, routes};
use crate::api::{app, auth::authenticate, skydeck};
use crate::context::testing::cloud;
use crate::context::{Cloud, Need, Rank};
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
        bootstrap::run(&cloud).await.unwrap();
        let services = vec![routes(), audit_routes(), skydeck::routes()];
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

#[tokio::test]
async fn a_token_is_issued_shown_and_revoked_as_clients_expect() {
    let api = Api::new().await;
    let answer = api.try_log_in("admin", &api.password, Some("admin")).await;
    assert_eq!(answer.headers["vary"], "X-Auth-Token");
    let token = answer.headers["x-subject-token"]
        .to_str()
        .unwrap()
        .to_owned();
    let issued = answer.expect(201);
    let said = &issued["token"];
    assert_eq!(said["project"]["name"], "admin");
    assert_eq!(said["project"]["domain"]["id"], "default");
    assert_eq!(said["user"]["domain"]["name"], "Default");
    assert_eq!(said["methods"], json!(["password"]));
    assert_eq!(said["roles"].as_array().unwrap().len(), 3);
    assert!(said["expires_at"].as_str().unwrap().ends_with('Z'));
    let compute = said["catalog"]
        .as_array()
        .unwrap()
        .iter()
        .find(|service| service["type"] == "compute")
        .unwrap();
    assert_eq!(
        compute["endpoints"][2]["url"],
        "http://cloud:8774/compute/v2.1"
    );
    assert_eq!(compute["endpoints"][2]["region_id"], "RegionOne");

    let path = "/identity/v3/auth/tokens";
    let headers = [("x-auth-token", &*api.admin), ("x-subject-token", &*token)];
    for (method, path) in [("GET", path), ("HEAD", path)] {
        let shown = api.send(method, path, &headers, Value::Null).await;
        assert_eq!(shown.headers["x-subject-token"], token);
        let body = shown.expect(200);
        if method == "GET" {
            assert_eq!(body["token"], *said);
        }
    }
    let bare = api
        .send("GET", &format!("{path}?nocatalog"), &headers, Value::Null)
        .await;
    assert!(bare.expect(200)["token"].get("catalog").is_none());
    api.send("DELETE", path, &headers, Value::Null)
        .await
        .expect(204);
    api.send("GET", path, &headers, Value::Null)
        .await
        .expect(404);
    let refused = api
        .call(&token, "GET", "/identity/v3/auth/projects", Value::Null)
        .await;
    assert!(refused.headers.contains_key("www-authenticate"));
    assert_eq!(refused.expect(401)["error"]["code"], 401);
    api.send("GET", path, &headers[..1], Value::Null)
        .await
        .expect(400);
}

#[tokio::test]
async fn scopes_are_changed_by_token_and_listed() {
    let api = Api::new().await;
    let (user, project) = api.somebody("ann", "member").await;
    let unscoped = api.log_in("ann", "password of mine", None).await;
    let own = api
        .call(&unscoped, "GET", "/identity/v3/auth/projects", Value::Null)
        .await;
    assert_eq!(own.expect(200)["projects"][0]["id"], json!(project));
    let none = api
        .call(&unscoped, "GET", "/identity/v3/auth/domains", Value::Null)
        .await;
    assert_eq!(none.expect(200)["domains"], json!([]));
    api.call(&unscoped, "GET", "/identity/v3/auth/catalog", Value::Null)
        .await
        .expect(403);
    let request = json!({"auth": {"identity": {"methods": ["token"], "token": {"id": unscoped}},
        "scope": {"project": {"id": project}}}});
    let scoped = api
        .send("POST", "/identity/v3/auth/tokens", &[], request)
        .await;
    let token = scoped.headers["x-subject-token"]
        .to_str()
        .unwrap()
        .to_owned();
    let said = scoped.expect(201);
    assert_eq!(said["token"]["methods"], json!(["token", "password"]));
    let catalog = api
        .call(&token, "GET", "/identity/v3/auth/catalog", Value::Null)
        .await;
    assert_eq!(catalog.expect(200)["catalog"], said["token"]["catalog"]);
    let projects = format!("/identity/v3/users/{user}/projects");
    let found = api
        .call(&token, "GET", &projects, Value::Null)
        .await
        .expect(200);
    assert_eq!(found["projects"].as_array().unwrap().len(), 1);
    let whoami = api
        .call(&token, "GET", "/skydeck/v1/whoami", Value::Null)
        .await
        .expect(200);
    assert_eq!(whoami["domain_name"], "Default");
    assert_eq!(whoami["roles"], json!(["reader", "member"]));
}

#[tokio::test]
async fn wrong_requests_say_what_is_wrong() {
    let api = Api::new().await;
    for (auth, status, part) in [
        (json!({}), 400, "auth"),
        (
            json!({"auth": {"identity": {"methods": ["totp"]}}}),
            401,
            "methods",
        ),
        (
            json!({"auth": {"identity": {"methods": ["password"]}}}),
            400,
            "auth.identity.password",
        ),
        (
            json!({"auth": {"identity": {"methods": ["password"], "password": {"user": {"name": "a", "password": "b"}}}}}),
            400,
            "user.domain",
        ),
        (
            json!({"auth": {"identity": {"methods": ["token"], "token": {"id": api.admin}}, "scope": {"system": {"all": true}}}}),
            400,
            "system",
        ),
        (
            json!({"auth": {"identity": {"methods": ["token"], "token": {"id": "stale"}}}}),
            401,
            "log in again",
        ),
    ] {
        let answer = api
            .send("POST", "/identity/v3/auth/tokens", &[], auth)
            .await;
        let body = answer.expect(status);
        let message = body["error"]["message"].as_str().unwrap();
        assert!(message.contains(part), "{message}");
    }
    let cases = [
        ("projects", json!({"project": {}}), 400, "project.name"),
        (
            "projects",
            json!({"project": {"name": "a", "is_domain": true}}),
            400,
            "is_domain",
        ),
        (
            "projects",
            json!({"project": {"name": "a", "domain_id": "nowhere"}}),
            404,
            "domain nowhere",
        ),
        (
            "projects",
            json!({"project": {"name": "admin"}}),
            409,
            "named admin already",
        ),
        (
            "users",
            json!({"user": {"name": "a", "password": "short"}}),
            400,
            "at least 8",
        ),
        ("users", json!({"user": {"name": 7}}), 400, "user.name"),
        (
            "roles",
            json!({"role": {"name": "a", "domain_id": "default"}}),
            400,
            "role.domain_id",
        ),
    ];
    for (path, body, status, part) in cases {
        let body = api.ask("POST", path, body).await.expect(status);
        let message = body["error"]["message"].as_str().unwrap();
        assert!(message.contains(part), "{message}");
    }
    // A stale token does not keep anybody from asking for a new one.
    let request = json!({"auth": {"identity": {"methods": ["token"], "token": {"id": api.admin}}}});
    api.call("stale", "POST", "/identity/v3/auth/tokens", request)
        .await
        .expect(201);
}

#[tokio::test]
async fn resources_are_made_changed_listed_and_deleted() {
    let api = Api::new().await;
    for (collection, kind, extra) in [
        (
            "domains",
            "domain",
            json!({"description": "d", "enabled": false}),
        ),
        (
            "projects",
            "project",
            json!({"description": "d", "tags": ["x"]}),
        ),
        (
            "users",
            "user",
            json!({"description": "d", "email": "a@b", "password": "long enough"}),
        ),
        ("groups", "group", json!({"description": "d"})),
        ("roles", "role", json!({"description": "d"})),
    ] {
        let mut fields = extra.clone();
        fields["name"] = json!("thing");
        let id = api.make(collection, kind, fields.clone()).await;
        let path = format!("{collection}/{id}");
        let shown = api.get(&path).await.expect(200);
        for (field, value) in fields.as_object().unwrap() {
            if field == "password" {
                assert!(shown[kind].get(field).is_none(), "{shown}");
            } else {
                assert_eq!(shown[kind][field], *value, "{kind} {field}");
            }
        }
        let this = format!("http://cloud:8774/identity/v3/{path}");
        assert_eq!(shown[kind]["links"]["self"], json!(this));
        let listed = api
            .get(&format!("{collection}?name=thing"))
            .await
            .expect(200);
        assert_eq!(listed[collection], json!([shown[kind]]));
        api.ask("POST", collection, json!({kind: {"name": "thing"}}))
            .await
            .expect(409);
        let change = json!({kind: {"name": "other", "description": "changed"}});
        let changed = api.ask("PATCH", &path, change).await.expect(200);
        assert_eq!(changed[kind]["name"], "other");
        assert_eq!(
            api.get(&path).await.expect(200)[kind]["description"],
            "changed"
        );
        // A client that was given a name asks for it as an id first.
        api.get(&format!("{collection}/other")).await.expect(404);
        api.ask("DELETE", &path, Value::Null).await.expect(204);
        api.get(&path).await.expect(404);
        api.ask("DELETE", &path, Value::Null).await.expect(404);
        api.ask("PATCH", &path, json!({kind: {"name": "x"}}))
            .await
            .expect(404);
    }
    let audit = api
        .call(&api.admin, "GET", "/skydeck/v1/audit?limit=2", Value::Null)
        .await;
    let audit = audit.expect(200);
    assert_eq!(audit["audit"][0]["action"], "role_delete");
    assert_eq!(audit["audit"][0]["user_name"], "admin");
    assert_eq!(audit["audit"][0]["outcome"], "success");
    let more = format!(
        "/skydeck/v1/audit?limit=2&marker={}",
        audit["next"].as_str().unwrap()
    );
    let more = api
        .call(&api.admin, "GET", &more, Value::Null)
        .await
        .expect(200);
    assert_ne!(more["audit"][0]["id"], audit["audit"][1]["id"]);
}

#[tokio::test]
async fn projects_stand_below_each_other_and_domains_go_with_everything() {
    let api = Api::new().await;
    let domain = api.make("domains", "domain", json!({"name": "d"})).await;
    let top = api
        .make(
            "projects",
            "project",
            json!({"name": "top", "parent_id": domain}),
        )
        .await;
    let below = api
        .make(
            "projects",
            "project",
            json!({"name": "below", "parent_id": top}),
        )
        .await;
    let shown = api.get(&format!("projects/{below}")).await.expect(200);
    assert_eq!(shown["project"]["parent_id"], json!(top));
    assert_eq!(shown["project"]["domain_id"], json!(domain));
    let listed = api
        .get(&format!("projects?parent_id={domain}"))
        .await
        .expect(200);
    assert_eq!(listed["projects"].as_array().unwrap().len(), 1);
    let wrong = json!({"project": {"name": "x", "parent_id": top, "domain_id": "default"}});
    api.ask("POST", "projects", wrong).await.expect(400);
    let moved = json!({"project": {"domain_id": "default"}});
    api.ask("PATCH", &format!("projects/{top}"), moved)
        .await
        .expect(400);
    api.ask("DELETE", &format!("projects/{top}"), Value::Null)
        .await
        .expect(403);
    let mut last = below.clone();
    for depth in 3..=5 {
        let fields = json!({"name": format!("p{depth}"), "parent_id": last});
        last = api.make("projects", "project", fields).await;
    }
    let deeper = json!({"project": {"name": "p6", "parent_id": last}});
    api.ask("POST", "projects", deeper).await.expect(403);

    let user = json!({"name": "u", "domain_id": domain, "password": "long enough"});
    let user = api.make("users", "user", user).await;
    let path = format!("domains/{domain}");
    api.ask("DELETE", &path, Value::Null).await.expect(403);
    let off = json!({"domain": {"enabled": false}});
    api.ask("PATCH", &path, off.clone()).await.expect(200);
    api.ask("DELETE", &path, Value::Null).await.expect(204);
    for path in [format!("users/{user}"), format!("projects/{below}"), path] {
        api.get(&path).await.expect(404);
    }
    api.ask("PATCH", "domains/default", off).await.expect(403);
    api.ask("DELETE", "domains/default", Value::Null)
        .await
        .expect(403);
}

#[tokio::test]
async fn roles_come_by_user_by_group_and_by_implication() {
    let api = Api::new().await;
    let (ann, project) = api.somebody("ann", "reader").await;
    let group = api.make("groups", "group", json!({"name": "g"})).await;
    let operator = api.make("roles", "role", json!({"name": "operator"})).await;
    let member = api.role("member").await;
    api.ask(
        "PUT",
        &format!("roles/{operator}/implies/{member}"),
        Value::Null,
    )
    .await
    .expect(201);
    let membership = format!("groups/{group}/users/{ann}");
    let assignment = format!("projects/{project}/groups/{group}/roles/{operator}");
    for path in [&membership, &assignment] {
        api.ask("HEAD", path, Value::Null).await.expect(404);
        api.ask("PUT", path, Value::Null).await.expect(204);
        api.ask("PUT", path, Value::Null).await.expect(204);
        api.ask("HEAD", path, Value::Null).await.expect(204);
    }
    let members = api.get(&format!("groups/{group}/users")).await.expect(200);
    assert_eq!(members["users"][0]["name"], "ann");
    let groups = api.get(&format!("users/{ann}/groups")).await.expect(200);
    assert_eq!(groups["groups"][0]["name"], "g");
    let token = api
        .log_in("ann", "password of mine", Some("ann-project"))
        .await;
    let whoami = api
        .call(&token, "GET", "/skydeck/v1/whoami", Value::Null)
        .await
        .expect(200);
    assert_eq!(whoami["roles"], json!(["reader", "member"]));

    let direct = api
        .get(&format!("role_assignments?scope.project.id={project}"))
        .await
        .expect(200);
    assert_eq!(direct["role_assignments"].as_array().unwrap().len(), 2);
    let effective = format!("role_assignments?effective&include_names=True&user.id={ann}");
    let effective = api.get(&effective).await.expect(200);
    let mut names: Vec<_> = effective["role_assignments"]
        .as_array()
        .unwrap()
        .iter()
        .map(|found| found["role"]["name"].as_str().unwrap())
        .collect();
    names.sort_unstable();
    assert_eq!(names, ["member", "operator", "reader"]);
    let first = &effective["role_assignments"][0];
    assert_eq!(first["user"]["domain"]["name"], "Default");
    assert_eq!(first["scope"]["project"]["name"], "ann-project");
    let none = api
        .get("role_assignments?scope.system=all")
        .await
        .expect(200);
    assert_eq!(none["role_assignments"], json!([]));
    let roles = api
        .get(&format!("projects/{project}/users/{ann}/roles"))
        .await
        .expect(200);
    assert_eq!(roles["roles"][0]["name"], "reader");

    let inferences = api.get("role_inferences").await.expect(200);
    assert_eq!(inferences["role_inferences"].as_array().unwrap().len(), 3);
    let admin = api.role("admin").await;
    api.ask(
        "PUT",
        &format!("roles/{operator}/implies/{admin}"),
        Value::Null,
    )
    .await
    .expect(403);
    api.ask(
        "DELETE",
        &format!("roles/{admin}/implies/{member}"),
        Value::Null,
    )
    .await
    .expect(403);
    api.ask("DELETE", &format!("roles/{admin}"), Value::Null)
        .await
        .expect(403);

    // Each way of losing the group's role is seen by the token that is there.
    let rank = async || {
        let whoami = api
            .call(&token, "GET", "/skydeck/v1/whoami", Value::Null)
            .await;
        whoami.expect(200)["roles"].as_array().unwrap().len()
    };
    assert_eq!(rank().await, 2);
    api.ask("DELETE", &membership, Value::Null)
        .await
        .expect(204);
    assert_eq!(rank().await, 1);
    api.ask("PUT", &membership, Value::Null).await.expect(204);
    assert_eq!(rank().await, 2);
    api.ask("DELETE", &assignment, Value::Null)
        .await
        .expect(204);
    assert_eq!(rank().await, 1);
    api.ask("DELETE", &assignment, Value::Null)
        .await
        .expect(404);
}

#[tokio::test]
async fn whatever_takes_a_right_away_voids_tokens_at_once() {
    let api = Api::new().await;
    let (user, project) = api.somebody("ann", "member").await;
    let reader = api.role("member").await;
    let (user_path, project_path) = (format!("users/{user}"), format!("projects/{project}"));
    let role_path = format!("projects/{project}/users/{user}/roles/{reader}");
    let off = |kind: &str| json!({kind: {"enabled": false}});
    let on = |kind: &str| json!({kind: {"enabled": true}});
    let steps = [
        (
            "PATCH",
            &user_path,
            off("user"),
            Some(("PATCH", &user_path, on("user"))),
        ),
        (
            "PATCH",
            &project_path,
            off("project"),
            Some(("PATCH", &project_path, on("project"))),
        ),
        (
            "DELETE",
            &role_path,
            Value::Null,
            Some(("PUT", &role_path, Value::Null)),
        ),
        (
            "PATCH",
            &user_path,
            json!({"user": {"password": "password of mine"}}),
            None,
        ),
        ("DELETE", &project_path, Value::Null, None),
    ];
    for (method, path, body, back) in steps {
        let token = api
            .log_in("ann", "password of mine", Some("ann-project"))
            .await;
        let whoami = "/skydeck/v1/whoami";
        api.call(&token, "GET", whoami, Value::Null)
            .await
            .expect(200);
        let is_patch = method == "PATCH";
        let answer = api.ask(method, path, body).await;
        assert!(answer.status < 300, "{}", answer.body);
        api.call(&token, "GET", whoami, Value::Null)
            .await
            .expect(401);
        if let Some((method, path, body)) = back {
            let answer = api.ask(method, path, body).await;
            assert!(answer.status < 300, "{}", answer.body);
            // What was revoked stays so; a role that comes back was only missing.
            let status = if is_patch { 401 } else { 200 };
            api.call(&token, "GET", whoami, Value::Null)
                .await
                .expect(status);
        }
    }
    let token = api.log_in("ann", "password of mine", None).await;
    api.ask("DELETE", &user_path, Value::Null).await.expect(204);
    api.call(&token, "GET", "/identity/v3/auth/projects", Value::Null)
        .await
        .expect(401);
    assert_eq!(
        api.try_log_in("ann", "password of mine", None).await.status,
        401
    );
}

#[tokio::test]
async fn a_user_changes_its_own_password_and_nothing_else() {
    let api = Api::new().await;
    let (user, _) = api.somebody("ann", "member").await;
    let token = api
        .log_in("ann", "password of mine", Some("ann-project"))
        .await;
    let path = format!("/identity/v3/users/{user}");
    let shown = api
        .call(&token, "GET", &path, Value::Null)
        .await
        .expect(200);
    assert_eq!(shown["user"]["name"], "ann");
    let change = json!({"user": {"email": "x@y"}});
    api.call(&token, "PATCH", &path, change).await.expect(403);
    let others = api.get("users?name=admin").await.expect(200);
    let other = format!(
        "/identity/v3/users/{}",
        others["users"][0]["id"].as_str().unwrap()
    );
    api.call(&token, "GET", &other, Value::Null)
        .await
        .expect(403);

    let path = format!("{path}/password");
    let ask = |old: &str, new: &str| json!({"user": {"original_password": old, "password": new}});
    let body = ask("wrong", "another password");
    api.call(&token, "POST", &path, body).await.expect(401);
    let body = ask("password of mine", "short");
    api.call(&token, "POST", &path, body).await.expect(400);
    let body = ask("password of mine", "password of mine");
    api.call(&token, "POST", &path, body).await.expect(400);
    let body = ask("password of mine", "another password");
    api.call(&token, "POST", &path, body).await.expect(204);
    api.call(&token, "GET", "/identity/v3/auth/projects", Value::Null)
        .await
        .expect(401);
    assert_eq!(
        api.try_log_in("ann", "password of mine", None).await.status,
        401
    );
    api.log_in("ann", "another password", Some("ann-project"))
        .await;
}

#[tokio::test]
async fn somebody_can_always_administer() {
    let api = Api::new().await;
    let admins = api.get("users?name=admin").await.expect(200);
    let user = admins["users"][0]["id"].as_str().unwrap().to_owned();
    let projects = api.get("projects?name=admin").await.expect(200);
    let project = projects["projects"][0]["id"].as_str().unwrap().to_owned();
    let role = api.role("admin").await;
    let last = [
        ("DELETE", format!("users/{user}"), Value::Null),
        (
            "PATCH",
            format!("users/{user}"),
            json!({"user": {"enabled": false}}),
        ),
        ("DELETE", format!("projects/{project}"), Value::Null),
        (
            "PATCH",
            format!("projects/{project}"),
            json!({"project": {"enabled": false}}),
        ),
        (
            "DELETE",
            format!("projects/{project}/users/{user}/roles/{role}"),
            Value::Null,
        ),
    ];
    for (method, path, body) in &last {
        let refused = api.ask(method, path, body.clone()).await.expect(403);
        let message = refused["error"]["message"].as_str().unwrap();
        assert!(message.contains("nobody could administer"), "{message}");
    }
    api.somebody("second", "admin").await;
    let (method, path, body) = &last[0];
    api.ask(method, path, body.clone()).await.expect(204);
}

#[tokio::test]
async fn application_credentials_pass_on_some_rights_and_not_their_making() {
    let api = Api::new().await;
    let (user, project) = api.somebody("ann", "member").await;
    let token = api
        .log_in("ann", "password of mine", Some("ann-project"))
        .await;
    let path = format!("/identity/v3/users/{user}/application_credentials");
    let make = |fields: Value| json!({"application_credential": fields});
    let body = make(
        json!({"name": "robot", "roles": [{"name": "reader"}], "expires_at": "2999-01-02T03:04:05"}),
    );
    let made = api.call(&token, "POST", &path, body).await.expect(201);
    let made = &made["application_credential"];
    assert_eq!(made["project_id"], json!(project));
    assert_eq!(made["expires_at"], "2999-01-02T03:04:05.000000");
    let (id, secret) = (
        made["id"].as_str().unwrap(),
        made["secret"].as_str().unwrap(),
    );
    for (fields, status) in [
        (json!({"name": "robot"}), 409),
        (json!({"name": "b", "roles": [{"name": "admin"}]}), 400),
        (
            json!({"name": "b", "expires_at": "2001-01-01T00:00:00"}),
            400,
        ),
        (json!({"name": "b", "expires_at": "soon"}), 400),
    ] {
        api.call(&token, "POST", &path, make(fields))
            .await
            .expect(status);
    }
    let body = make(json!({"name": "for somebody else"}));
    api.call(&api.admin, "POST", &path, body).await.expect(403);
    let listed = api
        .call(&token, "GET", &path, Value::Null)
        .await
        .expect(200);
    assert!(listed["application_credentials"][0].get("secret").is_none());

    let proof = json!({"methods": ["application_credential"], "application_credential": {"id": id, "secret": secret}});
    let log_in = |auth: Value| {
        api.send(
            "POST",
            "/identity/v3/auth/tokens",
            &[],
            json!({"auth": auth}),
        )
        .boxed()
    };
    let answer = log_in(json!({"identity": proof})).await;
    let robot = answer.headers["x-subject-token"]
        .to_str()
        .unwrap()
        .to_owned();
    let said = answer.expect(201);
    assert_eq!(said["token"]["roles"].as_array().unwrap().len(), 1);
    assert_eq!(said["token"]["roles"][0]["name"], "reader");
    let elsewhere = json!({"identity": proof, "scope": {"domain": {"id": "default"}}});
    log_in(elsewhere).await.expect(401);
    let wider =
        json!({"identity": {"methods": ["token"], "token": {"id": robot}}, "scope": "unscoped"});
    log_in(wider).await.expect(401);
    api.call(&robot, "POST", &path, make(json!({"name": "more"})))
        .await
        .expect(403);
    let by_name = json!({"identity": {"methods": ["application_credential"], "application_credential":
        {"name": "robot", "user": {"name": "ann", "domain": {"id": "default"}}, "secret": secret}}});
    log_in(by_name).await.expect(201);
    let one = format!("{path}/{id}");
    api.call(&robot, "DELETE", &one, Value::Null)
        .await
        .expect(403);
    api.call(&token, "DELETE", &one, Value::Null)
        .await
        .expect(204);
    api.call(&robot, "GET", "/skydeck/v1/whoami", Value::Null)
        .await
        .expect(401);
    log_in(json!({"identity": proof})).await.expect(401);
}

#[tokio::test]
async fn the_catalog_is_there_to_be_looked_at() {
    let api = Api::new().await;
    let services = api.get("services").await.expect(200);
    let kinds: Vec<_> = services["services"]
        .as_array()
        .unwrap()
        .iter()
        .map(|service| service["type"].as_str().unwrap())
        .collect();
    let all = [
        "block-storage",
        "compute",
        "identity",
        "image",
        "network",
        "placement",
        "skydeck",
        "volumev3",
    ];
    assert_eq!(kinds, all);
    let compute = &api.get("services?type=compute").await.expect(200)["services"][0];
    let id = compute["id"].as_str().unwrap();
    api.get(&format!("services/{id}")).await.expect(200);
    let endpoints = api
        .get(&format!("endpoints?service_id={id}&interface=public"))
        .await;
    let endpoints = endpoints.expect(200);
    assert_eq!(endpoints["endpoints"].as_array().unwrap().len(), 1);
    let endpoint = endpoints["endpoints"][0]["id"].as_str().unwrap();
    api.get(&format!("endpoints/{endpoint}")).await.expect(200);
    assert_eq!(
        api.get("regions").await.expect(200)["regions"][0]["id"],
        "RegionOne"
    );
    api.get("regions/RegionOne").await.expect(200);
    api.get("regions/elsewhere").await.expect(404);
    api.ask("POST", "services", json!({"service": {}}))
        .await
        .expect(405);
    let versions = api
        .send("GET", "/identity", &[], Value::Null)
        .await
        .expect(300);
    let this = &versions["versions"]["values"][0]["links"][0]["href"];
    assert_eq!(this, "http://cloud:8774/identity/v3/");
    let version = api
        .send("GET", "/identity/v3/", &[], Value::Null)
        .await
        .expect(200);
    assert_eq!(version["version"]["status"], "stable");
}

#[tokio::test]
async fn every_route_asks_for_what_its_rule_says() {
    let api = Api::new().await;
    api.somebody("ann", "member").await;
    let member = api
        .log_in("ann", "password of mine", Some("ann-project"))
        .await;
    let mut table = routes().table();
    table.extend(audit_routes().table());
    let mut open = Vec::new();
    for route in table {
        let need = api.cloud.policy.need(route.rule);
        let need = need.unwrap_or_else(|| panic!("no rule {}", route.rule));
        let mut path = String::new();
        for part in route.path.split_inclusive('/') {
            path.push_str(if part.starts_with('{') { "x/" } else { part });
        }
        let path = if route.path.ends_with('}') {
            path.trim_end_matches('/')
        } else {
            &path
        };
        if need == Need::Public {
            open.push(format!("{} {}", route.method, route.path));
            continue;
        }
        let stranger = api.send(route.method, path, &[], json!({})).await.status;
        assert_eq!(stranger, 401, "{} {path}", route.method);
        let status = api
            .call(&member, route.method, path, json!({}))
            .await
            .status;
        let refused = status == 403;
        assert_eq!(
            refused,
            need == Need::Role(Rank::Admin),
            "{} {path}: {status}",
            route.method
        );
    }
    let wanted = [
        "GET /identity",
        "GET /identity/",
        "GET /identity/v3",
        "GET /identity/v3/",
        "POST /identity/v3/auth/tokens",
    ];
    assert_eq!(open, wanted);
}
