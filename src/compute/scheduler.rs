//! Where a server goes: filters say which hosts may have it, weighers which of those is best. Pure: values in, values out.
//!
//! **Theory.** [`select`] asks every configured filter about every host and stops at a host's first refusal; the hosts that
//! remain are weighed. Each weigher's raw values are normalized to 0 (worst host) … 1 (best host), multiplied by the
//! configured factor and summed. The best host is chosen, the next ones are alternates for when its claim is lost to
//! somebody else. Equal hosts are put in an order that depends on the request, so that several control processes do not
//! all run to the same one.
//!
//! **Explanation.** A filter answers with a [`Refusal`], which borrows and allocates nothing. Only [`explain`] turns
//! refusals into text, for a bounded number of hosts, and only when no host is found does it look for the smallest change
//! that would find one ([`suggest`]).
//!
//! **Invariants.** The chosen host passes every filter. A further host never makes a request fail that would have found
//! a host. What is suggested, if done, finds a host.
//!
//! What the scheduler reads may be stale when it decides; the ledger's claim has the last word.

mod capability;
mod explain;
mod filter;
mod host;
mod query;
mod refusal;
mod request;
mod rules;
mod select;
mod suggest;
mod weigher;

pub use explain::{Decision, FilterVerdict, HostVerdict, RefusedBy, Weight, explain};
pub use filter::Filter;
pub use host::HostState;
pub use query::{Condition, NoCondition};
pub use refusal::{Quantity, Refusal};
pub use request::{FlavorSize, Group, Held, Request};
pub use rules::{Isolation, Rules, UnknownName};
pub use select::{Selection, select};
pub use suggest::{Change, Suggestion, suggest};
pub use weigher::Weigher;

#[cfg(test)]
mod tests;
