//! The security groups of the fixture.

use serde_json::{Value, json};

use super::fixture::{before, id};

/// A project's default group, and one for web servers.
pub(super) fn groups() -> Value {
    let rule = |at: usize, group: usize, way: &str, kind: &str, more: Value| {
        let mut rule = json!({"id": id(11, at), "security_group_id": id(10, group), "direction": way, "ethertype": kind,
            "project_id": "p1"});
        if let (Some(rule), Value::Object(more)) = (rule.as_object_mut(), more) {
            rule.extend(more);
        }
        rule
    };
    let group = |at: usize, name: &str, description: &str, rules: Vec<Value>| {
        json!({"id": id(10, at), "name": name, "description": description, "project_id": "p1", "stateful": true,
            "security_group_rules": rules, "created_at": before(90_000)})
    };
    let ours = json!({"remote_group_id": id(10, 0)});
    let out = |at: usize, of: usize| {
        vec![
            rule(at, of, "egress", "IPv4", json!({})),
            rule(at + 1, of, "egress", "IPv6", json!({})),
        ]
    };
    let mut default = out(0, 0);
    default.push(rule(2, 0, "ingress", "IPv4", ours.clone()));
    default.push(rule(3, 0, "ingress", "IPv6", ours));
    let mut web = out(4, 1);
    let more = [
        json!({"protocol": "tcp", "port_range_min": 443, "port_range_max": 443, "remote_ip_prefix": "0.0.0.0/0"}),
        json!({"protocol": "tcp", "port_range_min": 8000, "port_range_max": 8080, "remote_group_id": id(10, 0)}),
        json!({"protocol": "icmp", "port_range_min": 8, "remote_ip_prefix": "10.0.0.0/8"}),
    ];
    web.extend(
        (6..)
            .zip(more)
            .map(|(at, more)| rule(at, 1, "ingress", "IPv4", more)),
    );
    json!({"security_groups": [group(0, "default", "Default security group", default), group(1, "web", "Behind the balancer", web)]})
}
