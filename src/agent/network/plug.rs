//! Wires from guests' own bridges to Open vSwitch: pure.
//!
//! OVN lets a guest tell all others on its network that it is their router, or has their neighbours' addresses, before any rule
//! is asked; and Open vSwitch in user space takes frames from a tap before the kernel's filter sees them. So a tap is not on
//! Open vSwitch itself. It is on a bridge of its own, where the packet filter stands as it does on any other network, and
//! a wire leads from there into the integration bridge (the hybrid plug of Neutron). Security groups stay OVN's.
//!
//! Bridge and wire are there before the guest is: OVN has its port ready when it begins to run, or when it arrives from
//! another node. Nothing but OVN and the guest speaks on them.

use std::collections::BTreeMap;

use super::room::SeenWire;

/// A wire by the name of its end on Open vSwitch, as it shall be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plug {
    /// Its end on the guest's bridge.
    pub inner: String,
    /// That bridge.
    pub bridge: String,
    /// Whether packets leave the bridge with their checksums, as a switch in user space wants them. That is set with the
    /// rest, and not looked at.
    pub checksums: bool,
    /// Largest packet in bytes.
    pub mtu: u32,
}

impl Plug {
    /// What its ends are like once it is made.
    pub fn ends(&self, outer: &str) -> [(String, SeenWire); 2] {
        let end = |bridge: Option<&String>| SeenWire {
            bridge: bridge.cloned(),
            up: true,
            mtu: self.mtu,
        };
        [
            (outer.to_owned(), end(None)),
            (self.inner.clone(), end(Some(&self.bridge))),
        ]
    }
}

/// What is to be done about a wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlugChange {
    /// Make it; what is there of one end is in the way.
    Make,
    /// Give both ends their settings and places again.
    Mend,
}

/// What to do so that a wire becomes `plug`; `wires` are all ends on the node.
pub fn plan(outer: &str, plug: &Plug, wires: &BTreeMap<String, SeenWire>) -> Option<PlugChange> {
    let ends = plug.ends(outer);
    let seen = ends.iter().map(|(name, end)| Some((wires.get(name)?, end)));
    let Some(seen) = seen.collect::<Option<Vec<_>>>() else {
        return Some(PlugChange::Make);
    };
    // Where the kernel carries Open vSwitch's packets, the end there counts as on a bridge as well.
    let differs = |(seen, end): &(&SeenWire, &SeenWire)| {
        (end.bridge.is_some() && seen.bridge != end.bridge)
            || (seen.up, seen.mtu) != (end.up, end.mtu)
    };
    seen.iter().any(differs).then_some(PlugChange::Mend)
}
