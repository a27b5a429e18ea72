//! Which addresses there are to give out. Pure.
//!
//! A subnet's pools are ranges inside its CIDR, without its first and last address (network and broadcast), apart from
//! each other and from the gateway. So whatever is taken from a pool is an address that a guest can have.

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

use super::model::Pool;

/// What is wrong with a range, a pool or a gateway.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RangeError {
    /// No range that guests can use.
    #[error("{cidr} can not be a subnet: {reason}")]
    Cidr {
        /// The range.
        cidr: Ipv4Net,
        /// Why not.
        reason: &'static str,
    },
    /// A gateway outside of the subnet, or its network or broadcast address.
    #[error("gateway {gateway} is not an address of {cidr} that a guest could reach")]
    Gateway {
        /// The gateway.
        gateway: Ipv4Addr,
        /// The subnet.
        cidr: Ipv4Net,
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
        cidr: Ipv4Net,
    },
    /// Two pools have addresses in common.
    #[error("Found overlapping allocation pools: {}-{} {}-{} for subnet {cidr}.", one.start, one.end, other.start, other.end)]
    Overlap {
        /// One pool.
        one: Pool,
        /// The other.
        other: Pool,
        /// The subnet.
        cidr: Ipv4Net,
    },
    /// The gateway is in a pool.
    #[error("Gateway ip {gateway} conflicts with allocation pool {}-{}.", pool.start, pool.end)]
    GatewayInPool {
        /// The gateway.
        gateway: Ipv4Addr,
        /// The pool.
        pool: Pool,
    },
}

impl Pool {
    /// Whether an address is in it.
    pub fn contains(self, address: Ipv4Addr) -> bool {
        (self.start..=self.end).contains(&address)
    }

    /// How many addresses it has.
    pub fn size(self) -> u64 {
        (u64::from(u32::from(self.end)) + 1).saturating_sub(u32::from(self.start).into())
    }
}

/// First and last address of a range that an interface can have.
pub fn usable(cidr: Ipv4Net) -> (Ipv4Addr, Ipv4Addr) {
    let first = u32::from(cidr.network()).saturating_add(1);
    let last = u32::from(cidr.broadcast()).saturating_sub(1);
    (first.into(), last.into())
}

/// Whether an interface in this range can have the address.
pub fn is_usable(cidr: Ipv4Net, address: Ipv4Addr) -> bool {
    let (first, last) = usable(cidr);
    (first..=last).contains(&address)
}

/// Succeeds if guests can live in the range.
pub fn check_cidr(cidr: Ipv4Net) -> Result<(), RangeError> {
    let reason = if cidr.prefix_len() < 8 {
        "it is larger than /8"
    } else if cidr.prefix_len() > 30 {
        "it is smaller than /30 and has no room for a gateway and a guest"
    } else if cidr.network().is_loopback() {
        "these are loopback addresses"
    } else if cidr.network().is_link_local() {
        "these are link-local addresses, where the metadata service is"
    } else if cidr.network().octets()[0] == 0 || cidr.network().octets()[0] >= 224 {
        "these are not addresses of single machines"
    } else {
        return Ok(());
    };
    Err(RangeError::Cidr { cidr, reason })
}

/// All usable addresses but the gateway.
pub fn default_pools(cidr: Ipv4Net, gateway: Option<Ipv4Addr>) -> Vec<Pool> {
    let (first, last) = usable(cidr);
    let Some(gateway) = gateway else {
        return vec![Pool {
            start: first,
            end: last,
        }];
    };
    let at = u32::from(gateway);
    let below = Pool {
        start: first,
        end: at.saturating_sub(1).into(),
    };
    let above = Pool {
        start: at.saturating_add(1).into(),
        end: last,
    };
    [below, above]
        .into_iter()
        .filter(|pool| pool.start <= pool.end)
        .collect()
}

/// Succeeds if gateway and pools belong to the range and do not get in each other's way.
pub fn check_pools(
    cidr: Ipv4Net,
    gateway: Option<Ipv4Addr>,
    pools: &[Pool],
) -> Result<(), RangeError> {
    if let Some(gateway) = gateway
        && !is_usable(cidr, gateway)
    {
        return Err(RangeError::Gateway { gateway, cidr });
    }
    for (at, &pool) in pools.iter().enumerate() {
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

/// Whether two ranges have addresses in common.
pub fn overlap(one: Ipv4Net, other: Ipv4Net) -> bool {
    one.contains(&other.network()) || other.contains(&one.network())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn net(text: &str) -> Ipv4Net {
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
        let gateway = |last: u8| Some(Ipv4Addr::new(10, 0, 0, last));
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
        let gateway = Some(Ipv4Addr::new(10, 0, 0, 1));
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
        ] {
            assert_eq!(check_cidr(net(cidr)).is_ok(), valid, "{cidr}");
        }
    }

    proptest! {
        #[test]
        fn default_pools_are_valid_and_cover_all_but_the_gateway(base in 0x0a00_0000u32..0x0aff_ff00, prefix in 20u8..=30, offset in any::<u32>()) {
            let cidr = Ipv4Net::new(base.into(), prefix).unwrap().trunc();
            let (first, last) = usable(cidr);
            let count = u32::from(last) - u32::from(first) + 1;
            let gateway = Ipv4Addr::from(u32::from(first) + offset % count);
            let pools = default_pools(cidr, Some(gateway));
            prop_assert!(check_pools(cidr, Some(gateway), &pools).is_ok());
            prop_assert_eq!(pools.iter().map(|pool| pool.size()).sum::<u64>(), u64::from(count) - 1);
        }

        #[test]
        fn overlap_is_what_a_common_address_is(a in 0u32..64, p in 26u8..=30, b in 0u32..64, q in 26u8..=30) {
            let one = Ipv4Net::new((0x0a00_0000 + a).into(), p).unwrap().trunc();
            let other = Ipv4Net::new((0x0a00_0000 + b).into(), q).unwrap().trunc();
            let common = (0..64u32).map(|at| Ipv4Addr::from(0x0a00_0000 + at)).any(|address| one.contains(&address) && other.contains(&address));
            prop_assert_eq!(overlap(one, other), common);
        }
    }
}
