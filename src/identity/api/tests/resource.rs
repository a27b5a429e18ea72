//! Resources and assignments.

use serde_json::{Value, json};

use super::Api;

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
