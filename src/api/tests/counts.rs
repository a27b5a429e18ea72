//! What is counted for whom: the summary, services, and the quotas of compute.

use serde_json::{Value, json};

use super::{PASSWORD, Running};

#[tokio::test(flavor = "multi_thread")]
async fn the_summary_shows_a_project_its_own_and_an_administrator_the_cloud() {
    let running = Running::start().await;
    let admin = running.admin().await;
    let project = json!({"name": "shop"});
    let project = running.make(&admin, "projects", "project", project).await;
    let user = json!({"name": "ann", "password": PASSWORD});
    let user = running.make(&admin, "users", "user", user).await;
    running.assign(&admin, &user, &project, "member").await;
    let ann = running.log_in("ann", PASSWORD, Some("shop")).await;

    let services = "/compute/v2.1/os-services";
    let services = running
        .until(&admin, services, |shown| {
            shown["services"].as_array().unwrap().len() == 3
        })
        .await;
    for service in services["services"].as_array().unwrap() {
        assert_eq!(service["state"], "up", "{service}");
        let internal = service["binary"] != "nova-compute";
        assert_eq!(service["zone"] == "internal", internal, "{service}");
    }

    let details = running.get(&admin, "/skydeck/v1/services").await;
    let details = details["services"].as_array().unwrap();
    let kinds: Vec<&Value> = details.iter().map(|one| &one["kind"]).collect();
    assert_eq!(kinds, ["control", "agent"]);
    for one in details {
        assert_eq!(one["up"], true, "{one}");
        assert_eq!(one["version"], env!("CARGO_PKG_VERSION"), "{one}");
        assert!(one["started_at"].as_i64().unwrap() > 0, "{one}");
        // Both read the same clock.
        let skew = one["skew_us"].as_i64().expect("a measured clock");
        assert!(skew.abs() < 60_000_000, "{one}");
    }

    // Placement's view of the same host.
    let providers = async |query: &str| {
        let path = format!("/placement/resource_providers?{query}");
        let found = running.get(&admin, &path).await;
        found["resource_providers"].as_array().unwrap().clone()
    };
    assert_eq!(providers("resources=VCPU:1,DISK_GB:1").await.len(), 1);
    assert!(providers("resources=VCPU:1000000").await.is_empty());
    let id = providers("").await[0]["uuid"].as_str().unwrap().to_owned();
    assert_eq!(providers(&format!("in_tree={id}")).await.len(), 1);
    let below = format!("/placement/resource_providers/{id}/inventories");
    let all = running.get(&admin, &below).await;
    let one = running.get(&admin, &format!("{below}/VCPU")).await;
    assert_eq!(one["total"], all["inventories"]["VCPU"]["total"]);
    assert!(one["resource_provider_generation"].is_i64(), "{one}");
    for query in ["", "&user_id=01234567-89ab-7def-8123-456789abcdef"] {
        let path = format!("/placement/usages?project_id={id}{query}");
        let used = running.get(&admin, &path).await;
        assert_eq!(used["usages"]["VCPU"], 0, "{used}");
    }

    for name in ["one", "two"] {
        let network = json!({"network": {"name": name}});
        let path = "/network/v2.0/networks";
        running.call(&ann, "POST", path, network).await.expect(201);
    }
    let image = json!({"name": "i", "disk_format": "raw", "container_format": "bare"});
    let path = "/image/v2/images";
    running.call(&ann, "POST", path, image).await.expect(201);

    let path = "/skydeck/v1/summary?all_projects=true";
    let hers = running.get(&ann, path).await;
    let hers = &hers["summary"];
    assert_eq!(hers["networks"], 2);
    assert_eq!(hers["images"], json!({"queued": 1}));
    assert_eq!(hers["servers"], json!({}));
    for part in ["hosts", "vcpus", "database", "bus", "control_processes"] {
        assert!(hers[part].is_null(), "{part}: {hers}");
    }
    let whole = running.get(&admin, path).await;
    let whole = &whole["summary"];
    // The first start's network is there too.
    assert_eq!(whole["networks"], 3);
    assert_eq!(
        whole["hosts"],
        json!({"total": 1, "up": 1, "down": 0, "disabled": 0})
    );
    assert_eq!(whole["control_processes"], 1);
    assert_eq!(whole["database"]["kind"], "sqlite");
    assert_eq!(whole["database"]["ok"], true);
    let vcpus = &whole["vcpus"];
    assert_eq!(
        (&vcpus["total"], &vcpus["claimed"]),
        (&json!(64), &json!(0))
    );
    let own = running.get(&admin, "/skydeck/v1/summary").await;
    assert_eq!(own["summary"]["networks"], 1);
    running.control.shut_down().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn quotas_are_set_bounded_by_use_and_reset() {
    let running = Running::start().await;
    let admin = running.admin().await;
    let projects = running
        .get(&admin, "/identity/v3/projects?name=admin")
        .await;
    let project = super::id(&projects["projects"][0]);
    let path = format!("/compute/v2.1/os-quota-sets/{project}");
    let defaults = running.get(&admin, &format!("{path}/defaults")).await;
    assert_eq!(running.get(&admin, &path).await, defaults);
    assert_eq!(defaults["quota_set"]["cores"], 200);
    assert_eq!(defaults["quota_set"]["id"], project);

    let set = async |fields: Value, status: u16| {
        let body = json!({"quota_set": fields});
        let answer = running.call(&admin, "PUT", &path, body).await;
        answer.expect(status)["quota_set"].clone()
    };
    let changed = set(json!({"cores": "3", "instances": -1}), 200).await;
    assert_eq!(
        (&changed["cores"], &changed["instances"]),
        (&json!(3), &json!(-1))
    );
    assert!(changed.get("id").is_none());

    // Two servers of one processor; nothing runs them, they are counted all the same.
    let nodes = "/compute/v2.1/os-hypervisors/detail";
    running
        .until(&admin, nodes, |shown| {
            shown["hypervisors"][0]["state"] == "up"
        })
        .await;
    let image = json!({"name": "i", "disk_format": "raw", "container_format": "bare"});
    let image = running
        .call(&admin, "POST", "/image/v2/images", image)
        .await;
    let image = super::id(&image.expect(201));
    let octets = [("content-type", "application/octet-stream")];
    let file = format!("/image/v2/images/{image}/file");
    let sent = running.send(&admin, "PUT", &file, &octets, vec![0; 1 << 16]);
    sent.await.expect(204);
    let server =
        json!({"server": {"name": "s", "imageRef": image, "flavorRef": "42", "min_count": 2}});
    let made = running
        .call(&admin, "POST", "/compute/v2.1/servers", server)
        .await;
    made.expect(202);
    let detail = running.get(&admin, &format!("{path}/detail")).await;
    assert_eq!(
        detail["quota_set"]["cores"],
        json!({"limit": 3, "in_use": 2, "reserved": 0})
    );
    set(json!({"cores": 1}), 400).await;
    assert_eq!(running.get(&admin, &path).await["quota_set"]["cores"], 3);
    set(json!({"cores": 1, "force": true}), 200).await;

    let answer = running.call(&admin, "DELETE", &path, Value::Null).await;
    answer.expect(202);
    assert_eq!(running.get(&admin, &path).await, defaults);
    let class = "/compute/v2.1/os-quota-class-sets/default";
    let shown = running.get(&admin, class).await;
    assert_eq!(shown["quota_class_set"]["ram"], 512_000);
    let body = json!({"quota_class_set": {"ram": 1}});
    running.call(&admin, "PUT", class, body).await.expect(403);
    running.control.shut_down().await;
}
