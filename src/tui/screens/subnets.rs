//! Subnets: which addresses a network has.

use std::net::IpAddr;
use std::sync::Arc;

use futures::future::BoxFuture;
use ipnet::IpNet;

use crate::client::{Client, ClientError, ListQuery};
use crate::network::wire::{Network, Port, Subnet, SubnetFields};
use crate::tui::command::Command;
use crate::tui::cx::Cx;
use crate::tui::effect::{Done, call};
use crate::tui::overlays::Overlay;
use crate::tui::overlays::form::{FormOverlay, Sheet};
use crate::tui::state::activity::Target;
use crate::tui::state::load::{Need, Resource, Row};
use crate::tui::value::Value;
use crate::tui::view::Facts;
use crate::tui::widgets::doc::Doc;
use crate::tui::widgets::field::{Choice, Field};
use crate::tui::widgets::form::Form;
use crate::tui::widgets::table::Column;

use super::action::{Action, Risk};
use super::detail::Detail;
use super::list::{List, Spec};
use super::{Entry, Object};

impl Row for Subnet {
    const KIND: &'static str = "subnet";

    fn id(&self) -> &str {
        &self.id
    }

    fn name(&self) -> &str {
        &self.name
    }
}

impl Resource for Subnet {
    const EVERY: i64 = 10;

    fn list(client: Client) -> BoxFuture<'static, Result<Vec<Self>, ClientError>> {
        Box::pin(async move { client.subnet_list(&ListQuery::new()).await })
    }

    fn show(client: Client, id: Arc<str>) -> Option<BoxFuture<'static, Result<Self, ClientError>>> {
        Some(Box::pin(async move { client.subnet_show(&id).await }))
    }
}

/// Addresses of the subnet that ports have.
fn used(row: &Subnet, facts: &Facts<'_>) -> usize {
    let ips = facts
        .data
        .rows::<Port>()
        .iter()
        .flat_map(|port| &port.fixed_ips);
    ips.filter(|ip| ip.subnet_id.as_deref() == Some(row.id.as_str()))
        .count()
}

static COLUMNS: [Column<Subnet>; 7] = [
    Column::new("name", (12, 30), 0, |row, _| Value::text(&row.name)),
    Column::new("cidr", (18, 40), 0, |row, _| Value::text(&row.cidr)),
    Column::new("network", (10, 24), 0, |row, facts| {
        Value::text(facts.data.name_of::<Network>(&row.network_id))
    }),
    Column::new("gateway", (14, 24), 2, |row, _| {
        Value::maybe(row.gateway_ip.as_deref(), Value::text)
    }),
    Column::new("dhcp", (4, 4), 3, |row, _| Value::flag(row.enable_dhcp)),
    Column::new("used", (5, 6), 1, |row, facts| {
        Value::Number(used(row, facts) as f64)
    }),
    Column::new("dns", (12, 30), 4, |row, _| {
        Value::owned(row.dns_nameservers.join(" "))
    }),
];

static ACTIONS: [Action<Subnet>; 3] = [
    Action::make("subnet.create", |facts| -> Box<dyn Overlay> {
        Box::new(FormOverlay::new(Box::new(Create { network: None }), facts))
    }),
    Action::open_one(
        "subnet.edit",
        |_| None,
        |row, facts| {
            Box::new(FormOverlay::new(
                Box::new(Edit {
                    subnet: row.clone(),
                }),
                facts,
            ))
        },
    ),
    Action::ask(
        "subnet.delete",
        "Delete",
        Risk::Irreversible(|row, facts| {
            vec![format!(
                "{}: {} addresses are in use; those make the cloud refuse",
                row.cidr,
                used(row, facts)
            )]
        }),
        |_| None,
        |row, _| {
            let id = row.id.clone();
            call(format!("subnet {id} delete"), move |client| async move {
                client.subnet_delete(&id).await?;
                Ok(Done::default())
            })
        },
    ),
];

static SPEC: Spec<Subnet> = Spec {
    view: "subnets",
    title: "Subnets",
    noun: "subnet",
    columns: &COLUMNS,
    sort: (0, false),
    actions: &ACTIONS,
    doc: Some(describe),
    needs: || {
        vec![
            Need::list::<Subnet>(),
            Need::list::<Network>(),
            Need::list::<Port>(),
        ]
    },
    enter: |row, _| Detail::open(&SPEC, &row.id),
    mood: None,
    empty: "No subnets yet. Press n to make one.",
};

