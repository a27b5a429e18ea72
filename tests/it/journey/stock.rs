//! The stock command line (package python3-openstackclient) against our cloud, by the entry of `clouds.yaml` that the
//! first start wrote: every command that we promise, and what it prints.

use std::cell::RefCell;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};

use serde_json::Value;

use super::cloud::Cloud;
use crate::lab::guest as disk;

/// Runs commands one after another inside the machine.
const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/journey/stock.py");

/// `openstack --os-cloud skydeck`, inside the machine.
pub(super) struct OpenStack {
    child: Child,
    pipes: RefCell<(ChildStdin, BufReader<ChildStdout>)>,
}

impl OpenStack {
    pub(super) fn new(cloud: &Cloud) -> Self {
        let mut command = cloud.machine.command("/usr/bin/python3");
        command
            .arg(SCRIPT)
            .env("OS_CLIENT_CONFIG_FILE", cloud.data().join("clouds.yaml"));
        for (variable, _) in std::env::vars()
            .filter(|(name, _)| name.starts_with("OS_") && name != "OS_CLIENT_CONFIG_FILE")
        {
            command.env_remove(variable);
        }
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("python3-openstackclient");
        let pipes = (
            child.stdin.take().unwrap(),
            BufReader::new(child.stdout.take().unwrap()),
        );
        Self {
            child,
            pipes: RefCell::new(pipes),
        }
    }

    fn run(&self, line: &str, json: bool) -> Result<String, String> {
        // Who comes with an address of their own does not mean our entry.
        let named = !line.starts_with("--os-auth-url");
        let mut words = if named {
            vec!["--os-cloud", "skydeck"]
        } else {
            Vec::new()
        };
        words.extend(line.split_whitespace());
        if json {
            words.extend(["-f", "json"]);
        }
        let (input, output) = &mut *self.pipes.borrow_mut();
        writeln!(input, "{}", serde_json::to_string(&words).unwrap()).unwrap();
        let mut answer = String::new();
        output.read_line(&mut answer).unwrap();
        let answer: Value = serde_json::from_str(&answer)
            .unwrap_or_else(|error| panic!("{line}: {error}: {answer}"));
        let text = |name: &str| answer[name].as_str().unwrap_or_default().to_owned();
        if answer["status"] == 0 {
            Ok(text("out"))
        } else {
            Err(text("err"))
        }
    }

    /// Runs a command that shows something.
    #[track_caller]
    pub(super) fn json(&self, line: &str) -> Value {
        let out = self
            .run(line, true)
            .unwrap_or_else(|error| panic!("openstack {line}: {error}"));
        serde_json::from_str(&out)
            .unwrap_or_else(|error| panic!("openstack {line}: {error}: {out}"))
    }

    /// Runs a command that only does something, or prints plain text.
    #[track_caller]
    pub(super) fn ok(&self, line: &str) -> String {
        self.run(line, false)
            .unwrap_or_else(|error| panic!("openstack {line}: {error}"))
    }

    /// Runs a command that must fail, and returns what it says.
    #[track_caller]
    pub(super) fn fails(&self, line: &str) -> String {
        self.run(line, false).expect_err(line)
    }

    /// A column of a list.
    #[track_caller]
    pub(super) fn column(&self, line: &str, column: &str) -> Vec<String> {
        let list = self.json(line);
        let rows = list
            .as_array()
            .unwrap_or_else(|| panic!("{line}: no list: {list}"));
        rows.iter().map(|row| text(&row[column])).collect()
    }
}

