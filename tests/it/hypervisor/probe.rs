//! The KVM probe with a real kernel.

use std::path::Path;

use skydeck::hypervisor::probe::{Boot, EMULATOR, Probe};

use super::*;

/// The test guest's kernel, out of its disk's first partition.
fn kernel(dir: &Path) -> PathBuf {
    let kernel = dir.join("vmlinuz");
    let partition = format!("{}@@1M", guest::raw().display());
    let copied = std::process::Command::new("mcopy")
        .args(["-i", &partition, "::vmlinuz"])
        .arg(&kernel)
        .status()
        .unwrap();
    assert!(copied.success());
    kernel
}

#[tokio::test]
async fn a_kernel_that_boots_is_told_from_one_that_does_not() {
    let dir = tempfile::tempdir().unwrap();
    let probe = Probe {
        emulator: EMULATOR.into(),
        kernel: Some(kernel(dir.path())),
        cache: Some(dir.path().to_owned()),
        cpu_model: "test".into(),
    };
    assert_eq!(probe.boot("tcg", LONG).await, Boot::Works);
    let early = probe.boot("tcg", Duration::from_millis(200)).await;
    assert!(matches!(early, Boot::Fails(_)), "{early:?}");

    // What is said of KVM here is what guests find: the answer of the first probe, kept, is that of a second boot.
    let chosen = probe.virt_type().await;
    let boot = probe.boot("kvm", Duration::from_secs(20)).await;
    assert_eq!(chosen == VirtType::Kvm, boot == Boot::Works, "{boot:?}");
    let kept = dir.path().join("kvm-probe.json").exists();
    assert_eq!(kept, !matches!(boot, Boot::NotTried(_)), "{boot:?}");
    assert_eq!(probe.virt_type().await, chosen);
    eprintln!("KVM on this machine: {boot:?}");
}
