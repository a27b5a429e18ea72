//! Work that is done again and again, whoever is there to do it.
//!
//! A [`Periodic`] re-evaluates the world and takes no input: doing it once more, or twice at once, is only a waste. Where
//! several control processes share a database, each round is claimed in the table `periodic` by the database's clock, so
//! that one of them does it; a process that dies in a round is followed by another when its lease ends. Where there can
//! be one process only, nothing is written.

use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use crate::context::{Cloud, Context};
use crate::db::{DbResult, sql};
use crate::error::Result;

/// A kind of recurring work.
#[derive(Clone, Copy)]
pub struct Periodic {
    /// Its name, unique.
    pub name: &'static str,
    /// Pause between rounds.
    pub every: Duration,
    /// One round.
    pub run: for<'a> fn(&'a Context) -> BoxFuture<'a, Result<()>>,
}

/// Runs until stopped or dropped.
pub struct Reconcilers {
    stop: DropGuard,
    tasks: TaskTracker,
}

impl Reconcilers {
    /// Starts all of them, each on a task of its own; the first rounds begin at once. `work` is done by one control process
    /// at a time, `own` by each of them.
    pub fn start(cloud: &Arc<Cloud>, work: Vec<Periodic>, own: Vec<Periodic>) -> Self {
        let stop = CancellationToken::new();
        let tasks = TaskTracker::new();
        let shared = work.into_iter().map(|periodic| (periodic, true));
        let own = own.into_iter().map(|periodic| (periodic, false));
        for (periodic, shared) in shared.chain(own) {
            let round = run(cloud.clone(), periodic, shared);
            tasks.spawn(stop.clone().run_until_cancelled_owned(round));
        }
        tasks.close();
        Self {
            stop: stop.drop_guard(),
            tasks,
        }
    }

    /// Ends all rounds where they are; returns once nothing of them is under way, so that what follows is not undone.
    pub async fn stop(self) {
        drop(self.stop);
        self.tasks.wait().await;
    }
}

async fn run(cloud: Arc<Cloud>, periodic: Periodic, shared: bool) {
    let mut tick = tokio::time::interval(periodic.every);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut failing = false;
    loop {
        tick.tick().await;
        let round = async {
            if shared && !cloud.config.is_single() && !claim(&cloud, periodic).await? {
                return Ok(());
            }
            (periodic.run)(&Context::system(cloud.clone())).await
        };
        match round.await {
            // Told once, not every round.
            Err(error) if !failing => {
                tracing::warn!(work = periodic.name, %error, "recurring work failed");
                failing = true;
            }
            Err(_) => {}
            Ok(()) => failing = false,
        }
    }
}

/// Takes this round, if its time has come and nobody else is at it.
async fn claim(cloud: &Cloud, periodic: Periodic) -> DbResult<bool> {
    let now = cloud.db.now_expr();
    let every = i64::try_from(periodic.every.as_micros()).unwrap_or(i64::MAX);
    let mut tx = cloud.db.begin().await?;
    // A tenth of tolerance: the claimer's own timer and the database's clock differ a little.
    let mine = sql(format!(
        "UPDATE periodic SET owner = $2, lease_until = {now} + $3, next_at = {now} + $4 WHERE name = $1 AND next_at <= {now} + $5"
    ))
    .bind(periodic.name)
    .bind(cloud.process.to_string())
    .bind(every)
    .bind(every)
    .bind(every / 10)
    .swapped(&mut tx)
    .await?;
    // The row comes second: MariaDB lets two who find it there look at it together, and then neither may write it.
    let first = !mine
        && sql(format!(
            "INSERT INTO periodic (name, owner, lease_until, next_at) VALUES ($1, $2, {now} + $3, {now} + $4) ON CONFLICT DO NOTHING"
        ))
        .bind(periodic.name)
        .bind(cloud.process.to_string())
        .bind(every)
        .bind(every)
        .swapped(&mut tx)
        .await?;
    tx.commit().await?;
    Ok(mine || first)
}
