//! Flavors and key pairs.

use std::collections::BTreeMap;
use std::sync::Arc;

use rstest::rstest;

use super::*;
use crate::compute::model::{FlavorQuery, FlavorSort, NewFlavor, NewKeypair};
use crate::context::testing::cloud;
use crate::context::{Actor, Context, Rank, Scope};
use crate::error::{Error, Result};
use crate::ids::{DomainId, ProjectId, UserId};

struct Lab {
    _dir: tempfile::TempDir,
    admin: Context,
    member: Context,
}

async fn lab() -> Lab {
    let (dir, cloud, _kicks) = cloud().await;
    let mut cloud = Arc::try_unwrap(cloud).ok().unwrap();
    cloud.config.quota.insert("key_pairs".into(), 2);
    let cloud = Arc::new(cloud);
    let actor = |rank| Actor {
        user: Some(UserId::new()),
        user_name: "u".into(),
        project: Some(Scope {
            id: ProjectId::new(),
            name: "p".into(),
            domain_id: DomainId::new(),
        }),
        rank: Some(rank),
    };
    Lab {
        _dir: dir,
        admin: Context::new(cloud.clone(), actor(Rank::Admin), "req-a"),
        member: Context::new(cloud, actor(Rank::Member), "req-m"),
    }
}

fn new_flavor(name: &str) -> NewFlavor {
    NewFlavor {
        id: None,
        name: name.into(),
        vcpus: 1,
        memory_mb: 512,
        disk_gb: 1,
        ephemeral_gb: 0,
        swap_mb: 0,
        rxtx_factor: 1.0,
        is_public: true,
        description: None,
    }
}

fn names(flavors: Result<Vec<crate::compute::model::Flavor>>) -> Vec<String> {
    flavors
        .unwrap()
        .into_iter()
        .map(|flavor| flavor.name)
        .collect()
}

#[tokio::test]
async fn the_first_flavors_are_made_once() {
    let lab = lab().await;
    compute_start(&lab.admin).await.unwrap();
    let query = || FlavorQuery {
        sort: FlavorSort::Memory,
        ..FlavorQuery::default()
    };
    let all = [
        "m1.nano",
        "m1.tiny",
        "m1.small",
        "m1.medium",
        "m1.large",
        "m1.xlarge",
    ];
    assert_eq!(names(flavor_list(&lab.member, query()).await), all);
    flavor_delete(&lab.admin, "42").await.unwrap();
    compute_start(&lab.admin).await.unwrap();
    assert_eq!(names(flavor_list(&lab.member, query()).await), all[1..]);
    let page = FlavorQuery {
        marker: Some("2".into()),
        limit: Some(2),
        descending: true,
        min_memory_mb: Some(512),
        ..query()
    };
    assert_eq!(names(flavor_list(&lab.member, page).await), ["m1.tiny"]);
    let lost = FlavorQuery {
        marker: Some("x".into()),
        ..query()
    };
    assert!(matches!(
        flavor_list(&lab.member, lost).await,
        Err(Error::BadRequest(_))
    ));
}

#[tokio::test]
async fn private_flavors_are_for_those_with_access() {
    let lab = lab().await;
    let own = lab.member.project().unwrap().id;
    let new = NewFlavor {
        is_public: false,
        id: Some("secret".into()),
        ..new_flavor("big")
    };
    flavor_create(&lab.admin, new).await.unwrap();
    assert!(matches!(
        flavor_show(&lab.member, "secret").await,
        Err(Error::NotFound { .. })
    ));
    assert!(names(flavor_list(&lab.member, FlavorQuery::default()).await).is_empty());
    assert_eq!(
        flavor_access_add(&lab.admin, "secret", own).await.unwrap(),
        [own]
    );
    assert!(matches!(
        flavor_access_add(&lab.admin, "secret", own).await,
        Err(Error::Conflict(_))
    ));
    assert_eq!(
        flavor_show(&lab.member, "secret").await.unwrap().name,
        "big"
    );
    assert_eq!(
        names(flavor_list(&lab.member, FlavorQuery::default()).await),
        ["big"]
    );
    assert_eq!(
        flavor_access_list(&lab.admin, "secret").await.unwrap(),
        [own]
    );
    assert!(
        flavor_access_remove(&lab.admin, "secret", own)
            .await
            .unwrap()
            .is_empty()
    );
    assert!(matches!(
        flavor_access_remove(&lab.admin, "secret", own).await,
        Err(Error::NotFound { .. })
    ));
    assert!(flavor_show(&lab.member, "secret").await.is_err());
    let public = flavor_create(&lab.admin, new_flavor("small"))
        .await
        .unwrap();
    assert!(matches!(
        flavor_access_add(&lab.admin, &public.id, own).await,
        Err(Error::Conflict(_))
    ));
    assert!(flavor_access_list(&lab.admin, &public.id).await.is_err());
}

