//! Which addresses there are to give out. Pure, and the same for both families: an address is a number.
//!
//! A subnet's pools are ranges inside its CIDR, without its first address and, for IPv4, its last one (network and
//! broadcast; of IPv6 the first one means "any router"), apart from each other and from the gateway. So whatever is taken
//! from a pool is an address that a guest can have. Nothing here counts through a range: one of IPv6 has no end.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use super::model::{Pool, mac_interface_id};

/// Length of the prefix of subnets whose guests make their addresses themselves; no other IPv6 subnet is larger.
pub const AUTO_PREFIX: u8 = 64;

/// What is wrong with a range, a pool or a gateway.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RangeError {
    /// No range that guests can use.
    #[error("{cidr} can not be a subnet: {reason}")]
    Cidr {
        /// The range.
        cidr: IpNet,
        /// Why not.
        reason: &'static str,
    },
    /// A gateway, pool or route of the other family.
    #[error(
        "Invalid input for {field}. Reason: {address} is not of the family of the subnet's cidr {cidr}."
    )]
    Family {
        /// Which field.
        field: &'static str,
        /// What is in it.
        address: IpAddr,
        /// The subnet.
        cidr: IpNet,
    },
    /// A gateway outside of the subnet, or its network or broadcast address.
    #[error("gateway {gateway} is not an address of {cidr} that a guest could reach")]
    Gateway {
        /// The gateway.
        gateway: IpAddr,
        /// The subnet.
        cidr: IpNet,
    },
    /// A pool that ends before it starts.
    #[error("The allocation pool {}-{} is not valid: it ends before it starts.", .0.start, .0.end)]
    Backwards(Pool),
    /// A pool outside of the subnet.
    #[error("The allocation pool {}-{} spans beyond the subnet cidr {cidr}.", pool.start, pool.end)]
    Outside {
        /// The pool.
        pool: Pool,
        /// The subnet.
        cidr: IpNet,
    },
    /// Two pools have addresses in common.
    #[error("Found overlapping allocation pools: {}-{} {}-{} for subnet {cidr}.", one.start, one.end, other.start, other.end)]
    Overlap {
        /// One pool.
        one: Pool,
        /// The other.
        other: Pool,
        /// The subnet.
        cidr: IpNet,
    },
    /// The gateway is in a pool.
    #[error("Gateway ip {gateway} conflicts with allocation pool {}-{}.", pool.start, pool.end)]
    GatewayInPool {
        /// The gateway.
        gateway: IpAddr,
        /// The pool.
        pool: Pool,
    },
}

/// An address as a number.
pub fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u32::from(address).into(),
        IpAddr::V6(address) => address.into(),
    }
}

/// The address of this number in the family of another one.
pub fn like(family: IpAddr, number: u128) -> IpAddr {
    match family {
        IpAddr::V4(_) => Ipv4Addr::from(u32::try_from(number).unwrap_or(u32::MAX)).into(),
        IpAddr::V6(_) => Ipv6Addr::from(number).into(),
    }
}

/// The address after another one; the last one's is itself.
pub fn after(address: IpAddr) -> IpAddr {
    like(address, number(address).saturating_add(1))
}

fn before(address: IpAddr) -> IpAddr {
    like(address, number(address).saturating_sub(1))
}

impl Pool {
    /// Whether an address is in it.
    pub fn contains(self, address: IpAddr) -> bool {
        (self.start..=self.end).contains(&address)
    }

    /// How many addresses it has.
    pub fn size(self) -> u128 {
        (number(self.end).saturating_add(1)).saturating_sub(number(self.start))
    }

    /// One of its addresses; `random` is where the choice comes from.
    pub fn pick(self, random: u128) -> IpAddr {
        like(self.start, number(self.start) + random % self.size().max(1))
    }
}

