//! Two control processes on one database and one broker, three hosts, real guests. Whichever is at something dies in the
//! middle of that, the other goes on with it, and in the end both say the same of what there is.
//!
//! Settings are the defaults, but for the pace of the nodes' reports and the width of the link, so that a move takes its time.
//! How long an operation was left alone is printed.

use std::time::Instant;

use rstest::rstest;
use skydeck::client::ListQuery;
use skydeck::compute::wire::{MigrateLive, Server, ServerAction, ServerCreate};
use sqlx::{AnyConnection, Row};

use super::cloud::{Cloud, PATIENCE, Settings};
use super::guest::wait_ready;
use super::migration::{COUNTER, count, goes_on, wait_on};
use super::rack::RackCloud;
use crate::lab::database::{self, Engine};
use crate::lab::guest as disk;
use crate::lab::rack::{CONTROL, Rack};
use crate::lab::wait::wait_for_async;

const AGENT: &str = "report_interval = 1\ndown_after = 5\n";

/// Both control processes. Whoever asks the cloud asks the one in `cloud`, which always runs.
struct Both {
    cloud: RackCloud,
    other: Cloud,
    sql: AnyConnection,
    _database: database::Server,
}

impl Both {
    async fn start(engine: Engine) -> Self {
        let database = database::start(engine).await;
        let sql = database::connect(&format!("{}/skydeck", database.url())).await;
        let rack = Rack::start(3);
        // Seen by both, as images on a shared file system are.
        let images = rack.shared().join("images");
        let settings = format!(
            "[database]\nurl = {:?}\n[image]\ndir = {images:?}\n[compute]\nlive_migration_bandwidth = 10\n",
            database.socket_url("skydeck"),
        );
        let cloud = RackCloud::start_on(rack, AGENT, &settings, |_| String::new()).await;
        let other = Cloud::on(
            cloud.rack.control(),
            Settings {
                agent: format!("enabled = false\nhost = \"second\"\n{AGENT}"),
                listen: format!(", \"tls:{CONTROL}:8785\""),
                extra: format!("[bus]\nurl = {:?}\n{settings}", cloud.broker.url("/")),
                name: "second",
                port: 8784,
                clouds: Some(cloud.data().join("clouds.yaml")),
                ..Settings::default()
            },
        );
        Self {
            cloud,
            other,
            sql,
            _database: database,
        }
    }

    /// What the database says of the newest operation of a kind, as text.
    async fn operation(&mut self, kind: &str, what: &str) -> Option<String> {
        let query = format!(
            "SELECT {what} FROM operation WHERE kind = '{kind}' ORDER BY created_at DESC LIMIT 1"
        );
        let row = sqlx::query(sqlx::AssertSqlSafe(query))
            .fetch_optional(&mut self.sql)
            .await
            .expect("the database");
        row.and_then(|row| row.get(0))
    }

    /// The process that is at the newest operation of a kind dies in this moment. Waits until the other has taken that on, and
    /// says how long that took.
    async fn kill_who_is_at(&mut self, kind: &str) {
        let owner = self.operation(kind, "owner").await.expect("somebody at it");
        let query = format!("SELECT host FROM control_process WHERE id = '{owner}'");
        let row = sqlx::query(sqlx::AssertSqlSafe(query));
        let row = row.fetch_one(&mut self.sql).await.expect("its row");
        let is_second = row.get::<String, _>(0) == "second";
        if is_second != (self.other.name() == "second") {
            std::mem::swap(&mut *self.cloud, &mut self.other);
        }
        self.other.kill();
        let died = Instant::now();
        wait_for_async("the other to take it on", PATIENCE, async || {
            let now = self.operation(kind, "owner").await?;
            (now != owner).then_some(())
        })
        .await;
        let alone = died.elapsed();
        eprintln!(
            "{kind}: taken on {:.1} s after a process died",
            alone.as_secs_f32()
        );
    }

