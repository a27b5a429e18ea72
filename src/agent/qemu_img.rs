//! Runs `qemu-img`, for what only QEMU can do: copy, grow and snapshot disks.
//!
//! Formats are always said, never probed. Every run has a deadline and dies with its caller. What QEMU says in the end is
//! what the operator reads, sorted by what can be done about it: a file that a guest has open is a conflict.

use std::ffi::OsStr;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::Command;

use crate::bus::{Fault, FaultKind};

/// Most that is kept of what it says.
const MAX_TEXT: usize = 64 << 10;

/// Runs it and gives what it printed. `told` hears percentages, if it prints them (`-p`).
pub(super) async fn run<S: AsRef<OsStr>>(
    arguments: &[S],
    deadline: Duration,
    told: &(dyn Fn(u64) + Send + Sync),
) -> Result<String, Fault> {
    let mut child = Command::new("qemu-img")
        .args(arguments)
        .env("LC_ALL", "C")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| {
            Fault::new(
                FaultKind::Refused,
                format!(
                    "qemu-img can not be run: {error}; install the package qemu-utils on this host"
                ),
            )
        })?;
    let (out, err) = (child.stdout.take(), child.stderr.take());
    let work = async {
        let ignore = |_| {};
        let (printed, errors) = tokio::join!(read(out, told), read(err, &ignore));
        (child.wait().await, printed, errors)
    };
    let Ok((status, printed, errors)) = tokio::time::timeout(deadline, work).await else {
        return Err(Fault::new(
            FaultKind::Unavailable,
            format!("qemu-img did not end within {} s", deadline.as_secs()),
        ));
    };
    match status {
        Ok(status) if status.success() => Ok(printed),
        Ok(_) => Err(fault(&errors)),
        Err(error) => Err(Fault::new(
            FaultKind::Unavailable,
            format!("qemu-img was lost: {error}"),
        )),
    }
}

/// Reads all of it, bounded, and tells percentages of the form `(12.34/100%)` as they come.
async fn read(
    stream: Option<impl AsyncRead + Unpin>,
    told: &(dyn Fn(u64) + Send + Sync),
) -> String {
    let Some(mut stream) = stream else {
        return String::new();
    };
    let mut all = Vec::new();
    let mut piece = [0; 4096];
    while let Ok(count) = stream.read(&mut piece).await {
        if count == 0 {
            break;
        }
        let text = String::from_utf8_lossy(&piece[..count]);
        if let Some(percent) = percent(&text) {
            told(percent);
        }
        all.extend_from_slice(&piece[..count.min(MAX_TEXT - all.len())]);
    }
    String::from_utf8_lossy(&all).into_owned()
}

fn percent(text: &str) -> Option<u64> {
    let end = text.rfind("/100%)")?;
    let start = text[..end].rfind('(')? + 1;
    text[start..end].split('.').next()?.parse().ok()
}

fn fault(errors: &str) -> Fault {
    let last = errors
        .lines()
        .rfind(|line| !line.trim().is_empty())
        .unwrap_or("it said nothing");
    let text = last.trim_start_matches("qemu-img: ").trim();
    let locked = errors.contains("lock");
    let (kind, advice) = if locked {
        (FaultKind::Conflict, "; a running server has it open")
    } else if errors.contains("No space left") {
        (FaultKind::Refused, "; free some space on this host")
    } else {
        (FaultKind::Refused, "")
    };
    Fault::new(kind, format!("qemu-img: {text}{advice}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentages_and_reasons_are_read() {
        assert_eq!(percent("    (12.34/100%)\r    (13.00/100%)\r"), Some(13));
        assert_eq!(percent("nothing"), None);
        let found = fault(
            "qemu-img: Could not open 'x': Failed to get \"write\" lock\nIs another process using the image [x]?\n",
        );
        assert_eq!(found.kind, FaultKind::Conflict);
        let found = fault("qemu-img: error while writing: No space left on device\n");
        assert!(found.message.contains("free some space"));
    }

    #[tokio::test]
    async fn a_run_that_fails_says_why_and_one_that_hangs_ends() {
        let error = run(
            &["info", "-f", "qcow2", "/nonexistent"],
            Duration::from_secs(20),
            &|_| {},
        )
        .await
        .unwrap_err();
        assert!(error.message.contains("/nonexistent"), "{error}");
        let dir = tempfile::tempdir().unwrap();
        let pipe = dir.path().join("pipe");
        nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
        let path = pipe.display().to_string();
        let error = run(
            &["info", "-f", "raw", &path],
            Duration::from_millis(200),
            &|_| {},
        )
        .await
        .unwrap_err();
        assert!(
            matches!(error.kind, FaultKind::Unavailable | FaultKind::Refused),
            "{error}"
        );
    }
}
