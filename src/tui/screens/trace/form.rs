//! The question: from where, to where, and what.

use crate::compute::wire::Server;
use crate::network::wire::{FloatingIp, Port};
use crate::tui::cx::Cx;
use crate::tui::overlays::form::Sheet;
use crate::tui::state::load::Need;
use crate::tui::view::Facts;
use crate::tui::widgets::field::{Choice, Field, Kind};
use crate::tui::widgets::form::Form;

use super::Traces;

/// The world, as the cloud calls it.
const OUTSIDE: &str = "outside";

/// One end of a question.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Named {
    /// What the cloud is asked for.
    pub id: String,
    /// What is shown.
    pub label: String,
}

/// A question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Asked {
    pub from: Named,
    pub to: Named,
    pub protocol: String,
    pub port: Option<u32>,
}

impl Asked {
    /// In a few words: `web-01 to db, tcp 5432`.
    pub fn title(&self) -> String {
        let port = self
            .port
            .map_or_else(String::new, |port| format!(" {port}"));
        format!(
            "{} to {}, {}{port}",
            self.from.label, self.to.label, self.protocol
        )
    }

    /// The other way round.
    pub fn turned(&self) -> Self {
        Self {
            from: self.to.clone(),
            to: self.from.clone(),
            ..self.clone()
        }
    }
}

/// The form, with what is known already.
#[derive(Default)]
pub(super) struct Question {
    from: Option<Named>,
    to: Option<Named>,
    protocol: Option<String>,
    port: Option<u32>,
}

impl Question {
    /// About what a server or a port sends.
    pub fn from(id: &str) -> Self {
        let from = Named {
            id: id.to_owned(),
            label: String::new(),
        };
        Self {
            from: Some(from),
            ..Self::default()
        }
    }

    /// The one that is looked at, to be changed.
    pub fn again(asked: Asked) -> Self {
        Self {
            from: Some(asked.from),
            to: Some(asked.to),
            protocol: Some(asked.protocol),
            port: asked.port,
        }
    }
}

/// What an end can be, with the address that is typed or was asked for last, if it is one.
fn options(facts: &Facts<'_>, typed: &str, last: Option<&Named>) -> Vec<Choice> {
    let data = facts.data;
    let mut all = vec![Choice::new(OUTSIDE, OUTSIDE, "the world")];
    let servers = data.rows::<Server>().iter();
    all.extend(servers.map(|server| Choice::new(&server.id, &server.name, "server")));
    let guests = data.rows::<Port>().iter();
    let guests = guests.filter(|port| !port.device_owner.starts_with("network:"));
    for port in guests {
        let address = port.fixed_ips.first();
        let address = address.and_then(|ip| ip.ip_address.as_deref());
        let server = data.get::<Server>(&port.device_id);
        let note = match server {
            Some(server) => format!("port of {}", server.name),
            None if port.name.is_empty() => "port".to_owned(),
            None => format!("port {}", port.name),
        };
        all.push(Choice::new(&port.id, address.unwrap_or(&port.id), note));
    }
    let floating = data.rows::<FloatingIp>().iter();
    all.extend(floating.map(|one| {
        let address = &one.floating_ip_address;
        Choice::new(address, address, "floating IP")
    }));
    let last = last.map_or("", |named| &named.id);
    for text in [typed, last] {
        let is_address = text.parse::<std::net::IpAddr>().is_ok();
        if is_address && all.iter().all(|choice| choice.label != text) {
            all.push(Choice::new(text, text, "an address"));
        }
    }
    all
}

/// What is typed into a choice, and not taken yet, or what was taken.
fn typed(form: &Form, name: &str) -> String {
    let field = form.fields().iter().find(|field| field.name == name);
    match field.map(|field| &field.kind) {
        Some(Kind::Choice(choices)) if !choices.typed.value().is_empty() => {
            choices.typed.value().trim().to_owned()
        }
        _ => form.value(name),
    }
}

impl Sheet for Question {
    fn title(&self) -> String {
        "Why does it not reach it?".to_owned()
    }

    fn fields(&self, facts: &Facts<'_>) -> Vec<Field> {
        let end = |name, label, help, known: &Option<Named>| {
            let field = Field::choice(name, label, help).required();
            match known {
                Some(named) => field.of(options(facts, "", Some(named))).with(&named.id),
                None => field,
            }
        };
        let kinds = ["tcp", "udp", "icmp"].map(Choice::plain);
        let port = self
            .port
            .map_or_else(|| "22".to_owned(), |port| port.to_string());
        vec![
            end(
                "from",
                "From",
                "A server, a port, an address, or outside",
                &self.from,
            ),
            end("to", "To", "The same", &self.to),
            Field::choice("protocol", "Protocol", "What is sent; icmp is a ping")
                .of(kinds.to_vec())
                .required()
                .with(self.protocol.as_deref().unwrap_or("tcp")),
            Field::number(
                "port",
                "Port",
                "The receiver's; of no matter to icmp",
                (1, 65_535),
                "",
            )
            .with(&port),
        ]
    }

    fn needs(&self, _form: &Form) -> Vec<Need> {
        vec![
            Need::list::<Server>(),
            Need::list::<Port>(),
            Need::list::<FloatingIp>(),
        ]
    }

    fn offer(&self, form: &mut Form, facts: &Facts<'_>) {
        if !facts.data.is_loaded::<Port>() {
            return;
        }
        for (name, known) in [("from", &self.from), ("to", &self.to)] {
            let typed = typed(form, name);
            form.offer(name, options(facts, &typed, known.as_ref()));
        }
    }

    fn check(&self, form: &Form, _facts: &Facts<'_>) -> Vec<(&'static str, String)> {
        let mut wrong = Vec::new();
        if form.value("protocol") != "icmp" && form.filled("port").is_none() {
            wrong.push(("port", "needed".to_owned()));
        }
        wrong
    }

    fn submit(&mut self, form: &Form, cx: &mut Cx<'_>) {
        let end = |name: &str| Named {
            id: form.value(name),
            label: form.labels(name).join(" "),
        };
        let protocol = form.value("protocol");
        let port = form
            .number("port")
            .and_then(|port| u32::try_from(port).ok());
        let asked = Asked {
            from: end("from"),
            to: end("to"),
            port: port.filter(|_| protocol != "icmp"),
            protocol,
        };
        cx.close();
        cx.go(Box::new(Traces::of(asked, &cx.facts)));
    }
}
