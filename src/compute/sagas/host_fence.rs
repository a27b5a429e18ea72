//! A host that is silent is made dead for sure, and its servers are made anew elsewhere: fence → declare → evacuate.
//!
//! The operator's command cuts its power; it may be run twice. Only when it says that it succeeded the host counts as dead:
//! before that nothing is changed, and a command that fails leaves everything as it is. From then on there is no way back.

use std::process::Stdio;
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncReadExt};

use crate::compute::model::MovesGoal;
use crate::compute::ops::{self, HostDecision};
use crate::error::Error;
use crate::ids::Time;
use crate::saga::{Failure, Flow, Saga, Step, StepContext, StepError, StepResult};

/// Bytes of what the command says that are kept.
const SAID: u64 = 4096;
/// Servers that are made anew at a time.
const AT_ONCE: u32 = 8;
/// Seconds between looks whether an earlier run of moves of the host has ended.
const LOOK_AGAIN: i64 = 2;

/// The saga.
#[derive(Serialize, Deserialize)]
pub struct HostFence {
    host: String,
    /// Whether it is done although the host reports: an operator wants it.
    asked: bool,
    since: Time,
}

impl HostFence {
    /// Of this host.
    pub fn new(host: &str, asked: bool) -> Self {
        Self {
            host: host.to_owned(),
            asked,
            since: Time::now(),
        }
    }
}

impl Saga for HostFence {
    const KIND: &'static str = "host_fence";
    const VERSION: i64 = 1;

    fn steps() -> Vec<Step<Self>> {
        vec![
            Step::new("fence", fence),
            Step::new("declare", declare).commits(),
            Step::new("evacuate", evacuate),
        ]
    }
}

fn fence<'a>(cx: &'a StepContext, s: &'a mut HostFence) -> BoxFuture<'a, StepResult> {
    async move {
        if !s.asked && ops::host_is_up(cx, &s.host).await? {
            return Err(StepError::Failed(Failure::new(format!(
                "{} reports again",
                s.host
            ))));
        }
        let compute = &cx.config.compute;
        let patience = Duration::from_secs(compute.fencing_timeout);
        run(&compute.fencing_command, &s.host, patience)
            .await
            .map_err(|reason| {
                StepError::Failed(
                    Failure::new(format!("{} was not fenced: {reason}", s.host))
                        .hint("its servers stay as they are; see compute.fencing_command"),
                )
            })?;
        Ok(Flow::Next)
    }
    .boxed()
}

/// Runs the command with the host's name as its last argument.
async fn run(command: &[String], host: &str, patience: Duration) -> Result<(), String> {
    let Some((program, arguments)) = command.split_first() else {
        return Err("no command is configured".into());
    };
    let mut child = tokio::process::Command::new(program)
        .args(arguments)
        .arg(host)
        .env_clear()
        .env(
            "PATH",
            "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        )
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| format!("{program} could not be run: {error}"))?;
    let (out, err) = (child.stdout.take(), child.stderr.take());
    let ended = async { tokio::join!(child.wait(), said(out), said(err)) };
    let (status, out, err) = tokio::time::timeout(patience, ended)
        .await
        .map_err(|_| format!("{program} did not end within {} s", patience.as_secs()))?;
    let status = status.map_err(|error| format!("{program}: {error}"))?;
    if status.success() {
        return Ok(());
    }
    let said = [out, err].join(" ");
    Err(format!("{program} ended with {status}: {}", said.trim()))
}

/// The beginning of what the command says; the rest is read, so that it can end.
async fn said(stream: Option<impl AsyncRead + Unpin>) -> String {
    let Some(mut stream) = stream else {
        return String::new();
    };
    let mut bytes = Vec::new();
    let _ = (&mut stream).take(SAID).read_to_end(&mut bytes).await;
    let _ = tokio::io::copy(&mut stream, &mut tokio::io::sink()).await;
    String::from_utf8_lossy(&bytes).trim().to_owned()
}

fn declare<'a>(cx: &'a StepContext, s: &'a mut HostFence) -> BoxFuture<'a, StepResult> {
    async move {
        let dead = HostDecision {
            forced_down: Some(true),
            ..HostDecision::default()
        };
        match ops::host_update(cx, &s.host, &dead).await {
            Ok(_) | Err(Error::NotFound { .. }) => Ok(Flow::Next),
            Err(error) => Err(error.into()),
        }
    }
    .boxed()
}

fn evacuate<'a>(cx: &'a StepContext, s: &'a mut HostFence) -> BoxFuture<'a, StepResult> {
    async move {
        let goal = MovesGoal::Evacuate;
        let runs = ops::moves_list(cx).await?;
        let begun = runs.iter().any(|run| {
            run.goal == goal
                && run.host.as_ref() == Some(&s.host)
                && run.operation.created_at >= s.since
        });
        if begun {
            return Ok(Flow::Next);
        }
        match ops::moves_run(cx, goal, Some(&s.host), AT_ONCE).await {
            Ok(_) | Err(Error::NotFound { .. }) => Ok(Flow::Next),
            // A drain of it is under way, which ends now that it is dead.
            Err(Error::Conflict(_)) => Ok(Flow::Park(Time::now().plus_seconds(LOOK_AGAIN))),
            Err(error) => Err(error.into()),
        }
    }
    .boxed()
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn shell(script: &str, patience: Duration) -> Result<(), String> {
        let command = ["/bin/sh", "-c", script, "fence"].map(str::to_owned);
        run(&command, "h7", patience).await
    }

    #[tokio::test]
    async fn a_command_is_believed_only_when_it_succeeds_in_time() {
        let long = Duration::from_secs(60);
        shell("test $1 = h7", long).await.unwrap();
        let failed = shell("echo no answer from $1 >&2; exit 3", long).await;
        let reason = failed.unwrap_err();
        assert!(reason.contains("exit status: 3"), "{reason}");
        assert!(reason.contains("no answer from h7"), "{reason}");
        // What says much is cut, and what hangs is killed.
        let loud = shell("yes | head -c 1000000; exit 1", long).await;
        assert!(loud.unwrap_err().len() < 5000);
        let late = shell("exec sleep 600", Duration::from_millis(50)).await;
        assert!(late.unwrap_err().contains("did not end"));
        let missing = run(&["/nowhere/fence".to_owned()], "h7", long).await;
        assert!(missing.unwrap_err().contains("could not be run"));
        assert!(run(&[], "h7", long).await.is_err());
    }
}
