//! Settings of networks, and the types of their values.

use serde::Deserialize;

use super::remote::{Remote, parse_remotes};

/// Largest VXLAN network identifier.
pub const MOST_VNI: u32 = 16_777_215;

/// `[network]`
#[derive(Clone, Debug, Deserialize)]
#[expect(missing_docs, reason = "config/default.toml documents each key")]
pub struct Network {
    pub default_cidr: String,
    pub default_name: String,
    pub dns: Vec<std::net::IpAddr>,
    pub dns_domain: String,
    pub engine: Engine,
    pub ovn_northbound: String,
    pub ovn_southbound: String,
    pub ovn_ca: String,
    pub ovn_certificate: String,
    pub ovn_key: String,
    pub vni_range: NumberRange,
    pub underlay_mtu: u32,
}

/// What carries networks that reach from node to node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Engine {
    /// Bridges and tunnels of the nodes' kernels, made by Skydeck's agents.
    #[default]
    Bridge,
    /// OVN.
    Ovn,
}

impl Engine {
    /// Neutron's word for networks of tunnels.
    pub fn tunnel_type(self) -> &'static str {
        match self {
            Self::Bridge => "vxlan",
            Self::Ovn => "geneve",
        }
    }

    /// Bytes that a tunnel adds to each packet: Ethernet, IPv4, UDP, and VXLAN's header or Geneve's with OVN's option.
    pub fn overhead(self) -> u32 {
        match self {
            Self::Bridge => 50,
            Self::Ovn => 58,
        }
    }
}

/// Numbers from one to another, both included: `1000:65535`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct NumberRange {
    /// First.
    pub first: u32,
    /// Last.
    pub last: u32,
}

impl TryFrom<String> for NumberRange {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let ends = text.split_once(':').and_then(|(first, last)| {
            Some(Self {
                first: first.trim().parse().ok()?,
                last: last.trim().parse().ok()?,
            })
        });
        ends.filter(|range| range.first <= range.last)
            .ok_or_else(|| format!("{text:?} is not FIRST:LAST, like 1000:65535"))
    }
}

impl Network {
    /// What is wrong with them, if anything is.
    pub(super) fn check(&self) -> Result<(), String> {
        let vnis = self.vni_range;
        if vnis.first < 1 || vnis.last > MOST_VNI {
            return Err(format!(
                "network.vni_range is {}:{}: 1:{MOST_VNI} is allowed",
                vnis.first, vnis.last
            ));
        }
        if !(576..=65_535).contains(&self.underlay_mtu) {
            return Err(format!(
                "network.underlay_mtu is {}: 576 to 65535 is allowed",
                self.underlay_mtu
            ));
        }
        match self.engine {
            Engine::Bridge => Ok(()),
            Engine::Ovn => self.check_ovn(),
        }
    }

    fn check_ovn(&self) -> Result<(), String> {
        let mut is_tls = false;
        for (name, value) in [
            ("ovn_northbound", &self.ovn_northbound),
            ("ovn_southbound", &self.ovn_southbound),
        ] {
            let remotes = parse_remotes(value).map_err(|said| {
                format!("network.engine is \"ovn\", which needs network.{name}: {said}")
            })?;
            is_tls |= name == "ovn_northbound"
                && remotes
                    .iter()
                    .any(|remote| matches!(remote, Remote::Tls(..)));
        }
        let files = [&self.ovn_ca, &self.ovn_certificate, &self.ovn_key];
        if is_tls && files.iter().any(|file| file.is_empty()) {
            return Err("network.ovn_northbound says ssl:, which needs network.ovn_ca, network.ovn_certificate and network.ovn_key: files with the authority's certificate, our own, and its key".into());
        }
        Ok(())
    }
}

/// A network that is there already, and the interface by which a node is plugged into it: `physnet1:eth1`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct PhysicalNetwork {
    /// Its name, the same on all nodes.
    pub name: String,
    /// This node's interface.
    pub interface: String,
}

impl TryFrom<String> for PhysicalNetwork {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        // As long as the kernel's names of interfaces may be.
        let parts = text.split_once(':').filter(|(name, interface)| {
            (1..=255).contains(&name.len())
                && (1..=15).contains(&interface.len())
                && text.chars().all(|c| c.is_ascii_graphic() && c != '/')
        });
        match parts {
            Some((name, interface)) => Ok(Self {
                name: name.to_owned(),
                interface: interface.to_owned(),
            }),
            None => Err(format!(
                "{text:?} is not NAME:INTERFACE, like physnet1:eth1"
            )),
        }
    }
}

/// Each name and each interface belongs to one network.
pub(super) fn check_physical(networks: &[PhysicalNetwork]) -> Result<(), String> {
    for (at, one) in networks.iter().enumerate() {
        let same =
            |other: &PhysicalNetwork| other.name == one.name || other.interface == one.interface;
        if networks[..at].iter().any(same) {
            return Err(format!(
                "agent.physical_networks names {}:{} after another with the same name or interface: each belongs to one",
                one.name, one.interface
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_and_interfaces_are_read_and_wrong_ones_are_named() {
        let range = |text: &str| NumberRange::try_from(text.to_owned());
        assert_eq!(
            range("1000:65535"),
            Ok(NumberRange {
                first: 1000,
                last: 65_535
            })
        );
        for wrong in ["", "7", "9:8", "a:b"] {
            assert!(range(wrong).unwrap_err().contains("1000:65535"));
        }
        let plugged = |text: &str| PhysicalNetwork::try_from(text.to_owned());
        let one = plugged("physnet1:eth1").unwrap();
        assert_eq!(
            (one.name.as_str(), one.interface.as_str()),
            ("physnet1", "eth1")
        );
        for wrong in [
            "",
            "physnet1",
            ":eth1",
            "a:",
            "a:an-interface-too-long",
            "a:../b",
        ] {
            assert!(plugged(wrong).unwrap_err().contains("physnet1:eth1"));
        }
        assert!(check_physical(&[one.clone(), one]).is_err());
    }
}
