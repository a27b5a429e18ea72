//! Launching and deleting.

use std::net::IpAddr;

use super::lab::{Lab, SMALL};
use crate::bus::Rpc;
use crate::compute::model::{PowerState, Status as Shown, VmState};
use crate::compute::ops::{
    self, NetworkChoice, NewServer, NicRequest, server_create, server_create_plan, server_show,
};
use crate::compute::rpc::InstanceEnsure;
use crate::context::{Change, Context, Rank};
use crate::error::Error;
use crate::ids::ImageId;
use crate::saga::Status;

#[tokio::test]
async fn a_launch_ends_active_with_address_and_config_drive_and_a_deletion_leaves_nothing() {
    let lab = Lab::new(None).await;
    let server = lab.active("web").await;
    assert_eq!(server.status(), Shown::Active);
    assert_eq!(server.host.as_deref(), Some("n1"));
    assert_eq!(server.availability_zone.as_deref(), Some("nova"));
    assert!(server.launched_at.is_some());
    let view = server_show(&lab.cx, server.id).await.unwrap();
    assert_eq!(view.addresses.len(), 1);
    assert_eq!(view.addresses[0].network, "net");
    assert!(matches!(view.addresses[0].address, IpAddr::V4(_)));
    let files = lab.node().facts().drives[&server.id].clone();
    assert!(files.contains(&"openstack/latest/meta_data.json".to_owned()));
    assert!(lab.node().facts().network.is_some());
    lab.delete(server.id).await;
    lab.assert_clean().await;
    let error = server_show(&lab.cx, server.id).await.unwrap_err();
    assert!(matches!(error, Error::NotFound { .. }), "{error}");
}

#[tokio::test]
async fn watchers_are_told_the_name_and_what_a_server_has_become_and_where() {
    let lab = Lab::new(None).await;
    let mut events = lab.cloud.events.watch();
    let server = lab.active("web").await;
    lab.delete(server.id).await;
    let mut told = Vec::new();
    while let Ok((_, event)) = events.try_recv() {
        if event.kind == "server" {
            assert_eq!(event.name.as_deref(), Some("web"));
            let status = event.status.clone().unwrap_or_default();
            told.push((event.change, status, event.host.clone()));
        }
    }
    told.dedup();
    let on = || Some("n1".to_owned());
    let expected = [
        (Change::Created, "BUILD".to_owned(), None),
        (Change::Updated, "BUILD".to_owned(), on()),
        (Change::Updated, "ACTIVE".to_owned(), on()),
    ];
    let found = expected.map(|what| told.iter().position(|had| *had == what));
    assert!(found.iter().all(Option::is_some), "{told:?}");
    assert!(found.is_sorted(), "{told:?}");
    assert!(
        matches!(told.last(), Some((Change::Deleted, ..))),
        "{told:?}"
    );
}

#[tokio::test]
async fn fifty_at_once_are_active() {
    let lab = Lab::new(None).await;
    let request = NewServer {
        count: (50, 50),
        ..lab.request("many")
    };
    let made = server_create(&lab.cx, request).await.unwrap();
    assert_eq!(made.len(), 50);
    assert_eq!(made[49].name, "many-50");
    for server in &made {
        let server = lab.settled(server.id).await;
        assert_eq!(server.vm_state, VmState::Active, "{:?}", server.fault);
    }
    assert_eq!(lab.node().guests().await.len(), 50);
    for server in &made {
        ops::server_delete(&lab.cx, server.id).await.unwrap();
    }
    for server in &made {
        lab.gone(server.id).await;
    }
    lab.assert_clean().await;
}

#[tokio::test]
async fn a_host_that_fails_is_excluded_and_the_next_one_has_the_server() {
    let lab = Lab::with_hosts(&["n1", "n2"], None).await;
    let refuse = |node: usize| {
        lab.nodes[node]
            .facts()
            .refused
            .insert(InstanceEnsure::METHOD)
    };
    refuse(0);
    refuse(1);
    let first = lab.launch(lab.request("a")).await;
    assert_eq!(first.vm_state, VmState::Error);
    let fault = first.fault.unwrap();
    assert!(
        fault.message.contains("n1: instance_ensure")
            && fault.message.contains("n2: instance_ensure"),
        "{}",
        fault.message
    );
    lab.nodes[1].facts().refused.clear();
    let second = lab.active("b").await;
    assert_eq!(second.host.as_deref(), Some("n2"));
    lab.delete(first.id).await;
    lab.delete(second.id).await;
    lab.assert_clean().await;
}

