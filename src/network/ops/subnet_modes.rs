//! How guests of IPv6 subnets come to their addresses: which words are valid together, and who has an address at once when
//! such a subnet comes, and loses it when it goes.

use super::port_security::member_changed_on_conn;
use crate::db::Conn;
use crate::error::{Error, Result};
use crate::ids::PortId;
use crate::network::ipam::{self, AUTO_PREFIX};
use crate::network::model::{DHCP_OWNER, Port, PortQuery, Subnet};
use crate::network::refusal;
use crate::network::store;

/// Succeeds if a subnet's modes go with each other and with the rest of it, by Neutron's rules.
pub(super) fn check_modes(subnet: &Subnet) -> Result<()> {
    let set = [
        ("ipv6_ra_mode", subnet.ra_mode),
        ("ipv6_address_mode", subnet.address_mode),
    ];
    let Some((field, _)) = set.iter().find(|(_, mode)| mode.is_some()) else {
        return Ok(());
    };
    if !subnet.is_v6() {
        return Err(refusal::invalid_input(format!(
            "{field} is not valid when ip_version is 4"
        )));
    }
    if !subnet.dhcp {
        return Err(refusal::invalid_input(
            "ipv6_ra_mode or ipv6_address_mode cannot be set when enable_dhcp is set to False.",
        ));
    }
    if let (Some(ra), Some(address)) = (subnet.ra_mode, subnet.address_mode)
        && ra != address
    {
        return Err(refusal::invalid_input(format!(
            "ipv6_ra_mode set to '{ra}' with ipv6_address_mode set to '{address}' is not valid. If both attributes are set, they must be the same value"
        )));
    }
    if subnet.is_auto() && subnet.cidr.prefix_len() != AUTO_PREFIX {
        return Err(refusal::invalid_input(format!(
            "Invalid CIDR {} for IPv6 address mode. OpenStack uses the EUI-64 address format, which requires the prefix to be /64.",
            subnet.cidr
        )));
    }
    Ok(())
}

/// Gives every guest's port that is there the address that its guest will make.
pub(super) async fn made_give_on_conn(conn: &mut Conn, subnet: &Subnet) -> Result<()> {
    if !subnet.is_auto() {
        return Ok(());
    }
    for port in of_network(conn, subnet).await? {
        let Some(address) = ipam::eui64(subnet.cidr, &port.mac).filter(|_| !port.is_service())
        else {
            continue;
        };
        let position = u32::try_from(port.addresses.len()).unwrap_or(u32::MAX);
        if !store::address::insert(conn, subnet.id, address, port.id, position).await? {
            return Err(Error::conflict(format!(
                "{address}, which port {} makes of its Ethernet address, is another port's",
                port.id
            )));
        }
        member_changed_on_conn(conn, &port).await?;
    }
    Ok(())
}

/// Takes back addresses that guests make themselves, since the subnet goes. Says which ports keep it from going: routers', and
/// all where guests are given their addresses.
pub(super) async fn made_take_on_conn(conn: &mut Conn, subnet: &Subnet) -> Result<Vec<PortId>> {
    let mut holders = Vec::new();
    for port in of_network(conn, subnet).await? {
        let Some(at) = port.addresses.iter().find(|at| at.subnet == subnet.id) else {
            continue;
        };
        if port.device_owner == DHCP_OWNER {
            continue;
        }
        if port.is_service() || !subnet.is_auto() {
            holders.push(port.id);
            continue;
        }
        member_changed_on_conn(conn, &port).await?;
        store::address::delete(conn, port.id, subnet.id, at.address).await?;
    }
    Ok(holders)
}

async fn of_network(conn: &mut Conn, subnet: &Subnet) -> Result<Vec<Port>> {
    let query = PortQuery {
        network: Some(subnet.network),
        ..PortQuery::default()
    };
    Ok(store::port::list(conn, &query).await?)
}

#[cfg(test)]
mod tests {
    use super::super::subnet_create::checked;
    use super::super::tests::subnet_of;
    use crate::ids::{NetworkId, ProjectId, Time};
    use crate::network::model::Ipv6Mode::{Slaac, Stateful, Stateless};
    use crate::network::model::{Ipv6Mode, Network, NetworkKind};

    fn network() -> Network {
        Network {
            id: NetworkId::new(),
            project: ProjectId::new(),
            name: String::new(),
            description: String::new(),
            admin_state_up: true,
            shared: false,
            external: false,
            kind: NetworkKind::Local,
            nat: false,
            mtu: 1500,
            port_security: true,
            dns_domain: String::new(),
            tags: Vec::new(),
            revision: 1,
            created_at: Time::now(),
            updated_at: Time::now(),
            subnets: Vec::new(),
        }
    }

    /// What is said of such a subnet; nothing if it is valid.
    fn said(cidr: &str, dhcp: bool, ra: Option<Ipv6Mode>, address: Option<Ipv6Mode>) -> String {
        let network = network();
        let mut new = subnet_of(&network, cidr);
        (new.dhcp, new.ra_mode, new.address_mode) = (dhcp, ra, address);
        checked(&network, new)
            .err()
            .map(|error| error.to_string())
            .unwrap_or_default()
    }

    #[test]
    fn modes_go_with_each_other_with_dhcp_with_the_family_and_with_the_prefix() {
        let all = [None, Some(Slaac), Some(Stateful), Some(Stateless)];
        for (ra, address) in all.iter().flat_map(|ra| all.map(|address| (*ra, address))) {
            let said = said("fd00:1::/64", true, ra, address);
            let fits = ra.is_none() || address.is_none() || ra == address;
            assert_eq!(said.is_empty(), fits, "{ra:?} {address:?}: {said}");
        }
        for (cidr, dhcp, ra, address, part) in [
            (
                "10.0.0.0/24",
                true,
                Some(Slaac),
                None,
                "ipv6_ra_mode is not valid when ip_version is 4",
            ),
            (
                "10.0.0.0/24",
                true,
                None,
                Some(Slaac),
                "ipv6_address_mode is not valid",
            ),
            (
                "fd00:1::/64",
                false,
                Some(Slaac),
                None,
                "enable_dhcp is set to False",
            ),
            (
                "fd00:1::/80",
                true,
                Some(Slaac),
                Some(Slaac),
                "prefix to be /64",
            ),
            (
                "fd00:1::/80",
                true,
                None,
                Some(Stateless),
                "prefix to be /64",
            ),
            ("fd00:1::/80", true, Some(Stateful), Some(Stateful), ""),
            ("fd00:1::/80", false, None, None, ""),
        ] {
            let said = said(cidr, dhcp, ra, address);
            assert!(
                said.contains(part) && said.is_empty() == part.is_empty(),
                "{cidr}: {said}"
            );
        }
    }
}