impl Drop for OpenStack {
    fn drop(&mut self) {
        // Its input ends when the pipe does; it may have ended before.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(super) fn text(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

#[track_caller]
pub(super) fn has(list: &[String], name: &str) {
    assert!(
        list.iter().any(|found| found == name),
        "{name} is not in {list:?}"
    );
}

#[test]
fn identity_and_what_is_listed_of_the_cloud() {
    let cloud = Cloud::start();
    let os = OpenStack::new(&cloud);
    assert!(
        os.json("token issue")["id"]
            .as_str()
            .is_some_and(|id| id.len() > 20)
    );
    let services = os.column("catalog list", "Type");
    for service in ["identity", "compute", "image", "network", "placement"] {
        has(&services, service);
    }
    assert!(
        services
            .iter()
            .any(|kind| kind.starts_with("volume") || kind == "block-storage"),
        "{services:?}"
    );

    has(&os.column("project list", "Name"), "admin");
    let project = os.json("project create --description d shop");
    assert_eq!(
        (text(&project["name"]), text(&project["enabled"])),
        ("shop".into(), "true".into())
    );
    os.ok("project set --description changed shop");
    assert_eq!(os.json("project show shop")["description"], "changed");
    let user =
        os.json("user create --project shop --password not-a-secret-4711 --email a@b.example ann");
    assert_eq!(user["email"], "a@b.example");
    os.ok("user set --email c@d.example ann");
    assert_eq!(os.json("user show ann")["email"], "c@d.example");
    has(&os.column("user list", "Name"), "ann");
    os.json("role create auditor");
    os.ok("role set --name inspector auditor");
    assert_eq!(os.json("role show inspector")["name"], "inspector");
    has(&os.column("role list", "Name"), "member");
    os.ok("role add --user ann --project shop member");
    has(
        &os.column(
            "role assignment list --user ann --project shop --names",
            "Role",
        ),
        "member",
    );

    // Ann sees her project, and may not what an administrator may.
    let ann = "--os-auth-url http://127.0.0.1:8774/identity/v3 --os-identity-api-version 3 --os-user-domain-id default \
        --os-project-domain-id default --os-username ann --os-project-name shop";
    let right = "--os-password not-a-secret-4711";
    os.json(&format!("{ann} {right} token issue"));
    assert!(
        os.fails(&format!("{ann} {right} user list"))
            .contains("403")
    );
    assert!(
        os.fails(&format!("{ann} --os-password wrong token issue"))
            .contains("401")
    );

    os.ok("role remove --user ann --project shop member");
    os.ok("role delete inspector");
    os.ok("user delete ann");
    os.ok("project delete shop");
    assert!(
        !os.column("project list", "Name")
            .contains(&"shop".to_owned())
    );
    assert!(
        os.fails("project show shop")
            .to_lowercase()
            .contains("no project")
    );

    os.json("aggregate create --zone west racks");
    os.json("aggregate add host racks testhost");
    os.ok("aggregate set --property ssd=true racks");
    let racks = os.json("aggregate show racks");
    assert_eq!(racks["hosts"][0], "testhost", "{racks}");
    assert_eq!(racks["availability_zone"], "west", "{racks}");
    assert!(racks["properties"].to_string().contains("ssd"), "{racks}");
    has(&os.column("availability zone list", "Zone Name"), "west");
    os.ok("aggregate unset --property ssd racks");
    os.json("aggregate remove host racks testhost");
    os.ok("aggregate delete racks");
    let group = os.json("server group create --policy anti-affinity apart");
    assert_eq!(os.column("server group list", "Name"), ["apart"]);
    let shown = os.json("--os-compute-api-version 2.64 server group create --policy anti-affinity --rule max_server_per_host=2 two");
    assert_eq!(shown["policy"], "anti-affinity", "{shown}");
    os.ok("server group delete two");
    os.ok(&format!(
        "server group delete {}",
        group["id"].as_str().unwrap()
    ));

    let hosts = os.column("hypervisor list", "Hypervisor Hostname");
    assert_eq!(hosts, ["testhost"]);
    assert_eq!(os.json("hypervisor show testhost")["state"], "up");
    // From here on a part of the hypervisor, which the client takes apart.
    let newest = os.json("--os-compute-api-version 2.88 hypervisor show testhost");
    assert!(
        newest["uptime"]
            .as_str()
            .is_some_and(|time| !time.is_empty()),
        "{newest}"
    );
    let binaries = os.column("compute service list", "Binary");
    for binary in ["nova-compute", "nova-conductor", "nova-scheduler"] {
        has(&binaries, binary);
    }
    assert_eq!(
        os.column("availability zone list --compute", "Zone Name"),
        ["internal", "nova"]
    );
    assert_eq!(os.json("quota show")["instances"], 100);
    os.ok("quota set --instances 7 --volumes 8 --networks 9 admin");
    let quota = os.json("quota show admin");
    for (name, bound) in [("instances", 7), ("volumes", 8), ("networks", 9)] {
        assert_eq!(quota[name], bound, "{name}");
    }
    has(
        &os.column("quota list --compute --detail", "Resource"),
        "cores",
    );
    has(
        &os.column("limits show --absolute", "Name"),
        "maxTotalInstances",
    );
    cloud.assert_clean();
}

#[test]
fn flavors_keys_images_networks_and_volumes() {
    let cloud = Cloud::start();
    let os = OpenStack::new(&cloud);
    let dir = cloud.machine.dir().display().to_string();

    assert_eq!(
        os.json("flavor create --ram 128 --disk 1 --vcpus 1 guest")["ram"],
        128
    );
    assert_eq!(os.json("flavor show guest")["vcpus"], 1);
    has(&os.column("flavor list", "Name"), "guest");
    os.ok("flavor delete guest");
    let private = os.ok("keypair create key");
    assert!(private.contains("PRIVATE KEY"), "{private}");
    assert_eq!(os.json("keypair show key")["name"], "key");
    assert_eq!(os.column("keypair list", "Name"), ["key"]);
    os.ok("keypair delete key");

    // Images, from a file, at once and by an import.
    let file = disk::qcow2().display().to_string();
    let image = os.json(&format!(
        "image create --disk-format qcow2 --container-format bare --file {file} guest"
    ));
    assert_eq!(image["name"], "guest");
    let shown = os.json("image show guest");
    assert_eq!(shown["status"], "active");
    os.ok("image set --property os_distro=debian --min-disk 1 guest");
    assert_eq!(os.json("image show guest")["min_disk"], 1);
    has(&os.column("image list", "Name"), "guest");
    os.ok(&format!("image save --file {dir}/saved guest"));
    assert!(
        std::fs::read(format!("{dir}/saved")).unwrap() == std::fs::read(&file).unwrap(),
        "another file came back"
    );
    os.ok("image delete guest");
    assert!(os.fails("image show guest").contains("No Image found"));
    // This version of the client imports what it has staged; from the web, see `web_image.rs`.
    let image = os.json(&format!(
        "image create --disk-format qcow2 --container-format bare --import --file {file} staged"
    ));
    let id = text(&image["id"]);
    let image = wait_json(&os, &format!("image show {id}"), |image| {
        image["status"] == "active"
    });
    assert_eq!(image["size"], std::fs::metadata(&file).unwrap().len());
    os.ok("image delete staged");

    // Networks.
    os.json("network create --mtu 1400 blue");
    let subnet = os.json("subnet create --network blue --subnet-range 10.77.0.0/24 blue-v4");
    assert_eq!(subnet["gateway_ip"], "10.77.0.1");
    os.ok("subnet set --name azure-v4 blue-v4");
    assert_eq!(os.json("subnet show azure-v4")["cidr"], "10.77.0.0/24");
    has(&os.column("subnet list", "Name"), "azure-v4");
    let port = os.json("port create --network blue --fixed-ip ip-address=10.77.0.9 door");
    assert!(text(&port["fixed_ips"]).contains("10.77.0.9"), "{port}");
    os.ok("port set --name gate door");
    assert_eq!(os.json("port show gate")["status"], "DOWN");
    has(&os.column("port list", "Name"), "gate");
    assert!(
        !os.fails("network delete blue").is_empty(),
        "a network with a port was deleted"
    );
    os.ok("port delete gate");
    os.ok("network set --name azure blue");
    assert_eq!(os.json("network show azure")["status"], "ACTIVE");
    has(&os.column("network list", "Name"), "azure");
    os.ok("subnet delete azure-v4");
    os.ok("network delete azure");

    // Volumes.
    assert_eq!(os.json("volume create --size 1 disk")["size"], 1);
    os.ok("volume set --name plate --property a=b disk");
    let shown = wait_json(&os, "volume show plate", |shown| {
        shown["status"] == "available"
    });
    assert_eq!(shown["properties"]["a"], "b");
    has(&os.column("volume list", "Name"), "plate");
    os.ok("volume delete plate");
    let gone = || {
        !os.column("volume list", "Name")
            .contains(&"plate".to_owned())
    };
    crate::lab::wait::wait_until("the volume to be gone", super::cloud::PATIENCE, gone);
    cloud.assert_clean();
}

pub(super) fn wait_json(os: &OpenStack, line: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    crate::lab::wait::wait_for(line, super::cloud::PATIENCE, || {
        Some(os.json(line)).filter(&wanted)
    })
}

#[test]
fn servers() {
    let cloud = Cloud::start();
    let os = OpenStack::new(&cloud);
    let file = disk::qcow2().display().to_string();
    os.json(&format!(
        "image create --disk-format qcow2 --container-format bare --file {file} guest"
    ));
    os.json("flavor create --ram 128 --disk 1 --vcpus 1 small");
    os.json("flavor create --ram 160 --disk 1 --vcpus 1 large");
    let server = os.json("server create --image guest --flavor small --network private --wait web");
    assert_eq!(
        (text(&server["name"]), text(&server["status"])),
        ("web".into(), "ACTIVE".into())
    );
    assert!(text(&server["addresses"]).contains("10.20.0."), "{server}");
    has(&os.column("server list", "Name"), "web");
    assert_eq!(
        os.column("server list --long --status ACTIVE", "Name"),
        ["web"]
    );
    assert!(os.column("server list --status SHUTOFF", "Name").is_empty());
    let id = text(&server["id"]);
    let state = |wanted: &'static str| {
        wait_json(&os, &format!("server show {id}"), move |server| {
            server["status"] == wanted && server["OS-EXT-STS:task_state"].is_null()
        })
    };
    crate::lab::wait::wait_until("the guest to be up", super::cloud::PATIENCE, || {
        os.ok("console log show web")
            .contains("GUEST-READY name=web")
    });
    os.ok("server set --name shop --property tier=front web");
    assert!(text(&state("ACTIVE")["properties"]).contains("front"));
    for (verb, wanted) in [
        ("stop", "SHUTOFF"),
        ("start", "ACTIVE"),
        ("pause", "PAUSED"),
        ("unpause", "ACTIVE"),
        ("suspend", "SUSPENDED"),
        ("resume", "ACTIVE"),
        ("lock", "ACTIVE"),
        ("unlock", "ACTIVE"),
    ] {
        os.ok(&format!("server {verb} shop"));
        state(wanted);
    }
    os.ok("server reboot --hard --wait shop");
    state("ACTIVE");
    os.ok("server reboot --wait shop");
    state("ACTIVE");
    crate::lab::wait::wait_until("the guest to be up", super::cloud::PATIENCE, || {
        os.ok("console log show shop")
            .matches("GUEST-READY")
            .count()
            >= 1
    });

    // A volume, in and out.
    os.json("volume create --size 1 disk");
    wait_json(&os, "volume show disk", |volume| {
        volume["status"] == "available"
    });
    os.ok("server add volume shop disk");
    wait_json(&os, "volume show disk", |volume| {
        volume["status"] == "in-use"
    });
    os.ok("server remove volume shop disk");
    wait_json(&os, "volume show disk", |volume| {
        volume["status"] == "available"
    });
    os.ok("volume delete disk");

    os.ok("server resize --flavor large --wait shop");
    state("VERIFY_RESIZE");
    os.ok("server resize confirm shop");
    state("ACTIVE");
    os.ok("server resize --flavor small --wait shop");
    os.ok("server resize revert shop");
    state("ACTIVE");
    os.ok("server image create --name copy --wait shop");
    assert_eq!(os.json("image show copy")["status"], "active");
    os.ok("server rebuild --image guest --wait shop");
    state("ACTIVE");

    let events = os.json("server event list shop");
    let actions: Vec<String> = events
        .as_array()
        .unwrap()
        .iter()
        .map(|event| text(&event["Action"]))
        .collect();
    for action in ["create", "reboot", "resize", "rebuild"] {
        has(&actions, action);
    }
    let request = text(&events[0]["Request ID"]);
    assert_eq!(
        os.json(&format!("server event show shop {request}"))["request_id"],
        request.as_str()
    );
    assert!(
        os.fails("server create --image guest --flavor nothing --network private x")
            .contains("nothing")
    );
    os.ok("server delete --wait shop");
    assert!(os.column("server list --all-projects", "Name").is_empty());
    os.ok("image delete copy guest");
    cloud.assert_clean();
}
