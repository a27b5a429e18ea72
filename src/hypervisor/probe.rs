//! Whether guests really run under KVM here, found out by booting a kernel.
//!
//! A `/dev/kvm` that opens proves nothing: on some machines (nested virtualization by software, for one) firmware runs
//! under it and every real kernel dies. So a kernel of this machine is booted without a disk, with the host's processor,
//! and must come as far as looking for its root file system within [`LIMIT`]. No kernel that can be read, or any doubt,
//! means translation: slower, and never wrong. The answer is kept for this combination of kernel, QEMU and processor;
//! a setting overrides it all.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::Command;
use tokio::time::timeout;

use super::VirtType;

/// The emulator when libvirt names none.
pub const EMULATOR: &str = "/usr/bin/qemu-system-x86_64";
/// How long the kernel may take.
const LIMIT: Duration = Duration::from_secs(20);
/// How long it may take to its first word; under KVM it takes a fraction of a second.
const FIRST: Duration = Duration::from_secs(8);
/// File with the answer, in the cache directory.
const CACHE: &str = "kvm-probe.json";
/// What a kernel says once everything that matters works.
const LATE: [&str; 3] = [
    "Unable to mount root fs",
    "No working init found",
    "Run /init as init process",
];
/// How to override the answer.
const OVERRIDE: &str = "set agent.virt_type to \"kvm\" or \"qemu\" to override";

/// A probe to be made.
#[derive(Clone, Debug)]
pub struct Probe {
    /// The QEMU that guests will run in.
    pub emulator: PathBuf,
    /// The kernel to boot; the newest readable in `/boot` when absent.
    pub kernel: Option<PathBuf>,
    /// Directory where the answer is kept, if anywhere.
    pub cache: Option<PathBuf>,
    /// The processor's model: another processor, another answer.
    pub cpu_model: String,
}

/// How a boot ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Boot {
    /// The kernel came as far as it can without a disk.
    Works,
    /// It did not; the reason, with the last line it wrote.
    Fails(String),
    /// It could not be tried.
    NotTried(String),
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Kept {
    key: String,
    works: bool,
}

impl Probe {
    /// How guests shall execute: the answer kept, or else that of a boot. Says in the log what and why.
    pub async fn virt_type(&self) -> VirtType {
        let key = self.key().await;
        if let Some(works) = self.kept(&key) {
            return chosen(works);
        }
        let works = match self.boot("kvm", LIMIT).await {
            Boot::Works => {
                tracing::info!("a kernel boots under KVM: guests run in hardware");
                true
            }
            Boot::Fails(reason) => {
                tracing::warn!(
                    reason,
                    "KVM is there, but no kernel boots under it: guests are translated; {OVERRIDE}"
                );
                false
            }
            Boot::NotTried(reason) => {
                tracing::warn!(
                    reason,
                    "KVM could not be tried: guests are translated; {OVERRIDE}"
                );
                return VirtType::Qemu;
            }
        };
        self.keep(&Kept { key, works });
        chosen(works)
    }

