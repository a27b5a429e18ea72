//! `POST /skydeck/v1/network/trace`.

use std::net::IpAddr;

use axum::Json;
use serde::Serialize;

use crate::api::wire::ErrorStyle;
use crate::api::{Body, Routes};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::network::model::NewSecurityRule;
use crate::network::ops::{self, Counts, TraceWish, Traced};
use crate::network::trace::{Remedy, Step, Transport};
use crate::network::wire::{
    SecurityGroupRuleFields, Trace, TraceBody, TraceRemedy, TraceRequest, TraceStep,
};

/// Bytes of what names an end at most: as of a name.
const LONGEST: usize = 255;

pub(super) fn routes() -> Routes {
    Routes::new("/skydeck/v1", ErrorStyle::Skydeck).post(
        "/network/trace",
        "network:trace:run",
        trace,
    )
}

async fn trace(cx: Context, Body(request): Body<TraceRequest>) -> Result<Json<TraceBody>> {
    let traced = ops::network_trace(&cx, wish(request)?).await?;
    Ok(Json(TraceBody {
        trace: to_wire(&traced),
    }))
}

fn wish(request: TraceRequest) -> Result<TraceWish> {
    for (field, text) in [("from", &request.from), ("to", &request.to)] {
        if text.trim().is_empty() || text.len() > LONGEST {
            return Err(Error::invalid(
                field,
                "say a server or a port by id or name, an address, or outside",
            ));
        }
    }
    let mut known = Transport::ALL.into_iter();
    let transport = known
        .find(|transport| transport.name() == request.protocol)
        .ok_or_else(|| {
            let reason = format!("{:?} is none of icmp, tcp, udp", request.protocol);
            Error::invalid("protocol", reason)
        })?;
    let port = match (transport, request.port) {
        (Transport::Icmp, None) => None,
        (Transport::Icmp, Some(_)) => {
            return Err(Error::invalid("port", "icmp has no ports; leave it out"));
        }
        (_, port) => {
            let port = port.and_then(|port| u16::try_from(port).ok());
            let port = port.filter(|port| *port > 0);
            Some(port.ok_or_else(|| Error::invalid("port", "1 to 65535 is needed"))?)
        }
    };
    let source = request.source.map(|text| {
        text.parse::<IpAddr>()
            .map_err(|_| Error::invalid("source", format!("{text:?} is no address")))
    });
    let probe = request.probe.map(|text| {
        text.parse()
            .map_err(|_| Error::invalid("probe", format!("{text:?} is no UUID")))
    });
    Ok(TraceWish {
        from: request.from,
        to: request.to,
        source: source.transpose()?,
        transport,
        port,
        probe: probe.transpose()?,
    })
}

fn to_wire(traced: &Traced) -> Trace {
    let path = &traced.path;
    Trace {
        verdict: word(path.verdict()),
        from_port_id: path.from.map(|id| id.to_string()),
        to_port_id: path.to.map(|id| id.to_string()),
        source: path.packet.source.map(|address| address.to_string()),
        destination: path.packet.destination.map(|address| address.to_string()),
        steps: path
            .steps
            .iter()
            .zip(&traced.counts)
            .map(|(step, counts)| step_to_wire(step, counts))
            .collect(),
    }
}

/// The name of a unit variant, as serde writes it.
fn word(value: impl Serialize) -> String {
    let written = serde_json::to_value(value).unwrap_or_default();
    written.as_str().unwrap_or_default().to_owned()
}

fn step_to_wire(step: &Step, counts: &Counts) -> TraceStep {
    TraceStep {
        is_back: step.is_back,
        host: step.host.clone(),
        namespace: step.namespace.clone(),
        device: step.device.clone(),
        what: word(step.what),
        verdict: word(step.verdict),
        reason: word(step.reason),
        because: step.because.clone(),
        rule_id: step.rule.map(|id| id.to_string()),
        would: step.would,
        remedy: step.remedy.as_ref().map(remedy_to_wire),
        is_counted: step.point.is_some(),
        request: counts.request,
        reply: counts.reply,
        dropped: counts.dropped,
    }
}

