//! What a launch would make, where, and what would be left afterwards; then the launch itself.
//!
//! The plan is the cloud's own, so it knows hosts and quotas better than any console. A cloud without plans gets the
//! same page without that part.

use std::path::PathBuf;
use std::sync::Arc;

use base64::Engine;
use futures::future::BoxFuture;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use crate::api::wire::{LaunchPlan, PlannedUse};
use crate::client::server::Launched;
use crate::client::{Client, ClientError};
use crate::compute::wire::{Server, ServerCreateRequest};
use crate::tui::command::Command;
use crate::tui::cx::Cx;
use crate::tui::effect::{Done, Reporter, Request};
use crate::tui::failure::Failure;
use crate::tui::files;
use crate::tui::format::width;
use crate::tui::glyph::Mood;
use crate::tui::overlays::{Overlay, step};
use crate::tui::state::activity::Target;
use crate::tui::state::data::Source;
use crate::tui::state::load::{Need, Part, Row};
use crate::tui::value::Value;
use crate::tui::view::{Facts, View};
use crate::tui::widgets::doc::Doc;
use crate::tui::widgets::frame;

/// Cells of the page at most.
const WIDE: u16 = 116;
/// Bytes of a user data file at most.
const USER_DATA: u64 = 49_000;

/// A launch, ready to be asked for.
#[derive(Clone)]
pub struct Launch {
    /// The request, without user data.
    pub request: ServerCreateRequest,
    /// User data as typed.
    pub user_data: Option<String>,
    /// File to read user data from.
    pub user_data_file: Option<PathBuf>,
}

impl std::fmt::Debug for Launch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let server = &self.request.server;
        write!(
            f,
            "launch {} image {:?} flavor {} networks {:?} key {:?} count {:?} user data {}",
            server.name,
            server.image_ref,
            server.flavor_ref,
            server.networks,
            server.key_name,
            server.min_count,
            self.user_data.is_some() || self.user_data_file.is_some()
        )
    }
}

impl Request for Launch {
    fn run(
        self: Box<Self>,
        client: Client,
        _report: Reporter,
    ) -> BoxFuture<'static, Result<Done, Failure>> {
        Box::pin(async move {
            let mut request = self.request;
            let text = match (self.user_data, self.user_data_file) {
                (_, Some(path)) => Some(files::read_text(path, USER_DATA).await?),
                (typed, None) => typed,
            };
            request.server.user_data =
                text.map(|text| base64::engine::general_purpose::STANDARD.encode(text));
            let made = client.server_create(request).await?;
            const BEGUN: &str = "begun; operations shows its steps";
            Ok(match made {
                Launched::Server(server) => Done::made(server.id, BEGUN),
                Launched::Reservation(_) => Done::saying(BEGUN),
            })
        })
    }
}

/// The cloud's plan for a launch; what it is a part of is the request as JSON.
struct Planned(LaunchPlan);

impl Part for Planned {
    const KIND: &'static str = "server.plan";
    const EVERY: i64 = 15;

    fn load(client: Client, id: Arc<str>) -> BoxFuture<'static, Result<Self, ClientError>> {
        Box::pin(async move {
            let request: ServerCreateRequest =
                serde_json::from_str(&id).map_err(|error| ClientError::Argument {
                    what: "the launch".to_owned(),
                    reason: error.to_string(),
                })?;
            client.launch_plan(&request).await.map(Self)
        })
    }
}

/// The page.
pub struct Plan {
    launch: Launch,
    /// What was chosen, as label and words.
    chosen: Vec<(String, String)>,
    /// The request as JSON, where the cloud makes plans.
    key: Option<String>,
    /// Whether the button that does it is highlighted.
    armed: bool,
    /// First line in view, lines in view and lines there are.
    offset: usize,
    height: usize,
    lines: usize,
}

impl Plan {
    /// A plan for a launch.
    pub fn new(launch: Launch, chosen: Vec<(String, String)>, planned: bool) -> Self {
        let key = planned.then(|| serde_json::to_string(&launch.request).unwrap_or_default());
        Self {
            launch,
            chosen,
            key,
            armed: true,
            offset: 0,
            height: 1,
            lines: 0,
        }
    }

    fn area(&self, screen: Rect) -> Rect {
        let high = u16::try_from(self.lines)
            .unwrap_or(u16::MAX)
            .saturating_add(5);
        frame::middle(screen, WIDE, high.max(12))
    }

    fn describe<'a>(&'a self, facts: &Facts<'a>) -> Doc<'a> {
        let mut doc = Doc::default();
        doc.group("To be made");
        for (label, words) in &self.chosen {
            doc.entry(label, Value::text(words));
        }
        let Some(key) = &self.key else { return doc };
        let data = facts.data;
        if let Some(plan) = data.part::<Planned>(key) {
            describe_plan(&mut doc, &plan.0);
        } else {
            let source = Source::part::<Planned>(key);
            let failure = data
                .freshness(&source)
                .and_then(|freshness| freshness.failure.as_ref());
            doc.group("Where, and what is left");
            match failure {
                Some(failure) => {
                    doc.entry("no plan", Value::State(Mood::Warn, failure.line().into()))
                }
                None => doc.entry("plan", Value::State(Mood::Busy, "being made".into())),
            };
        }
        doc
    }
}

