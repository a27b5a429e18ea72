//! What hosts counted of a traced packet: each host of the way is asked once, all at the same time. One that does not
//! answer leaves its places unknown, and keeps nobody from an answer.

use std::collections::BTreeMap;
use std::time::Duration;

use uuid::Uuid;

use crate::context::Context;
use crate::network::rpc::{NetworkProbe, NetworkProbed, PROBE_POINTS, ProbePoint};
use crate::network::trace::{Packet, Point, Step, Transport, What};

/// How long a host may take to answer.
const PATIENCE: Duration = Duration::from_secs(2);
/// Seconds for which hosts go on counting when nobody asks any more.
const LIFETIME: u16 = 20;

/// What was counted at one step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Packets of the question.
    pub request: Option<u64>,
    /// Packets of the answer.
    pub reply: Option<u64>,
    /// Packets that the security groups there dropped, of whatever question.
    pub dropped: Option<u64>,
}

/// What one host is asked, and for which steps: two points each.
#[derive(Default)]
struct Asked {
    points: Vec<ProbePoint>,
    steps: Vec<usize>,
}

/// Asks the hosts of these steps.
pub(super) async fn count(cx: &Context, id: Uuid, steps: &[Step]) -> Vec<Counts> {
    let mut by_host: BTreeMap<&str, Asked> = BTreeMap::new();
    for (at, step) in steps.iter().enumerate() {
        let (Some(host), Some(point)) = (&step.host, &step.point) else {
            continue;
        };
        let asked = by_host.entry(host).or_default();
        if asked.points.len() + 2 <= PROBE_POINTS {
            asked.points.extend(points(step, point));
            asked.steps.push(at);
        }
    }
    let calls = by_host.into_iter().map(|(host, asked)| async move {
        let request = NetworkProbe {
            id,
            points: asked.points,
            lifetime: LIFETIME,
        };
        let answer = cx.bus.call(host, None, &request, PATIENCE).await;
        if let Err(error) = &answer {
            tracing::debug!(host, %error, "packets are not counted");
        }
        (host, asked.steps, answer.ok())
    });
    let mut counts = vec![Counts::default(); steps.len()];
    for (host, asked, answer) in futures::future::join_all(calls).await {
        if let Some(answer) = answer {
            note(&mut counts, steps, host, &asked, &answer);
        }
    }
    counts
}

fn note(
    counts: &mut [Counts],
    steps: &[Step],
    host: &str,
    asked: &[usize],
    answer: &NetworkProbed,
) {
    let counted = |at: usize| answer.counts.get(at).copied().flatten();
    for (place, step) in asked.iter().enumerate() {
        counts[*step].request = counted(2 * place);
        counts[*step].reply = counted(2 * place + 1);
    }
    for (step, counts) in steps.iter().zip(counts) {
        let way = match step.what {
            What::SenderGroups => "from",
            What::ReceiverGroups => "to",
            _ => continue,
        };
        if step.host.as_deref() == Some(host) {
            let comment = format!("{way} {}", step.device);
            counts.dropped = answer.drops.get(&comment).copied();
        }
    }
}

/// Where the question is counted, and where its answer is.
fn points(step: &Step, point: &Point) -> [ProbePoint; 2] {
    let one = |outbound: bool, packet: Packet, is_answer: bool| {
        let (source_port, destination_port) = match is_answer {
            false => (None, packet.port),
            true => (packet.port, None),
        };
        ProbePoint {
            namespace: step.namespace.clone(),
            device: step.device.clone(),
            outbound,
            protocol: packet.transport.number(packet.is_ipv6()),
            source: packet.source,
            destination: packet.destination,
            source_port,
            destination_port,
            icmp: match (packet.transport, is_answer) {
                (Transport::Icmp, false) => Some(packet.echo()[0]),
                (Transport::Icmp, true) => Some(packet.echo()[1]),
                _ => None,
            },
        }
    };
    let packet = point.packet;
    [
        one(point.outbound, packet, false),
        one(!point.outbound, packet.answer(), true),
    ]
}
