//! All that is known of one server, for the first of its tabs.

use crate::compute::wire::{Flavor, Server};
use crate::identity::wire::Project;
use crate::image::wire::Image;
use crate::telemetry::wire::Meter;
use crate::tui::format;
use crate::tui::value::Value;
use crate::tui::view::Facts;
use crate::tui::widgets::doc::Doc;
use crate::volume::wire::Volume;

use super::placement::{self, Explained};

/// Describes a server.
pub fn describe<'a>(row: &'a Server, facts: &Facts<'a>) -> Doc<'a> {
    let mut doc = Doc::default();
    if let Some(fault) = &row.fault {
        doc.group("What went wrong")
            .entry(
                "reason",
                Value::State(
                    crate::tui::glyph::Mood::Bad,
                    format!("error {}", fault.code).into(),
                ),
            )
            .entry("", Value::text(&fault.message))
            .entry(
                "details",
                Value::maybe(fault.details.as_deref(), Value::text),
            )
            .entry("when", super::age(&fault.created));
        let explained = facts.data.part::<Explained>(&row.id);
        if let Some(explanation) = explained.and_then(|explained| explained.0.first())
            && explanation.chosen.is_none()
        {
            placement::describe(&mut doc, explanation);
        }
    }
    general(&mut doc, row, facts);
    usage(&mut doc, row, facts);
    more(&mut doc, row, facts);
    addresses(&mut doc, row);
    for (title, pairs) in [("Metadata", &row.metadata)] {
        if !pairs.is_empty() {
            doc.group(title);
        }
        for (key, value) in pairs {
            doc.entry(key, Value::text(value));
        }
    }
    doc
}

fn general<'a>(doc: &mut Doc<'a>, row: &'a Server, facts: &Facts<'a>) {
    let data = facts.data;
    doc.group("Server")
        .entry("name", Value::text(&row.name))
        .entry("status", super::state(row, facts));
    if let Some(Some(reason)) = &row.locked_reason {
        doc.entry("locked because", Value::text(reason));
    }
    doc.entry("address", super::addresses(row));
    let flavor = row.flavor.id.as_deref();
    let by_name = || {
        data.rows::<Flavor>()
            .iter()
            .find(|flavor| Some(&flavor.name) == row.flavor.original_name.as_ref())
    };
    let flavor = flavor.or_else(|| by_name().map(|flavor| flavor.id.as_str()));
    doc.link(
        "flavor",
        Value::text(super::flavor_name(row, facts)),
        "flavor",
        flavor.unwrap_or_default(),
    );
    doc.entry("size", size(row));
    if let Some(image) = &row.image {
        doc.link(
            "image",
            Value::text(data.name_of::<Image>(&image.id)),
            "image",
            &image.id,
        );
    }
    let host = row.host.as_deref();
    doc.link(
        "host",
        Value::maybe(host, Value::text),
        "host",
        host.unwrap_or_default(),
    );
    let key = row.key_name.as_deref();
    doc.link(
        "key pair",
        Value::maybe(key, Value::text),
        "keypair",
        key.unwrap_or_default(),
    );
    for volume in &row.volumes_attached {
        let known = data
            .get::<Volume>(&volume.id)
            .and_then(|known| known.name.as_deref());
        let name = known.filter(|name| !name.is_empty()).unwrap_or(&volume.id);
        doc.link("volume", Value::text(name), "volume", &volume.id);
    }
}

/// What is looked at less often.
fn more<'a>(doc: &mut Doc<'a>, row: &'a Server, facts: &Facts<'a>) {
    doc.group("More");
    if let Some(Some(description)) = &row.description {
        doc.entry("description", Value::text(description));
    }
    doc.entry("power", Value::text(power(row.power_state)))
        .entry("zone", Value::text(&row.availability_zone));
    doc.link(
        "project",
        Value::text(facts.data.name_of::<Project>(&row.tenant_id)),
        "project",
        &row.tenant_id,
    )
    .entry("created", super::age(&row.created))
    .entry(
        "started",
        Value::maybe(row.launched_at.as_deref(), super::age),
    )
    .entry("changed", super::age(&row.updated))
    .entry("config drive", Value::flag(!row.config_drive.is_empty()))
    .entry(
        "libvirt name",
        Value::maybe(row.instance_name.as_deref(), Value::text),
    )
    .entry("id", Value::text(&row.id));
}

fn usage<'a>(doc: &mut Doc<'a>, row: &'a Server, facts: &Facts<'a>) {
    let Some(gauge) = super::gauge(row, facts) else {
        return;
    };
    let rates = &gauge.rates;
    let rate = |value: Option<f32>| Value::maybe(value, |value| Value::Rate(f64::from(value)));
    doc.group("Now")
        .entry(
            "cpu",
            Value::maybe(rates.cpu_util, |value| Value::Percent(f64::from(value))),
        )
        .entry("cpu, lately", super::history(row, facts));
    let memory = rates.get(Meter::MemoryUsage).map(|used| {
        let used = format::bytes(f64::from(used) * 1_048_576.0);
        match rates.memory_total_mb {
            Some(total) => format!(
                "{used} of {}",
                format::bytes(f64::from(total) * 1_048_576.0)
            ),
            None => used,
        }
    });
    doc.entry("memory", Value::maybe(memory, Value::owned))
        .entry("disk read", rate(rates.disk_read))
        .entry("disk write", rate(rates.disk_write))
        .entry("net in", rate(rates.net_rx))
        .entry("net out", rate(rates.net_tx));
}

fn addresses<'a>(doc: &mut Doc<'a>, row: &'a Server) {
    if row.addresses.is_empty() {
        return;
    }
    doc.group("Addresses");
    for (network, addresses) in &row.addresses {
        for address in addresses {
            let words = if address.kind.is_empty() {
                format!("{}  {}", address.addr, address.mac_addr)
            } else {
                format!("{}  {}  {}", address.addr, address.kind, address.mac_addr)
            };
            doc.entry(network, Value::owned(words));
        }
    }
    for group in row.security_groups.iter().flatten() {
        doc.entry("security", Value::text(&group.name));
    }
}

fn power(state: u8) -> &'static str {
    match state {
        1 => "running",
        3 => "paused",
        4 => "shut down",
        6 => "crashed",
        7 => "suspended",
        _ => "",
    }
}

fn size(row: &Server) -> Value<'static> {
    let flavor = &row.flavor;
    let (Some(vcpus), Some(ram), Some(disk)) = (flavor.vcpus, flavor.ram, flavor.disk) else {
        return Value::Absent;
    };
    let ram = format::bytes(ram as f64 * 1_048_576.0);
    Value::owned(format!("{vcpus} vCPU, {ram} memory, {disk} GiB disk"))
}
