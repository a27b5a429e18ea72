//! Many launches at once, through several control processes.

use std::time::{Duration, Instant};

use skydeck::client::ListQuery;
use skydeck::compute::wire::{Networks, NetworksWord, Server, ServerCreate, ServerCreateRequest};

use super::cloud::Fleet;
use crate::lab::wait::wait_for_async;

/// Servers asked for in one request.
const BATCH: u32 = 50;

/// Asks for so many servers, through all control processes in turn, and waits until nothing is under way any more; says
/// how long that took.
pub async fn launch(fleet: &mut Fleet, image: &str, count: u32, patience: Duration) -> Duration {
    let begun = Instant::now();
    let clients: Vec<_> = (0..fleet.controls.len())
        .map(|control| fleet.client(control))
        .collect();
    let mut left = count;
    let mut requests = Vec::new();
    while left > 0 {
        let batch = left.min(BATCH);
        let server = ServerCreate {
            name: "one-of-many".into(),
            flavor_ref: "42".into(),
            image_ref: Some(image.to_owned()),
            networks: Some(Networks::Word(NetworksWord::None)),
            min_count: Some(batch),
            max_count: Some(batch),
            ..ServerCreate::default()
        };
        let client = &clients[requests.len() % clients.len()];
        requests.push(client.server_create(ServerCreateRequest {
            server,
            scheduler_hints: None,
        }));
        left -= batch;
    }
    for launched in futures::future::join_all(requests).await {
        launched.expect("servers");
    }
    wait_for_async("all launches to end", patience, async || {
        let open = "SELECT COUNT(*) FROM operation WHERE finished_at IS NULL";
        (fleet.number(open).await == 0).then_some(())
    })
    .await;
    begun.elapsed()
}

/// All servers run, each on one host and on the one that the cloud says, and the ledger has exactly what they need.
pub async fn check(fleet: &mut Fleet, count: usize) {
    let client = fleet.client(fleet.controls.len() - 1);
    let servers: Vec<Server> = client
        .server_list(&ListQuery::new())
        .await
        .expect("servers");
    assert_eq!(servers.len(), count);
    let mut guests = fleet.guests().await;
    for server in &servers {
        let fault = &server.fault;
        assert_eq!(server.status, "ACTIVE", "{}: {fault:?}", server.id);
        let hosts = guests.remove(&server.id).unwrap_or_default();
        assert_eq!(hosts, Vec::from_iter(server.host.clone()), "{}", server.id);
    }
    assert!(guests.is_empty(), "nobody's guests: {guests:?}");
    let count = i64::try_from(count).unwrap();
    let flavor = client.flavor_show("42").await.expect("a flavor");
    let ram = i64::try_from(flavor.ram).unwrap();
    for (what, query) in [
        (count, "SELECT COUNT(*) FROM claim".to_owned()),
        (
            count,
            format!(
                "SELECT COUNT(*) FROM claim JOIN server ON server.id = claim.server_id \
                 WHERE claim.host = server.host AND claim.vcpus = {} AND claim.memory_mb = {ram}",
                flavor.vcpus
            ),
        ),
        (0, "SELECT COUNT(*) FROM operation_lock".to_owned()),
    ] {
        assert_eq!(fleet.number(&query).await, what, "{query}");
    }
}
