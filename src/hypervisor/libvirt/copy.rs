//! A self-contained copy of the root disk.
//!
//! Of a guest that is on, QEMU copies the disk itself: a backup job (`virDomainBackupBegin`, push mode) writes the disk
//! as it was when the job began, block by block, and the guest's own writes wait only for the blocks they replace. The
//! guest's disk files stay as they are, so whatever dies in the middle (this process, libvirtd, the guest) leaves a
//! partial target and at most a running job; the next call ends both. An external snapshot with a commit back was
//! rejected: it puts a layer under a running guest, and a crash in the middle leaves the guest on that layer.
//!
//! Of a guest that is off, `qemu-img convert` copies the file. It locks the file, so the guest can not start meanwhile.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::Command;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};
use virt::sys as v;

use super::guest::Guest;
use super::{Libvirt, domain, sys};
use crate::hypervisor::{HvError, HvResult};
use crate::ids::ServerId;

/// How often a job is looked at.
const LOOK: Duration = Duration::from_millis(250);
/// How long a job that was broken off may take to end.
const END: Duration = Duration::from_secs(120);
/// A copy that does not move for so long is given up.
const STALL: Duration = Duration::from_secs(600);

/// How a copy reports how far it is, from 0 to 1.
pub(super) type Progress<'a> = &'a (dyn Fn(f64) + Send + Sync);

/// Copies the root disk to `target`; answers with the length of that file.
pub(super) async fn copy_root_disk(
    engine: &Libvirt,
    id: ServerId,
    target: &Path,
    progress: Progress<'_>,
) -> HvResult<u64> {
    end(engine, id, target).await?;
    let look = |guest: &Guest| Ok((guest.is_on()?, Source::of(guest)?));
    let (on, source) = engine
        .guest(id, "looking at its disks", engine.deadline, look)
        .await?;
    if on {
        back_up(engine, id, target, progress).await?;
    } else {
        convert(&source, target, progress).await?;
    }
    let written = tokio::fs::metadata(target).await;
    let written = written.map_err(|error| file_error("reading", target, &error))?;
    Ok(written.len())
}

/// The file behind the root disk.
struct Source {
    file: PathBuf,
    format: String,
}

impl Source {
    fn of(guest: &Guest) -> HvResult<Self> {
        let defined = guest.defined()?;
        let root = defined.root();
        let file = root.and_then(|disk| disk.file());
        let file = file.ok_or_else(|| HvError::NotFound(format!("root disk of {}", guest.id)))?;
        Ok(Self {
            file: file.into(),
            format: root.and_then(|disk| disk.format()).unwrap_or("raw").into(),
        })
    }
}

/// Ends what an earlier, broken-off call left: its job or process, and its partial file.
pub(super) async fn end(engine: &Libvirt, id: ServerId, target: &Path) -> HvResult<()> {
    let until = Instant::now() + END;
    loop {
        let ended = engine.guest(id, "ending an old copy", engine.deadline, end_job);
        match ended.await {
            // A guest that is gone has no job.
            Ok(false) | Err(HvError::NotFound(_)) => break,
            Ok(true) => {}
            Err(error) => return Err(error),
        }
        if Instant::now() > until {
            return Err(HvError::Unavailable(format!(
                "an earlier copy of the disk of {id} does not end"
            )));
        }
        tokio::time::sleep(LOOK).await;
    }
    end_converter(target);
    match tokio::fs::remove_file(target).await {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(file_error("removing", target, &error))
        }
        _ => Ok(()),
    }
}

