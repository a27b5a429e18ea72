//! What was asked for here, and what became of it: one entry per thing and request, with progress and reason.
//!
//! Long-running changes live on in the cloud and are shown by the `operations` view. This list is about the requests
//! themselves: in bulk, some may be refused and others not, and an upload runs as long as the console does.

use crate::ids::Time;
use crate::tui::failure::Failure;

/// Entries kept; the oldest finished ones go first.
const KEPT: usize = 2_000;

/// Names one request.
pub type Ticket = u64;

/// What a request is about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Target {
    /// Kind of resource: `server`.
    pub kind: &'static str,
    /// Its id; empty for something that is being made.
    pub id: String,
    /// Its name.
    pub name: String,
}

/// How far a request has come.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Progress {
    /// What is being done: `uploading`.
    pub what: String,
    /// Bytes done.
    pub done: u64,
    /// Bytes in all, if known.
    pub total: Option<u64>,
    /// Bytes per second lately.
    pub rate: Option<f64>,
    /// Id of what was made for it and is there now.
    pub made: Option<String>,
}

impl Progress {
    /// Part done, 0 to 1.
    pub fn fraction(&self) -> Option<f64> {
        let total = self.total.filter(|total| *total > 0)?;
        Some((self.done as f64 / total as f64).min(1.0))
    }

    /// Microseconds left at the present rate.
    pub fn left(&self) -> Option<i64> {
        let rate = self.rate.filter(|rate| *rate > 0.0)?;
        let rest = self.total?.saturating_sub(self.done);
        Some((rest as f64 / rate * 1e6) as i64)
    }
}

/// Where a request stands.
#[derive(Clone, Debug, PartialEq)]
pub enum Stage {
    /// Sent; the answer is awaited.
    Running(Option<Progress>),
    /// Accepted or done; what the answer said, if it says more than that.
    Done(String),
    /// Refused or failed.
    Failed(Failure),
    /// Stopped by the operator.
    Stopped,
}

/// One request.
#[derive(Clone, Debug, PartialEq)]
pub struct Activity {
    /// Its number.
    pub ticket: Ticket,
    /// Requests that were made by one act have the same batch.
    pub batch: u64,
    /// The act: `Stop`.
    pub act: &'static str,
    /// What it is done to.
    pub target: Target,
    /// Where it stands.
    pub stage: Stage,
    /// When it was sent.
    pub started: Time,
    /// When it ended.
    pub ended: Option<Time>,
}

impl Activity {
    /// Whether it still runs.
    pub fn runs(&self) -> bool {
        matches!(self.stage, Stage::Running(_))
    }
}

/// How the requests of one batch stand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// All.
    pub total: usize,
    /// Under way.
    pub running: usize,
    /// Failed.
    pub failed: usize,
}

/// All requests, oldest first.
#[derive(Debug, Default)]
pub struct Activities {
    all: Vec<Activity>,
    next: Ticket,
    batches: u64,
}

impl Activities {
    /// Begins an act; its requests share the number.
    pub fn batch(&mut self) -> u64 {
        self.batches += 1;
        self.batches
    }

    /// Notes a request that is being sent.
    pub fn begin(&mut self, batch: u64, act: &'static str, target: Target, now: Time) -> Ticket {
        self.next += 1;
        self.all.push(Activity {
            ticket: self.next,
            batch,
            act,
            target,
            stage: Stage::Running(None),
            started: now,
            ended: None,
        });
        if self.all.len() > KEPT
            && let Some(at) = self.all.iter().position(|activity| !activity.runs())
        {
            self.all.remove(at);
        }
        self.next
    }

    /// Notes how far a request has come, and returns it.
    pub fn progress(&mut self, ticket: Ticket, progress: Progress) -> Option<&Activity> {
        let activity = self.find(ticket).filter(|activity| activity.runs())?;
        activity.stage = Stage::Running(Some(progress));
        Some(activity)
    }

    /// Notes the end of a request, and returns it.
    pub fn end(&mut self, ticket: Ticket, stage: Stage, now: Time) -> Option<&Activity> {
        let activity = self.find(ticket).filter(|activity| activity.runs())?;
        activity.stage = stage;
        activity.ended = Some(now);
        Some(activity)
    }

    fn find(&mut self, ticket: Ticket) -> Option<&mut Activity> {
        self.all
            .iter_mut()
            .rev()
            .find(|activity| activity.ticket == ticket)
    }

    /// The requests of a batch.
    pub fn of_batch(&self, batch: u64) -> impl Iterator<Item = &Activity> {
        self.all
            .iter()
            .filter(move |activity| activity.batch == batch)
    }

    /// How the requests of a batch stand.
    pub fn tally(&self, batch: u64) -> Tally {
        self.of_batch(batch)
            .fold(Tally::default(), |tally, activity| Tally {
                total: tally.total + 1,
                running: tally.running + usize::from(activity.runs()),
                failed: tally.failed + usize::from(matches!(activity.stage, Stage::Failed(_))),
            })
    }

    /// All of them, newest first.
    pub fn newest_first(&self) -> impl Iterator<Item = &Activity> {
        self.all.iter().rev()
    }

    /// How many run.
    pub fn running(&self) -> usize {
        self.all.iter().filter(|activity| activity.runs()).count()
    }
}
