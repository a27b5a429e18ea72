//! Programs of the system, run with a deadline.

use std::ffi::OsString;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use super::error::HostError;

/// A program and the Debian package it comes with.
#[derive(Clone, Copy)]
pub struct Program {
    /// Its name.
    pub name: &'static str,
    /// The package.
    pub package: &'static str,
}

/// How long one run may take.
const DEADLINE: Duration = Duration::from_secs(30);

impl Program {
    /// Runs it, gives it `input`, and returns what it prints. Anything but success is an error with what it complains of.
    pub async fn run(self, arguments: &[&str], input: &[u8]) -> Result<Vec<u8>, HostError> {
        let mut child = Command::new(self.name)
            .args(arguments)
            // Administration programs may be outside a user's path.
            .env("PATH", path())
            .env("LC_ALL", "C")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|reason| HostError::Missing {
                program: self.name,
                package: self.package,
                reason,
            })?;
        let stdin = child.stdin.take();
        let work = async {
            let give = async {
                if let Some(mut stdin) = stdin {
                    // A program that ends early says why itself.
                    let _ = stdin.write_all(input).await;
                }
            };
            tokio::join!(give, child.wait_with_output()).1
        };
        let failed = |complaint| HostError::Program {
            program: self.name,
            complaint,
        };
        let output = tokio::time::timeout(DEADLINE, work)
            .await
            .map_err(|_| HostError::Slow {
                what: format!("{} {}", self.name, arguments.join(" ")),
                after: DEADLINE,
            })?
            .map_err(|reason| failed(reason.to_string()))?;
        if output.status.success() {
            return Ok(output.stdout);
        }
        let complaint = String::from_utf8_lossy(&output.stderr);
        let complaint: Vec<&str> = complaint.lines().map(str::trim).take(10).collect();
        Err(failed(format!(
            "{}: {}",
            output.status,
            complaint.join("; ")
        )))
    }
}

fn path() -> OsString {
    let mut path = std::env::var_os("PATH").unwrap_or_default();
    path.push(":/usr/sbin:/sbin:/usr/bin:/bin");
    path
}
