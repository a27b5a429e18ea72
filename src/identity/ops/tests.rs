//! Log-in, tokens and their end, on a fresh cloud.

use std::sync::Arc;

use crate::context::testing::cloud;
use crate::context::{Cloud, Context, Rank};
use crate::error::{Error, Result};
use crate::identity::bootstrap::bootstrap;
use crate::identity::model::{AuditOutcome, AuditQuery, DomainRef, NameRef, Proof, WantedScope};
use crate::identity::ops::{self, Issued};

/// A cloud after its first start.
pub(super) async fn ready() -> (tempfile::TempDir, Arc<Cloud>, Context) {
    let (dir, cloud, _kicks) = cloud().await;
    let cx = Context::system(cloud.clone());
    bootstrap(&cx).await.unwrap();
    (dir, cloud, cx)
}

pub(super) fn named(name: &str) -> NameRef {
    NameRef::Name(name.into(), DomainRef::Name("Default".into()))
}

pub(super) fn proof(user: &str, password: &str) -> Proof {
    Proof::Password {
        user: named(user),
        password: password.into(),
    }
}

pub(super) fn admin_password(cx: &Context) -> String {
    let text = std::fs::read_to_string(&cx.config.identity.bootstrap_password_file).unwrap();
    text.trim_end().to_owned()
}

pub(super) async fn admin_token(cx: &Context) -> Issued {
    let proof = proof("admin", &admin_password(cx));
    let wanted = WantedScope::Project(named("admin"));
    ops::token_issue(cx, &proof, &wanted).await.unwrap()
}

fn refused<T>(result: Result<T>) -> String {
    match result {
        Err(Error::Unauthorized(message)) => message,
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("let in"),
    }
}

#[tokio::test]
async fn a_token_says_who_and_where_and_is_kept_as_a_hash_only() {
    let (_dir, cloud, cx) = ready().await;
    let issued = admin_token(&cx).await;
    assert_eq!(issued.token.len(), 64);
    for _ in 0..2 {
        let actor = ops::token_actor(&cloud, &issued.token).await.unwrap();
        assert_eq!(actor.user_name, "admin");
        assert_eq!(actor.rank, Some(Rank::Admin));
        assert_eq!(actor.project.unwrap().name, "admin");
    }
    let names: Vec<_> = issued
        .session
        .roles
        .iter()
        .map(|role| role.name.as_str())
        .collect();
    assert_eq!(names, ["admin", "member", "reader"]);
    let mut conn = cloud.db.read().await.unwrap();
    let stored = crate::identity::store::token::show(&mut conn, &issued.token)
        .await
        .unwrap();
    assert!(stored.is_none(), "the token itself is no key");
    let stored = crate::identity::store::token::show(&mut conn, &issued.session.record.hash)
        .await
        .unwrap();
    assert_eq!(stored.unwrap(), issued.session.record);
    refused(ops::token_actor(&cloud, "unknown").await);
    refused(ops::token_actor(&cloud, &issued.session.record.hash).await);
}

#[tokio::test]
async fn a_token_made_of_another_ends_with_it_and_names_it() {
    let (_dir, cloud, cx) = ready().await;
    let unscoped = ops::token_issue(
        &cx,
        &proof("admin", &admin_password(&cx)),
        &WantedScope::Unscoped,
    )
    .await
    .unwrap();
    let actor = ops::token_actor(&cloud, &unscoped.token).await.unwrap();
    assert_eq!((actor.rank, actor.project), (None, None));
    let scoped = ops::token_issue(
        &cx,
        &Proof::Token(unscoped.token.clone()),
        &WantedScope::Project(named("admin")),
    )
    .await
    .unwrap();
    let (first, second) = (&unscoped.session.record, &scoped.session.record);
    assert_eq!(second.methods, ["token", "password"]);
    assert_eq!(second.expires_at, first.expires_at);
    assert_eq!(second.parent_audit_id.as_ref(), Some(&first.audit_id));
    // The user's default project, where no scope is asked for.
    let default = ops::token_issue(
        &cx,
        &proof("admin", &admin_password(&cx)),
        &WantedScope::Default,
    )
    .await
    .unwrap();
    assert!(default.session.record.project_id.is_some());
}

