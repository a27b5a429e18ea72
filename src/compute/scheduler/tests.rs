//! The scheduler's promises, for hosts and requests of any kind.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use rstest::rstest;

use super::*;
use crate::compute::model::{Affinity, Resources};
use crate::ids::{ImageId, ProjectId};

fn rules() -> Rules {
    let filters: Vec<String> = Filter::all()
        .map(|filter| filter.name().to_owned())
        .collect();
    let weighers = [
        ("RAMWeigher", 1.0),
        ("CPUWeigher", 1.0),
        ("DiskWeigher", 0.5),
        ("BuildFailureWeigher", 1000.0),
        ("ServerGroupSoftAffinityWeigher", 1.0),
    ];
    let weighers = weighers.map(|(name, factor)| (name.to_owned(), factor));
    Rules {
        max_instances: 4,
        max_io_ops: 8,
        isolation: Isolation {
            hosts: vec!["apart".into()],
            images: vec![ImageId::from_uuid(uuid::Uuid::from_u128(7))],
            hosts_for_images_only: true,
        },
        ..Rules::new(&filters, &BTreeMap::from(weighers)).unwrap()
    }
}

fn host(name: &str) -> HostState {
    HostState {
        name: name.into(),
        zone: "nova".into(),
        up: true,
        enabled: true,
        arch: "x86_64".into(),
        hypervisor_type: "QEMU".into(),
        hypervisor_version: 7_002_000,
        total: Resources::new(8, 16_384, 200),
        capacity: Resources::new(32, 15_872, 199),
        ..HostState::default()
    }
}

fn request() -> Request {
    Request {
        resources: Resources::new(2, 4096, 20),
        ..Request::default()
    }
}

fn decide(request: &Request, hosts: &[HostState]) -> Decision {
    let rules = rules();
    let selection = select(&rules, request, hosts, 3);
    explain(&rules, request, hosts, &selection, 2, 100)
}

fn says(host: &mut HostState, key: &str, value: &str) {
    let values = host.aggregate_metadata.entry(key.to_owned()).or_default();
    values.push(value.to_owned());
}

#[test]
fn what_aggregates_keep_a_host_for_is_let_in() {
    let (mut request, mut host) = (request(), host("a"));
    let project = ProjectId::new();
    request.project = Some(project);
    request.flavor = "m1.ssd".into();
    request.extra_specs.insert(
        "aggregate_instance_extra_specs:ssd".into(),
        "<or> nvme <or> sata".into(),
    );
    request
        .image_properties
        .insert("os_distro".into(), "debian".into());
    says(&mut host, "ssd", "sata");
    says(&mut host, "filter_tenant_id", &ProjectId::new().to_string());
    says(&mut host, "filter_tenant_id", &project.to_string());
    says(&mut host, "instance_type", "m1.ssd");
    says(&mut host, "os_distro", "debian");
    assert_eq!(decide(&request, &[host]).chosen.as_deref(), Some("a"));
}

