//! Servers that no operation works on any more.

use super::lab::Lab;
use crate::compute::model::{TaskState, VmState};
use crate::compute::reconcile::stuck;

#[tokio::test]
async fn a_server_whose_launch_ended_while_it_was_looked_at_is_left_alone() {
    let lab = Lab::new(None).await;
    let mut seen = lab.active("web").await;
    // As it was read: before the end of its launch.
    seen.vm_state = VmState::Building;
    seen.task_state = Some(TaskState::Scheduling);
    seen.updated_at = seen.updated_at.plus_seconds(-30);
    stuck::free(&lab.cx, &seen).await.unwrap();
    let now = lab.server(seen.id).await;
    assert_eq!((now.vm_state, now.task_state), (VmState::Active, None));

    // Nobody changed it since: what says that it is being made is true.
    seen.updated_at = now.updated_at;
    stuck::free(&lab.cx, &seen).await.unwrap();
    assert_eq!(lab.server(seen.id).await.vm_state, VmState::Error);
}