#[tokio::test]
async fn taken_ids_and_names_are_told_and_extra_specs_change() {
    let lab = lab().await;
    let cx = &lab.admin;
    let flavor = flavor_create(cx, new_flavor("a")).await.unwrap();
    let same_name = flavor_create(cx, new_flavor("a")).await.unwrap_err();
    assert_eq!(same_name.to_string(), "Flavor with name a already exists.");
    let same_id = NewFlavor {
        id: Some(flavor.id.clone()),
        ..new_flavor("b")
    };
    assert!(
        flavor_create(cx, same_id)
            .await
            .unwrap_err()
            .to_string()
            .contains("with ID")
    );
    let specs = BTreeMap::from([("hw:cpu_policy".to_owned(), "shared".to_owned())]);
    let after = flavor_extra_specs_set(cx, &flavor.id, &specs)
        .await
        .unwrap();
    assert_eq!(after.extra_specs, specs);
    let wrong = BTreeMap::from([("a/b".to_owned(), String::new())]);
    assert!(matches!(
        flavor_extra_specs_set(cx, &flavor.id, &wrong).await,
        Err(Error::Invalid { .. })
    ));
    let after = flavor_extra_spec_delete(cx, &flavor.id, "hw:cpu_policy")
        .await
        .unwrap();
    assert!(after.extra_specs.is_empty());
    assert!(flavor_extra_spec_delete(cx, &flavor.id, "x").await.is_err());
    let after = flavor_describe(cx, &flavor.id, Some("for builds"))
        .await
        .unwrap();
    assert_eq!(after.description.as_deref(), Some("for builds"));
    flavor_delete(cx, &flavor.id).await.unwrap();
    assert!(matches!(
        flavor_delete(cx, &flavor.id).await,
        Err(Error::NotFound { .. })
    ));
    assert!(matches!(
        flavor_describe(cx, "x", None).await,
        Err(Error::NotFound { .. })
    ));
}

#[rstest]
#[case("name", |f: &mut NewFlavor| f.name = " ".into())]
#[case("name", |f: &mut NewFlavor| f.name = "x".repeat(256))]
#[case("flavorid", |f: &mut NewFlavor| f.id = Some("a/b".into()))]
#[case("vcpus", |f: &mut NewFlavor| f.vcpus = 0)]
#[case("ram", |f: &mut NewFlavor| f.memory_mb = 0)]
#[case("disk", |f: &mut NewFlavor| f.disk_gb = 1 << 40)]
#[case("rxtx_factor", |f: &mut NewFlavor| f.rxtx_factor = 0.0)]
#[case("rxtx_factor", |f: &mut NewFlavor| f.rxtx_factor = f64::NAN)]
#[tokio::test]
async fn wrong_flavors_name_the_field(#[case] field: &str, #[case] change: fn(&mut NewFlavor)) {
    let lab = lab().await;
    let mut new = new_flavor("f");
    change(&mut new);
    match flavor_create(&lab.admin, new).await {
        Err(Error::Invalid { field: named, .. }) => assert_eq!(named, field),
        other => panic!("{other:?}"),
    }
}