fn remedy_to_wire(remedy: &Remedy) -> TraceRemedy {
    match remedy {
        Remedy::Rule(rule) => TraceRemedy::SecurityGroupRule {
            security_group_rule: rule_to_wire(rule),
        },
        Remedy::RouterInterface { router, subnet } => TraceRemedy::RouterInterface {
            router_id: router.to_string(),
            subnet_id: subnet.to_string(),
        },
        Remedy::RouterGateway { router, network } => TraceRemedy::RouterGateway {
            router_id: router.to_string(),
            network_id: network.to_string(),
        },
        Remedy::FloatingIp { port, network } => TraceRemedy::FloatingIp {
            port_id: port.to_string(),
            floating_network_id: network.to_string(),
        },
        Remedy::PortUp(id) => TraceRemedy::PortUp {
            port_id: id.to_string(),
        },
        Remedy::NetworkUp(id) => TraceRemedy::NetworkUp {
            network_id: id.to_string(),
        },
        Remedy::RouterUp(id) => TraceRemedy::RouterUp {
            router_id: id.to_string(),
        },
    }
}

fn rule_to_wire(rule: &NewSecurityRule) -> SecurityGroupRuleFields {
    SecurityGroupRuleFields {
        security_group_id: rule.group.to_string(),
        direction: rule.direction.name().to_owned(),
        ethertype: rule.ethertype.map(|ethertype| ethertype.name().to_owned()),
        protocol: rule.protocol.clone(),
        port_range_min: rule.min,
        port_range_max: rule.max,
        remote_ip_prefix: rule.remote_prefix.map(|prefix| prefix.to_string()),
        remote_group_id: rule.remote_group.map(|group| group.to_string()),
        ..SecurityGroupRuleFields::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(protocol: &str, port: Option<u32>) -> TraceRequest {
        TraceRequest {
            from: "web".into(),
            to: "outside".into(),
            protocol: protocol.into(),
            port,
            ..TraceRequest::default()
        }
    }

    #[test]
    fn what_makes_no_question_is_refused_with_its_field() {
        assert_eq!(wish(asked("tcp", Some(22))).unwrap().port, Some(22));
        assert_eq!(wish(asked("icmp", None)).unwrap().port, None);
        let empty = TraceRequest {
            to: " ".into(),
            ..asked("icmp", None)
        };
        let long = TraceRequest {
            from: "x".repeat(256),
            ..asked("icmp", None)
        };
        let source = TraceRequest {
            source: Some("fd00::z".into()),
            ..asked("icmp", None)
        };
        let probe = TraceRequest {
            probe: Some("mine".into()),
            ..asked("icmp", None)
        };
        for (request, field) in [
            (empty, "to"),
            (long, "from"),
            (source, "source"),
            (probe, "probe"),
            (asked("sctp", Some(1)), "protocol"),
            (asked("icmp", Some(1)), "port"),
            (asked("tcp", None), "port"),
            (asked("udp", Some(0)), "port"),
            (asked("udp", Some(65_536)), "port"),
        ] {
            let Err(Error::Invalid { field: named, .. }) = wish(request.clone()) else {
                panic!("{request:?} is taken")
            };
            assert_eq!(named, field);
        }
    }

    #[test]
    fn a_remedy_that_nobody_knows_yet_is_no_error() {
        let text = r#"{"kind": "pray", "to": "whom"}"#;
        let read: TraceRemedy = serde_json::from_str(text).unwrap();
        assert_eq!(read, TraceRemedy::Unknown);
        let known = remedy_to_wire(&Remedy::PortUp(crate::ids::PortId::new()));
        let text = serde_json::to_string(&known).unwrap();
        assert!(text.contains(r#""kind":"port_up""#), "{text}");
        assert_eq!(serde_json::from_str::<TraceRemedy>(&text).unwrap(), known);
    }
}