#[tokio::test]
async fn a_guest_that_dies_at_once_is_an_error_that_says_so_and_leaves_nothing_on_the_host() {
    let lab = Lab::new(None).await;
    lab.node().hypervisor.faults().next_starts_die(1);
    let server = lab.launch(lab.request("dies")).await;
    assert_eq!(server.vm_state, VmState::Error);
    assert_eq!(server.host, None);
    let fault = server.fault.unwrap();
    assert!(
        fault.message.contains("as soon as it was started"),
        "{}",
        fault.message
    );
    assert_eq!(lab.node().guests().await, []);
    assert_eq!(lab.count("claim", "1 = 1").await, 0);
    assert_eq!(lab.count("port", "1 = 1").await, 0);
}

#[tokio::test]
async fn a_silent_node_fails_the_launch_clearly_and_what_it_has_is_removed_when_it_answers() {
    let mut lab = Lab::new(None).await;
    // It makes the disk, then goes silent.
    lab.serving.clear();
    let server = lab.launch(lab.request("silent")).await;
    assert_eq!(server.vm_state, VmState::Error);
    let fault = server.fault.unwrap();
    assert!(
        fault.message.contains("nobody serves compute.n1"),
        "{}",
        fault.message
    );
    assert_eq!(lab.count("claim", "1 = 1").await, 0);
    assert_eq!(lab.count("server_residue", "1 = 1").await, 1);
    lab.serving = lab.nodes[0].serve(&lab.cloud.bus);
    lab.report().await;
    assert_eq!(lab.count("server_residue", "1 = 1").await, 0);
    lab.delete(server.id).await;
    lab.assert_clean().await;
    lab.active("again").await;
}

#[tokio::test]
async fn a_deletion_does_not_wait_for_a_node_that_is_gone() {
    let mut lab = Lab::new(None).await;
    let server = lab.active("web").await;
    lab.serving.clear();
    lab.delete(server.id).await;
    assert_eq!(lab.count("claim", "1 = 1").await, 0);
    assert_eq!(lab.node().guests().await.len(), 1);
    lab.serving = lab.nodes[0].serve(&lab.cloud.bus);
    lab.report().await;
    lab.assert_clean().await;
}

#[tokio::test]
async fn many_requests_for_the_last_slots_never_exceed_the_quota() {
    let lab = Lab::new(None).await;
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..12 {
        let cx = lab.cx.clone();
        let request = NewServer {
            // 200 cores are allowed, 100 servers: 12 times 10 are too many.
            count: (10, 10),
            ..lab.request(&format!("q{number}"))
        };
        tasks.spawn(async move { server_create(&cx, request).await });
    }
    let (mut made, mut refused) = (0, 0);
    while let Some(outcome) = tasks.join_next().await {
        match outcome.unwrap() {
            Ok(servers) => made += servers.len(),
            Err(Error::Quota { resource, .. }) => {
                assert_eq!(resource, "instances");
                refused += 1;
            }
            Err(other) => panic!("{other}"),
        }
    }
    assert_eq!((made, refused), (100, 2));
    // With a least and a most, what is left is made.
    let some = NewServer {
        count: (1, 5),
        ..lab.request("more")
    };
    assert!(server_create(&lab.cx, some).await.is_err());
}

#[tokio::test]
async fn what_is_wrong_is_said_with_its_field() {
    let lab = Lab::new(None).await;
    let field = async |request: NewServer| match server_create(&lab.cx, request).await {
        Err(Error::Invalid { field, .. }) => field,
        other => panic!("{other:?}"),
    };
    let request = || lab.request("x");
    let flavor = NewServer {
        flavor: "none".into(),
        ..request()
    };
    assert_eq!(field(flavor).await, "flavorRef");
    let image = NewServer {
        image: Some(ImageId::new()),
        ..request()
    };
    assert_eq!(field(image).await, "imageRef");
    let key = NewServer {
        key_name: Some("none".into()),
        ..request()
    };
    assert_eq!(field(key).await, "key_name");
    let zone = NewServer {
        availability_zone: Some("mars".into()),
        ..request()
    };
    assert_eq!(field(zone).await, "availability_zone");
    let network = NewServer {
        networks: NetworkChoice::These(vec![NicRequest {
            network: Some(crate::ids::NetworkId::new()),
            ..NicRequest::default()
        }]),
        ..request()
    };
    assert_eq!(field(network).await, "networks[0].uuid");
    let host = NewServer {
        host: Some("n1".into()),
        ..request()
    };
    let denied = server_create(&lab.cx, host).await.unwrap_err();
    assert!(matches!(denied, Error::Forbidden(_)), "{denied}");
    assert_eq!(lab.count("server", "1 = 1").await, 0);
}

