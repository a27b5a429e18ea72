//! What older microversions of Nova look like: the one place that knows.
//!
//! Each function takes the newest and fullest shape and a version, and takes away or rewrites what that version does not
//! have. They are total and idempotent. Fields that depend on who asks are left out before, by the API.

use super::{
    AbsoluteLimits, ComputeService, Flavor, Hypervisor, InstanceAction, Keypair, Migration,
    QuotaSet, Server, ServerFlavor, ServerGroup, ServerMigration, VolumeAttachment,
};
use crate::api::wire::{IntOrText, Link, Microversion};

/// Whether `version` is 2.`minor` or newer.
pub fn since(version: Microversion, minor: u16) -> bool {
    version >= Microversion::new(2, minor)
}

/// A server in show, and in a detailed list.
pub fn server_at(mut server: Server, version: Microversion, in_list: bool) -> Server {
    if !since(version, 3) {
        server.reservation_id = None;
        server.launch_index = None;
        server.hostname = None;
        server.root_device_name = None;
        server.user_data = None;
        server.kernel_id = None;
        server.ramdisk_id = None;
        for volume in &mut server.volumes_attached {
            volume.delete_on_termination = None;
        }
    }
    if !since(version, 9) {
        server.locked = None;
    }
    if !since(version, 16) {
        server.host_status = None;
    }
    if !since(version, 19) {
        server.description = None;
    }
    if !since(version, 26) {
        server.tags = None;
    }
    server.flavor = server_flavor_at(server.flavor, version);
    if !since(version, 63) {
        server.trusted_image_certificates = None;
    }
    if !since(version, 71) || in_list {
        server.server_groups = None;
    }
    if !since(version, 73) {
        server.locked_reason = None;
    }
    server
}

/// A server's flavor: before 2.47 a reference (id and links), then what it was when the server was made. The fullest
/// shape holds both.
fn server_flavor_at(flavor: ServerFlavor, version: Microversion) -> ServerFlavor {
    if !since(version, 47) {
        return ServerFlavor {
            id: flavor.id,
            links: flavor.links,
            ..ServerFlavor::default()
        };
    }
    ServerFlavor {
        id: None,
        links: Vec::<Link>::new(),
        ..flavor
    }
}

/// A move in the list of all.
pub fn migration_at(mut migration: Migration, version: Microversion) -> Migration {
    if !since(version, 23) {
        migration.migration_type = None;
        migration.links = None;
    }
    if !since(version, 59) {
        migration.uuid = None;
    }
    if !since(version, 80) {
        migration.user_id = None;
        migration.project_id = None;
    }
    migration
}

/// A live migration that is under way.
pub fn server_migration_at(
    mut migration: ServerMigration,
    version: Microversion,
) -> ServerMigration {
    if !since(version, 59) {
        migration.uuid = None;
    }
    if !since(version, 80) {
        migration.user_id = None;
        migration.project_id = None;
    }
    migration
}

/// A group of servers.
pub fn server_group_at(mut group: ServerGroup, version: Microversion) -> ServerGroup {
    if since(version, 64) {
        group.policies = None;
        group.metadata = None;
    } else {
        group.policy = None;
        group.rules = None;
    }
    if !since(version, 13) {
        group.project_id = None;
        group.user_id = None;
    }
    group
}

/// A flavor in show, and in a detailed list.
pub fn flavor_at(mut flavor: Flavor, version: Microversion) -> Flavor {
    if !since(version, 55) {
        flavor.description = None;
    }
    if !since(version, 61) {
        flavor.extra_specs = None;
    }
    flavor.swap = match flavor.swap.get() {
        0 if !since(version, 75) => IntOrText::Text(String::new()),
        swap => IntOrText::Int(swap),
    };
    flavor
}

/// A key pair. `create` is for the answer to a create, which shows fewer fields than show does.
pub fn keypair_at(mut keypair: Keypair, version: Microversion, create: bool) -> Keypair {
    if !since(version, 2) {
        keypair.kind = None;
    }
    if create {
        keypair.id = None;
        keypair.created_at = None;
        keypair.updated_at = None;
        keypair.deleted_at = None;
        keypair.deleted = None;
    } else {
        keypair.private_key = None;
    }
    keypair
}

/// A key pair in a list: name, key and fingerprint only.
pub fn keypair_in_list_at(keypair: Keypair, version: Microversion) -> Keypair {
    Keypair {
        user_id: None,
        ..keypair_at(
            Keypair {
                private_key: None,
                ..keypair
            },
            version,
            true,
        )
    }
}