#[tokio::test]
async fn a_revoked_token_is_void_at_once() {
    let (_dir, cloud, cx) = ready().await;
    let (one, two) = (admin_token(&cx).await, admin_token(&cx).await);
    ops::token_actor(&cloud, &one.token).await.unwrap();
    ops::token_revoke(&cx, &one.token).await.unwrap();
    refused(ops::token_actor(&cloud, &one.token).await);
    ops::token_actor(&cloud, &two.token).await.unwrap();
    assert!(matches!(
        ops::token_revoke(&cx, &one.token).await,
        Err(Error::NotFound { .. })
    ));
}

#[tokio::test]
async fn nothing_tells_an_unknown_user_from_a_wrong_password() {
    let (_dir, _cloud, cx) = ready().await;
    let mut messages = Vec::new();
    for user in ["admin", "nobody"] {
        for _ in 0..6 {
            let proof = proof(user, "wrong");
            messages.push(refused(
                ops::token_issue(&cx, &proof, &WantedScope::Default).await,
            ));
        }
    }
    assert_eq!(messages[..5], messages[6..11]);
    assert!(messages[5].contains("too many failed attempts"));
    assert!(messages[11].contains("too many failed attempts"));
    // Also the right password waits now.
    let right = proof("admin", &admin_password(&cx));
    let locked = refused(ops::token_issue(&cx, &right, &WantedScope::Default).await);
    assert!(locked.contains("try again in"), "{locked}");
    let query = AuditQuery {
        outcome: Some(AuditOutcome::Denied),
        limit: 100,
        ..AuditQuery::default()
    };
    let audit = ops::audit_list(&cx, query).await.unwrap();
    assert_eq!(audit.len(), 10);
    assert!(audit[0].user_name.starts_with("nobody"));
    assert!(audit.iter().all(|entry| {
        entry.action == "token_create" && !format!("{entry:?}").contains("wrong\"")
    }));
}

#[tokio::test]
async fn a_scope_that_can_not_be_reached_is_like_one_that_is_not() {
    let (_dir, _cloud, cx) = ready().await;
    let proof = proof("admin", &admin_password(&cx));
    for wanted in [
        WantedScope::Project(named("nothing")),
        WantedScope::Project(NameRef::Id("no-uuid".into())),
        WantedScope::Domain(DomainRef::Id("default".into())),
        WantedScope::Domain(DomainRef::Name("nothing".into())),
    ] {
        let message = refused(ops::token_issue(&cx, &proof, &wanted).await);
        assert!(message.starts_with("there is no"), "{message}");
    }
    let empty = Proof::Password {
        user: named("admin"),
        password: String::new(),
    };
    assert!(matches!(
        ops::token_issue(&cx, &empty, &WantedScope::Default).await,
        Err(Error::Invalid { .. })
    ));
}

#[tokio::test]
async fn quotas_are_the_configured_ones_until_set() {
    let (_dir, _cloud, cx) = ready().await;
    let project = admin_token(&cx).await.session.record.project_id.unwrap();
    let limit = |resource: &'static str| {
        let cx = cx.clone();
        async move {
            let mut conn = cx.db.read().await.unwrap();
            ops::quota_limit_on_conn(&mut conn, &cx, project, resource).await
        }
    };
    let configured = cx.config.quota["cores"];
    assert_eq!(limit("cores").await.unwrap(), configured);
    ops::quota_set(&cx, project, &[("cores", 7), ("ram", -1)])
        .await
        .unwrap();
    ops::quota_set(&cx, project, &[("cores", 8)]).await.unwrap();
    let limits = ops::quota_limits(&cx, project).await.unwrap();
    assert_eq!((limits["cores"], limits["ram"]), (8, -1));
    assert_eq!(limit("cores").await.unwrap(), 8);
    ops::quota_reset(&cx, project, &["cores"]).await.unwrap();
    assert_eq!(limit("cores").await.unwrap(), configured);
    assert_eq!(limit("ram").await.unwrap(), -1);
    for (resource, value) in [("croes", 1), ("cores", -2)] {
        assert!(matches!(
            ops::quota_set(&cx, project, &[(resource, value)]).await,
            Err(Error::Invalid { .. })
        ));
    }
    assert!(limit("croes").await.is_err());
}
