//! The console in a real terminal, on a cloud with a real guest. What each screen shows is for the snapshots beside it.

use nix::sys::signal::Signal;
use skydeck::client::ListQuery;

use super::cloud::{Cloud, PATIENCE, SKYDECK};
use super::guest::wait_ready;
use crate::lab::guest as disk;
use crate::lab::terminal::Terminal;
use crate::lab::wait::wait_for_async;
use skydeck::api::wire::Nothing;
use skydeck::compute::wire::{ServerAction, ServerCreate};

fn console(cloud: &Cloud, columns: u16, rows: u16) -> Terminal {
    let mut command = cloud.machine.terminal_command(SKYDECK);
    command.arg("--config");
    command.arg(cloud.config());
    command.env("XDG_CONFIG_HOME", cloud.machine.dir());
    Terminal::start(command, columns, rows)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_console_attaches_launches_a_server_and_talks_to_its_guest() {
    let cloud = Cloud::start();
    cloud.image("guest", &disk::qcow2(), "qcow2").await;
    cloud.flavor("guest", 128, 1).await;
    let mut terminal = console(&cloud, 120, 36);
    terminal.wait_for_text("pulse");

    terminal.send_keys(":servers<enter>");
    terminal.send_keys("n");
    terminal.wait_for_text("Launch servers");
    terminal.send_keys("typed-at<enter>");
    terminal.wait_for_text("qcow2");
    terminal.send_keys("guest<enter>guest<enter><c-s>");
    terminal.wait_for_text("Launch: the plan");
    terminal.send_keys("<enter>");
    let id = wait_for_async("the server that was asked for", PATIENCE, async || {
        let servers = cloud
            .client()
            .server_list(&ListQuery::new())
            .await
            .expect("servers");
        let server = servers
            .into_iter()
            .find(|server| server.name == "typed-at")?;
        Some(server.id)
    })
    .await;
    terminal.wait_until("the server to be active", PATIENCE, |screen| {
        screen.contents().contains("● active")
    });
    wait_ready(&cloud, &id, 1).await;
    terminal.send_keys("c");
    // The guest's own words, not the line that was typed.
    terminal.send_keys("<enter>echo $((6 * 7))-answer<enter>");
    terminal.wait_for_text("42-answer");
    terminal.send_keys("<c-]>q");
    terminal.wait_for_no_text("42-answer");
    terminal.wait_for_text("typed-at");
    terminal.send_keys(":q<enter>");
    assert!(terminal.wait_exit(PATIENCE).success());
    assert!(
        !terminal.screen(|screen| screen.alternate_screen()),
        "the terminal is as it was"
    );

    // The cloud goes on without it.
    cloud.wait_status(&id, "ACTIVE").await;
    cloud.delete(&id).await;
    cloud.assert_clean();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_console_alone_is_the_cloud_and_comes_back_after_its_death() {
    let mut cloud = Cloud::start();
    let image = cloud.empty_image().await.id;
    cloud.stop();
    let terminal = console(&cloud, 80, 24);
    terminal.wait_for_text("pulse");
    let server = ServerCreate {
        name: "kept".into(),
        flavor_ref: "42".into(),
        image_ref: Some(image),
        ..ServerCreate::default()
    };
    let id = cloud.launch(server).await;
    cloud.wait_status(&id, "ACTIVE").await;
    // The second one is attached to the first, and takes its place.
    let mut second = console(&cloud, 80, 24);
    second.wait_for_text("pulse");
    second.send_keys(":servers<enter>");
    second.wait_for_text("kept");
    terminal.signal(Signal::SIGKILL);
    drop(terminal);
    wait_for_async("the second console to be the cloud", PATIENCE, async || {
        cloud.client().server_show(&id).await.ok()
    })
    .await;
    cloud
        .act(&id, &ServerAction::Stop(Nothing), "SHUTOFF")
        .await;
    second.wait_for_text("stopped");
    cloud
        .act(&id, &ServerAction::Start(Nothing), "ACTIVE")
        .await;
    second.send_keys("<c-c>");
    second.wait_exit(PATIENCE);

    let mut terminal = console(&cloud, 80, 24);
    terminal.wait_for_text("pulse");
    terminal.send_keys(":servers<enter>");
    terminal.wait_for_text("kept");
    wait_for_async("the list of servers", PATIENCE, async || {
        let servers = cloud.client().server_list(&ListQuery::new()).await.ok()?;
        (servers.len() == 1 && servers[0].status == "ACTIVE").then_some(())
    })
    .await;
    terminal.resize(20, 5);
    terminal.resize(80, 24);
    terminal.wait_for_text("kept");
    cloud.delete(&id).await;
    cloud.assert_clean();
    terminal.send_keys("<c-c>");
    terminal.wait_exit(PATIENCE);
}
