//! What can be done to servers, and when: each by its API action, refused here for the same states as there.

use crate::api::wire::Nothing;
use crate::compute::wire::{Server, ServerAction};
use crate::tui::effect::{Done, Request, call};
use crate::tui::format::count;
use crate::tui::view::Facts;
use crate::volume::wire::Volume;

use super::super::action::{Action, Risk};
use super::super::trace;
use super::{forms, launch, migrate, tabs};

/// The actions.
pub static ACTIONS: [Action<Server>; 26] = [
    Action::make("server.launch", launch::open),
    Action::ask(
        "server.start",
        "Start",
        Risk::None,
        |row| unless(row, &["SHUTOFF"], "it is not stopped"),
        |row, _| act(row, ServerAction::Start(Nothing)),
    ),
    Action::ask(
        "server.stop",
        "Stop",
        Risk::Disruptive("The guest is asked to shut down, and powered off if it does not obey."),
        |row| unless(row, &["ACTIVE", "ERROR"], "it is not running"),
        |row, _| act(row, ServerAction::Stop(Nothing)),
    ),
    Action::ask(
        "server.reboot",
        "Reboot",
        Risk::Disruptive("The guest is asked to restart; its users notice."),
        |row| unless(row, &["ACTIVE"], "it is not running"),
        |row, _| act(row, ServerAction::soft_reboot()),
    ),
    Action::ask(
        "server.reset",
        "Reset",
        Risk::Disruptive("Power goes off and on: what the guest has not written to disk is lost."),
        |row| {
            let states = ["ACTIVE", "PAUSED", "SHUTOFF", "SUSPENDED", "ERROR"];
            unless(row, &states, "its state does not allow it")
        },
        |row, _| act(row, ServerAction::hard_reboot()),
    ),
    Action::ask(
        "server.pause",
        "Pause",
        Risk::None,
        |row| unless(row, &["ACTIVE"], "it is not running"),
        |row, _| act(row, ServerAction::Pause(Nothing)),
    ),
    Action::ask(
        "server.unpause",
        "Unpause",
        Risk::None,
        |row| unless(row, &["PAUSED"], "it is not paused"),
        |row, _| act(row, ServerAction::Unpause(Nothing)),
    ),
    Action::ask(
        "server.suspend",
        "Suspend",
        Risk::None,
        |row| unless(row, &["ACTIVE"], "it is not running"),
        |row, _| act(row, ServerAction::Suspend(Nothing)),
    ),
    Action::ask(
        "server.resume",
        "Resume",
        Risk::None,
        |row| unless(row, &["SUSPENDED"], "it is not suspended"),
        |row, _| act(row, ServerAction::Resume(Nothing)),
    ),
    Action::ask(
        "server.lock",
        "Lock",
        Risk::None,
        |row| row.is_locked().then_some("it is locked"),
        |row, _| act(row, ServerAction::Lock(None)),
    ),
    Action::ask(
        "server.unlock",
        "Unlock",
        Risk::None,
        |row| (!row.is_locked()).then_some("it is not locked"),
        |row, _| act(row, ServerAction::Unlock(Nothing)),
    ),
    Action::open_one("server.rename", |_| None, forms::rename),
    Action::open(
        "server.resize",
        |row| {
            unless(
                row,
                &["ACTIVE", "SHUTOFF"],
                "it is neither running nor stopped",
            )
        },
        forms::resize,
    ),
    Action::ask(
        "server.confirm",
        "Confirm resize",
        Risk::Disruptive(
            "It stays as it is now. What was kept of its old flavor or host is given up: no way back.",
        ),
        |row| unless(row, &["VERIFY_RESIZE"], "no resize waits"),
        |row, _| act(row, ServerAction::ConfirmResize(Nothing)),
    ),
    Action::ask(
        "server.revert",
        "Revert resize",
        Risk::Disruptive(
            "It is powered off and goes back to its old flavor, host and disk; what the guest wrote since is \
             lost.",
        ),
        |row| unless(row, &["VERIFY_RESIZE"], "no resize waits"),
        |row, _| act(row, ServerAction::RevertResize(Nothing)),
    ),
    Action::open(
        "server.rebuild",
        |row| {
            unless(
                row,
                &["ACTIVE", "SHUTOFF", "ERROR"],
                "its state does not allow it",
            )
        },
        forms::rebuild,
    ),
    Action::open(
        "server.snapshot",
        |row| {
            let states = ["ACTIVE", "SHUTOFF", "PAUSED", "SUSPENDED"];
            unless(row, &states, "its state does not allow it")
        },
        forms::snapshot,
    ),
    Action::open(
        "server.migrate",
        |row| {
            let states = ["ACTIVE", "PAUSED", "SHUTOFF"];
            unless(row, &states, "only what runs or is stopped is moved")
        },
        migrate::migrate,
    ),
    Action::open(
        "server.evacuate",
        |row| row.is_locked().then_some("it is locked"),
        migrate::evacuate,
    ),
    Action::open_one(
        "server.attach",
        |row| {
            let states = ["ACTIVE", "SHUTOFF", "PAUSED", "SUSPENDED"];
            unless(row, &states, "its state does not allow it")
        },
        forms::attach,
    ),
    Action::open_one(
        "server.detach",
        |row| {
            row.volumes_attached
                .is_empty()
                .then_some("it has no volume")
        },
        forms::detach,
    ),
    Action::ask(
        "server.delete",
        "Delete",
        Risk::Irreversible(goes_along),
        |row| row.is_locked().then_some("it is locked; unlock it first"),
        |row, _| delete(row),
    ),
    Action::go("server.log", |row, facts| tabs::open(&row.id, "log", facts)),
    Action::go("server.console", |row, _| {
        Some(super::console::open(&row.id, &row.name))
    }),
    Action::go("server.metrics", |row, facts| {
        tabs::open(&row.id, "metrics", facts)
    }),
    Action::open_one(
        "server.trace",
        |_| None,
        |row, facts| trace::from(&row.id, facts),
    ),
];

