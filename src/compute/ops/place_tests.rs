//! Hosts that report, claims that never exceed them, and places found and explained.

use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::compute::model::{
    Affinity, Consumer, PlaceWish, ResourceClass, Resources, Server, ServerGroup, testing,
};
use crate::compute::rpc::HostReport;
use crate::compute::store;
use crate::context::testing::{another, cloud};
use crate::context::{Actor, Cloud, Context, Rank, Scope};
use crate::db::sql;
use crate::error::Error;
use crate::hypervisor::{Features, HostInfo, VirtType};
use crate::ids::{
    DomainId, NetworkId, OperationId, PortId, ProjectId, ServerGroupId, ServerId, Time, UserId,
};
use crate::network::model::{NewNetwork, NewPort, Provider};
use crate::network::ops::{network_create, port_create};

struct Lab {
    _dir: tempfile::TempDir,
    cx: Context,
}

async fn lab_with(change: impl FnOnce(&mut Cloud)) -> Lab {
    let (dir, cloud, _kicks) = cloud().await;
    let mut cloud = Arc::try_unwrap(cloud).ok().unwrap();
    change(&mut cloud);
    Lab {
        _dir: dir,
        cx: Context::system(Arc::new(cloud)),
    }
}

async fn lab() -> Lab {
    lab_with(|_| ()).await
}

pub(super) fn report(host: &str, vcpus: u32, memory_mb: u64) -> HostReport {
    HostReport {
        host: host.into(),
        version: "0.1.0".into(),
        started: Time(7),
        sent: Time::now(),
        seen: Time::now(),
        info: Some(HostInfo {
            hypervisor_type: "QEMU".into(),
            hypervisor_version: 7_002_000,
            vcpus,
            memory_mb,
            arch: "x86_64".into(),
            cpu_model: "qemu64".into(),
            cpu_features: vec!["sse".into()],
            virt_type: VirtType::Qemu,
            features: Features::default(),
            disk_gb: None,
            guest_user: None,
        }),
        trouble: None,
        disk_gb: (100, 60),
        uptime: None,
        address: None,
        physical_networks: Vec::new(),
        metrics: Default::default(),
        guests: Some(vec![]),
    }
}

async fn host(lab: &Lab, name: &str, vcpus: u32, memory_mb: u64) {
    host_report(&lab.cx, &report(name, vcpus, memory_mb))
        .await
        .unwrap();
}

pub(super) fn order(server: ServerId, vcpus: u64, memory_mb: u64) -> PlaceOrder {
    PlaceOrder::new(
        Consumer::Server(server),
        server,
        Resources::new(vcpus, memory_mb, 1),
    )
}

/// A group of these servers, whose rows are made.
async fn group(lab: &Lab, policy: Affinity, members: &[ServerId]) -> ServerGroupId {
    let group = ServerGroup {
        id: ServerGroupId::new(),
        project: ProjectId::new(),
        user: UserId::new(),
        name: "g".into(),
        policy,
        max_per_host: 1,
        members: Vec::new(),
        created_at: Time::now(),
    };
    let mut tx = lab.cx.db.begin().await.unwrap();
    store::server_group::insert(&mut tx, &group).await.unwrap();
    for id in members {
        let server = Server {
            id: *id,
            ..testing::server("member")
        };
        sql("DELETE FROM server_group_member WHERE server_id = $1")
            .bind(*id)
            .execute(&mut tx)
            .await
            .unwrap();
        if store::server::show(&mut tx, *id).await.unwrap().is_none() {
            store::server::insert(&mut tx, &server).await.unwrap();
        }
        store::server_group::member_add(&mut tx, group.id, *id)
            .await
            .unwrap();
    }
    tx.commit().await.unwrap();
    group.id
}

async fn used(lab: &Lab, name: &str) -> Resources {
    let rooms = host_rooms(&lab.cx).await.unwrap();
    rooms
        .into_iter()
        .find(|room| room.host.name == name)
        .unwrap()
        .used
}

/// The message of the next event.
async fn said(
    watch: &mut tokio::sync::broadcast::Receiver<crate::context::Numbered>,
) -> Option<String> {
    watch.recv().await.unwrap().1.message.clone()
}

