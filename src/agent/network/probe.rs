//! Probes: packets of one question counted at places on their way, in tables of their own beside the packet filter, so
//! that an operator sees where they end.
//!
//! A probe has a table in the node's own namespace, which sees bridged frames before our filter and after it, and one in
//! each router's that it looks at, which sees packets before addresses are translated and after it. It has rules that
//! count and nothing else: whatever becomes of it, no packet is treated otherwise.
//!
//! Invariant: a probe that is not asked for during its lifetime goes, and so do all of an agent that went before: the
//! name of a table tells that it is of a probe, and an agent that starts knows of none. Namespaces of others are left alone.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::sync::Mutex;
use tokio::time::MissedTickBehavior;
use uuid::Uuid;

use super::error::HostError;
use super::filter::{TABLE, field, is};
use super::namespace::{Namespaces, is_there, within};
use super::nft::{NFT, objects, read};
use super::ruleset::{Table, remove_table};
use crate::bus::{Fault, FaultKind};
use crate::ids::RouterId;
use crate::network::names::{self, TAP_PREFIX};
use crate::network::rpc::{NetworkProbe, NetworkProbed, PROBE_POINTS, PROBE_SECONDS, ProbePoint};

/// Tables of probes begin so.
const PREFIX: &str = "skydeck-probe-";
/// Probes of a node at most.
const MOST: usize = 16;
/// How often is looked for those that nobody asks for any more.
const SWEEP: Duration = Duration::from_secs(5);
/// Bytes of the name of an interface at most.
const NAME: usize = 15;

/// The probes of a node.
pub struct Probes {
    rooms: Namespaces,
    live: Mutex<BTreeMap<Uuid, Probe>>,
}

struct Probe {
    points: Vec<ProbePoint>,
    ends: Instant,
}

/// Where a table is: in a router's namespace, or where bridges are.
type Place = Option<String>;

impl Probes {
    /// Of the node that notes its namespaces below `state`.
    pub fn new(state: &Path) -> Self {
        Self {
            rooms: Namespaces::new(state),
            live: Mutex::default(),
        }
    }

    /// Removes what nobody asks for, for ever; at first what an agent before has left.
    pub async fn keep(&self) {
        if let Err(error) = self.clear().await {
            tracing::warn!(%error, "probes of packets");
        }
        let mut tick = tokio::time::interval(SWEEP);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tick.tick().await;
            self.expire(Instant::now()).await;
        }
    }

    /// Removes all tables of probes of this node.
    pub async fn clear(&self) -> Result<(), HostError> {
        let mut live = self.live.lock().await;
        live.clear();
        let mut places: Vec<Place> = vec![None];
        // One that is being made has no table yet, and can not be entered.
        let ours = self.rooms.noted()?.into_iter();
        places.extend(
            ours.filter(|name| is_router(name) && is_there(name))
                .map(Some),
        );
        let mut result = Ok(());
        for place in places {
            // One namespace that can not be entered does not keep the others from being looked at.
            let cleared = match tables(&place).await {
                Ok(names) => {
                    let commands = names
                        .iter()
                        .flat_map(|name| remove_table(family(&place), name));
                    let commands: Vec<Value> = commands.collect();
                    match commands.is_empty() {
                        true => Ok(()),
                        false => run(&place, commands).await,
                    }
                }
                Err(error) => Err(error),
            };
            // Its tables went with it.
            let gone = place.as_ref().is_some_and(|name| !is_there(name));
            if !gone {
                result = result.and(cleared);
            }
        }
        result
    }

    /// Removes probes whose lifetime is over.
    pub async fn expire(&self, now: Instant) {
        let mut live = self.live.lock().await;
        let over: Vec<Uuid> = live
            .iter()
            .filter(|(_, probe)| probe.ends <= now)
            .map(|(id, _)| *id)
            .collect();
        for id in over {
            if let Some(probe) = live.remove(&id) {
                remove(id, &places(&probe.points)).await;
            }
        }
    }

    /// Counts from now on, if it does not yet, and says what was counted.
    pub async fn ask(&self, request: &NetworkProbe) -> Result<NetworkProbed, Fault> {
        check(request)?;
        let now = Instant::now();
        self.expire(now).await;
        let mut live = self.live.lock().await;
        let known = live.get(&request.id);
        if known.is_none() && live.len() >= MOST {
            return Err(Fault::new(
                FaultKind::Unavailable,
                format!("{MOST} traces are looked at on this node already; close one of them"),
            ));
        }
        let before = known.map(|probe| &probe.points);
        let is_new = before != Some(&request.points);
        let wanted = places(&request.points);
        if let Some(before) = before.filter(|_| is_new) {
            let gone: BTreeSet<Place> = places(before).difference(&wanted).cloned().collect();
            remove(request.id, &gone).await;
        }
        let seconds = request.lifetime.clamp(1, PROBE_SECONDS);
        let probe = Probe {
            points: request.points.clone(),
            ends: now + Duration::from_secs(seconds.into()),
        };
        live.insert(request.id, probe);
        let mut counts = vec![None; request.points.len()];
        for place in &wanted {
            // What somebody flushed, or went with its namespace, is made again.
            let counted = match is_new {
                true => None,
                false => counted(request.id, place).await.ok(),
            };
            let counted = match counted {
                Some(counted) => counted,
                None => match make(request.id, place, &request.points).await {
                    Ok(()) => counted_from_zero(place, &request.points),
                    Err(error) => {
                        tracing::debug!(%error, ?place, "a probe can not be made");
                        continue;
                    }
                },
            };
            for (at, packets) in counted {
                if let Some(count) = counts.get_mut(at) {
                    *count = Some(packets);
                }
            }
        }
        let taps: BTreeSet<&str> = request
            .points
            .iter()
            .filter(|point| point.namespace.is_none() && point.device.starts_with(TAP_PREFIX))
            .map(|point| point.device.as_str())
            .collect();
        let drops = match taps.is_empty() {
            true => BTreeMap::new(),
            false => dropped(&taps).await.unwrap_or_default(),
        };
        Ok(NetworkProbed { counts, drops })
    }
}