/// First and last address of a range that an interface can have.
pub fn usable(cidr: IpNet) -> (IpAddr, IpAddr) {
    let first = after(cidr.network());
    match cidr {
        IpNet::V4(_) => (first, before(cidr.broadcast())),
        IpNet::V6(_) => (first, cidr.broadcast()),
    }
}

/// Whether an interface in this range can have the address.
pub fn is_usable(cidr: IpNet, address: IpAddr) -> bool {
    let (first, last) = usable(cidr);
    address.is_ipv4() == first.is_ipv4() && (first..=last).contains(&address)
}

/// The address that an interface makes of a prefix of 64 bits and its Ethernet address (RFC 4291, appendix A); none for
/// other ranges.
pub fn eui64(cidr: IpNet, mac: &str) -> Option<IpAddr> {
    let IpNet::V6(cidr) = cidr else { return None };
    if cidr.prefix_len() != AUTO_PREFIX {
        return None;
    }
    let prefix = u128::from(cidr.network());
    Some(Ipv6Addr::from(prefix | u128::from(mac_interface_id(mac)?)).into())
}

/// Succeeds if guests can live in the range.
pub fn check_cidr(cidr: IpNet) -> Result<(), RangeError> {
    let wrong = match cidr {
        IpNet::V4(cidr) => wrong_v4(cidr),
        IpNet::V6(cidr) => wrong_v6(cidr),
    };
    match wrong {
        Some(reason) => Err(RangeError::Cidr { cidr, reason }),
        None => Ok(()),
    }
}

fn wrong_v4(cidr: Ipv4Net) -> Option<&'static str> {
    let first = cidr.network();
    if cidr.prefix_len() < 8 {
        Some("it is larger than /8")
    } else if cidr.prefix_len() > 30 {
        Some("it is smaller than /30 and has no room for a gateway and a guest")
    } else if first.is_loopback() {
        Some("these are loopback addresses")
    } else if first.is_link_local() {
        Some("these are link-local addresses, where the metadata service is")
    } else if first.octets()[0] == 0 || first.octets()[0] >= 224 {
        Some("these are not addresses of single machines")
    } else {
        None
    }
}

fn wrong_v6(cidr: Ipv6Net) -> Option<&'static str> {
    let first = cidr.network();
    if cidr.prefix_len() < AUTO_PREFIX {
        Some("it is larger than /64, the largest one of a single link")
    } else if cidr.prefix_len() > 126 {
        Some("it is smaller than /126 and has no room for a gateway and a guest")
    } else if first.is_unicast_link_local() {
        Some("these are link-local addresses, which every interface has by itself")
    } else if first.segments()[0] < 0x100 || first.is_multicast() {
        // Among the former are the loopback address and IPv4's in IPv6's clothes.
        Some("these are not addresses of single machines")
    } else {
        None
    }
}

/// All usable addresses but the gateway.
pub fn default_pools(cidr: IpNet, gateway: Option<IpAddr>) -> Vec<Pool> {
    let (first, last) = usable(cidr);
    let whole = Pool {
        start: first,
        end: last,
    };
    let Some(gateway) = gateway.filter(|gateway| whole.contains(*gateway)) else {
        return vec![whole];
    };
    let mut pools = Vec::new();
    if gateway > first {
        pools.push(Pool {
            start: first,
            end: before(gateway),
        });
    }
    if gateway < last {
        pools.push(Pool {
            start: after(gateway),
            end: last,
        });
    }
    pools
}