/// Whether a key pair may be made by the cloud; from 2.92 on the public key is needed.
pub fn keypair_generation(version: Microversion) -> bool {
    !since(version, 92)
}

/// A hypervisor in show, and in a detailed list. Its id is the caller's to choose: a UUID from 2.53 on.
pub fn hypervisor_at(mut hypervisor: Hypervisor, version: Microversion) -> Hypervisor {
    if !since(version, 28) {
        hypervisor.cpu_info = hypervisor.cpu_info.map(|info| match info {
            serde_json::Value::String(_) => info,
            object => serde_json::Value::String(object.to_string()),
        });
    }
    if !since(version, 53) {
        hypervisor.servers = None;
    }
    if !since(version, 88) {
        hypervisor.uptime = None;
        return hypervisor;
    }
    Hypervisor {
        vcpus: None,
        vcpus_used: None,
        memory_mb: None,
        memory_mb_used: None,
        free_ram_mb: None,
        local_gb: None,
        local_gb_used: None,
        free_disk_gb: None,
        disk_available_least: None,
        running_vms: None,
        current_workload: None,
        cpu_info: None,
        ..hypervisor
    }
}

/// A service. Its id is the caller's to choose: a UUID from 2.53 on.
pub fn service_at(mut service: ComputeService, version: Microversion) -> ComputeService {
    if !since(version, 11) {
        service.forced_down = None;
    }
    service
}

/// An action, with or without its events.
pub fn instance_action_at(mut action: InstanceAction, version: Microversion) -> InstanceAction {
    if !since(version, 58) {
        action.updated_at = None;
    }
    for event in action.events.iter_mut().flatten() {
        if !since(version, 62) {
            event.host = None;
            event.host_id = None;
        }
        if !since(version, 84) {
            event.details = None;
        }
    }
    action
}

/// A volume of a server.
pub fn volume_attachment_at(
    mut attachment: VolumeAttachment,
    version: Microversion,
) -> VolumeAttachment {
    if !since(version, 70) {
        attachment.tag = None;
    }
    if !since(version, 79) {
        attachment.delete_on_termination = None;
    }
    if since(version, 89) {
        attachment.id = None;
    } else {
        attachment.id = Some(attachment.volume_id.clone());
        attachment.attachment_id = None;
        attachment.bdm_uuid = None;
    }
    attachment
}

/// Quotas: those of the network went with 2.36, those of injected files with 2.57.
pub fn quota_set_at<T>(mut quota: QuotaSet<T>, version: Microversion) -> QuotaSet<T> {
    if since(version, 36) {
        quota.fixed_ips = None;
        quota.floating_ips = None;
        quota.security_groups = None;
        quota.security_group_rules = None;
    }
    if since(version, 57) {
        quota.injected_files = None;
        quota.injected_file_content_bytes = None;
        quota.injected_file_path_bytes = None;
    }
    quota
}

/// Limits, likewise.
pub fn limits_at(mut limits: AbsoluteLimits, version: Microversion) -> AbsoluteLimits {
    if since(version, 36) {
        limits.max_total_floating_ips = None;
        limits.total_floating_ips_used = None;
        limits.max_security_groups = None;
        limits.max_security_group_rules = None;
        limits.total_security_groups_used = None;
    }
    if since(version, 39) {
        limits.max_image_meta = None;
    }
    if since(version, 57) {
        limits.max_personality = None;
        limits.max_personality_size = None;
    }
    limits
}

#[cfg(test)]
mod tests {
    use super::super::{AttachedVolume, InstanceActionEvent, NumberOrUuid};
    use super::*;

    fn v(minor: u16) -> Microversion {
        Microversion::new(2, minor)
    }

    fn full_server() -> Server {
        Server {
            flavor: ServerFlavor {
                id: Some("1".into()),
                links: vec![Link::new("bookmark", "http://c/flavors/1")],
                original_name: Some("m1.tiny".into()),
                vcpus: Some(1),
                ..ServerFlavor::default()
            },
            locked: Some(true),
            locked_reason: Some(None),
            description: Some(Some("d".into())),
            tags: Some(Vec::new()),
            host_status: Some("UP".into()),
            server_groups: Some(Vec::new()),
            hostname: Some("vm".into()),
            volumes_attached: vec![AttachedVolume {
                id: "v".into(),
                delete_on_termination: Some(false),
            }],
            ..Server::default()
        }
    }