fn describe<'a>(row: &'a Subnet, facts: &Facts<'a>) -> Doc<'a> {
    let mut doc = Doc::default();
    doc.group("Subnet")
        .entry("name", Value::text(&row.name))
        .entry("cidr", Value::text(&row.cidr));
    doc.link(
        "network",
        Value::text(facts.data.name_of::<Network>(&row.network_id)),
        "network",
        &row.network_id,
    )
    .entry(
        "gateway",
        Value::maybe(row.gateway_ip.as_deref(), Value::text),
    )
    .entry("dhcp", Value::flag(row.enable_dhcp))
    .entry("version", Value::Number(f64::from(row.ip_version)));
    for (name, mode) in [
        ("addresses by", &row.ipv6_address_mode),
        ("announced", &row.ipv6_ra_mode),
    ] {
        if let Some(mode) = mode {
            doc.entry(name, Value::text(mode));
        }
    }
    doc.entry("dns", Value::owned(row.dns_nameservers.join(", ")))
        .entry("addresses used", Value::Number(used(row, facts) as f64));
    for pool in &row.allocation_pools {
        doc.entry(
            "given out",
            Value::owned(format!("{} to {}", pool.start, pool.end)),
        );
    }
    for route in &row.host_routes {
        doc.entry(
            "route",
            Value::owned(format!("{} by {}", route.destination, route.nexthop)),
        );
    }
    doc.entry("id", Value::text(&row.id));
    doc
}

/// What is wrong with a range of addresses, if anything.
pub fn check_cidr(text: &str) -> Option<String> {
    match text.parse::<IpNet>() {
        Ok(net) if net.trunc() != net => Some(format!("has host bits; {} is meant?", net.trunc())),
        Ok(net) if net.prefix_len() + 1 >= net.max_prefix_len() => Some("is too small".to_owned()),
        Ok(_) => None,
        Err(_) => Some("a range like 10.20.0.0/24".to_owned()),
    }
}

/// Addresses separated by commas or spaces.
pub fn addresses(text: &str) -> Vec<String> {
    let parts = text.split([',', ' ']).map(str::trim);
    parts
        .filter(|part| !part.is_empty())
        .map(str::to_owned)
        .collect()
}

/// What is wrong with a list of addresses, if anything.
pub fn check_addresses(text: &str) -> Option<String> {
    let wrong = addresses(text)
        .into_iter()
        .find(|address| address.parse::<IpAddr>().is_err())?;
    Some(format!("{wrong} is no address"))
}

/// The form that adds a subnet to a network.
pub fn create_in(network: &Network, facts: &Facts<'_>) -> Box<dyn Overlay> {
    let network = Some(network.id.clone());
    Box::new(FormOverlay::new(Box::new(Create { network }), facts))
}

struct Create {
    network: Option<String>,
}

impl Sheet for Create {
    fn title(&self) -> String {
        "Make a subnet".to_owned()
    }

    fn fields(&self, _facts: &Facts<'_>) -> Vec<Field> {
        let network = Field::choice("network", "Network", "The network it belongs to").required();
        let modes = [
            ("slaac", "They make them of what a router says"),
            ("dhcpv6-stateless", "The same; DHCP tells the rest"),
            ("dhcpv6-stateful", "DHCP gives them"),
        ];
        let modes = modes.map(|(mode, note)| Choice::new(mode, mode, note));
        vec![
            match &self.network {
                Some(id) => network.with(id),
                None => network,
            },
            Field::text("name", "Name", "What people call it"),
            Field::text(
                "cidr",
                "Addresses",
                "The range, 10.20.0.0/24 or fd00:20::/64",
            )
            .required(),
            Field::choice(
                "mode",
                "IPv6 mode",
                "How guests come to their addresses of IPv6",
            )
            .of(modes.to_vec()),
            Field::text(
                "gateway",
                "Gateway",
                "The first address if empty, none for no gateway",
            ),
            Field::text(
                "dns",
                "DNS servers",
                "Separated by commas; the cloud's own if empty",
            ),
            Field::toggle("dhcp", "DHCP", "Give guests their addresses", true),
        ]
    }

