//! What is shared with one project, or with all.

use super::*;
use crate::ids::RbacPolicyId;
use crate::network::model::{
    NewRbacPolicy, NewSecurityGroup, RbacAction, RbacKind, RbacPolicy, RbacTarget,
};

/// A member of yet another project.
fn third(lab: &Lab) -> Context {
    let actor = Actor {
        project: Some(Scope {
            id: ProjectId::new(),
            name: "third".into(),
            domain_id: DomainId::new(),
        }),
        ..(*lab.member.actor).clone()
    };
    Context::new(lab.member.cloud().clone(), actor, "req-t")
}

fn share(
    kind: RbacKind,
    object: impl ToString,
    action: RbacAction,
    target: RbacTarget,
) -> NewRbacPolicy {
    NewRbacPolicy {
        kind,
        object: object.to_string(),
        action,
        target,
    }
}

fn with(cx: &Context) -> RbacTarget {
    RbacTarget::Project(project(cx))
}

async fn policies(cx: &Context) -> Vec<RbacPolicy> {
    rbac_list(cx).await.unwrap()
}

#[tokio::test]
async fn a_network_is_shared_with_one_project_until_it_is_not_used_there() {
    let lab = lab().await;
    let (cx, third) = (&lab.member, third(&lab));
    let (network, subnet) = network(cx, "10.9.0.0/24").await;
    assert!(
        network_list(&third, NetworkQuery::default())
            .await
            .unwrap()
            .is_empty()
    );
    let new = share(
        RbacKind::Network,
        network.id,
        RbacAction::Shared,
        with(&third),
    );
    // Only its owner shares it.
    let error = rbac_create(&third, new.clone()).await.unwrap_err();
    assert_eq!(kind(&error), "NotFound");
    let policy = rbac_create(cx, new.clone()).await.unwrap();
    assert_eq!(rbac_show(cx, policy.id).await.unwrap(), policy);
    assert_eq!(policies(cx).await, std::slice::from_ref(&policy));
    assert!(policies(&third).await.is_empty());
    let error = rbac_create(cx, new).await.unwrap_err();
    assert_eq!(kind(&error), "DuplicatePolicyError");
    assert!(
        error.to_string().contains(&policy.id.to_string()),
        "{error}"
    );
    assert_eq!(
        network_list(&third, NetworkQuery::default())
            .await
            .unwrap()
            .len(),
        1
    );
    assert_eq!(subnet_show(&third, subnet.id).await.unwrap().id, subnet.id);
    let port = port_create(&third, &new_port(&third, network.id))
        .await
        .unwrap();
    // It is used like a shared one, not owned.
    let error = network_update(&third, network.id, NetworkChanges::default())
        .await
        .unwrap_err();
    assert_eq!(kind(&error), "PolicyNotAuthorized");
    for error in [
        rbac_delete(cx, policy.id).await.unwrap_err(),
        rbac_update(cx, policy.id, with(&lab.admin))
            .await
            .unwrap_err(),
    ] {
        assert_eq!(kind(&error), "RbacPolicyInUse");
        assert!(error.to_string().contains(&port.id.to_string()), "{error}");
    }
    assert_eq!(rbac_show(cx, policy.id).await.unwrap(), policy);
    port_delete(&third, port.id).await.unwrap();
    let moved = rbac_update(cx, policy.id, with(&lab.admin)).await.unwrap();
    assert_eq!(moved.target, with(&lab.admin));
    let error = network_show(&third, network.id).await.unwrap_err();
    assert_eq!(kind(&error), "NotFound");
    rbac_delete(cx, policy.id).await.unwrap();
    let error = rbac_delete(cx, policy.id).await.unwrap_err();
    assert_eq!(kind(&error), "RbacPolicyNotFound");
    // A network's policies go with it.
    let new = share(
        RbacKind::Network,
        network.id,
        RbacAction::External,
        with(&third),
    );
    assert_eq!(
        kind(&rbac_create(cx, new.clone()).await.unwrap_err()),
        "PolicyNotAuthorized"
    );
    rbac_create(&lab.admin, new).await.unwrap();
    assert!(network_show(&third, network.id).await.is_ok());
    let error = port_create(&third, &new_port(&third, network.id))
        .await
        .unwrap_err();
    assert_eq!(kind(&error), "PolicyNotAuthorized");
    network_delete(cx, network.id).await.unwrap();
    assert!(policies(&lab.admin).await.is_empty());
}

