//! OVN as the engine of networks between nodes: what its northbound database shall have, and making it so.
//!
//! Where `network.engine` is `ovn`, networks of tunnels and physical networks are logical switches, routers are logical
//! routers, and security groups are port groups with access control lists. OVN's own daemon on each node carries that out;
//! Skydeck's agent only plugs guests in, each over a bridge of its own where none passes as another, and answers their
//! questions for metadata. Local networks stay as they are: bridges of each node alone.
//!
//! The theory is that of the nodes: level-triggered. [`Want`] is everything that the northbound database shall have, computed
//! from rows ([`switch`], [`dhcp`], [`dns`], [`group`], [`router`]); each row has a key of its own in its `external_ids`, and
//! a row without one is somebody else's and left alone. [`diff`] compares that with what is there and makes one transaction
//! of the difference ([`northbound`]), over OVSDB's protocol ([`ovsdb`], RFC 7047).
//!
//! Invariant: a transaction holds only if the generation that the database says it has is the one that the difference was
//! taken against, so that of two control processes none undoes what the other did with newer rows.
//!
//! What OVN says back is `up` of guests' ports alone: that a chassis has them.
//!
//! Names are Neutron's (`neutron-…`, `lrp-…`, `pg_…`), so that whoever knows OVN under OpenStack finds their way.

mod acl;
mod dhcp;
mod diff;
mod dns;
mod group;
mod northbound;
mod ovsdb;
mod router;
mod rows;
mod switch;
mod tls;
mod want;

pub use northbound::{Missing, Northbound, Outcome};
pub use ovsdb::OvsdbError;
pub use rows::{GatewayHost, Rows};
pub use want::{Key, Value, Want};
