//! The depot: how nodes get bytes from a control process, and give it some.
//!
//! A node may share no file with any control process, and it opens no port. So whatever is too large for a message goes over
//! the HTTP API, which the node dials: an image's bytes (`GET`, with ranges), a snapshot's (`PATCH`, which appends), and the
//! serial line of a guest (a websocket to the very process that has the user's). The message that asks for it carries a
//! [`rpc::Pass`]: where to dial, the fingerprint of the certificate there if it speaks TLS, and a ticket.
//!
//! A **ticket** ([`model`]) is an HMAC over the rule of the route, the id in its path and a time; the key is the database's,
//! so that any control process takes what another one issued. Nothing else opens these routes, no token of any user does;
//! the guard of the API looks at it before the handler runs. A ticket is in no log: it travels in a header, and what holds
//! it shows nothing of it.
//!
//! [`desk`] is the control process's side, [`dial`] the node's. Services have the routes themselves.
//!
//! Rejected: a port on every node (to be opened, secured and known); shared storage for images alone (nobody has it on the
//! first day); bytes through the broker (it keeps what it carries in memory).

mod desk;
pub mod dial;
pub mod model;
pub mod ops;
pub mod pin;
pub mod rpc;
mod store;

pub use desk::{Desk, Line, Visit};