#[tokio::test]
async fn what_a_network_says_of_itself_is_a_policy_for_all() {
    let lab = lab().await;
    let (admin, member) = (&lab.admin, &lab.member);
    let (network, _) = network(admin, "10.9.0.0/24").await;
    let new = share(
        RbacKind::Network,
        network.id,
        RbacAction::Shared,
        RbacTarget::All,
    );
    let shared = rbac_create(admin, new.clone()).await.unwrap();
    assert!(network_show(member, network.id).await.unwrap().shared);
    assert_eq!(policies(admin).await, std::slice::from_ref(&shared));
    assert_eq!(rbac_show(admin, shared.id).await.unwrap(), shared);
    let error = rbac_create(admin, new).await.unwrap_err();
    assert_eq!(kind(&error), "DuplicatePolicyError");
    let changes = NetworkChanges {
        external: Some(true),
        ..NetworkChanges::default()
    };
    network_update(admin, network.id, changes).await.unwrap();
    assert_eq!(policies(admin).await.len(), 2);
    // In use by a project that it is not shared with by name.
    let port = port_create(member, &new_port(member, network.id))
        .await
        .unwrap();
    let error = rbac_delete(admin, shared.id).await.unwrap_err();
    assert_eq!(kind(&error), "InvalidSharedSetting");
    let named = share(
        RbacKind::Network,
        network.id,
        RbacAction::Shared,
        with(member),
    );
    let named = rbac_create(admin, named).await.unwrap();
    rbac_delete(admin, shared.id).await.unwrap();
    assert!(!network_show(admin, network.id).await.unwrap().shared);
    assert_eq!(
        kind(&rbac_delete(admin, named.id).await.unwrap_err()),
        "RbacPolicyInUse"
    );
    port_delete(member, port.id).await.unwrap();
    rbac_delete(admin, named.id).await.unwrap();
    assert!(policies(member).await.is_empty());
    let error = rbac_show(member, RbacPolicyId::new()).await.unwrap_err();
    assert_eq!(kind(&error), "RbacPolicyNotFound");
    // Sharing with all is for administrators.
    let (own, _) = super::network(member, "10.8.0.0/24").await;
    let all = share(
        RbacKind::Network,
        own.id,
        RbacAction::Shared,
        RbacTarget::All,
    );
    let error = rbac_create(member, all).await.unwrap_err();
    assert_eq!(kind(&error), "PolicyNotAuthorized");
}

#[tokio::test]
async fn a_group_is_shared_with_one_project_or_all() {
    let lab = lab().await;
    let (cx, third) = (&lab.member, third(&lab));
    let (network, _) = network(&third, "10.9.0.0/24").await;
    let new = NewSecurityGroup {
        name: "web".into(),
        ..NewSecurityGroup::default()
    };
    let group = security_group_create(cx, new).await.unwrap();
    let error = security_group_show(&third, group.id).await.unwrap_err();
    assert_eq!(kind(&error), "SecurityGroupNotFound");
    let wanted = NewPort {
        groups: Some(vec![group.id]),
        ..new_port(&third, network.id)
    };
    let error = port_create(&third, &wanted).await.unwrap_err();
    assert_eq!(kind(&error), "SecurityGroupNotFound");
    let external = share(
        RbacKind::SecurityGroup,
        group.id,
        RbacAction::External,
        with(&third),
    );
    let error = rbac_create(&lab.admin, external).await.unwrap_err();
    assert_eq!(kind(&error), "InvalidInput");
    let new = share(
        RbacKind::SecurityGroup,
        group.id,
        RbacAction::Shared,
        with(&third),
    );
    let policy = rbac_create(cx, new).await.unwrap();
    assert_eq!(
        security_group_show(&third, group.id).await.unwrap().id,
        group.id
    );
    let port = port_create(&third, &wanted).await.unwrap();
    let error = security_group_delete(&third, group.id).await.unwrap_err();
    assert_eq!(kind(&error), "PolicyNotAuthorized");
    let error = rbac_delete(cx, policy.id).await.unwrap_err();
    assert_eq!(kind(&error), "RbacPolicyInUse");
    // With one for all, the other is not needed any more.
    let all = share(
        RbacKind::SecurityGroup,
        group.id,
        RbacAction::Shared,
        RbacTarget::All,
    );
    rbac_create(&lab.admin, all).await.unwrap();
    rbac_delete(cx, policy.id).await.unwrap();
    port_delete(&third, port.id).await.unwrap();
    security_group_delete(cx, group.id).await.unwrap();
    assert!(policies(&lab.admin).await.is_empty());
}
