//! Protocols above IP, by the names that Neutron knows and by number.

use std::fmt;
use std::str::FromStr;

/// Neutron's names, and the IANA's numbers. Where a number has two names, both are understood.
const NAMES: [(&str, u8); 24] = [
    ("ah", 51),
    ("dccp", 33),
    ("egp", 8),
    ("esp", 50),
    ("gre", 47),
    ("hopopt", 0),
    ("icmp", 1),
    ("icmpv6", 58),
    ("igmp", 2),
    ("ipip", 4),
    ("ipv6-encap", 41),
    ("ipv6-frag", 44),
    ("ipv6-icmp", 58),
    ("ipv6-nonxt", 59),
    ("ipv6-opts", 60),
    ("ipv6-route", 43),
    ("ospf", 89),
    ("pgm", 113),
    ("rsvp", 46),
    ("sctp", 132),
    ("tcp", 6),
    ("udp", 17),
    ("udplite", 136),
    ("vrrp", 112),
];
const ICMP: u8 = 1;
const ICMPV6: u8 = 58;
/// Those that have ports: DCCP, SCTP, TCP, UDP, UDP-Lite.
const WITH_PORTS: [u8; 5] = [33, 132, 6, 17, 136];
/// Those that there are over IPv6 only.
const IPV6_ONLY: [u8; 6] = [41, 44, ICMPV6, 59, 60, 43];

/// A protocol, written as it was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Protocol {
    written: String,
    number: u8,
}

impl Protocol {
    /// Its number over IPv6 or IPv4: `icmp` means the one that belongs to it.
    pub fn number(&self, ipv6: bool) -> u8 {
        if ipv6 && self.number == ICMP {
            ICMPV6
        } else {
            self.number
        }
    }

    /// Whether it can be over IPv6, or IPv4.
    pub fn fits(&self, ipv6: bool) -> bool {
        ipv6 || !IPV6_ONLY.contains(&self.number)
    }

    /// Whether it has types and codes.
    pub fn is_icmp(&self) -> bool {
        matches!(self.number, ICMP | ICMPV6)
    }

    /// Whether it has ports.
    pub fn has_ports(&self) -> bool {
        WITH_PORTS.contains(&self.number)
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written)
    }
}

impl FromStr for Protocol {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let written = text.to_ascii_lowercase();
        let known = NAMES.iter().find(|(name, _)| *name == written);
        let number = match known {
            Some((_, number)) => *number,
            // Digits only: no sign, no blanks.
            None if written.bytes().all(|byte| byte.is_ascii_digit()) => {
                written.parse().map_err(|_| ())?
            }
            None => return Err(()),
        };
        Ok(Self { written, number })
    }
}

/// All names, for people.
pub fn names() -> String {
    NAMES.map(|(name, _)| name).join(", ")
}
