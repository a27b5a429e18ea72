//! The engine on libvirt's test driver: real libvirt, fake guests, nothing but this process.

use std::io::Write;

use super::*;
use crate::hypervisor::PowerState;

/// A fake host of its own, with one domain that is not ours.
async fn host() -> (Libvirt, tempfile::NamedTempFile) {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(
        b"<node><domain type='test'><name>foreign</name><uuid>11111111-1111-4111-8111-111111111111</uuid>
          <memory>65536</memory><vcpu>1</vcpu><os><type>hvm</type></os></domain>
          <cpu><mhz>2000</mhz><model>fake</model><active>8</active><nodes>1</nodes><sockets>1</sockets>
          <cores>8</cores><threads>1</threads></cpu><memory>8388608</memory></node>",
    )
    .unwrap();
    let uri = format!("test://{}", file.path().display());
    (Libvirt::open(&uri, OpenOptions::default()).unwrap(), file)
}

fn guest() -> GuestSpec {
    let id = ServerId::new();
    GuestSpec {
        id,
        generation: 3,
        name: format!("instance-{}", id.short()),
        title: "web".into(),
        vcpus: 1,
        memory_mb: 64,
        virt_type: VirtType::Sim,
        machine: None,
        disks: Vec::new(),
        config_drive: None,
        nics: Vec::new(),
        console_log: "/dev/null".into(),
    }
}

async fn next(events: &mut broadcast::Receiver<HvEvent>, wanted: &HvEvent) {
    let found = async { while events.recv().await.unwrap() != *wanted {} };
    let waited = tokio::time::timeout(Duration::from_secs(20), found).await;
    waited.unwrap_or_else(|_| panic!("no {wanted:?}"));
}

#[tokio::test]
async fn the_host_is_described() {
    let (host, _file) = host().await;
    let info = host.host().await.unwrap();
    assert_eq!((info.vcpus, info.memory_mb), (8, 8192));
    assert_eq!(info.virt_type, VirtType::Sim);
}

#[tokio::test]
async fn a_guest_lives_and_foreign_domains_are_left_alone() {
    let (host, _file) = host().await;
    let mut spec = guest();
    let id = spec.id;
    let mut events = host.events();
    assert_eq!(host.guests().await.unwrap(), []);
    host.define(&spec).await.unwrap();
    spec.generation = 4;
    host.define(&spec).await.unwrap();
    let state = |power| GuestState {
        id,
        generation: 4,
        power,
    };
    assert_eq!(host.guests().await.unwrap(), [state(PowerState::Shutdown)]);
    host.start(id).await.unwrap();
    host.start(id).await.unwrap();
    next(
        &mut events,
        &HvEvent::Power {
            id,
            power: PowerState::Running,
        },
    )
    .await;
    host.pause(id).await.unwrap();
    assert_eq!(host.guests().await.unwrap(), [state(PowerState::Paused)]);
    next(
        &mut events,
        &HvEvent::Power {
            id,
            power: PowerState::Paused,
        },
    )
    .await;
    host.resume(id).await.unwrap();
    assert_eq!(host.stats().await.unwrap().len(), 1);
    host.destroy(id).await.unwrap();
    host.destroy(id).await.unwrap();
    next(
        &mut events,
        &HvEvent::Power {
            id,
            power: PowerState::Shutdown,
        },
    )
    .await;
    let refused = host.pause(id).await.unwrap_err();
    assert_eq!(
        refused.to_string(),
        "the guest is shutdown: pausing is not possible"
    );
    host.undefine(id).await.unwrap();
    host.undefine(id).await.unwrap();
    next(&mut events, &HvEvent::Gone { id }).await;
    assert!(matches!(host.start(id).await, Err(HvError::NotFound(_))));

    let foreign = ServerId::from_uuid("11111111-1111-4111-8111-111111111111".parse().unwrap());
    assert!(matches!(
        host.destroy(foreign).await,
        Err(HvError::NotFound(_))
    ));
    spec.id = foreign;
    let refused = host.define(&spec).await.unwrap_err();
    assert!(refused.to_string().contains("not Skydeck's"), "{refused}");
}

#[tokio::test]
async fn an_engine_without_a_daemon_says_what_is_wrong() {
    let uri = "qemu+unix:///system?socket=/nonexistent/libvirt-sock";
    let host = Libvirt::open(uri, OpenOptions::default()).unwrap();
    let error = host.guests().await.unwrap_err();
    assert!(matches!(error, HvError::Unavailable(_)));
    assert!(
        error.to_string().contains("/nonexistent/libvirt-sock"),
        "{error}"
    );
}

#[rstest::rstest]
#[case("qemu:///system", true)]
#[case("qemu+unix:///system?socket=/a", true)]
#[case("qemu+ssh://root@other/system", false)]
#[case("qemu+tcp://10.0.0.1/system", false)]
fn an_address_says_whether_it_is_this_machine(#[case] uri: &str, #[case] local: bool) {
    assert_eq!(is_local(uri), local);
}
