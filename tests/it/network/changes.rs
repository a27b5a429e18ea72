//! One agent that is told one thing after the other: what it does is what differs, and the node is as it was told each time.

use skydeck::ids::RouterId;
use skydeck::network::names::tunnel_name;
use skydeck::network::rpc::{NetworkDesired, RouterSpec, RuleRange, RuleRemote};

use super::tenants::{Nodes, TCP, Tenant, World, allow, group};

#[test]
fn a_change_after_another_is_made_of_what_differs() {
    let nodes = Nodes::start();
    let near = Tenant::new(1, 1001);
    let mut world = World {
        tenants: vec![near],
        ..World::default()
    };
    let mut all: Vec<NetworkDesired> = Vec::new();
    let mut told = |world: &World| {
        let generation = i64::try_from(all.len()).unwrap() + 1;
        all.push(world.at(1, generation));
        all.len() - 1
    };
    let closed = group(Vec::new());
    world.groups = vec![closed.clone()];
    let web = world.tenants[0].guest(1, 5, "web");
    world.tenants[0].group(&web, &[closed.id]);
    told(&world);
    // A rule, a port here, one elsewhere, a network with DHCP, a router.
    world.groups[0]
        .rules
        .push(allow(Some(TCP), RuleRange::Ports(80, 80), RuleRemote::Any));
    let rule = told(&world);
    let db = world.tenants[0].guest(1, 6, "db");
    world.tenants[0].group(&db, &[closed.id]);
    let port = told(&world);
    world.tenants[0].guest(2, 7, "far");
    told(&world);
    world.tenants.push(Tenant::new(2, 1002));
    told(&world);
    let interfaces = [0, 1].map(|at| world.tenants[at].service(1));
    for (at, interface) in interfaces.iter().enumerate() {
        world.tenants[at].services.push((1, interface.clone()));
    }
    let router = RouterSpec {
        id: RouterId::new(),
        interfaces: interfaces.to_vec(),
        gateway: None,
        floating: Vec::new(),
        routes: vec![(
            "10.66.0.0/16".parse().unwrap(),
            "10.1.0.66".parse().unwrap(),
        )],
    };
    world.router = Some((1, router));
    told(&world);
    // Somebody removes a tunnel; what is changed of it then fails, and is made after a look.
    let broken = world.tenants[0].network.id;
    world.tenants[0].guest(2, 8, "farther");
    let mended = told(&world);
    // Everything goes again.
    world.router.as_mut().unwrap().1.routes.clear();
    told(&world);
    world.router = None;
    world.tenants[0]
        .guests
        .retain(|(_, guest)| guest.id != web.id);
    told(&world);
    world.tenants.remove(0);
    told(&world);
    world.groups.clear();
    world.tenants.clear();
    told(&world);

    let site = nodes.site(1);
    let changes = site.apply_all(&all, |at| {
        if at == mended {
            site.shell(&format!("ip link del {}", tunnel_name(broken)));
        }
    });
    assert_eq!(changes[rule], ["packet filter replaced"]);
    assert_eq!(changes[port].len(), 2, "{:?}", changes[port]);
    let made = format!("tunnel {}: made", tunnel_name(broken));
    assert!(changes[mended].contains(&made), "{:?}", changes[mended]);
}
