//! IPv6 by the stock command line: subnets and their modes, both families on a port, and what is refused.

use super::cloud::Cloud;
use super::stock::{OpenStack, has, text, wait_json};
use crate::lab::guest as disk;

#[test]
fn subnets_ports_routers_and_servers_of_ipv6() {
    let cloud = Cloud::start();
    let os = OpenStack::new(&cloud);
    os.json("network create blue");
    os.json("subnet create --network blue --subnet-range 10.77.0.0/24 blue-v4");
    let slaac = os.json(
        "subnet create --network blue --ip-version 6 --subnet-range FD00:77::/64 --ipv6-ra-mode slaac \
         --ipv6-address-mode slaac blue-v6",
    );
    for (field, wanted) in [
        ("ip_version", "6"),
        ("cidr", "fd00:77::/64"),
        ("gateway_ip", "fd00:77::1"),
        ("ipv6_ra_mode", "slaac"),
        ("ipv6_address_mode", "slaac"),
    ] {
        assert_eq!(text(&slaac[field]), wanted, "{slaac}");
    }
    let pools = text(&slaac["allocation_pools"]);
    assert!(
        pools.contains("fd00:77::2") && pools.contains("fd00:77::ffff:ffff:ffff:ffff"),
        "{pools}"
    );
    os.json(
        "subnet create --network blue --ip-version 6 --subnet-range fd00:78::/64 --ipv6-ra-mode dhcpv6-stateful \
         --ipv6-address-mode dhcpv6-stateful --dns-nameserver 2620:fe::fe blue-given",
    );
    assert_eq!(
        os.column("subnet list --ip-version 4 --network blue", "Name"),
        ["blue-v4"]
    );
    let mut names = os.column("subnet list --ip-version 6", "Name");
    names.sort();
    assert_eq!(names, ["blue-given", "blue-v6"]);
    for (line, refused) in [
        (
            "--ip-version 6 --subnet-range fd00:79::/64 --ipv6-ra-mode slaac --ipv6-address-mode dhcpv6-stateful",
            "must be the same value",
        ),
        (
            "--ip-version 6 --subnet-range fd00:79::/80 --ipv6-ra-mode slaac --ipv6-address-mode slaac",
            "/64",
        ),
        (
            "--ip-version 6 --subnet-range fd00:79::/64 --no-dhcp --ipv6-ra-mode slaac",
            "enable_dhcp",
        ),
        (
            "--ip-version 6 --subnet-range fd00:79::/64 --gateway 10.1.0.1",
            "gateway_ip",
        ),
        ("--ip-version 6 --subnet-range fd00:77::/80", "overlaps"),
    ] {
        let said = os.fails(&format!("subnet create --network blue {line} wrong"));
        assert!(said.contains(refused), "{line}: {said}");
    }

    // A port has one of each family, and what its guest makes.
    let port = os.json("port create --network blue --mac-address fa:16:3e:00:00:07 door");
    let fixed = text(&port["fixed_ips"]);
    assert_eq!(fixed.matches("ip_address").count(), 3, "{fixed}");
    assert!(fixed.contains("fd00:77::f816:3eff:fe00:7"), "{fixed}");
    for address in [
        "fd00:77::f816:3eff:fe00:7",
        "FD00:77:0::f816:3EFF:fe00:0007",
    ] {
        let line = format!("port list --fixed-ip ip-address={address}");
        assert_eq!(os.column(&line, "Name"), ["door"]);
    }
    let said = os.fails("port create --network blue --fixed-ip ip-address=fd00:77::5 other");
    assert!(
        said.contains("automatic") || said.contains("assigned"),
        "{said}"
    );
    os.ok("port set --allowed-address ip-address=fd00:77:0:0::5 door");
    let pairs = text(&os.json("port show door")["allowed_address_pairs"]);
    assert!(pairs.contains("fd00:77::5"), "{pairs}");
    os.ok("port delete door");

    // A router, and a server that shows both families.
    os.json("router create edge");
    for subnet in ["blue-v4", "blue-v6", "blue-given"] {
        os.ok(&format!("router add subnet edge {subnet}"));
    }
    let interfaces = os.json("router show edge");
    let interfaces = text(&interfaces["interfaces_info"]);
    assert!(
        interfaces.contains("fd00:77::1") && interfaces.contains("fd00:78::1"),
        "{interfaces}"
    );
    let file = disk::qcow2().display().to_string();
    os.json(&format!(
        "image create --disk-format qcow2 --container-format bare --file {file} guest"
    ));
    os.json("flavor create --ram 128 --disk 1 --vcpus 1 small");
    os.json("server create --image guest --flavor small --network blue --wait web");
    let web = wait_json(&os, "server show web", |web| web["status"] == "ACTIVE");
    let addresses = text(&web["addresses"]);
    for part in ["10.77.0.", "fd00:77::f816:3eff:fe", "fd00:78::"] {
        assert!(addresses.contains(part), "{part}: {addresses}");
    }
    os.ok("server delete --wait web");
    for subnet in ["blue-v4", "blue-v6", "blue-given"] {
        os.ok(&format!("router remove subnet edge {subnet}"));
    }
    // Guests' own addresses do not keep such a subnet.
    os.json("port create --network blue door");
    os.ok("subnet delete blue-v6");
    let fixed = text(&os.json("port show door")["fixed_ips"]);
    assert_eq!(fixed.matches("ip_address").count(), 2, "{fixed}");
    has(
        &os.column("subnet list --network blue", "Name"),
        "blue-given",
    );
}
