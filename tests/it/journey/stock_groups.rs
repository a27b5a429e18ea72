//! The stock command line on security groups, further addresses of ports, what is shared with other projects, and labels.

use super::cloud::Cloud;
use super::stock::{OpenStack, has, text, wait_json};
use crate::lab::guest as disk;

#[test]
fn security_groups_of_ports_and_servers() {
    let cloud = Cloud::start();
    let os = OpenStack::new(&cloud);
    let extensions = os.column("extension list --network", "Alias");
    for alias in [
        "security-group",
        "rbac-policies",
        "allowed-address-pairs",
        "standard-attr-tag",
    ] {
        has(&extensions, alias);
    }

    has(&os.column("security group list", "Name"), "default");
    let web = os.json("security group create --description d web");
    assert_eq!(text(&web["stateful"]), "true", "{web}");
    assert_eq!(web["rules"].as_array().map(Vec::len), Some(2), "{web}");
    let web = text(&web["id"]);
    os.ok("security group set --name shop --description changed --tag front web");
    let shown = os.json("security group show shop");
    assert_eq!(shown["description"], "changed");
    assert_eq!(text(&shown["tags"]), r#"["front"]"#);
    assert_eq!(
        os.column("security group list --tags front", "Name"),
        ["shop"]
    );
    os.ok("security group unset --all-tag shop");
    assert!(
        os.column("security group list --tags front", "Name")
            .is_empty()
    );
    os.ok("security group set --name web shop");
    for (line, refused) in [
        ("security group create default", "already exists"),
        ("security group delete default", "default"),
        ("security group set --name other default", "not allowed"),
        ("security group create --stateless open", "stateful"),
    ] {
        let said = os.fails(line);
        assert!(said.contains(refused), "{line}: {said}");
    }

    // Rules in the forms that people write.
    let ssh = os.json("security group rule create --dst-port 22 --protocol tcp web");
    assert_eq!(
        (text(&ssh["port_range_min"]), text(&ssh["protocol"])),
        ("22".into(), "tcp".into())
    );
    let ssh = text(&ssh["id"]);
    for line in [
        "--protocol icmp web",
        "--protocol icmp --icmp-type 8 --icmp-code 0 --remote-ip 10.0.0.0/8 web",
        "--protocol ipv6-icmp --ethertype IPv6 web",
        "--protocol udp --dst-port 1000:2000 --remote-ip 10.1.2.3 web",
        "--protocol 132 --dst-port 7 --egress web",
        "--protocol vrrp --remote-group default web",
        "--ethertype IPv6 --ingress --remote-ip fd00::/8 web",
        "--protocol any --egress --remote-ip 10.0.0.0/8 --description all web",
    ] {
        os.json(&format!("security group rule create {line}"));
    }
    for (line, refused) in [
        ("--dst-port 22 --protocol tcp web", ssh.as_str()),
        ("--dst-port 22 --protocol 6 web", ssh.as_str()),
        ("--dst-port 22 --protocol nonsense web", "nonsense"),
        ("--dst-port 22:70000 --protocol tcp web", "70000"),
        (
            "--protocol tcp --remote-ip fd00::/8 --ethertype IPv4 web",
            "fd00::/8",
        ),
        (
            "--protocol icmpv6 --ethertype IPv4 --remote-ip 10.0.0.0/8 web",
            "icmpv6",
        ),
    ] {
        let said = os.fails(&format!("security group rule create {line}"));
        assert!(said.contains(refused), "{line}: {said}");
    }
    let rules = os.column("security group rule list web", "ID");
    assert_eq!(rules.len(), 11);
    has(&rules, &ssh);
    let ingress = os.column(
        "security group rule list --ingress --protocol tcp web",
        "ID",
    );
    assert_eq!(ingress, [ssh.as_str()]);
    assert_eq!(
        os.json(&format!("security group rule show {ssh}"))["security_group_id"],
        web.as_str()
    );
    os.ok(&format!("security group rule delete {ssh}"));
    assert_eq!(os.column("security group rule list web", "ID").len(), 10);

    // Ports.
    let port = os.json("port create --network private --security-group web door");
    assert!(text(&port["security_group_ids"]).contains(&web), "{port}");
    os.ok("port set --security-group default door");
    let shown = os.json("port show door");
    assert_eq!(
        shown["security_group_ids"].as_array().map(Vec::len),
        Some(2)
    );
    os.ok("port unset --security-group default door");
    let said = os.fails("security group delete web");
    assert!(said.contains("in use"), "{said}");
    assert!(
        os.fails("port set --disable-port-security door")
            .contains("security group")
    );
    os.ok("port set --no-security-group --disable-port-security door");
    assert_eq!(text(&os.json("port show door")["security_group_ids"]), "[]");
    os.ok("port set --enable-port-security door");
    os.ok(
        "port set --allowed-address ip-address=10.20.0.128/25 --allowed-address \
        ip-address=10.20.0.99,mac-address=fa:16:3e:00:00:09 door",
    );
    let shown = text(&os.json("port show door")["allowed_address_pairs"]);
    assert!(
        shown.contains("10.20.0.128/25") && shown.contains("fa:16:3e:00:00:09"),
        "{shown}"
    );
    os.ok("port set --no-allowed-address door");
    assert_eq!(
        text(&os.json("port show door")["allowed_address_pairs"]),
        "[]"
    );
    os.ok("port delete door");

    // Servers, also while they run.
    let file = disk::qcow2().display().to_string();
    os.json(&format!(
        "image create --disk-format qcow2 --container-format bare --file {file} guest"
    ));
    os.json("flavor create --ram 128 --disk 1 --vcpus 1 small");
    os.json("server create --image guest --flavor small --network private --security-group web --wait vm");
    let groups = |wanted: &[&str]| {
        let server = wait_json(&os, "server show vm", |server| server["status"] == "ACTIVE");
        let mut has: Vec<String> = server["security_groups"]
            .as_array()
            .unwrap()
            .iter()
            .map(|group| text(&group["name"]))
            .collect();
        has.sort();
        assert_eq!(has, wanted, "{server}");
    };
    groups(&["web"]);
    os.ok("server add security group vm default");
    groups(&["default", "web"]);
    os.ok("server remove security group vm web");
    groups(&["default"]);
    os.ok("security group delete web");
    assert!(!os.fails("server add security group vm web").is_empty());
    let said = os.fails(
        "server create --image guest --flavor small --network private --security-group nothing x",
    );
    assert!(said.contains("nothing"), "{said}");
    os.ok("server delete --wait vm");
    os.ok("image delete guest");

    os.ok("quota set --secgroups 7 --secgroup-rules 70 --rbac-policies 5 admin");
    let quota = os.json("quota show admin");
    assert_eq!(
        (text(&quota["secgroups"]), text(&quota["secgroup-rules"])),
        ("7".into(), "70".into()),
        "{quota}"
    );
    cloud.assert_clean();
}

#[test]
fn what_is_shared_with_whom_and_labels() {
    let cloud = Cloud::start();
    let os = OpenStack::new(&cloud);
    os.json("project create shop");
    os.json("user create --project shop --password not-a-secret-4711 ann");
    os.ok("role add --user ann --project shop member");
    let ann = "--os-auth-url http://127.0.0.1:8774/identity/v3 --os-identity-api-version 3 --os-user-domain-id default \
        --os-project-domain-id default --os-username ann --os-project-name shop --os-password not-a-secret-4711";
    os.json("network create blue");
    os.json("subnet create --network blue --subnet-range 10.77.0.0/24 blue-v4");
    let sees = || {
        os.column(&format!("{ann} network list"), "Name")
            .contains(&"blue".to_owned())
    };
    assert!(!sees());
    let policy = os.json(
        "network rbac create --type network --action access_as_shared --target-project shop blue",
    );
    let id = text(&policy["id"]);
    assert!(sees());
    has(&os.column("network rbac list", "ID"), &id);
    assert_eq!(
        os.json(&format!("network rbac show {id}"))["action"],
        "access_as_shared"
    );
    os.json(&format!("{ann} port create --network blue door"));
    let said = os.fails(&format!("network rbac delete {id}"));
    assert!(said.contains("409"), "{said}");
    os.ok(&format!("{ann} port delete door"));
    os.ok(&format!("network rbac set --target-project admin {id}"));
    assert!(!sees());
    os.ok(&format!("network rbac delete {id}"));

    // Shared with all is a policy, however it was made.
    os.ok("network set --share blue");
    assert!(sees());
    let all = os.json("network rbac list --type network --long");
    let blue = text(&os.json("network show blue")["id"]);
    let of_blue = all
        .as_array()
        .unwrap()
        .iter()
        .find(|row| row["Object ID"] == blue.as_str())
        .unwrap();
    os.ok(&format!("network rbac delete {}", text(&of_blue["ID"])));
    assert_eq!(text(&os.json("network show blue")["shared"]), "false");
    assert!(!sees());

    os.json("security group create web");
    let policy = os.json(
        "network rbac create --type security_group --action access_as_shared --target-project shop web",
    );
    has(
        &os.column(&format!("{ann} security group list"), "Name"),
        "web",
    );
    os.ok(&format!("network rbac delete {}", text(&policy["id"])));

    for (kind, name) in [
        ("network", "blue"),
        ("subnet", "blue-v4"),
        ("security group", "web"),
    ] {
        os.ok(&format!("{kind} set --tag a --tag b {name}"));
        assert_eq!(
            os.column(&format!("{kind} list --tags a,b"), "Name"),
            [name]
        );
        assert!(
            os.column(&format!("{kind} list --not-any-tags a,b"), "Name")
                .iter()
                .all(|other| other != name)
        );
        os.ok(&format!("{kind} unset --tag a {name}"));
        assert_eq!(
            text(&os.json(&format!("{kind} show {name}"))["tags"]),
            r#"["b"]"#
        );
        os.ok(&format!("{kind} unset --all-tag {name}"));
    }
    os.ok("security group delete web");
    os.ok("subnet delete blue-v4");
    os.ok("network delete blue");
    cloud.assert_clean();
}