/// Succeeds if gateway and pools belong to the range and do not get in each other's way.
pub fn check_pools(cidr: IpNet, gateway: Option<IpAddr>, pools: &[Pool]) -> Result<(), RangeError> {
    if let Some(gateway) = gateway {
        check_family("gateway_ip", gateway, cidr)?;
        if !is_usable(cidr, gateway) {
            return Err(RangeError::Gateway { gateway, cidr });
        }
    }
    for (at, &pool) in pools.iter().enumerate() {
        check_family("allocation_pools", pool.start, cidr)?;
        check_family("allocation_pools", pool.end, cidr)?;
        if pool.start > pool.end {
            return Err(RangeError::Backwards(pool));
        }
        if !is_usable(cidr, pool.start) || !is_usable(cidr, pool.end) {
            return Err(RangeError::Outside { pool, cidr });
        }
        if let Some(&other) = pools[..at]
            .iter()
            .find(|other| other.start <= pool.end && pool.start <= other.end)
        {
            return Err(RangeError::Overlap {
                one: other,
                other: pool,
                cidr,
            });
        }
        if let Some(gateway) = gateway
            && pool.contains(gateway)
        {
            return Err(RangeError::GatewayInPool { gateway, pool });
        }
    }
    Ok(())
}

/// Succeeds if an address is of the range's family; the error names the field.
pub fn check_family(field: &'static str, address: IpAddr, cidr: IpNet) -> Result<(), RangeError> {
    if address.is_ipv4() == cidr.network().is_ipv4() {
        return Ok(());
    }
    Err(RangeError::Family {
        field,
        address,
        cidr,
    })
}

