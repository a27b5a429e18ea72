//! Every route of the application, and what each kind of caller gets from it.
//!
//! `authorization.txt` says what each route needs, independently of the code and of `config/policy.toml`. A route that is
//! not there fails the test, and so does one that lets somebody in whom the table does not.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};

use axum::body::Body;
use serde_json::{Value, json};
use tower::ServiceExt;

use super::{PASSWORD, Running, id, request};
use crate::context::{Need, Rank};
use crate::roles::services;

/// A line per route: method, path, need, and what is special.
const TABLE: &str = include_str!("authorization.txt");

/// An id of nothing.
const NOTHING: &str = "01234567-89ab-7def-8123-456789abcdef";

/// A line of the table.
struct Row {
    method: &'static str,
    path: &'static str,
    need: Need,
    /// Kind of the project's thing that the path names; to others it does not exist.
    names: Option<&'static str>,
    /// Only about the caller themselves, unless they administer.
    own: bool,
    /// Only about the caller themselves, whoever they are.
    alone: bool,
}

fn table() -> Vec<Row> {
    let lines = TABLE.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| {
            let words: Vec<&str> = line.split_whitespace().collect();
            let [method, path, need, special @ ..] = words.as_slice() else {
                panic!("{line}: method, path and need are needed");
            };
            Row {
                method,
                path,
                need: match *need {
                    "public" => Need::Public,
                    "ticket" => Need::Ticket,
                    "any" => Need::Any,
                    "reader" => Need::Role(Rank::Reader),
                    "member" => Need::Role(Rank::Member),
                    "admin" => Need::Role(Rank::Admin),
                    other => panic!("{line}: {other}"),
                },
                names: special.iter().find_map(|word| word.strip_prefix("names:")),
                own: special.contains(&"own"),
                alone: special.contains(&"alone"),
            }
        })
        .collect()
}

