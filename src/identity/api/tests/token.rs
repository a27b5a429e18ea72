//! Tokens: issued, shown, scoped, void.

use futures::FutureExt;
use serde_json::{Value, json};

use super::Api;

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
