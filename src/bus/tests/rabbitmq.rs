//! A real broker of the test's own.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::StreamExt;

use super::lab::broker::{Broker, PASSWORD};
use super::lab::wait::wait_for_async;
use super::semantics::{self, Ask, Ends, LONG, Server};
use crate::bus::{Bus, BusHealth, CallError, Carrier, Notification};
use crate::config::BusSettings;
use crate::ids::{OperationId, Time};

/// Settings of a bus over this URL.
pub(super) fn settings(url: String) -> BusSettings {
    BusSettings {
        node_url: String::new(),
        url,
        ca_file: PathBuf::new(),
        cert_file: PathBuf::new(),
        key_file: PathBuf::new(),
    }
}

pub(super) fn open(broker: &Broker, vhost: &str) -> Bus {
    Bus::open(&settings(broker.url(vhost)), "test").unwrap()
}

/// Waits until the bus is as wanted, and tells how it is.
async fn health(bus: &Bus, wanted: impl Fn(&BusHealth) -> bool) -> BusHealth {
    wait_for_async("the bus to be as wanted", LONG, async || {
        let health = bus.health().await;
        wanted(&health).then_some(health)
    })
    .await
}

/// Breaks the connection, as a network does.
fn cut(bus: &Bus) {
    if let Carrier::Amqp(bus) = &bus.carrier {
        bus.cut();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rabbitmq_has_the_semantics_and_refuses_strangers() {
    let broker = Broker::start();
    let ends = Ends {
        asker: open(&broker, "suite"),
        server: open(&broker, "suite"),
    };
    semantics::all(&ends).await;
    a_server_that_dies_leaves_its_work_to_the_next(&broker).await;
    a_broken_connection_ends_calls_at_once_and_is_made_anew(&ends).await;
    health_names_the_queues(&ends).await;
    whoever_listens_is_told_of_changes(&broker, &ends.server).await;
    strangers_are_told_what_is_wrong(&broker).await;
    a_private_ca_is_enough_and_needed(&broker).await;
    super::speed::measure("rabbitmq", &ends).await;
}

async fn a_server_that_dies_leaves_its_work_to_the_next(broker: &Broker) {
    let [asker, first, second] = [(); 3].map(|()| open(broker, "suite"));
    let ends = Ends {
        asker,
        server: first,
    };
    let (dying, serving) = ends.serve("k1").await;
    let asked = ends.ask("k1", Ask::Wait);
    let death = async {
        dying.asked(1).await;
        // It never answers; its connection goes with it.
        drop(serving);
        cut(&ends.server);
        let heir = Arc::new(Server::default());
        heir.gate.add_permits(1);
        let serving = second.serve("compute", "k1", heir.clone());
        heir.asked(1).await;
        serving
    };
    let (answer, _serving) = tokio::join!(asked, death);
    assert_eq!(answer.unwrap(), 1);
}

async fn a_broken_connection_ends_calls_at_once_and_is_made_anew(ends: &Ends) {
    let (server, _serving) = ends.serve("l1").await;
    let asked = ends.ask("l1", Ask::Wait);
    let (answer, ()) = tokio::join!(asked, async {
        server.asked(1).await;
        cut(&ends.asker);
    });
    assert!(
        matches!(&answer, Err(CallError::Broker { reason, .. }) if reason.contains("lost")),
        "{answer:?}"
    );
    server.gate.add_permits(1);
    wait_for_async("the connection to be made anew", LONG, async || {
        ends.ask("l1", Ask::Count).await.ok()
    })
    .await;
}

async fn health_names_the_queues(ends: &Ends) {
    let (_, _serving) = ends.serve("m1").await;
    let seen = ends.server.health().await;
    assert!(seen.connected && seen.trouble.is_none(), "{seen:?}");
    let broker = seen.broker.unwrap();
    assert!(
        broker.contains("suite") && !broker.contains(PASSWORD),
        "{broker}"
    );
    let own = seen.queues.iter().find(|queue| queue.name == "compute.m1");
    assert_eq!(
        own.map(|queue| (queue.consumers, queue.served)),
        Some((1, true))
    );
    // Who asked knows the queue, too, and does not serve it.
    let seen = ends.asker.health().await;
    let own = seen.queues.iter().find(|queue| queue.name == "compute.m1");
    assert_eq!(own.map(|queue| queue.served), Some(false));
    assert!(ends.asker.pulse().await.queues.is_empty());
}

async fn whoever_listens_is_told_of_changes(broker: &Broker, bus: &Bus) {
    use lapin::options::{BasicConsumeOptions, QueueBindOptions, QueueDeclareOptions};
    use lapin::types::FieldTable;
    let url = broker.url("suite");
    let connection = lapin::Connection::connect(&url, lapin::ConnectionProperties::default())
        .await
        .unwrap();
    let channel = connection.create_channel().await.unwrap();
    let queue = channel
        .queue_declare(
            "".into(),
            QueueDeclareOptions::exclusive(),
            FieldTable::default(),
        )
        .await
        .unwrap();
    channel
        .queue_bind(
            queue.name().clone(),
            "skydeck.notifications".into(),
            "server.#".into(),
            QueueBindOptions::default(),
            FieldTable::default(),
        )
        .await
        .unwrap();
    let mut told = channel
        .basic_consume(
            queue.name().clone(),
            "".into(),
            BasicConsumeOptions::default(),
            FieldTable::default(),
        )
        .await
        .unwrap();
    for kind in ["image", "server"] {
        bus.notify(Notification::new(Time::now(), kind, "updated", "an-id"));
    }
    let told = tokio::time::timeout(LONG, told.next()).await.unwrap();
    let told: serde_json::Value = serde_json::from_slice(&told.unwrap().unwrap().data).unwrap();
    assert_eq!(
        (&told["kind"], &told["version"]),
        (&"server".into(), &1.into())
    );
    connection.close(200, "OK".into()).await.unwrap();
}

async fn strangers_are_told_what_is_wrong(broker: &Broker) {
    for (url, part) in [
        (
            broker.url_with("amqp", "wrong-word", "suite"),
            "check name and password",
        ),
        (broker.url("nowhere"), "add_vhost"),
    ] {
        let bus = Bus::open(&settings(url), "test").unwrap();
        let seen = health(&bus, |health| {
            let trouble = health.trouble.as_deref().unwrap_or_default();
            trouble.contains(part)
        })
        .await;
        let trouble = seen.trouble.unwrap();
        assert!(!seen.connected);
        assert!(
            !trouble.contains(PASSWORD) && !trouble.contains("wrong-word"),
            "{trouble}"
        );
        let answer = bus
            .call("n1", None, &Ask::Count, Duration::from_millis(200))
            .await;
        assert!(
            matches!(
                answer,
                Err(CallError::Broker { .. } | CallError::Timeout { .. })
            ),
            "{answer:?}"
        );
    }
}

async fn a_private_ca_is_enough_and_needed(broker: &Broker) {
    let with = |ca: &str, own: bool| {
        let mut settings = settings(broker.url_with("amqps", PASSWORD, "tls"));
        settings.ca_file = broker.file(ca);
        if own {
            settings.cert_file = broker.file("client.pem");
            settings.key_file = broker.file("client.key");
        }
        Bus::open(&settings, "test").unwrap()
    };
    let ends = Ends {
        asker: with("ca.pem", true),
        server: with("ca.pem", true),
    };
    let (_, _serving) = ends.serve("t1").await;
    assert_eq!(ends.ask("t1", Ask::Count).await.unwrap(), 1);
    for (bus, part) in [
        (with("other.pem", true), "UnknownIssuer"),
        (with("ca.pem", false), "CertificateRequired"),
    ] {
        // A try may also end with a connection that is reset before its reason is read; the next one tells.
        let seen = health(&bus, |health| {
            let trouble = health.trouble.as_deref().unwrap_or_default();
            trouble.contains(part)
        })
        .await;
        let trouble = seen.trouble.unwrap_or_default();
        assert!(!seen.connected && trouble.contains(part), "{trouble}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_recovers_when_the_broker_dies_and_comes_back() {
    let mut broker = Broker::start();
    let ends = Ends {
        asker: open(&broker, "restart"),
        server: open(&broker, "restart"),
    };
    let (server, _serving) = ends.serve("r1").await;
    let stop = Arc::new(AtomicBool::new(false));
    // Callers that ask again until they are answered, as sagas do.
    let callers: Vec<_> = (0..8)
        .map(|_| {
            let (bus, stop) = (ends.asker.clone(), stop.clone());
            tokio::spawn(async move {
                let mut failures = 0;
                loop {
                    let operation = Some(OperationId::new());
                    let second = Duration::from_secs(1);
                    loop {
                        match bus.call("r1", operation, &Ask::Count, second).await {
                            Ok(_) => break,
                            Err(CallError::Fault(fault)) => panic!("{fault}"),
                            Err(_) => failures += 1,
                        }
                    }
                    if stop.load(Ordering::SeqCst) {
                        return failures;
                    }
                }
            })
        })
        .collect();
    server.asked(100).await;
    let first = ends.asker.hears_since().expect("a connection");
    tokio::task::block_in_place(|| {
        broker.settle("restart", "compute.r1");
        broker.kill();
    });
    let seen = health(&ends.asker, |health| !health.connected).await;
    assert!(seen.trouble.unwrap().contains("broker"));
    assert_eq!(ends.asker.hears_since(), None);
    // Who starts while the broker is down.
    let late = Ends {
        asker: ends.asker.clone(),
        server: open(&broker, "restart"),
    };
    let latecomer = Arc::new(Server::default());
    let _latecomer = late.server.serve("compute", "r2", latecomer.clone());
    tokio::task::block_in_place(|| broker.boot());
    let before = server.count();
    server.asked(before + 100).await;
    assert!(ends.asker.hears_since() > Some(first));
    stop.store(true, Ordering::SeqCst);
    let mut failures = 0;
    for caller in callers {
        failures += caller.await.unwrap();
    }
    assert!(failures > 0, "the broker's death was noticed");
    wait_for_async("the latecomer to be reached", LONG, async || {
        late.ask("r2", Ask::Count).await.ok()
    })
    .await;
}
