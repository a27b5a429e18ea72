//! Who may do what.

use serde_json::{Value, json};

use super::super::routes;
use super::Api;
use crate::context::{Need, Rank};

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
async fn every_route_asks_for_what_its_rule_says() {
    let api = Api::new().await;
    api.somebody("ann", "member").await;
    let member = api
        .log_in("ann", "password of mine", Some("ann-project"))
        .await;
    let table = routes().into_iter().flat_map(|part| part.table());
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
