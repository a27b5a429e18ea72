//! Machines that are invited, come, and go.

use std::sync::Arc;

use super::lab::Lab;
use crate::compute::model::VmState;
use crate::compute::ops::{self, node_add, node_join, node_remove};
use crate::compute::store;
use crate::context::{Cloud, Context, testing};
use crate::error::Error;
use crate::ids::Time;

/// A process whose bus and address others can reach.
const REACHABLE: [(&str, &str); 2] = [
    ("bus.url", "amqp://u:s3cret@10.0.0.2:5672/v"),
    ("api.listen", "unix:,10.0.0.1:8774"),
];

fn process(dir: &std::path::Path, cloud: &Arc<Cloud>, settings: &[(&str, &str)]) -> Context {
    let (process, _kicks) = testing::another(dir, cloud.db.clone(), settings);
    Context::system(process)
}

#[tokio::test]
async fn an_invitation_lets_one_machine_in_once_and_for_a_while() {
    let (dir, cloud, _kicks) = testing::cloud().await;
    let cx = process(dir.path(), &cloud, &REACHABLE);
    let invited = node_add(&cx, "cmp-1", 60).await.unwrap();
    assert_eq!(invited.url, "http://10.0.0.1:8774");
    let welcome = node_join(&cx, &invited.token).await.unwrap();
    assert_eq!(welcome.name, "cmp-1");
    assert_eq!(welcome.bus_url, "amqp://u:s3cret@10.0.0.2:5672/v");
    let refused = async |token: &str| {
        let refused = node_join(&cx, token).await.err().unwrap();
        assert!(matches!(refused, Error::Unauthorized(_)), "{refused}");
        assert!(refused.to_string().contains("used before"), "{refused}");
    };
    refused(&invited.token).await;
    refused("guess").await;
    // A newer one makes an older one void.
    let older = node_add(&cx, "cmp-1", 60).await.unwrap();
    let newer = node_add(&cx, "cmp-1", 60).await.unwrap();
    refused(&older.token).await;
    // One that has expired.
    let mut tx = cx.db.begin().await.unwrap();
    let hash = ops::token_hash("late");
    let past = Time::now().plus_seconds(-1);
    store::node_join::issue(&mut tx, &hash, "cmp-2", past)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    refused("late").await;
    node_join(&cx, &newer.token).await.unwrap();
}

#[tokio::test]
async fn nobody_is_invited_to_what_could_not_work() {
    let (dir, cloud, _kicks) = testing::cloud().await;
    let refused = async |settings: &[(&str, &str)], name: &str, minutes: i64| {
        let cx = process(dir.path(), &cloud, settings);
        node_add(&cx, name, minutes)
            .await
            .err()
            .unwrap()
            .to_string()
    };
    let [bus, listen] = REACHABLE;
    let local = ("bus.url", "amqp://u:s3cret@127.0.0.1/v");
    for (settings, name, minutes, part) in [
        (&[listen][..], "n", 60, "RabbitMQ"),
        (&[local, listen], "n", 60, "bus.node_url"),
        (
            &[bus, ("api.listen", "127.0.0.1:1")],
            "n",
            60,
            "api.node_url",
        ),
        (
            &[bus, listen, ("bus.cert_file", "/c")],
            "n",
            60,
            "bus.cert_file",
        ),
        (&[bus, listen], "a b", 60, "name"),
        (&[bus, listen], "", 60, "name"),
        (&[bus, listen], "-n", 60, "name"),
        (&[bus, listen], "n", 0, "minutes"),
        (&[bus, listen], "n", 1441, "minutes"),
    ] {
        let said = refused(settings, name, minutes).await;
        assert!(said.contains(part), "{part}: {said}");
        assert!(!said.contains("s3cret"), "{said}");
    }
    // With TLS the authority's certificates go along.
    let ca = dir.path().join("ca.pem");
    std::fs::write(&ca, "the authority").unwrap();
    let file = ca.display().to_string();
    let tls = ("bus.url", "amqps://u:p@10.0.0.2/v");
    let cx = process(dir.path(), &cloud, &[tls, listen, ("bus.ca_file", &file)]);
    let invited = node_add(&cx, "n", 60).await.unwrap();
    let welcome = node_join(&cx, &invited.token).await.unwrap();
    assert_eq!(welcome.bus_ca.as_deref(), Some("the authority"));
    // Whoever says how others reach it knows what they do.
    let settings = [local, listen, ("bus.node_url", "amqp://u:p@127.0.0.1:1/v")];
    let cx = process(dir.path(), &cloud, &settings);
    let invited = node_add(&cx, "n", 60).await.unwrap();
    let welcome = node_join(&cx, &invited.token).await.unwrap();
    assert_eq!(welcome.bus_url, "amqp://u:p@127.0.0.1:1/v");
}

#[tokio::test]
async fn a_name_is_one_machines_and_a_node_goes_when_it_has_nothing() {
    let lab = Lab::new(None).await;
    let dir = tempfile::tempdir().unwrap();
    let cx = process(dir.path(), &lab.cloud, &REACHABLE);
    let taken = node_add(&cx, "n1", 60).await.err().unwrap();
    assert!(taken.to_string().contains("up"), "{taken}");
    // It came up after it was invited.
    let mut tx = cx.db.begin().await.unwrap();
    let expires = Time::now().plus_seconds(60);
    store::node_join::issue(&mut tx, &ops::token_hash("t"), "n1", expires)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let taken = node_join(&cx, "t").await.err().unwrap();
    assert!(matches!(taken, Error::Conflict(_)), "{taken}");

    let server = lab.active("web").await;
    assert_eq!(server.vm_state, VmState::Active);
    let full = node_remove(&lab.admin, "n1").await.unwrap_err();
    assert!(full.to_string().contains("1 servers (web)"), "{full}");
    assert!(ops::host_show(&lab.admin, "n1").await.unwrap().enabled);
    lab.delete(server.id).await;
    let up = node_remove(&lab.admin, "n1").await.unwrap_err();
    assert!(up.to_string().contains("node leave"), "{up}");
    assert!(!ops::host_show(&lab.admin, "n1").await.unwrap().enabled);
    let gone = ops::HostDecision {
        forced_down: Some(true),
        ..ops::HostDecision::default()
    };
    ops::host_update(&lab.admin, "n1", &gone).await.unwrap();
    node_remove(&lab.admin, "n1").await.unwrap();
    assert!(ops::host_show(&lab.admin, "n1").await.is_err());
    // The token was not used up when it was refused.
    assert_eq!(node_join(&cx, "t").await.unwrap().name, "n1");
}