#[test]
fn a_condition_of_the_operator_is_a_filter_and_is_named() {
    let mut rules = rules();
    rules.conditions = vec![Condition::new("big", r#"["<=", "$wanted_disk_gb", 10]"#).unwrap()];
    let (request, hosts) = (request(), [host("a")]);
    let selection = select(&rules, &request, &hosts, 3);
    let decision = explain(&rules, &request, &hosts, &selection, 2, 100);
    let refused = decision.hosts[0].filters.last().unwrap();
    assert_eq!(refused.filter, "ConditionsFilter");
    assert!(
        refused.reason.as_ref().unwrap().contains("big"),
        "{refused:?}"
    );
    assert_eq!(decision.suggestion, None);
}

/// One change to a good host or request, and what is then said.
#[rstest]
#[case::down(|_: &mut Request, h: &mut HostState| h.up = false, "ComputeFilter", "does not report", "bring a up")]
#[case::trouble(|_: &mut Request, h: &mut HostState| h.trouble = Some("refused".into()), "ComputeFilter", "refused", "bring a up")]
#[case::disabled(|_: &mut Request, h: &mut HostState| { h.enabled = false; h.disabled_reason = Some("disk swap".into()) }, "ComputeFilter", "disk swap", "enable a")]
#[case::zone(|r: &mut Request, _: &mut HostState| r.availability_zone = Some("az2".into()), "AvailabilityZoneFilter", "az2", "ask for zone nova")]
#[case::memory(|r: &mut Request, _: &mut HostState| r.resources.memory_mb = 16_384, "RamFilter", "16384 MiB of memory wanted, 15872 MiB left", "512 MiB less memory")]
#[case::machine(|r: &mut Request, _: &mut HostState| r.resources.vcpus = 9, "CoreFilter", "the whole machine has 8", "1 vcpus less")]
#[case::occupied(|_: &mut Request, h: &mut HostState| h.used = h.capacity, "CoreFilter", "2 vcpus wanted, 0 vcpus left", "free 2 vcpus on a")]
#[case::disk(|_: &mut Request, h: &mut HostState| h.used.disk_gb = 190, "DiskFilter", "20 GiB of disk wanted, 9 GiB left", "11 GiB less disk")]
#[case::full(|_: &mut Request, h: &mut HostState| h.servers = 4, "NumInstancesFilter", "4 servers of at most 4", "move or delete 1 servers of a")]
#[case::image(|r: &mut Request, _: &mut HostState| { r.image_properties.insert("hw_architecture".into(), "aarch64".into()); }, "ImagePropertiesFilter", "hw_architecture = aarch64", "without the property hw_architecture")]
#[case::spec(|r: &mut Request, _: &mut HostState| { r.extra_specs.insert("capabilities:cpu_arch".into(), "s== aarch64".into()); }, "ComputeCapabilitiesFilter", "capabilities:cpu_arch s== aarch64", "extra spec capabilities:cpu_arch")]
#[case::requested(|r: &mut Request, _: &mut HostState| r.host = Some("b".into()), "RequestedHostFilter", "only b", "certain host")]
#[case::unplugged(|r: &mut Request, h: &mut HostState| { h.physical_networks = vec!["dmz".into()]; r.physical_networks = ["dmz".into(), "lan".into()].into(); }, "PhysicalNetworkFilter", "not plugged into the physical network lan", "plug a into lan")]
#[case::different(|r: &mut Request, _: &mut HostState| r.different_host = ["a".into()].into(), "DifferentHostFilter", "different_host", "hint different_host")]
#[case::same(|r: &mut Request, _: &mut HostState| r.same_host = Some(["b".into()].into()), "SameHostFilter", "same_host", "hint same_host")]
#[case::apart(|r: &mut Request, _: &mut HostState| r.group = Some(Group { affinity: Affinity::Apart, hosts: Group::count(["a".into()]), max_per_host: 1 }), "ServerGroupAntiAffinityFilter", "1 servers of the group", "hint group")]
#[case::query(|r: &mut Request, _: &mut HostState| r.query = Some(serde_json::json!([">", "$num_instances", 3])), "JsonFilter", "query", "hint query")]
#[case::aggregate(|r: &mut Request, _: &mut HostState| { r.extra_specs.insert("aggregate_instance_extra_specs:ssd".into(), "true".into()); }, "AggregateInstanceExtraSpecsFilter", "none of its aggregates", "without the extra spec aggregate_instance_extra_specs:ssd")]
#[case::tenant(|_: &mut Request, h: &mut HostState| says(h, "filter_tenant_id2", "x"), "AggregateMultiTenancyIsolation", "other projects", "take a out of the aggregate")]
#[case::flavor(|_: &mut Request, h: &mut HostState| says(h, "instance_type", "m1.huge"), "AggregateTypeAffinityFilter", "other flavors", "take a out of the aggregate")]
#[case::aggregate_image(|r: &mut Request, h: &mut HostState| { says(h, "os_distro", "debian"); r.image_properties.insert("os_distro".into(), "windows".into()); }, "AggregateImagePropertiesIsolation", "os_distro = windows", "without the property os_distro")]
#[case::isolated_host(|_: &mut Request, h: &mut HostState| h.name = "apart".into(), "IsolatedHostsFilter", "isolated host", "compute.isolated_hosts")]
#[case::isolated_image(|r: &mut Request, _: &mut HostState| r.image = Some(ImageId::from_uuid(uuid::Uuid::from_u128(7))), "IsolatedHostsFilter", "for isolated hosts", "compute.isolated_hosts")]
#[case::near(|r: &mut Request, h: &mut HostState| { h.address = Some([10, 0, 1, 9].into()); r.near = Some("10.0.0.0/24".parse().unwrap()); }, "SimpleCIDRAffinityFilter", "not in 10.0.0.0/24", "hint build_near_host_ip")]
#[case::nowhere(|r: &mut Request, _: &mut HostState| r.near = Some("10.0.0.0/24".parse().unwrap()), "SimpleCIDRAffinityFilter", "not in 10.0.0.0/24", "hint build_near_host_ip")]
fn a_refusal_names_the_filter_the_reason_and_what_helps(
    #[case] change: fn(&mut Request, &mut HostState),
    #[case] filter: &str,
    #[case] reason: &str,
    #[case] help: &str,
) {
    let (mut request, mut host) = (request(), host("a"));
    assert_eq!(
        decide(&request, std::slice::from_ref(&host))
            .chosen
            .as_deref(),
        Some("a")
    );
    change(&mut request, &mut host);
    let decision = decide(&request, &[host]);
    assert_eq!(decision.chosen, None);
    let refused = decision.hosts[0].filters.last().unwrap();
    assert_eq!(refused.filter, filter);
    assert!(
        refused.reason.as_ref().unwrap().contains(reason),
        "{refused:?}"
    );
    let suggestion = decision.suggestion.as_ref().unwrap();
    assert!(suggestion.message.contains(help), "{}", suggestion.message);
    assert!(
        decision.failure().contains(reason),
        "{}",
        decision.failure()
    );
}

#[test]
fn of_many_hosts_the_best_and_some_of_each_refusal_are_shown_and_all_are_counted() {
    let mut hosts: Vec<HostState> = (0..40).map(|at| host(&format!("h{at:02}"))).collect();
    for host in &mut hosts[0..8] {
        host.up = false;
    }
    for host in &mut hosts[8..11] {
        host.used = host.capacity;
    }
    let (rules, mut request) = (rules(), request());
    request.excluded = vec!["h39".into()];
    let selection = select(&rules, &request, &hosts, 5);
    let decision = explain(&rules, &request, &hosts, &selection, 2, 5);
    assert_eq!((decision.considered, decision.passed), (40, 28));
    let by: Vec<(&str, usize)> = decision
        .refused
        .iter()
        .map(|by| (by.filter.as_str(), by.hosts))
        .collect();
    assert_eq!(by.len(), 2, "{by:?}");
    assert!(by.contains(&("ComputeFilter", 8)), "{by:?}");
    assert!(by.contains(&("CoreFilter", 3)), "{by:?}");
    let (passed, refused): (Vec<_>, Vec<_>) = decision.hosts.iter().partition(|host| host.passed);
    assert_eq!((passed.len(), refused.len()), (5, 5));
    assert!(refused.iter().any(|host| host.host == "h08"), "{refused:?}");
    // Where none fits, the sentence for people tells the same.
    request.resources.vcpus = 100;
    let none = select(&rules, &request, &hosts, 5);
    let failure = explain(&rules, &request, &hosts, &none, 0, 5).failure();
    assert!(failure.contains("none of 40 hosts"), "{failure}");
    assert!(
        failure.contains("31 turned down by CoreFilter"),
        "{failure}"
    );
    assert!(
        failure.contains("8 turned down by ComputeFilter"),
        "{failure}"
    );
}

#[test]
fn a_smaller_flavor_is_named_where_one_fits() {
    let flavor = |name: &str, memory| FlavorSize {
        name: name.into(),
        resources: Resources::new(1, memory, 1),
        extra_specs: BTreeMap::new(),
    };
    let mut request = request();
    request.resources.memory_mb = 20_000;
    request.flavors = vec![
        flavor("tiny", 512),
        flavor("small", 2048),
        flavor("huge", 65_536),
    ];
    let decision = decide(&request, &[host("a")]);
    let suggestion = decision.suggestion.unwrap();
    assert_eq!(suggestion.flavor.as_deref(), Some("small"));
    assert!(
        suggestion.message.starts_with("use flavor small ("),
        "{}",
        suggestion.message
    );
}

#[test]
fn the_emptiest_host_wins_and_failures_weigh_more() {
    let mut hosts = vec![host("a"), host("b"), host("c")];
    hosts[0].used.memory_mb = 8000;
    hosts[1].failures = 1;
    let decision = decide(&request(), &hosts);
    assert_eq!(decision.chosen.as_deref(), Some("c"));
    assert_eq!(decision.alternates, ["a", "b"]);
    assert_eq!(decision.hosts[0].rank, Some(1));
    let sum: f64 = decision.hosts[0]
        .weights
        .iter()
        .map(|weight| weight.score)
        .sum();
    assert!((sum - decision.hosts[0].weight.unwrap()).abs() < 1e-9);
}

#[test]
fn what_hosts_measure_is_weighed_and_those_that_do_not_tell_come_last_or_not_at_all() {
    let rules = |filters: &[String]| Rules {
        metrics: [("cpu.percent".to_owned(), -1.0)].into(),
        ..Rules::new(filters, &[("MetricsWeigher".to_owned(), 1.0)].into()).unwrap()
    };
    let busy = |name: &str, share: Option<f64>| HostState {
        metrics: share
            .map(|share| ("cpu.percent".to_owned(), share))
            .into_iter()
            .collect(),
        ..host(name)
    };
    let hosts = [busy("a", Some(0.9)), busy("b", None), busy("c", Some(0.1))];
    let names = |rules: &Rules| -> Vec<String> {
        let ranked = select(rules, &request(), &hosts, 3).ranked;
        ranked.iter().map(|&at| hosts[at].name.clone()).collect()
    };
    assert_eq!(names(&rules(&[])), ["c", "a", "b"]);
    assert_eq!(names(&rules(&["MetricsFilter".to_owned()])), ["c", "a"]);
}

#[test]
fn a_host_that_is_preferred_goes_before_better_ones_if_it_passes() {
    let emptier = |name: &str, used: u64| HostState {
        used: Resources::new(0, used, 0),
        ..host(name)
    };
    let mut hosts = [emptier("a", 0), emptier("b", 1000), emptier("c", 5000)];
    let wish = Request {
        prefers: Some("c".into()),
        ..request()
    };
    let first = |hosts: &[HostState]| decide(&wish, hosts).chosen;
    assert_eq!(first(&hosts).as_deref(), Some("c"));
    let selection = select(&rules(), &wish, &hosts, 3);
    assert_eq!(selection.ranked, [2, 0, 1]);
    hosts[2].enabled = false;
    assert_eq!(first(&hosts).as_deref(), Some("a"));
}

#[test]
fn a_server_needs_on_its_own_host_only_what_it_does_not_hold() {
    let mut host = host("a");
    host.used = Resources::new(4, 12_288, 40);
    let mut request = request();
    request.resources = Resources::new(4, 8192, 40);
    assert_eq!(decide(&request, std::slice::from_ref(&host)).chosen, None);
    request.held = Some(Held {
        host: "a".into(),
        resources: Resources::new(2, 6144, 20),
    });
    assert_eq!(decide(&request, &[host]).chosen.as_deref(), Some("a"));
}

#[test]
fn unknown_names_in_the_settings_name_the_nearest() {
    let error = Rules::new(&["RamFiler".into()], &BTreeMap::new()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "compute.filters: there is no RamFiler; did you mean RamFilter?"
    );
    let weighers = BTreeMap::from([("RamWeigher".to_owned(), 1.0)]);
    assert!(
        Rules::new(&[], &weighers)
            .unwrap_err()
            .to_string()
            .contains("RAMWeigher")
    );
}

fn any_host() -> impl Strategy<Value = HostState> {
    (
        (
            any::<bool>(),
            any::<bool>(),
            any::<bool>(),
            0..3u8,
            0..6u32,
            0..10u32,
        ),
        (1..9u64, 1..4096u64, 0..50u64, 0.0..1.0f64, 1..5u64),
    )
        .prop_map(
            |(
                (up, enabled, forced_down, kind, servers, io_ops),
                (vcpus, memory, disk, filled, ratio),
            )| {
                let total = Resources::new(vcpus, memory, disk);
                let capacity = Resources::new(vcpus * ratio, memory, disk);
                #[expect(
                    clippy::cast_precision_loss,
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "small numbers"
                )]
                let part = |whole: u64| (whole as f64 * filled) as u64;
                HostState {
                    zone: ["nova", "az2", "az3"][usize::from(kind)].into(),
                    up,
                    enabled: enabled || kind == 0,
                    forced_down: forced_down && kind == 2,
                    trouble: (kind == 1 && !enabled).then(|| "gone".to_owned()),
                    arch: ["x86_64", "aarch64", "x86_64"][usize::from(kind)].into(),
                    hypervisor_type: "QEMU".into(),
                    hypervisor_version: 7_000_000,
                    total,
                    capacity,
                    used: Resources::new(part(capacity.vcpus), part(memory), part(disk)),
                    servers,
                    io_ops,
                    failures: servers / 2,
                    ..HostState::default()
                }
            },
        )
}

