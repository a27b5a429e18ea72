//! A cloud whose database was copied goes on with the copy: what runs, what is off, what moves, and what is made new.

use super::lab::{HOST, Lab};
use crate::compute::model::VmState;
use crate::compute::ops as compute;
use crate::compute::ops::LiveMigrationWish;
use crate::saga::Status;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cloud_goes_on_with_its_servers_on_the_database_that_was_made_of_its_own() {
    let lab = Lab::with_second().await;
    let on = lab.active("on").await;
    let off = lab.active("off").await.id;
    compute::server_stop(&lab.cx, off).await.unwrap();
    lab.quiet().await;
    let place = tempfile::tempdir().unwrap();
    let to = format!("sqlite://{}", place.path().join("copy.db").display());
    let lab = lab.on_a_copy(&to).await;
    let cx = lab.system();

    // Both are what and where they were, for the cloud and for the hypervisor.
    let (now, still) = (lab.server(on.id).await, lab.server(off).await);
    assert_eq!((now.vm_state, &now.host), (VmState::Active, &on.host));
    assert_eq!(now.generation, on.generation);
    assert_eq!(still.vm_state, VmState::Stopped);
    let sim = match on.host.as_deref() {
        Some(HOST) => &lab.sim,
        _ => lab.second.as_ref().unwrap(),
    };
    assert!(sim.spec(on.id).is_ok());
    // What can be done to servers can be done to these.
    compute::server_start(&lab.cx, off).await.unwrap();
    lab.quiet().await;
    assert_eq!(lab.server(off).await.vm_state, VmState::Active);
    let wish = LiveMigrationWish::default();
    let begun = compute::server_migrate_live(&cx, on.id, wish).await;
    assert_eq!(lab.ended(begun.unwrap()).await.status, Status::Done);
    assert_ne!(lab.server(on.id).await.host, on.host);
    lab.active("new").await;
    lab.delete_all().await;
}
