//! `POST /servers/{id}/action`: one member, named after the action.
//!
//! Answers 202 without a body, except: `rebuild` 202 [`super::ServerBody`]; `createImage` 202 with the header `Location`,
//! from 2.45 [`ImageCreated`] instead; `os-getConsoleOutput` 200 [`super::ConsoleOutput`]; `confirmResize` 204;
//! `rescue` 200 with `adminPass`.

use serde::{Deserialize, Serialize};

use super::NameOnly;
use crate::api::wire::{Metadata, Nothing, Secret, flexible_int, null_default, present};

/// What to do to a server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ServerAction {
    /// Power on.
    #[serde(rename = "os-start")]
    Start(Nothing),
    /// Power off, in an orderly way if the guest obeys.
    #[serde(rename = "os-stop")]
    Stop(Nothing),
    /// Restart.
    #[serde(rename = "reboot")]
    Reboot(Reboot),
    /// Keep in memory, stop executing.
    #[serde(rename = "pause")]
    Pause(Nothing),
    /// Continue after pause.
    #[serde(rename = "unpause")]
    Unpause(Nothing),
    /// Save memory to disk, stop executing.
    #[serde(rename = "suspend")]
    Suspend(Nothing),
    /// Continue after suspend.
    #[serde(rename = "resume")]
    Resume(Nothing),
    /// Refuse actions of everyone but administrators.
    #[serde(rename = "lock")]
    Lock(Option<LockReason>),
    /// Allow actions again.
    #[serde(rename = "unlock")]
    Unlock(Nothing),
    /// Begin anew from an image.
    #[serde(rename = "rebuild")]
    Rebuild(Box<Rebuild>),
    /// Change the flavor; waits for confirm or revert.
    #[serde(rename = "resize")]
    Resize(Resize),
    /// Keep the new flavor.
    #[serde(rename = "confirmResize")]
    ConfirmResize(Nothing),
    /// Go back to the old flavor.
    #[serde(rename = "revertResize")]
    RevertResize(Nothing),
    /// Make an image of the root disk.
    #[serde(rename = "createImage")]
    CreateImage(CreateImage),
    /// Show the end of the serial port's log.
    #[serde(rename = "os-getConsoleOutput")]
    GetConsoleOutput(ConsoleOutputQuery),
    /// Open a serial console. Until 2.5; then `POST /servers/{id}/remote-consoles`.
    #[serde(rename = "os-getSerialConsole")]
    GetSerialConsole(ConsoleType),
    /// Say what its state is (administrators).
    #[serde(rename = "os-resetState")]
    ResetState(ResetState),
    /// Delete in any state.
    #[serde(rename = "forceDelete")]
    ForceDelete(Nothing),
    /// Take back a delete that waits.
    #[serde(rename = "restore")]
    Restore(Nothing),
    /// Boot from another image beside the own disk.
    #[serde(rename = "rescue")]
    Rescue(Option<Rescue>),
    /// Boot from the own disk again.
    #[serde(rename = "unrescue")]
    Unrescue(Nothing),
    /// Put away.
    #[serde(rename = "shelve")]
    Shelve(Nothing),
    /// Take the host's share away from a shelved one.
    #[serde(rename = "shelveOffload")]
    ShelveOffload(Nothing),
    /// Bring back.
    #[serde(rename = "unshelve")]
    Unshelve(Nothing),
    /// Move while stopped (administrators).
    #[serde(rename = "migrate")]
    Migrate(Option<Migrate>),
    /// Move while running (administrators).
    #[serde(rename = "os-migrateLive")]
    MigrateLive(MigrateLive),
    /// Make anew elsewhere, because its host is dead (administrators).
    #[serde(rename = "evacuate")]
    Evacuate(Evacuate),
    /// Add a security group.
    #[serde(rename = "addSecurityGroup")]
    AddSecurityGroup(NameOnly),
    /// Take a security group away.
    #[serde(rename = "removeSecurityGroup")]
    RemoveSecurityGroup(NameOnly),
    /// Change the administrator's password inside.
    #[serde(rename = "changePassword")]
    ChangePassword(ChangePassword),
}

impl ServerAction {
    /// An orderly restart.
    pub fn soft_reboot() -> Self {
        Self::Reboot(Reboot {
            kind: RebootType::Soft,
        })
    }

    /// Off and on.
    pub fn hard_reboot() -> Self {
        Self::Reboot(Reboot {
            kind: RebootType::Hard,
        })
    }
}

/// `{"type": "SOFT"}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reboot {
    /// How.
    #[serde(rename = "type")]
    pub kind: RebootType,
}

/// How to restart. Any case is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RebootType {
    /// Ask the guest.
    #[serde(rename = "SOFT", alias = "soft", alias = "Soft")]
    Soft,
    /// Off and on.
    #[serde(rename = "HARD", alias = "hard", alias = "Hard")]
    Hard,
}

/// `{"locked_reason": "…"}`. From 2.73.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LockReason {
    /// Why, 1 to 255 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub locked_reason: Option<String>,
}