    fn members(server: Server) -> Vec<String> {
        let value = serde_json::to_value(server).unwrap();
        value.as_object().unwrap().keys().cloned().collect()
    }

    #[test]
    fn a_server_has_the_members_of_its_version() {
        let has = |minor, name: &str, in_list| {
            members(server_at(full_server(), v(minor), in_list))
                .iter()
                .any(|member| member == name)
        };
        for (name, minor) in [
            ("OS-EXT-SRV-ATTR:hostname", 3),
            ("locked", 9),
            ("host_status", 16),
            ("description", 19),
            ("tags", 26),
            ("server_groups", 71),
            ("locked_reason", 73),
        ] {
            assert!(!has(minor - 1, name, false), "{name} before 2.{minor}");
            assert!(has(minor, name, false), "{name} at 2.{minor}");
        }
        assert!(!has(90, "server_groups", true));
    }

    #[test]
    fn the_flavor_of_a_server_is_a_reference_and_then_whole() {
        let flavor =
            |minor| serde_json::to_value(server_at(full_server(), v(minor), false).flavor).unwrap();
        assert_eq!(flavor(46)["id"], "1");
        assert!(flavor(46).get("vcpus").is_none());
        assert_eq!(flavor(47)["vcpus"], 1);
        assert!(flavor(47).get("id").is_none());
    }

    #[test]
    fn older_versions_are_a_fixed_point() {
        for minor in 1..=90 {
            let once = server_at(full_server(), v(minor), false);
            assert_eq!(server_at(once.clone(), v(minor), false), once);
        }
    }

    #[test]
    fn swap_was_text_when_there_was_none() {
        let swap =
            |minor| serde_json::to_value(flavor_at(Flavor::default(), v(minor)).swap).unwrap();
        assert_eq!(swap(74), "");
        assert_eq!(swap(75), 0);
    }

    #[test]
    fn sizes_of_hypervisors_went() {
        let hypervisor = || Hypervisor {
            id: NumberOrUuid::Number(1),
            vcpus: Some(2),
            cpu_info: Some(serde_json::json!({"arch": "x86_64"})),
            uptime: Some(None),
            ..Hypervisor::default()
        };
        assert_eq!(
            hypervisor_at(hypervisor(), v(27)).cpu_info,
            Some(serde_json::json!("{\"arch\":\"x86_64\"}"))
        );
        let old = hypervisor_at(hypervisor(), v(87));
        assert_eq!((old.vcpus, old.uptime), (Some(2), None));
        let new = hypervisor_at(hypervisor(), v(88));
        assert_eq!((new.vcpus, new.uptime), (None, Some(None)));
    }

    #[test]
    fn attachments_and_events_grow() {
        let attachment = VolumeAttachment {
            volume_id: "v".into(),
            tag: Some(None),
            delete_on_termination: Some(true),
            attachment_id: Some("a".into()),
            bdm_uuid: Some("b".into()),
            ..VolumeAttachment::default()
        };
        let at = |minor| volume_attachment_at(attachment.clone(), v(minor));
        assert_eq!(at(1).id.as_deref(), Some("v"));
        assert_eq!((at(69).tag, at(70).tag), (None, Some(None)));
        assert_eq!(at(89).id, None);
        assert!(at(89).bdm_uuid.is_some());
        let action = InstanceAction {
            events: Some(vec![InstanceActionEvent {
                host: Some("h".into()),
                details: Some(None),
                ..InstanceActionEvent::default()
            }]),
            ..InstanceAction::default()
        };
        let event = |minor| instance_action_at(action.clone(), v(minor)).events.unwrap()[0].clone();
        assert_eq!(event(61).host, None);
        assert!(event(62).host.is_some());
        assert_eq!((event(83).details, event(84).details), (None, Some(None)));
    }

    #[test]
    fn a_private_key_is_shown_once() {
        let keypair = Keypair {
            private_key: Some(crate::api::wire::Secret::new("k")),
            user_id: Some("u".into()),
            id: Some(1),
            kind: Some("ssh".into()),
            ..Keypair::default()
        };
        assert!(
            keypair_at(keypair.clone(), v(2), true)
                .private_key
                .is_some()
        );
        assert!(
            keypair_at(keypair.clone(), v(2), false)
                .private_key
                .is_none()
        );
        let listed = keypair_in_list_at(keypair, v(1));
        assert_eq!(
            (listed.private_key, listed.user_id, listed.kind),
            (None, None, None)
        );
        assert!(keypair_generation(v(91)) && !keypair_generation(v(92)));
    }
}
