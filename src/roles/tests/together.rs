//! Many at once at what only some can have: quotas, numbers and ranges stay exact, on whatever engine.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;

use super::start::config;
use crate::compute::model::NewKeypair;
use crate::compute::ops::{control_list, keypair_create};
use crate::context::testing::{another, cloud};
use crate::context::{Actor, Cloud, Context, Rank, Scope};
use crate::db::testing::{create, url};
use crate::error::{Error, Result};
use crate::identity;
use crate::identity::model::{Assignment, AssignmentQuery, Holder, UserNew};
use crate::ids::{DomainId, NetworkId, PortId, ProjectId, UserId};
use crate::network::model::{NewNetwork, NewPort, NewSubnet};
use crate::network::ops::{network_create, port_create, subnet_create};
use crate::roles::Control;
use crate::roles::lock::Front;
use crate::volume::ops::{NewVolume, VolumeSource, volume_create};

/// How many ask at a time.
const MANY: usize = 16;

fn member(cloud: &Arc<Cloud>) -> Context {
    let actor = Actor {
        user: Some(UserId::new()),
        user_name: "member".into(),
        project: Some(Scope {
            id: ProjectId::new(),
            name: "p".into(),
            domain_id: DomainId::new(),
        }),
        rank: Some(Rank::Member),
    };
    Context::new(cloud.clone(), actor, "req-member")
}

/// How many succeeded; the others met this quota.
fn within_quota<T>(outcomes: Vec<Result<T>>, quota: &str) -> usize {
    let mut made = 0;
    for outcome in outcomes {
        match outcome {
            Ok(_) => made += 1,
            Err(Error::Quota { resource, .. }) => assert_eq!(resource, quota),
            Err(other) => panic!("{other}"),
        }
    }
    made
}

fn subnet(network: NetworkId, cidr: &str) -> NewSubnet {
    NewSubnet {
        network,
        name: String::new(),
        description: String::new(),
        cidr: cidr.parse().unwrap(),
        gateway: None,
        dhcp: true,
        address_mode: None,
        ra_mode: None,
        dns: Vec::new(),
        pools: None,
        routes: Vec::new(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn quotas_are_kept_by_many_at_once() {
    let (dir, first, _kicks) = cloud().await;
    let settings = [
        ("quota.networks", "5"),
        ("quota.ports", "7"),
        ("quota.volumes", "6"),
    ];
    let (cloud, _kicks) = another(dir.path(), first.db.clone(), &settings);
    let cx = member(&cloud);
    let networks = join_all((0..MANY).map(|_| network_create(&cx, NewNetwork::default()))).await;
    let network = networks.iter().flatten().next().unwrap().id;
    assert_eq!(within_quota(networks, "networks"), 5);
    subnet_create(&cx, subnet(network, "10.7.0.0/24"))
        .await
        .unwrap();
    let project = cx.project().unwrap().id;
    let new: Vec<NewPort> = (0..MANY)
        .map(|_| NewPort::new(PortId::new(), network, project))
        .collect();
    let ports = join_all(new.iter().map(|new| port_create(&cx, new))).await;
    let addresses: BTreeSet<_> = ports
        .iter()
        .flatten()
        .flat_map(|port| port.addresses.iter().map(|one| one.address))
        .collect();
    assert_eq!(within_quota(ports, "ports"), 7);
    assert_eq!(addresses.len(), 7);
    let volumes = join_all((0..MANY).map(|_| {
        let new = NewVolume {
            size_gb: Some(1),
            source: VolumeSource::Empty,
            ..NewVolume::default()
        };
        volume_create(&cx, new)
    }))
    .await;
    assert_eq!(within_quota(volumes, "volumes"), 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_are_given_once_and_ranges_do_not_overlap() {
    let (_dir, cloud, _kicks) = cloud().await;
    let cx = member(&cloud);
    let pairs = join_all((0..MANY).map(|number| {
        let new = NewKeypair {
            name: format!("k{number}"),
            public_key: None,
            user: None,
        };
        keypair_create(&cx, new)
    }))
    .await;
    let numbers: BTreeSet<i64> = pairs
        .into_iter()
        .map(|pair| pair.unwrap().0.number)
        .collect();
    assert_eq!(numbers.len(), MANY);
    let local = NewNetwork {
        external: true,
        ..NewNetwork::default()
    };
    let cx = Context::system(cloud.clone());
    let owned = NewNetwork {
        project: Some(ProjectId::new()),
        ..local
    };
    let networks = join_all((0..MANY).map(|_| network_create(&cx, owned.clone()))).await;
    let subnets = networks
        .into_iter()
        .map(|network| subnet_create(&cx, subnet(network.unwrap().id, "10.8.0.0/24")));
    let made = join_all(subnets).await;
    assert_eq!(made.iter().filter(|made| made.is_ok()).count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_administrators_who_delete_each_other_leave_one() {
    let (_dir, cloud, _kicks) = cloud().await;
    let cx = Context::system(cloud);
    identity::bootstrap(&cx).await.unwrap();
    let everybody = AssignmentQuery::default();
    let first = identity::ops::assignment_list(&cx, &everybody, false)
        .await
        .unwrap()[0];
    let Holder::User(admin) = first.holder else {
        panic!("the first administrator is a user");
    };
    // Often, because the moment is short.
    for round in 0..5 {
        let new = UserNew {
            name: format!("second-{round}"),
            domain_id: None,
            password: Some("a password of some length".into()),
            enabled: true,
            default_project_id: None,
            description: None,
            email: None,
        };
        let second = identity::ops::user_create(&cx, new).await.unwrap().id;
        let assignment = Assignment {
            holder: Holder::User(second),
            ..first
        };
        identity::ops::assignment_create(&cx, assignment)
            .await
            .unwrap();
        let (one, two) = tokio::join!(
            identity::ops::assignment_delete(&cx, first),
            identity::ops::assignment_delete(&cx, assignment),
        );
        assert!(one.is_ok() != two.is_ok(), "{one:?} {two:?}");
        if one.is_ok() {
            identity::ops::assignment_create(&cx, first).await.unwrap();
        }
        if two.is_err() {
            identity::ops::assignment_delete(&cx, assignment)
                .await
                .unwrap();
        }
    }
    assert!(identity::ops::user_show(&cx, admin).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn two_control_processes_start_at_once_on_an_empty_database() {
    let place = tempfile::tempdir().unwrap();
    create(place.path(), false).await;
    let dirs = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let [one, two] = [0, 1].map(|number: usize| {
        let mut config = config(dirs[number].path());
        config.database.url = url(place.path());
        config
    });
    // The database of one process is no place for two.
    if one.is_single() {
        return;
    }
    let (one, two) = tokio::join!(
        Control::start(one, Front::Server),
        Control::start(two, Front::Server)
    );
    let (one, two) = (one.unwrap(), two.unwrap());
    let known = async || control_list(&Context::system(one.cloud().clone())).await;
    let both = async {
        while known().await.unwrap().len() < 2 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), both)
        .await
        .expect("both report");
    // There is one administrator, and the one whose process was first has the password.
    let written = dirs
        .iter()
        .filter(|dir| dir.path().join("admin-password").exists());
    assert_eq!(written.count(), 1);
    two.shut_down().await;
    let known = known().await.unwrap();
    assert_eq!(known.iter().filter(|process| process.up).count(), 1);
    one.shut_down().await;
}
