//! What happened to a server, and what it says: `/servers/{id}/os-instance-actions` and consoles.

use serde::{Deserialize, Serialize};

use crate::api::wire::{Link, Secret};

/// An action of a user, or of the cloud, on a server.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct InstanceAction {
    /// `create`, `start`, `stop`, `reboot`, `resize`, `confirmResize`, `attach_volume`, `delete`, …
    pub action: String,
    /// The server.
    pub instance_uuid: String,
    /// The request; also its id here.
    pub request_id: String,
    /// Who asked.
    pub user_id: Option<String>,
    /// For which project.
    pub project_id: Option<String>,
    /// When, with microseconds.
    pub start_time: String,
    /// `Error` if it failed.
    pub message: Option<String>,
    /// When it last changed. From 2.58.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub updated_at: Option<String>,
    /// Its parts; in show only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub events: Option<Vec<InstanceActionEvent>>,
}

/// A part of an action.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct InstanceActionEvent {
    /// `compute__do_build_and_run_instance`, `conductor_…`: Nova's names, or a step's.
    pub event: String,
    /// When it began.
    pub start_time: Option<String>,
    /// When it ended.
    pub finish_time: Option<String>,
    /// `Success`, `Error`.
    pub result: Option<String>,
    /// For administrators; `null` without one.
    #[serde(
        deserialize_with = "crate::api::wire::present",
        skip_serializing_if = "Option::is_none"
    )]
    pub traceback: Option<Option<String>>,
    /// The host in disguise. From 2.62.
    #[serde(rename = "hostId", skip_serializing_if = "Option::is_none")]
    pub host_id: Option<String>,
    /// The host, for administrators. From 2.62.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// What failed, for everyone. From 2.84.
    #[serde(
        deserialize_with = "crate::api::wire::present",
        skip_serializing_if = "Option::is_none"
    )]
    pub details: Option<Option<String>>,
}

/// `{"instanceAction": {…}}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InstanceActionBody {
    /// The action.
    pub instance_action: InstanceAction,
}

/// `{"instanceActions": […]}`, newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct InstanceActionList {
    /// This page.
    pub instance_actions: Vec<InstanceAction>,
    /// `next`. From 2.58.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub links: Vec<Link>,
}

/// `{"output": "…"}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConsoleOutput {
    /// The end of what the guest wrote on its serial port.
    pub output: String,
}

/// `{"remote_console": {"protocol": "serial", "type": "serial"}}`, body of `POST /servers/{id}/remote-consoles`, from 2.6.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemoteConsoleRequest {
    /// What kind.
    pub remote_console: RemoteConsoleKind,
}

/// A kind of console.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemoteConsoleKind {
    /// `serial`, `vnc`.
    pub protocol: String,
    /// `serial`, `novnc`.
    #[serde(rename = "type")]
    pub kind: String,
}

/// `{"remote_console": {…}}`; answer to the same (200).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemoteConsoleBody {
    /// The console.
    pub remote_console: RemoteConsole,
}

/// A console that may be opened once, within minutes: the address holds a ticket.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RemoteConsole {
    /// `serial`.
    pub protocol: String,
    /// `serial`.
    #[serde(rename = "type")]
    pub kind: String,
    /// `ws://…/?token=…`: a websocket whose binary messages are the bytes of the line, both ways.
    pub url: Secret,
}

/// `{"console": {"type", "url"}}`; answer to the action `os-getSerialConsole` (200), until 2.5.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConsoleBody {
    /// The console.
    pub console: LegacyConsole,
}

/// A console as before 2.6.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LegacyConsole {
    /// `serial`.
    #[serde(rename = "type")]
    pub kind: String,
    /// As in [`RemoteConsole::url`].
    pub url: Secret,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_action_as_nova_sends_it() {
        let text = r#"{"instanceAction": {"action": "stop", "events": [{"event": "compute_stop_instance",
            "finish_time": "2026-01-02T03:04:06.000000", "host": "compute", "hostId": "2091", "result": "Success",
            "start_time": "2026-01-02T03:04:05.000000", "traceback": null, "details": null}], "instance_uuid": "79ed",
            "message": null, "project_id": "6f70", "request_id": "req-0f8b", "start_time": "2026-01-02T03:04:05.000000",
            "updated_at": "2026-01-02T03:04:06.000000", "user_id": "fake"}}"#;
        let body: InstanceActionBody = serde_json::from_str(text).unwrap();
        assert_eq!(
            serde_json::to_value(&body).unwrap(),
            serde_json::from_str::<serde_json::Value>(text).unwrap()
        );
    }

    #[test]
    fn a_console_address_is_not_printed() {
        let body: RemoteConsoleBody = serde_json::from_str(
            r#"{"remote_console":{"protocol":"serial","type":"serial","url":"ws://c/?token=t1cket"}}"#,
        )
        .unwrap();
        assert!(!format!("{body:?}").contains("t1cket"));
    }
}