/// What to begin anew with; absent fields stay as they are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Rebuild {
    /// The image; needed.
    pub image_ref: String,
    /// Name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Password of the administrator inside.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub admin_pass: Option<Secret>,
    /// Free pairs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Metadata>,
    /// For people; `null` clears. From 2.19.
    #[serde(deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub description: Option<Option<String>>,
    /// Key pair; `null` clears. From 2.54.
    #[serde(
        rename = "key_name",
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    pub key_name: Option<Option<String>>,
    /// User data in base64; `null` clears. From 2.57.
    #[serde(
        rename = "user_data",
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    pub user_data: Option<Option<String>>,
    /// Whether a second disk stays.
    #[serde(rename = "preserve_ephemeral", skip_serializing_if = "Option::is_none")]
    pub preserve_ephemeral: Option<bool>,
    /// Address to show.
    #[serde(rename = "accessIPv4", skip_serializing_if = "Option::is_none")]
    pub access_ipv4: Option<String>,
    /// Address to show.
    #[serde(rename = "accessIPv6", skip_serializing_if = "Option::is_none")]
    pub access_ipv6: Option<String>,
    /// `AUTO`, `MANUAL`.
    #[serde(rename = "OS-DCF:diskConfig", skip_serializing_if = "Option::is_none")]
    pub disk_config: Option<String>,
    /// Host name inside. From 2.90.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hostname: Option<String>,
}

/// What to change to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Resize {
    /// The flavor.
    #[serde(rename = "flavorRef")]
    pub flavor_ref: String,
    /// `AUTO`, `MANUAL`.
    #[serde(
        default,
        rename = "OS-DCF:diskConfig",
        skip_serializing_if = "Option::is_none"
    )]
    pub disk_config: Option<String>,
}

/// The image to make.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreateImage {
    /// Its name.
    pub name: String,
    /// Its properties.
    #[serde(default, deserialize_with = "null_default")]
    pub metadata: Metadata,
}

/// `{"image_id": "…"}`; answer to `createImage` from 2.45.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageCreated {
    /// The image.
    pub image_id: String,
}

/// How much of the log.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ConsoleOutputQuery {
    /// Lines; all that is kept when absent or -1.
    #[serde(
        deserialize_with = "flexible_int",
        skip_serializing_if = "Option::is_none"
    )]
    pub length: Option<i64>,
}

/// `{"type": "serial"}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConsoleType {
    /// `serial`.
    #[serde(rename = "type")]
    pub kind: String,
}

/// `{"state": "error"}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResetState {
    /// `active` or `error`.
    pub state: String,
}

/// How to rescue.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Rescue {
    /// Password of the administrator inside.
    #[serde(rename = "adminPass", skip_serializing_if = "Option::is_none")]
    pub admin_pass: Option<Secret>,
    /// Image to boot from; the server's own when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rescue_image_ref: Option<String>,
}

/// Where to move. From 2.56.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Migrate {
    /// The host; the scheduler's choice when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
}

/// Where and how to move.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct MigrateLive {
    /// The host; the scheduler's choice when `null`.
    pub host: Option<String>,
    /// `true`, `false` or `"auto"`: whether disks are copied.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub block_migration: Option<BlockMigration>,
}

/// Where to make it anew.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Evacuate {
    /// The host; the scheduler's choice when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
}

/// Whether disks are copied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum BlockMigration {
    /// As said.
    Flag(bool),
    /// `auto`. From 2.25.
    Word(String),
}

/// `{"adminPass": "…"}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangePassword {
    /// The new one.
    #[serde(rename = "adminPass")]
    pub admin_pass: Secret,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> ServerAction {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn actions_as_clients_send_them() {
        assert_eq!(read(r#"{"os-start": null}"#), ServerAction::Start(Nothing));
        assert_eq!(read(r#"{"os-stop": {}}"#), ServerAction::Stop(Nothing));
        assert_eq!(
            read(r#"{"reboot": {"type": "HARD"}}"#),
            ServerAction::hard_reboot()
        );
        assert_eq!(
            read(r#"{"reboot": {"type": "soft"}}"#),
            ServerAction::soft_reboot()
        );
        assert_eq!(read(r#"{"lock": null}"#), ServerAction::Lock(None));
        assert_eq!(
            read(r#"{"lock": {"locked_reason": "keep"}}"#),
            ServerAction::Lock(Some(LockReason {
                locked_reason: Some("keep".into())
            }))
        );
        assert_eq!(
            read(r#"{"os-getConsoleOutput": {"length": "50"}}"#),
            ServerAction::GetConsoleOutput(ConsoleOutputQuery { length: Some(50) })
        );
        let ServerAction::Rebuild(rebuild) =
            read(r#"{"rebuild": {"imageRef": "i", "key_name": null, "adminPass": "pw"}}"#)
        else {
            panic!("a rebuild")
        };
        assert_eq!(rebuild.key_name, Some(None));
        assert_eq!(rebuild.user_data, None);
    }

    #[test]
    fn what_is_no_action_is_refused() {
        for text in [
            r#"{"os-dance": null}"#,
            r#"{}"#,
            r#"{"os-start": null, "os-stop": null}"#,
            r#"{"reboot": {"type": "MEDIUM"}}"#,
            r#"{"resize": {}}"#,
        ] {
            assert!(
                serde_json::from_str::<ServerAction>(text).is_err(),
                "{text}"
            );
        }
    }

    #[test]
    fn an_action_without_a_body_is_written_as_null() {
        assert_eq!(
            serde_json::to_string(&ServerAction::ConfirmResize(Nothing)).unwrap(),
            r#"{"confirmResize":null}"#
        );
        assert_eq!(
            serde_json::to_string(&ServerAction::Lock(None)).unwrap(),
            r#"{"lock":null}"#
        );
    }
}
