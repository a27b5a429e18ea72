//! The XML of guests, whole.

use super::*;
use crate::ids::ServerId;

fn id<T>(last: u128) -> crate::ids::Id<T> {
    crate::ids::Id::from_uuid(uuid::Uuid::from_u128(
        0x0199_0000_0000_7000_8000_0000_0000_0000 + last,
    ))
}

fn spec() -> GuestSpec {
    GuestSpec {
        id: id(1),
        generation: 4,
        name: "instance-00000000001".into(),
        title: "web & <more>\n\u{1b}[31m".into(),
        vcpus: 2,
        memory_mb: 2048,
        virt_type: VirtType::Qemu,
        machine: None,
        disks: vec![
            disk_spec(DiskBus::Virtio, None),
            disk_spec(DiskBus::Virtio, Some(id(2))),
        ],
        config_drive: Some("/srv/1/config.iso".into()),
        nics: vec![NicSpec {
            port: id(3),
            tap: "tap00000000003".into(),
            bridge: "brq1".into(),
            mac: "fa:16:3e:00:00:03".into(),
            mtu: 1450,
            model: "virtio".into(),
        }],
        console_log: "/srv/1/console.log".into(),
    }
}

fn disk_spec(bus: DiskBus, serial: Option<VolumeId>) -> DiskSpec {
    DiskSpec {
        path: "/srv/1/disk".into(),
        format: DiskFormat::Qcow2,
        bus,
        device: DiskDevice::Disk,
        serial,
    }
}

#[test]
fn a_translated_guest() {
    insta::assert_snapshot!(render(&spec(), &|_| true).unwrap());
}

#[test]
fn a_kvm_guest_on_q35_with_old_buses() {
    let mut spec = spec();
    spec.virt_type = VirtType::Kvm;
    spec.machine = Some("q35".into());
    spec.title = "plain".into();
    spec.disks = vec![
        disk_spec(DiskBus::Ide, None),
        disk_spec(DiskBus::Scsi, Some(id(2))),
    ];
    spec.nics[0].model = "e1000e".into();
    let xml = render(&spec, &|_| false).unwrap();
    let ports = xml.matches("pcie-root-port").count();
    assert_eq!(ports, 3 + 1 + 3 + SPARE_SLOTS);
    let line = "    <controller type=\"pci\" model=\"pcie-root-port\"/>\n";
    insta::assert_snapshot!(xml.replace(line, ""));
}

#[test]
fn devices_and_a_backup_alone() {
    let disk = disk_spec(DiskBus::Virtio, Some(id(2)));
    let disk = render_disk(&disk, "vdc", &|_| true).unwrap();
    let nic = render_nic(&spec().nics[0]).unwrap();
    let found = Found::read(&render(&spec(), &|_| true).unwrap()).unwrap();
    let backup = render_backup(&found, "/srv/a & b").unwrap();
    insta::assert_snapshot!(format!("{disk}\n\n{nic}\n\n{backup}"));
}

#[test]
fn what_is_written_can_be_read_back() {
    let spec = spec();
    let xml = render(&spec, &|_| true).unwrap();
    let found = Found::read(&xml).unwrap();
    assert_eq!(found.disk(id(2)).unwrap().target(), "vdb");
    assert!(found.has_port(id(3)) && found.has_mac("fa:16:3e:00:00:03"));
    assert_eq!(found.root().unwrap().format(), Some("qcow2"));
    let start = xml.find("<skydeck:guest").unwrap();
    let mark = super::super::found::Mark::read(&xml[start..]).unwrap();
    let server: ServerId = id(1);
    assert_eq!((mark.id, mark.generation), (server, 4));
}

#[rstest::rstest]
#[case(96, 1, 32)]
#[case(96, 8, 128)]
#[case(1024, 1, 128)]
#[case(65_536, 4, 512)]
fn the_translation_cache_grows_with_the_guest(
    #[case] memory_mb: u64,
    #[case] vcpus: u32,
    #[case] mib: u64,
) {
    assert_eq!(translation_cache(memory_mb, vcpus), mib);
}