    /// Both are up, and both tell the same of the servers.
    async fn agree(&self) {
        wait_for_async("both to be up", PATIENCE, async || {
            let services = self.cloud.client().compute_service_list().await.ok()?;
            let up = services
                .iter()
                .filter(|service| service.binary == "nova-conductor" && service.state == "up");
            (up.count() == 2).then_some(())
        })
        .await;
        let mut said = Vec::new();
        for cloud in [&*self.cloud, &self.other] {
            let listed = cloud.client().server_list(&ListQuery::new()).await;
            let mut listed: Vec<_> = listed
                .expect("servers")
                .into_iter()
                .map(|server| (server.id, server.host, server.status, server.task_state))
                .collect();
            listed.sort();
            said.push(listed);
        }
        assert_eq!(said[0], said[1]);
    }
}

#[rstest]
#[case::mariadb(Engine::Mysql)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn either_of_two_control_processes_goes_on_with_what_the_other_was_at(
    #[case] engine: Engine,
) {
    let mut both = Both::start(engine).await;
    let image = both.cloud.image("guest", &disk::qcow2(), "qcow2").await.id;
    let flavor = both.other.flavor("guest", 128, 1).await;
    let wish = |name: &str, host: usize| ServerCreate {
        name: name.into(),
        flavor_ref: flavor.clone(),
        image_ref: Some(image.clone()),
        ..RackCloud::on_host(host, COUNTER)
    };

    // Asked of one, seen by the other.
    let mover = both.other.launch(wish("mover", 1)).await;
    both.cloud.wait_status(&mover, "ACTIVE").await;
    wait_ready(&both.cloud, &mover, 1).await;
    let said = count(&both.cloud, &mover, 3).await;
    both.agree().await;

    // One dies in the middle of a move.
    let action = ServerAction::MigrateLive(MigrateLive {
        host: Some(Rack::name(2)),
        ..MigrateLive::default()
    });
    let asked = both.other.client().server_action(&mover, &action).await;
    asked.expect("a move");
    let client = both.other.client();
    wait_for_async("a part of the guest to be sent", PATIENCE, async || {
        let moves = client.migration_detail_list(&ListQuery::new()).await;
        let sent = moves.expect("moves").first()?.progress.memory_processed;
        (sent > 1 << 20).then_some(())
    })
    .await;
    both.kill_who_is_at("live_migration").await;
    both.cloud.settled().await;
    wait_on(&both.cloud, &mover, 2).await;
    let said = goes_on(&both.cloud, &mover, &said).await;
    assert!(both.cloud.guests_on(1).is_empty(), "left on h1");
    assert_eq!(both.cloud.running_on(2).len(), 1);
    both.other.boot(&[]);

    // One dies while a guest is started.
    both.cloud.rack.host(3).freeze_libvirtd();
    let late = both.other.launch(wish("late", 3)).await;
    wait_for_async("its disk to be made", PATIENCE, async || {
        let step = both.operation("server_launch", "step_name").await?;
        (step == "root_disk").then_some(())
    })
    .await;
    both.kill_who_is_at("server_launch").await;
    both.cloud.rack.host(3).thaw_libvirtd();
    both.cloud.wait_status(&late, "ACTIVE").await;
    both.cloud.settled().await;
    wait_ready(&both.cloud, &late, 1).await;
    assert_eq!(both.cloud.running_on(3).len(), 1);

    // It comes back, and finds what the other made of that.
    both.other.boot(&[]);
    both.agree().await;
    let hosts = async |cloud: &Cloud, id: &str| -> Option<String> {
        let server: Server = cloud.client().server_show(id).await.expect("the server");
        server.host
    };
    assert_eq!(hosts(&both.other, &mover).await, Some(Rack::name(2)));
    assert_eq!(hosts(&both.other, &late).await, Some(Rack::name(3)));
    goes_on(&both.other, &mover, &said).await;
    both.other.delete(&mover).await;
    both.cloud.delete(&late).await;
    both.agree().await;
    for number in both.cloud.rack.numbers() {
        assert!(both.cloud.guests_on(number).is_empty(), "left on {number}");
    }
}
