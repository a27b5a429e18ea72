//! What lets a packet pass, as a request, and in words before it is made.

use crate::network::wire::{
    FloatingIpFields, GatewayInfo, Network, NetworkFields, Port, PortFields, Router, RouterFields,
    SecurityGroup, SecurityGroupRuleFields, Subnet, TraceRemedy,
};
use crate::tui::effect::{Done, Request, call};
use crate::tui::state::activity::Target;
use crate::tui::state::load::Row;
use crate::tui::view::Facts;

/// A remedy, ready to be asked for.
pub(super) struct Mending {
    /// The verb.
    pub act: &'static str,
    /// What it is done to.
    pub what: String,
    /// What will be there afterwards.
    pub words: String,
    pub target: Target,
    pub request: Box<dyn Request>,
}

/// A rule in words: `in: tcp 22 from 10.0.0.5/32`.
fn rule_words(rule: &SecurityGroupRuleFields) -> String {
    let (way, end) = match rule.direction.as_str() {
        "ingress" => ("in", "from"),
        _ => ("out", "to"),
    };
    let protocol = rule.protocol.as_deref().unwrap_or("all");
    let range = match (rule.port_range_min, rule.port_range_max) {
        (Some(kind), None) => format!(" type {kind}"),
        (Some(first), Some(last)) if first == last => format!(" {first}"),
        (Some(first), Some(last)) => format!(" {first}-{last}"),
        _ => String::new(),
    };
    let other = rule.remote_ip_prefix.as_deref().unwrap_or("anywhere");
    format!("{way}: {protocol}{range} {end} {other}")
}

fn target<R: Row>(id: &str, facts: &Facts<'_>) -> Target {
    Target {
        kind: R::KIND,
        id: id.to_owned(),
        name: facts.data.name_of::<R>(id).to_owned(),
    }
}

/// The remedy as a request; none for one that is not known here.
pub(super) fn mending(remedy: &TraceRemedy, facts: &Facts<'_>) -> Option<Mending> {
    let name = format!("{remedy:?}");
    Some(match remedy.clone() {
        TraceRemedy::SecurityGroupRule {
            security_group_rule: rule,
        } => {
            let target = target::<SecurityGroup>(&rule.security_group_id, facts);
            Mending {
                act: "Allow",
                what: format!("it in group {}", target.name),
                words: format!(
                    "Its ports get a rule more, {} ({})",
                    rule_words(&rule),
                    rule.ethertype.as_deref().unwrap_or("IPv4")
                ),
                target,
                request: call(name, move |client| async move {
                    client.security_rule_create(rule).await?;
                    Ok(Done::default())
                }),
            }
        }
        TraceRemedy::RouterInterface {
            router_id,
            subnet_id,
        } => {
            let target = target::<Router>(&router_id, facts);
            let subnet = facts.data.name_of::<Subnet>(&subnet_id);
            Mending {
                act: "Join",
                what: format!("subnet {subnet} to router {}", target.name),
                words: "The router gets an interface with the address of the subnet's gateway"
                    .to_owned(),
                target,
                request: call(name, move |client| async move {
                    client.router_subnet_add(&router_id, &subnet_id).await?;
                    Ok(Done::default())
                }),
            }
        }
        TraceRemedy::RouterGateway {
            router_id,
            network_id,
        } => {
            let target = target::<Router>(&router_id, facts);
            let network = facts.data.name_of::<Network>(&network_id);
            let fields = RouterFields {
                external_gateway_info: Some(Some(GatewayInfo {
                    network_id: Some(network_id.clone()),
                    ..GatewayInfo::default()
                })),
                ..RouterFields::default()
            };
            Mending {
                act: "Lead out",
                what: format!("router {}", target.name),
                words: format!("It gets a gateway, an address on network {network}"),
                target,
                request: call(name, move |client| async move {
                    client.router_update(&router_id, fields).await?;
                    Ok(Done::default())
                }),
            }
        }
        TraceRemedy::FloatingIp {
            port_id,
            floating_network_id,
        } => {
            let target = target::<Port>(&port_id, facts);
            let network = facts.data.name_of::<Network>(&floating_network_id);
            let fields = FloatingIpFields {
                floating_network_id: Some(floating_network_id.clone()),
                port_id: Some(Some(port_id)),
                ..FloatingIpFields::default()
            };
            Mending {
                act: "Create",
                what: "a floating IP".to_owned(),
                words: format!("An address of network {network} that leads to the port"),
                target,
                request: call(name, move |client| async move {
                    let made = client.floatingip_create(fields).await?;
                    Ok(Done::saying(made.floating_ip_address))
                }),
            }
        }
        TraceRemedy::PortUp { port_id } => Mending {
            act: "Put up",
            what: "the port".to_owned(),
            words: "It carries packets again".to_owned(),
            target: target::<Port>(&port_id, facts),
            request: call(name, move |client| async move {
                let fields = PortFields {
                    admin_state_up: Some(true),
                    ..PortFields::default()
                };
                client.port_update(&port_id, fields).await?;
                Ok(Done::default())
            }),
        },
        TraceRemedy::NetworkUp { network_id } => {
            let target = target::<Network>(&network_id, facts);
            Mending {
                act: "Put up",
                what: format!("network {}", target.name),
                words: "All its ports carry packets again".to_owned(),
                target,
                request: call(name, move |client| async move {
                    let fields = NetworkFields {
                        admin_state_up: Some(true),
                        ..NetworkFields::default()
                    };
                    client.network_update(&network_id, fields).await?;
                    Ok(Done::default())
                }),
            }
        }
        TraceRemedy::RouterUp { router_id } => {
            let target = target::<Router>(&router_id, facts);
            Mending {
                act: "Put up",
                what: format!("router {}", target.name),
                words: "It carries packets again".to_owned(),
                target,
                request: call(name, move |client| async move {
                    let fields = RouterFields {
                        admin_state_up: Some(true),
                        ..RouterFields::default()
                    };
                    client.router_update(&router_id, fields).await?;
                    Ok(Done::default())
                }),
            }
        }
        TraceRemedy::Unknown => return None,
    })
}
