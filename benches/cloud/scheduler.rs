//! One decision of the scheduler among ten thousand hosts, by the rules of the default settings, as a launch makes and
//! keeps it: the choice, the explanation of it, and the text that is stored.

use std::collections::BTreeMap;
use std::time::Instant;

use skydeck::compute::model::{Affinity, Resources};
use skydeck::compute::scheduler::{FlavorSize, Group, HostState, Request, Rules, explain, select};
use skydeck::config::{Config, Sources};

use super::report::{heading, line, median, time};

const HOSTS: u64 = 10_000;
const ROUNDS: u64 = 51;
/// As `compute/ops/place.rs` has them: hosts that are tried, and hosts that are explained.
const ALTERNATES: usize = 4;
const EXPLAINED: usize = 10;
const EXPLAINED_FAILURE: usize = 100;

/// Measures decisions of several kinds.
pub fn run() {
    heading("Scheduler, 10,000 hosts");
    let config = Config::load(&Sources::default()).expect("the default settings");
    let rules = Rules::new(&config.compute.filters, &config.compute.weighers).expect("known names");
    let rules = Rules {
        max_instances: 1000,
        max_io_ops: 8,
        ..rules
    };
    let hosts: Vec<HostState> = (0..HOSTS).map(host).collect();
    let plain = Request {
        resources: Resources::new(2, 4096, 20),
        ..Request::default()
    };
    let pairs = |all: &[(&str, &str)]| -> BTreeMap<String, String> {
        let owned = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
        all.iter().map(owned).collect()
    };
    let choosy = Request {
        availability_zone: Some("west".into()),
        extra_specs: pairs(&[
            ("aggregate_instance_extra_specs:disk", "nvme"),
            ("capabilities:cpu_arch", "s== x86_64"),
        ]),
        image_properties: pairs(&[("hw_architecture", "x86_64"), ("img_hv_type", "kvm")]),
        ..plain.clone()
    };
    let apart = Request {
        group: Some(Group {
            affinity: Affinity::Apart,
            hosts: Group::count((0..1000).map(|number| name(number * 7))),
            max_per_host: 1,
        }),
        ..plain.clone()
    };
    let large = Request {
        resources: Resources::new(2, 1_000_000, 20),
        flavors: (1..=20)
            .map(|size| FlavorSize {
                name: format!("m{size}"),
                resources: Resources::new(2, size * 8192, 20),
                extra_specs: BTreeMap::new(),
            })
            .collect(),
        ..plain.clone()
    };
    for (what, request) in [
        ("any host", plain),
        ("a zone, aggregates, image properties", choosy),
        ("apart from 1,000 servers of a group", apart),
        ("none fits: what would help", large),
    ] {
        let mut times = Vec::new();
        let mut kept = 0;
        for seed in 0..ROUNDS {
            let request = Request {
                seed,
                ..request.clone()
            };
            let begun = Instant::now();
            let selection = select(&rules, &request, &hosts, ALTERNATES);
            let explained = match selection.chosen() {
                Some(_) => EXPLAINED,
                None => EXPLAINED_FAILURE,
            };
            let decision = explain(&rules, &request, &hosts, &selection, ALTERNATES, explained);
            kept = serde_json::to_string(&decision).unwrap().len();
            times.push(begun.elapsed());
            assert!(decision.chosen.is_some() || decision.suggestion.is_some());
        }
        line(
            &format!("a decision: {what}"),
            &time(median(times)),
            &format!("{} KiB are kept", kept / 1024),
            "<= 5 ms",
        );
    }
}

fn name(number: u64) -> String {
    format!("compute-{number:05}")
}

/// A host of a grown fleet: three generations, two zones, some down, disabled, or full.
fn host(number: u64) -> HostState {
    let generation = 1 + number % 3;
    let total = Resources::new(32 * generation, 128 * 1024 * generation, 2000);
    let mut metadata = BTreeMap::from([("disk".to_owned(), vec!["ssd".to_owned()])]);
    if number.is_multiple_of(4) {
        metadata.insert("disk".into(), vec!["nvme".into()]);
    }
    HostState {
        name: name(number),
        zone: if number.is_multiple_of(2) {
            "west"
        } else {
            "east"
        }
        .into(),
        up: !number.is_multiple_of(97),
        enabled: !number.is_multiple_of(53),
        disabled_reason: number.is_multiple_of(53).then(|| "maintenance".to_owned()),
        aggregate_metadata: metadata,
        arch: "x86_64".into(),
        hypervisor_type: "QEMU".into(),
        hypervisor_version: 7_002_000,
        cpu_model: "EPYC-Milan".into(),
        cpu_features: (0..80).map(|bit| format!("feature{bit}")).collect(),
        total,
        capacity: Resources::new(total.vcpus * 4, total.memory_mb - 2048, total.disk_gb - 10),
        used: Resources::new(number % 97, (number * 977) % total.memory_mb, number % 1500),
        servers: u32::try_from(number % 60).unwrap(),
        io_ops: u32::try_from(number % 9).unwrap(),
        failures: u32::from(number.is_multiple_of(41)),
        ..HostState::default()
    }
}