    fn needs(&self, _form: &Form) -> Vec<Need> {
        vec![Need::list::<Network>(), Need::list::<Subnet>()]
    }

    fn offer(&self, form: &mut Form, facts: &Facts<'_>) {
        if facts.data.is_loaded::<Network>() {
            let rows = facts.data.rows::<Network>().iter();
            let choices = rows
                .map(|network| Choice::new(&network.id, &network.name, ""))
                .collect();
            form.offer("network", choices);
        }
    }

    fn check(&self, form: &Form, facts: &Facts<'_>) -> Vec<(&'static str, String)> {
        let mut wrong = Vec::new();
        let network = form.value("network");
        if let Some(cidr) = form.filled("cidr") {
            wrong.extend(check_cidr(&cidr).map(|why| ("cidr", why)));
            wrong.extend(overlap(&cidr, &network, facts).map(|why| ("cidr", why)));
        }
        if let Some(mode) = form.filled("mode") {
            wrong.extend(check_mode(form, &mode).map(|why| ("mode", why)));
        }
        if let Some(gateway) = form.filled("gateway").filter(|gateway| gateway != "none") {
            let inside = match (
                gateway.parse::<IpAddr>(),
                form.value("cidr").parse::<IpNet>(),
            ) {
                (Ok(gateway), Ok(net)) => net.contains(&gateway),
                _ => false,
            };
            if !inside {
                wrong.push(("gateway", "an address of the range, or none".to_owned()));
            }
        }
        wrong.extend(check_addresses(&form.value("dns")).map(|why| ("dns", why)));
        wrong
    }

    fn submit(&mut self, form: &Form, cx: &mut Cx<'_>) {
        let cidr = form.value("cidr");
        let fields = SubnetFields {
            network_id: form.filled("network"),
            ip_version: Some(if cidr.contains(':') { 6 } else { 4 }),
            name: form.filled("name"),
            gateway_ip: form
                .filled("gateway")
                .map(|gateway| Some(gateway).filter(|gateway| gateway != "none")),
            enable_dhcp: Some(form.is_on("dhcp")),
            ipv6_address_mode: form.filled("mode"),
            ipv6_ra_mode: form.filled("mode"),
            dns_nameservers: Some(addresses(&form.value("dns"))),
            cidr: Some(cidr.clone()),
            ..SubnetFields::default()
        };
        let target = Target {
            kind: Subnet::KIND,
            id: String::new(),
            name: form.filled("name").unwrap_or(cidr),
        };
        let request = call(format!("{fields:?}"), move |client| async move {
            let made = client.subnet_create(fields).await?;
            Ok(Done::made(made.id, "made"))
        });
        cx.act("Create", vec![(target, request)]);
    }
}

/// What is wrong with how guests come to their addresses, if anything.
fn check_mode(form: &Form, mode: &str) -> Option<String> {
    let net: IpNet = form.value("cidr").parse().ok()?;
    let why = if matches!(net, IpNet::V4(_)) {
        "only for a range of IPv6"
    } else if mode != "dhcpv6-stateful" && net.prefix_len() != 64 {
        "needs a range of /64"
    } else if !form.is_on("dhcp") {
        "needs DHCP"
    } else {
        return None;
    };
    Some(why.to_owned())
}

fn overlap(cidr: &str, network: &str, facts: &Facts<'_>) -> Option<String> {
    let net: IpNet = cidr.parse().ok()?;
    let others = facts
        .data
        .rows::<Subnet>()
        .iter()
        .filter(|subnet| subnet.network_id == network);
    let other = others
        .filter_map(|subnet| Some((subnet, subnet.cidr.parse::<IpNet>().ok()?)))
        .find(|(_, other)| other.contains(&net) || net.contains(other));
    other.map(|(subnet, _)| format!("overlaps {} of the same network", subnet.cidr))
}