fn any_hosts() -> impl Strategy<Value = Vec<HostState>> {
    prop::collection::vec(any_host(), 0..12).prop_map(|mut hosts| {
        for (at, host) in hosts.iter_mut().enumerate() {
            host.name = format!("h{at}");
        }
        hosts
    })
}

fn any_request() -> impl Strategy<Value = Request> {
    (
        (1..10u64, 1..5000u64, 0..60u64),
        (0..5u8, 0..4u8, 0..4u8, 0..4u8, any::<u64>()),
    )
        .prop_map(
            |((vcpus, memory, disk), (zone, image, hint, spec, seed))| Request {
                resources: Resources::new(vcpus, memory, disk),
                availability_zone: (zone == 0).then(|| "az2".to_owned()),
                host: (zone == 1).then(|| "h1".to_owned()),
                excluded: if hint == 3 { vec!["h0".into()] } else { vec![] },
                image_properties: if image == 0 {
                    BTreeMap::from([("hw_architecture".to_owned(), "aarch64".to_owned())])
                } else {
                    BTreeMap::new()
                },
                extra_specs: if spec == 0 {
                    BTreeMap::from([("capabilities:cpu_arch".to_owned(), "s== x86_64".to_owned())])
                } else {
                    BTreeMap::new()
                },
                same_host: (hint == 0).then(|| ["h2".to_owned()].into()),
                different_host: if hint == 1 {
                    ["h0".into(), "h1".into()].into()
                } else {
                    BTreeSet::new()
                },
                group: (hint == 2).then(|| Group {
                    affinity: if spec % 2 == 0 {
                        Affinity::Apart
                    } else {
                        Affinity::Together
                    },
                    hosts: Group::count(["h1".into()]),
                    max_per_host: 1,
                }),
                held: (spec == 3).then(|| Held {
                    host: "h1".into(),
                    resources: Resources::new(1, 100, 1),
                }),
                seed,
                ..Request::default()
            },
        )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn the_chosen_host_passes_every_filter_and_no_better_one_is_passed_over(hosts in any_hosts(), request in any_request()) {
        let rules = rules();
        let selection = select(&rules, &request, &hosts, hosts.len());
        if let Some(chosen) = selection.chosen() {
            for filter in Filter::of(&rules, &request) {
                prop_assert!(filter.judge(&rules, &request, &hosts[chosen]).is_ok(), "{filter:?}");
            }
            prop_assert!(!request.is_excluded(&hosts[chosen].name));
            prop_assert!(selection.weights.iter().all(|weight| *weight <= selection.weights[0]));
        } else {
            for host in hosts.iter().filter(|host| !request.is_excluded(&host.name)) {
                prop_assert!(Filter::of(&rules, &request).any(|filter| filter.judge(&rules, &request, host).is_err()));
            }
        }
    }

    #[test]
    fn a_further_host_never_makes_a_request_fail(hosts in any_hosts(), more in any_host(), request in any_request()) {
        let rules = rules();
        let before = select(&rules, &request, &hosts, 3).chosen();
        let mut hosts = hosts;
        hosts.push(HostState { name: "more".into(), ..more });
        let after = select(&rules, &request, &hosts, 3).chosen();
        prop_assert!(before.is_none() || after.is_some());
    }

    #[test]
    fn what_is_suggested_fits(hosts in any_hosts(), request in any_request()) {
        let rules = rules();
        if select(&rules, &request, &hosts, 1).chosen().is_none()
            && let Some(suggestion) = suggest(&rules, &request, &hosts)
        {
            prop_assert!(!suggestion.changes.is_empty());
            let mut hosts = hosts;
            let at = hosts.iter().position(|host| host.name == suggestion.host).unwrap();
            let (mut asked, mut host) = (Cow::Borrowed(&request), Cow::Owned(hosts[at].clone()));
            for change in &suggestion.changes {
                change.apply(&mut asked, &mut host);
            }
            hosts[at] = host.into_owned();
            let request = asked.into_owned();
            prop_assert!(request.resources.vcpus > 0 && request.resources.memory_mb > 0);
            prop_assert!(select(&rules, &request, &hosts, 1).chosen().is_some(), "{suggestion:?}");
        }
    }

    #[test]
    fn the_best_few_are_the_same_however_many_are_asked_for(hosts in any_hosts(), request in any_request()) {
        let rules = rules();
        let all = select(&rules, &request, &hosts, hosts.len());
        let few = select(&rules, &request, &hosts, 3);
        let end = all.ranked.len().min(3);
        prop_assert_eq!(&all.ranked[..end], &few.ranked[..end]);
    }
}
