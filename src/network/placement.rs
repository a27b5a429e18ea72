//! Which host serves what: where DHCP of a network is answered, and where a router is. Pure.
//!
//! What is on a host that may have it stays there: moving interrupts. What has to move goes to the host that has least at
//! that moment; where nobody may have it, it stays, since a host that is only silent may be working well.

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

/// A host as a place for services.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site {
    /// Its name.
    pub host: String,
    /// Whether services may be there: it is up and nobody said otherwise.
    pub usable: bool,
    /// Whether it is not known to be down, only silent: what is there is left while too many are.
    pub silent: bool,
    /// Networks that it is plugged into.
    pub physical: BTreeSet<String>,
}

/// Something to be served by one host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// What it is: a network, or a router.
    pub id: Uuid,
    /// Where it is.
    pub host: Option<String>,
    /// Networks that its host has to be plugged into.
    pub needs: BTreeSet<String>,
}

impl Site {
    fn can(&self, service: &Service) -> bool {
        self.usable && service.needs.is_subset(&self.physical)
    }
}

/// What has to go where, in the order of the services. `deaf`: hosts may be silent because we have not listened for long.
pub fn moves(sites: &[Site], services: &[Service], deaf: bool) -> Vec<(Uuid, String)> {
    let by_name: BTreeMap<&str, &Site> = sites
        .iter()
        .map(|site| (site.host.as_str(), site))
        .collect();
    // If more than half of them are silent it is us who hear nothing.
    let silent = sites.iter().filter(|site| site.silent).count();
    let deaf = deaf || silent * 2 > sites.len();
    let stays = |service: &Service| {
        let site = service
            .host
            .as_deref()
            .and_then(|host| by_name.get(host).copied());
        site.is_some_and(|site| site.can(service) || (deaf && site.silent))
    };
    let mut load: BTreeMap<&str, usize> = BTreeMap::new();
    for service in services.iter().filter(|service| stays(service)) {
        if let Some((host, _)) = service
            .host
            .as_deref()
            .and_then(|host| by_name.get_key_value(host))
        {
            *load.entry(host).or_default() += 1;
        }
    }
    let mut moves = Vec::new();
    for service in services.iter().filter(|service| !stays(service)) {
        let best = sites
            .iter()
            .filter(|site| site.can(service))
            .min_by_key(|site| {
                let load = load.get(site.host.as_str()).copied().unwrap_or_default();
                (load, site.host.as_str())
            });
        if let Some(best) = best {
            *load.entry(&best.host).or_default() += 1;
            moves.push((service.id, best.host.clone()));
        }
    }
    moves
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn site(host: &str, usable: bool, silent: bool, physical: &[&str]) -> Site {
        Site {
            host: host.to_owned(),
            usable,
            silent,
            physical: physical.iter().map(|name| (*name).to_owned()).collect(),
        }
    }

    fn service(id: u128, host: Option<&str>, needs: &[&str]) -> Service {
        Service {
            id: Uuid::from_u128(id),
            host: host.map(str::to_owned),
            needs: needs.iter().map(|name| (*name).to_owned()).collect(),
        }
    }

    fn told(sites: &[Site], services: &[Service]) -> Vec<(u128, String)> {
        moves(sites, services, false)
            .into_iter()
            .map(|(id, host)| (id.as_u128(), host))
            .collect()
    }

    #[test]
    fn what_must_move_goes_where_least_is() {
        let up = |name| site(name, true, false, &[]);
        let silent = |name| site(name, false, true, &[]);
        let off = |name| site(name, false, false, &[]);
        let to = |id: u128, host: &str| (id, host.to_owned());
        for (name, sites, services, expected) in [
            ("nothing", vec![up("a")], vec![], vec![]),
            (
                "new",
                vec![up("a"), up("b")],
                vec![service(1, None, &[]), service(2, None, &[])],
                vec![to(1, "a"), to(2, "b")],
            ),
            (
                "stays",
                vec![up("a"), up("b")],
                vec![service(1, Some("a"), &[]), service(2, Some("a"), &[])],
                vec![],
            ),
            (
                "switched off",
                vec![off("a"), up("b")],
                vec![service(1, Some("a"), &[])],
                vec![to(1, "b")],
            ),
            (
                "silent",
                vec![silent("a"), up("b")],
                vec![service(1, Some("a"), &[])],
                vec![to(1, "b")],
            ),
            (
                "most are silent",
                vec![silent("a"), silent("b"), up("c")],
                vec![service(1, Some("a"), &[])],
                vec![],
            ),
            (
                "most are silent, one is known to be down",
                vec![off("a"), silent("b"), silent("c"), up("d")],
                vec![service(1, Some("a"), &[])],
                vec![to(1, "d")],
            ),
            (
                "gone",
                vec![up("b")],
                vec![service(1, Some("a"), &[])],
                vec![to(1, "b")],
            ),
            (
                "nobody",
                vec![off("a")],
                vec![service(1, Some("a"), &[]), service(2, None, &[])],
                vec![],
            ),
            (
                "plugged in",
                vec![up("a"), site("b", true, false, &["p"])],
                vec![service(1, Some("a"), &["p"]), service(2, None, &["q"])],
                vec![to(1, "b")],
            ),
        ] {
            assert_eq!(told(&sites, &services), expected, "{name}");
        }
    }

    #[test]
    fn who_has_just_begun_to_listen_moves_nothing_off_a_silent_host() {
        let sites = [
            site("a", false, true, &[]),
            site("b", true, false, &[]),
            site("c", false, false, &[]),
        ];
        let services = [
            service(1, Some("a"), &[]),
            service(2, None, &[]),
            service(3, Some("c"), &[]),
        ];
        let moved = |deaf| {
            let moved = moves(&sites, &services, deaf);
            moved.iter().map(|(id, _)| id.as_u128()).collect::<Vec<_>>()
        };
        assert_eq!(moved(true), [2, 3]);
        assert_eq!(moved(false), [1, 2, 3]);
    }

    fn cloud() -> impl Strategy<Value = (Vec<Site>, Vec<Service>)> {
        let site = (any::<bool>(), any::<bool>(), any::<bool>());
        let service = (0usize..8, any::<bool>());
        (
            proptest::collection::vec(site, 1..6),
            proptest::collection::vec(service, 0..20),
        )
            .prop_map(|(sites, services)| {
                let physical = |has: bool| if has { vec!["p"] } else { vec![] };
                let sites = sites
                    .into_iter()
                    .enumerate()
                    .map(|(at, (usable, silent, plugged))| {
                        super::tests::site(
                            &format!("h{at}"),
                            usable,
                            silent && !usable,
                            &physical(plugged),
                        )
                    })
                    .collect();
                let services = services
                    .into_iter()
                    .enumerate()
                    .map(|(at, (host, needs))| {
                        let host = format!("h{host}");
                        super::tests::service(at as u128, Some(&host), &physical(needs))
                    })
                    .collect();
                (sites, services)
            })
    }

    proptest! {
        #[test]
        fn only_what_must_moves_and_what_moved_stays((sites, services) in cloud()) {
            let moved = moves(&sites, &services, false);
            let find = |host: &str| sites.iter().find(|site| site.host == host);
            let mut after = services.clone();
            for (id, host) in &moved {
                let service = after.iter_mut().find(|service| service.id == *id).unwrap();
                let before = service.host.as_deref().and_then(find);
                prop_assert!(before.is_none_or(|site| !site.can(service)));
                prop_assert!(find(host).unwrap().can(service));
                service.host = Some(host.clone());
            }
            prop_assert!(moves(&sites, &after, false).is_empty());
        }

        #[test]
        fn what_is_new_is_spread_evenly(hosts in 1usize..6, count in 0u128..40) {
            let sites: Vec<Site> = (0..hosts).map(|at| site(&format!("h{at}"), true, false, &[])).collect();
            let services: Vec<Service> = (0..count).map(|id| service(id, None, &[])).collect();
            let mut load: BTreeMap<String, usize> = sites.iter().map(|site| (site.host.clone(), 0)).collect();
            for (_, host) in moves(&sites, &services, false) {
                *load.entry(host).or_default() += 1;
            }
            let (least, most) = (load.values().min().unwrap(), load.values().max().unwrap());
            prop_assert!(most - least <= 1);
            prop_assert_eq!(load.values().sum::<usize>() as u128, count);
        }
    }
}