/// A range that none of these subnets overlaps, so that one router may join them all; nothing if all of ours are taken.
pub(super) fn free_cidr(taken: &[Subnet]) -> String {
    let taken: Vec<IpNet> = taken
        .iter()
        .filter_map(|subnet| subnet.cidr.parse().ok())
        .collect();
    let overlaps = |net: &IpNet| {
        let mut taken = taken.iter();
        taken.any(|other| other.contains(net) || net.contains(other))
    };
    (0..=u8::MAX)
        .filter_map(|number| format!("10.20.{number}.0/24").parse().ok())
        .find(|net| !overlaps(net))
        .map_or_else(String::new, |net: IpNet| net.to_string())
}

struct Edit {
    subnet: Subnet,
}

impl Sheet for Edit {
    fn title(&self) -> String {
        format!("Edit {}", self.subnet.cidr)
    }

    fn fields(&self, _facts: &Facts<'_>) -> Vec<Field> {
        vec![
            Field::text("name", "Name", "What people call it").with(&self.subnet.name),
            Field::text("dns", "DNS servers", "Separated by commas")
                .with(&self.subnet.dns_nameservers.join(", ")),
            Field::toggle(
                "dhcp",
                "DHCP",
                "Give guests their addresses",
                self.subnet.enable_dhcp,
            ),
        ]
    }

    fn check(&self, form: &Form, _facts: &Facts<'_>) -> Vec<(&'static str, String)> {
        check_addresses(&form.value("dns"))
            .map(|why| ("dns", why))
            .into_iter()
            .collect()
    }

    fn submit(&mut self, form: &Form, cx: &mut Cx<'_>) {
        let id = self.subnet.id.clone();
        let fields = SubnetFields {
            name: Some(form.value("name")),
            dns_nameservers: Some(addresses(&form.value("dns"))),
            enable_dhcp: Some(form.is_on("dhcp")),
            ..SubnetFields::default()
        };
        let request = call(
            format!("subnet {id} {fields:?}"),
            move |client| async move {
                client.subnet_update(&id, fields).await?;
                Ok(Done::default())
            },
        );
        cx.act("Edit", vec![(super::action::target(&self.subnet), request)]);
    }
}

const SUBNETS: &[&str] = &["subnets"];

/// This view.
pub static ENTRY: Entry = Entry {
    name: "subnets",
    commands: &[
        Command::new("view.subnets", "subnets", "Go to the subnets", &["global"]),
        Command::new("subnet.create", "new", "Make a subnet", SUBNETS)
            .mutating()
            .hint(6),
        Command::new(
            "subnet.edit",
            "edit",
            "Change name, DNS servers or DHCP",
            SUBNETS,
        )
        .mutating()
        .hint(20),
        Command::new("subnet.delete", "delete", "Delete it", SUBNETS)
            .mutating()
            .hint(30),
    ],
    offered: |_| true,
    open: |_| Box::new(List::new(&SPEC)),
    kind: Subnet::KIND,
    objects: |data, out| {
        let rows = data.rows::<Subnet>().iter();
        out.extend(rows.map(|row| Object {
            kind: Subnet::KIND,
            id: row.id.clone(),
            name: if row.name.is_empty() {
                row.cidr.clone()
            } else {
                row.name.clone()
            },
        }));
    },
    show: |id, _| Detail::open(&SPEC, id),
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_and_addresses_are_checked() {
        assert_eq!(check_cidr("10.0.0.0/24"), None);
        assert!(check_cidr("10.0.0.7/24").is_some_and(|why| why.contains("10.0.0.0/24")));
        assert!(check_cidr("10.0.0.0/32").is_some());
        assert!(check_cidr("ten").is_some());
        assert_eq!(check_addresses("1.1.1.1, 9.9.9.9"), None);
        assert!(check_addresses("1.1.1").is_some());
    }

    #[test]
    fn a_range_that_is_free_is_offered_as_long_as_there_is_one() {
        let taken = |cidrs: &[&str]| -> Vec<Subnet> {
            let subnet = |cidr: &&str| Subnet {
                cidr: (*cidr).to_owned(),
                ..Subnet::default()
            };
            cidrs.iter().map(subnet).collect()
        };
        assert_eq!(free_cidr(&[]), "10.20.0.0/24");
        let some = taken(&["10.20.0.0/23", "fd00::/64", "10.20.3.128/25", "nonsense"]);
        assert_eq!(free_cidr(&some), "10.20.2.0/24");
        assert_eq!(free_cidr(&taken(&["10.0.0.0/8"])), "");
    }
}