/// Refuses what can not have been asked by a control process of ours.
fn check(request: &NetworkProbe) -> Result<(), Fault> {
    let refused = |text: String| Err(Fault::new(FaultKind::Refused, text));
    if request.points.len() > PROBE_POINTS {
        return refused(format!(
            "a probe has {PROBE_POINTS} points at most, not {}",
            request.points.len()
        ));
    }
    for point in &request.points {
        let device = &point.device;
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '-';
        if device.is_empty() || device.len() > NAME || !device.chars().all(plain) {
            return refused(format!("{device:?} is the name of no device of ours"));
        }
        if let Some(name) = point.namespace.as_ref().filter(|name| !is_router(name)) {
            return refused(format!("{name:?} is the namespace of no router"));
        }
    }
    Ok(())
}

fn is_router(namespace: &str) -> bool {
    let id = namespace.rsplit_once("qrouter-").map_or("", |(_, id)| id);
    id.parse::<RouterId>()
        .is_ok_and(|id| names::router_namespace(id) == namespace)
}

fn places(points: &[ProbePoint]) -> BTreeSet<Place> {
    points.iter().map(|point| point.namespace.clone()).collect()
}

fn family(place: &Place) -> &'static str {
    match place {
        Some(_) => "inet",
        None => "bridge",
    }
}

fn table_name(id: Uuid) -> String {
    format!("{PREFIX}{id}")
}

/// Before everything that is ours at the place, and after it.
fn priorities(place: &Place) -> (i32, i32) {
    match place {
        Some(_) => (-350, 350),
        None => (-300, 300),
    }
}

/// The transaction that makes a probe's table at one place, whatever it is now.
fn commands(id: Uuid, place: &Place, points: &[ProbePoint]) -> Vec<Value> {
    let name = table_name(id);
    let mut table = Table::named(family(place), &name);
    let (before, after) = priorities(place);
    table.chain("prerouting", "filter", before);
    table.chain("postrouting", "filter", after);
    let here = points.iter().enumerate();
    for (at, point) in here.filter(|(_, point)| point.namespace == *place) {
        let chain = match point.outbound {
            true => "postrouting",
            false => "prerouting",
        };
        table.commented_rule(chain, statements(point), &at.to_string());
    }
    let mut commands = Vec::new();
    table.write(&mut commands);
    commands
}

fn statements(point: &ProbePoint) -> Vec<Value> {
    let meta = |key: &str| json!({"meta": {"key": key}});
    let by = meta(match point.outbound {
        true => "oifname",
        false => "iifname",
    });
    let known = point.destination.or(point.source);
    let (family, icmp) = match known.is_some_and(|address| address.is_ipv6()) {
        true => ("ip6", "icmpv6"),
        false => ("ip", "icmp"),
    };
    let mut all = vec![
        is(by, &point.device),
        is(meta("protocol"), family),
        is(meta("l4proto"), point.protocol),
    ];
    for (name, address) in [("saddr", point.source), ("daddr", point.destination)] {
        all.extend(address.map(|address| is(field(family, name), address)));
    }
    for (name, port) in [
        ("sport", point.source_port),
        ("dport", point.destination_port),
    ] {
        all.extend(port.map(|port| is(field("th", name), port)));
    }
    all.extend(point.icmp.map(|kind| is(field(icmp, "type"), kind)));
    all.push(json!({"counter": {"packets": 0, "bytes": 0}}));
    all
}

async fn make(id: Uuid, place: &Place, points: &[ProbePoint]) -> Result<(), HostError> {
    run(place, commands(id, place, points)).await
}

/// Removes a probe's tables. What can not be removed went with its namespace, or goes when the agent starts.
async fn remove(id: Uuid, places: &BTreeSet<Place>) {
    for place in places {
        let commands = remove_table(family(place), &table_name(id)).to_vec();
        if let Err(error) = run(place, commands).await {
            tracing::debug!(%error, ?place, "a probe can not be removed");
        }
    }
}

