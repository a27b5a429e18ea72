//! Into the cloud and out of it.

use super::rows::{Holder, named_or};
use super::walk::{Outcome, Spot, Walk};
use super::{Reason, Step, What};
use crate::ids::NetworkId;
use crate::network::model::NetworkKind;
use crate::network::names::bridge_name;

impl Walk<'_> {
    /// From somewhere in the world.
    pub(super) fn come_in(&mut self) -> Outcome {
        let rows = self.rows;
        let Some(to) = self.packet.destination else {
            let because = match self.goal {
                Some(_) => "the port has no address",
                None => "neither end is in this cloud",
            };
            self.note(Step::drops(
                Spot::default(),
                What::Outside,
                Reason::NoAddress,
                because,
            ));
            return Outcome::Ended;
        };
        let mut floating = rows.floating.iter();
        let network = match floating.find(|floating| floating.address == to) {
            Some(floating) => Some(floating.network),
            None => self.goal.map(|port| port.network),
        };
        let Some(network) = network else {
            let because = format!("nobody has {to}");
            self.note(Step::drops(
                Spot::default(),
                What::Outside,
                Reason::NobodyThere,
                because,
            ));
            return Outcome::Ended;
        };
        let host = match rows.holder(network, to) {
            Some(Holder::Router(router, _)) => router.host.clone(),
            Some(Holder::Guest(port) | Holder::Dhcp(port)) => port.host.clone(),
            Some(Holder::Unused(_)) | None => None,
        };
        if let NetworkKind::Vxlan { .. } = rows.kind(network) {
            return self.come_by_router(network);
        }
        self.enter_cloud(network, host.as_deref());
        self.deliver(network, host.as_deref(), to)
    }

    /// From the world onto a network that it may know.
    fn enter_cloud(&mut self, network: NetworkId, host: Option<&str>) {
        let name = self.rows.network_name(network);
        let spot = Spot {
            host: host.map(str::to_owned),
            namespace: None,
            device: bridge_name(network),
        };
        match self.rows.kind(network) {
            NetworkKind::Flat { .. } => self.plugged(network, host),
            NetworkKind::Local | NetworkKind::Vxlan { .. } => {
                let because = format!(
                    "network {name} is inside the nodes: from the world it is reached by none but its own node; one of kind flat is reached"
                );
                self.note(Step::drops(spot, What::Outside, Reason::Isolated, because));
            }
        }
    }

    /// To a guest on a network that the world does not know: by its router, which lets nothing in without a floating address.
    fn come_by_router(&mut self, network: NetworkId) -> Outcome {
        let rows = self.rows;
        let way = self.goal.and_then(|port| self.router_out(port));
        let found = way.and_then(|(id, port)| Some((rows.router(id)?, port)));
        let Some((router, port)) = found else {
            let name = rows.network_name(network);
            let spot = Spot {
                device: bridge_name(network),
                ..Spot::default()
            };
            let because = format!(
                "nothing leads from the world to network {name}: no router with a gateway has it"
            );
            self.note(Step::drops(
                spot,
                What::Outside,
                Reason::NoFloating,
                because,
            ));
            return Outcome::Ended;
        };
        self.enter_cloud(port.network, router.host.as_deref());
        self.route(router, port)
    }

    /// Out by a node, which is the gateway of its own networks.
    pub(super) fn node_out(&mut self, network: NetworkId, host: Option<&str>) -> Outcome {
        let rows = self.rows;
        let spot = Spot {
            host: host.map(str::to_owned),
            namespace: None,
            device: bridge_name(network),
        };
        self.routers += 1;
        if !rows.networks.get(&network).is_some_and(|row| row.nat) {
            let name = rows.network_name(network);
            let because =
                format!("network {name} leads nowhere: its nodes do not pass on what it sends");
            self.note(Step::drops(spot, What::Nat, Reason::Isolated, because));
            return Outcome::Ended;
        }
        let because = "leaves as an address of the node's own";
        self.note(Step::passes(spot, What::Nat, Reason::Translated, because));
        self.packet.source = None;
        self.outside(network, host)
    }

    /// Out into the world.
    pub(super) fn outside(&mut self, network: NetworkId, host: Option<&str>) -> Outcome {
        let spot = Spot {
            host: host.map(str::to_owned),
            namespace: None,
            device: bridge_name(network),
        };
        let step = match self.goal {
            Some(goal) => {
                let because = format!(
                    "it leaves the cloud here, and {} is inside: nothing joins the two networks",
                    named_or(&goal.name, goal.id)
                );
                Step::drops(spot, What::Outside, Reason::NotJoined, because)
            }
            None => {
                let because = "it leaves the cloud; what is beyond is not known here";
                Step::passes(spot, What::Outside, Reason::Leaves, because)
            }
        };
        self.note(step);
        Outcome::Ended
    }
}
