//! What wrong input gets from each service: its status, the shape of its body, and the field it names.

use serde_json::{Value, json};

use super::Running;

/// The message of an error in a service's own shape; panics if it has another.
#[track_caller]
fn message(path: &str, status: u16, body: &Value) -> String {
    let text = |value: &Value| {
        value
            .as_str()
            .unwrap_or_else(|| panic!("{path}: not the service's shape: {body}"))
            .to_owned()
    };
    let service = path.split('/').nth(1).unwrap_or_default();
    match service {
        "compute" | "volume" => {
            let (name, fault) = body
                .as_object()
                .and_then(|members| members.iter().next())
                .unwrap_or_else(|| panic!("{path}: no object: {body}"));
            assert_eq!(fault["code"], status, "{path}: {body}");
            assert_eq!(name, crate::api::wire::fault_name(status), "{path}: {body}");
            text(&fault["message"])
        }
        "image" => {
            let code = text(&body["code"]);
            assert!(code.starts_with(&status.to_string()), "{path}: {body}");
            text(&body["message"])
        }
        "network" => {
            assert!(!text(&body["NeutronError"]["type"]).is_empty());
            text(&body["NeutronError"]["message"])
        }
        "placement" => {
            assert_eq!(body["errors"][0]["status"], status, "{path}: {body}");
            text(&body["errors"][0]["detail"])
        }
        _ => {
            assert_eq!(body["error"]["code"], status, "{path}: {body}");
            assert!(!text(&body["error"]["title"]).is_empty());
            text(&body["error"]["message"])
        }
    }
}

const JSON: &str = "application/json";
const OVERLONG: usize = 256;

/// Method, path, media type, body, status, and what the message has in it.
type Case = (&'static str, String, &'static str, String, u16, String);

fn case(method: &'static str, path: &str, body: Value, status: u16, says: &str) -> Case {
    let body = body.to_string();
    (method, path.into(), JSON, body, status, says.into())
}

fn get(path: &str, status: u16, says: &str) -> Case {
    ("GET", path.into(), "", String::new(), status, says.into())
}

/// What is wrong whatever it is about.
fn bodies(project: &str) -> Vec<Case> {
    let volumes = format!("/volume/v3/{project}/volumes");
    let collections = [
        "/identity/v3/users",
        "/compute/v2.1/servers",
        "/compute/v2.1/flavors",
        "/network/v2.0/networks",
        "/image/v2/images",
        &volumes,
    ];
    let mut cases = Vec::new();
    for path in collections {
        for (body, says) in [
            ("", "JSON body"),
            ("{", "EOF"),
            ("{} more", ""),
            ("[]", ""),
            ("7", ""),
            ("\u{1}", "column"),
        ] {
            cases.push(("POST", path.into(), JSON, body.into(), 400, says.into()));
        }
        let long = format!("{{\"a\": \"{}\"}}", "x".repeat(3 << 20));
        cases.push(("POST", path.into(), JSON, long, 413, "bytes".into()));
    }
    for (path, status) in [
        ("/identity/v3/users", 400),
        ("/compute/v2.1/servers", 415),
        (volumes.as_str(), 415),
    ] {
        let says = "text/plain".into();
        cases.push(("POST", path.into(), "text/plain", "{}".into(), status, says));
    }
    cases
}