/// Aborts a backup job; answers whether there was one.
fn end_job(guest: &Guest) -> HvResult<bool> {
    if !guest.is_on()? {
        return Ok(false);
    }
    let (kind, values) = match sys::job(&guest.domain, 0) {
        Err(HvError::WrongState { .. } | HvError::Unsupported(_)) => return Ok(false),
        Err(error) if is_between(&error) => return Ok(true),
        job => job?,
    };
    let ours = kind != v::VIR_DOMAIN_JOB_NONE
        && sys::number(&values, "operation") == Some(u64::from(v::VIR_DOMAIN_JOB_OPERATION_BACKUP));
    if ours {
        match sys::abort_job(&guest.domain) {
            // It ended by itself.
            Err(HvError::WrongState { .. }) | Ok(()) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(ours)
}

/// Copies the disk of a guest that is on.
async fn back_up(
    engine: &Libvirt,
    id: ServerId,
    target: &Path,
    progress: Progress<'_>,
) -> HvResult<()> {
    let file = target.display().to_string();
    let begin = move |guest: &Guest| {
        let live = guest
            .live()?
            .ok_or_else(|| HvError::Unavailable("the guest was switched off just now".into()))?;
        sys::backup_begin(&guest.domain, &domain::render_backup(&live, &file)?)
    };
    engine
        .guest(id, "beginning a copy", engine.deadline, begin)
        .await?;
    // A caller who goes away does not leave the job behind.
    let mut job = Job {
        engine: Some(engine),
        id,
    };
    let mut ticks = interval(LOOK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut moved = (0, Instant::now());
    loop {
        ticks.tick().await;
        match engine.guest(id, "copying", engine.deadline, look).await? {
            Step::Done => {
                job.engine = None;
                progress(1.0);
                return Ok(());
            }
            Step::Failed(reason) => {
                job.engine = None;
                return Err(HvError::Refused(format!(
                    "copying the disk failed: {reason}"
                )));
            }
            Step::At { done, total } => {
                if done > moved.0 {
                    moved = (done, Instant::now());
                } else if moved.1.elapsed() > STALL {
                    return Err(HvError::Refused(format!(
                        "copying the disk did not move for {} s; is the storage full or gone?",
                        STALL.as_secs()
                    )));
                }
                if total > 0 {
                    progress(done as f64 / total as f64);
                }
            }
        }
    }
}

/// Where a job is.
enum Step {
    At { done: u64, total: u64 },
    Done,
    Failed(String),
}

fn look(guest: &Guest) -> HvResult<Step> {
    let (kind, values) = match sys::job(&guest.domain, 0) {
        Err(HvError::WrongState { .. }) => return Ok(Step::Failed("the guest was stopped".into())),
        Err(error) if is_between(&error) => return Ok(Step::At { done: 0, total: 0 }),
        job => job?,
    };
    if kind != v::VIR_DOMAIN_JOB_NONE {
        let get = |name| sys::number(&values, name).unwrap_or(0);
        return Ok(Step::At {
            done: get("disk_processed"),
            total: get("disk_total"),
        });
    }
    let flags = v::VIR_DOMAIN_JOB_STATS_COMPLETED | v::VIR_DOMAIN_JOB_STATS_KEEP_COMPLETED;
    let (kind, values) = sys::job(&guest.domain, flags)?;
    Ok(match kind {
        v::VIR_DOMAIN_JOB_COMPLETED => Step::Done,
        v::VIR_DOMAIN_JOB_CANCELLED => Step::Failed("it was broken off".into()),
        _ => Step::Failed(
            sys::text(&values, "errmsg")
                .unwrap_or("libvirt gives no reason")
                .to_owned(),
        ),
    })
}

/// Whether libvirt was asked about a backup job while it was setting it up or putting it away.
fn is_between(error: &HvError) -> bool {
    matches!(error, HvError::Refused(reason) if reason.contains("backup job data missing"))
}

/// A running job, broken off when dropped.
struct Job<'a> {
    engine: Option<&'a Libvirt>,
    id: ServerId,
}

impl Drop for Job<'_> {
    fn drop(&mut self) {
        if let Some(engine) = self.engine
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            let ending = engine.guest(self.id, "ending a copy", engine.deadline, end_job);
            runtime.spawn(async move {
                if let Err(error) = ending.await {
                    tracing::debug!(%error, "a copy was not broken off; the next one will do that");
                }
            });
        }
    }
}

/// Copies the disk of a guest that is off.
async fn convert(source: &Source, target: &Path, progress: Progress<'_>) -> HvResult<()> {
    let mut converter = Command::new("qemu-img")
        .args(["convert", "-p", "-f", &source.format, "-O", "qcow2"])
        .args([&source.file, target])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| {
            HvError::Unavailable(format!("qemu-img: {error}; apt-get install qemu-utils"))
        })?;
    let shown = converter.stdout.take();
    let said = converter.stderr.take();
    let follow = async {
        let mut reason = String::new();
        let (followed, _) = tokio::join!(follow(shown, progress), async {
            if let Some(said) = said {
                // What can not be read is not reported.
                let _ = said.take(4096).read_to_string(&mut reason).await;
            }
        });
        followed.map(|()| reason)
    };
    let reason = follow.await?;
    let status = converter.wait().await;
    let status = status.map_err(|error| HvError::Unavailable(format!("qemu-img: {error}")))?;
    if !status.success() {
        return Err(HvError::Refused(format!(
            "copying the disk failed: {}",
            reason.trim()
        )));
    }
    progress(1.0);
    Ok(())
}