/// A key as `ssh-keygen` writes it, and the fingerprint that `ssh-keygen -l -E md5` prints of it.
const ED25519: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILM+rvN+ot98qgEN796jTiQfZfG1KaT0PtFDJ/XFSqti user@example.com";

const FINGERPRINT: &str = "ae:6f:ba:1b:70:2c:ae:c7:5c:ab:6e:4d:5e:d4:c7:23";

fn named(name: &str) -> NewKeypair {
    NewKeypair {
        name: name.into(),
        ..NewKeypair::default()
    }
}

#[tokio::test]
async fn a_key_is_brought_in_or_made_and_only_its_public_half_is_kept() {
    let lab = lab().await;
    let cx = &lab.member;
    let import = NewKeypair {
        public_key: Some(format!("{ED25519}\n")),
        ..named("mine")
    };
    let (imported, private) = keypair_create(cx, import.clone()).await.unwrap();
    assert!(private.is_none());
    assert_eq!(imported.public_key, ED25519);
    assert_eq!(imported.fingerprint, FINGERPRINT);
    let (made, private) = keypair_create(cx, named("made")).await.unwrap();
    let private = private.unwrap();
    assert!(!format!("{private:?}").contains("PRIVATE"));
    let key = ssh_key::PrivateKey::from_openssh(private.expose()).unwrap();
    assert_eq!(key.public_key().to_openssh().unwrap(), made.public_key);
    let shown = keypair_show(cx, "made").await.unwrap();
    assert_eq!(shown, made);
    let taken = keypair_create(cx, import).await.unwrap_err();
    assert_eq!(taken.to_string(), "Key pair 'mine' already exists.");
    let quota = keypair_create(cx, named("third")).await.unwrap_err();
    assert!(matches!(
        quota,
        Error::Quota {
            resource: "key_pairs",
            used: 2,
            ..
        }
    ));
    let page = keypair_list(cx, None, Some("made"), None).await.unwrap();
    assert_eq!(page[0].name, "mine");
    assert_eq!(keypair_count(cx).await.unwrap(), 2);
    keypair_delete(cx, None, "mine").await.unwrap();
    assert!(matches!(
        keypair_delete(cx, None, "mine").await,
        Err(Error::NotFound { .. })
    ));
}

#[tokio::test]
async fn key_pairs_are_their_users_own() {
    let lab = lab().await;
    let (keypair, _) = keypair_create(&lab.member, named("k")).await.unwrap();
    assert!(matches!(
        keypair_show(&lab.admin, "k").await,
        Err(Error::NotFound { .. })
    ));
    let seen = keypair_show_of(&lab.admin, Some(keypair.user), "k")
        .await
        .unwrap();
    assert_eq!(seen, keypair);
    let other = lab.admin.actor.user;
    assert!(matches!(
        keypair_list(&lab.member, other, None, None).await,
        Err(Error::Forbidden(_))
    ));
    assert!(matches!(
        keypair_delete(&lab.member, other, "k").await,
        Err(Error::Forbidden(_))
    ));
}

#[rstest]
#[case("not a key", "as OpenSSH writes it")]
#[case("ssh-ed25519 AAAA user", "as OpenSSH writes it")]
#[case("-----BEGIN OPENSSH PRIVATE KEY-----\nabc\n", "private key")]
#[case("ssh-ed25519 A\nssh-ed25519 B", "one line")]
#[tokio::test]
async fn what_is_no_public_key_is_refused_with_advice(#[case] text: &str, #[case] part: &str) {
    let lab = lab().await;
    let new = NewKeypair {
        public_key: Some(text.into()),
        ..named("k")
    };
    let error = keypair_create(&lab.member, new).await.unwrap_err();
    assert!(error.to_string().contains(part), "{error}");
    let wrong = keypair_create(&lab.member, named("a/b")).await.unwrap_err();
    assert!(wrong.to_string().starts_with("keypair.name"), "{wrong}");
}
