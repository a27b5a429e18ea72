//! Pages, filters and order.

use regex::Regex;

use super::lab::Lab;
use crate::compute::model::testing::server;
use crate::compute::model::{
    Direction, NameFilter, Server, ServerQuery, SortKey, Status, TaskState, VmState,
};
use crate::compute::ops::{self, server_counts, server_list, server_list_brief};
use crate::compute::store;
use crate::db::sql;
use crate::error::Error;
use crate::ids::{ServerId, Time};

/// `count` servers of the lab's project, made one second apart.
async fn servers(lab: &Lab, count: usize) -> Vec<Server> {
    let project = lab.cx.project().unwrap().id;
    let mut made = Vec::new();
    let mut tx = lab.cloud.db.begin().await.unwrap();
    for number in 0..count {
        let mut server = server(&format!("Web-{number:03}"));
        server.project = project;
        server.created_at = Time(1_000_000 * (number as i64 + 1));
        server.updated_at = server.created_at;
        server.vm_state = if number % 2 == 0 {
            VmState::Active
        } else {
            VmState::Stopped
        };
        server.flavor.memory_mb = 100 * (number as u64 % 3);
        store::server::insert(&mut tx, &server).await.unwrap();
        if number % 5 == 0 {
            store::server_tag::add(&mut tx, server.id, "five")
                .await
                .unwrap();
        }
        if number % 3 == 0 {
            store::server_tag::add(&mut tx, server.id, "three")
                .await
                .unwrap();
        }
        made.push(server);
    }
    tx.commit().await.unwrap();
    made
}

fn names(servers: &[Server]) -> Vec<&str> {
    servers.iter().map(|server| server.name.as_str()).collect()
}

#[tokio::test]
async fn pages_follow_each_other_without_gap_or_repeat_in_every_order() {
    let lab = Lab::new(None).await;
    servers(&lab, 25).await;
    let orders = [
        vec![],
        vec![(SortKey::Name, Direction::Ascending)],
        vec![
            (SortKey::Memory, Direction::Descending),
            (SortKey::Name, Direction::Ascending),
        ],
        vec![
            (SortKey::TaskState, Direction::Ascending),
            (SortKey::VmState, Direction::Descending),
        ],
    ];
    for sort in orders {
        let whole = ServerQuery {
            sort: sort.clone(),
            ..lab.query()
        };
        let all = server_list_brief(&lab.cx, whole).await.unwrap();
        assert_eq!(all.len(), 25);
        let mut paged: Vec<ServerId> = Vec::new();
        loop {
            let query = ServerQuery {
                sort: sort.clone(),
                marker: paged.last().copied(),
                limit: 7,
                ..lab.query()
            };
            let page = server_list_brief(&lab.cx, query).await.unwrap();
            if page.is_empty() {
                break;
            }
            paged.extend(page.iter().map(|server| server.id));
        }
        let expected: Vec<ServerId> = all.iter().map(|server| server.id).collect();
        assert_eq!(paged, expected, "{sort:?}");
    }
    let query = ServerQuery {
        marker: Some(ServerId::new()),
        ..lab.query()
    };
    let error = server_list_brief(&lab.cx, query).await.unwrap_err();
    assert!(matches!(error, Error::Invalid { field, .. } if field == "marker"));
}

#[tokio::test]
async fn filters_say_what_they_mean() {
    let lab = Lab::new(None).await;
    let made = servers(&lab, 20).await;
    let count = async |query: ServerQuery| server_list_brief(&lab.cx, query).await.unwrap().len();
    let query = || lab.query();
    let cases = [
        (
            ServerQuery {
                name: Some(NameFilter::Contains("eb-01".into())),
                ..query()
            },
            10,
        ),
        (
            ServerQuery {
                name: Some(NameFilter::Contains("_".into())),
                ..query()
            },
            0,
        ),
        (
            ServerQuery {
                name: Some(NameFilter::Matches(Regex::new("-0[01]5$").unwrap())),
                ..query()
            },
            2,
        ),
        (
            ServerQuery {
                statuses: Some(vec![Status::Shutoff]),
                ..query()
            },
            10,
        ),
        (
            ServerQuery {
                statuses: Some(vec![Status::Shutoff, Status::Active]),
                ..query()
            },
            20,
        ),
        (
            ServerQuery {
                statuses: Some(Vec::new()),
                ..query()
            },
            0,
        ),
        (
            ServerQuery {
                vm_state: Some(VmState::Active),
                ..query()
            },
            10,
        ),
        (
            ServerQuery {
                tags: vec!["five".into(), "three".into()],
                ..query()
            },
            2,
        ),
        (
            ServerQuery {
                tags_any: vec!["five".into(), "three".into()],
                ..query()
            },
            9,
        ),
        (
            ServerQuery {
                not_tags: vec!["five".into(), "three".into()],
                ..query()
            },
            18,
        ),
        (
            ServerQuery {
                not_tags_any: vec!["five".into(), "three".into()],
                ..query()
            },
            11,
        ),
        (
            ServerQuery {
                changes_since: Some(made[15].updated_at),
                ..query()
            },
            5,
        ),
        (
            ServerQuery {
                ids: Some(vec![made[3].id, made[4].id]),
                ..query()
            },
            2,
        ),
        (
            ServerQuery {
                host: Some("n2".into()),
                ..query()
            },
            0,
        ),
        (
            ServerQuery {
                flavor: Some("1".into()),
                ..query()
            },
            20,
        ),
        (
            ServerQuery {
                locked: Some(true),
                ..query()
            },
            0,
        ),
        (
            ServerQuery {
                task_state: Some(TaskState::Spawning),
                ..query()
            },
            0,
        ),
    ];
    for (query, expected) in cases {
        let text = format!("{query:?}");
        assert_eq!(count(query).await, expected, "{text}");
    }
    let first = ServerQuery {
        name: Some(NameFilter::Matches(Regex::new("5$").unwrap())),
        sort: vec![(SortKey::Name, Direction::Descending)],
        limit: 1,
        ..query()
    };
    let found = server_list_brief(&lab.cx, first).await.unwrap();
    assert_eq!(names(&found), ["Web-015"]);
}