fn describe_plan<'a>(doc: &mut Doc<'a>, plan: &'a LaunchPlan) {
    doc.group("Where");
    match (&plan.host, plan.fits) {
        (Some(host), _) => doc.entry("host", Value::text(host)),
        (None, true) => doc.entry("host", Value::State(Mood::Good, "found".into())),
        (None, false) => doc.entry("host", Value::State(Mood::Bad, "no host has room".into())),
    };
    if let Some(suggestion) = plan
        .explanation
        .as_ref()
        .and_then(|explanation| explanation.suggestion.as_ref())
    {
        doc.entry("would fit", Value::text(&suggestion.message));
    }
    for item in &plan.makes {
        let words = format!("{} x {}", item.count, item.what);
        doc.entry(&item.kind, Value::owned(words));
    }
    for (title, uses) in [
        ("Quota", &plan.quota),
        ("Room on the host", &plan.host_room),
    ] {
        if !uses.is_empty() {
            doc.group(title);
        }
        for planned in uses {
            let label = planned.resource.trim_end_matches("_mb");
            doc.entry(label.trim_end_matches("_gb"), use_words(planned));
        }
    }
    if !plan.problems.is_empty() {
        doc.group("In the way");
    }
    for problem in &plan.problems {
        doc.entry(
            &problem.field,
            Value::State(Mood::Bad, problem.message.as_str().into()),
        );
        doc.entry("", Value::maybe(problem.hint.as_deref(), Value::text));
    }
    if let Some(explanation) = &plan.explanation {
        super::placement::describe(doc, explanation);
    }
}

fn use_words(planned: &PlannedUse) -> Value<'static> {
    let number = |value: i64| match planned.unit.as_str() {
        "" => value.to_string(),
        unit => format!("{value} {unit}"),
    };
    let (mood, left) = match planned.left {
        Some(left) if left < 0 => (Mood::Bad, format!("{} too many", number(-left))),
        Some(left) => (Mood::Good, format!("{} left", number(left))),
        None => (Mood::Good, "no limit".to_owned()),
    };
    let mut text = format!("{left} ({} used, {} more", planned.used, planned.adds);
    if planned.limit >= 0 {
        text.push_str(&format!(" of {}", planned.limit));
    }
    text.push(')');
    Value::State(mood, text.into())
}

impl Overlay for Plan {
    fn contexts(&self) -> Vec<&'static str> {
        vec!["plan", "confirm"]
    }

    fn needs(&self) -> Vec<Need> {
        self.key
            .iter()
            .map(|key| Need::part::<Planned>(key))
            .collect()
    }

    fn on(&mut self, command: &'static Command, cx: &mut Cx<'_>) -> bool {
        let count = self.lines.saturating_sub(self.height) + 1;
        if let Some(offset) = step(command.name, self.offset, count, self.height) {
            self.offset = offset;
            return true;
        }
        match command.name {
            "confirm.switch" => self.armed = !self.armed,
            "cancel" => cx.close(),
            "confirm.press" if !self.armed => cx.close(),
            "confirm.press" => {
                // The form below it stays until the launch is accepted.
                cx.close();
                let target = Target {
                    kind: Server::KIND,
                    id: String::new(),
                    name: self.launch.request.server.name.clone(),
                };
                cx.act("Launch", vec![(target, Box::new(self.launch.clone()))]);
            }
            _ => return false,
        }
        true
    }

    fn settle(&mut self, screen: Rect, facts: &Facts<'_>) {
        let wide = WIDE.min(screen.width).saturating_sub(4);
        self.lines = self.describe(facts).height(wide, facts);
        self.height = usize::from(self.area(screen).height.saturating_sub(4)).max(1);
        self.offset = self.offset.min(self.lines.saturating_sub(self.height));
    }

    fn draw(&self, screen: Rect, buf: &mut Buffer, view: &View<'_>) -> Option<Position> {
        let inside = frame::overlay(self.area(screen), buf, view, "Launch: the plan");
        let body = Rect {
            height: inside.height.saturating_sub(2),
            ..inside
        };
        let doc = self.describe(&view.facts);
        doc.draw(body, buf, view, self.offset, None);
        let y = inside.bottom().checked_sub(1)?;
        let below = self.lines.saturating_sub(self.offset + self.height);
        if below > 0 {
            let text = format!("{below} lines more below");
            buf.set_string(inside.x, y, text, view.style("ui.text.dim"));
        }
        let back = if self.armed { "   Back  " } else { "[  Back ]" };
        let create = if self.armed {
            "[ Launch ]"
        } else {
            "  Launch  "
        };
        let styles = if self.armed {
            ("ui.button", "ui.button.focus")
        } else {
            ("ui.button.focus", "ui.button")
        };
        let x = inside
            .right()
            .saturating_sub(u16::try_from(width(create) + width(back) + 2).unwrap_or(0));
        buf.set_string(x, y, back, view.style(styles.0));
        buf.set_string(x + 11, y, create, view.style(styles.1));
        None
    }
}