/// Ids that name nothing, in form or in fact, and paths and methods that are not there.
fn missing(project: &str) -> Vec<Case> {
    let mut cases = Vec::new();
    let volume = format!("/volume/v3/{project}");
    let collections = [
        "/identity/v3/users".to_owned(),
        "/identity/v3/projects".into(),
        "/identity/v3/roles".into(),
        "/compute/v2.1/servers".into(),
        "/compute/v2.1/flavors".into(),
        "/compute/v2.1/os-keypairs".into(),
        "/compute/v2.1/os-hypervisors".into(),
        "/network/v2.0/networks".into(),
        "/network/v2.0/subnets".into(),
        "/network/v2.0/ports".into(),
        "/image/v2/images".into(),
        format!("{volume}/volumes"),
        format!("{volume}/snapshots"),
        "/placement/resource_providers".into(),
        "/skydeck/v1/operations".into(),
    ];
    for path in collections {
        for id in [
            "01234567-89ab-7def-8123-456789abcdef",
            "no-id",
            "%00",
            "..%2F..%2Fetc",
        ] {
            cases.push(get(&format!("{path}/{id}"), 404, ""));
        }
    }
    for service in [
        "/identity/v3",
        "/compute/v2.1",
        "/network/v2.0",
        "/image/v2",
        "/volume/v3",
        "/placement",
        "/skydeck/v1",
    ] {
        let path = format!("{service}/nonsense/a/b/c/d");
        cases.push(get(&path, 404, ""));
    }
    for (query, says) in [
        ("resources=FOO:1", "CLASS:AMOUNT"),
        ("resources=VCPU:0", "CLASS:AMOUNT"),
        ("resources=", "CLASS:AMOUNT"),
        ("required=HW_CPU_X86_AVX", "no traits"),
    ] {
        let path = format!("/placement/resource_providers?{query}");
        cases.push(get(&path, 400, says));
    }
    cases.push(get("/placement/usages", 400, "project_id"));
    for path in [
        "/compute/v2.1/servers",
        "/image/v2/images",
        "/network/v2.0/ports",
    ] {
        cases.push((
            "PATCH",
            path.into(),
            "",
            String::new(),
            405,
            "method".into(),
        ));
    }
    cases
}

/// Pages, filters and orders.
fn lists(project: &str) -> Vec<Case> {
    let volumes = format!("/volume/v3/{project}/volumes");
    let nobody = "01234567-89ab-7def-8123-456789abcdef";
    let mut cases = Vec::new();
    for path in [
        "/compute/v2.1/servers",
        "/compute/v2.1/servers/detail",
        "/compute/v2.1/flavors",
        "/image/v2/images",
        "/network/v2.0/networks",
        volumes.as_str(),
    ] {
        for limit in ["-1", "x", "1.5", "99999999999999999999999"] {
            cases.push(get(&format!("{path}?limit={limit}"), 400, "limit"));
        }
        cases.push(get(&format!("{path}?marker={nobody}"), 400, "marker"));
    }
    for path in ["/compute/v2.1/servers", "/image/v2/images", &volumes] {
        cases.push(get(&format!("{path}?sort_key=nonsense"), 400, "sort"));
        cases.push(get(
            &format!("{path}?sort_key=name&sort_dir=sideways"),
            400,
            "sort",
        ));
    }
    cases.push(get(
        "/compute/v2.1/servers?changes-since=yesterday",
        400,
        "changes-since",
    ));
    cases.push(get("/image/v2/images?size_min=big", 400, "size_min"));
    cases
}