#[tokio::test]
async fn deleted_servers_are_seen_when_they_are_asked_for() {
    let lab = Lab::new(None).await;
    let made = servers(&lab, 3).await;
    let mut tx = lab.cloud.db.begin().await.unwrap();
    store::server::delete(&mut tx, made[0].id).await.unwrap();
    tx.commit().await.unwrap();
    for (deleted, expected) in [(Some(false), 2), (Some(true), 1), (None, 3)] {
        let query = ServerQuery {
            deleted,
            ..lab.query()
        };
        let found = server_list_brief(&lab.cx, query).await.unwrap();
        assert_eq!(found.len(), expected);
    }
    let counts = server_counts(&lab.cx, false).await.unwrap();
    assert_eq!(
        counts.into_iter().collect::<Vec<_>>(),
        [("ACTIVE".into(), 1), ("SHUTOFF".into(), 1)]
    );
}

#[tokio::test]
async fn pairs_labels_and_names_change_and_are_shown() {
    let lab = Lab::new(None).await;
    let id = servers(&lab, 1).await[0].id;
    let cx = &lab.cx;
    let pairs =
        |text: &str| std::collections::BTreeMap::from([("role".to_owned(), text.to_owned())]);
    ops::server_metadata_update(cx, id, pairs("front"))
        .await
        .unwrap();
    ops::server_metadata_replace(cx, id, pairs("back"))
        .await
        .unwrap();
    assert_eq!(
        ops::server_metadata_show(cx, id).await.unwrap(),
        pairs("back")
    );
    assert!(ops::server_metadata_delete(cx, id, "none").await.is_err());
    ops::server_metadata_delete(cx, id, "role").await.unwrap();
    ops::server_tag_replace(cx, id, vec!["b".into(), "a".into(), "b".into()])
        .await
        .unwrap();
    assert!(!ops::server_tag_add(cx, id, "a").await.unwrap());
    assert!(ops::server_tag_add(cx, id, "c").await.unwrap());
    ops::server_tag_remove(cx, id, Some("b")).await.unwrap();
    let changes = ops::ServerChanges {
        name: Some("renamed".into()),
        description: Some(Some("mine".into())),
        ..ops::ServerChanges::default()
    };
    ops::server_update(cx, id, changes).await.unwrap();
    let view = server_list(cx, lab.query()).await.unwrap().pop().unwrap();
    assert_eq!(view.tags, ["a", "c"]);
    assert_eq!(view.server.name, "renamed");
    assert_eq!(view.server.detail.description.as_deref(), Some("mine"));
    assert!(view.server.detail.metadata.is_empty());
    let long = ops::ServerChanges {
        name: Some("x".repeat(256)),
        ..ops::ServerChanges::default()
    };
    assert!(ops::server_update(cx, id, long).await.is_err());
}

#[tokio::test]
async fn a_host_shows_what_is_done_to_its_servers() {
    let lab = Lab::new(None).await;
    let server = lab.active("web").await;
    let work = async || {
        let rooms = ops::host_rooms(&lab.admin).await.unwrap();
        (rooms[0].servers, rooms[0].busy, rooms[0].io_ops)
    };
    assert_eq!(work().await, (1, 0, 0));
    for (task, expected) in [
        (TaskState::Pausing, (1, 1, 0)),
        (TaskState::ImageSnapshot, (1, 1, 1)),
        (TaskState::Deleting, (1, 1, 0)),
    ] {
        let mut tx = lab.cloud.db.begin().await.unwrap();
        assert!(store::server::begin(&mut tx, &server, task).await.unwrap());
        tx.commit().await.unwrap();
        assert_eq!(work().await, expected, "{task:?}");
        let mut tx = lab.cloud.db.begin().await.unwrap();
        sql("UPDATE server SET task_state = NULL WHERE id = $1")
            .bind(server.id)
            .execute(&mut tx)
            .await
            .unwrap();
        tx.commit().await.unwrap();
    }
}
