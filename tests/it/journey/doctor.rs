//! The doctor: what somebody broke by hand or left behind is found, mended, and told.

use skydeck::compute::wire::ServerCreate;
use skydeck::doctor::wire::Finding;

use super::cloud::{Cloud, PATIENCE};
use super::guest::wait_ready;
use crate::lab::guest as disk;
use crate::lab::wait::wait_for_async;

/// The first finding that holds these words.
async fn find(cloud: &Cloud, words: &str) -> Option<Finding> {
    let findings = cloud.client().finding_list().await.expect("findings");
    findings
        .into_iter()
        .find(|finding| finding.found.contains(words) || finding.advice.contains(words))
}

async fn wait_found(cloud: &Cloud, words: &str) -> Finding {
    let what = format!("a finding with {words:?}");
    wait_for_async(&what, PATIENCE, async || find(cloud, words).await).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_broken_by_hand_or_left_behind_is_found_and_treated() {
    let cloud = Cloud::start();
    let image = cloud.image("guest", &disk::qcow2(), "qcow2").await.id;
    let flavor = cloud.flavor("small", 96, 1).await;
    let id = cloud
        .launch(ServerCreate {
            name: "web".into(),
            flavor_ref: flavor,
            image_ref: Some(image),
            ..ServerCreate::default()
        })
        .await;
    cloud.wait_status(&id, "ACTIVE").await;
    wait_ready(&cloud, &id, 1).await;
    let findings = cloud.client().finding_list().await.expect("findings");
    assert_eq!(findings, []);

    // Somebody empties nftables; by itself or by the finding it is mended, and told.
    cloud.machine.run(&["nft", "flush", "ruleset"]);
    if let Some(finding) = find(&cloud, "packet filter")
        .await
        .filter(|found| found.at.is_none())
    {
        assert!(finding.safe);
        // It may be mended meanwhile.
        let _ = cloud
            .client()
            .finding_treat(&finding.host, &finding.id)
            .await;
    }
    wait_for_async("the filter to be there again", PATIENCE, async || {
        let tables = cloud.machine.run(&["nft", "list", "tables"]);
        tables.contains("bridge skydeck").then_some(())
    })
    .await;
    let told = wait_found(&cloud, "packet filter replaced").await;
    assert_eq!(told.severity, "mended");
    let refused = cloud.client().finding_treat(&told.host, &told.id).await;
    assert!(
        refused
            .unwrap_err()
            .to_string()
            .contains("nothing that can be done")
    );

    // Files of a server that nobody knows, and a guest that was taken from its server.
    let stranger = "01a22c48-0159-71ae-9709-32f594d17000";
    let place = cloud.data().join("instances").join(stranger);
    std::fs::create_dir(&place).unwrap();
    std::fs::write(place.join("disk"), vec![7; 3 << 20]).unwrap();
    let found = wait_found(&cloud, stranger).await;
    assert_eq!((found.severity.as_str(), found.safe), ("warning", false));
    assert!(found.found.contains("3 MiB"), "{found:?}");
    cloud
        .client()
        .finding_treat(&found.host, &found.id)
        .await
        .expect("to be removed");
    assert!(!place.exists());
    let again = cloud.client().finding_treat(&found.host, &found.id).await;
    assert!(again.unwrap_err().to_string().contains("not as it was"));
    assert_eq!(find(&cloud, stranger).await, None);
    // The server itself was left alone.
    cloud.wait_status(&id, "ACTIVE").await;
    cloud.delete(&id).await;
}