/// Whether two ranges have addresses in common.
pub fn overlap(one: IpNet, other: IpNet) -> bool {
    one.contains(&other.network()) || other.contains(&one.network())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn net(text: &str) -> IpNet {
        text.parse().unwrap()
    }

    fn pool(start: &str, end: &str) -> Pool {
        Pool {
            start: start.parse().unwrap(),
            end: end.parse().unwrap(),
        }
    }

    #[test]
    fn pools_go_around_the_gateway() {
        let cidr = net("10.0.0.0/29");
        let gateway = |last: u8| Some(IpAddr::from([10, 0, 0, last]));
        assert_eq!(
            default_pools(cidr, gateway(1)),
            [pool("10.0.0.2", "10.0.0.6")]
        );
        assert_eq!(
            default_pools(cidr, gateway(3)),
            [pool("10.0.0.1", "10.0.0.2"), pool("10.0.0.4", "10.0.0.6")]
        );
        assert_eq!(
            default_pools(cidr, gateway(6)),
            [pool("10.0.0.1", "10.0.0.5")]
        );
        assert_eq!(default_pools(cidr, None), [pool("10.0.0.1", "10.0.0.6")]);
    }

    #[test]
    fn wrong_pools_and_ranges_are_named() {
        let cidr = net("10.0.0.0/24");
        let gateway = Some(IpAddr::from([10, 0, 0, 1]));
        let check = |pools: &[Pool]| check_pools(cidr, gateway, pools).unwrap_err().to_string();
        assert!(check(&[pool("10.0.0.9", "10.0.0.5")]).contains("ends before"));
        assert!(check(&[pool("10.0.0.9", "10.0.1.5")]).contains("beyond the subnet"));
        assert!(check(&[pool("10.0.0.9", "10.0.0.255")]).contains("beyond the subnet"));
        assert!(check(&[pool("10.0.0.1", "10.0.0.5")]).contains("Gateway ip 10.0.0.1"));
        assert!(
            check(&[pool("10.0.0.2", "10.0.0.9"), pool("10.0.0.9", "10.0.0.12")])
                .contains("overlapping")
        );
        for (cidr, valid) in [
            ("10.0.0.0/24", true),
            ("10.0.0.0/30", true),
            ("10.0.0.0/31", false),
            ("127.0.0.0/24", false),
            ("169.254.0.0/16", false),
            ("224.0.0.0/24", false),
            ("10.0.0.0/7", false),
            ("fd00:1::/64", true),
            ("2001:db8::/126", true),
            ("2001:db8::/127", false),
            ("2001:db8::/48", false),
            ("fe80::/64", false),
            ("ff02::/64", false),
            ("::/64", false),
            ("::ffff:10.0.0.0/120", false),
        ] {
            assert_eq!(check_cidr(net(cidr)).is_ok(), valid, "{cidr}");
        }
    }

    #[test]
    fn families_do_not_mix() {
        let check = |cidr: &str, gateway: &str, pools: &[Pool]| {
            let gateway = Some(gateway.parse().unwrap());
            check_pools(net(cidr), gateway, pools)
                .unwrap_err()
                .to_string()
        };
        assert!(check("fd00::/64", "10.0.0.1", &[]).contains("gateway_ip"));
        assert!(check("10.0.0.0/24", "fd00::1", &[]).contains("gateway_ip"));
        let pools = [pool("10.0.0.2", "10.0.0.9")];
        assert!(check("fd00::/64", "fd00::1", &pools).contains("allocation_pools"));
        let pools = [pool("fd00::2", "10.0.0.9")];
        assert!(check("fd00::/64", "fd00::1", &pools).contains("allocation_pools"));
        assert!(!is_usable(net("fd00::/64"), "10.0.0.1".parse().unwrap()));
        assert!(!overlap(net("::/0"), net("0.0.0.0/0")));
    }

    #[test]
    fn what_an_interface_makes_of_its_address() {
        let mac = "fa:16:3e:01:02:ab";
        assert_eq!(
            eui64(net("fd00:1::/64"), mac),
            Some("fd00:1::f816:3eff:fe01:2ab".parse().unwrap())
        );
        assert_eq!(eui64(net("fd00:1::/80"), mac), None);
        assert_eq!(eui64(net("10.0.0.0/24"), mac), None);
    }

    /// Ranges of both families, and a number that stands for an address in them.
    fn range() -> impl Strategy<Value = (IpNet, u128)> {
        let v4 = (0x0a00_0000u32..0x0aff_ff00, 20u8..=30).prop_map(|(base, prefix)| {
            let cidr = Ipv4Net::new(base.into(), prefix).expect("a prefix");
            IpNet::V4(cidr.trunc())
        });
        let v6 = (any::<u128>(), 64u8..=126).prop_map(|(base, prefix)| {
            let base = base >> 8 | 0xfd << 120;
            let cidr = Ipv6Net::new(base.into(), prefix).expect("a prefix");
            IpNet::V6(cidr.trunc())
        });
        (prop_oneof![v4, v6], any::<u128>())
    }

    proptest! {
        #[test]
        fn default_pools_are_valid_and_cover_all_but_the_gateway((cidr, offset) in range()) {
            let (start, end) = usable(cidr);
            let whole = Pool { start, end };
            let gateway = whole.pick(offset);
            prop_assert!(check_cidr(cidr).is_ok());
            let pools = default_pools(cidr, Some(gateway));
            prop_assert!(check_pools(cidr, Some(gateway), &pools).is_ok());
            prop_assert_eq!(pools.iter().map(|pool| pool.size()).sum::<u128>(), whole.size() - 1);
        }

        #[test]
        fn what_is_picked_is_in_the_pool((cidr, random) in range()) {
            for pool in default_pools(cidr, None) {
                let address = pool.pick(random);
                prop_assert!(pool.contains(address) && is_usable(cidr, address) && cidr.contains(&address));
            }
        }

        #[test]
        fn overlap_is_what_a_common_address_is(a in 0u32..64, p in 26u8..=30, b in 0u32..64, q in 26u8..=30, v6 in any::<bool>()) {
            let address = |at: u32| -> IpAddr {
                if v6 {
                    Ipv6Addr::from(0xfd << 120 | u128::from(at)).into()
                } else {
                    Ipv4Addr::from(0x0a00_0000 + at).into()
                }
            };
            let longer = if v6 { 96 } else { 0 };
            let one = IpNet::new(address(a), p + longer).unwrap().trunc();
            let other = IpNet::new(address(b), q + longer).unwrap().trunc();
            let common = (0..64u32).map(address).any(|address| one.contains(&address) && other.contains(&address));
            prop_assert_eq!(overlap(one, other), common);
        }
    }
}