#[tokio::test]
async fn a_plan_says_what_would_be_made_and_what_is_left() {
    let lab = Lab::new(None).await;
    let plan = server_create_plan(&lab.cx, &lab.request("web"))
        .await
        .unwrap();
    assert!(plan.fits, "{:?}", plan.problems);
    assert_eq!(plan.host.as_deref(), Some("n1"));
    let kinds: Vec<&str> = plan.makes.iter().map(|item| item.kind).collect();
    assert_eq!(kinds, ["server", "root disk", "port"]);
    let cores = plan
        .quota
        .iter()
        .find(|line| line.resource == "cores")
        .unwrap();
    assert_eq!((cores.used, cores.adds, cores.left()), (0, 1, Some(199)));
    assert_eq!(plan.host_room.len(), 3);
    let wrong = NewServer {
        flavor: "none".into(),
        ..lab.request("web")
    };
    let plan = server_create_plan(&lab.cx, &wrong).await.unwrap();
    assert!(!plan.fits);
    assert_eq!(plan.problems[0].0, "flavorRef");
    let huge = NewServer {
        count: (600, 600),
        ..lab.request("web")
    };
    let plan = server_create_plan(&lab.cx, &huge).await.unwrap();
    assert!(!plan.fits);
    assert_eq!(lab.count("server", "1 = 1").await, 0);
    assert_eq!(lab.count("claim", "1 = 1").await, 0);
}

#[tokio::test]
async fn a_server_of_another_project_does_not_exist() {
    let lab = Lab::new(None).await;
    let server = lab.active("web").await;
    let other = Context::new(
        lab.cloud.clone(),
        super::lab::actor("other", Rank::Member),
        "req-other",
    );
    for error in [
        server_show(&other, server.id)
            .await
            .map(|_| ())
            .unwrap_err(),
        ops::server_delete(&other, server.id)
            .await
            .map(|_| ())
            .unwrap_err(),
        ops::server_stop(&other, server.id)
            .await
            .map(|_| ())
            .unwrap_err(),
    ] {
        assert!(matches!(error, Error::NotFound { .. }), "{error}");
    }
    assert!(server_show(&lab.admin, server.id).await.is_ok());
}

#[tokio::test]
async fn actions_tell_who_did_what_and_what_went_wrong() {
    let lab = Lab::new(None).await;
    let server = lab.active("web").await;
    let stop = Context::new(lab.cloud.clone(), (*lab.cx.actor).clone(), "req-stop");
    let operation = ops::server_stop(&stop, server.id).await.unwrap();
    assert_eq!(lab.ended(operation).await.status, Status::Done);
    let actions = ops::server_action_list(&lab.cx, server.id).await.unwrap();
    let names: Vec<&str> = actions.iter().map(|action| action.name.as_str()).collect();
    assert_eq!(names, ["stop", "create"]);
    assert_eq!(actions[0].user, lab.cx.actor.user);
    let (create, events) = ops::server_action_show(&lab.cx, server.id, "req-member")
        .await
        .unwrap();
    assert!(!create.failed);
    let steps: Vec<&str> = events.iter().map(|event| event.step.as_str()).collect();
    assert_eq!(
        steps,
        [
            "accept",
            "place",
            "ports",
            "volumes",
            "root_disk",
            "start_guest",
            "activate"
        ]
    );
    lab.delete(server.id).await;
    let after = ops::server_action_list(&lab.cx, server.id).await.unwrap();
    assert_eq!(after[0].name, "delete");
}

#[tokio::test]
async fn a_server_without_a_network_is_active_too() {
    let lab = Lab::new(None).await;
    let request = NewServer {
        networks: NetworkChoice::Nothing,
        flavor: SMALL.into(),
        ..lab.request("alone")
    };
    let server = lab.launch(request).await;
    assert_eq!(server.vm_state, VmState::Active);
    assert_eq!(server.power_state, PowerState::Running);
}
