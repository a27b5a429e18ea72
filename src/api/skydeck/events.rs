//! `GET /skydeck/v1/events`: server-sent events of what the caller may see.
//!
//! One task of the connection reads the hub; what arrives together is written once: several changes of one operation, and
//! changes of other things that say the same.
//! Rights are looked at for each event: another project's are dropped, and things without a project (hosts) go to
//! administrators only.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::time::Duration;

use axum::http::HeaderMap;
use axum::response::sse::{Event as Frame, KeepAlive, Sse};
use futures::Stream;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use tokio::sync::mpsc;

use super::operations;
use crate::api::Query;
use crate::api::wire::{
    Change as WireChange, Event as WireEvent, EventQuery, LAST_EVENT_ID_HEADER, ResourceEvent,
    ResourceRef, Resync, Topic,
};
use crate::context::{Change, Context, Event, Numbered};
use crate::ids::{OperationId, ProjectId, Time};

/// Frames that may wait for a slow reader.
const DEPTH: usize = 256;
/// How long changes gather before they are written.
const GATHER: Duration = Duration::from_millis(40);
/// How often a silent connection is given a sign of life.
const ALIVE: Duration = Duration::from_secs(15);

pub(super) async fn stream(
    cx: Context,
    Query(query): Query<EventQuery>,
    headers: HeaderMap,
) -> Sse<impl Stream<Item = Result<Frame, Infallible>>> {
    let last = headers
        .get(LAST_EVENT_ID_HEADER)
        .and_then(|value| value.to_str().ok())
        .map(str::to_owned);
    let (sender, mut receiver) = mpsc::channel(DEPTH);
    let filter = Filter::new(&cx, &query);
    tokio::spawn(async move {
        // Ends when the reader is gone.
        let _ = run(&cx, &filter, last, &sender).await;
    });
    let told = futures::stream::poll_fn(move |cx| receiver.poll_recv(cx));
    Sse::new(told).keep_alive(KeepAlive::new().interval(ALIVE))
}

struct Filter {
    topics: Vec<Topic>,
    project: Option<ProjectId>,
    everything: bool,
}

impl Filter {
    fn new(cx: &Context, query: &EventQuery) -> Self {
        let named: Vec<Topic> = query.topics.split(',').filter_map(Topic::parse).collect();
        Self {
            topics: if named.is_empty() {
                Topic::ALL.to_vec()
            } else {
                named
            },
            project: cx.actor.project.as_ref().map(|scope| scope.id),
            everything: query.all_projects && cx.actor.is_admin(),
        }
    }

    fn lets(&self, cx: &Context, event: &Event) -> bool {
        let topic = match event.kind.as_str() {
            "operation" => Topic::Operation,
            "sample" => Topic::Sample,
            "alarm" => Topic::Alarm,
            _ => Topic::Resource,
        };
        let visible = match event.project {
            Some(owner) => self.everything || self.project == Some(owner),
            // Samples are filtered by server where they are written.
            None => {
                cx.actor.is_admin() || matches!(event.kind.as_str(), "image" | "flavor" | "network")
            }
        };
        visible && self.topics.contains(&topic)
    }
}

struct ReaderGone;

async fn run(
    cx: &Context,
    filter: &Filter,
    last: Option<String>,
    out: &mpsc::Sender<Result<Frame, Infallible>>,
) -> Result<(), ReaderGone> {
    let mark = cx.process.simple().to_string();
    let known = last
        .as_deref()
        .and_then(|last| last.strip_prefix(&mark)?.strip_prefix('-')?.parse().ok());
    let (missed, mut events) = match (
        known.and_then(|number| cx.events.watch_after(number)),
        &last,
    ) {
        (Some(found), _) => found,
        (None, None) => (Vec::new(), cx.events.watch()),
        (None, Some(_)) => {
            let events = cx.events.watch();
            resync(out, "what happened meanwhile is not kept any more").await?;
            (Vec::new(), events)
        }
    };
    write(cx, filter, &mark, missed, out).await?;
    loop {
        let first = tokio::select! {
            event = events.recv() => event,
            () = out.closed() => return Err(ReaderGone),
        };
        let mut batch = Vec::new();
        match first {
            Ok(event) => batch.push(event),
            Err(RecvError::Lagged(_)) => {
                resync(out, "events came faster than they were read").await?
            }
            Err(RecvError::Closed) => return Ok(()),
        }
        tokio::time::sleep(GATHER).await;
        loop {
            match events.try_recv() {
                Ok(event) => batch.push(event),
                Err(TryRecvError::Lagged(_)) => {
                    resync(out, "events came faster than they were read").await?
                }
                Err(TryRecvError::Empty | TryRecvError::Closed) => break,
            }
        }
        write(cx, filter, &mark, batch, out).await?;
    }
}

async fn resync(
    out: &mpsc::Sender<Result<Frame, Infallible>>,
    reason: &str,
) -> Result<(), ReaderGone> {
    send(
        out,
        None,
        &WireEvent::Resync(Resync {
            reason: reason.to_owned(),
        }),
    )
    .await
}

async fn write(
    cx: &Context,
    filter: &Filter,
    mark: &str,
    batch: Vec<Numbered>,
    out: &mpsc::Sender<Result<Frame, Infallible>>,
) -> Result<(), ReaderGone> {
    let mut operations: BTreeSet<OperationId> = BTreeSet::new();
    let mut told: Vec<ResourceEvent> = Vec::new();
    let Some(newest) = batch.last().map(|(number, _)| *number) else {
        return Ok(());
    };
    for (number, event) in batch {
        if !filter.lets(cx, &event) {
            continue;
        }
        let id = Some(format!("{mark}-{number}"));
        match event.kind.as_str() {
            "operation" => {
                if let Ok(operation) = event.id.parse() {
                    operations.insert(operation);
                }
            }
            "sample" => {
                if let Some(batch) = event
                    .data
                    .clone()
                    .and_then(|data| serde_json::from_value(data).ok())
                {
                    send(out, None, &WireEvent::Sample(batch)).await?;
                }
            }
            _ => {
                let event = resource(&event);
                let timeless = ResourceEvent {
                    at: Time(0),
                    ..event.clone()
                };
                if !told.contains(&timeless) {
                    told.push(timeless);
                    send(out, id, &WireEvent::Resource(event)).await?;
                }
            }
        }
    }
    for id in operations {
        // It may be pruned, or not theirs after all.
        if let Ok(operation) = operations::with_steps(cx, id).await {
            send(
                out,
                Some(format!("{mark}-{newest}")),
                &WireEvent::Operation(Box::new(operation)),
            )
            .await?;
        }
    }
    Ok(())
}

fn resource(event: &Event) -> ResourceEvent {
    ResourceEvent {
        resource: ResourceRef {
            kind: event.kind.clone(),
            id: event.id.clone(),
            name: event.name.clone(),
        },
        project_id: event.project.map(|id| id.to_string()),
        change: match event.change {
            Change::Created => WireChange::Created,
            Change::Updated => WireChange::Updated,
            Change::Deleted => WireChange::Deleted,
        },
        status: event.status.clone(),
        host: event.host.clone(),
        message: event.message.clone(),
        at: event.at,
    }
}

async fn send(
    out: &mpsc::Sender<Result<Frame, Infallible>>,
    id: Option<String>,
    event: &WireEvent,
) -> Result<(), ReaderGone> {
    let data = serde_json::to_string(event).unwrap_or_default();
    let mut frame = Frame::default().event(event.topic().name()).data(data);
    if let Some(id) = id {
        frame = frame.id(id);
    }
    out.send(Ok(frame)).await.map_err(|_| ReaderGone)
}
