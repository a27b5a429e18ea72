//! A traced packet of the fixture: from one network to another, dropped by the receiver's groups.

use serde_json::{Value, json};

use super::fixture::id;

/// It is dropped at the receiver; two places further are not sure or would drop it as well.
pub(super) fn dropped() -> Value {
    let (blue, green) = ("40000000000", "50000000000");
    let router = format!("qrouter-{}", id(12, 0));
    let step = |host: &str,
                device: String,
                what: &str,
                because: &str,
                counted: Option<(u64, u64)>| {
        json!({"host": host, "device": device, "what": what, "verdict": "passes", "reason": "works", "because": because,
            "is_counted": counted.is_some(), "request": counted.map(|(there, _)| there), "reply": counted.map(|(_, back)| back)})
    };
    let with = |mut step: Value, more: Value| {
        if let (Some(step), Value::Object(more)) = (step.as_object_mut(), more) {
            step.extend(more);
        }
        step
    };
    let (web, db) = ("sdt-80000000000".to_owned(), "sdt-80000000003".to_owned());
    let inside = |step: Value| with(step, json!({"namespace": router}));
    let rule = json!({"kind": "security_group_rule", "security_group_rule": {"security_group_id": id(10, 1), "direction": "ingress",
        "ethertype": "IPv4", "protocol": "tcp", "port_range_min": 5432, "port_range_max": 5432, "remote_ip_prefix": "10.0.0.5/32"}});
    let steps = vec![
        step(
            "cmp-01",
            web.clone(),
            "tap",
            "the port is up on cmp-01",
            Some((12, 0)),
        ),
        step(
            "cmp-01",
            web.clone(),
            "anti_spoofing",
            "10.0.0.5 is the port's address",
            None,
        ),
        with(
            step(
                "cmp-01",
                web,
                "sender_groups",
                "group default allows it, rule 0000000b-0000-4000-8000-000000000000",
                None,
            ),
            json!({"rule_id": id(11, 0), "dropped": 0}),
        ),
        step(
            "cmp-01",
            format!("sdb-{blue}"),
            "bridge",
            "on network blue, by the gateway 10.0.0.1",
            None,
        ),
        step(
            "cmp-01",
            format!("sdx-{blue}"),
            "tunnel",
            "to cmp-02, 192.0.2.12",
            Some((12, 0)),
        ),
        step(
            "cmp-02",
            format!("sdx-{blue}"),
            "tunnel",
            "from cmp-01",
            Some((12, 0)),
        ),
        step(
            "cmp-02",
            format!("sdb-{blue}"),
            "bridge",
            "network blue",
            None,
        ),
        inside(step(
            "cmp-02",
            "qr-90000000001".into(),
            "router",
            "into router edge",
            Some((12, 0)),
        )),
        inside(step(
            "cmp-02",
            "qr-90000000002".into(),
            "route",
            "router edge has the network green",
            Some((12, 0)),
        )),
        step(
            "cmp-02",
            format!("sdx-{green}"),
            "tunnel",
            "to cmp-03, 192.0.2.13",
            Some((12, 0)),
        ),
        with(
            step(
                "cmp-03",
                format!("sdx-{green}"),
                "tunnel",
                "from cmp-02",
                Some((0, 0)),
            ),
            json!({"request": null, "reply": null}),
        ),
        step(
            "cmp-03",
            format!("sdb-{green}"),
            "bridge",
            "network green",
            None,
        ),
        with(
            step(
                "cmp-03",
                db.clone(),
                "receiver_groups",
                "no rule of groups default, web allows it to get tcp 5432 from 10.0.0.5",
                None,
            ),
            json!({"verdict": "drops", "reason": "no_rule", "remedy": rule, "dropped": 14}),
        ),
        with(
            step("cmp-03", db, "tap", "the port is up", Some((0, 0))),
            json!({"would": true}),
        ),
        inside(with(
            step(
                "cmp-02",
                "qr-90000000002".into(),
                "route",
                "router edge is administratively down",
                None,
            ),
            json!({"verdict": "drops", "reason": "router_down", "would": true, "is_back": true,
                "remedy": {"kind": "router_up", "router_id": id(12, 0)}}),
        )),
    ];
    json!({"trace": {"verdict": "drops", "from_port_id": id(8, 0), "to_port_id": id(8, 3), "source": "10.0.0.5",
        "destination": "10.2.0.7", "steps": steps}})
}