async fn run(place: &Place, commands: Vec<Value>) -> Result<(), HostError> {
    let text = json!({ "nftables": commands }).to_string();
    nft(place, &["-f", "-"], text).await.map(drop)
}

/// Runs `nft -j` at a place.
async fn nft(place: &Place, arguments: &[&str], input: String) -> Result<Vec<u8>, HostError> {
    let arguments: Vec<String> = arguments.iter().map(ToString::to_string).collect();
    let work = move || async move {
        let mut all = vec!["-j"];
        all.extend(arguments.iter().map(String::as_str));
        NFT.run(&all, input.as_bytes()).await
    };
    match place {
        Some(name) => within(name, work).await,
        None => work().await,
    }
}

/// Names of tables of probes at a place.
async fn tables(place: &Place) -> Result<Vec<String>, HostError> {
    let listing = read(nft(place, &["list", "tables"], String::new()).await?)?;
    let family = family(place);
    let all = objects(&listing, "table").filter(|table| table["family"] == family);
    let names = all.filter_map(|table| table["name"].as_str());
    let ours = names.filter(|name| name.starts_with(PREFIX));
    Ok(ours.map(str::to_owned).collect())
}

/// Packets by the number of their point.
async fn counted(id: Uuid, place: &Place) -> Result<Vec<(usize, u64)>, HostError> {
    let name = table_name(id);
    let listing = nft(
        place,
        &["list", "table", family(place), &name],
        String::new(),
    )
    .await?;
    let listing = read(listing)?;
    let rules = commented(&listing).into_iter();
    Ok(rules
        .filter_map(|(comment, packets)| Some((comment.parse().ok()?, packets)))
        .collect())
}

fn counted_from_zero(place: &Place, points: &[ProbePoint]) -> Vec<(usize, u64)> {
    let here = points.iter().enumerate();
    here.filter(|(_, point)| point.namespace == *place)
        .map(|(at, _)| (at, 0))
        .collect()
}

/// What security groups dropped of these taps.
async fn dropped(taps: &BTreeSet<&str>) -> Result<BTreeMap<String, u64>, HostError> {
    let listing = read(
        NFT.run(&["-j", "list", "table", "inet", TABLE], b"")
            .await?,
    )?;
    let of_tap = |comment: &str| {
        let words = comment.split_once(' ');
        words.is_some_and(|(way, tap)| ["from", "to"].contains(&way) && taps.contains(tap))
    };
    let rules = commented(&listing).into_iter();
    Ok(rules.filter(|(comment, _)| of_tap(comment)).collect())
}

/// Comments of rules that count, and what they counted.
fn commented(listing: &Value) -> Vec<(String, u64)> {
    objects(listing, "rule")
        .filter_map(|rule| {
            let comment = rule["comment"].as_str()?.to_owned();
            let mut parts = rule["expr"].as_array()?.iter();
            let packets = parts.find_map(|part| part["counter"]["packets"].as_u64())?;
            Some((comment, packets))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(namespace: Option<String>, device: &str) -> ProbePoint {
        ProbePoint {
            namespace,
            device: device.into(),
            outbound: false,
            protocol: 6,
            source: Some("10.1.0.5".parse().unwrap()),
            destination: None,
            source_port: None,
            destination_port: Some(80),
            icmp: None,
        }
    }

    fn request(points: Vec<ProbePoint>) -> NetworkProbe {
        NetworkProbe {
            id: Uuid::nil(),
            points,
            lifetime: 10,
        }
    }

    #[test]
    fn a_table_counts_its_own_points_and_decides_nothing() {
        let router = names::router_namespace(RouterId::new());
        let points = [point(None, "sdt-1"), point(Some(router.clone()), "qr-1")];
        for (place, own, other) in [(None, "sdt-1", "qr-1"), (Some(router), "qr-1", "sdt-1")] {
            let text = json!(commands(Uuid::nil(), &place, &points)).to_string();
            assert!(text.contains(own) && !text.contains(other), "{text}");
            assert!(text.contains(r#""counter""#) && text.contains("10.1.0.5"));
            assert!(
                !text.contains(r#""drop""#) && !text.contains(r#""accept":"#),
                "{text}"
            );
        }
    }

    #[test]
    fn strange_requests_are_refused() {
        let router = names::router_namespace(RouterId::new());
        assert!(check(&request(vec![point(Some(router), "qr-1")])).is_ok());
        for wrong in [
            request(vec![point(None, "sdt-1"); PROBE_POINTS + 1]),
            request(vec![point(None, "")]),
            request(vec![point(None, "sdt-1\" accept")]),
            request(vec![point(None, "sdt-1234567890123")]),
            request(vec![point(Some("world".into()), "qr-1")]),
            request(vec![point(Some("../qrouter-1".into()), "qr-1")]),
        ] {
            assert!(check(&wrong).is_err(), "{wrong:?}");
        }
    }
}