/// Reads `(12.34/100%)` and the like until the end.
async fn follow(shown: Option<impl AsyncRead + Unpin>, progress: Progress<'_>) -> HvResult<()> {
    let Some(mut shown) = shown else {
        return Ok(());
    };
    let mut buffer = [0; 256];
    loop {
        let count = timeout(STALL, shown.read(&mut buffer)).await;
        let count = count.map_err(|_| {
            HvError::Refused(format!("qemu-img did not move for {} s", STALL.as_secs()))
        })?;
        match count {
            Ok(0) | Err(_) => return Ok(()),
            Ok(count) => {
                let text = String::from_utf8_lossy(&buffer[..count]);
                if let Some(part) = last_percentage(&text) {
                    progress(part / 100.0);
                }
            }
        }
    }
}

fn last_percentage(text: &str) -> Option<f64> {
    let (before, _) = text.rsplit_once("/100%)")?;
    before.rsplit_once('(')?.1.trim().parse().ok()
}

/// Ends a converter that writes to `target`, left by a process that was killed.
fn end_converter(target: &Path) {
    use std::os::unix::ffi::OsStrExt;
    let Ok(processes) = std::fs::read_dir("/proc") else {
        return;
    };
    for process in processes.flatten() {
        let name = process.file_name();
        let Some(pid) = name.to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        let Ok(line) = std::fs::read(process.path().join("cmdline")) else {
            continue;
        };
        let mut words = line
            .trim_ascii_end()
            .strip_suffix(b"\0")
            .unwrap_or(&line)
            .split(|b| *b == 0);
        if words.next() == Some(b"qemu-img")
            && words.next_back() == Some(target.as_os_str().as_bytes())
        {
            tracing::info!(pid, target = %target.display(), "ending a copy that an earlier process began");
            let killed = nix::sys::signal::kill(
                nix::unistd::Pid::from_raw(pid),
                nix::sys::signal::Signal::SIGKILL,
            );
            if let Err(error) = killed {
                tracing::warn!(pid, %error, "it could not be ended");
            }
        }
    }
}

fn file_error(doing: &str, path: &Path, error: &std::io::Error) -> HvError {
    HvError::Refused(format!("{doing} {}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[test]
    fn the_last_percentage_counts() {
        assert_eq!(
            last_percentage("    (0.00/100%)\r    (12.50/100%)\r"),
            Some(12.5)
        );
        assert_eq!(last_percentage("    (12.5"), None);
    }

    #[tokio::test]
    async fn a_file_is_converted_with_progress_and_a_bad_one_says_why() {
        let dir = tempfile::tempdir().unwrap();
        let source = Source {
            file: dir.path().join("a"),
            format: "raw".into(),
        };
        std::fs::write(&source.file, vec![7; 3 << 20]).unwrap();
        let seen = Mutex::new(Vec::new());
        let note = |part: f64| seen.lock().unwrap().push(part);
        let target = dir.path().join("b");
        convert(&source, &target, &note).await.unwrap();
        assert_eq!(&std::fs::read(&target).unwrap()[..4], b"QFI\xfb");
        assert_eq!(seen.lock().unwrap().last(), Some(&1.0));
        let missing = Source {
            file: dir.path().join("c"),
            format: "raw".into(),
        };
        let failed = convert(&missing, &target, &|_| {}).await.unwrap_err();
        assert!(failed.to_string().contains("No such file"), "{failed}");
    }

    #[tokio::test]
    async fn a_converter_left_behind_is_ended() {
        let target = Path::new("/nonexistent/left-behind.qcow2");
        // Stands for a qemu-img: the same first and last word on its command line, and it waits for ever.
        let mut left = Command::new("bash")
            .arg0("qemu-img")
            .args(["-c", "read -r line"])
            .arg(target)
            .stdin(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        end_converter(Path::new("/nonexistent/another.qcow2"));
        assert!(left.try_wait().unwrap().is_none());
        end_converter(target);
        assert!(!left.wait().await.unwrap().success());
    }
}