#[test]
fn every_route_is_in_the_table_and_its_rule_asks_for_what_the_table_says() {
    let policy = crate::context::Policy::built_in().unwrap();
    let routes: BTreeMap<(String, &str), &str> = services::routes()
        .iter()
        .flat_map(crate::api::Routes::table)
        .map(|route| ((route.path, route.method), route.rule))
        .collect();
    let mut wrong = Vec::new();
    let mut seen = BTreeSet::new();
    for row in table() {
        let key = (row.path.to_owned(), row.method);
        match routes.get(&key) {
            None => wrong.push(format!("no such route: {} {}", row.method, row.path)),
            Some(rule) if policy.need(rule) != Some(row.need) => wrong.push(format!(
                "{} {}: {rule} is {:?}, the table says {:?}",
                row.method,
                row.path,
                policy.need(rule),
                row.need
            )),
            Some(_) => {}
        }
        if !seen.insert(key) {
            wrong.push(format!("twice: {} {}", row.method, row.path));
        }
    }
    for ((path, method), rule) in &routes {
        if !seen.contains(&(path.clone(), *method)) {
            let need = policy.need(rule);
            wrong.push(format!(
                "not in the table: {method} {path} ({rule}: {need:?})"
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Who asks.
struct Caller {
    name: &'static str,
    token: String,
    /// The highest role; `None` for a token without a project.
    rank: Option<Rank>,
}

impl Caller {
    /// What a route gives them: 401, 403, or (`None`) whatever its handler says.
    fn denied(&self, need: Need) -> Option<u16> {
        match need {
            Need::Public => None,
            Need::Ticket => Some(401),
            _ if self.token.is_empty() => Some(401),
            Need::Role(rank) if self.rank < Some(rank) => Some(403),
            _ => None,
        }
    }
}

/// A path with an id that names nothing in each place, but for `project`.
fn nothing(path: &str, project: &str) -> String {
    let fill = |name: &str| match name {
        "project" | "project_id" => project.to_owned(),
        "tag" | "key" | "name" => "k".to_owned(),
        _ => NOTHING.to_owned(),
    };
    filled(path, fill)
}

/// A body that is in order, where a wrong one would be refused before it is looked at whose the thing is.
fn body(method: &str, path: &str) -> Value {
    // Cinder's are below the project, too.
    let path = path.replace("/{project_id}", "");
    match (method, path.as_str()) {
        ("POST", "/identity/v3/users/{id}/password") => {
            json!({"user": {"original_password": "unknown", "password": "another password"}})
        }
        ("POST", "/identity/v3/users/{user}/application_credentials") => {
            json!({"application_credential": {"name": "a"}})
        }
        ("PUT", "/compute/v2.1/servers/{id}") => json!({"server": {"name": "a"}}),
        ("POST", "/compute/v2.1/servers/{id}/action") => json!({"os-stop": null}),
        ("POST", "/compute/v2.1/servers/{id}/os-interface") => {
            json!({"interfaceAttachment": {}})
        }
        ("POST" | "PUT", path) if path.contains("/os-volume_attachments") => {
            json!({"volumeAttachment": {"volumeId": NOTHING, "delete_on_termination": true}})
        }
        ("POST", "/compute/v2.1/servers/{id}/remote-consoles") => {
            json!({"remote_console": {"protocol": "serial", "type": "serial"}})
        }
        ("PUT", path) if path.ends_with("/tags") => json!({"tags": ["k"]}),
        ("PUT", path) if path.ends_with("/metadata/{key}") => json!({"meta": {"k": "v"}}),
        ("POST" | "PUT", path) if path.ends_with("/metadata") => json!({"metadata": {"k": "v"}}),
        ("PATCH", "/image/v2/images/{id}") => {
            json!([{"op": "replace", "path": "/name", "value": "a"}])
        }
        ("POST", "/image/v2/images/{id}/import") => json!({"method": {"name": "glance-direct"}}),
        ("POST", "/image/v2/images/{id}/members") => json!({"member": NOTHING}),
        ("PUT", "/image/v2/images/{id}/members/{member}") => json!({"status": "accepted"}),
        ("PUT", "/network/v2.0/networks/{id}") => json!({"network": {"name": "a"}}),
        ("PUT", "/network/v2.0/subnets/{id}") => json!({"subnet": {"name": "a"}}),
        ("PUT", "/network/v2.0/ports/{id}") => json!({"port": {"name": "a"}}),
        ("PUT", "/network/v2.0/security-groups/{id}") => json!({"security_group": {"name": "a"}}),
        ("PUT", "/network/v2.0/rbac-policies/{id}") => {
            json!({"rbac_policy": {"target_tenant": NOTHING}})
        }
        ("PUT", "/network/v2.0/routers/{id}") => json!({"router": {"name": "a"}}),
        ("PUT", path) if path.ends_with("_router_interface") => json!({"subnet_id": NOTHING}),
        ("PUT", path) if path.ends_with("_extraroutes") => json!({"router": {"routes": []}}),
        ("PUT", "/network/v2.0/floatingips/{id}") => json!({"floatingip": {"description": "a"}}),
        ("PUT", "/network/v2.0/agents/{id}") => json!({"agent": {"admin_state_up": true}}),
        ("POST", "/network/v2.0/agents/{id}/dhcp-networks") => json!({"network_id": NOTHING}),
        ("POST", "/network/v2.0/agents/{id}/l3-routers") => json!({"router_id": NOTHING}),
        ("PUT", "/volume/v3/volumes/{id}") => json!({"volume": {"name": "a"}}),
        ("PUT", "/volume/v3/snapshots/{id}") => json!({"snapshot": {"name": "a"}}),
        ("POST", "/volume/v3/volumes/{id}/action") => json!({"os-extend": {"new_size": 9}}),
        _ => Value::Null,
    }
}

/// What the body is.
fn media_type(method: &str, path: &str) -> &'static str {
    match (method, path) {
        ("PATCH", "/image/v2/images/{id}") => "application/openstack-images-v2.1-json-patch",
        ("PUT", "/image/v2/images/{id}/file" | "/image/v2/images/{id}/stage") => {
            "application/octet-stream"
        }
        _ => "application/json",
    }
}

fn filled(path: &str, fill: impl Fn(&str) -> String) -> String {
    let mut whole = String::new();
    for (at, part) in path.split('{').enumerate() {
        match part.split_once('}') {
            Some((name, rest)) if at > 0 => {
                whole.push_str(&fill(name.trim_start_matches('*')));
                whole.push_str(rest);
            }
            _ => whole.push_str(part),
        }
    }
    whole
}

impl Running {
    /// Sends a request for a route and reads the status only: the body may never end.
    async fn knock(&self, token: &str, row: &Row, path: &str) -> u16 {
        let kind = media_type(row.method, row.path);
        let body = match body(row.method, row.path) {
            Value::Null => Body::empty(),
            body => Body::from(body.to_string()),
        };
        let request = request(token, row.method, path, &[("content-type", kind)]);
        let sent = self.app.clone().oneshot(request.body(body).unwrap());
        sent.await.unwrap().status().as_u16()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_gets_in_whom_the_table_does_not_let() {
    let running = Running::start().await;
    let admin = running.admin().await;
    let ours = project(&running, &admin, "ours").await;
    let theirs = project(&running, &admin, "theirs").await;
    let token = |user: &'static str, project| running.log_in(user, PASSWORD, project);
    let caller = |name, token, rank| Caller { name, token, rank };
    let callers = [
        caller("nobody", String::new(), None),
        caller("unscoped", token("ours-member", None).await, None),
        caller(
            "reader",
            token("ours-reader", Some("ours")).await,
            Some(Rank::Reader),
        ),
        caller(
            "member",
            token("ours-member", Some("ours")).await,
            Some(Rank::Member),
        ),
        caller("admin", admin.clone(), Some(Rank::Admin)),
    ];
    let mut wrong = Vec::new();
    for row in table() {
        for who in &callers {
            let path = nothing(row.path, &ours);
            let got = running.knock(&who.token, &row, &path).await;
            let refused = matches!(got, 401 | 403);
            let right = match who.denied(row.need) {
                Some(status) => got == status,
                None if row.alone || row.own && who.rank != Some(Rank::Admin) => {
                    matches!(got, 401 | 403 | 404)
                }
                // What needs a project beyond its rule says so to a token without one.
                None if who.rank.is_none() && row.need == Need::Any => got < 500 && got != 401,
                None => !refused && got < 500,
            };
            if !right {
                wrong.push(format!("{} {path} as {}: {got}", row.method, who.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));

    // What belongs to a project does not exist for others, and stays as it is.
    let member = &callers[3].token;
    let outside = outside(&running, &admin).await;
    let things = things(&running, member, &ours, &outside).await;
    let before = pictures(&running, member, &things).await;
    let stranger = token("theirs-member", Some("theirs")).await;
    for row in table().into_iter().filter(|row| row.names.is_some()) {
        let kind = row.names.unwrap_or_default();
        let thing = things
            .get(kind)
            .unwrap_or_else(|| panic!("{kind} is not made by this test"));
        // The first name is the project's thing; what is part of it is not looked at any more.
        let first = Cell::new(true);
        let path = filled(row.path, |name| match name {
            "project_id" => theirs.clone(),
            _ if first.replace(false) => thing.id.clone(),
            "key" | "tag" => "k".to_owned(),
            _ => NOTHING.to_owned(),
        });
        let got = running.knock(&stranger, &row, &path).await;
        if !matches!(got, 403 | 404) {
            wrong.push(format!("{} {path} as a stranger: {got}", row.method));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(pictures(&running, member, &things).await, before);
    running.control.shut_down().await;
}

/// Something of a project, and where it is shown.
struct Thing {
    id: String,
    shown_at: String,
}

/// A project with a reader and a member; its id.
async fn project(running: &Running, admin: &str, name: &str) -> String {
    let project = running
        .make(admin, "projects", "project", json!({"name": name}))
        .await;
    for role in ["reader", "member"] {
        let fields = json!({"name": format!("{name}-{role}"), "password": PASSWORD});
        let user = running.make(admin, "users", "user", fields).await;
        running.assign(admin, &user, &project, role).await;
    }
    project
}

/// A network that leads outside.
async fn outside(running: &Running, admin: &str) -> String {
    let fields = json!({"name": "outside", "router:external": true});
    let path = "/network/v2.0/networks";
    let made = running
        .call(admin, "POST", path, json!({"network": fields}))
        .await;
    let network = id(&made.body["network"]);
    let fields = json!({"network_id": network, "cidr": "203.0.113.0/24", "ip_version": 4});
    let path = "/network/v2.0/subnets";
    let made = running
        .call(admin, "POST", path, json!({"subnet": fields}))
        .await;
    assert_eq!(made.status, 201, "{}", made.body);
    network
}

/// One thing of each kind, by kind.
async fn things(
    running: &Running,
    member: &str,
    project: &str,
    outside: &str,
) -> BTreeMap<&'static str, Thing> {
    let mut things = BTreeMap::new();
    let post = async |path: &str, body: Value| {
        let answer = running.call(member, "POST", path, body).await;
        assert!(answer.status < 300, "{path}: {}", answer.body);
        answer.body
    };
    let thing = |id: String, collection: &str| Thing {
        shown_at: format!("{collection}/{id}"),
        id,
    };
    let image = id(&post(
        "/image/v2/images",
        json!({"name": "i", "disk_format": "raw", "container_format": "bare"}),
    )
    .await);
    let path = format!("/image/v2/images/{image}/file");
    let octets = [("content-type", "application/octet-stream")];
    let sent = running.send(member, "PUT", &path, &octets, vec![0; 1 << 16]);
    sent.await.expect(204);
    let made = post("/network/v2.0/networks", json!({"network": {"name": "n"}})).await;
    let network = id(&made["network"]);
    let fields = json!({"network_id": network, "cidr": "10.99.0.0/24", "ip_version": 4});
    let made = post("/network/v2.0/subnets", json!({"subnet": fields})).await;
    things.insert(
        "subnet",
        thing(id(&made["subnet"]), "/network/v2.0/subnets"),
    );
    let fields = json!({"network_id": network});
    let made = post("/network/v2.0/ports", json!({"port": fields})).await;
    things.insert("port", thing(id(&made["port"]), "/network/v2.0/ports"));
    let made = post("/network/v2.0/routers", json!({"router": {"name": "r"}})).await;
    things.insert(
        "router",
        thing(id(&made["router"]), "/network/v2.0/routers"),
    );
    let fields = json!({"floating_network_id": outside});
    let made = post("/network/v2.0/floatingips", json!({"floatingip": fields})).await;
    things.insert(
        "floatingip",
        thing(id(&made["floatingip"]), "/network/v2.0/floatingips"),
    );

    let groups = "/network/v2.0/security-groups";
    let made = post(groups, json!({"security_group": {"name": "g"}})).await;
    let group = thing(id(&made["security_group"]), groups);
    let rules = "/network/v2.0/security-group-rules";
    let fields = json!({"security_group_id": group.id, "direction": "ingress"});
    let made = post(rules, json!({"security_group_rule": fields})).await;
    things.insert(
        "security_group_rule",
        thing(id(&made["security_group_rule"]), rules),
    );
    things.insert("security_group", group);
    let policies = "/network/v2.0/rbac-policies";
    let fields = json!({"object_type": "network", "object_id": network, "action": "access_as_shared",
        "target_tenant": NOTHING});
    let made = post(policies, json!({"rbac_policy": fields})).await;
    things.insert("rbac_policy", thing(id(&made["rbac_policy"]), policies));

    let fields =
        json!({"name": "s", "imageRef": image, "flavorRef": "42", "networks": [{"uuid": network}]});
    let made = post("/compute/v2.1/servers", json!({"server": fields})).await;
    let server = thing(id(&made["server"]), "/compute/v2.1/servers");
    running
        .until(member, &server.shown_at, |shown| {
            shown["server"]["status"] == "ACTIVE"
        })
        .await;
    let operations = running.get(member, "/skydeck/v1/operations").await;
    let operation = id(&operations["operations"][0]);
    things.insert("operation", thing(operation, "/skydeck/v1/operations"));

    let volumes = format!("/volume/v3/{project}/volumes");
    let made = post(&volumes, json!({"volume": {"size": 1, "name": "v"}})).await;
    let volume = thing(id(&made["volume"]), &volumes);
    running
        .until(member, &volume.shown_at, |shown| {
            shown["volume"]["status"] == "available"
        })
        .await;
    let snapshots = format!("/volume/v3/{project}/snapshots");
    let fields = json!({"volume_id": volume.id, "name": "t"});
    let made = post(&snapshots, json!({"snapshot": fields})).await;
    let snapshot = thing(id(&made["snapshot"]), &snapshots);
    running
        .until(member, &snapshot.shown_at, |shown| {
            shown["snapshot"]["status"] == "available"
        })
        .await;
    let made = post(
        "/compute/v2.1/os-keypairs",
        json!({"keypair": {"name": "k"}}),
    )
    .await;
    let keypair = made["keypair"]["name"].as_str().unwrap().to_owned();
    things.insert(
        "keypair",
        Thing {
            shown_at: format!("/compute/v2.1/os-keypairs/{keypair}"),
            id: keypair,
        },
    );
    let groups = "/compute/v2.1/os-server-groups";
    let fields = json!({"name": "g", "policies": ["anti-affinity"]});
    let made = post(groups, json!({"server_group": fields})).await;
    things.insert("server_group", thing(id(&made["server_group"]), groups));
    things.insert("image", thing(image, "/image/v2/images"));
    things.insert("network", thing(network, "/network/v2.0/networks"));
    things.insert("server", server);
    things.insert("volume", volume);
    things.insert("snapshot", snapshot);
    things.insert(
        "project",
        thing(project.to_owned(), "/identity/v3/projects"),
    );
    things
}

/// Everything as its owner sees it.
async fn pictures(
    running: &Running,
    owner: &str,
    things: &BTreeMap<&'static str, Thing>,
) -> Vec<Value> {
    let mut pictures = Vec::new();
    for thing in things.values() {
        pictures.push(running.get(owner, &thing.shown_at).await);
    }
    pictures
}