/// Why not, if the state is none of `states`, or if the server is locked or busy.
fn unless(row: &Server, states: &[&str], why: &'static str) -> Option<&'static str> {
    if row.is_locked() {
        return Some("it is locked");
    }
    if row.task_state.is_some() {
        return Some("something else is under way with it");
    }
    (!states.contains(&row.status.as_str())).then_some(why)
}

/// The request for an action.
pub fn act(row: &Server, action: ServerAction) -> Box<dyn Request> {
    let id = row.id.clone();
    call(
        format!("server {id} {action:?}"),
        move |client| async move {
            client.server_action(&id, &action).await?;
            Ok(Done::default())
        },
    )
}

fn delete(row: &Server) -> Box<dyn Request> {
    let id = row.id.clone();
    call(format!("server {id} delete"), move |client| async move {
        client.server_delete(&id).await?;
        Ok(Done::default())
    })
}

/// What is lost with a server, and what stays.
fn goes_along(row: &Server, facts: &Facts<'_>) -> Vec<String> {
    let mut along = Vec::new();
    if row.image.is_some() {
        along.push("its root disk and everything on it".to_owned());
    }
    let addresses = row.addresses.values().map(Vec::len).sum::<usize>();
    if addresses > 0 {
        along.push(format!("{} of its ports", count(addresses, "address")));
    }
    for volume in &row.volumes_attached {
        let known = facts.data.name_of::<Volume>(&volume.id);
        let fate = if volume.delete_on_termination == Some(true) {
            "is deleted with it"
        } else {
            "is detached and stays"
        };
        along.push(format!("volume {known} {fate}"));
    }
    along
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_decide_and_a_lock_refuses() {
        let mut server = Server {
            status: "ACTIVE".into(),
            ..Server::default()
        };
        let refuses = |server: &Server, command: &str| {
            let action = ACTIONS
                .iter()
                .find(|action| action.command == command)
                .unwrap();
            (action.refuses)(server)
        };
        assert_eq!(refuses(&server, "server.stop"), None);
        assert_eq!(refuses(&server, "server.start"), Some("it is not stopped"));
        server.task_state = Some("rebooting".into());
        assert!(refuses(&server, "server.stop").is_some());
        server.task_state = None;
        server.locked = Some(true);
        assert_eq!(refuses(&server, "server.stop"), Some("it is locked"));
        assert_eq!(refuses(&server, "server.unlock"), None);
    }
}