/// Bounds of fields.
fn fields(project: &str, image: &str) -> Vec<Case> {
    let volumes = format!("/volume/v3/{project}/volumes");
    let long = "x".repeat(OVERLONG);
    let server = |more: Value| {
        let mut server =
            json!({"name": "a", "flavorRef": "42", "imageRef": image, "networks": "none"});
        for (name, value) in more.as_object().unwrap() {
            server[name] = value.clone();
        }
        json!({"server": server})
    };
    let pairs: Value = (0..129)
        .map(|at| (format!("k{at}"), json!("v")))
        .collect::<serde_json::Map<_, _>>()
        .into();
    let mut cases = Vec::new();
    for (fields, status, says) in [
        (json!({"name": ""}), 400, "name"),
        (json!({"name": long}), 400, "name"),
        (json!({"name": 7}), 400, "name"),
        (json!({"name": "a\u{7}"}), 400, "name"),
        (json!({"flavorRef": "nothing"}), 400, "flavorRef"),
        (json!({"imageRef": "nothing"}), 400, "imageRef"),
        (json!({"networks": "some"}), 400, "networks"),
        (
            json!({"networks": [{"uuid": "x"}]}),
            400,
            "networks[0].uuid",
        ),
        (json!({"networks": [{"uid": "x"}]}), 400, "uid"),
        (json!({"max_count": 0}), 400, "count"),
        (json!({"min_count": 3, "max_count": 2}), 400, "count"),
        (json!({"min_count": -1}), 400, "min_count"),
        (json!({"metadata": {"a": long}}), 400, "metadata.a"),
        (json!({"metadata": {"a": 7}}), 400, "metadata.a"),
        (json!({"metadata": pairs}), 403, "metadata_items"),
        (json!({"user_data": "§"}), 400, "user_data"),
        (json!({"user_data": "A".repeat(65_536)}), 400, "user_data"),
        (json!({"tags": ["a,b"]}), 400, "tags"),
        (json!({"config_drive": "perhaps"}), 400, "config_drive"),
        (json!({"accessIPv4": "here"}), 400, "accessIPv4"),
        (json!({"key_name": "nothing"}), 400, "key_name"),
        (
            json!({"availability_zone": "moon"}),
            400,
            "availability_zone",
        ),
        (json!({"colour": "red"}), 400, "server.colour"),
    ] {
        cases.push(case(
            "POST",
            "/compute/v2.1/servers",
            server(fields),
            status,
            says,
        ));
    }
    let flavor = |more: Value| {
        let mut flavor = json!({"name": "a", "ram": 1, "vcpus": 1, "disk": 1});
        for (name, value) in more.as_object().unwrap() {
            flavor[name] = value.clone();
        }
        json!({"flavor": flavor})
    };
    for (fields, says) in [
        (json!({"name": ""}), "name"),
        (json!({"name": long}), "name"),
        (json!({"ram": 0}), "ram"),
        (json!({"ram": "much"}), "ram"),
        (json!({"vcpus": 0}), "vcpus"),
        (json!({"disk": -1}), "disk"),
        (json!({"swap": 1_u64 << 40}), "swap"),
        (json!({"colour": "red"}), "flavor.colour"),
    ] {
        cases.push(case(
            "POST",
            "/compute/v2.1/flavors",
            flavor(fields),
            400,
            says,
        ));
    }
    for (path, kind, fields, says) in [
        (
            "/compute/v2.1/os-keypairs",
            "keypair",
            json!({"name": ""}),
            "name",
        ),
        (
            "/compute/v2.1/os-keypairs",
            "keypair",
            json!({"name": "a", "public_key": "ssh-rsa nonsense"}),
            "public_key",
        ),
        (
            "/network/v2.0/networks",
            "network",
            json!({"name": long}),
            "name",
        ),
        (
            "/network/v2.0/networks",
            "network",
            json!({"mtu": 7}),
            "mtu",
        ),
        (
            "/network/v2.0/networks",
            "network",
            json!({"colour": 1}),
            "network.colour",
        ),
        (
            "/network/v2.0/subnets",
            "subnet",
            json!({"cidr": "10.0.0.0/8"}),
            "network_id",
        ),
        (
            "/network/v2.0/ports",
            "port",
            json!({"network_id": "x"}),
            "network_id",
        ),
        ("/image/v2/images", "", json!({"name": long}), "name"),
        (
            "/image/v2/images",
            "",
            json!({"disk_format": "tape"}),
            "disk_format",
        ),
        ("/image/v2/images", "", json!({"min_ram": -1}), "min_ram"),
        (
            "/image/v2/images",
            "",
            json!({"visibility": "secret"}),
            "visibility",
        ),
        (&volumes, "volume", json!({"size": 0}), "size"),
        (&volumes, "volume", json!({"size": "big"}), "size"),
        (&volumes, "volume", json!({"size": 1, "name": long}), "name"),
        (
            &volumes,
            "volume",
            json!({"size": 1, "metadata": {"": "x"}}),
            "metadata",
        ),
        ("/identity/v3/users", "user", json!({"name": ""}), "name"),
        ("/identity/v3/users", "user", json!({"name": long}), "name"),
        (
            "/identity/v3/projects",
            "project",
            json!({"name": ""}),
            "name",
        ),
        ("/identity/v3/roles", "role", json!({"name": long}), "name"),
    ] {
        let body = if kind.is_empty() {
            fields
        } else {
            json!({kind: fields})
        };
        cases.push(case("POST", path, body, 400, says));
    }
    let quotas = format!("/compute/v2.1/os-quota-sets/{project}");
    for (fields, says) in [
        (json!({"cores": -2}), "cores"),
        (json!({"cores": "many"}), "cores"),
        (json!({"injected_files": 1}), "injected_files"),
        (json!({"server_group_members": -2}), "server_group_members"),
    ] {
        cases.push(case(
            "PUT",
            &quotas,
            json!({"quota_set": fields}),
            400,
            says,
        ));
    }
    cases.push(case(
        "PUT",
        "/compute/v2.1/os-quota-sets/nobody",
        json!({"quota_set": {}}),
        400,
        "not a valid project",
    ));
    cases
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_input_is_refused_in_the_services_own_words() {
    let running = Running::start().await;
    let admin = running.admin().await;
    let hosts = "/compute/v2.1/os-services?binary=nova-compute";
    running
        .until(&admin, hosts, |shown| shown["services"][0]["state"] == "up")
        .await;
    let projects = running
        .get(&admin, "/identity/v3/projects?name=admin")
        .await;
    let project = super::id(&projects["projects"][0]);
    let mut cases = bodies(&project);
    cases.extend(missing(&project));
    cases.extend(lists(&project));
    let made = json!({"name": "i", "disk_format": "raw", "container_format": "bare"});
    let made = running.call(&admin, "POST", "/image/v2/images", made).await;
    let image = super::id(&made.expect(201));
    let file = format!("/image/v2/images/{image}/file");
    let octets = [("content-type", "application/octet-stream")];
    let sent = running.send(&admin, "PUT", &file, &octets, vec![0; 1 << 16]);
    sent.await.expect(204);
    cases.extend(fields(&project, &image));
    let mut wrong = Vec::new();
    for (method, path, kind, body, status, says) in cases {
        let headers = [
            ("content-type", kind),
            ("openstack-api-version", "compute 2.90"),
        ];
        let headers = if kind.is_empty() {
            &headers[1..]
        } else {
            &headers[..]
        };
        let shown: String = body.chars().take(120).collect();
        let answer = running.send(&admin, method, &path, headers, body).await;
        let said = answer.body.to_string();
        if answer.status != status {
            wrong.push(format!(
                "{method} {path} {shown}: {} instead of {status}: {said}",
                answer.status
            ));
            continue;
        }
        let message = message(&path, status, &answer.body);
        if !message.contains(&says) {
            wrong.push(format!(
                "{method} {path} {shown}: does not say {says:?}: {message}"
            ));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} cases:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    running.control.shut_down().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn versions_are_found_and_agreed_on() {
    let running = Running::start().await;
    let admin = running.admin().await;
    // Found without a token.
    for (path, status, id) in [
        ("/identity", 300, "v3.14"),
        ("/identity/v3", 200, "v3.14"),
        ("/compute", 200, "v2.1"),
        ("/compute/v2.1", 200, "v2.1"),
        ("/image", 300, "v2.9"),
        ("/network", 200, "v2.0"),
        ("/volume", 300, "v3.0"),
        ("/volume/v3", 200, "v3.0"),
        ("/placement", 200, "v1.0"),
    ] {
        for path in [path.to_owned(), format!("{path}/")] {
            let answer = running.call("", "GET", &path, Value::Null).await;
            assert_eq!(answer.status, status, "{path}: {}", answer.body);
            assert!(
                answer.body.to_string().contains(id),
                "{path}: {}",
                answer.body
            );
        }
    }
    let version = "x-openstack-nova-api-version";
    for (headers, status, agreed) in [
        (vec![], 200, "2.1"),
        (vec![("openstack-api-version", "compute 2.79")], 200, "2.79"),
        (
            vec![("openstack-api-version", "compute latest")],
            200,
            "2.90",
        ),
        (vec![(version, "2.53")], 200, "2.53"),
        (vec![("openstack-api-version", "volume 3.50")], 200, "2.1"),
        (vec![("openstack-api-version", "compute 2.999")], 406, ""),
        (vec![("openstack-api-version", "compute 1.0")], 406, ""),
        (vec![("openstack-api-version", "compute two")], 400, ""),
        (vec![(version, "2")], 400, ""),
    ] {
        let path = "/compute/v2.1/servers";
        let answer = running.send(&admin, "GET", path, &headers, "").await;
        assert_eq!(answer.status, status, "{headers:?}: {}", answer.body);
        let told = answer
            .headers
            .get(version)
            .map(|told| told.to_str().unwrap());
        assert_eq!(told.unwrap_or_default(), agreed, "{headers:?}");
    }
    running.control.shut_down().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_are_followed_to_the_end_by_their_links() {
    let running = Running::start().await;
    let admin = running.admin().await;
    let projects = running
        .get(&admin, "/identity/v3/projects?name=admin")
        .await;
    let project = super::id(&projects["projects"][0]);
    for number in 0..5 {
        let name = format!("t{number}");
        // Numbers and flags as text, as the stock client writes them.
        let network = json!({"network": {"name": name, "mtu": "1400", "shared": "False"}});
        let image = json!({"name": name});
        let flavor = json!({"flavor": {"name": name, "ram": 64, "vcpus": 1, "disk": 1}});
        for (path, body) in [
            ("/network/v2.0/networks", network),
            ("/image/v2/images", image),
            ("/compute/v2.1/flavors", flavor),
        ] {
            let made = running.call(&admin, "POST", path, body).await;
            assert!(made.status < 300, "{path}: {}", made.body);
        }
        let volume = json!({"volume": {"name": name, "size": 1}});
        let path = format!("/volume/v3/{project}/volumes");
        running
            .until(&admin, "/compute/v2.1/os-hypervisors/detail", |shown| {
                shown["hypervisors"][0]["state"] == "up"
            })
            .await;
        running
            .call(&admin, "POST", &path, volume)
            .await
            .expect(202);
    }
    for (path, list) in [
        (
            "/network/v2.0/networks?name=t0&name=t1&name=t2&name=t3&name=t4&".to_owned(),
            "networks",
        ),
        ("/image/v2/images?".into(), "images"),
        ("/compute/v2.1/flavors?".into(), "flavors"),
        (format!("/volume/v3/{project}/volumes?"), "volumes"),
    ] {
        let whole = running.get(&admin, path.trim_end_matches(['?', '&'])).await;
        let names = |page: &Value| -> Vec<String> {
            let rows = page[list].as_array().unwrap();
            rows.iter().map(|row| row["name"].to_string()).collect()
        };
        let mut next = Some(format!("{path}limit=2"));
        let mut found = Vec::new();
        while let Some(address) = next {
            let page = running.get(&admin, &address).await;
            assert!(page[list].as_array().unwrap().len() <= 2, "{address}");
            found.extend(names(&page));
            assert!(found.len() < 50, "{path}: no end");
            let links = &page[format!("{list}_links")];
            let link = links
                .as_array()
                .and_then(|links| links.iter().find(|link| link["rel"] == "next"));
            let href = link.map_or(&page["next"], |link| &link["href"]);
            next = href.as_str().map(|href| {
                let address = href.trim_start_matches("http://cloud:8774");
                // Glance writes addresses below itself.
                if address.starts_with("/v2") {
                    format!("/image{address}")
                } else {
                    address.to_owned()
                }
            });
        }
        let mut wanted = names(&whole);
        assert!(wanted.len() >= 5, "{path}: {whole}");
        wanted.sort();
        found.sort();
        assert_eq!(found, wanted, "{path}");
    }
    running.control.shut_down().await;
}