/// Makes a host look as if it had last reported this many seconds ago.
async fn age(lab: &Lab, name: &str, seconds: i64) {
    let mut tx = lab.cx.db.begin().await.unwrap();
    sql("UPDATE host SET reported_at = reported_at - $2 WHERE name = $1")
        .bind(name)
        .bind(seconds * 1_000_000)
        .execute(&mut tx)
        .await
        .unwrap();
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn a_report_makes_a_host_known_and_the_next_ones_keep_it_so() {
    let lab = lab().await;
    let mut events = lab.cx.events.watch();
    let news = host_report(&lab.cx, &report("n1", 4, 8192)).await.unwrap();
    assert!(news.is_new && news.restarted && news.came_up);
    assert_eq!(said(&mut events).await.as_deref(), Some("n1 joined"));
    let news = host_report(&lab.cx, &report("n1", 4, 8192)).await.unwrap();
    assert_eq!(news, HostNews::default());
    let host = host_show(&lab.cx, "n1").await.unwrap();
    assert!(host.up && host.enabled);
    assert_eq!(host.total, Resources::new(4, 8192, 100));
    assert_eq!(
        host_find(&lab.cx, &host.id.to_string()).await.unwrap().name,
        "n1"
    );
    assert_eq!(
        host_find(&lab.cx, &host.number.to_string())
            .await
            .unwrap()
            .name,
        "n1"
    );
    let restarted = HostReport {
        started: Time(8),
        info: None,
        trouble: Some("libvirtd is down".into()),
        ..report("n1", 4, 8192)
    };
    assert!(host_report(&lab.cx, &restarted).await.unwrap().restarted);
    assert!(
        said(&mut events)
            .await
            .unwrap()
            .contains("libvirtd is down")
    );
    let host = host_show(&lab.cx, "n1").await.unwrap();
    assert_eq!(host.total.vcpus, 4, "what the machine is like stays");
    assert_eq!(host.trouble.as_deref(), Some("libvirtd is down"));
    let nameless = report("", 1, 1);
    assert!(matches!(
        host_report(&lab.cx, &nameless).await,
        Err(Error::Invalid { .. })
    ));
}

#[tokio::test]
async fn a_silent_host_is_down_and_told_so_once() {
    let lab = lab().await;
    host(&lab, "n1", 4, 8192).await;
    assert!(hosts_watch(&lab.cx).await.unwrap().is_empty());
    let mut events = lab.cx.events.watch();
    age(&lab, "n1", 40).await;
    assert_eq!(hosts_watch(&lab.cx).await.unwrap(), ["n1"]);
    assert!(hosts_watch(&lab.cx).await.unwrap().is_empty());
    let message = said(&mut events).await.unwrap();
    assert!(message.starts_with("n1 heartbeat lost 4"), "{message}");
    assert!(!host_show(&lab.cx, "n1").await.unwrap().up);
    assert!(
        host_report(&lab.cx, &report("n1", 4, 8192))
            .await
            .unwrap()
            .came_up
    );
    assert_eq!(said(&mut events).await.as_deref(), Some("n1 is up"));
}

#[tokio::test]
async fn operators_disable_and_declare_hosts_down_and_forget_empty_ones() {
    let lab = lab().await;
    let cx = &lab.cx;
    host(&lab, "n1", 4, 8192).await;
    let decide = |enabled, reason: Option<&str>, forced_down| HostDecision {
        enabled,
        disabled_reason: reason.map(str::to_owned),
        forced_down,
    };
    let host = host_update(cx, "n1", &decide(Some(false), Some("disk swap"), None))
        .await
        .unwrap();
    assert_eq!(
        (host.enabled, host.disabled_reason.as_deref()),
        (false, Some("disk swap"))
    );
    let host = host_update(cx, "n1", &decide(None, None, Some(true)))
        .await
        .unwrap();
    assert_eq!(
        (host.up, host.disabled_reason.as_deref()),
        (false, Some("disk swap"))
    );
    // A report does not lift what an operator said.
    assert!(
        !host_report(cx, &report("n1", 4, 8192))
            .await
            .unwrap()
            .came_up
    );
    assert!(!host_show(cx, "n1").await.unwrap().up);
    let host = host_update(cx, "n1", &decide(Some(true), None, Some(false)))
        .await
        .unwrap();
    assert!(host.up && host.enabled && host.disabled_reason.is_none());
    let wrong = decide(Some(true), Some("why"), None);
    assert!(matches!(
        host_update(cx, "n1", &wrong).await,
        Err(Error::Invalid { .. })
    ));
    assert!(matches!(
        host_update(cx, "n9", &HostDecision::default()).await,
        Err(Error::NotFound { .. })
    ));
    assert!(matches!(
        host_delete(cx, "n1").await,
        Err(Error::Conflict(_))
    ));
    age(&lab, "n1", 100).await;
    let server = ServerId::new();
    let mut tx = cx.db.begin().await.unwrap();
    claim_on_conn(
        &mut tx,
        cx,
        Consumer::Server(server),
        server,
        "n1",
        Resources::new(1, 1, 1),
    )
    .await
    .unwrap();
    tx.commit().await.unwrap();
    let error = host_delete(cx, "n1").await.unwrap_err();
    assert!(error.to_string().contains(&server.to_string()), "{error}");
    let mut tx = cx.db.begin().await.unwrap();
    claim_release_server_on_conn(&mut tx, server).await.unwrap();
    tx.commit().await.unwrap();
    host_delete(cx, "n1").await.unwrap();
    assert!(host_list(cx).await.unwrap().is_empty());
}

#[tokio::test]
async fn control_processes_are_known_by_their_machine() {
    let lab = lab().await;
    control_report(&lab.cx).await.unwrap();
    control_report(&lab.cx).await.unwrap();
    let all = control_list(&lab.cx).await.unwrap();
    assert_eq!(all.len(), 1);
    assert!(all[0].up);
    assert_eq!(all[0].id, lab.cx.process);
    // The database's clock is this machine's: some rounding and a question are between them.
    let skew = all[0].skew_us.unwrap();
    assert!(skew.abs() < 2_000_000, "{skew}");
    let place = &all[0].place;
    let error = control_delete(&lab.cx, place).await.unwrap_err();
    assert!(matches!(error, Error::Conflict(_)));
    // Another one on the same machine, with a directory of its own.
    let other = tempfile::tempdir().unwrap();
    let (other, _kicks) = another(other.path(), lab.cx.db.clone(), &[]);
    control_report(&Context::system(other)).await.unwrap();
    assert_eq!(control_list(&lab.cx).await.unwrap().len(), 2);
    // One that says that it stops is not up any more, and can be forgotten.
    control_leave(&lab.cx).await.unwrap();
    let left = control_list(&lab.cx).await.unwrap();
    assert_eq!(left.iter().filter(|process| process.up).count(), 1);
    control_delete(&lab.cx, place).await.unwrap();
    assert_eq!(control_list(&lab.cx).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_claim_fits_is_kept_or_says_what_is_short() {
    let lab = lab().await;
    let cx = &lab.cx;
    host(&lab, "n1", 2, 4608).await;
    let (one, two) = (ServerId::new(), ServerId::new());
    let want = Resources::new(6, 4000, 10);
    let mut tx = cx.db.begin().await.unwrap();
    for expected in [ClaimOutcome::Made, ClaimOutcome::Kept] {
        let outcome = claim_on_conn(&mut tx, cx, Consumer::Server(one), one, "n1", want)
            .await
            .unwrap();
        assert_eq!(outcome, expected);
    }
    // 4096 MiB without the reserve.
    let short = claim_on_conn(
        &mut tx,
        cx,
        Consumer::Server(two),
        two,
        "n1",
        Resources::new(1, 97, 0),
    )
    .await
    .unwrap();
    assert_eq!(
        short,
        ClaimOutcome::Short {
            class: ResourceClass::MemoryMb,
            wanted: 97,
            available: 96
        }
    );
    let other = claim_on_conn(
        &mut tx,
        cx,
        Consumer::Server(one),
        one,
        "n1",
        Resources::new(1, 1, 1),
    )
    .await;
    assert!(matches!(other, Err(Error::Conflict(_))));
    let nowhere = claim_on_conn(
        &mut tx,
        cx,
        Consumer::Server(two),
        two,
        "n9",
        Resources::new(1, 1, 1),
    )
    .await;
    assert!(matches!(nowhere, Err(Error::NotFound { .. })));
    tx.commit().await.unwrap();
    assert_eq!(used(&lab, "n1").await, want);
    let mut tx = cx.db.begin().await.unwrap();
    assert!(
        claim_release_on_conn(&mut tx, Consumer::Server(one))
            .await
            .unwrap()
    );
    assert!(
        !claim_release_on_conn(&mut tx, Consumer::Server(one))
            .await
            .unwrap()
    );
    tx.commit().await.unwrap();
    assert_eq!(used(&lab, "n1").await, Resources::default());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn launches_at_once_fill_hosts_and_never_more() {
    let lab = lab().await;
    host(&lab, "n1", 4, 4608).await;
    host(&lab, "n2", 4, 4608).await;
    let launches = (0..40).map(|_| {
        let cx = lab.cx.clone();
        tokio::spawn(async move { place(&cx, &order(ServerId::new(), 1, 512)).await.unwrap() })
    });
    let placed = futures::future::join_all(launches).await;
    let hosts: Vec<_> = placed
        .into_iter()
        .filter_map(|placement| placement.unwrap().host)
        .collect();
    assert_eq!(hosts.len(), 16);
    for name in ["n1", "n2"] {
        assert_eq!(used(&lab, name).await.memory_mb, 4096);
    }
}

#[tokio::test]
async fn a_place_is_kept_when_asked_for_again_and_every_decision_is_recorded() {
    let lab = lab().await;
    let cx = &lab.cx;
    compute_start(cx).await.unwrap();
    host(&lab, "n1", 4, 2560).await;
    let server = ServerId::new();
    let first = place(cx, &order(server, 1, 1024)).await.unwrap();
    assert_eq!(first.host.as_deref(), Some("n1"));
    // All that are configured, and the one about a requested host.
    let asked = cx.config.compute.filters.len() + 1;
    assert_eq!(first.decision.hosts[0].filters.len(), asked);
    assert_eq!(
        place(cx, &order(server, 1, 1024)).await.unwrap().host,
        first.host
    );
    let records = decision_list(cx, server).await.unwrap();
    assert_eq!(records.len(), 1);
    assert_eq!(records[0].decision, first.decision);
    let large = ServerId::new();
    let none = place(cx, &order(large, 1, 2000)).await.unwrap();
    assert_eq!(none.host, None);
    assert!(
        none.decision
            .failure()
            .contains("2000 MiB of memory wanted, 1024 MiB left")
    );
    let suggestion = none.decision.suggestion.clone().unwrap();
    assert_eq!(suggestion.flavor.as_deref(), Some("m1.tiny"));
    assert_eq!(
        decision_list(cx, large).await.unwrap()[0].decision,
        none.decision
    );
    let plan = place_plan(cx, &order(large, 1, 2000)).await.unwrap();
    assert_eq!(plan.suggestion, none.decision.suggestion);
    assert_eq!(decision_prune(cx, 1).await.unwrap(), 0);
    assert_eq!(decision_prune(cx, -1).await.unwrap(), 2);
}

#[tokio::test]
async fn without_hosts_the_failure_says_so() {
    let lab = lab().await;
    let none = place(&lab.cx, &order(ServerId::new(), 1, 64))
        .await
        .unwrap();
    assert!(none.decision.failure().contains("is an agent running?"));
    assert_eq!(none.decision.suggestion, None);
}

#[tokio::test]
async fn hints_and_groups_are_about_the_hosts_of_other_servers() {
    let lab = lab().await;
    let cx = &lab.cx;
    host(&lab, "n1", 4, 8192).await;
    host(&lab, "n2", 4, 8192).await;
    let anchor = ServerId::new();
    let on = place(cx, &order(anchor, 1, 64))
        .await
        .unwrap()
        .host
        .unwrap();
    let apart = PlaceOrder {
        wish: PlaceWish {
            different_host: vec![anchor],
            ..PlaceWish::default()
        },
        ..order(ServerId::new(), 1, 64)
    };
    assert_ne!(place(cx, &apart).await.unwrap().host.unwrap(), on);
    let together = PlaceOrder {
        wish: PlaceWish {
            same_host: vec![anchor],
            ..PlaceWish::default()
        },
        ..order(ServerId::new(), 1, 64)
    };
    assert_eq!(place(cx, &together).await.unwrap().host.unwrap(), on);
    for (policy, same) in [(Affinity::Together, true), (Affinity::Apart, false)] {
        let grouped = PlaceOrder {
            group: Some(group(&lab, policy, &[anchor]).await),
            ..order(ServerId::new(), 1, 64)
        };
        assert_eq!(place(cx, &grouped).await.unwrap().host.unwrap() == on, same);
    }
    let excluded = PlaceOrder {
        excluded: vec!["n1".into(), "n2".into()],
        ..order(ServerId::new(), 1, 64)
    };
    assert_eq!(place(cx, &excluded).await.unwrap().host, None);
}

#[tokio::test]
async fn servers_that_must_be_apart_are_apart_also_when_placed_at_once() {
    let lab = lab().await;
    for name in ["n1", "n2", "n3"] {
        host(&lab, name, 8, 8192).await;
    }
    let servers: Vec<ServerId> = (0..6).map(|_| ServerId::new()).collect();
    group(&lab, Affinity::Apart, &servers).await;
    let orders: Vec<PlaceOrder> = servers.iter().map(|id| order(*id, 1, 64)).collect();
    let places = orders.iter().map(|order| place(&lab.cx, order));
    let placed: Vec<Option<String>> = futures::future::join_all(places)
        .await
        .into_iter()
        .map(|placement| placement.unwrap().host)
        .collect();
    let mut hosts: Vec<String> = placed.into_iter().flatten().collect();
    hosts.sort();
    assert_eq!(hosts, ["n1", "n2", "n3"]);
}

#[tokio::test]
async fn a_plan_of_several_moves_takes_those_before_as_done() {
    let lab = lab().await;
    for (name, memory_mb) in [("n1", 8192), ("n2", 65_536), ("n3", 8192)] {
        host(&lab, name, 8, memory_mb).await;
    }
    let servers: Vec<ServerId> = (0..3).map(|_| ServerId::new()).collect();
    for id in &servers {
        let first = PlaceOrder {
            host: Some("n1".into()),
            ..order(*id, 1, 64)
        };
        assert!(place(&lab.cx, &first).await.unwrap().host.is_some());
    }
    // They were together before anybody wanted them apart.
    group(&lab, Affinity::Apart, &servers).await;
    let leaving = |id: ServerId| PlaceOrder {
        excluded: vec!["n1".into()],
        ..PlaceOrder::new(
            Consumer::Operation(OperationId::new()),
            id,
            Resources::new(1, 64, 1),
        )
    };
    let orders: Vec<PlaceOrder> = servers.iter().copied().map(leaving).collect();
    let plans = place_plans(&lab.cx, &orders).await.unwrap();
    let mut chosen: Vec<Option<String>> = plans.into_iter().map(|plan| plan.chosen).collect();
    chosen.sort();
    assert_eq!(chosen, [None, Some("n2".into()), Some("n3".into())]);

    // What goes from a host leaves its room to what comes after.
    let guest = ServerId::new();
    let full = PlaceOrder {
        host: Some("n3".into()),
        ..order(guest, 1, 7500)
    };
    assert!(place(&lab.cx, &full).await.unwrap().host.is_some());
    let swap = |id: ServerId, memory_mb: u64, to: &str| PlaceOrder {
        host: Some(to.into()),
        ..PlaceOrder::new(
            Consumer::Operation(OperationId::new()),
            id,
            Resources::new(1, memory_mb, 1),
        )
    };
    let orders = [swap(guest, 7500, "n2"), swap(ServerId::new(), 7500, "n3")];
    let plans = place_plans(&lab.cx, &orders).await.unwrap();
    assert_eq!(plans[1].chosen.as_deref(), Some("n3"));
}

#[tokio::test]
async fn a_server_group_has_a_policy_a_quota_and_an_owner() {
    let lab = lab().await;
    let project = |number: u128| Actor {
        project: Some(Scope {
            id: ProjectId::from_uuid(uuid::Uuid::from_u128(number)),
            name: "p".into(),
            domain_id: DomainId::DEFAULT,
        }),
        user: Some(UserId::new()),
        rank: Some(Rank::Member),
        ..Actor::system()
    };
    let own = Context::new(lab.cx.cloud().clone(), project(1), "req-1");
    let other = Context::new(lab.cx.cloud().clone(), project(2), "req-2");
    for (name, policy, most) in [
        ("", Affinity::Apart, None),
        ("g", Affinity::Apart, Some(0)),
        ("g", Affinity::Together, Some(2)),
    ] {
        assert!(server_group_create(&own, name, policy, most).await.is_err());
    }
    let mut made = Vec::new();
    for number in 0..10 {
        let name = format!("g{number}");
        made.push(
            server_group_create(&own, &name, Affinity::Apart, Some(2))
                .await
                .unwrap(),
        );
    }
    let refused = server_group_create(&own, "more", Affinity::Apart, None).await;
    assert!(matches!(refused, Err(Error::Quota { .. })), "{refused:?}");
    let page = server_group_list(&own, false, 1, 3).await.unwrap();
    assert_eq!(page, made[1..4]);
    assert!(
        server_group_list(&other, false, 0, 9)
            .await
            .unwrap()
            .is_empty()
    );
    assert!(server_group_show(&other, made[0].id).await.is_err());
    assert!(server_group_delete(&other, made[0].id).await.is_err());
    server_group_delete(&own, made[0].id).await.unwrap();
    assert!(server_group_show(&own, made[0].id).await.is_err());
}

#[tokio::test]
async fn zones_and_metadata_of_aggregates_decide_and_a_host_is_in_one_zone() {
    let lab = lab().await;
    let cx = &lab.cx;
    host(&lab, "n1", 4, 8192).await;
    host(&lab, "n2", 4, 8192).await;
    let west = aggregate_create(cx, "racks", Some("west")).await.unwrap();
    assert_eq!((west.number, west.zone()), (1, Some("west")));
    assert!(
        aggregate_create(cx, "racks", None)
            .await
            .unwrap_err()
            .to_string()
            .contains("already exists")
    );
    for bad in ["a:b", "internal", ""] {
        assert!(
            aggregate_create(cx, "bad", Some(bad)).await.is_err(),
            "{bad}"
        );
    }
    aggregate_host_add(cx, 1, "n2").await.unwrap();
    assert!(
        aggregate_host_add(cx, 1, "n2")
            .await
            .unwrap_err()
            .to_string()
            .contains("already")
    );
    assert!(
        aggregate_host_add(cx, 1, "n9")
            .await
            .unwrap_err()
            .to_string()
            .contains("n9")
    );
    let zones = zone_list(cx).await.unwrap();
    let names: Vec<&String> = zones.keys().collect();
    assert_eq!(names, ["nova", "west"]);
    let mut wanted = order(ServerId::new(), 1, 64);
    wanted.wish.availability_zone = Some("west".into());
    assert_eq!(
        place(cx, &wanted).await.unwrap().host.as_deref(),
        Some("n2")
    );
    // Now it has a server, which was asked into that zone.
    for changed in [
        aggregate_host_remove(cx, 1, "n2").await,
        aggregate_update(cx, 1, None, Some(Some("east".into()))).await,
        aggregate_update(cx, 1, None, Some(None)).await,
    ] {
        let error = changed.unwrap_err().to_string();
        assert!(error.contains("n2 has 1 servers"), "{error}");
    }
    let east = aggregate_create(cx, "east", Some("east")).await.unwrap();
    let error = aggregate_host_add(cx, east.number, "n2").await.unwrap_err();
    assert!(error.to_string().contains("one zone only"), "{error}");
    let error = aggregate_delete(cx, 1).await.unwrap_err();
    assert!(error.to_string().contains("take them out first"), "{error}");

    let ssd = aggregate_create(cx, "ssd", None).await.unwrap();
    aggregate_host_add(cx, ssd.number, "n1").await.unwrap();
    let pair = |value: Option<&str>| [("ssd".to_owned(), value.map(str::to_owned))].into();
    let set = aggregate_metadata_set(cx, ssd.number, pair(Some("yes")))
        .await
        .unwrap();
    assert_eq!(set.metadata["ssd"], "yes");
    let mut wanted = order(ServerId::new(), 1, 64);
    let spec = (
        "aggregate_instance_extra_specs:ssd".to_owned(),
        "yes".to_owned(),
    );
    wanted.extra_specs = [spec].into();
    assert_eq!(
        place(cx, &wanted).await.unwrap().host.as_deref(),
        Some("n1")
    );
    let unset = aggregate_metadata_set(cx, ssd.number, pair(None))
        .await
        .unwrap();
    assert!(unset.metadata.is_empty());
    aggregate_host_remove(cx, ssd.number, "n1").await.unwrap();
    aggregate_delete(cx, ssd.number).await.unwrap();
    assert!(aggregate_show(cx, ssd.number).await.is_err());
}

#[tokio::test]
async fn a_resize_claims_the_difference_on_its_host_and_settles_or_gives_it_back() {
    let lab = lab().await;
    let cx = &lab.cx;
    host(&lab, "n1", 4, 4608).await;
    let server = ServerId::new();
    place(cx, &order(server, 1, 2048)).await.unwrap();
    let operation = OperationId::new();
    let resize = PlaceOrder {
        consumer: Consumer::Operation(operation),
        ..order(server, 2, 4096)
    };
    assert_eq!(
        place(cx, &resize).await.unwrap().host.as_deref(),
        Some("n1")
    );
    assert_eq!(used(&lab, "n1").await, Resources::new(2, 4096, 1));
    assert_eq!(host_rooms(cx).await.unwrap()[0].servers, 1);
    let mut tx = cx.db.begin().await.unwrap();
    claim_release_on_conn(&mut tx, resize.consumer)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    assert_eq!(used(&lab, "n1").await, Resources::new(1, 2048, 1));
    place(cx, &resize).await.unwrap();
    let mut tx = cx.db.begin().await.unwrap();
    for _ in 0..2 {
        claim_settle_on_conn(&mut tx, operation, server, "n1", Resources::new(2, 4096, 1))
            .await
            .unwrap();
    }
    tx.commit().await.unwrap();
    let claims = claims_of_server(cx, server).await.unwrap();
    assert_eq!(claims.len(), 1);
    assert_eq!(claims[0].consumer, Consumer::Server(server));
    assert_eq!(used(&lab, "n1").await, Resources::new(2, 4096, 1));
}

#[tokio::test]
async fn an_unknown_filter_stops_the_start() {
    let lab = lab_with(|cloud| cloud.config.compute.filters.push("RamFilterr".into())).await;
    let error = compute_start(&lab.cx).await.unwrap_err();
    assert!(
        error.to_string().contains("did you mean RamFilter?"),
        "{error}"
    );
}

#[tokio::test]
async fn failures_on_a_host_are_counted_until_one_succeeds() {
    let lab = lab().await;
    host(&lab, "n1", 4, 8192).await;
    host(&lab, "n2", 4, 8192).await;
    host_build_result(&lab.cx, "n1", false).await.unwrap();
    assert_eq!(host_show(&lab.cx, "n1").await.unwrap().failures, 1);
    for _ in 0..3 {
        let placement = place(&lab.cx, &order(ServerId::new(), 1, 64))
            .await
            .unwrap();
        assert_eq!(placement.host.as_deref(), Some("n2"));
    }
    host_build_result(&lab.cx, "n1", true).await.unwrap();
    assert_eq!(host_show(&lab.cx, "n1").await.unwrap().failures, 0);
}

/// What a test does to the ledger.
#[derive(Clone, Debug)]
enum Act {
    Claim(usize, u64, u64),
    Release(usize),
}

fn any_act() -> impl Strategy<Value = Act> {
    prop_oneof![
        3 => (0..12usize, 1..6u64, 1..2000u64).prop_map(|(who, vcpus, memory)| Act::Claim(who, vcpus, memory)),
        1 => (0..12usize).prop_map(Act::Release),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn concurrent_claims_never_exceed_a_host(acts in prop::collection::vec(any_act(), 1..40)) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_all().build().unwrap();
        runtime.block_on(async {
            let lab = lab().await;
            host(&lab, "n1", 3, 4608).await;
            let servers: Vec<ServerId> = (0..12).map(|_| ServerId::new()).collect();
            let tasks = acts.into_iter().map(|act| {
                let (cx, servers) = (lab.cx.clone(), servers.clone());
                tokio::spawn(async move {
                    let mut tx = cx.db.begin().await.unwrap();
                    match act {
                        Act::Claim(who, vcpus, memory) => {
                            let server = servers[who];
                            // A second claim of the same server is a conflict, which is fine here.
                            let _ = claim_on_conn(&mut tx, &cx, Consumer::Server(server), server, "n1", Resources::new(vcpus, memory, 1)).await;
                        }
                        Act::Release(who) => {
                            claim_release_on_conn(&mut tx, Consumer::Server(servers[who])).await.unwrap();
                        }
                    }
                    tx.commit().await.unwrap();
                    host_rooms(&cx).await.unwrap().remove(0)
                })
            });
            for room in futures::future::join_all(tasks).await {
                let room = room.unwrap();
                assert!(room.used.fits_in(room.capacity), "{:?} of {:?}", room.used, room.capacity);
            }
        });
    }
}

/// A flat network on a physical one, with room for some ports, and who may use it.
async fn flat(lab: &Lab, physical: &str) -> (Context, NetworkId) {
    let actor = Actor {
        user: Some(UserId::new()),
        user_name: "owner".into(),
        project: Some(Scope {
            id: ProjectId::new(),
            name: "owner".into(),
            domain_id: DomainId::new(),
        }),
        rank: Some(Rank::Admin),
    };
    let cx = Context::new(lab.cx.cloud().clone(), actor, "req-f");
    let new = NewNetwork {
        name: physical.into(),
        provider: Provider {
            network_type: Some("flat".into()),
            physical_network: Some(physical.into()),
            segmentation_id: None,
        },
        ..NewNetwork::default()
    };
    let network = network_create(&cx, new).await.unwrap().id;
    (cx, network)
}

#[tokio::test]
async fn a_server_goes_where_its_physical_networks_are() {
    let lab = lab().await;
    let plugged = |name: &str, physical: &[&str]| HostReport {
        physical_networks: physical.iter().map(|name| (*name).to_owned()).collect(),
        ..report(name, 8, 8192)
    };
    let roomy = HostReport {
        info: report("roomy", 64, 65_536).info,
        ..plugged("roomy", &["lan"])
    };
    host_report(&lab.cx, &roomy).await.unwrap();
    host_report(&lab.cx, &plugged("edge", &["lan", "dmz"]))
        .await
        .unwrap();
    let (cx, dmz) = flat(&lab, "dmz").await;

    // Of ports that it will have, and of one that it has.
    let wanted = PlaceOrder {
        networks: vec![dmz],
        ..order(ServerId::new(), 1, 512)
    };
    assert_eq!(place(&lab.cx, &wanted).await.unwrap().host.unwrap(), "edge");
    let plain = order(ServerId::new(), 1, 512);
    assert_eq!(place(&lab.cx, &plain).await.unwrap().host.unwrap(), "roomy");
    let server = ServerId::new();
    let port = NewPort::new(PortId::new(), dmz, cx.project().unwrap().id);
    port_create(&cx, &port.for_server(server, None))
        .await
        .unwrap();
    let has = order(server, 1, 512);
    assert_eq!(place(&lab.cx, &has).await.unwrap().host.unwrap(), "edge");

    // Nobody is plugged into this one, and that is what is said.
    let (_, nowhere) = flat(&lab, "wan").await;
    let lost = PlaceOrder {
        networks: vec![nowhere],
        ..order(ServerId::new(), 1, 512)
    };
    let decision = place_plan(&lab.cx, &lost).await.unwrap();
    let failure = decision.failure();
    assert!(failure.contains("PhysicalNetworkFilter"), "{failure}");
    let help = decision.suggestion.unwrap().message;
    assert!(help.contains("into wan (agent.physical_networks"), "{help}");
}