    /// Boots the kernel under this accelerator (`kvm`, `tcg`) for at most `limit`.
    pub async fn boot(&self, accelerator: &str, limit: Duration) -> Boot {
        let kernel = match self
            .kernel
            .clone()
            .or_else(|| newest_kernel(Path::new("/boot")))
        {
            Some(kernel) => kernel,
            None => return Boot::NotTried("no readable kernel /boot/vmlinuz*".to_owned()),
        };
        if accelerator == "kvm"
            && let Err(error) = std::fs::OpenOptions::new()
                .read(true)
                .write(true)
                .open("/dev/kvm")
        {
            return Boot::NotTried(format!("/dev/kvm: {error}"));
        }
        if let Err(error) = std::fs::File::open(&kernel) {
            return Boot::NotTried(format!("kernel {}: {error}", kernel.display()));
        }
        let started = Command::new(&self.emulator)
            .args(["-accel", accelerator, "-machine", "pc", "-m", "256"])
            .args(["-cpu", if accelerator == "kvm" { "host" } else { "max" }])
            .args(["-nodefaults", "-no-user-config", "-display", "none"])
            .args(["-no-reboot", "-serial", "stdio", "-kernel"])
            .arg(&kernel)
            .args(["-append", "console=ttyS0 panic=-1"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn();
        let mut emulator = match started {
            Ok(emulator) => emulator,
            Err(error) => return Boot::NotTried(format!("{}: {error}", self.emulator.display())),
        };
        let (serial, complaints) = (emulator.stdout.take(), emulator.stderr.take());
        let mut seen = String::new();
        // Translated, a kernel on a busy machine may take its time.
        let first = if accelerator == "kvm" { FIRST } else { limit };
        let watched = timeout(limit, watch(serial, &mut seen, first)).await;
        // It has said what it had to say; killing it may fail only because it is gone.
        let _ = emulator.kill().await;
        match watched {
            Ok(Seen::Late) => Boot::Works,
            Ok(Seen::End) => {
                let mut reason = String::new();
                if let Some(complaints) = complaints {
                    // Without its reason the fact remains.
                    let _ = complaints.take(2048).read_to_string(&mut reason).await;
                }
                let reason = last_line(&reason).or_else(|| last_line(&seen));
                Boot::Fails(format!(
                    "the emulator ended: {}",
                    reason.unwrap_or("without a word")
                ))
            }
            Ok(Seen::Nothing) => Boot::Fails(format!(
                "the kernel had not said a word after {} s",
                first.as_secs()
            )),
            Err(_) => Boot::Fails(format!(
                "the kernel was not up after {} s; its last line: {}",
                limit.as_secs(),
                last_line(&seen).unwrap_or("none")
            )),
        }
    }

    /// What the answer depends on.
    async fn key(&self) -> String {
        let version = Command::new(&self.emulator)
            .arg("--version")
            .stdin(Stdio::null())
            .output()
            .await;
        let version = version.map_or_else(
            |error| error.to_string(),
            |output| String::from_utf8_lossy(&output.stdout).into_owned(),
        );
        let system = nix::sys::utsname::uname().map_or_else(
            |error| error.to_string(),
            |name| name.release().to_string_lossy().into_owned(),
        );
        format!(
            "{system} | {} | {}",
            version.lines().next().unwrap_or_default(),
            self.cpu_model
        )
    }

    fn kept(&self, key: &str) -> Option<bool> {
        let text = std::fs::read(self.cache.as_ref()?.join(CACHE)).ok()?;
        let kept: Kept = serde_json::from_slice(&text).ok()?;
        (kept.key == key).then_some(kept.works)
    }

    fn keep(&self, kept: &Kept) {
        let Some(dir) = &self.cache else { return };
        let write = || -> std::io::Result<()> {
            if !dir.exists() {
                std::fs::create_dir_all(dir)?;
                std::fs::set_permissions(dir, std::fs::Permissions::from_mode(0o700))?;
            }
            std::fs::write(dir.join(CACHE), serde_json::to_vec(kept)?)
        };
        if let Err(error) = write() {
            tracing::warn!(%error, dir = %dir.display(), "the probe's answer was not kept; it is made again next time");
        }
    }
}

fn chosen(works: bool) -> VirtType {
    if works { VirtType::Kvm } else { VirtType::Qemu }
}

/// What came over the serial line.
enum Seen {
    /// A late line of the boot.
    Late,
    /// Its end, before that.
    End,
    /// Not a word for so long that none will come.
    Nothing,
}

/// Reads the serial line until it is clear what will come of it. What was read is in `seen`.
async fn watch(serial: Option<impl AsyncRead + Unpin>, seen: &mut String, first: Duration) -> Seen {
    let Some(mut serial) = serial else {
        return Seen::End;
    };
    let mut buffer = [0; 4096];
    loop {
        let read = serial.read(&mut buffer);
        let count = if seen.is_empty() {
            match timeout(first, read).await {
                Ok(count) => count,
                Err(_) => return Seen::Nothing,
            }
        } else {
            read.await
        };
        let Ok(count @ 1..) = count else {
            return Seen::End;
        };
        seen.push_str(&String::from_utf8_lossy(&buffer[..count]));
        if LATE.iter().any(|line| seen.contains(line)) {
            return Seen::Late;
        }
        // Enough for a line that comes in two reads; a kernel that never stops talking does not fill memory.
        if seen.len() > 64 * 1024 {
            let cut = seen.floor_char_boundary(seen.len() - 4096);
            seen.drain(..cut);
        }
    }
}

fn last_line(text: &str) -> Option<&str> {
    text.lines().map(str::trim).rfind(|line| !line.is_empty())
}

/// The kernel in this directory that was changed last, of those that can be read.
fn newest_kernel(dir: &Path) -> Option<PathBuf> {
    std::fs::read_dir(dir)
        .ok()?
        .flatten()
        .filter(|entry| entry.file_name().to_string_lossy().starts_with("vmlinuz"))
        .map(|entry| entry.path())
        .filter(|path| std::fs::File::open(path).is_ok())
        .max_by_key(|path| path.metadata().and_then(|meta| meta.modified()).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn probe(cache: &Path) -> Probe {
        Probe {
            emulator: "/nonexistent/qemu".into(),
            kernel: Some("/nonexistent/kernel".into()),
            cache: Some(cache.to_owned()),
            cpu_model: "x".into(),
        }
    }

    #[tokio::test]
    async fn what_can_not_be_tried_is_translated_and_not_kept() {
        let dir = tempfile::tempdir().unwrap();
        let probe = probe(dir.path());
        assert_eq!(probe.virt_type().await, VirtType::Qemu);
        assert!(matches!(probe.boot("tcg", LIMIT).await, Boot::NotTried(_)));
        assert!(!dir.path().join(CACHE).exists());
    }

    #[tokio::test]
    async fn an_answer_is_kept_for_the_same_machine_only() {
        let dir = tempfile::tempdir().unwrap();
        let mut probe = probe(&dir.path().join("new"));
        let key = probe.key().await;
        probe.keep(&Kept { key, works: true });
        assert_eq!(probe.virt_type().await, VirtType::Kvm);
        probe.cpu_model = "y".into();
        assert_eq!(probe.virt_type().await, VirtType::Qemu);
    }

    #[tokio::test]
    async fn an_emulator_that_ends_is_a_failure_with_its_last_words() {
        let dir = tempfile::tempdir().unwrap();
        let kernel = dir.path().join("vmlinuz-1");
        std::fs::write(&kernel, "").unwrap();
        assert_eq!(newest_kernel(dir.path()), Some(kernel.clone()));
        let emulator = dir.path().join("qemu");
        std::fs::write(
            &emulator,
            "#!/bin/sh\necho booting; echo no such thing >&2; exit 1\n",
        )
        .unwrap();
        std::fs::set_permissions(&emulator, std::fs::Permissions::from_mode(0o755)).unwrap();
        let probe = Probe {
            emulator,
            kernel: Some(kernel),
            ..probe(dir.path())
        };
        let boot = probe.boot("tcg", LIMIT).await;
        assert_eq!(
            boot,
            Boot::Fails("the emulator ended: no such thing".into())
        );
    }
}
